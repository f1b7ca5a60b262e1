"""Random subsets of samples for measurements that take long on all of them.

`measured=all` in a link asks for all samples; pages then measure them in the background, see `jobs.begin_job`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfusion.analysis.jobs import Job, begin_job

SAMPLES = DRAWN, ALL = ("drawn", "all")
SEED = 0


def drawn_places(n: int, most: int, few: int, everyone: bool = False) -> np.ndarray:
    """Return which of n samples are measured, ascending: all of them, or `few` drawn at random if there are more
    than `most` and `everyone` is not set.
    """
    if everyone or n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, min(few, n), replace=False))


def thin_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of some rows, spread evenly over them, in their order."""
    if len(rows) <= count:
        return rows
    places = np.linspace(0, len(rows) - 1, count).round().astype(int)
    return rows[np.unique(places)]


# floating-point operations up to which the refinement begins unasked: some minutes of one core
AUTO = 1e12


def begin_refinement(study: Any, asker: str) -> Job:
    """Return the job that refines a study, begun by this or an earlier call. Its result is the study against all rows,
    with its explanation computed.

    Args:
        study: one of which `is_sampled` holds.
        asker: who wants it, as of `begin_job`.
    """
    exact = study.with_all_rows()

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_job(study.memo_key(), explained, len(exact.explained_rows), asker)
