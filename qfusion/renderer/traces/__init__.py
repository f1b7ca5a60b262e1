"""The marks of each kind of trace: where they stand, and how they are drawn."""
