"""Which piece of a model causes a decision: states of modalities, gate groups, terms of the generator."""
