"""A model's own terms beside people's labels of single modalities."""
