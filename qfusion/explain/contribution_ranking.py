"""Rank coalitions by the mean size of their contributions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.explain import bootstrap
from qfusion.models import games
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
    names, M = list(dividends), len(modalities)
    values = np.stack([np.asarray(dividends[name], dtype=float) for name in names], -1)
    check(
        len(values) > 0, "There is no sample whose coalitions could be ranked. Loosen the filter."
    )
    size = np.abs(values)
    order = [names[i] for i in np.argsort(-size.mean(0), kind="stable")]
    index = games.interaction(np.pad(values, ((0, 0), (1, 0)))[..., None], M)[..., 0]
    both = list(combinations(range(M), 2))
    columns = {
        **{f"size {name}": size[:, i] for i, name in enumerate(names)},
        **{f"mean {name}": values[:, i] for i, name in enumerate(names)},
        **{f"pair {i} {j}": index[:, i, j] for i, j in both},
    }
    columns |= {
        f"ahead {name}": columns[f"size {order[0]}"] - columns[f"size {name}"] for name in order[1:]
    }
    known = bootstrap.means(columns, clusters=clusters)
    return Ranking(
        {name: known[f"size {name}"] for name in order},
        {name: known[f"mean {name}"] for name in order},
        {
            decomposition.subset_name(pair, modalities): known["pair {} {}".format(*pair)]
            for pair in both
        },
        bootstrap.least_certain_rival({name: known[f"ahead {name}"] for name in order[1:]}),
    )
