"""Information that sources carry about a target, decomposed to unique, redundant and synergistic parts.

The parts are those of `information_parts`: redundant, unique to one source, and synergistic. The estimate for
shuffled labels is subtracted from each. The parts are then fitted to the total: negative ones are 0, and the others are
scaled, so that all add up to the total. No part is therefore negative or larger than the total.

Partial information decomposition of a distribution of few values, and the union information of a table.

The redundancy of two sources is that of Bertschinger and others (2014, BROJA). The union information is the least
information about the target in any distribution that keeps the information of each source alone,

    I_union = min_Q I_Q(Y; X_1 ... X_M)   where Q(y, x_m) = P(y, x_m) for every m.

It is defined for more sources, too (Griffith and Koch 2014), and determines the other parts: synergy is the total
information beyond it, the unique information of a source is its decrease when the source is left out, and redundancy is
the rest. CCS and I_min are computed by the library dit. dit's optimiser for BROJA stopped up to .01 bits above the
minimum in our tests, so BROJA is computed here by alternating minimisation with a certificate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_finite
from qfusion._lazy import load
from qfusion.explain import bootstrap

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


MEASURES = BROJA, CCS, I_MIN = ("BROJA", "CCS", "I_min")


def exact(p: np.ndarray, measure: str = BROJA, names: Sequence[str] = ()) -> dict[str, float]:
    """Return the partial information of every node of the lattice of two or three sources, in bits.

    Nodes are called by what tells the same: "a|b" is redundant, "a" unique, "a+b" synergistic; of three "a|b+c" is what
    a alone and b with c tell alike (Williams and Beer 2010, arXiv 1004.2515).

    Args:
        p: probabilities of the sources and, on the last axis, the target: (|X_1|, ..., |X_M|, |Y|).
        measure: "BROJA" (Bertschinger and others 2014; two sources), "CCS" (Ince 2017) or "I_min" (Williams and Beer
            2010).
        names: of the sources; a, b, c unless told.

    Raises:
        NotFound: when there is no such measure.
        InvalidInput: when `p` is no distribution of two or three sources, or BROJA is asked of three.

    Example:
        >>> xor = np.zeros((2, 2, 2))
        >>> xor[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] = 0.25
        >>> round(exact(xor)["a+b"], 6)
        1.0
    """
    choose("Measure", measure, MEASURES)
    p = np.asarray(p, dtype=float)
    M = p.ndim - 1
    check(
        M == 2 or (M == 3 and measure != BROJA),
        f"Measure {measure} decomposes {'two' if measure == BROJA else 'two or three'} sources, but `p` has {M}. "
        "Decompose one source against the rest.",
    )
    require_finite("p", p)
    check(
        bool((p >= 0).all()) and bool(np.isclose(p.sum(), 1)),
        f"Argument `p` must hold probabilities that add up to 1, but adds up to {p.sum():.3g}. Divide by the sum.",
    )
    names = list(names) or list("abc"[:M])
    if measure == BROJA:
        joint = p[..., p.sum((0, 1)) > 0].reshape(-1, int((p.sum((0, 1)) > 0).sum())).T
        alone = [p.sum(1 - m).T[p.sum((0, 1)) > 0] for m in range(2)]
        both, one, two = (
            union(parts, 1e-9, 50_000).bits for parts in (alone, alone[:1], alone[1:])
        )
        return {
            "|".join(names): one + two - both,
            names[0]: both - two,
            names[1]: both - one,
            "+".join(names): union([joint]).bits - both,
        }
    dit = load("dit")  # takes seconds
    load("dit.pid")
    distribution = dit.Distribution(
        [tuple(map(int, cell)) for cell in np.argwhere(p > 0)], p[p > 0].tolist()
    )
    decompose = dit.pid.PID_CCS if measure == CCS else dit.pid.PID_WB
    lattice = decompose(distribution, [[m] for m in range(M)], [M])
    return {
        "|".join(
            "+".join(names[m] for m in sorted(part)) for part in sorted(node, key=sorted)
        ): float(lattice[node])
        for node in lattice._lattice
    }


@dataclass(frozen=True, eq=False)
class Union:
    """The union information of sources about a target.

    Attributes:
        bits: an estimate of it, where the search stopped.
        gap: it is at most so many bits below; what is proved, mostly far less.
        potentials: a source, (|Y|, |X_m|): what its values add to the bits of a sample; they average to `bits`.
    """

    bits: float
    gap: float
    potentials: tuple[np.ndarray, ...]

    def pointwise(self, levels: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
        """Return the information, in bits, of samples (n,) whose sources have these levels."""
        return np.sum(
            [u[y, level] for u, level in zip(self.potentials, levels, strict=True)], axis=0
        )


def union(tables: Sequence[np.ndarray], tolerance: float = 1e-4, most: int = 2000) -> Union:
    """Return the union information of sources of which only the relation of each single one to the target is known.

    Minimises I_Q over Q with the given tables by turns: R is the mean of Q(x | y) over y, then Q(x | y) the projection
    of R on the tables' conditionals, by iterative proportional fitting (Banerjee, Rauh and Montufar 2018, whose
    divergences these are). Scalings a_m(y, x_m) of the projection are dual: where no x has
    sum_y p(y) prod_m a_m(y, x_m) above c, I_union >= sum p(y, x_m) log a_m - log c. The sum is returned, and the
    bound tells its error.

    Args:
        tables: P(y, x_m) of every source, (|Y|, |X_m|), with the same P(y), none of it 0.
        tolerance: of the gap, in bits, at which it stops, or where ten rounds change less than a hundredth of it.
        most: rounds after which it stops, too.
    """
    p = tables[0].sum(1)
    known = [table / p[:, None] for table in tables]
    M, rounds = len(known), 1 if len(tables) == 1 else most
    across = [tuple(1 + k for k in range(M) if k != m) for m in range(M)]

    def spread(a: np.ndarray, m: int) -> np.ndarray:
        return a.reshape(len(p), *(-1 if k == m else 1 for k in range(M)))

    def product(parts: Sequence[np.ndarray]) -> np.ndarray:
        whole = spread(parts[0], 0)
        for m in range(1, M):
            whole = whole * spread(parts[m], m)
        return whole

    R = np.tensordot(p, product(known), 1)
    scales = [np.divide(k, p @ k, out=np.zeros_like(k), where=k > 0) for k in known]
    bits, bound, logs = np.inf, 0.0, scales
    for turn in range(rounds):
        for m in range(M):
            shares = (product(scales) * R).sum(across[m])
            scales[m] = np.divide(
                scales[m] * known[m], shares, out=np.zeros_like(shares), where=shares > 0
            )
        ratio = np.tensordot(p, product(scales), 1)
        if turn % 10 == 0 or turn == rounds - 1:
            logs = [np.log2(np.where(k > 0, a, 1.0)) for k, a in zip(known, scales, strict=True)]
            last = bits
            bits = sum(float((t * u).sum()) for t, u in zip(tables, logs, strict=True))
            bound = max(bound, bits - max(0.0, float(np.log2(ratio.max()))))
            if bits - bound < tolerance or abs(last - bits) < tolerance / 100:
                break
        R = np.maximum(R * ratio, 1e-60)  # what has become 0 could not grow again
    return Union(bits, max(0.0, bits - bound), tuple(logs))
