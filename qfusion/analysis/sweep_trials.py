"""What the Sweeps page knows of sweeps: trials as a table, what matters, what words of a form mean. Free of streamlit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion.runs import sweep as sweeps
from qfusion.runs.sweep import Attempt, Sweep
from qfusion.training import metrics

ENOUGH = 8  # finished trials from which importance is worked out


@dataclass(frozen=True)
class Trials:
    """The trials of a sweep that have a value, as figures take them.

    Attributes:
        numbers, values, pruned: of each, (n,). tried: by setting, (n,).
        logarithmic: settings whose range is searched over its logarithm.
        best: place of the best finished trial, -1 when there is none.
    """

    numbers: list[int]
    values: np.ndarray
    pruned: np.ndarray
    tried: dict[str, list[Any]]
    logarithmic: tuple[str, ...]
    best: int

    @property
    def finished(self) -> np.ndarray:
        """Places of the finished trials."""
        return np.flatnonzero(~self.pruned)


def of(sweep: Sweep, attempts: Sequence[Attempt], best: Attempt | None) -> Trials:
    """Returns the trials of a sweep that have ended with a value."""
    ended = [a for a in attempts if a.state in (sweeps.FINISHED, sweeps.PRUNED) and a.value is not None and math.isfinite(a.value)]
    space = sweep.search.space
    return Trials([a.number for a in ended], np.array([a.value for a in ended], dtype=float),
                  np.array([a.state == sweeps.PRUNED for a in ended], dtype=bool),
                  {key: [_shown(value) if "choices" in entry else value for value in (a.tried.get(key) for a in ended)]
                   for key, entry in space.items()},
                  tuple(key for key, entry in space.items() if entry.get("log")),
                  next((place for place, a in enumerate(ended) if best is not None and a.number == best.number), -1))


def importance(sweep: Sweep) -> dict[str, float]:
    """Returns which share of the differences between finished trials each setting explains (fANOVA, Hutter and others 2014, ICML).

    Empty with fewer than ENOUGH finished trials, with one setting, or where it is not defined.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    finished = [a for a in sweep.attempts() if a.state == sweeps.FINISHED]
    if len(finished) < ENOUGH or len(sweep.search.space) < 2 or len({a.value for a in finished}) < 2:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = get_param_importances(sweep.study, evaluator=FanovaImportanceEvaluator(seed=0))
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}
    return {key: float(share) for key, share in found.items()} if all(math.isfinite(share) for share in found.values()) else {}


def table(sweep: Sweep, attempts: Sequence[Attempt]) -> pd.DataFrame:
    """Returns a row a trial, the best first, then those stopped early, then the others."""
    order = {sweeps.FINISHED: 0, sweeps.PRUNED: 1, sweeps.RUNNING: 2, sweeps.WAITING: 3, sweeps.FAILED: 4}
    sign = 1 if sweep.search.direction == "minimize" else -1
    ranked = sorted(attempts, key=lambda a: (order[a.state], sign * (a.value if a.value is not None else 0.0), a.number))
    return pd.DataFrame([{"trial": a.number, judged(sweep): a.value, **{key: _shown(a.tried.get(key)) for key in sweep.search.space},
                          "epochs": len(a.history), "seconds": round(a.seconds, 1), "state": STATES[a.state], "seed": a.seed,
                          "message": a.message} for a in ranked])


STATES = {sweeps.FINISHED: "finished", sweeps.PRUNED: "stopped early", sweeps.RUNNING: "training", sweeps.WAITING: "waiting",
          sweeps.FAILED: "failed"}


def judged(sweep: Sweep) -> str:
    """Returns what the trials are judged by, for axes."""
    name = sweep.search.metric
    return "validation loss" if name == "loss" else f"validation {metrics.describe[name].short}"


def ranges(rows: Mapping[str, tuple[float, float, bool]]) -> list[str]:
    """Returns `--range` words of settings with their ends and whether they are logarithmic."""
    return [f"{key}={_number(low)}:{_number(high)}{':log' if log else ''}" for key, (low, high, log) in rows.items()]


def span(default: float, low: float, high: float) -> tuple[float, float, bool]:
    """Returns a range to begin with around a setting's default: low, high, logarithmic."""
    if default > 0 and high / max(low, 1e-12) > 100:
        return max(low, default / 4), min(high, default * 4), True
    return low, min(high, max(4 * abs(default), low + 1)), False


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _shown(value: Any) -> Any:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
