"""Deletion and insertion by the explanation's order against random orders, for every shipped model: modalities, and
features inside each.

    python benchmarks/faithfulness.py [--orders 10] [NAMES]

Writes the table `faithfulness` of docs/results.md when all models are measured. A gain is the area between our curve
and the mean random one, as a part of the mean change when everything is taken away; "beats" counts the random orders
that ours beats at deletion and insertion.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import tables  # noqa: E402

from qfusion import data, explain  # noqa: E402
from qfusion.explain import disturbances, faithfulness  # noqa: E402
from qfusion.explain.attribution import methods_by_title  # noqa: E402
from qfusion.explain.faithfulness import Curves  # noqa: E402
from qfusion.study.opening import explained_model  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards, metrics  # noqa: E402
from qfusion.training.batches import mean_and_std  # noqa: E402

SHIPPED = ("qj-planted", "qj-mosi", "qcnn-digits", "qcnn-avdigits", "qcnn-houston")


def line(found: Curves) -> list[str]:
    """Returns the cells of one row: gains at deletion and insertion, and how many random orders are beaten."""
    size = float(found.deletion[-1])
    beaten = int(((found.deletion_gain > 0) & (found.insertion_gain > 0)).sum())
    return [
        f"{found.deletion_gain.mean() / size:+.3f}",
        f"{found.insertion_gain.mean() / size:+.3f}",
        f"{beaten} of {len(found.deletion_gain)}",
    ]


def measured(name: str, orders: int) -> list[list[str]]:
    """Returns the rows of one model."""
    kept = checkpoint.load(name)
    dataset = data.load(kept.card["data"]["name"])
    model = explained_model(kept.model, dataset)
    rows = dataset.rows("test")
    training = dataset.rows(checkpoint_cards.training_split(kept.card))
    trained_on = dataset.inputs(training, torch.float64)
    inputs = dataset.inputs(rows, torch.float64)
    outputs = (
        metrics.predict(model, dataset, rows).argmax(1)
        if dataset.target.kind == "classification"
        else np.zeros(len(rows), int)
    )
    explanation = explain.explain(model, inputs, explain.background(model, trained_on))
    found = [
        [
            f"`{name}`",
            f"{len(model.modalities)} modalities, by Shapley value",
            *line(faithfulness.modality_curves(explanation, outputs, orders=orders)),
        ]
    ]
    for modality in model.modalities:
        for ranking in methods_by_title():
            baseline = mean_and_std(dataset, training, modality)[0]
            curves = disturbances.feature_curves(
                model, inputs, modality, outputs, baseline, ranking=ranking, orders=orders
            )
            found.append(["", f"inside `{modality}`, by {ranking}", *line(curves)])
            print(name, *found[-1][1:], flush=True)
    return found


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(SHIPPED))
    parser.add_argument("--orders", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for name in arguments.names for row in measured(name, arguments.orders)]
    header = [
        "Test rows, most important first",
        "What is taken away",
        "Deletion gain",
        "Insertion gain",
        "Random orders beaten",
    ]
    table = tables.markdown(header, rows)
    text = (
        f"{table}\n\n{arguments.orders} random orders, drawn anew for every sample. "
        + tables.provenance("faithfulness.py")
    )
    if list(arguments.names) == list(SHIPPED):
        tables.write("faithfulness", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
