"""Whether data need fusion, estimated before any model is trained: the redundant, unique and synergistic information of
the modalities about the target, in bits, and the gain of joint models over late ones.

Three estimators are shown beside each other, since they may disagree (`estimate`):

    clusters    k-means clusters of every modality, and the plug-in distribution of these and the target (Liang and
                others 2023, arXiv 2302.12247), minus the value for shuffled labels
    learned     levels of the outputs of cross-validated classifiers of the target, from every modality and from all
    Gaussian    for a numeric target: from the held-out R2 of every modality and of all (Barrett 2015), as if all were
                jointly Gaussian

Clusters and learned levels are functions of the features. No function of a feature carries more information about the
target than the feature itself. The information of one modality, and the total, are therefore lower bounds of the
information in the data, and the low end of their range over resampled rows is a lower confidence bound. There is no
upper bound: small models may miss any information. The parts (redundant, unique, synergistic) are those of the
information found; in the data each may be larger or smaller, and their ranges are no confidence intervals.
benchmarks/why_coverage.py measures both on known distributions.

The decomposition is that of `information_parts`. Of more than `MOST_SOURCES` modalities, one is decomposed against all
others together: the one that adds most information if it is added first and last. Synergy among these others is part of
what they tell together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd

from qfusion import _progress
from qfusion.data import DataSet
from qfusion.explain import bootstrap, interval_ends
from qfusion.plugins.why.information import (
    baseline_predictions,
    fusion_baselines,
    label_leak,
    prediction_task,
)
from qfusion.plugins.why.information.information_levels import (
    QUANTILES,
    cluster_levels,
    output_levels,
    task_classes,
)
from qfusion.plugins.why.information.information_parts import (
    CLUSTERS,
    GAUSSIAN,
    I_MIN,
    LEARNED,
    REDUNDANCY,
    SYNERGY,
    TOTAL,
    Decomposition,
    decompose_levels,
    exact,
    fit_to_total,
    more_bits,
    name_alone,
    pointwise,
)

MOST_CELLS = 200_000  # of a table of all sources and the target
MOST_SOURCES = 4  # of more, one is decomposed against the rest
REST = "the rest"
VISIBLE = 0.005  # bits that two decimals show


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
    def grouped(self) -> bool:
        """Whether one modality is decomposed against all others together."""
        return REST in self.main.sources

    @property
    def finding(self) -> Finding:
        """Whether small models find information about the target."""
        if not self.main.total.known:
            return Finding.UNKNOWN
        return Finding.FOUND if self.main.total.low > 0 else Finding.NOT_SHOWN

    @property
    def significant(self) -> dict[str, bootstrap.Interval]:
        """Parts of `VISIBLE` bits or more whose ranges are above 0, the largest first."""
        parts = {
            key: part
            for key, part in self.main.parts.items()
            if part.known and part.low > 0 and part.value >= VISIBLE
        }
        return dict(sorted(parts.items(), key=lambda item: -item[1].value))

    @property
    def apart(self) -> list[tuple[str, Decomposition]]:
        """Parts on which an estimator that asks about the same sources disagrees with the learned one, with it: their
        ranges are `VISIBLE` bits or more apart."""
        others = [one for one in self.by.values() if one is not self.main]
        differing = []
        for name, ours in self.main.parts.items():
            for other in others:
                is_comparable = other.sources == self.main.sources
                if is_comparable and _distance(ours, other.parts[name]) >= VISIBLE:
                    differing.append((name, other))
        return differing

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
    """Return the distance between two ranges. It is not above 0 if they meet."""
    return max(other.low - one.high, one.low - other.high)


def estimate(dataset: DataSet, rows: int = label_leak.ROWS) -> Estimate:
    """Return the redundant, unique and synergistic information of the modalities of a data set about the target, and
    the gain of joint models. If there are more than `rows` rows, a random sample is used.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    task = prediction_task.task_from_dataset(dataset, rows)
    M = len(task.names)
    total = (M * (2 if M > 2 else 1) + 1) * len(label_leak.FAMILY) * task.folds
    with _progress.progress_shown("Predicting held-out rows") as tell:
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
    y = np.unique(classes[task.predicted], return_inverse=True)[1]
    K = int(classes.max()) + 1
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
    of_rest, pairs, added = {}, {}, {}
    for one in names if len(names) > 2 else ():
        rest = predictions.predict_best([other for other in names if other != one])[1]
        pairs[one] = {one: output_levels(outputs[one], many), REST: output_levels(rest, many)}
        of_rest[one] = learned(pairs[one], top, y)
        # what it takes off the loss first and last, up to a number that all share
        added[one] = predictions.loss(rest) - predictions.loss(outputs[one])
    leads = max(added, key=added.__getitem__, default="")
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
    # Bits of 0 or more pile up at 0, which no correction of a bias may take for one: their intervals are percentiles.
    terms = [(a, b) for a in shares for b in ("", *outputs) if a != b]
    n = len(task.predicted)
    values = bootstrap.resample(
        lambda weights: np.stack([bits(a, b, weights) for a, b in terms], 1),
        n,
        bootstrap.RESAMPLES,
        0,
        task.clusters,
    )
    ends = np.full((2, len(terms)), np.nan)
    if len(values) > 1:
        edges = interval_ends.edges(bootstrap.independent_units(n, task.clusters))
        ends = np.quantile(values[1:], edges, axis=0)
    known = {
        key: bootstrap.Interval(float(value), float(low), float(high), n, len(values) - 1)
        for key, value, low, high in zip(terms, values[0], *ends, strict=True)
    }

    def among(place: int, *keys: tuple[str, str], least: float = -np.inf) -> bootstrap.Interval:
        some = [known[key] for key in keys]
        ends = {
            end: max(least, sorted(getattr(one, end) for one in some)[place])
            for end in ("value", "low", "high")
        }
        return replace(some[0], **ends | {"high": ends["high"] + unseen})

    names = list(outputs)
    estimates = {
        REDUNDANCY: among(-2, *((name, "") for name in names)),
        SYNERGY: among(0, *((TOTAL, name) for name in names)),
        TOTAL: among(0, (TOTAL, "")),
    }
    for name in names:
        others = [other for other in names if other != name]
        estimates[name] = among(0, *((name, other) for other in others), least=0.0)
        estimates[name_alone(name)] = among(0, (name, ""))
    result = fit_to_total(estimates, names)
    return Decomposition(
        GAUSSIAN,
        tuple(names),
        result[REDUNDANCY],
        {name: result[name] for name in names},
        result[SYNERGY],
        result[TOTAL],
        {},
        0.0,
        len(task.predicted),
        0,
        {name: result[name_alone(name)] for name in names},
    )
