"""How often the intervals of the claims about quantum jumps hold the truth, on simulated runs whose truth is known.

    python benchmarks/replication_coverage.py

Runs are simulated as the plan has them: as many seeds, four data sets, of which the effects are averaged. Writes the
table of docs/plugins/claims.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import replication_report as report  # noqa: E402
import tables  # noqa: E402
from comparisons import jackknife_difference, mean_evidence  # noqa: E402
from replication import PLAN  # noqa: E402

from qfusion.plugins.why.evidence import Evidence, crossed_evidence, seed_evidence  # noqa: E402

SIMULATIONS = 2_000
SEEDS, ROWS = PLAN["seeds"], 260  # the rows of the smallest test set
LEVELS = (0.95, report.level(PLAN, PLAN["readouts"][0]))
DEVIATIONS = ((0.02, 0.03), (0.03, 0.02), (0.05, 0.02), (0.0, 0.02))  # ours, the rival's
MEAN = 0.7
Draw = Callable[[np.random.Generator], np.ndarray]


def normal(rng: np.random.Generator) -> np.ndarray:
    """Returns a number for each seed of mean 0 and deviation 1."""
    return rng.normal(size=SEEDS)


def with_failures(rng: np.random.Generator) -> np.ndarray:
    """Returns the same where one training in ten fails and all others give the same."""
    return np.where(rng.random(SEEDS) < 0.1, -3.0, 1 / 3)


def spread(draw: Draw, statistic: Callable[[np.ndarray], float], scale: float) -> tuple:
    """Returns how to simulate an effect on spreads of accuracies, and its truth.

    Args:
        draw: of deviations. statistic: of accuracies. scale: of the truth.
    """

    def simulate(rng: np.random.Generator) -> Evidence:
        return mean_evidence(
            [
                jackknife_difference(MEAN + a * draw(rng), MEAN + b * draw(rng), statistic)
                for a, b in DEVIATIONS
            ]
        )

    return simulate, float(np.mean([a - b for a, b in DEVIATIONS])) / scale


def accuracy(rng: np.random.Generator) -> Evidence:
    """Returns a simulated effect on accuracies of equal models, where rows and seeds have effects of their own."""
    effects = []
    for _ in DEVIATIONS:
        ease = rng.normal(0.7, 1, ROWS)
        right = [
            rng.random((SEEDS, ROWS))
            < 1
            / (1 + np.exp(-(ease + rng.normal(0, 0.7, ROWS) + 0.2 * rng.normal(size=(SEEDS, 1)))))
            for _ in range(2)
        ]
        difference = right[0].astype(float) - right[1]
        effects.append(crossed_evidence(difference.mean(1), difference.mean(0), None))
    return mean_evidence(effects)


def negativity(rng: np.random.Generator) -> Evidence:
    """Returns a simulated effect on spreads of the negativity over samples, which every seed has."""
    return mean_evidence([seed_evidence(a * rng.normal(size=SEEDS)) for a, _ in DEVIATIONS[:3]])


CASES = {
    "test accuracy": (accuracy, 0.0),
    "SD of the test accuracy": spread(normal, report.spread, 1),
    "SD of the test accuracy, one training in ten fails": spread(with_failures, report.spread, 1),
    "SD / mean of the test accuracy": spread(normal, report.relative_spread, MEAN),
    "SD / mean of the test accuracy, one training in ten fails": spread(
        with_failures, report.relative_spread, MEAN
    ),
    "SD of the negativity": (negativity, 0.0),
}


def main() -> None:
    """Simulates all cases and writes the table."""
    rows = []
    for name, (simulate, truth) in CASES.items():
        rng = np.random.default_rng(0)
        found = [simulate(rng) for _ in range(SIMULATIONS)]
        shares = []
        for level in LEVELS:
            ends = np.array([one.interval(level) for one in found])
            shares.append(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))
        rows.append([name, *(f"{share:.1%}" for share in shares)])
        print(rows[-1], flush=True)
    header = ["Outcome", *(f"holds the truth, for {level:.1%}" for level in LEVELS)]
    note = f"{SIMULATIONS:,} simulations. {tables.provenance('replication_coverage.py')}"
    page = ROOT / "docs" / "plugins" / "claims.md"
    tables.write("claims-coverage", f"{tables.markdown(header, rows)}\n\n{note}", page)


if __name__ == "__main__":
    main()
