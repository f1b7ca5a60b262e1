"""How often the bounds and ranges of `qfusion why --data` hold the truth, where the information is known.

    python benchmarks/why_coverage.py [--repetitions 100] [--rows 300] [--only NAME ...]

Rows are drawn again and again, with seeds from 0, from

    - ten distributions of two sources and a target. The features of a source are a column for each of its values, with
      Gaussian noise of a tenth, and two columns of noise. The truth is BROJA's (`information_parts.exact`).
    - planted parities, of which all information, 1 bit, is synergistic: the sign of the product of two Gaussians, each
      the only feature of its modality or one of eight, and the parity of two of twelve modalities of one feature, of
      bits or of signs of Gaussians.

The settings are cheap: a linear and a quadratic model and one decision tree in place of the family, 5 shuffles, 300
resamples and shorter searches. Three statements are counted, and of several the one that holds least often is shown:

    bound      the low end of the total, and of what each source tells alone, is not above the truth (lower bounds)
    low        the low end of a part is not above its truth
    range      the range of a part over resampled rows holds its truth

The script also prints by how much any part exceeded its total. The table `why-coverage` of docs/plugins/why.md is
written where all cases are run, which takes some seven minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tables  # noqa: E402

from qfusion.explain import bootstrap  # noqa: E402
from qfusion.plugins.why.information import (  # noqa: E402
    baseline_predictions,
    information,
    information_parts,
    label_leak,
    prediction_task,
)

ALPHA = (
    0.005  # bits: what is so little beyond the truth is not beyond it, as two decimals are shown
)
LEAF = 8  # rows of a leaf of the tree, at least
SHUFFLES = 5
SEARCH = 1e-3, 300  # gap in bits and rounds at which a search for the union information stops
RESAMPLES = 300
FAMILY = label_leak.LINEAR, label_leak.QUADRATIC, label_leak.TREES


def table(of: Callable[[int, int], Mapping[int, float]], sources: np.ndarray) -> np.ndarray:
    """Returns probabilities of two sources and a target, (2, 2, K).

    Args:
        of: from the values of the sources to the probabilities of the target's values. sources: theirs, (2, 2).
    """
    result = np.zeros((2, 2, 4))
    for x in range(2):
        for z in range(2):
            for y, share in of(x, z).items():
                result[x, z, y] += sources[x, z] * share
    return result[..., : int(np.flatnonzero(result.sum((0, 1))).max()) + 1]


def flipped(y: int, share: float) -> dict[int, float]:
    """Returns the probabilities of a bit that is flipped in a share of the rows."""
    return {y: 1 - share, 1 - y: share}


def mixed(y: int, other: int, share: float) -> dict[int, float]:
    """Returns the probabilities of a bit that is another one in a share of the rows."""
    result = {0: 0.0, 1: 0.0}
    result[y] += 1 - share
    result[other] += share
    return result


UNIFORM = np.full((2, 2), 0.25)
SAME = np.eye(2) / 2
ALIKE = np.array([[0.4, 0.1], [0.1, 0.4]])
DISTRIBUTIONS = {
    "nothing": table(lambda x, z: {0: 0.5, 1: 0.5}, UNIFORM),
    "redundant": table(lambda x, z: {x: 1.0}, SAME),
    "redundant, a tenth flipped": table(lambda x, z: flipped(x, 0.1), SAME),
    "unique": table(lambda x, z: {x: 1.0}, UNIFORM),
    "copy of both": table(lambda x, z: {2 * x + z: 1.0}, UNIFORM),
    "AND": table(lambda x, z: {x & z: 1.0}, UNIFORM),
    "AND of sources alike": table(lambda x, z: {x & z: 1.0}, ALIKE),
    "XOR": table(lambda x, z: {x ^ z: 1.0}, UNIFORM),
    "XOR, a tenth flipped": table(lambda x, z: flipped(x ^ z, 0.1), UNIFORM),
    "unique and XOR": table(lambda x, z: mixed(x, x ^ z, 0.5), UNIFORM),
}
NAMES = ("a", "b")
MODALITIES = tuple(f"m{m}" for m in range(12))


def truth_of(p: np.ndarray, sources: Sequence[str] = NAMES) -> dict[str, float]:
    """Returns the true bits of parts, of the total and of each source alone."""
    bits = information_parts.exact(p, information_parts.BROJA, NAMES)
    redundancy, synergy = bits["a|b"], bits["a+b"]
    return {
        information_parts.REDUNDANCY: redundancy,
        **{name: bits[name] for name in sources},
        information_parts.SYNERGY: synergy,
        information_parts.TOTAL: sum(bits.values()),
        **{information_parts.name_alone(name): redundancy + bits[name] for name in sources},
    }


def truth_of_parity(sources: Sequence[str]) -> dict[str, float]:
    """Returns the true bits of a parity of the first two modalities. A source of many is one modality or the rest."""
    first, second = sources
    told_by = second if first in MODALITIES[2:] else information_parts.SYNERGY
    parts = (information_parts.REDUNDANCY, *sources, information_parts.SYNERGY)
    result = {part: float(part == told_by) for part in parts}
    result[information_parts.TOTAL] = 1.0
    return result | {information_parts.name_alone(name): float(name == told_by) for name in sources}


def draw_table(p: np.ndarray, rows: int, rng: np.random.Generator) -> prediction_task.Task:
    """Returns rows of a distribution, with features."""
    cells = rng.choice(p.size, rows, p=p.ravel() / p.sum())
    *sources, y = np.unravel_index(cells, p.shape)
    features = {}
    for name, value in zip(NAMES, sources, strict=True):
        columns = np.concatenate([np.eye(2)[value], np.zeros((rows, 2))], 1)
        features[name] = columns + rng.normal(size=columns.shape) * [0.1, 0.1, 1, 1]
    return prediction_task.task_from_features(features, y)


def draw_parity(
    names: Sequence[str], width: int, binary: bool, rows: int, rng: np.random.Generator
) -> prediction_task.Task:
    """Returns rows whose target is the sign of the product of the first features of the first two modalities."""
    features = {name: rng.normal(size=(rows, width)) for name in names}
    if binary:
        features = {name: np.sign(values) for name, values in features.items()}
    first, second = (features[name][:, 0] for name in names[:2])
    return prediction_task.task_from_features(features, (first * second > 0).astype(int))


@dataclass(frozen=True)
class Case:
    """A distribution: how rows are drawn from it, and the true bits for the sources that are decomposed."""

    draw: Callable[[int, np.random.Generator], prediction_task.Task]
    truth: Callable[[Sequence[str]], dict[str, float]]


CASES = {
    **{
        name: Case(partial(draw_table, p), partial(truth_of, p))
        for name, p in DISTRIBUTIONS.items()
    },
    "sign of a product": Case(partial(draw_parity, NAMES, 1, False), truth_of_parity),
    "the same, of eight features": Case(partial(draw_parity, NAMES, 8, False), truth_of_parity),
    "parity of 2 of 12 bits": Case(partial(draw_parity, MODALITIES, 1, True), truth_of_parity),
    "parity of 2 of 12 signs": Case(partial(draw_parity, MODALITIES, 1, False), truth_of_parity),
}


def cheap() -> None:
    """Makes the models of this process cheap."""
    from sklearn.tree import DecisionTreeClassifier

    whole = label_leak.make_model

    def small(member: str, classes: int) -> Any:
        if member == label_leak.TREES:
            return DecisionTreeClassifier(min_samples_leaf=LEAF, random_state=0)
        return whole(member, classes)

    label_leak.make_model = small
    information_parts.SHUFFLES = SHUFFLES
    information_parts.union.__defaults__ = SEARCH
    for function in (bootstrap.mean, bootstrap.means):
        function.__kwdefaults__["resamples"] = RESAMPLES
    bootstrap.RESAMPLES = RESAMPLES


def measure(case: Case, rows: int, repetitions: int) -> dict[str, list[dict[str, Any]]]:
    """Returns, by estimator, a record of every repetition: estimates, and whether statements hold."""
    records: dict[str, list[dict[str, Any]]] = {}
    for seed in range(repetitions):
        task = case.draw(rows, np.random.default_rng(seed))
        result = information.estimate_from_predictions(
            baseline_predictions.Predictions(task, family=FAMILY)
        )
        for name, one in result.by.items():
            records.setdefault(name, []).append(judge(one, case.truth(one.sources)))
    return records


def judge(one: information_parts.Decomposition, truth: Mapping[str, float]) -> dict[str, Any]:
    """Returns estimates, whether statements hold, and the largest excess of a part over the total."""
    lows = [one.total.low <= truth[information_parts.TOTAL] + ALPHA]
    for source, alone in one.alone.items():
        lows.append(alone.low <= truth[information_parts.name_alone(source)] + ALPHA)
    return {
        "total": one.total.value,
        "synergy": one.synergy.value,
        "bound": lows,
        "low": [part.low <= truth[key] + ALPHA for key, part in one.parts.items()],
        "range": [
            part.low - ALPHA <= truth[key] <= part.high + ALPHA for key, part in one.parts.items()
        ],
        "excess": max(part.value for part in one.parts.values()) - one.total.value,
    }


def row(name: str, rows: int, repetitions: int) -> tuple[list[str], float]:
    """Returns a row of the table, and the largest excess of a part over the total."""
    case = CASES[name]
    by = measure(case, rows, repetitions)
    truth = case.truth(NAMES)

    def holds(records: Sequence[Mapping[str, Any]]) -> list[str]:
        estimates = [
            tables.spread([record[key] for record in records], 2) for key in ("total", "synergy")
        ]
        shares = [
            np.mean([record[key] for record in records], 0).min()
            for key in ("bound", "low", "range")
        ]
        return [*estimates, *(f"{share:.0%}" for share in shares)]

    parts = (information_parts.REDUNDANCY, *NAMES, information_parts.SYNERGY)
    cells = [
        name,
        f"{truth[information_parts.TOTAL]:.2f}",
        ", ".join(f"{round(truth[key], 2) + 0.0:.2f}" for key in parts),
        *holds(by[information_parts.LEARNED]),
        *holds(by[information_parts.CLUSTERS]),
    ]
    print("\t".join(cells), file=sys.stderr, flush=True)
    return cells, max(record["excess"] for records in by.values() for record in records)


ESTIMATES = (
    "mean total",
    "mean synergy",
    "lower bounds hold",
    "low ends of parts hold",
    "ranges of parts hold the truth",
)
HEADER = (
    "Distribution",
    "True bits",
    "Redundant, only a, only b, only together",
    *(f"Learned: {ESTIMATES[0]}", *ESTIMATES[1:]),
    *(f"Clusters: {ESTIMATES[0]}", *ESTIMATES[1:]),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="to try: nothing is written")
    arguments = parser.parse_args(argv)
    cheap()
    names = arguments.only or CASES
    lines, excesses = zip(
        *(row(name, arguments.rows, arguments.repetitions) for name in names), strict=True
    )
    text = tables.markdown(HEADER, lines)
    how = (
        f"{arguments.repetitions} repetitions of {arguments.rows} rows, mean ± standard deviation over repetitions. "
        f"Largest excess of a part over its total: {max(0.0, *excesses):.3f} bits."
    )
    print(f"{text}\n\n{how}")
    if not arguments.only:
        tables.write("why-coverage", f"{text}\n\n{how} {tables.provenance('why_coverage.py')}")


if __name__ == "__main__":
    main()
