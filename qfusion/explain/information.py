"""Whether data need fusion, estimated before any model is trained: the redundant, unique and synergistic information of
the modalities about the target, in bits, and the gain of joint models over late ones.

Three estimators are shown beside each other, each with its interval, since they may disagree (`estimate`):

    clusters    k-means clusters of every modality, and the plug-in distribution of these and the target (Liang and
                others 2023, arXiv 2302.12247), minus the value for shuffled labels
    learned     levels of the outputs of cross-validated classifiers of the target, from every modality and from all
    Gaussian    for a numeric target: from the held-out R2 of every modality and of all (Barrett 2015), as if all were
                jointly Gaussian

Clusters and learned levels are functions of the features. No function of a feature carries more information about the
target than the feature itself. The information of one modality, and the total, are therefore lower bounds of the
information in the data. The interval describes the information that these small models find; only its lower end bounds
that of the data. The parts (redundant, unique, synergistic) are those of the information found; in the data each may be
larger or smaller. benchmarks/why_coverage.py measures the coverage of the bounds on known distributions.

The decomposition is that of `partial_information`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd

from qfusion import _sentences
from qfusion.data import DataSet
from qfusion.explain import (
    baseline_models,
    baseline_predictions,
    bootstrap,
    fusion_baselines,
    prediction_task,
    task_features,
)
from qfusion.explain.information_levels import (
    QUANTILES,
    cluster_levels,
    output_levels,
    task_classes,
)
from qfusion.explain.partial_information import I_MIN, exact, union

CLUSTERS, LEARNED, GAUSSIAN = ESTIMATORS = ("clusters", "learned", "Gaussian")
REDUNDANCY, SYNERGY, TOTAL = "redundancy", "synergy", "total"
SHUFFLES = 10
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
    """Return an interval minus the mean of the values for shuffled labels. The interval is widened by the 95%
    spread of these values: near 0, a mean over samples does not reflect how much the table itself could vary.
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
    alone = {_alone(name): union_bits([name])[0] for name in names}
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
    gain: bootstrap.Interval
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
    def significant(self) -> dict[str, bootstrap.Interval]:
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


def _distance(one: bootstrap.Interval, other: bootstrap.Interval) -> float:
    """Return the distance between two intervals. It is not above 0 if they meet."""
    return max(other.low - one.high, one.low - other.high)


def estimate(dataset: DataSet, rows: int = task_features.ROWS) -> Estimate:
    """Return the redundant, unique and synergistic information of the modalities of a data set about the target, and
    the gain of joint models. If there are more than `rows` rows, a random sample is used.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    task = prediction_task.task_from_dataset(dataset, rows)
    M = len(task.names)
    total = (M * (2 if M > 2 else 1) + 1) * len(baseline_models.FAMILY) * task.folds
    with _sentences.progress_shown("Predicting held-out rows") as tell:
        predictions = baseline_predictions.Predictions(task, lambda done: tell(done, total))
        result = estimate_from_predictions(predictions, dataset.name)
    samples = result.samples.set_axis(dataset.ids[task.rows[task.predicted]])
    return replace(result, samples=samples.rename_axis("sample"))


def estimate_from_predictions(
    predictions: baseline_predictions.Predictions, name: str = ""
) -> Estimate:
    """Return the result of `estimate` for given predictions."""
    task = predictions.task
    names, classes = task.names, task_classes(task)
    y, K = np.unique(classes[task.predicted], return_inverse=True)[1], int(classes.max()) + 1
    contest = predictions.contest
    many = 2 * K if task.classes > 2 else min(20, max(4, len(y) // 40))
    # the largest number of levels up to `many` at which a table of all sources has `MOST_CELLS`
    count = max(2, min(many, int((MOST_CELLS / K) ** (1 / min(len(names), MOST_SOURCES)))))
    best = predictions.select_best(dict(contest.values()))[1]
    top = output_levels(best, many)
    late = output_levels(contest[baseline_predictions.LATE][1], many)
    joint = output_levels(contest[baseline_predictions.JOINT][1], many)
    outputs = {one: predictions.predict_best([one])[1] for one in names}
    levels = {one: output_levels(part, count) for one, part in outputs.items()}
    learned = partial(decompose_levels, estimator=LEARNED, clusters=task.clusters)
    of_rest, pairs = {}, {}
    for one in names if len(names) > 2 else ():
        rest = predictions.predict_best([other for other in names if other != one])[1]
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
) -> bootstrap.Interval:
    """Return by how many bits some levels are more informative about the target than others, minus the value for
    shuffled labels. The correction is needed because many levels appear more informative than few.

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


def gaussian(
    outputs: Mapping[str, np.ndarray], joint: np.ndarray, task: prediction_task.Task
) -> Decomposition:
    """Return the decomposition of a number as if all were jointly Gaussian: I = -1/2 log2 (1 - R2) of held-out
    predictions, and redundancy the least of single ones (Barrett 2015, equation for a single target: MMI).

    Args:
        outputs: held-out predictions from every modality, (n, 1). joint: from all.
    """
    shares = {
        name: fusion_baselines.r2_function(part, task.truth)
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
    known = bootstrap.intervals(
        {"\0".join(key): of for key, of in terms.items()},
        len(task.predicted),
        bootstrap.RESAMPLES,
        0,
        task.clusters,
    )

    def among(place: int, *keys: tuple[str, str], least: float = -np.inf) -> bootstrap.Interval:
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
