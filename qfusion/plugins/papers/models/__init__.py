"""Models from the literature that are nearest to ours, one file each, with the source and our reading of it."""
