"""Entangled fusion with a QCNN beside classical heads: same encoders, rows, schedule and seeds, trained in one run.

    QFUSION_DATA=FOLDER python benchmarks/fusion.py [digits avdigits handwritten houston] [--seeds 5]
                                                    [--cache FILE.json]

Late fusion has encoders of one output per class; all others have the n outputs of our model. Settings and schedule are
those of our model's recipe (scripts/train_models.py), chosen by cross-validation without the test rows; every head is
trained with them as they are. With --cache, runs that are finished are kept there and not repeated. Writes README's
table `fusion`, or another by --table (`handwritten`, whose TFN takes half an hour, has `fusion-handwritten`).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import tables  # noqa: E402
from train_models import FUSION, Recipe  # noqa: E402

from qfusion import data  # noqa: E402
from qfusion.models import BASELINES  # noqa: E402
from qfusion.training import Options, fit, metrics, train  # noqa: E402

OURS = "entangled-qcnn"
LABELS = {
    OURS: "**Entangled QCNN**",
    "late": "Late fusion",
    "concatenation": "Concatenation network",
    "tensor": "TFN (tensor)",
    "low-rank": "LMF (low rank)",
}
ENCODER = ("encoder", "hidden", "dropout", "pooling")
MAX_HIDDEN_TENSOR = 100_000  # entries; above, the TFN head is linear in the outer product, or training would take hours


def baseline(
    kind: str, recipe: Recipe, dataset: data.DataSet, options: Options, seed: int
) -> nn.Module:
    """Returns a trained classical head on the encoders of a recipe."""
    n = recipe.settings["elements"]
    settings: dict[str, Any] = {
        key: recipe.settings[key] for key in ENCODER if key in recipe.settings
    }
    if kind != "late":
        settings["features"] = n
    if kind == "tensor" and (n + 1) ** len(dataset.modalities) > MAX_HIDDEN_TENSOR:
        settings["width"] = 0
    torch.manual_seed(seed)
    model = BASELINES[kind](dataset.input_specs, dataset.target.classes, **settings)
    model.standardise(dataset.inputs(dataset.rows(options.split)))
    return fit(model, dataset, options, seed).model


def run(kind: str, recipe: Recipe, dataset: data.DataSet, seed: int) -> dict[str, Any]:
    """Trains one model and returns its test accuracy, its parameters after the encoders and the seconds it took."""
    options = Options(**recipe.options)
    start = time.perf_counter()
    if kind == OURS:
        model: nn.Module = train(OURS, dataset, recipe.settings, options, seed).model
    else:
        model = baseline(kind, recipe, dataset, options, seed)
    seconds = time.perf_counter() - start
    after = sum(
        p.numel() for name, p in model.named_parameters() if not name.startswith("encoders.")
    )
    return {
        "accuracy": metrics.evaluate(model, dataset, "test")["accuracy"],
        "parameters": after,
        "seconds": seconds,
    }


def measured(
    name: str, seeds: Sequence[int], cache: Path | None
) -> dict[str, list[dict[str, Any]]]:
    """Returns every contender's runs on a data set, from the cache where it has them."""
    recipe, dataset = FUSION[name], data.load(name)
    known: dict[str, Any] = json.loads(cache.read_text()) if cache and cache.is_file() else {}
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in LABELS}
    for kind in LABELS:
        for seed in seeds:
            key = json.dumps(
                [name, dataset.digest[:16], kind, seed, recipe.settings, recipe.options]
            )
            if key not in known:
                known[key] = run(kind, recipe, dataset, seed)
                print(name, kind, seed, known[key], flush=True)
                if cache:
                    cache.write_text(json.dumps(known, indent=1))
            found[kind].append(known[key])
    return found


def verdict(name: str, runs: dict[str, list[dict[str, Any]]]) -> str:
    """Returns one sentence: ours against the concatenation network and against the best, with the standard error of the
    difference."""
    values = {kind: np.array([r["accuracy"] for r in rows]) for kind, rows in runs.items()}
    mean = {kind: float(v.mean()) for kind, v in values.items()}
    error = {
        kind: float(v.std(ddof=1) ** 2 / len(v)) if len(v) > 1 else 0.0
        for kind, v in values.items()
    }
    fewer = runs["concatenation"][0]["parameters"] / runs[OURS][0]["parameters"]
    best = max(mean, key=lambda kind: mean[kind])
    against = mean[OURS] - mean["concatenation"]
    text = f"`{name}`: {against:+.4f} against the concatenation network with {fewer:.1f} times fewer parameters; "
    if best == OURS:
        return text + "the best of the five."
    gap, spread = mean[best] - mean[OURS], math.sqrt(error[best] + error[OURS])
    label = LABELS[best].lower() if best == "late" else LABELS[best]
    return text + f"{gap:.4f} below the best, {label} (standard error {spread:.4f})."


def main() -> None:
    """Trains everything and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FUSION)}; default all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path)
    parser.add_argument(
        "--table", default="fusion", help="which table is written, of README or docs/results.md"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.names or list(FUSION)
    results = {name: measured(name, range(arguments.seeds), arguments.cache) for name in names}
    rows = []
    for name, runs in results.items():
        for kind, label in LABELS.items():
            rows.append(
                [
                    f"`{name}`" if kind == OURS else "",
                    label,
                    tables.spread([r["accuracy"] for r in runs[kind]], 4),
                    f"{runs[kind][0]['parameters']:,}",
                    f"{np.median([r['seconds'] for r in runs[kind]]):.0f}",
                ]
            )
    table = tables.markdown(
        [
            "Data",
            "Head",
            "Test accuracy, mean ± deviation",
            "Parameters after the encoders",
            "Training (s)",
        ],
        rows,
    )
    text = "\n".join(
        [
            table,
            "",
            *(f"- {verdict(name, runs)}" for name, runs in results.items()),
            "",
            f"{arguments.seeds} seeds. " + tables.provenance("fusion.py"),
        ]
    )
    tables.write(arguments.table, text)


if __name__ == "__main__":
    main()
