"""QiNN-QJ on CMU-MOSI beside ridge regression, a network on all features at once and its own ablations: same features,
split and seeds.

    QFUSION_DATA=FOLDER python benchmarks/mosi.py [--seeds 5]

Every network trains on the same rows by the same loop and schedule as the shipped checkpoint. The weight decay of
QiNN-QJ and the dropout of the network on all features were decided blind, see scripts/choose_mosi.py; ridge chooses its
penalty by cross-validation on the training rows. Models that are on the leaderboard have its recipe, its seeds and its
name here, and their results are checked against its rows: one name, one number. Writes the table `mosi` of
docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import joint  # noqa: E402
import tables  # noqa: E402
from train_models import RECIPES  # noqa: E402

from qfusion import data  # noqa: E402
from qfusion.models import QuantumJump  # noqa: E402
from qfusion.models.encoders import Standardiser  # noqa: E402
from qfusion.plugins.papers import ASSETS  # noqa: E402
from qfusion.training import Options, fit, metrics, train  # noqa: E402

COLUMNS = ("acc2_non0", "acc7", "mae", "corr")
BOARD = ASSETS / "leaderboard.json"
TOLERANCE = 5e-4  # of a mean: half of the last digit that is written


# By label here, the rows of the leaderboard: the same recipe, so the same results.
ON_THE_BOARD = {
    "QiNN-QJ, no evolution": "qj-none",
    "QiNN-QJ, unitary (no jumps)": "qj-unitary",
    "QiNN-QJ, dissipative (no H)": "qj-dissipative",
    "QiNN-QJ, joint read-out": "qj-joint",
    "**QiNN-QJ** (D = 64)": "qj",
}


class EarlyFusion(nn.Module):
    """All features side by side -> one hidden layer -> a score: no encoders, unlike the concatenation network of the
    leaderboard."""

    def __init__(self, dataset: data.DataSet, hidden: int = 64, dropout: float = 0.5):
        super().__init__()
        self.standardise = nn.ModuleList([Standardiser(m.size) for m in dataset.modalities])
        self.net = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(sum(m.size for m in dataset.modalities), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
        )

    def fit_inputs(self, inputs: dict[str, torch.Tensor]) -> None:
        for standardise, values in zip(self.standardise, inputs.values(), strict=True):
            standardise.fit(values, None)

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.net(
            torch.cat([s(x) for s, x in zip(self.standardise, inputs.values(), strict=True)], -1)
        )


def ridge(dataset: data.DataSet) -> dict[str, float]:
    """Returns the test metrics of ridge regression on all features."""
    X = np.concatenate([m.values for m in dataset.modalities], 1).astype(float)
    rows, test = dataset.rows("train+valid"), dataset.rows("test")
    scale = StandardScaler().fit(X[rows])
    found = RidgeCV(np.logspace(0, 5, 21)).fit(scale.transform(X[rows]), dataset.y[rows])
    return metrics.regression(found.predict(scale.transform(X[test])), dataset.y[test])


def early_fusion(dataset: data.DataSet, options: Options, seed: int) -> nn.Module:
    """Returns the trained early-fusion network."""
    torch.manual_seed(seed)
    model = EarlyFusion(dataset)
    model.fit_inputs(dataset.inputs(dataset.rows(options.split)))
    return fit(model, dataset, options, seed).model


def require_as_on_the_board(label: str, measured: Sequence[Mapping[str, float]]) -> None:
    """Stops where a model that is on the leaderboard has another result here.

    Args:
        label: of the row. measured: test metrics of every seed.

    Raises:
        SystemExit: when a mean of COLUMNS, as it is written, is not that of the board.
    """
    if label not in ON_THE_BOARD:
        return
    row = json.loads(BOARD.read_text())["data"]["mosi"]["rows"][ON_THE_BOARD[label]]
    for key in COLUMNS:
        here = float(np.mean([one[key] for one in measured]))
        there = row["test"][key]["mean"]
        if abs(here - there) > TOLERANCE:
            raise SystemExit(
                f"{label}: {key} is {here:.4f} here and {there:.4f} on the leaderboard. Run `python "
                "benchmarks/leaderboard.py mosi --anew mosi --keep --beside` first, with as many seeds."
            )


def main() -> None:
    """Trains everything and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    dataset, recipe = data.load("mosi"), RECIPES["qj-mosi"]
    options = Options(**recipe.options)
    contenders: dict[str, Any] = {
        "Network on all features at once": lambda seed: early_fusion(
            dataset, options.replace(weight_decay=Options().weight_decay), seed
        ),
        **{
            label: (
                lambda seed, change=change: (
                    train(recipe.model, dataset, {**recipe.settings, **change}, options, seed).model
                )
            )
            for label, change in (
                ("QiNN-QJ, no evolution", dict(evolution="none")),
                ("QiNN-QJ, no evolution, W started at 2", dict(evolution="none", head_scale=2.0)),
                ("QiNN-QJ, unitary (no jumps)", dict(evolution="unitary")),
                ("QiNN-QJ, dissipative (no H)", dict(evolution="dissipative")),
                ("QiNN-QJ, joint read-out", dict(readout="joint")),
                ("**QiNN-QJ** (D = 64)", {}),
            )
        },
    }
    rows = [["Ridge regression", "", *(f"{ridge(dataset)[key]:.3f}" for key in COLUMNS), "", ""]]
    for label, make in contenders.items():
        start = time.perf_counter()
        models = [make(seed) for seed in seeds]
        seconds = (time.perf_counter() - start) / len(models)
        measured = [metrics.evaluate(model, dataset, "test") for model in models]
        require_as_on_the_board(label, measured)
        quantum = isinstance(models[0], QuantumJump)
        shares = (
            [joint.share(model.double().eval(), dataset, options.split) for model in models]
            if quantum
            else []
        )
        part = (
            f"{np.mean([s[0] for s in shares]):.1%} → {np.mean([s[1] for s in shares]):.1%}"
            if shares
            else ""
        )
        rows.append(
            [
                label,
                f"{sum(p.numel() for p in models[0].parameters()):,}",
                *(tables.spread([m[key] for m in measured]) for key in COLUMNS),
                part,
                f"{seconds:.0f}",
            ]
        )
        print(rows[-1], flush=True)
    header = [
        "Test rows, mean ± deviation over seeds",
        "Parameters",
        "Acc-2 (non-zero)",
        "Acc-7",
        "MAE",
        "Correlation",
        "Joint part, t = 0 → T",
        "Training (s)",
    ]
    tables.write(
        "mosi",
        tables.markdown(header, rows) + f"\n\n{len(seeds)} seeds. " + tables.provenance("mosi.py"),
    )


if __name__ == "__main__":
    main()
