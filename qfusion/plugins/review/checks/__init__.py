"""The ten checks of a reviewer: a model and its reported figures on a data set, see `run.review_model`."""
