"""Models compared over training seeds: intervals of means, paired tests, and their correction for many comparisons.

Runs of one seed share the order of the rows, so differences are taken seed by seed. Intervals and tests count the
spread over seeds, not that over test samples: another test set may order the models differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from qfusion._checks import check, require_finite

LEVEL = 0.95
METHOD = "paired t-test over seeds, two-sided, Holm's correction over a model's rivals"


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
        return {key: None if not np.isfinite(value) else float(f"{value:.6g}") for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Paired:
    """A difference over seeds.

    Attributes:
        difference: mean of ours - theirs. error: its standard error. low, high: its 95 % t-interval. p: of the paired
            t-test.
        holm: p after the correction for the other rivals; p itself when there is one.
    """

    difference: float
    error: float
    low: float
    high: float
    p: float
    holm: float
    n: int

    record = Mean.record


def mean(values: Sequence[float]) -> Mean:
    """Returns the mean over seeds with its t-interval.

    Raises:
        InvalidInput: when there is no value, or one is not finite.
    """
    found = _finite(values)
    n, centre = len(found), float(found.mean())
    if n == 1:
        return Mean(centre, np.nan, np.nan, np.nan, np.nan, 1)
    std = float(found.std(ddof=1))
    error = std / n**0.5
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * error
    return Mean(centre, std, error, centre - reach, centre + reach, n)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Paired:
    """Returns the difference of two models over the same seeds.

    Raises:
        InvalidInput: when there are not two seeds or more, the same for both, or a value is not finite.
    """
    a, b = _finite(ours), _finite(theirs)
    check(len(a) == len(b) >= 2,
          f"A paired test needs the same two seeds or more of both models, but has {len(a)} and {len(b)}.")
    of = mean(a - b)
    if of.error == 0:  # the same difference in every run
        p = 1.0 if of.mean == 0 else 0.0
    else:
        p = float(2 * stats.t.sf(abs(of.mean) / of.error, of.n - 1))
    return Paired(of.mean, of.error, of.low, of.high, p, p, of.n)


def against(ours: Sequence[float], rivals: Mapping[str, Sequence[float]]) -> dict[str, Paired]:
    """Returns the differences to all rivals, p-values corrected together; arguments and errors as for `paired`."""
    found = {name: paired(ours, values) for name, values in rivals.items()}
    corrected = holm([pair.p for pair in found.values()])
    return {name: Paired(**{**asdict(pair), "holm": p})
            for (name, pair), p in zip(found.items(), corrected, strict=True)}


def holm(p: Sequence[float]) -> list[float]:
    """Returns p-values after Holm's step-down correction (Holm 1979), in the order given: the chance of any false alarm
    among them."""
    order, found, so_far = np.argsort(np.asarray(p, dtype=float), kind="stable"), [0.0] * len(p), 0.0
    for rank, place in enumerate(order.tolist()):
        so_far = max(so_far, min(1.0, (len(p) - rank) * float(p[place])))
        found[place] = so_far
    return found


def spread_ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Returns the ratio of two standard deviations over seeds and the p-value of the Brown-Forsythe test that they are
    equal.

    Raises:
        InvalidInput: when either has fewer than three runs, or a value is not finite.
    """
    a, b = _finite(ours), _finite(theirs)
    check(min(len(a), len(b)) >= 3,
          f"A test of spreads needs three runs or more of both models, but has {len(a)} and {len(b)}.")
    below = float(b.std(ddof=1))
    same = a.std() == 0 and below == 0
    p = 1.0 if same else float(stats.levene(a, b, center="median").pvalue)
    return (1.0 if same else float(a.std(ddof=1)) / below if below else np.inf), p


def _finite(values: Sequence[float]) -> np.ndarray:
    found = np.asarray(list(values), dtype=float)
    check(found.ndim == 1 and len(found) > 0, "Argument `values` must hold a number for each run, but is empty.")
    require_finite("values", found)
    return found
