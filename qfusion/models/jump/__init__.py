"""QiNN-QJ: states, evolution, terms of the generator, and Lindblad systems that are given."""
