"""What holds for the cards of shipped models."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.data import DataSet
from qfusion.models.baselines import Concatenation
from qfusion.training import checkpoint, metrics


def check_card(found: checkpoint.Checkpoint, dataset: DataSet, least: float) -> None:
    """The weights are those of the card, whose seeds reach an accuracy in the mean."""
    assert found.card["data"]["digest"] == dataset.digest, (
        "the data changed: run scripts/train_models.py"
    )
    measured = metrics.evaluate(found.model, dataset, "test")
    assert measured == pytest.approx(found.card["this_seed"]["test"], abs=2e-3)
    accuracy = found.card["metrics"]["test"]["accuracy"]
    assert len(accuracy["values"]) == len(found.card["seeds"]) >= 5
    assert accuracy["mean"] == pytest.approx(np.mean(accuracy["values"]))
    assert accuracy["mean"] >= least


def check_small_head(found: checkpoint.Checkpoint, dataset: DataSet) -> None:
    """The head of a network is as small as said, and much smaller than that of concatenation."""
    n, M, C = found.model.elements, len(found.model.modalities), len(found.model.outputs)
    kept, layers = len(found.model.network.retained), len(found.model.network.pooling)
    assert (
        found.card["parameters"]["fusion"]
        == 4 * n * (M - 1) + layers * (15 + 6) + C * (2**kept + n - kept) + C
    )
    concatenation = Concatenation(dataset.input_specs, dataset.target.classes, features=n)
    assert 20 * found.card["parameters"]["fusion"] <= sum(
        p.numel() for p in concatenation.head.parameters()
    )
