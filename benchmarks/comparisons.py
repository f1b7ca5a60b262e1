"""Models compared over training seeds: intervals of means, paired tests, bounds on differences that were not found,
effects over data sets, and the correction for many comparisons.

Runs of one seed share the order of the rows, so differences are taken seed by seed. `paired` counts the spread over
seeds, not that over test rows: another test set may order the models differently; `qfusion.plugins.why.evidence` has
intervals that count both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy

from qfusion._checks import check, require_finite
from qfusion.plugins.why.evidence import Evidence, holm

LEVEL, ALPHA = 0.95, 0.05
METHOD = (
    "paired t-test over seeds, two-sided; beside the raw p the one after Holm's correction over a model's rivals "
    "on that data set; bound: the smallest margin within which two one-sided tests at 5 % place the difference"
)


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Attributes:
        mean: over n runs. std: their standard deviation (ddof 1). error: std / sqrt(n). low, high: 95 % t-interval of
            the mean. Of a single run everything but `mean` is NaN.
    """

    mean: float
    std: float
    error: float
    low: float
    high: float
    n: int

    def record(self) -> dict[str, float | None]:
        """Returns the numbers for JSON, None where there is none."""
        return {
            key: None if not np.isfinite(value) else float(f"{value:.6g}")
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Paired:
    """A difference over seeds.

    Attributes:
        difference: mean of ours - theirs. error: its standard error. low, high: its 95 % t-interval. p: of the paired
            t-test.
        holm: p after the correction for the other rivals; p itself when there is one.
        bound: how far apart the two can be at most: the larger end, in size, of the 90 % t-interval. Two one-sided
            tests at 5 % call them equivalent within every larger margin (Schuirmann 1987).
    """

    difference: float
    error: float
    low: float
    high: float
    p: float
    holm: float
    n: int
    bound: float

    record = Mean.record


def mean_interval(values: Sequence[float]) -> Mean:
    """Returns the mean over seeds with its t-interval.

    Raises:
        InvalidInput: when there is no value, or one is not finite.
    """
    result = _finite(values)
    n, centre = len(result), float(result.mean())
    if n == 1:
        return Mean(centre, np.nan, np.nan, np.nan, np.nan, 1)
    std = float(result.std(ddof=1))
    error = std / n**0.5
    reach = float(scipy.stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * error
    return Mean(centre, std, error, centre - reach, centre + reach, n)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Paired:
    """Returns the difference of two models over the same seeds.

    Raises:
        InvalidInput: when there are not two seeds or more, the same for both, or a value is not finite.
    """
    a, b = _finite(ours), _finite(theirs)
    check(
        len(a) == len(b) >= 2,
        f"A paired test needs the same two seeds or more of both models, but has {len(a)} and {len(b)}.",
    )
    of = mean_interval(a - b)
    if of.error == 0:  # the same difference in every run
        p = 1.0 if of.mean == 0 else 0.0
    else:
        p = float(2 * scipy.stats.t.sf(abs(of.mean) / of.error, of.n - 1))
    reach = float(scipy.stats.t.ppf(1 - ALPHA, of.n - 1)) * of.error
    return Paired(of.mean, of.error, of.low, of.high, p, p, of.n, abs(of.mean) + reach)


def equivalence(ours: Sequence[float], theirs: Sequence[float], margin: float) -> float:
    """Returns the p-value of two one-sided paired t-tests (Schuirmann 1987): the larger of those that the difference is
    not above -margin and not below +margin. Below 0.05 exactly where `margin` exceeds `Paired.bound`.

    Args:
        ours, theirs: see `paired`. margin: the largest difference that would not matter, above 0.

    Raises:
        InvalidInput: as of `paired`, and when the margin is not positive.
    """
    check(
        margin > 0,
        f"Argument `margin` must be above 0, but is {margin}. Name the largest difference that would "
        "not matter.",
    )
    pair = paired(ours, theirs)
    if pair.error == 0:
        return 0.0 if abs(pair.difference) < margin else 1.0
    return float(scipy.stats.t.sf((margin - abs(pair.difference)) / pair.error, pair.n - 1))


def against(ours: Sequence[float], rivals: Mapping[str, Sequence[float]]) -> dict[str, Paired]:
    """Returns the differences to all rivals, p-values corrected together; arguments and errors as for `paired`."""
    result = {name: paired(ours, values) for name, values in rivals.items()}
    corrected = holm([pair.p for pair in result.values()])
    return {
        name: Paired(**{**asdict(pair), "holm": p})
        for (name, pair), p in zip(result.items(), corrected, strict=True)
    }


def _finite(values: Sequence[float]) -> np.ndarray:
    result = np.asarray(list(values), dtype=float)
    check(
        result.ndim == 1 and len(result) > 0,
        "Argument `values` must hold a number for each run, but is empty.",
    )
    require_finite("values", result)
    return result


def jackknife_difference(
    ours: Sequence[float], theirs: Sequence[float], statistic: Callable[[np.ndarray], float]
) -> Evidence:
    """Returns the difference of a statistic of two models' runs over the same seeds, with the jackknife's error over
    seeds. Runs that all gave the same result are runs like others: their spread is 0.

    Args:
        ours, theirs: a number of each seed. statistic: of an array of such numbers.

    Raises:
        InvalidInput: when there are not three seeds or more, the same for both, or a value is not finite.
    """
    a, b = _finite(ours), _finite(theirs)
    n = len(a)
    check(
        n == len(b) >= 3,
        f"A jackknife needs the same three seeds or more of both, but has {n} and {len(b)}.",
    )
    left = np.array([statistic(np.delete(a, i)) - statistic(np.delete(b, i)) for i in range(n)])
    error = np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    return Evidence(statistic(a) - statistic(b), float(error), n - 1)


def mean_evidence(parts: Sequence[Evidence]) -> Evidence:
    """Returns the unweighted mean of independent differences, its degrees of freedom after Welch and Satterthwaite.

    Raises:
        InvalidInput: when there is none.
    """
    check(len(parts) > 0, "Argument `parts` must hold one difference or more, but is empty.")
    n = len(parts)
    variances = [part.error**2 / n**2 for part in parts]
    whole = sum(variances)
    spread = sum(v**2 / part.freedom for v, part in zip(variances, parts, strict=True))
    freedom = whole**2 / spread if spread > 0 else min(part.freedom for part in parts)
    return Evidence(sum(part.mean for part in parts) / n, whole**0.5, freedom)
