"""Trains the seeds of shipped recipes anew and keeps how much their explanations differ, in qfusion/assets/stability.

    python scripts/stability.py                # all recipes whose model is shipped and whose data are here
    python scripts/stability.py qj-planted     # one
    python scripts/stability.py --seeds 2      # fewer, to try it

A recipe that differs from the card of the shipped model is refused: train the model first. Of the first seed the
shipped weights are taken; how far its training on this machine is from them is printed and kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from train_models import RECIPES, SEEDS, Recipe  # noqa: E402

from qfusion import data, plugin  # noqa: E402
from qfusion.explain import stability  # noqa: E402
from qfusion.models import registry  # noqa: E402
from qfusion.study import seeds  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402


def mismatch(recipe: Recipe, card: dict) -> str:
    """Returns in what a recipe differs from the card of the shipped model, or an empty string."""
    settings = registry.settings(recipe.model) | recipe.settings
    kept = {key: value for key, value in card["settings"].items() if key != "dims"}
    different = [key for key, value in kept.items() if settings.get(key) != value]
    options = {
        key: value for key, value in recipe.options.items() if card["training"].get(key) != value
    }
    return ", ".join([*different, *options])


def measure(name: str, count: int, folder: Path, runs: Path | None = None) -> None:
    """Takes or trains one recipe from every seed and writes its file."""
    recipe, shipped = RECIPES[name], checkpoint.load(name)
    if differs := mismatch(recipe, shipped.card):
        raise SystemExit(
            f"{name}: the recipe differs from the shipped card in {differs}. Run scripts/train_models.py {name} first."
        )
    dataset = data.load(recipe.data)
    kept = runs or folder

    def trained_card(seed: int) -> Path:
        return kept / f"{name}-seed{seed}.json"

    seed = shipped.card["seed"]
    again = seeds.load_alike(trained_card(seed), shipped.card, dataset, seed)
    if again is None:
        again = seeds.train_seed(shipped.card, dataset, seed)
    values, values_again = (
        seeds.split_dividends(seeds.seed_study(shipped.card, model, dataset, seed))
        for model in (shipped.model, again)
    )
    deviation = float(np.abs(values_again - values).max())
    measured = seeds.measure_seeds(
        shipped,
        dataset,
        count,
        place=folder / f"{name}.safetensors",
        trained_card=trained_card,
        notes={
            "settings": recipe.settings,
            "options": recipe.options,
            "first_seed_trained_anew": deviation,
        },
    )
    print(
        f"{name}: seed {seed} trained here differs from the shipped one by {deviation:.1e} at most; the "
        f"same leading modality in {measured.leader_agreement():.3f} of cases",
        flush=True,
    )
    for term, (mean, lowest) in measured.rank_correlations().items():
        spread = np.median(measured.spread()[:, measured.coalitions.index(term) - 1])
        print(
            f"  {term}: rank correlation {mean:.3f}, lowest {lowest:.3f}, median deviation {spread:.3f}",
            flush=True,
        )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"of {', '.join(RECIPES)}; default all that are shipped"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--runs", type=Path, help="where train_models.py --runs kept the seeds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.names or [
        name for name in RECIPES if name in checkpoint_cards.available()
    ]:
        shipped = plugin.find_asset(stability.FOLDER, f"{name}.safetensors")
        measure(name, arguments.seeds, arguments.out or shipped.parent, arguments.runs)


if __name__ == "__main__":
    main()
