"""The trials of a sweep as a table, the importance of its settings, and the ranges of a new one."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from qfusion import data
from qfusion._checks import check
from qfusion.errors import default_on_error
from qfusion.plugins.sweeps import sweep_storage, sweeps
from qfusion.training import metrics

ENOUGH = 8  # finished trials from which importance is computed


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of a sweep as they stood, and those of them that have a value as figures take them.

    Attributes:
        sweep: whose they are. attempts: all of them, in order. best: the best finished one, None when there is none.
        numbers, values, pruned: of those with a value, (n,). tried: by setting, (n,).
        logarithmic: settings whose range is searched over its logarithm.
    """

    sweep: sweeps.Sweep
    attempts: Sequence[sweeps.Attempt]
    best: sweeps.Attempt | None
    numbers: list[int]
    values: np.ndarray
    pruned: np.ndarray
    tried: dict[str, list[Any]]
    logarithmic: tuple[str, ...]

    @property
    def place(self) -> int:
        """Index of the best trial among those with a value, or -1 if there is none."""
        return (
            self.numbers.index(self.best.number)
            if self.best is not None and self.best.number in self.numbers
            else -1
        )

    @property
    def finished(self) -> np.ndarray:
        """Places of the finished trials."""
        return np.flatnonzero(~self.pruned)

    @property
    def metric_title(self) -> str:
        """Name of the quantity that the trials are judged by, for axes."""
        name = self.sweep.search.metric
        return (
            "validation loss"
            if name == "loss"
            else f"validation {metrics.label(name, self._convention).short}"
        )

    @cached_property
    @default_on_error("")
    def _convention(self) -> str:
        """Convention of the data's metrics, or an empty string if the data are not available."""
        return data.load(self.sweep.search.data).target.convention

    @property
    def smaller(self) -> bool:
        """Whether smaller values are better."""
        return self.sweep.search.direction == "minimize"

    @cached_property
    def importance(self) -> dict[str, float]:
        """Share of the differences between finished trials that each setting explains (fANOVA, Hutter and others
        2014, ICML). It is empty with fewer than ENOUGH finished trials, with one setting, or if it is not defined.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        values = [a.value for a in self.attempts if a.state == sweeps.FINISHED]
        if len(values) < ENOUGH or len(self.sweep.search.space) < 2 or len(set(values)) < 2:
            return {}
        try:
            with warnings.catch_warnings(action="ignore"):
                shares = get_param_importances(
                    self.sweep.study, evaluator=FanovaImportanceEvaluator(seed=0)
                )
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}
        return (
            {key: float(s) for key, s in shares.items()}
            if all(map(math.isfinite, shares.values()))
            else {}
        )

    def table(self) -> pd.DataFrame:
        """Return a table with one row per trial: the best first, then those stopped early, then the others."""
        states = list(STATES)
        sign = 1 if self.smaller else -1

        def rank(attempt: sweeps.Attempt) -> tuple[int, float, int]:
            return states.index(attempt.state), sign * (attempt.value or 0.0), attempt.number

        return pd.DataFrame([self._row(attempt) for attempt in sorted(self.attempts, key=rank)])

    def _row(self, attempt: sweeps.Attempt) -> dict[str, Any]:
        """Return a trial as a row of `table`."""
        settings = {key: _format_value(attempt.tried.get(key)) for key in self.sweep.search.space}
        return {
            "trial": attempt.number,
            self.metric_title: attempt.value,
            **settings,
            "epochs": len(attempt.history),
            "seconds": round(attempt.seconds, 1),
            "state": STATES[attempt.state],
            "seed": attempt.seed,
            "message": attempt.message,
        }


def collect_trials(sweep: sweeps.Sweep) -> Trials:
    """Return the trials of a sweep as they stand now."""
    attempts = sweep.attempts()
    ended = [attempt for attempt in attempts if _has_value(attempt)]
    tried: dict[str, list[Any]] = {}
    logarithmic = []
    for key, entry in sweep.search.space.items():
        values = [attempt.tried.get(key) for attempt in ended]
        tried[key] = [_format_value(value) for value in values] if "choices" in entry else values
        if entry.get("log"):
            logarithmic.append(key)
    return Trials(
        sweep,
        attempts,
        best=sweep.best(),
        numbers=[attempt.number for attempt in ended],
        values=np.array([attempt.value for attempt in ended], dtype=float),
        pruned=np.array([attempt.state == sweeps.PRUNED for attempt in ended], dtype=bool),
        tried=tried,
        logarithmic=tuple(logarithmic),
    )


def _has_value(attempt: sweeps.Attempt) -> bool:
    """Return whether a trial has ended with a finite value."""
    if attempt.state not in (sweeps.FINISHED, sweeps.PRUNED) or attempt.value is None:
        return False
    return math.isfinite(attempt.value)


def open_trials(name: str = "") -> Trials:
    """Return the trials of a sweep by its name. The default is the sweep that was changed last.

    Raises:
        NotFound, InvalidInput: when there is no such sweep, or none at all.
        IntegrityError: when what is kept of it is damaged.
    """
    known = sweep_storage.sweep_names()
    check(bool(name or known), "There is no sweep yet. Begin one with `python -m qfusion sweep`.")
    return collect_trials(sweeps.find(name or known[0]))


STATES = {
    sweeps.FINISHED: "finished",
    sweeps.PRUNED: "stopped early",
    sweeps.RUNNING: "training",
    sweeps.WAITING: "waiting",
    sweeps.FAILED: "failed",
}


def ranges(rows: Mapping[str, tuple[float, float, bool]]) -> list[str]:
    """Return `--range` words of settings with their ends and whether they are logarithmic."""
    return [
        f"{key}={_number(low)}:{_number(high)}{':log' if log else ''}"
        for key, (low, high, log) in rows.items()
    ]


def span(default: float, low: float, high: float) -> tuple[float, float, bool]:
    """Return a range to begin with around a setting's default: low, high, logarithmic."""
    if default > 0 and high / max(low, 1e-12) > 100:
        return max(low, default / 4), min(high, default * 4), True
    return low, min(high, max(4 * abs(default), low + 1)), False


def _number(value: float) -> str:
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )


def _format_value(value: Any) -> str:
    """Return a setting as text; empty for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
