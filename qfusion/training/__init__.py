"""Training, metrics and checkpoints."""

from qfusion.training import checkpoint, metrics
from qfusion.training.loop import Options, Progress, Result, default_options, train

__all__ = ["Options", "Progress", "Result", "checkpoint", "default_options", "metrics", "train"]
