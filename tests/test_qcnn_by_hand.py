"""An entangled QCNN written by hand in PennyLane and opened gives the numbers of the built-in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import qfusion
from qfusion.data.in_memory import data_set_of
from qfusion.figures.circuits import boxes
from qfusion.models import build
from qfusion.study import opening
from qfusion.study.opening import build_study
from qfusion.training import checkpoint
from qfusion.views import circuit as circuit_views
from tests.support import own_models

ROW, ELEMENTS = 3, 3


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    """The study of the built-in model, and that of the one written by hand with its weights."""
    random = np.random.default_rng(0)
    dataset = data_set_of(
        {
            "left": random.normal(size=(40, 5)),
            "right": random.normal(size=(40, 4)),
            "y": random.integers(0, 3, 40),
        }
    )
    torch.manual_seed(0)
    model = build(
        "entangled-qcnn", dataset.input_specs, dataset.target.classes, {"elements": ELEMENTS}
    )
    model.standardise(dataset.inputs(dataset.rows("train")))
    made = checkpoint.make_checkpoint(model, dataset, name="built-in")
    wires = {name: [f"{name}{i}" for i in range(ELEMENTS)] for name in dataset.names}
    by_hand = qfusion.open(
        own_models.entangled_qcnn_by_hand(made.model), dataset, wires=wires, name="by-hand"
    )
    return build_study("built-in", made.card, made.model, dataset), by_hand


def test_scores_and_contributions_are_the_same(both: tuple[Any, Any]) -> None:
    ours, by_hand = (opening.with_background(study, "joint").with_all_rows() for study in both)
    np.testing.assert_allclose(by_hand.scores, ours.scores, atol=1e-12)
    sample = str(ours.dataset.ids[ROW])
    assert by_hand.sample(sample).dividends == pytest.approx(
        ours.sample(sample).dividends, abs=1e-10
    )
    assert by_hand.sample(sample).verdict.relation is ours.sample(sample).verdict.relation


def test_every_qubit_is_the_same_after_every_gate(both: tuple[Any, Any]) -> None:
    """A measurement is deferred to one more qubit, which leaves the others as a measurement does."""
    ours, by_hand = (boxes.replay(study, ROW) for study in both)
    assert by_hand.count == ours.count
    places = {wire.name: row for row, wire in enumerate(by_hand.wires)}
    names = {f"fused[{i}]": f"other[{i}]" for i in range(ELEMENTS)}
    rows = [places[names.get(wire.name, wire.name)] for wire in ours.wires]
    np.testing.assert_allclose(by_hand.bloch[:, rows], ours.bloch, atol=1e-12)
    np.testing.assert_allclose(by_hand.entropy[:, rows], ours.entropy, atol=1e-8)


def probabilities_at_the_end(sample: Any) -> dict[int, float]:
    walk = boxes.replay(sample.study, ROW)
    return circuit_views.probabilities_of_one(sample, walk, walk.count)[0]


def test_ends_and_decision_are_the_same(both: tuple[Any, Any]) -> None:
    samples = [study.sample(str(study.dataset.ids[ROW])) for study in both]
    ours, by_hand = (probabilities_at_the_end(sample) for sample in samples)
    assert list(by_hand.values())[-ELEMENTS - 1 : -1] == pytest.approx(
        list(ours.values())[-ELEMENTS:], abs=1e-12
    )
    assert circuit_views.decision(samples[0]) == circuit_views.decision(samples[1])
