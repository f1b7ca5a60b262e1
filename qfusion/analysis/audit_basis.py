"""What a data set's test rows can tell: metric, clusters and the metric of the best constant answer."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qfusion.analysis import joint_gains, paired
from qfusion.data import DataSet
from qfusion.data.coalition_terms import split_term
from qfusion.training import metrics

ABOVE = 3.0  # standard errors above the best constant answer that a seed must reach to have learned
SHARES = ("accuracy", "acc2_non0", "acc2")  # metrics that are shares of right rows


def main_metric(dataset: DataSet) -> tuple[str, metrics.Label]:
    """Return the metric in which differences are measured, the first of the data's convention, and its label."""
    return next(iter(joint_gains.metric_labels(dataset).items()))


def row_values(dataset: DataSet, scores: np.ndarray) -> list[float | None]:
    """Return the contribution of each test row to the metric of `main_metric`, whose mean over rows is the metric. It
    is 1 for a correct row and 0 for a wrong one, or the absolute error of the row. It is None for a row that does not
    count.

    Args:
        scores: of the test rows, (N, C).
    """
    metric = main_metric(dataset)[0]
    truth = dataset.y[dataset.rows("test")]
    if metric == "accuracy":
        return [int(right) for right in scores.argmax(1) == truth]
    score = scores[:, 0]
    if metric not in SHARES:
        return [float(error) for error in np.abs(score - truth)]
    right = (score.astype(np.float32) > 0) == (truth.astype(np.float32) > 0)
    counts = np.ones(len(truth), bool) if metric == "acc2" else truth != 0
    return [int(one) if counted else None for one, counted in zip(right, counts, strict=True)]


@dataclass(frozen=True, eq=False)
class EvaluationBasis:
    """Evidence that a data set's test rows can provide.

    Attributes:
        metric: of `main_metric`. label: how that is shown.
        clusters: of the rows that count, whole numbers (N, k); None where rows share nothing.
        count: of them, N. effective: how many count as independent.
        chance: the metric of the best constant answer. joint: whether the known truth of the data has joint terms.
    """

    metric: str
    label: metrics.Label
    clusters: np.ndarray | None
    count: int
    effective: float
    chance: float
    joint: bool

    @property
    def sign(self) -> int:
        """1 where more of the metric is better, else -1."""
        return 1 if self.label.higher_is_better else -1

    def error(self, value: float) -> float:
        """Return how far a value of the metric is from the best one, which is 1, or 0 of errors."""
        return 1 - value if self.label.higher_is_better else value

    def learned(self, value: float) -> bool:
        """Whether a value is above chance by more than rows scatter; of other metrics than shares, above it at all."""
        scatter = (
            math.sqrt(self.chance * (1 - self.chance) / self.count)
            if self.metric in SHARES
            else 0.0
        )
        return bool(self.sign * (value - self.chance) > ABOVE * scatter)


def evaluation_basis(dataset: DataSet) -> EvaluationBasis:
    """Return the evidence that a data set's test rows can provide."""
    metric, label = main_metric(dataset)
    rows = dataset.rows("test")
    if metric == "acc2_non0":
        rows = rows[dataset.y[rows] != 0]
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[rows]
    sign = 1 if label.higher_is_better else -1
    chance = sign * max(sign * value for value in _constants(dataset, metric))
    truth = dataset.truth
    joint = [] if truth is None else [term for term in truth.columns if len(split_term(term)) > 1]
    return EvaluationBasis(
        metric,
        label,
        clusters,
        len(rows),
        paired.effective_rows(len(rows), clusters),
        chance,
        truth is not None and bool((truth[joint].abs() > 1e-9).any().any()),
    )


def _constants(dataset: DataSet, metric: str) -> Iterable[float]:
    """The metric of the test rows for answers that are the same for all rows."""
    rows = dataset.rows("test")
    if dataset.target.classes:
        answers = np.eye(len(dataset.target.classes))
    else:
        answers = np.quantile(dataset.y[rows], np.linspace(0, 1, 21))[:, None]
    for answer in answers:
        yield metrics.row_metrics(dataset, rows, np.repeat(answer[None], len(rows), 0))[metric]
