"""How often the intervals that pages, commands, reports and boards print hold the truth.

    python benchmarks/intervals.py [--quick] [--simulations 1000] [--only CASE ...]

Data whose truth is known are drawn again and again, with seeds from 0, by `intervals_of_rows` and
`intervals_of_trainings`; the functions that pages call make the intervals, beside a plain one (percentile bootstrap, or
the t interval) on the same draws. The table `coverage` of docs/reading-numbers.md is written where all cases are run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import intervals_of_rows  # noqa: E402
import intervals_of_trainings  # noqa: E402
import tables  # noqa: E402

from qfusion.explain import bootstrap  # noqa: E402

CASES = {
    "rows": intervals_of_rows.rows_and_shares,
    "shared": intervals_of_rows.shared_rows,
    "correlations": intervals_of_rows.correlations,
    "metrics": intervals_of_rows.metrics_of_rows,
    "students": intervals_of_rows.students,
    "seeds": intervals_of_trainings.trainings_and_rows,
    "crowd": intervals_of_trainings.crowd,
    "votes": intervals_of_trainings.information_of_votes,
    "onsets": intervals_of_trainings.onsets,
    "backgrounds": intervals_of_trainings.drawn_backgrounds,
}
SIMULATIONS, QUICK = 1000, 100
# of these cases one simulation of so many
SLOW = {"correlations": 2, "metrics": 3, "crowd": 3, "votes": 10}


@dataclass
class Coverage:
    """How often an interval held the truth, and a plain one did.

    Attributes:
        held, plain: of the simulations in which there was one; refused: simulations without one.
    """

    held: list[bool] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)
    refused: int = 0

    @property
    def share(self) -> float:
        """The share of intervals that held the truth."""
        return float(np.mean(self.held))

    @property
    def error(self) -> float:
        """The standard error of the share."""
        return float((self.share * (1 - self.share) / len(self.held)) ** 0.5)


def remember_counts() -> None:
    """Makes `bootstrap.counts` draw once for each number of independent rows: its seed is always the same."""
    drawn = bootstrap.counts

    @cache
    def kept(n: int, resamples: int, seed: int) -> list[np.ndarray]:
        return list(drawn(n, resamples, seed))

    def counts(
        n: int,
        resamples: int = bootstrap.RESAMPLES,
        seed: int = 0,
        clusters: np.ndarray | None = None,
    ) -> Iterator[np.ndarray]:
        if clusters is None:
            return iter(kept(n, resamples, seed))
        return drawn(n, resamples, seed, clusters)

    bootstrap.counts = counts


def measure(cases: Iterable[str], simulations: int) -> dict[tuple[str, str], Coverage]:
    """Returns the coverage of every interval of some cases, by its name and setting."""
    result: dict[tuple[str, str], Coverage] = {}
    for case in cases:
        began = time.perf_counter()
        for seed in range(max(10, simulations // SLOW.get(case, 1))):
            for one in CASES[case](np.random.default_rng(seed)):
                entry = result.setdefault((one.name, one.setting), Coverage())
                if not np.isnan(one.ends).any():
                    entry.held.append(holds(one.ends, one.truth))
                    if not np.isnan(one.rival).any():
                        entry.plain.append(holds(one.rival, one.truth))
                else:
                    entry.refused += 1
        print(f"{case}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return result


def holds(ends: tuple[float, float], truth: float) -> bool:
    """Returns whether an interval holds the truth, but for rounding."""
    return ends[0] - 1e-9 <= truth <= ends[1] + 1e-9


def table(found: dict[tuple[str, str], Coverage]) -> str:
    """Returns the coverage of all intervals as a table."""
    rows = []
    for (name, setting), one in sorted(found.items()):
        plain = f"{np.mean(one.plain):.1%}" if one.plain else "–"
        rows.append(
            [name, setting, f"{one.share:.1%} ± {one.error:.1%}", plain, str(len(one.held))]
        )
    return tables.markdown(
        ["Interval", "Setting", "Holds the truth", "A plain one", "Simulations"], rows
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} simulations")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--only", nargs="*", choices=list(CASES))
    arguments = parser.parse_args(argv)
    simulations = QUICK if arguments.quick else arguments.simulations
    remember_counts()
    text = table(measure(arguments.only or CASES, simulations))
    if arguments.quick or arguments.only:
        print(text)
    else:
        tables.write("coverage", f"{text}\n\n{tables.provenance('intervals.py')}")


if __name__ == "__main__":
    main()
