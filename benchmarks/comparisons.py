"""Models compared over training seeds: intervals of means, paired tests, bounds on differences that were not found,
tests pooled over data sets, and the correction for many comparisons.

Runs of one seed share the order of the rows, so differences are taken seed by seed. Intervals and tests count the
spread over seeds, not that over test samples: another test set may order the models differently. For intervals over
samples see qfusion.explain.stability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy

from qfusion._checks import check, require_finite
from qfusion.analysis.paired import holm

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


@dataclass(frozen=True)
class Pooled:
    """Tests of one question on several data sets, taken together.

    Attributes:
        z: Stouffer's. p: two-sided. tests: how many. up: how many of them point up.
    """

    z: float
    p: float
    tests: int
    up: int


def stouffer(
    p: Sequence[float], signs: Sequence[float], weights: Sequence[float] | None = None
) -> Pooled:
    """Returns independent two-sided tests pooled by Stouffer's method (Stouffer and others 1949, volume 1; weights:
    Lipták 1958): z = sum w_i z_i / sqrt(sum w_i^2), where z_i has the sign of the effect and the size that p_i gives.

    Args:
        p: two-sided p-values. signs: of the effects; what is 0 counts as z = 0.
        weights: above 0, such as the square roots of the numbers of runs; all alike unless told.

    Raises:
        InvalidInput: when there is no test, the lengths differ, or a p-value is not in 0..1.
    """
    values, up = np.asarray(p, dtype=float), np.sign(np.asarray(signs, dtype=float))
    w = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    check(
        0 < len(values) == len(up) == len(w),
        f"Arguments `p`, `signs` and `weights` must have one length of 1 or more, but have {len(values)}, {len(up)} "
        f"and {len(w)}.",
    )
    check(
        bool(((values >= 0) & (values <= 1)).all()),
        f"Argument `p` must lie in 0..1, but holds {values.tolist()}.",
    )
    z = up * scipy.stats.norm.isf(np.maximum(values, 1e-300) / 2)
    pooled = float((w * z).sum() / np.sqrt((w**2).sum()))
    return Pooled(
        pooled, float(2 * scipy.stats.norm.sf(abs(pooled))), len(values), int((up > 0).sum())
    )


def against(ours: Sequence[float], rivals: Mapping[str, Sequence[float]]) -> dict[str, Paired]:
    """Returns the differences to all rivals, p-values corrected together; arguments and errors as for `paired`."""
    result = {name: paired(ours, values) for name, values in rivals.items()}
    corrected = holm([pair.p for pair in result.values()])
    return {
        name: Paired(**{**asdict(pair), "holm": p})
        for (name, pair), p in zip(result.items(), corrected, strict=True)
    }


def spread_ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Returns the ratio of two standard deviations over seeds and the p-value of the Brown-Forsythe test that they are
    equal.

    Raises:
        InvalidInput: when either has fewer than three runs, or a value is not finite.
    """
    a, b = _finite(ours), _finite(theirs)
    check(
        min(len(a), len(b)) >= 3,
        f"A test of spreads needs three runs or more of both models, but has {len(a)} and {len(b)}.",
    )
    below = float(b.std(ddof=1))
    same = a.std() == 0 and below == 0
    p = 1.0 if same else float(scipy.stats.levene(a, b, center="median").pvalue)
    return (1.0 if same else float(a.std(ddof=1)) / below if below else np.inf), p


def _finite(values: Sequence[float]) -> np.ndarray:
    result = np.asarray(list(values), dtype=float)
    check(
        result.ndim == 1 and len(result) > 0,
        "Argument `values` must hold a number for each run, but is empty.",
    )
    require_finite("values", result)
    return result
