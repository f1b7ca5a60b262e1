"""Compare sampled synergy with the exact dividends of pairs.

F_syn = v(ab) - v(a) - v(b) + v(0) against K rows of the background is what an estimator of synergistic faithfulness has
for the dividend of a pair (after arXiv 2605.22168, of which the abstract alone was read). Against all rows it is that
dividend.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qfusion.explain import bootstrap, coalitions
from qfusion.quantum import decomposition


def synergies(
    exact: coalitions.Explanation, sampled: Sequence[coalitions.Explanation], outputs: np.ndarray
) -> pd.DataFrame:
    """Return the agreement of F_syn with the exact dividends, one row per pair. A row has the mean and the lowest of
    the correlations over samples that the draws have, and the root mean square error divided by the root mean square of
    the exact dividend. A value is NaN if that dividend is 0 or constant.

    Args:
        exact: of B samples. sampled: of the same, each against K rows. outputs: which is explained, (B,).
    """
    M = len(exact.modalities)
    at = np.arange(len(exact.values))
    ones, rows = np.ones((1, len(at))), []
    for place in (place for place, S in enumerate(decomposition.subsets(M)) if len(S) == 2):
        truth, *draws = (one.dividends[at, place, outputs] for one in (exact, *sampled))
        with np.errstate(invalid="ignore"):
            r = [float(bootstrap.pearson(draw, truth, ones)[0]) for draw in draws]
        size = float((truth**2).mean())
        error = float(((np.array(draws) - truth) ** 2).mean())
        relative_error = np.nan
        if size > 1e-24:
            relative_error = (error / size) ** 0.5
        rows.append(
            {
                "pair": exact.coalitions[place],
                "rows": sampled[0].background_size,
                "draws": len(draws),
                "correlation": float(np.mean(r)),
                "lowest": min(r),
                "relative error": relative_error,
            }
        )
    return pd.DataFrame(rows)
