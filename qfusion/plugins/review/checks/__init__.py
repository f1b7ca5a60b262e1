"""The ten checks of a reviewer: a model and its reported figures on a data set, see `review.run.review_model`."""
