"""Many samples drawn: a map of all, slices of them, the nearest to one, some side by side."""
