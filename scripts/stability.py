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
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from train_models import RECIPES, SEEDS, Recipe  # noqa: E402

from qfusion import data, explain  # noqa: E402
from qfusion.analysis.study_building import explained_model  # noqa: E402
from qfusion.explain import backgrounds, stability  # noqa: E402
from qfusion.models import FusionModel, registry  # noqa: E402
from qfusion.training import Options, checkpoint, checkpoint_cards, checkpoint_folders, train  # noqa: E402


def mismatch(recipe: Recipe, card: dict) -> str:
    """Returns in what a recipe differs from the card of the shipped model, or an empty string."""
    settings = registry.settings(recipe.model) | recipe.settings
    kept = {key: value for key, value in card["settings"].items() if key != "dims"}
    different = [key for key, value in kept.items() if settings.get(key) != value]
    options = {
        key: value for key, value in recipe.options.items() if card["training"].get(key) != value
    }
    return ", ".join([*different, *options])


def dividends(
    model: FusionModel, dataset: data.DataSet, card: dict
) -> tuple[np.ndarray, explain.Explanation]:
    """Returns the dividends (B, 2^M) of the test rows: of the only score, or of the log-odds of the true class."""
    rows = dataset.rows("test")
    model = explained_model(model, dataset)
    background = explain.background(
        model,
        dataset.inputs(dataset.rows(checkpoint_cards.training_split(card)), torch.float64),
        backgrounds.DEFAULT,
    )
    found = explain.explain(model, dataset.inputs(rows, torch.float64), background)
    outputs = (
        dataset.y[rows] if dataset.target.kind == "classification" else np.zeros(len(rows), int)
    )
    return found.dividends[np.arange(len(rows)), :, outputs], found


def seed_of(name: str, seed: int, dataset: data.DataSet, runs: Path | None) -> FusionModel:
    """Returns the model of a seed: as `train_models.py --runs` kept it, or trained."""
    recipe = RECIPES[name]
    if runs and (kept := runs / f"{name}-seed{seed}.json").is_file():
        model = checkpoint.load(kept).model
    else:
        model = train(recipe.model, dataset, recipe.settings, Options(**recipe.options), seed).model
    return model.double().eval()


def measure(name: str, seeds: list[int], folder: Path, runs: Path | None = None) -> None:
    """Takes or trains one recipe from every seed and writes its file."""
    recipe, shipped = RECIPES[name], checkpoint.load(name)
    if differs := mismatch(recipe, shipped.card):
        raise SystemExit(
            f"{name}: the recipe differs from the shipped card in {differs}. Run scripts/train_models.py {name} first."
        )
    dataset = data.load(recipe.data)
    values, explanation = dividends(shipped.model, dataset, shipped.card)
    found, deviation = [values], 0.0
    for seed in seeds:
        start = time.perf_counter()
        model = seed_of(name, seed, dataset, runs)
        values, _ = dividends(model, dataset, shipped.card)
        if seed == seeds[0]:
            deviation = float(np.abs(values - found[0]).max())
        else:
            found.append(values)
        print(f"{name} seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)
    measured = stability.Stability(
        explanation.modalities,
        explanation.coalitions,
        tuple(seeds),
        np.array(found),
        explanation.background_size,
        dataset.target.kind == "classification",
    )
    print(
        f"{name}: seed {seeds[0]} trained here differs from the shipped one by {deviation:.1e} at most; the "
        f"same leading modality in {measured.leader_agreement():.3f} of cases",
        flush=True,
    )
    for term, (mean, lowest) in measured.rank_correlations().items():
        spread = np.median(measured.spread()[:, measured.coalitions.index(term) - 1])
        print(
            f"  {term}: rank correlation {mean:.3f}, lowest {lowest:.3f}, median deviation {spread:.3f}",
            flush=True,
        )
    stability.save(
        folder / f"{name}.safetensors",
        measured,
        weights=shipped.card["weights_sha256"],
        data=dataset.digest,
        notes={
            "settings": recipe.settings,
            "options": recipe.options,
            "first_seed_trained_anew": deviation,
        },
    )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"of {', '.join(RECIPES)}; default all that are shipped"
    )
    parser.add_argument("--out", type=Path, default=stability.FOLDER)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--runs", type=Path, help="where train_models.py --runs kept the seeds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.names or [
        name for name in RECIPES if name in checkpoint_folders.available()
    ]:
        measure(name, SEEDS[: arguments.seeds], arguments.out, arguments.runs)


if __name__ == "__main__":
    main()
