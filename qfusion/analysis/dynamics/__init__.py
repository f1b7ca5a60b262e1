"""One sample under a model and its tweaks: evolution, what built it, what cuts and changes do."""
