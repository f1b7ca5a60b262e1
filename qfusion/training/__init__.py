"""One training: batches, losses, the loop, metrics, checkpoints, and imports of trained models. Trainings in separate
processes are in `runs`."""

from qfusion._lazy import modules
from qfusion.training import checkpoint, metrics
from qfusion.training.loop import Fit, Progress, Result, fit, prepare, train
from qfusion.training.options import Options, default_options
from qfusion.training.rate_search import RateSearch, find_rate

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

__getattr__ = modules(__name__, __path__)
