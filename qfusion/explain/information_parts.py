"""Decomposition of the information that sources carry about a target, from samples whose sources have few values.

The parts are those of `partial_information`: redundant, unique to one source, and synergistic. The estimate for
shuffled labels is subtracted from each. The parts are then fitted to the total: negative ones are 0, and the others are
scaled, so that all add up to the total. No part is therefore negative or larger than the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from qfusion.explain import bootstrap
from qfusion.explain.partial_information import union

CLUSTERS, LEARNED, GAUSSIAN = ESTIMATORS = ("clusters", "learned", "Gaussian")
REDUNDANCY, SYNERGY, TOTAL = "redundancy", "synergy", "total"
SHUFFLES = 10


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Decomposition of the information that sources carry about a target, in bits, by one estimator.

    Parts are 0 or more and add up to the total. `low` and `high` of a part are the 2.5 and 97.5 % quantiles over
    resampled rows of what the estimator finds. They are no confidence interval of the part in the data, which small
    models and clusters may miss.

    Attributes:
        estimator: one of `ESTIMATORS`. sources: names, such as the modalities.
        redundancy, synergy, total: redundant, synergistic, and all information. unique: by source. The low end of
            `total` is a lower confidence bound of the information in the data.
        alone: by source, the information of the source by itself, unique or not; its low end is such a bound, too.
        shuffled: mean estimates for shuffled labels, by name, which were subtracted: they bound the bias of few rows in
            many cells from above; of `Gaussian` none.
        gap: the union information may be so many bits smaller, where its search stopped early.
        n: samples. classes: of the target, to which a number was cut by quantiles; 0 where it was left a number.
    """

    estimator: str
    sources: tuple[str, ...]
    redundancy: bootstrap.Interval
    unique: Mapping[str, bootstrap.Interval]
    synergy: bootstrap.Interval
    total: bootstrap.Interval
    shuffled: Mapping[str, float]
    gap: float
    n: int
    classes: int
    alone: Mapping[str, bootstrap.Interval] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, bootstrap.Interval]:
        """Redundancy, unique parts by source, synergy."""
        return {REDUNDANCY: self.redundancy, **self.unique, SYNERGY: self.synergy}

    def frame(self) -> pd.DataFrame:
        """Return one row per part, one for the total, and one for the information of each single source."""
        rows = {REDUNDANCY: (REDUNDANCY, self.redundancy)}
        rows |= {f"unique[{name}]": (name, one) for name, one in self.unique.items()}
        rows |= {SYNERGY: (SYNERGY, self.synergy), TOTAL: (TOTAL, self.total)}
        rows |= {name_alone(name): (name_alone(name), one) for name, one in self.alone.items()}
        records = []
        for part, (key, one) in rows.items():
            record = {
                "estimator": self.estimator,
                "part": part,
                "bits": one.value,
                "low": one.low,
                "high": one.high,
                "shuffled": self.shuffled.get(key, np.nan),
            }
            records.append(record)
        return pd.DataFrame(records)


def name_alone(name: str) -> str:
    """Return the name of the information of a single source by itself."""
    return f"alone[{name}]"


def table(level: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the shares of samples by class and level, (|Y|, |levels|)."""
    result = np.zeros((int(y.max()) + 1, int(level.max()) + 1))
    np.add.at(result, (y, level), 1 / len(y))
    return result


def decompose_levels(
    levels: Mapping[str, np.ndarray],
    joint: np.ndarray | None,
    y: np.ndarray,
    *,
    estimator: str = CLUSTERS,
    clusters: np.ndarray | None = None,
    corrected: bool = True,
) -> Decomposition:
    """Return the decomposition for samples whose sources and target have few values.

    A sample's part is what it adds to a union information (the dual of its search), so that parts are means over
    samples, and resamples draw what these share.

    Args:
        levels: of every source, whole numbers from 0, (n,). joint: levels of what all tell together; the sources'
            combinations unless given. y: classes from 0 without gaps, (n,).
        estimator: what it is called. clusters: see `bootstrap.counts`.
        corrected: whether what shuffled labels give is taken off, those of rows that share something together.
    """
    names = tuple(levels)
    if joint is None:
        joint = np.unique(np.stack(list(levels.values())), axis=1, return_inverse=True)[1].ravel()
    columns, gap = _parts(levels, joint, y)
    rng = np.random.default_rng(0)
    shuffled_means = []
    for _ in range(SHUFFLES if corrected else 0):
        parts, _gap = _parts(levels, joint, shuffle_labels(y, clusters, rng))
        shuffled_means.append({name: part.mean() for name, part in parts.items()})
    shuffled = pd.DataFrame(shuffled_means, columns=list(columns))
    result = {
        name: subtract_shuffled(one, shuffled[name].to_numpy(float)) if corrected else one
        for name, one in bootstrap.means(columns, clusters=clusters).items()
    }
    result = fit_to_total(result, names)
    alone = {name: result[name_alone(name)] for name in names}
    shuffled_bits = {str(name): float(bits) for name, bits in shuffled.mean().items()}
    return Decomposition(
        estimator,
        names,
        result[REDUNDANCY],
        {name: result[name] for name in names},
        result[SYNERGY],
        result[TOTAL],
        shuffled_bits,
        gap,
        len(y),
        int(y.max()) + 1,
        alone,
    )


def fit_to_total(
    estimates: Mapping[str, bootstrap.Interval], sources: Sequence[str]
) -> dict[str, bootstrap.Interval]:
    """Return estimates whose parts are 0 or more and add up to the total. Negative values become 0, and the other parts
    are scaled. Ranges move with their values and are cut at 0.

    Args:
        estimates: of the total, of each part, and of each source alone. The parts add up to the total.
        sources: names of the sources.
    """
    total = max(0.0, estimates[TOTAL].value)
    positive = {part: max(0.0, estimates[part].value) for part in (REDUNDANCY, *sources, SYNERGY)}
    whole = sum(positive.values())
    scale = total / whole if whole > 0 else 0.0
    values = {TOTAL: total} | {part: scale * value for part, value in positive.items()}
    for name in sources:
        alone = estimates[name_alone(name)].value
        if len(sources) == 2:
            alone = values[REDUNDANCY] + values[name]
        values[name_alone(name)] = min(max(0.0, alone), total)
    return {name: _move(estimates[name], value) for name, value in values.items()}


def _move(one: bootstrap.Interval, value: float) -> bootstrap.Interval:
    """Return an estimate with another value, with its range moved as far and cut at 0."""
    shift = value - one.value
    low, high = np.maximum([one.low + shift, one.high + shift], 0)
    return replace(one, value=float(value), low=float(low), high=float(high))


def shuffle_labels(
    y: np.ndarray, clusters: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """Return the labels shuffled over rows. Labels of rows that share something move together, because rows of a
    video, for example, are alike in more than the target. Labels within such a group are shuffled too, because every
    group may have the same labels in the same order. If rows share several things, the one with the fewest groups is
    used.
    """
    if clusters is None:
        return rng.permutation(y)
    known, place = min(
        (np.unique(column, return_inverse=True) for column in np.asarray(clusters).T),
        key=lambda one: len(one[0]),
    )
    by_group = np.argsort(place, kind="stable")
    by_other_group = np.lexsort((rng.random(len(y)), rng.permutation(len(known))[place]))
    result = np.empty_like(y)
    result[by_group] = y[by_other_group]
    return result


def subtract_shuffled(one: bootstrap.Interval, shuffled: np.ndarray) -> bootstrap.Interval:
    """Return an estimate minus the mean of the values for shuffled labels. Its range is widened by the 95% spread of
    these values: near 0, a mean over samples does not reflect how much the table itself could vary.
    """
    spread = 1.96 * shuffled.std(ddof=1)
    value = one.value - shuffled.mean()
    below = float(np.hypot(one.low - one.value, spread))
    above = float(np.hypot(one.high - one.value, spread))
    return replace(one, value=value, low=value - below, high=value + above)


def _parts(
    levels: Mapping[str, np.ndarray], joint: np.ndarray, y: np.ndarray
) -> tuple[dict[str, np.ndarray], float]:
    """Return the bits of every sample by part, which average to the decomposition, and the largest gap of a search."""
    names = list(levels)
    tables = {name: table(level, y) for name, level in levels.items()}

    def union_bits(sources: Sequence[str]) -> tuple[np.ndarray, float]:
        bound = union([tables[name] for name in sources])
        return bound.pointwise([levels[name] for name in sources], y), bound.gap

    whole, gap = union_bits(names)
    unique = {}
    for name in names:
        rest, rest_gap = union_bits([other for other in names if other != name])
        unique[name] = whole - rest
        gap = max(gap, rest_gap)
    total = union([table(joint, y)]).pointwise([joint], y)
    alone = {name_alone(name): union_bits([name])[0] for name in names}
    redundancy = whole - np.sum(list(unique.values()), axis=0)
    parts = {REDUNDANCY: redundancy, **unique, SYNERGY: total - whole, TOTAL: total, **alone}
    return {name: part.round(12) for name, part in parts.items()}, gap  # no 1e-17 for 0


def pointwise(levels: Sequence[np.ndarray], joint: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Return the information of two sources about each sample's target, in bits: redundancy, unique 1, unique 2 and
    synergy, one row per sample.

    Of a sample, i_m = log p(y | x_m) / p(y) = h(x_m) - h(x_m | y) with surprises h; what both tell is taken as the
    least surprise less the least surprise given y (Finn and Lizier 2018), as LSMI does with estimated densities (Yang
    and others, ICML 2025). Parts of single samples may be negative: sources may mislead.

    Args:
        levels: of the two sources, (n,) each. joint: levels of what they tell together, (n,). y: classes, (n,).
    """
    tables = [table(level, y) for level in levels]
    plain = [-np.log2(t.sum(0)[level]) for t, level in zip(tables, levels, strict=True)]
    given = [-np.log2(t[y, level] / t.sum(1)[y]) for t, level in zip(tables, levels, strict=True)]
    redundancy = np.minimum(*plain) - np.minimum(*given)
    first, second = (h - k - redundancy for h, k in zip(plain, given, strict=True))
    return pd.DataFrame(
        {
            "redundancy": redundancy,
            "unique 1": first,
            "unique 2": second,
            "synergy": union([table(joint, y)]).pointwise([joint], y) - redundancy - first - second,
        }
    )


def more_bits(
    more: np.ndarray, fewer: np.ndarray, y: np.ndarray, clusters: np.ndarray | None = None
) -> bootstrap.Interval:
    """Return by how many bits some levels are more informative about the target than others, minus the value for
    shuffled labels. The correction is needed because many levels appear more informative than few. The value may be
    negative.

    Args:
        more, fewer: levels, (n,) each. y: classes, (n,). clusters: see `bootstrap.counts`.
    """

    def difference(of: np.ndarray) -> np.ndarray:
        first, second = (
            union([table(level, of)]).pointwise([level], of) for level in (more, fewer)
        )
        return first - second

    rng = np.random.default_rng(0)
    shuffled = [difference(shuffle_labels(y, clusters, rng)).mean() for _ in range(SHUFFLES)]
    return subtract_shuffled(bootstrap.mean(difference(y), clusters=clusters), np.array(shuffled))
