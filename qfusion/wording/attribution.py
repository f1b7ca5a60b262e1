"""Where attributions within a modality start."""

# By name of the baseline.
BASELINES: dict[str, str] = {
    "mean": "the training mean of every feature",
    "zero": "zero in every feature",
    "sample": "the features of another sample",
}
