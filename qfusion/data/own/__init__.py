"""A visitor's own samples: what was sent, and samples beside those of a set."""
