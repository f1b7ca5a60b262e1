"""Systems that stand beside ours in the literature, each a file: what its source says, what of it is our reading."""
