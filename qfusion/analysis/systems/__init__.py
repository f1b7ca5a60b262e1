"""A model on a data set, for each kind of model."""
