"""Samples worth opening first, chosen by their verdicts. Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace


@dataclass(frozen=True)
class Example:
    """A sample and why it is shown: `kind` is a key of `WHY`."""

    kind: str
    sample: str
    why: str


WHY = {
    "agreement": "Every modality pulls the same way: the largest smallest single-modality term.",
    "conflict": "Two modalities pull against each other: the largest pair of opposite single-modality terms.",
    "synergy": "Joint terms are at least half of the size of all: those that add up to most.",
    "dominance": "One modality outweighs all others together: the largest own term.",
}
RELATION = {
    "agreement": "agreement",
    "conflict": "conflict",
    "synergy": "joint",
    "dominance": "dominance",
}
NAMES = RELATION | {"synergy": "joint decision"}  # as they are called
COUNT = 3  # samples that are shown
BEYOND = " None of the better-predicted half does, so this one is of all test samples."


@memo(8, says="Splitting the decisions on the test samples, once …")
def find(work: Workspace, split: str = "test") -> list[Example]:
    """The best agreement, conflict and joint decision of a split, a dominance in place of one that it has not: each is
    what its verdict says. Of the better-predicted half, so that none misleads, where that has one.

    Of classes, the predicted one's score counts.
    """
    rows = np.intersect1d(work.dataset.rows(split), work.bulk)
    sizes = np.array([len(term.split("+")) if term else 0 for term in work.coalitions])
    dividends = work.bulk_dividends()[np.isin(work.bulk, rows)]
    errors = work.errors[rows]
    relation = work.bulk_verdicts().relation[np.isin(work.bulk, rows)]
    found: list[Example] = []
    for kind, score in _scores(dividends[:, sizes == 1], dividends[:, sizes > 1]).items():
        inside = (relation == RELATION[kind]) & (score > 0)
        if len(found) == COUNT or not inside.any():
            continue
        near = inside & (errors <= np.median(errors))
        best = int(np.argmax(np.where(near if near.any() else inside, score, -np.inf)))
        found.append(
            Example(
                kind, str(work.dataset.ids[rows[best]]), WHY[kind] + ("" if near.any() else BEYOND)
            )
        )
    return found


def _scores(single: np.ndarray, joint: np.ndarray) -> dict[str, np.ndarray]:
    """How telling each row is of its kind; single (N, M), joint (N, 2^M - M - 1)."""
    same = (single > 0).all(1) | (single < 0).all(1)
    opposed = np.minimum(np.maximum(single.max(1), 0), np.maximum(-single.min(1), 0))
    return {
        "agreement": np.where(same, np.abs(single).min(1), 0.0),
        "conflict": opposed,
        "synergy": np.abs(joint.sum(1)),
        "dominance": np.abs(single).max(1),
    }
