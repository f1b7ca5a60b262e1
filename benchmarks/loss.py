"""Seconds of training until a given validation loss: both systems beside concatenation, TFN, LMF and MulT.

    python benchmarks/loss.py [planted mosi digits] [--seeds 3] [--dry]

Everyone trains on the same rows by the same loop, with the settings and the schedule of the leaderboard
(`leaderboard_terms.py`), one thread. The loss asked for is the one that all models reach: the largest of their smallest
ones, over all seeds. Seconds are those of training alone, validation left out; models take turns, seed by seed. Writes
the table `loss` of docs/results.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard_terms as terms  # noqa: E402
import tables  # noqa: E402

from qfusion.training import Progress, train  # noqa: E402

MODELS = ("qj", "qcnn", "concatenation", "tensor", "low-rank", "mult")
DATA = ("planted", "mosi", "digits")
EPOCHS = 40  # at most: all are done long before

Curve = list[
    tuple[float, float]
]  # seconds from the start and the smallest loss so far, epoch by epoch


def curve(name: str, model: str, seed: int) -> Curve:
    """Trains a model and returns how its smallest validation loss falls."""
    place, contender = terms.PLACES[name], terms.CONTENDERS[model]
    settings = terms.settings_of(place, contender, place.chosen_for(model))
    options = place.options_of(model)
    found: Curve = []

    def seen(progress: Progress) -> bool:
        before = found[-1] if found else (0.0, float("inf"))
        found.append((before[0] + progress.seconds, min(before[1], progress.valid_loss)))
        return progress.epoch < EPOCHS

    train(contender.kind, place.dataset, settings, options, seed, seen)
    return found


def main() -> None:
    """Trains, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(DATA))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in asked.names:
        curves: dict[str, list[Curve]] = {model: [] for model in MODELS}
        for seed in range(asked.seeds):
            for model in MODELS:
                curves[model].append(curve(name, model, seed))
                seconds, smallest = curves[model][-1][-1]
                print(name, model, seed, f"{smallest:.4f} in {seconds:.1f} s", flush=True)
        wanted = max(each[-1][1] for found in curves.values() for each in found)
        until = {
            model: [
                next((n + 1, seconds) for n, (seconds, loss) in enumerate(each) if loss <= wanted)
                for each in found
            ]
            for model, found in curves.items()
        }
        ours = statistics.median(seconds for _, seconds in until["qj"])
        for model, found in until.items():
            seconds = [each for _, each in found]
            best = statistics.median(each[-1][1] for each in curves[model])
            rows.append(
                [
                    f"{name}, loss {wanted:.3f}: {terms.CONTENDERS[model].label}",
                    f"{statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})",
                    f"{statistics.median(seconds) / ours:.2f}",
                    f"{statistics.median(n for n, _ in found):.0f}",
                    f"{best:.4f}",
                ]
            )
            print(rows[-1], flush=True)
    if not asked.dry:
        tables.write(
            "loss",
            tables.markdown(
                (
                    "Until a validation loss that all reach",
                    "Seconds (least-most)",
                    "Ratio",
                    "Epochs",
                    "Smallest loss",
                ),
                rows,
            )
            + f"\n\n{asked.seeds} seeds, at most {EPOCHS} epochs. "
            + tables.provenance("loss.py"),
        )


if __name__ == "__main__":
    main()
