"""Samples to open first, chosen by their verdicts."""

from dataclasses import dataclass

import numpy as np

from qfusion._memory_cache import memo
from qfusion.analysis.shipped_results import shipped
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task


@dataclass(frozen=True)
class Example:
    """A sample that shows a relation between modalities.

    Attributes:
        kind: a key of `RELATION`. sample: its id.
        is_clear: whether it is a clear decision of the better-predicted half.
    """

    kind: str
    sample: str
    is_clear: bool


RELATION = {
    "agreement": "agreement",
    "conflict": "conflict",
    "synergy": "joint",
    "dominance": "dominance",
}
EXAMPLE_NAMES = RELATION | {"synergy": "joint decision"}  # as they are called
EXAMPLES = 3  # samples that are shown
CLEAR = np.log(3)  # log-odds from which a class is clearly decided: softmax .75


@memo(8, task=Task.SPLIT_DECISIONS, ready=shipped(list[Example]))
def find_examples(study: Study, split: str = "test") -> list[Example]:
    """Return the best agreement, conflict and joint decision of a split, with a dominance in place of one that the
    split lacks. Each sample has the corresponding verdict. If possible, it is a clear decision of the better-predicted
    half, so that no example misleads.

    Of classes, the log-odds of the one decided for count.
    """
    rows = np.intersect1d(study.dataset.rows(split), study.explained_rows)
    sizes = np.array([len(term.split("+")) if term else 0 for term in study.coalitions])
    inside_split = np.isin(study.explained_rows, rows)
    dividends = study.explained_dividends()[inside_split]
    errors = study.errors[rows]
    judged = study.explained_verdicts()
    relation, is_open = judged.relation[inside_split], judged.is_open[inside_split]
    good = decides_clearly(study, rows) & ~is_open
    if study.has_truth:
        good &= errors <= np.median(errors)
    examples: list[Example] = []
    for kind, score in _scores(dividends[:, sizes == 1], dividends[:, sizes > 1]).items():
        inside = (relation == RELATION[kind]) & (score > 0)
        if len(examples) == EXAMPLES or not inside.any():
            continue
        clear = inside & good
        is_clear = bool(clear.any())
        candidates = clear if is_clear else inside
        best = int(np.argmax(np.where(candidates, score, -np.inf)))
        examples.append(Example(kind, str(study.dataset.ids[rows[best]]), is_clear))
    return examples


def decides_clearly(study: Study, rows: np.ndarray) -> np.ndarray:
    """Whether samples are decided with a margin: a class by `CLEAR` against the next one, a regression by more than a
    quarter of all samples are, (n,)."""
    scores = study.logits(study.scores[rows])
    if study.classes:
        ordered = np.sort(scores, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] >= CLEAR)
    distances = np.abs(scores[:, 0])
    return np.asarray(distances >= np.quantile(distances, 0.25))


def _scores(single: np.ndarray, joint: np.ndarray) -> dict[str, np.ndarray]:
    """Return how typical each row is of each kind of example, for single terms (N, M) and joint terms (N, 2^M - M -
    1).
    """
    same = (single > 0).all(1) | (single < 0).all(1)
    strongest_for = np.maximum(single.max(1), 0)
    strongest_against = np.maximum(-single.min(1), 0)
    return {
        "agreement": np.where(same, np.abs(single).min(1), 0.0),
        "conflict": np.minimum(strongest_for, strongest_against),
        "synergy": np.abs(joint.sum(1)),
        "dominance": np.abs(single).max(1),
    }
