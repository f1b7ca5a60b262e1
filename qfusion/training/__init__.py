"""Training, metrics and checkpoints."""

from qfusion.training import checkpoint, metrics
from qfusion.training.loop import Fit, Progress, Result, fit, prepare, train
from qfusion.training.options import Options, default_options
from qfusion.training.rates import RateSearch, find_rate

__all__ = [
    "Fit",
    "Options",
    "Progress",
    "RateSearch",
    "Result",
    "checkpoint",
    "default_options",
    "find_rate",
    "fit",
    "metrics",
    "prepare",
    "train",
]
