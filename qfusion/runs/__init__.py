"""Trainings that run in processes of their own, each in a folder that holds all there is to know about it. One training
itself is of `training`."""

from qfusion._lazy import modules
from qfusion.runs import cluster, sweep
from qfusion.runs.folder import STATES, Plan, Run, create, find, home, runs
from qfusion.runs.plans import is_starting, launch, work

__all__ = [
    "STATES",
    "Plan",
    "Run",
    "cluster",
    "create",
    "find",
    "home",
    "is_starting",
    "launch",
    "runs",
    "sweep",
    "work",
]

__getattr__ = modules(__name__, __path__)
