"""How much test rows and training seeds can tell: paired differences of models, their errors, intervals and tests.

A data set's rows limit what they can show, and the gain due to joint terms is measured on them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.data.coalition_terms import split_term
from qfusion.explain import backgrounds
from qfusion.study import metric_gains
from qfusion.study.cache import shipped
from qfusion.study.metric_gains import main_metric
from qfusion.study.study import Study
from qfusion.study.trust import explain_test_rows
from qfusion.training import metrics

# The words of verdicts on claims. By construction: the comparison cannot come out another way.
VERDICTS = SUPPORTED, CONTRADICTED, OPEN, BY_CONSTRUCTION = (
    "supported",
    "contradicted",
    "open",
    "true by construction",
)
CHUNK = 1024  # rows that are compared with all others at once


@dataclass(frozen=True)
class Evidence:
    """Evidence about a mean difference.

    Attributes:
        mean: of the differences. error: its standard error. freedom: its degrees of freedom.
    """

    mean: float
    error: float
    freedom: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the t interval; NaN where the error is not known."""
        reach = float(scipy.special.stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return self.mean - reach, self.mean + reach

    def p_differs(self) -> float:
        """Return the two-sided p-value of a difference of 0."""
        return min(1.0, 2 * self._above(abs(self.mean)))

    def p_more(self, margin: float) -> float:
        """Return the p-value of a difference of `margin` or less, against more."""
        return self._above(self.mean - margin)

    def p_equivalent(self, margin: float) -> float:
        """Return the p-value of a difference of `margin` or more either way: the larger of two one-sided tests
        (Schuirmann 1987)."""
        return self._above(margin - abs(self.mean))

    def _above(self, distance: float) -> float:
        if math.isnan(self.error):
            return 1.0
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(scipy.special.stdtr(self.freedom, -distance / self.error))


def seed_evidence(differences: np.ndarray) -> Evidence:
    """Return the evidence that paired differences (S,) give for new seeds on the same test rows. The error of fewer
    than two differences is NaN.
    """
    S = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(S) if S > 1 else math.nan
    return Evidence(float(differences.mean()), error, max(1, S - 1))


def seed_and_row_evidence(differences: np.ndarray, variance: float, effective: float) -> Evidence:
    """Return the evidence that paired differences give for new seeds and new test rows, with the degrees of freedom of
    Satterthwaite (1946).

    Args:
        differences: (S,). variance: of the mean, from rows. effective: how many rows count as independent.
    """
    seeds = seed_evidence(differences)
    whole = seeds.error**2 + variance
    parts = seeds.error**4 / seeds.freedom + variance**2 / max(1.0, effective - 1)
    freedom = whole**2 / parts if parts > 0 else seeds.freedom
    return Evidence(seeds.mean, math.sqrt(whole), freedom)


def crossed_evidence(
    values: np.ndarray, contributions: np.ndarray, clusters: np.ndarray | None
) -> Evidence:
    """Return the evidence that a quantity, or a paired difference, gives for new seeds and new test rows.

    Args:
        values: by seed, (S,). contributions: of single rows to it, means over seeds, (N,).
        clusters: of the rows, see `effective_rows`.
    """
    variance = variance_over_rows(contributions, clusters)
    return seed_and_row_evidence(values, variance, effective_rows(len(contributions), clusters))


def effective_rows(count: int, clusters: np.ndarray | None) -> float:
    """Return how many of the rows count as independent where rows that share a cluster agree altogether: N^2 over the
    number of ordered pairs of rows that share one, each with itself among them.

    Args:
        count: of rows, N. clusters: whole numbers (N, k), as of `spec.Clusters.numbers`; None where rows share nothing.
    """
    if clusters is None:
        return float(count)
    return count**2 / _sum_within_clusters(np.ones(count), clusters)


def clopper_pearson_margin(effective: float, level: float = 0.95) -> float:
    """Return how far a share of rows may lie from 0 or 1 where all of so many independent rows agree (Clopper and
    Pearson 1934). Their variance is 0, but new rows may differ.
    """
    return float(1 - ((1 - level) / 2) ** (1 / effective))


def variance_over_rows(differences: np.ndarray, clusters: np.ndarray | None) -> float:
    """Return the variance of the mean of differences of rows (N,), each the mean over seeds; of rows that share a
    cluster the products count, too (Cameron, Gelbach and Miller 2011). At least that of independent rows."""
    N = len(differences)
    centred = differences - differences.mean()
    alone = float((centred**2).sum()) / N**2
    return alone if clusters is None else max(alone, _sum_within_clusters(centred, clusters) / N**2)


def bound_over_rows(ours: np.ndarray, theirs: np.ndarray, effective: float) -> float:
    """Return the largest possible variance due to rows of the mean difference of two shares of correct rows, for
    records that have only the shares.

    On a row the difference is -1, 0 or 1. Its square is at most the share of rows on which one of two models is right,
    which is at most that of both models' errors together.

    Args:
        ours, theirs: shares of right rows of the same seeds, (S,). effective: see `effective_rows`.
    """
    either = np.minimum(1 - ours, theirs) + np.minimum(1 - theirs, ours)
    square = max(float(either.mean()) - float((ours - theirs).mean()) ** 2, 0.0)
    return square / effective


def _sum_within_clusters(values: np.ndarray, clusters: np.ndarray) -> float:
    """Return sum v_i v_j over ordered pairs of rows that share a cluster."""
    total = 0.0
    for start in range(0, len(values), CHUNK):
        part = clusters[start : start + CHUNK]
        share = np.zeros((len(part), len(values)), dtype=bool)
        for own in part.T:
            for other in clusters.T:
                share |= own[:, None] == other[None, :]
        total += float(values[start : start + CHUNK] @ (share @ values))
    return total


def p_of_counts(ours: int, theirs: int, of: int) -> float:
    """Return Fisher's exact two-sided p-value of two counts out of as many trials each."""
    check(
        min(ours, theirs) >= 0 and max(ours, theirs) <= of,
        f"Arguments `ours` and `theirs` must lie in 0..{of}, but are {ours} and {theirs}. Count the seeds again.",
    )
    both = ours + theirs
    ways = [
        math.comb(of, k) * math.comb(of, both - k)
        for k in range(max(0, both - of), min(of, both) + 1)
    ]
    seen = math.comb(of, ours) * math.comb(of, theirs)
    return sum(way for way in ways if way <= seen) / sum(ways)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values after Holm's step-down correction (Holm 1979), in the order given: the chance of any false alarm
    among them."""
    order = np.argsort(np.asarray(p, dtype=float), kind="stable").tolist()
    result, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * float(p[place])))
        result[place] = least
    return result


ABOVE = 3.0  # standard errors above the best constant answer that a seed must reach to have learned
SHARES = ("accuracy", "acc2_non0", "acc2")  # metrics that are shares of right rows


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
        effective_rows(len(rows), clusters),
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


@memo(
    16,
    task="Measuring the model without its joint terms …",
    ready=shipped(tuple[backgrounds.ProjectionSummary, backgrounds.Gains]),
)
def remove_joint_terms(
    study: Study, kind: str = backgrounds.EMAP
) -> tuple[backgrounds.ProjectionSummary, backgrounds.Gains]:
    """Return what the scores of the explained test rows without joint terms are taken from, and the gain due to joint
    terms in every metric.

    Args:
        study: a model on its data. kind: of `KINDS`.
    """
    check(
        study.has_truth,
        f"The truth of some samples of '{study.dataset.name}' is not known, so metrics cannot be measured.",
    )
    check(
        study.reads_features or kind == backgrounds.OWN,
        f"'{study.name}' is a measured game, which cannot be evaluated on combinations of samples. Its joint terms are "
        "in its explanations.",
    )
    rows, explanation = explain_test_rows(study)
    if choose("Kind", kind, backgrounds.ADDITIVE_PARTS) == backgrounds.OWN:
        result = backgrounds.own_terms(explanation)
    else:
        is_linear = study.model.algebra.is_linear
        most = len(rows) if is_linear else study.explanation_background.size
        result = backgrounds.emap(study.model, study.inputs(rows), most)
    return result.summary, metric_gains.measure_gains(
        study, rows, result, metric_gains.metric_labels(study.dataset)
    )
