"""Ends of intervals: of values whose resamples are known, of shares, and of differences of two shares.

Resamples of few units vary less than a mean does, and normally, not as Student's t; the levels at which their values
are read account for both (Hesterberg 2015, The American Statistician 69, 371). Resamples of outcomes hold none that the
samples lack, so that shares near 0 or 1 need formulas.
"""

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from qfusion._checks import check

LEVEL = 0.95
EDGES = (1 - LEVEL) / 2, (1 + LEVEL) / 2  # between which values lie in 95 of 100 cases


def edges(units: int) -> tuple[float, float]:
    """Return the shares of resamples of so many units that lie below the ends of a percentile interval of the level.

    Args:
        units: see `bootstrap.independent_units`.
    """
    high = float(ndtr(_reach(units)))
    return 1 - high, high


def _reach(units: int) -> float:
    """Return how many standard deviations of resamples reach from a mean to each end."""
    return float((units / (units - 1)) ** 0.5 * stdtrit(units - 1, EDGES[1]))


def accelerated_ends(
    value: float, drawn: np.ndarray, left_out: np.ndarray, units: int
) -> tuple[float, float]:
    """Return both ends of the bias-corrected and accelerated interval of a value (Efron and Tibshirani 1993, An
    Introduction to the Bootstrap, chapter 14).

    Args:
        drawn: values of resamples, (r,), finite. left_out: values without one unit or one group of them, (g,).
        units: see `bootstrap.independent_units`.
    """
    below = ((drawn < value).sum() + (drawn == value).sum() / 2) / len(drawn)
    bias = float(ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn))))
    pulls = np.where(np.isfinite(left_out), left_out, value)
    pulls = pulls.mean() - pulls
    size = float((pulls**2).sum()) ** 1.5
    acceleration = float((pulls**3).sum()) / (6 * size) if size > 0 else 0.0
    levels = []
    for z in (bias - _reach(units), bias + _reach(units)):
        left = 1 - acceleration * z
        levels.append(float(ndtr(bias + z / left)) if left > 0 else float(z > 0))
    low, high = np.quantile(drawn, levels)
    return float(low), float(high)


def wilson(hits: float, count: float, reach: float = 0.0) -> tuple[float, float]:
    """Return both ends of the score interval of a share (Wilson 1927, Journal of the American Statistical Association
    22, 209).

    Args:
        hits: of them. count: trials, above 0; of samples that are not independent, as many as would say as much, see
            `bootstrap.effective_size`. reach: standard errors to each side; by default those of a normal interval.

    Raises:
        InvalidInput: when there are no trials, or more hits than trials.
    """
    check(
        0 <= hits <= count and count > 0,
        f"Argument `hits` must lie between 0 and `count`, which is above 0, but they are {hits} and {count}.",
    )
    z = reach or float(ndtri(EDGES[1]))
    share = hits / count
    more = z * z / count
    middle = (share + more / 2) / (1 + more)
    half = z / (1 + more) * (share * (1 - share) / count + more / (4 * count)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def bonett_price(up: float, down: float, count: float, reach: float = 0.0) -> tuple[float, float]:
    """Return both ends of the interval of the difference of two shares of the same samples (Bonett and Price
    2012, Journal of Educational and Behavioral Statistics 37, 479).

    Args:
        up, down: samples that count for the first alone, and for the second alone. count, reach: see `wilson`.
    """
    z = reach or float(ndtri(EDGES[1]))
    middle = (up - down) / (count + 2)
    half = z * max(0.0, (up + down + 2) / (count + 2) - middle**2) ** 0.5 / (count + 2) ** 0.5
    return max(-1.0, middle - half), min(1.0, middle + half)
