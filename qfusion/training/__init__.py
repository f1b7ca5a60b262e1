"""One training: batches, losses, the loop, metrics, checkpoints, and imports of trained models. Trainings in separate
processes are in `runs`."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.training import checkpoint, metrics
    from qfusion.training.loop import Fit, Progress, Result, fit, prepare, train
    from qfusion.training.options import Options, default_options


__all__ = [
    "Fit",
    "Options",
    "Progress",
    "Result",
    "checkpoint",
    "default_options",
    "fit",
    "metrics",
    "prepare",
    "train",
]

_CONTENTS = {
    "Fit": "qfusion.training.loop",
    "Options": "qfusion.training.options",
    "Progress": "qfusion.training.loop",
    "Result": "qfusion.training.loop",
    "default_options": "qfusion.training.options",
    "fit": "qfusion.training.loop",
    "prepare": "qfusion.training.loop",
    "train": "qfusion.training.loop",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
