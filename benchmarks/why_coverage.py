"""How often the intervals of `qfusion why --data` hold the truth, on distributions whose information is known.

    python benchmarks/why_coverage.py [--repetitions 100] [--rows 300] [--only NAME ...]

Of each of ten distributions of two sources and a target, rows are drawn again and again. A source's features are its
value as a column a value, with Gaussian noise of a tenth, and two columns of noise. The truth is BROJA's partial
information of the distribution (`information.exact`). The settings are cheap: a linear model and one decision tree in
place of the family, 5 shuffles, 300 resamples and shorter searches. Three statements are counted, and of several the
one that holds least often is shown:

    bound      the low end of the total, and of what each source tells alone, is not above the truth (lower bounds)
    low        the low end of a part is not above its truth
    interval   the two ends of a part hold its truth between them

The table `why-coverage` of docs/why-fuse.md is written where all ten are run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tables  # noqa: E402

from qfusion.explain import (  # noqa: E402
    baseline_models,
    baseline_predictions,
    bootstrap,
    information,
    partial_information,
    prediction_task,
)

ALPHA = (
    0.005  # bits: what is so little beyond the truth is not beyond it, as two decimals are shown
)
LEAF = 8  # rows of a leaf of the tree, at least
SHUFFLES = 5
SEARCH = 1e-3, 300  # gap in bits and rounds at which a search for the union information stops
RESAMPLES = 300
FAMILY = baseline_models.LINEAR, baseline_models.TREES


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
PARTS = (information.REDUNDANCY, *NAMES, information.SYNERGY)


def truth_of(p: np.ndarray) -> dict[str, float]:
    """Returns the true bits of parts, of the total and of each source alone."""
    bits = partial_information.exact(p, partial_information.BROJA, NAMES)
    redundancy, synergy = bits["a|b"], bits["a+b"]
    alone = {f"alone {name}": redundancy + bits[name] for name in NAMES}
    return {
        information.REDUNDANCY: redundancy,
        **{name: bits[name] for name in NAMES},
        information.SYNERGY: synergy,
        information.TOTAL: sum(bits.values()),
        **alone,
    }


def drawn(p: np.ndarray, rows: int, rng: np.random.Generator) -> prediction_task.Task:
    """Returns rows of a distribution, with features."""
    cells = rng.choice(p.size, rows, p=p.ravel() / p.sum())
    *sources, y = np.unravel_index(cells, p.shape)
    features = {}
    for name, value in zip(NAMES, sources, strict=True):
        columns = np.concatenate([np.eye(2)[value], np.zeros((rows, 2))], 1)
        features[name] = columns + rng.normal(size=columns.shape) * [0.1, 0.1, 1, 1]
    return prediction_task.task_from_features(features, y)


def cheap() -> None:
    """Makes the models of this process cheap."""
    from sklearn.tree import DecisionTreeClassifier

    whole = baseline_models.make_model

    def small(member: str, classes: int) -> Any:
        if member == baseline_models.TREES:
            return DecisionTreeClassifier(min_samples_leaf=LEAF, random_state=0)
        return whole(member, classes)

    baseline_models.make_model = small
    information.SHUFFLES = SHUFFLES
    partial_information.union.__defaults__ = SEARCH
    for function in (bootstrap.mean, bootstrap.means):
        function.__kwdefaults__["resamples"] = RESAMPLES
    bootstrap.RESAMPLES = RESAMPLES


def measured(p: np.ndarray, rows: int, repetitions: int) -> dict[str, dict[str, float]]:
    """Returns, by estimator, mean estimates of the total and shares of repetitions in which statements hold."""
    truth = truth_of(p)
    records: dict[str, list[dict[str, float]]] = {}
    for seed in range(repetitions):
        task = drawn(p, rows, np.random.default_rng(seed))
        result = information.estimate_from_predictions(
            baseline_predictions.Predictions(task, family=FAMILY)
        )
        for name, one in result.by.items():
            lows = {
                information.TOTAL: one.total.low,
                **{f"alone {source}": one.alone[source].low for source in NAMES},
            }
            record = {"total": one.total.value}
            record |= {f"bound {key}": low <= truth[key] + ALPHA for key, low in lows.items()}
            record |= {
                f"low {key}": part.low <= truth[key] + ALPHA for key, part in one.parts.items()
            }
            record |= {
                f"interval {key}": part.low - ALPHA <= truth[key] <= part.high + ALPHA
                for key, part in one.parts.items()
            }
            records.setdefault(name, []).append(record)
    return {
        name: {key: float(np.mean([row[key] for row in rows_of])) for key in rows_of[0]}
        for name, rows_of in records.items()
    }


def row(name: str, rows: int, repetitions: int) -> list[str]:
    """Returns a row of the table."""
    p = DISTRIBUTIONS[name]
    truth, by = truth_of(p), measured(p, rows, repetitions)

    def holds(one: Mapping[str, float]) -> list[str]:
        bound = min(one[f"bound {key}"] for key in ("total", "alone a", "alone b"))
        low, interval = (min(one[f"{what} {key}"] for key in PARTS) for what in ("low", "interval"))
        return [f"{one['total']:.2f}", f"{bound:.0%}", f"{low:.0%}", f"{interval:.0%}"]

    learned, clusters = by[information.LEARNED], by[information.CLUSTERS]
    cells = [
        name,
        f"{truth['total']:.2f}",
        ", ".join(f"{round(truth[key], 2) + 0.0:.2f}" for key in PARTS),
        *holds(learned),
        *holds(clusters),
    ]
    print("\t".join(cells), file=sys.stderr, flush=True)
    return cells


HEADER = (
    "Distribution",
    "True bits",
    "Redundant, only a, only b, only together",
    "Learned: mean total",
    "lower bounds hold",
    "low ends of parts hold",
    "intervals of parts hold",
    "Clusters: mean total",
    "lower bounds hold",
    "low ends of parts hold",
    "intervals of parts hold",
)


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument(
        "--only", nargs="*", choices=list(DISTRIBUTIONS), help="to try: nothing is written"
    )
    arguments = parser.parse_args(argv)
    cheap()
    names = arguments.only or DISTRIBUTIONS
    text = tables.markdown(
        HEADER, [row(name, arguments.rows, arguments.repetitions) for name in names]
    )
    print(text)
    if not arguments.only:
        how = f"{arguments.repetitions} repetitions of {arguments.rows} rows."
        tables.write("why-coverage", f"{text}\n\n{how} {tables.provenance('why_coverage.py')}")


if __name__ == "__main__":
    main()
