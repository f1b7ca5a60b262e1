"""Rank coalitions by the mean size of their contributions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.explain import bootstrap
from qfusion.models import coalition_algebra
from qfusion.quantum import decomposition


class Lead(StrEnum):
    """Whether one coalition contributes most."""

    UNKNOWN = "too few samples"
    FIRST = "first coalition"
    NO_DIFFERENCE = "no significant difference"  # to the rival that is least certainly behind


@dataclass(frozen=True, eq=False)
class Ranking:
    """Coalitions of some samples by the mean size of their contributions.

    Attributes:
        sizes, means: mean size of the dividend, and mean dividend with its sign, by coalition, the largest size first.
        pairs: mean Shapley interaction index of any two modalities, by the name of their coalition.
        ahead: the coalition whose gap to the first is least certain, with the gap; None of a single one.
    """

    sizes: dict[str, bootstrap.Interval]
    means: dict[str, bootstrap.Interval]
    pairs: dict[str, bootstrap.Interval]
    ahead: tuple[str, bootstrap.Interval] | None

    @property
    def lead(self) -> Lead:
        """Whether the first coalition contributes more than every other one."""
        if not next(iter(self.sizes.values())).known:
            return Lead.UNKNOWN
        if self.ahead is None or self.ahead[1].low > 0:
            return Lead.FIRST
        return Lead.NO_DIFFERENCE

    def frame(self) -> pd.DataFrame:
        """Return a table with one row per coalition."""
        return bootstrap.interval_frame("coalition", size=self.sizes, mean=self.means)


def ranking(
    dividends: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    clusters: np.ndarray | None = None,
) -> Ranking:
    """Return the coalitions of samples by the mean size of their contributions.

    Args:
        dividends: of one output, (B,), by coalition but the empty one, in the order of `subsets`.
        modalities: names. clusters: see `bootstrap.counts`.

    Raises:
        InvalidInput: when there are no samples.
    """
    names = list(dividends)
    M = len(modalities)
    values = np.stack([np.asarray(dividends[name], dtype=float) for name in names], -1)
    check(
        len(values) > 0, "There is no sample whose coalitions could be ranked. Loosen the filter."
    )
    size = np.abs(values)
    order = [names[i] for i in np.argsort(-size.mean(0), kind="stable")]
    index = coalition_algebra.interaction(np.pad(values, ((0, 0), (1, 0)))[..., None], M)[..., 0]
    first, *rivals = order
    columns = {}
    for i, name in enumerate(names):
        columns[f"size {name}"] = size[:, i]
        columns[f"mean {name}"] = values[:, i]
    pair_names = {}
    for i, j in combinations(range(M), 2):
        columns[f"pair {i} {j}"] = index[:, i, j]
        pair_names[f"pair {i} {j}"] = decomposition.subset_name((i, j), modalities)
    for name in rivals:
        columns[f"ahead {name}"] = columns[f"size {first}"] - columns[f"size {name}"]
    intervals = bootstrap.means(columns, clusters=clusters)
    ahead = {name: intervals[f"ahead {name}"] for name in rivals}
    return Ranking(
        sizes={name: intervals[f"size {name}"] for name in order},
        means={name: intervals[f"mean {name}"] for name in order},
        pairs={name: intervals[column] for column, name in pair_names.items()},
        ahead=bootstrap.least_certain_rival(ahead),
    )
