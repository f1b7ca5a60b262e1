"""The test samples on which two models differ most, and the terms in which they differ."""

from dataclasses import dataclass

import numpy as np

from qfusion._memory_cache import memo
from qfusion.analysis.compare import Sides
from qfusion.analysis.sample_similarity import COUNT
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task


@dataclass(frozen=True, eq=False)
class Apart:
    """Differences between two models on the same data, both as learned.

    Attributes:
        rows: of the samples, those that differ most first, (n,). differences: (n,), of a regression B less A, of
            classes the total variation of the softmaxes, 0 to 1.
        terms: of each, by how much B's terms are larger than A's: those of the output that is explained, of classes of
            the one that B predicts; none where the models split other terms.
        median: of the sizes of all differences. opposed: on so many of `among` test samples they decide differently,
            by class or by sign.
    """

    rows: np.ndarray
    differences: np.ndarray
    terms: tuple[dict[str, float], ...]
    median: float
    opposed: int
    among: int


def comparable(sides: Sides) -> bool:
    """Whether both decisions are sums of the same terms of a score that means the same."""
    return sides.a.study.coalitions == sides.b.study.coalitions and sides.same_target


def two_models(sides: Sides) -> bool:
    """Whether two models answer the same question on the same data."""
    a, b = sides.a.study, sides.b.study
    return sides.same_target and a.name != b.name and a.dataset.digest == b.dataset.digest


def apart(sides: Sides, count: int = COUNT) -> Apart:
    """Return the test samples on which two models differ most; see `two_models`."""
    return _apart(sides.b.study, sides.a.study, count)


@memo(16, task=Task.COMPARE_MODELS)
def _apart(b: Study, a: Study, count: int) -> Apart:
    rows = b.dataset.rows("test")
    if b.classes:
        differences = np.abs(b.probabilities[rows] - a.probabilities[rows]).sum(1) / 2
        opposed = a.predicted[rows] != b.predicted[rows]
    else:
        differences = b.scores[rows, 0] - a.scores[rows, 0]
        opposed = np.sign(a.scores[rows, 0]) != np.sign(b.scores[rows, 0])
    order = np.argsort(-np.abs(differences), kind="stable")[:count]
    terms = []
    for row in rows[order] if a.coalitions == b.coalitions else ():
        output = int(b.predicted[row]) if b.classes else 0
        mine = a.dividends(row, output)
        other = b.dividends(row, output)
        terms.append({term: value - mine[term] for term, value in other.items()})
    median = float("nan")
    if len(rows):
        median = float(np.median(np.abs(differences)))
    return Apart(
        rows[order],
        differences[order],
        tuple(terms),
        median,
        int(opposed.sum()),
        len(rows),
    )
