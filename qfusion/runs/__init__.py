"""Trainings in separate processes, each with a folder for its state.

One training itself is in `qfusion.training`.
"""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.runs import cluster
    from qfusion.runs.folder import STATES, Plan, Run, create_run, find_run, list_runs, runs_folder
    from qfusion.runs.plans import is_starting, launch_run
    from qfusion.runs.run_training import train_run


__all__ = [
    "STATES",
    "Plan",
    "Run",
    "cluster",
    "create_run",
    "find_run",
    "is_starting",
    "launch_run",
    "list_runs",
    "runs_folder",
    "train_run",
]

_CONTENTS = {
    "Plan": "qfusion.runs.folder",
    "Run": "qfusion.runs.folder",
    "STATES": "qfusion.runs.folder",
    "create_run": "qfusion.runs.folder",
    "find_run": "qfusion.runs.folder",
    "is_starting": "qfusion.runs.plans",
    "launch_run": "qfusion.runs.plans",
    "list_runs": "qfusion.runs.folder",
    "runs_folder": "qfusion.runs.folder",
    "train_run": "qfusion.runs.run_training",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
