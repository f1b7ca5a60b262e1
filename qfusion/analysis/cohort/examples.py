"""Three samples worth opening first, chosen by their dividends. Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace


@dataclass(frozen=True)
class Example:
    """A sample and why it is shown: `kind` is "agreement", "conflict" or "synergy"."""

    kind: str
    sample: str
    why: str


WHY = {"agreement": "Every modality pulls the same way: the largest smallest single-modality term.",
       "conflict": "Two modalities pull against each other: the largest pair of opposite single-modality terms.",
       "synergy": "Much of what decides is said only jointly: large joint terms with a large share of all."}


BEYOND = " None of the better-predicted half does, so this one is of all test samples."
NONE = "No test sample is a case of it; this one stands in its place."


@memo(8, says="Splitting the decisions on the test samples, once …")
def find(work: Workspace, split: str = "test") -> list[Example]:
    """The best agreement, conflict and synergy of a split, among its better-predicted half so that none misleads, where
    it has one.

    Of classes, the predicted one's score counts.
    """
    rows = np.intersect1d(work.dataset.rows(split), work.bulk)
    sizes = np.array([len(term.split("+")) if term else 0 for term in work.coalitions])
    dividends = work.bulk_dividends()[np.isin(work.bulk, rows)]
    errors = work.errors[rows]
    scores = _scores(dividends[:, sizes == 1], dividends[:, sizes > 1])
    taken: list[int] = []
    found = []
    for kind, score in scores.items():
        ranked = np.where(errors <= np.median(errors), score, -np.inf)
        ranked[taken] = -np.inf
        beyond = ranked.max() <= 0 < np.delete(score, taken).max(initial=0)
        if beyond:
            ranked = score.copy()
            ranked[taken] = -np.inf
        best = int(np.argmax(ranked))
        taken.append(best)
        why = WHY[kind] + (BEYOND if beyond else "") if ranked[best] > 0 else NONE
        found.append(Example(kind, str(work.dataset.ids[rows[best]]), why))
    return found


def _scores(single: np.ndarray, joint: np.ndarray) -> dict[str, np.ndarray]:
    """How much each row is an agreement, conflict or synergy; single (N, M), joint (N, 2^M - M - 1)."""
    same = (single > 0).all(1) | (single < 0).all(1)
    agreement = np.where(same, np.abs(single).min(1), 0.0)
    conflict = np.minimum(np.maximum(single.max(1), 0), np.maximum(-single.min(1), 0))
    share = np.abs(joint).sum(1) / (np.abs(joint).sum(1) + np.abs(single).sum(1) + 1e-12)
    synergy = np.abs(joint.sum(1)) * share
    return {"agreement": agreement, "conflict": conflict, "synergy": synergy}
