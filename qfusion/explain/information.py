"""Whether data need fusion, asked before any model is trained: what modalities tell of the target redundantly, uniquely
and only together, in bits, and whether joint models predict it better than late ones.

Exact where a distribution of few values is known (`exact`; CCS and I_min by the library dit, whose optimiser for BROJA
was seen to stop up to .01 bits above the minimum, so that BROJA is worked out here); of features by three estimators,
each with its interval, shown beside each other since they may disagree (`estimate`):

    clusters    k-means clusters of every modality, the plug-in distribution of these and the target (Liang and others
                2023, arXiv 2302.12247), less what shuffled labels give
    learned     levels of what cross-validated classifiers say of the target from every modality, and from all of them
    Gaussian    of a number as target: from the held-out R2 of every modality and of all (Barrett 2015), as if all were
                jointly Gaussian

Clusters and learned levels are functions of the features. No function of a feature tells more of the target than the
feature, so what a modality tells alone, and what all tell in total, are lower bounds: data hold at least so much. The
interval is of what these small models find; its low end alone bounds what the data hold. The parts (redundant, unique,
synergistic) are those of what is found. In the data each may be larger or smaller. benchmarks/why_coverage.py measures
how often the ends hold on distributions that are known.

Of two modalities redundancy is that of Bertschinger and others (2014, BROJA): the union information is the least
information of the target in any distribution that keeps what each modality tells alone,

    I_union = min_Q I_Q(Y; X_1 ... X_M)   where Q(y, x_m) = P(y, x_m) for every m.

It exists for more modalities, too (Griffith and Koch 2014), and all is made of it: synergy is what the whole tells
beyond it, what is unique to a modality is what it takes off where the modality is left out, and redundancy the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd

from qfusion import _sentences
from qfusion._checks import check, choose, require_finite
from qfusion._lazy import load
from qfusion.data import DataSet, shared_content
from qfusion.explain import fusion_baselines, stability

# Exact: a distribution of few values.

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


# The union information of a table, by alternating minimisation with a certificate.


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
            last, bits = bits, sum(float((t * u).sum()) for t, u in zip(tables, logs, strict=True))
            bound = max(bound, bits - max(0.0, float(np.log2(ratio.max()))))
            if bits - bound < tolerance or abs(last - bits) < tolerance / 100:
                break
        R = np.maximum(R * ratio, 1e-60)  # what has become 0 could not grow again
    return Union(bits, max(0.0, bits - bound), tuple(logs))


# From samples: levels of every source and of all together, and the target's classes.

CLUSTERS, LEARNED, GAUSSIAN = ESTIMATORS = ("clusters", "learned", "Gaussian")
REDUNDANCY, SYNERGY, TOTAL = "redundancy", "synergy", "total"
SHUFFLES = 10
QUANTILES = 4  # classes that a number as target is made into
MOST_CELLS = 200_000  # of a table of all sources and the target
MOST_SOURCES = 4  # of more, the one that tells most is decomposed against the rest
REST = "the rest"
VISIBLE = 0.005  # bits: intervals that are nearer than this count as meeting


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Decomposition of the information that sources carry about a target, in bits, by one estimator.

    Attributes:
        estimator: one of `ESTIMATORS`. sources: names, such as the modalities.
        redundancy, synergy, total: redundant, synergistic, and all together. unique: by source. `total` is a lower
            bound of what the data hold; the parts are of what is found.
        alone: by source, what it tells by itself, unique or not: a lower bound, too.
        shuffled: what shuffled labels give for each, by name, already taken off: it bounds the bias of few rows in many
            cells from above; of `Gaussian` none.
        gap: the union information may be so many bits smaller, where its search stopped early.
        n: samples. classes: of the target, to which a number was cut by quantiles; 0 where it was left a number.
    """

    estimator: str
    sources: tuple[str, ...]
    redundancy: stability.Interval
    unique: Mapping[str, stability.Interval]
    synergy: stability.Interval
    total: stability.Interval
    shuffled: Mapping[str, float]
    gap: float
    n: int
    classes: int
    alone: Mapping[str, stability.Interval] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, stability.Interval]:
        """Redundancy, unique parts by source, synergy."""
        return {REDUNDANCY: self.redundancy, **self.unique, SYNERGY: self.synergy}

    def frame(self) -> pd.DataFrame:
        """Return one row per part, one for the total, and one for the information of each single source."""
        rows = {REDUNDANCY: (REDUNDANCY, self.redundancy)}
        rows |= {f"unique[{name}]": (name, one) for name, one in self.unique.items()}
        rows |= {SYNERGY: (SYNERGY, self.synergy), TOTAL: (TOTAL, self.total)}
        rows |= {_alone(name): (_alone(name), one) for name, one in self.alone.items()}
        return pd.DataFrame(
            [
                {
                    "estimator": self.estimator,
                    "part": part,
                    "bits": one.value,
                    "low": one.low,
                    "high": one.high,
                    "shuffled": self.shuffled.get(key, np.nan),
                }
                for part, (key, one) in rows.items()
            ]
        )


def _alone(name: str) -> str:
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
    samples, whose intervals resample what these share. Information is never below 0, so an interval from which shuffled
    labels were taken off reaches 0 at least.

    Args:
        levels: of every source, whole numbers from 0, (n,). joint: levels of what all tell together; the sources'
            combinations unless given. y: classes from 0 without gaps, (n,).
        estimator: what it is called. clusters: see `stability.counts`.
        corrected: whether what shuffled labels give is taken off, those of rows that share something together.
    """
    names = tuple(levels)
    if joint is None:
        joint = np.unique(np.stack(list(levels.values())), axis=1, return_inverse=True)[1].ravel()
    columns, gap = _parts(levels, joint, y)
    rng = np.random.default_rng(0)
    shuffled = pd.DataFrame(
        [
            {
                name: part.mean()
                for name, part in _parts(levels, joint, _shuffle_labels(y, clusters, rng))[
                    0
                ].items()
            }
            for _ in range(SHUFFLES if corrected else 0)
        ],
        columns=list(columns),
    )
    result = {
        name: _less(one, shuffled[name].to_numpy(float)) if corrected else one
        for name, one in stability.means(columns, clusters=clusters).items()
    }
    if corrected:
        may_be_negative = {REDUNDANCY} if len(names) > 2 else set()
        result |= {
            name: replace(one, high=max(one.high, 0.0))
            for name, one in result.items()
            if name not in may_be_negative
        }
    return Decomposition(
        estimator,
        names,
        result[REDUNDANCY],
        {name: result[name] for name in names},
        result[SYNERGY],
        result[TOTAL],
        {str(name): float(bits) for name, bits in shuffled.mean().items()},
        gap,
        len(y),
        int(y.max()) + 1,
        {name: result[_alone(name)] for name in names},
    )


def _shuffle_labels(
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


def _less(one: stability.Interval, shuffled: np.ndarray) -> stability.Interval:
    """Return an interval minus the mean of the values for shuffled labels. The interval is widened by the 95 %
    spread of these values: near 0, a mean over samples does not reflect how much the table itself could vary.
    """
    control, spread = shuffled.mean(), 1.96 * shuffled.std(ddof=1)
    value = one.value - control
    low, high = (
        value + sign * float(np.hypot(end - one.value, spread))
        for sign, end in ((-1, one.low), (1, one.high))
    )
    return replace(one, value=value, low=low, high=high)


def _parts(
    levels: Mapping[str, np.ndarray], joint: np.ndarray, y: np.ndarray
) -> tuple[dict[str, np.ndarray], float]:
    """Bits of every sample by part, which average to the decomposition, and the largest gap of a search."""
    names = list(levels)
    tables = {name: table(level, y) for name, level in levels.items()}

    def of(some: Sequence[str]) -> tuple[np.ndarray, float]:
        bound = union([tables[name] for name in some])
        return bound.pointwise([levels[name] for name in some], y), bound.gap

    whole, gap = of(names)
    unique = {}
    for name in names:
        rest, more = of([other for other in names if other != name])
        unique[name], gap = whole - rest, max(gap, more)
    total = union([table(joint, y)]).pointwise([joint], y)
    alone = {_alone(name): of([name])[0] for name in names}
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


# Levels of features and of outputs.


def cluster_levels(features: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return the k-means cluster of every sample by source, found without labels, so that these cannot bias them; no
    more clusters than a source has different contents."""
    from sklearn.cluster import KMeans

    result = {}
    for name, X in features.items():
        most = int(shared_content.number_contents(X).max()) + 1
        model = KMeans(min(count, most), n_init=3, random_state=0)
        result[name] = model.fit_predict(X).astype(int)
    return result


def output_levels(outputs: np.ndarray, count: int) -> np.ndarray:
    """Return discrete levels (n,) of the outputs of a classifier or a regression. They are quantiles of a number or
    of log-odds, or clusters of the probabilities of more than two classes.
    """
    if np.ptp(outputs, axis=0).max() == 0:
        return np.zeros(len(outputs), int)
    if outputs.shape[1] > 2:
        return cluster_levels({"": np.exp(outputs)}, count)[""]
    return _quantile_levels(outputs[:, -1], count)


def task_classes(task: fusion_baselines.Task) -> np.ndarray:
    """Return classes of every row of a task, (N,); of numbers quantile classes."""
    return task.y if task.classes else _quantile_levels(task.y, QUANTILES)


def _quantile_levels(line: np.ndarray, count: int) -> np.ndarray:
    """Return which of `count` quantiles each number is in, (n,), as whole numbers from 0 without gaps."""
    edges = np.unique(np.quantile(line, np.linspace(0, 1, count + 1)[1:-1]))
    above = line[line > line.min()]
    if edges.max() <= line.min() and len(
        above
    ):  # most have the smallest number: these, and all others
        edges = above.min(keepdims=True)
    return np.unique(np.searchsorted(edges, line, side="right"), return_inverse=True)[1]


# What is asked of a data set: every estimator, the plain test, and each modality against the rest.


class Finding(StrEnum):
    """Whether small models find information about the target."""

    UNKNOWN = "too few rows"
    NOT_SHOWN = "no significant information"
    FOUND = "information"


@dataclass(frozen=True, eq=False)
class Estimate:
    """Information of modalities about the target, and the gain of joint models.

    Attributes:
        name: of the data. modalities: names.
        by: the decomposition by estimator. of_rest: by modality, that of it and the rest, learned; of two modalities
            none. gain: bits that joint models tell beyond late ones.
        entropy: bits that there are to tell of the target as cut to classes.
        lattice: of three modalities and few classes, I_min of the learned levels by node; else none.
        baselines: the plain test. samples: see `pointwise`, by sample id. cells: of every modality, for `CLUSTERS`.
        different: how many different contents a modality has, where some rows share one. below_chance: modalities, and
            models that predict held-out rows of these worse than chance does; they are not used.
    """

    name: str
    modalities: tuple[str, ...]
    by: Mapping[str, Decomposition]
    of_rest: Mapping[str, Decomposition]
    gain: stability.Interval
    entropy: float
    lattice: Mapping[str, float]
    baselines: fusion_baselines.BaselineComparison
    samples: pd.DataFrame
    cells: int = 0
    different: Mapping[str, int] = field(default_factory=dict)
    below_chance: Sequence[tuple[str, str]] = ()

    @property
    def main(self) -> Decomposition:
        """The learned decomposition."""
        return self.by[LEARNED]

    @property
    def finding(self) -> Finding:
        """Whether small models find information about the target."""
        if not self.main.total.known:
            return Finding.UNKNOWN
        return Finding.FOUND if self.main.total.low > 0 else Finding.NOT_SHOWN

    @property
    def significant(self) -> dict[str, stability.Interval]:
        """Parts whose intervals are above 0, the largest first."""
        parts = {key: part for key, part in self.main.parts.items() if part.known and part.low > 0}
        return dict(sorted(parts.items(), key=lambda item: -item[1].value))

    @property
    def apart(self) -> list[tuple[str, Decomposition]]:
        """Parts on which an estimator that asks about the same sources disagrees with the learned one, with it: their
        intervals are `VISIBLE` bits or more apart."""
        others = [one for one in self.by.values() if one is not self.main]
        return [
            (name, other)
            for name, ours in self.main.parts.items()
            for other in others
            if other.sources == self.main.sources and _distance(ours, other.parts[name]) >= VISIBLE
        ]

    def frame(self) -> pd.DataFrame:
        """Return one row per part for every estimator and for every modality against the rest."""
        return pd.concat(
            [
                *(one.frame().assign(of="all") for one in self.by.values()),
                *(one.frame().assign(of=name) for name, one in self.of_rest.items()),
            ],
            ignore_index=True,
        )


def _distance(one: stability.Interval, other: stability.Interval) -> float:
    """Return the distance between two intervals. It is not above 0 if they meet."""
    return max(other.low - one.high, one.low - other.high)


def estimate(dataset: DataSet, rows: int = fusion_baselines.ROWS) -> Estimate:
    """Return the redundant, unique and synergistic information of the modalities of a data set about the target, and
    the gain of joint models. If there are more than `rows` rows, a random sample is used.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    task = fusion_baselines.task(dataset, rows)
    M = len(task.names)
    total = (M * (2 if M > 2 else 1) + 1) * len(fusion_baselines.FAMILY) * task.folds
    with _sentences.progress_shown("Predicting held-out rows") as tell:
        predictions = fusion_baselines.Predictions(task, lambda done: tell(done, total))
        result = estimate_from_predictions(predictions, dataset.name)
    samples = result.samples.set_axis(dataset.ids[task.rows[task.predicted]])
    return replace(result, samples=samples.rename_axis("sample"))


def estimate_from_predictions(
    predictions: fusion_baselines.Predictions, name: str = ""
) -> Estimate:
    """Return the result of `estimate` for given predictions."""
    task = predictions.task
    names, classes = task.names, task_classes(task)
    y, K = np.unique(classes[task.predicted], return_inverse=True)[1], int(classes.max()) + 1
    contest = predictions.contest
    many = 2 * K if task.classes > 2 else min(20, max(4, len(y) // 40))
    # the largest number of levels up to `many` at which a table of all sources has `MOST_CELLS`
    count = max(2, min(many, int((MOST_CELLS / K) ** (1 / min(len(names), MOST_SOURCES)))))
    best = predictions.best(dict(contest.values()))[1]
    top, late, joint = (
        output_levels(one, many)
        for one in (best, contest[fusion_baselines.LATE][1], contest[fusion_baselines.JOINT][1])
    )
    outputs = {one: predictions.whole([one])[1] for one in names}
    levels = {one: output_levels(part, count) for one, part in outputs.items()}
    learned = partial(decompose_levels, estimator=LEARNED, clusters=task.clusters)
    of_rest, pairs = {}, {}
    for one in names if len(names) > 2 else ():
        rest = predictions.whole([other for other in names if other != one])[1]
        pairs[one] = {one: output_levels(outputs[one], many), REST: output_levels(rest, many)}
        of_rest[one] = learned(pairs[one], top, y)
    leads = min(names, key=lambda one: predictions.loss(outputs[one]))
    grouped = len(names) > MOST_SOURCES
    by = {LEARNED: of_rest[leads] if grouped else learned(levels, top, y)}
    features = {one: task.inputs([one]) for one in ([leads] if grouped else names)}
    if grouped:
        features[REST] = task.inputs([other for other in names if other != leads])
    cells = min(30, max(2, int((len(classes) / 4) ** (1 / len(features)))))
    by[CLUSTERS] = decompose_levels(
        cluster_levels(features, cells), None, classes, clusters=task.shared
    )
    if not task.classes:
        by[GAUSSIAN] = gaussian({one: outputs[one] for one in names}, best, task)
    lattice = {}
    if len(names) == 3 and K <= QUANTILES and find_spec("dit"):
        cut = [output_levels(outputs[one], 4) for one in names]
        p = np.zeros((*(int(c.max()) + 1 for c in cut), K))
        np.add.at(p, (*cut, y), 1 / len(y))
        lattice = exact(p, I_MIN, names)
    pair = pairs[leads] if pairs else levels
    samples = pointwise(list(pair.values()), top, y)
    samples.columns = [REDUNDANCY, *(f"unique[{one}]" for one in pair), SYNERGY]
    return Estimate(
        name,
        names,
        by,
        of_rest,
        more_bits(joint, late, y, task.clusters),
        float(-np.log2(np.bincount(y) / len(y)) @ np.bincount(y) / len(y)),
        lattice,
        fusion_baselines.compare_baselines(predictions),
        samples,
        cells,
        task.different,
        predictions.below_chance,
    )


def more_bits(
    more: np.ndarray, fewer: np.ndarray, y: np.ndarray, clusters: np.ndarray | None = None
) -> stability.Interval:
    """Return by how many bits some levels are more informative about the target than others, minus the value for
    shuffled labels. The correction is needed because many levels appear more informative than few.

    Args:
        more, fewer: levels, (n,) each. y: classes, (n,). clusters: see `stability.counts`.
    """

    def difference(of: np.ndarray) -> np.ndarray:
        first, second = (
            union([table(level, of)]).pointwise([level], of) for level in (more, fewer)
        )
        return first - second

    rng = np.random.default_rng(0)
    shuffled = [difference(_shuffle_labels(y, clusters, rng)).mean() for _ in range(SHUFFLES)]
    return _less(stability.mean(difference(y), clusters=clusters), np.array(shuffled))


def gaussian(
    outputs: Mapping[str, np.ndarray], joint: np.ndarray, task: fusion_baselines.Task
) -> Decomposition:
    """Return the decomposition of a number as if all were jointly Gaussian: I = -1/2 log2 (1 - R2) of held-out
    predictions, and redundancy the least of single ones (Barrett 2015, equation for a single target: MMI).

    Args:
        outputs: held-out predictions from every modality, (n, 1). joint: from all.
    """
    shares = {
        name: fusion_baselines.explained(part, task.truth)
        for name, part in {**outputs, TOTAL: joint}.items()
    }

    def bits(name: str, less: str, weights: np.ndarray) -> np.ndarray:
        more, fewer = (
            -np.log2(1 - np.clip(shares[one](weights), 0, 1 - 1e-9)) / 2 if one else 0.0
            for one in (name, less)
        )
        return np.asarray(more - fewer)

    # An R2 of 1.96^2 / n can be there where held-out predictions, which resamples do not fit again, show none.
    unseen = -np.log2(1 - 1.96**2 / len(task.predicted)) / 2
    # Smallest and largest of several are of their intervals' ends: those of resamples are biased where two are alike.
    terms = {(a, b): partial(bits, a, b) for a in shares for b in ("", *outputs) if a != b}
    known = stability.intervals(
        {"\0".join(key): of for key, of in terms.items()},
        len(task.predicted),
        stability.RESAMPLES,
        0,
        task.clusters,
    )

    def among(place: int, *keys: tuple[str, str], least: float = -np.inf) -> stability.Interval:
        some = [known["\0".join(key)] for key in keys]
        ends = {
            end: max(least, sorted(getattr(one, end) for one in some)[place])
            for end in ("value", "low", "high")
        }
        return replace(some[0], **ends | {"high": ends["high"] + unseen})

    names = list(outputs)
    unique = {
        name: among(0, *((name, other) for other in names if other != name), least=0.0)
        for name in names
    }
    return Decomposition(
        GAUSSIAN,
        tuple(names),
        among(-2, *((name, "") for name in names)),
        unique,
        among(0, *((TOTAL, name) for name in names)),
        among(0, (TOTAL, "")),
        {},
        0.0,
        len(task.predicted),
        0,
        {name: among(0, (name, "")) for name in names},
    )
