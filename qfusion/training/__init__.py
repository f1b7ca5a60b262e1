"""Training, metrics and checkpoints."""

from qfusion.training import checkpoint, metrics
from qfusion.training.loop import Fit, Progress, Result, fit, prepare, train
from qfusion.training.options import Options, default_options

__all__ = ["Fit", "Options", "Progress", "Result", "checkpoint", "default_options", "fit", "metrics", "prepare", "train"]
