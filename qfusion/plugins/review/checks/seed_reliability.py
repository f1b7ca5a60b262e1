"""How much of the variation of explanations is due to the samples, and how much to the training seed.

The intraclass correlation ICC(1) of Shrout and Fleiss (1979, Psychological Bulletin 86, 420), pooled over terms: the
part of the variance of contributions between samples. It is 1 where every seed gives each sample the same
contributions, and about 0 where a sample's contributions by two seeds are as different as those of two samples. Terms
count by their variance, so that a small term that is noise does not decide.
"""

import numpy as np

from qfusion._checks import check
from qfusion.explain import bootstrap

POOR, GOOD = 0.5, 0.75  # limits of Koo and Li (2016, Journal of Chiropractic Medicine 15, 155)


def seed_reliability(
    contributions: np.ndarray, clusters: np.ndarray | None = None
) -> bootstrap.Interval:
    """Return the intraclass correlation of contributions over training seeds, with its interval over samples.

    Args:
        contributions: of R seeds, B samples and T terms, (R, B, T), without the baseline.
        clusters: what the samples share, see `bootstrap.counts`.

    Raises:
        InvalidInput: when there are fewer than two seeds or samples.
    """
    R, B, _ = contributions.shape
    check(
        R >= 2 and B >= 2,
        f"Argument `contributions` must hold two seeds and two samples at least, but holds {R} and {B}.",
    )
    means = contributions.mean(0)
    within = contributions.var(0, ddof=1).sum(1)

    def icc(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(-1)
        centre = weights @ means / total[:, None]
        squares = weights @ (means**2).sum(1) - total * (centre**2).sum(1)
        between = R * squares / np.maximum(total - 1, 1)
        noise = weights @ within / total
        spread = between + (R - 1) * noise
        return np.where(spread > 0, (between - noise) / np.where(spread > 0, spread, 1), np.nan)

    return bootstrap.intervals({"icc": icc}, B, bootstrap.RESAMPLES, 0, clusters)["icc"]
