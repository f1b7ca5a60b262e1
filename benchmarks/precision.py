"""What training in mixed or double precision changes: predictions, test error, time.

    python benchmarks/precision.py [--seeds 3] [--epochs 3]

Trains QiNN-QJ on `planted` (D = 27) with encoders of 32 and of 256 hidden units. Time is that of the processor in
training alone. Figures of docs/training.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import tables  # noqa: E402

from qfusion._settings import choices  # noqa: E402
from qfusion.data import load  # noqa: E402
from qfusion.training import Options, metrics, prepare  # noqa: E402


def trained(precision: str, hidden: int, seed: int, epochs: int) -> tuple[np.ndarray, float]:
    """Returns the predictions for the test rows and the seconds that an epoch took."""
    dataset = load("planted")
    options = Options(epochs=epochs, patience=0, precision=precision)
    fit = prepare("quantum-jump", dataset, dict(dims=3, hidden=hidden), options, seed)
    start = time.process_time()
    while not fit.done:
        fit.epoch()
    seconds = (time.process_time() - start) / epochs
    return metrics.predict(fit.best_model(), dataset, dataset.rows("test"))[:, 0], seconds


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of predictions."""
    return float(np.sqrt(((a - b) ** 2).mean()))


def main() -> None:
    """Trains and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    dataset, rows = load("planted"), []
    truth = dataset.y[dataset.rows("test")]
    for hidden in (32, 256):
        found = {
            p: [trained(p, hidden, seed, chosen.epochs) for seed in range(chosen.seeds)]
            for p in choices(Options.model_fields["precision"])
        }
        for precision, results in found.items():
            off = [
                distance(mine[0], single[0])
                for mine, single in zip(results, found["single"], strict=True)
            ]
            errors = [float(np.abs(prediction - truth).mean()) for prediction, _ in results]
            seconds = [s for _, s in results]
            seeds = [distance(a[0], b[0]) for a, b in combinations(results, 2)]
            rows.append(
                [
                    f"{hidden} hidden units, {precision}",
                    tables.spread(errors),
                    tables.spread(seeds),
                    "" if precision == "single" else tables.spread(off, 4),
                    tables.spread(seconds, 2),
                ]
            )
    header = ["", "Test MAE", "Between two seeds", "From single, same seed", "Seconds an epoch"]
    print(
        tables.markdown(header, rows)
        + f"\n\nPredictions for {len(truth)} test rows of `planted`, root mean square "
        f"differences; {chosen.seeds} seeds, {chosen.epochs} epochs. {tables.provenance('precision.py')}",
    )


if __name__ == "__main__":
    main()
