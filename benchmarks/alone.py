"""What a second modality adds: lips and voice together beside each of them alone, on clean and on noisy sound.

    QFUSION_DATA=FOLDER python benchmarks/alone.py [--seeds 5] [--cache FILE.json]

QiNN-QJ, late fusion of the same encoders, and these encoders on one modality alone; same rows, epochs and seeds, with
what was chosen for each model on validation rows of both modalities; gains are differences seed by seed. Runs with both
are those of the leaderboard, where it has them. With --cache, the others are kept there and not repeated. Writes the
table `alone` of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import leaderboard  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES  # noqa: E402

from qfusion._files import atomic  # noqa: E402
from qfusion.training import metrics, train  # noqa: E402

DATA = {"avletters": "clean", "avletters-noisy": "noisy"}
OURS, SAME, VOICE = "**QiNN-QJ**", "QiNN-QJ, voice alone", "Encoder of the voice alone"
LINEAR = "Linear model of the voice alone"
BESIDE = {
    SAME: "against itself with the voice alone",
    VOICE: "against the encoder of the voice",
    LINEAR: "against a linear model of the voice",
}
# what is trained: a contender, and which modality it has; all where none is named
KINDS: Mapping[str, tuple[str, str]] = {
    OURS: ("qj", ""),
    "QiNN-QJ, no evolution": ("qj-none", ""),
    "Late fusion": ("late", ""),
    SAME: ("qj", "audio"),
    VOICE: ("late", "audio"),
    "Encoder of the lips alone": ("late", "lips"),
    LINEAR: ("linear", "audio"),
}


def run(name: str, model: str, only: str, seed: int) -> float:
    """Returns the test accuracy of one training."""
    place = PLACES[name]
    dataset = place.dataset
    if only:
        modalities = tuple(m for m in dataset.modalities if m.name == only)
        dataset = replace(dataset, modalities=modalities)
    settings = leaderboard.Run(name, model, seed).settings
    trained = train(CONTENDERS[model].kind, dataset, settings, place.options_of(model), seed)
    return metrics.evaluate(trained.model, dataset, "test")["accuracy"]


def measured(seeds: int, cache: Path | None) -> dict[tuple[str, str], np.ndarray]:
    """Returns the accuracies (seeds,) of every data set and row of the table, from the cache where it has them."""
    known: dict[str, float] = json.loads(cache.read_text()) if cache and cache.is_file() else {}
    board = leaderboard.read(leaderboard.RUNS)
    result = {}
    for name, (label, (model, only)), seed in product(DATA, KINDS.items(), range(seeds)):
        key = f"{leaderboard.Run(name, model, seed).key} {only}".strip()
        if key in board:
            known[key] = board[key]["test"]["accuracy"]
        if key not in known:
            known[key] = run(name, model, only, seed)
            print(f"{name} {label} seed {seed}: {known[key]:.4f}", flush=True)
            if cache:
                with atomic(cache) as part:
                    part.write_text(json.dumps(known, indent=1))
        result.setdefault((name, label), []).append(known[key])
    return {key: np.array(values) for key, values in result.items()}


def mean_and_error(gains: np.ndarray) -> tuple[float, float]:
    """Mean over seeds (seeds,) and its standard error; 0 for one seed."""
    error = gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    return float(gains.mean()), float(error)


def main() -> None:
    """Trains everything and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = measured(arguments.seeds, arguments.cache)
    rows = [
        [label, *(tables.spread(list(result[name, label]), 3) for name in DATA)] for label in KINDS
    ]
    gains = []
    for name, sound in DATA.items():
        above = [
            f"{100 * mean:+.1f} points (standard error {100 * error:.1f}) {words}"
            for alone, words in BESIDE.items()
            for mean, error in [mean_and_error(result[name, OURS] - result[name, alone])]
        ]
        gains.append(f"- {sound} sound, {OURS.strip('*')} with both: {', '.join(above)}")
    table = tables.markdown(["Test accuracy", *(f"{sound} sound" for sound in DATA.values())], rows)
    foot = f"{arguments.seeds} seeds, mean ± deviation. " + tables.provenance("alone.py")
    tables.write("alone", "\n".join([table, "", *gains, "", foot]))


if __name__ == "__main__":
    main()
