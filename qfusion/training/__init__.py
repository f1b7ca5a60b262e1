"""Training, metrics and checkpoints."""

from qfusion.training import checkpoint, metrics
from qfusion.training.loop import Options, Progress, Result, default_options, fit, train

__all__ = ["Options", "Progress", "Result", "checkpoint", "default_options", "fit", "metrics", "train"]
