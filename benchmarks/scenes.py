"""Pictures and questions (`scenes`): QiNN-QJ beside itself without evolution, late fusion and a concatenation network,
with the same encoders, rows, schedule and seeds; and how much of the true contributions it finds.

    python benchmarks/scenes.py [--seeds 5] [--cache FILE.json]

Settings and schedule are those of the recipe `qj-scenes` (scripts/train_models.py), chosen on validation rows. With
--cache, runs that are finished are kept there and not repeated. Writes the table `scenes` of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import joint  # noqa: E402
import tables  # noqa: E402
from train_models import RECIPES  # noqa: E402

from qfusion import data, explain  # noqa: E402
from qfusion.study.opening import explained_model  # noqa: E402
from qfusion.training import Options, metrics, train  # noqa: E402

RECIPE = RECIPES["qj-scenes"]
ENCODERS = {
    key: RECIPE.settings[key]
    for key in ("encoder", "hidden", "pooling", "dropout", "input_dropout")
}
CONTENDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qj": ("**QiNN-QJ**", "quantum-jump", RECIPE.settings),
    "none": ("QiNN-QJ, no evolution", "quantum-jump", {**RECIPE.settings, "evolution": "none"}),
    "late": ("Late fusion", "late", ENCODERS),
    "concatenation": (
        "Concatenation network",
        "concatenation",
        {**ENCODERS, "features": 2 * RECIPE.settings["dims"][0]},
    ),
}


def run(name: str, dataset: data.DataSet, seed: int) -> dict[str, float]:
    """Trains one model and returns its test accuracy, parameters after the encoders and seconds; of QiNN-QJ, too, how
    much is said jointly at t = 0 and at T, and the correlation of its joint term for "yes" with the true one."""
    _, kind, settings = CONTENDERS[name]
    start = time.perf_counter()
    model = train(kind, dataset, settings, Options(**RECIPE.options), seed).model
    result = {
        "seconds": time.perf_counter() - start,
        "accuracy": metrics.evaluate(model, dataset, "test")["accuracy"],
        "parameters": sum(
            p.numel() for key, p in model.named_parameters() if not key.startswith("encoders.")
        ),
    }
    if name == "qj":
        model, rows = explained_model(model.double().eval(), dataset), dataset.rows("test")
        behind = explain.background(model, dataset.inputs(dataset.rows("train"), torch.float64))
        found = explain.explain(model, dataset.inputs(rows, torch.float64), behind)
        term = found.coalitions.index("picture+question")
        true = dataset.truth.iloc[rows]["picture+question"].to_numpy()
        result["start"], result["end"] = joint.share(model, dataset)
        result["correlation"] = float(np.corrcoef(found.dividends[:, term, 0], true)[0, 1])
    return result


def main() -> None:
    """Trains what is not kept yet and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--only", nargs="*", default=list(CONTENDERS), help="train these alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dataset = data.load("scenes")
    kept: dict[str, Any] = {}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in arguments.only}
    for name in arguments.only:
        for seed in range(arguments.seeds):
            key = json.dumps([dataset.digest[:16], name, seed, CONTENDERS[name][2], RECIPE.options])
            if arguments.cache and arguments.cache.is_file():
                kept = json.loads(arguments.cache.read_text())
            if key not in kept:
                kept[key] = run(name, dataset, seed)
                print(name, seed, kept[key], flush=True)
                if arguments.cache:
                    now = arguments.cache.read_text() if arguments.cache.is_file() else "{}"
                    arguments.cache.write_text(json.dumps({**json.loads(now), key: kept[key]}))
            results[name].append(kept[key])
    if set(results) != set(CONTENDERS):
        return
    ours = results["qj"]
    lines = [
        tables.markdown(
            ["Model", "Test accuracy", "Parameters after the encoders"],
            [
                [
                    CONTENDERS[name][0],
                    tables.spread([r["accuracy"] for r in runs]),
                    f"{runs[0]['parameters']:,}",
                ]
                for name, runs in results.items()
            ],
        ),
        "",
        f"Of a decision of QiNN-QJ {tables.spread([100 * r['end'] for r in ours], 1)} % is said jointly at T, and at "
        f"most {max(r['start'] for r in ours):.0e} of it at t = 0; in truth all of it is. Its joint term for 'yes' "
        f"correlates with the true one (1 or -1) by {tables.spread([r['correlation'] for r in ours])}.",
        "",
        f"{arguments.seeds} seeds. " + tables.provenance("scenes.py"),
    ]
    tables.write("scenes", "\n".join(lines))


if __name__ == "__main__":
    main()
