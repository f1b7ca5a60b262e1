"""Correlations of a modality removed at a time of the evolution."""
