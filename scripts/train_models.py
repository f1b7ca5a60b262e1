"""Trains the checkpoints that are shipped in assets/models, over five seeds each, and writes their cards.

    python scripts/train_models.py                 # all whose data are here
    python scripts/train_models.py qj-mosi         # one
    python scripts/train_models.py --choose        # how the dropout of qj-mosi was chosen, on validation rows only

The weights that are shipped are those of the first seed, whatever it reached; the card states mean, deviation and value of every seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from qfusion import data  # noqa: E402
from qfusion.training import Options, checkpoint, metrics, train  # noqa: E402

SEEDS = [0, 1, 2, 3, 4]


@dataclass(frozen=True)
class Recipe:
    """What is trained: model, data, and the settings that differ from the defaults."""

    title: str
    model: str
    data: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    notes: str = ""


RECIPES = {
    "qj-planted": Recipe(
        "QiNN-QJ on planted opinions", "quantum-jump", "planted", dict(dropout=0.1), dict(epochs=60, rate=4e-3, patience=20)),
    "qj-mosi": Recipe(
        "QiNN-QJ on CMU-MOSI", "quantum-jump", "mosi", dict(dropout=0.5), dict(epochs=30, rate=2e-3, patience=0, refit=True),
        "The validation rows belong to the features' own training set, so validation looks better than test and cannot tell when to "
        "stop: a fixed schedule is run to its end, on train and validation rows. Dropout is the largest within one standard error of the best on validation rows "
        "(scripts/train_models.py --choose)."),
}


def make(name: str, folder: Path) -> None:
    """Trains one recipe over all seeds and writes the first seed's weights with the card."""
    recipe = RECIPES[name]
    dataset = data.load(recipe.data)
    results, measured = [], []
    for seed in SEEDS:
        start = time.perf_counter()
        results.append(train(recipe.model, dataset, recipe.settings, Options(**recipe.options), seed))
        measured.append({split: metrics.evaluate(results[-1].model, dataset, split) for split in ("train", "valid", "test")})
        print(f"{name} seed {seed}: {time.perf_counter() - start:.0f} s, epoch {results[-1].kept} kept,",
              {key: round(value, 3) for key, value in measured[-1]["test"].items()}, flush=True)
    spread = {split: metrics.summary([m[split] for m in measured]) for split in ("train", "valid", "test")}
    first = results[0]
    card = checkpoint.make_card(
        first.model, dataset, name=name, title=recipe.title, seed=SEEDS[0], training=first.settings(), metrics=spread,
        this_seed=measured[0], seeds=SEEDS, notes=recipe.notes)
    checkpoint.save(folder / name, first.model, card)


def choose() -> None:
    """Prints the validation MAE of each dropout for qj-mosi; the largest within one standard error of the best is taken."""
    recipe, dataset = RECIPES["qj-mosi"], data.load("mosi")
    found = {}
    for dropout in (0.1, 0.3, 0.5, 0.6, 0.7):
        options = Options(**{**recipe.options, "refit": False})
        losses = [train(recipe.model, dataset, {**recipe.settings, "dropout": dropout}, options, seed)
                  for seed in SEEDS]
        values = [metrics.evaluate(result.model, dataset, "valid")["mae"] for result in losses]
        found[dropout] = float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5)
        print(f"dropout {dropout}: validation MAE {found[dropout][0]:.4f}, standard error {found[dropout][1]:.4f}", flush=True)
    best = min(found.values())
    print("chosen:", max(dropout for dropout, (mean, _) in found.items() if mean <= sum(best)))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; default all")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "models")
    parser.add_argument("--choose", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.choose:
        choose()
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or RECIPES:
        make(name, arguments.out)


if __name__ == "__main__":
    main()
