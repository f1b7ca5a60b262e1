"""Scores as exact functions of one angle: against the model with that angle set, and against PennyLane."""

from __future__ import annotations

import contextlib
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch

import qfusion
from qfusion.adapters import showing
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain.angle_response import angle_names, angle_response
from qfusion.explain.backgrounds import background
from qfusion.models import live_link, live_model
from qfusion.models.network import gate_angles
from qfusion.quantum import circuits
from qfusion.study import opening
from qfusion.study.sample import build_sample
from qfusion.views import flips as angle_views
from qfusion.views.pages.panel import drawn
from tests.support import own_models, small_models
from tests.support.angle_errors import EXACT, angles, worst_error
from tests.support.app import visit

RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def network() -> tuple[Any, Any, Any]:
    """A network of two elements, in which every angle of a table, and of the circuit, drives one gate."""
    model = small_models.model_of("entangled-qcnn", 2)
    return (
        model,
        small_models.rows_of(model, 2, 1),
        background(model, small_models.rows_of(model, 9, 2), "joint"),
    )


def test_every_angle_of_a_small_network_needs_three_evaluations(network: Any) -> None:
    model, inputs, own = network
    names = angle_names(model)
    assert len(names) == len(set(names)) == 8 + 15 + 6
    for name in names:
        found = angle_response(model, inputs, name, own)
        assert (found.evaluations, found.frequencies) == (3, (1.0,))
        assert found.is_linear
        assert found.period == 2 * math.pi
        assert worst_error(model, inputs, found, own) < EXACT


@pytest.mark.parametrize("block", ["circuit6", "circuit13"])
def test_controlled_rotations_of_a_block_need_five(block: str) -> None:
    torch.manual_seed(0)
    inputs = {"a": {"size": 3, "sequence": False}, "b": {"size": 3, "sequence": False}}
    model = (
        qfusion.models.build("entangled-qcnn", inputs, ("0", "1"), {"elements": 2, "block": block})
        .double()
        .eval()
    )
    rows, own = (
        small_models.rows_of(model, 2, 1),
        background(model, small_models.rows_of(model, 9, 2), "joint"),
    )
    counts = set()
    for name in angle_names(model)[8:]:
        found = angle_response(model, rows, name, own)
        counts.add(found.evaluations)
        assert worst_error(model, rows, found, own) < EXACT
    assert counts == {3, 5}


def test_shared_angles_state_how_many_evaluations_they_need() -> None:
    torch.manual_seed(0)
    inputs = {"a": {"size": 3, "sequence": False}, "b": {"size": 3, "sequence": False}}
    model = (
        qfusion.models.build("entangled-qcnn", inputs, ("0", "1"), {"elements": 4}).double().eval()
    )
    rows, own = (
        small_models.rows_of(model, 1, 1),
        background(model, small_models.rows_of(model, 5, 2), "product"),
    )
    for name, count in (("convolution.0.7", 9), ("pooling.0.4", 5), ("3.01", 3)):
        found = angle_response(model, rows, name, own)
        assert found.evaluations == count
        assert worst_error(model, rows, found, own) < EXACT


def test_an_edited_network_keeps_its_other_edits(network: Any) -> None:
    model, inputs, own = network
    edited = model.tweaked("0.01=2.5,convolution.0.3=-0.7")
    found = angle_response(edited, inputs, "1.10", own)
    assert worst_error(edited, inputs, found, own) < EXACT
    assert angle_response(edited, inputs, "0.01").present == pytest.approx(2.5)
    assert angle_response(edited, inputs, "convolution.0.3").present == pytest.approx(-0.7)
    at = np.array([edited.phi.detach()[1, 0, 2]])
    assert np.abs(found.values(at)[0] - edited(inputs).detach().numpy()).max() < EXACT


GATES = {
    "RX": (lambda a: qml.RX(a, 0), 3),
    "RY": (lambda a: qml.RY(a, 1), 3),
    "RZ": (lambda a: qml.RZ(a, 0), 3),
    "PhaseShift": (lambda a: qml.PhaseShift(a, 0), 3),
    "PauliRot": (lambda a: qml.PauliRot(a, "XY", wires=[0, 1]), 3),
    "MultiRZ": (lambda a: qml.MultiRZ(a, wires=[0, 1]), 3),
    "IsingXX": (lambda a: qml.IsingXX(a, wires=[0, 1]), 3),
    "IsingZZ": (lambda a: qml.IsingZZ(a, wires=[0, 1]), 3),
    "ControlledPhaseShift": (lambda a: qml.ControlledPhaseShift(a, wires=[0, 1]), 3),
    "CRX": (lambda a: qml.CRX(a, wires=[0, 1]), 5),
    "CRY": (lambda a: qml.CRY(a, wires=[1, 0]), 5),
    "CRZ": (lambda a: qml.CRZ(a, wires=[0, 1]), 5),
    "SingleExcitation": (lambda a: qml.SingleExcitation(a, wires=[0, 1]), 5),
}


def scores_with(gate: Any, weight: Any, tail: Any) -> tuple[Any, Any]:
    """Returns a model with one trained gate, and the same by PennyLane with an angle of the gate."""

    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(left: Any, right: Any, angle: Any) -> Any:
        qml.RY(left[..., 0], 0)
        qml.RX(right[..., 0], 1)
        qml.IsingXY(0.7, wires=[0, 1])
        gate(angle)
        qml.Hadamard(0)
        qml.CRY(0.9, wires=[0, 1])
        return qml.expval(qml.Z(0)), qml.expval(qml.X(0) @ qml.Y(1))

    def with_angle(left: Any, right: Any, angle: Any) -> Any:
        return tail(torch.stack([torch.as_tensor(c) for c in circuit(left, right, angle)], -1))

    return lambda left, right: with_angle(left, right, weight), with_angle


TAILS = {
    "as it is": lambda x: x,
    "a matrix": lambda x: x @ torch.tensor([[1.0, 2], [0.3, -1]], dtype=torch.float64) + 0.2,
    "a bend": lambda x: torch.relu(3 * x - 0.4) + torch.tanh(2 * x.flip(-1)),
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("tail", TAILS)
def test_gates_of_pennylane_against_pennylane(gate: str, tail: str) -> None:
    make, count = GATES[gate]
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    model, reference = scores_with(make, weight, TAILS[tail])
    data = own_models.two_modalities(2, 2, rows=24)
    study = qfusion.open(model, data)
    opened, own = study.model, study.sample_background
    (name,) = angle_names(opened)
    assert name == "4.angle"
    inputs = study.inputs([3, 5])
    found = angle_response(opened, inputs, name, own)
    assert (found.evaluations, found.is_linear) == (count, tail != "a bend")
    assert found.present == pytest.approx(0.4)
    at = angles(4)
    raw = [
        reference(inputs["left"], inputs["right"], torch.tensor(angle, dtype=torch.float64))
        for angle in at
    ]
    expected = torch.stack(raw).detach().numpy()
    margins = expected[..., 1] - expected[..., 0]
    scores = found.values(at)
    assert np.abs((scores[..., 1] - scores[..., 0]) * opened.logit_scale - margins).max() < EXACT
    assert worst_error(opened, inputs, found, own) < EXACT


def test_probabilities_become_log_odds_exactly() -> None:
    study = qfusion.open(own_models.amplitude_classifier(), own_models.two_modalities())
    inputs = study.inputs([2])
    name = angle_names(study.model)[1]
    found = angle_response(study.model, inputs, name, study.sample_background)
    assert not found.is_linear
    assert found.coefficients is None
    assert found.evaluations == 3
    assert worst_error(study.model, inputs, found, study.sample_background) < EXACT


@pytest.mark.parametrize(
    "make",
    [
        own_models.angle_classifier,
        own_models.reuploading_classifier,
        own_models.convolutional_classifier,
    ],
)
def test_tutorial_models(make: Any) -> None:
    study = qfusion.open(make(), own_models.two_modalities(4, 4 if "conv" in make.__name__ else 3))
    inputs, own = study.inputs([1]), study.sample_background
    names = angle_names(study.model)
    for name in names[:: max(1, len(names) // 4)]:
        found = angle_response(study.model, inputs, name, own)
        assert found.evaluations in (3, 5)
        assert worst_error(study.model, inputs, found, own) < EXACT


def test_frequencies_that_are_not_commensurable() -> None:
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    H = 0.3 * qml.X(0) @ qml.X(1) + 0.5 * qml.Z(0) + 0.2 * qml.Y(1)
    model, _ = scores_with(lambda a: qml.evolve(H, a), weight, lambda x: x)
    study = qfusion.open(model, own_models.two_modalities(2, 2, rows=24))
    inputs = study.inputs([3])
    names = angle_names(study.model)
    found = angle_response(study.model, inputs, names[0], study.sample_background)
    assert found.evaluations == 2 * len(found.frequencies) + 1
    assert found.period == math.inf
    assert worst_error(study.model, inputs, found, study.sample_background) < EXACT
    assert len(found.flips()) >= 0


def test_a_variance_is_no_expectation_and_is_followed_by_doubling() -> None:
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(left: Any, right: Any) -> Any:
        qml.RY(left[..., 0], 0)
        qml.RX(right[..., 0], 1)
        qml.CNOT([0, 1])
        qml.RY(weight, 1)
        return qml.var(qml.Z(1))

    study = qfusion.open(circuit, own_models.two_modalities(2, 2, rows=24))
    inputs = study.inputs([3])
    (name,) = angle_names(study.model)
    found = angle_response(study.model, inputs, name, study.sample_background)
    assert found.evaluations == 33
    assert worst_error(study.model, inputs, found, study.sample_background) < EXACT


def test_unknown_frequencies_are_found_by_doubling_or_refused() -> None:
    fitted, count = circuits.fit_polynomial(lambda a: np.array([np.sin(1.5 * a) ** 2]), None)
    at = angles()
    assert np.abs(fitted(at)[:, 0] - np.sin(1.5 * at) ** 2).max() < EXACT
    assert count == 33
    with pytest.raises(InvalidInput, match="no trigonometric polynomial of low order"):
        circuits.fit_polynomial(lambda a: np.array([abs(a)]), None)


def test_frequencies_of_a_gate_and_of_shared_ones() -> None:
    one = circuits.gate_frequencies(lambda a: qml.matrix(qml.CRX(a, wires=[0, 1])))
    assert one == (0.5, 1.0)
    assert circuits.shared_frequencies(one, 2) == (0.5, 1.0, 1.5, 2.0)
    twice = lambda a: qml.matrix(qml.RZ(a, 0) @ qml.RX(0.3, 0) @ qml.RZ(-a, 0))  # noqa: E731
    assert circuits.gate_frequencies(twice) == (1.0, 2.0)
    bent = lambda a: qml.matrix(qml.RX(abs(a - 1), 0))  # noqa: E731
    assert circuits.gate_frequencies(bent) is None


def test_flips_are_where_the_decision_changes(network: Any) -> None:
    model, inputs, _ = network
    seen = 0
    for name, sample in itertools.product(angle_names(model)[::3], (0, 1)):
        found = angle_response(model, inputs, name)
        flips = found.flips(sample)
        seen += len(flips)
        for flip in flips:
            scores = found.values([flip - 1e-6, flip, flip + 1e-6])[:, sample]
            assert abs(scores[1, 0] - scores[1, 1]) < 1e-9
            assert scores[0].argmax() != scores[2].argmax()
    assert seen


def test_bad_input_is_refused(network: Any) -> None:
    model, inputs, own = network
    with pytest.raises(NotFound, match=r"Angle 'pooling\.9\.9' does not exist"):
        angle_response(model, inputs, "pooling.9.9", own)
    linear = small_models.model_of("linear", 2)
    assert angle_names(linear) == ()
    with pytest.raises(InvalidInput, match="kind linear has no angles of gates"):
        angle_response(linear, inputs, "3.angle")
    found = angle_response(model, inputs, "0.01")
    for bad in ([math.nan], 1.0, [[1.0]], "x", [math.inf]):
        with pytest.raises(InvalidInput, match="`angles` must be a row of finite numbers"):
            found.values(bad)
    with pytest.raises(InvalidInput, match="need a background"):
        found.dividends([0.0])
    with pytest.raises(InvalidInput, match="`sample` must number one of 2"):
        found.flips(2)
    with pytest.raises(InvalidInput, match="`angle` must be a finite number"):
        gate_angles.with_angle(model, "0.01", math.nan)
    study = qfusion.open(own_models.reuploading_classifier(), own_models.two_modalities(3, 3))
    name = angle_names(study.model)[0]
    noisy = study.model.with_change(qfusion.models.tweak.CircuitChange(shots=100))
    with pytest.raises(InvalidInput, match="scatter from run to run"):
        angle_response(noisy, study.inputs([0]), name)


def test_a_model_in_another_process_answers_alike(tmp_path: Path) -> None:
    """The dashboard asks the user's process for readings, and for what its model makes of other numbers."""
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    model, _ = scores_with(GATES["CRX"][0], weight, TAILS["a bend"])
    study = qfusion.open(model, own_models.two_modalities(2, 2, rows=24))
    trained = study.trained
    server = showing.ModelServer(trained, str(tmp_path / "model"), b"token")
    link = live_link.LiveLink(str(tmp_path / "model"), b"token", "own")
    linked = live_model.LiveCircuit(
        study.dataset.input_specs,
        trained.outputs,
        live_link.LinkedCall(link),
        trained.holds,
        live_link.LinkedCircuit(link, live_link.describe_circuit(trained.source)),
    ).eval()
    inputs = study.inputs([3])
    here = angle_response(trained, inputs, "4.angle", study.sample_background)
    there = angle_response(linked, inputs, "4.angle", study.sample_background)
    assert (there.evaluations, there.frequencies, there.is_linear) == (5, (0.5, 1.0), False)
    assert there.present == here.present
    at = angles(3)
    assert np.abs(here.dividends(at) - there.dividends(at)).max() < 1e-12
    form = trained.source.read(study.inputs(range(24)), trained.change).form
    with pytest.raises(InvalidInput, match="must hold 48 numbers"):
        linked.source.finish(study.inputs(range(24)), torch.ones(3), form)
    server.close()


def test_the_panel_shows_the_curve_of_a_circuit_of_ones_own_and_of_a_network() -> None:
    study = qfusion.open(own_models.reuploading_classifier(), own_models.two_modalities(3, 3))
    own = study.sample("sample-0003")
    shipped = opening.open_study("qcnn-parity", "parity")
    network = build_sample(shipped, int(shipped.dataset.rows("test")[0]))
    for sample, name in ((own, ""), (network, ""), (network, "pooling.0.1")):
        picture = drawn(angle_views.angle)(sample, angle=name)
        table = picture.numbers
        terms = [column for column in table.columns if column.startswith("dividend")]
        assert np.abs(table[terms].sum(axis=1) - table[sample.quantity]).max() < 1e-9
        assert "Exact at every angle" in picture.caption
        assert "decision" in picture.title
    with pytest.raises(NotFound, match="Angle 'none' does not exist"):
        drawn(angle_views.angle)(network, angle="none")


def test_the_circuit_page_draws_it_for_a_model_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = qfusion.open(
        own_models.reuploading_classifier(), own_models.two_modalities(3, 3), name="own"
    )
    for name, value in showing.place_variables(tmp_path, "own").items():
        monkeypatch.setenv(name, value)
    with contextlib.ExitStack() as stack:
        showing.place_study(study, tmp_path, stack)
        options = {"table.angle": "true", "angle": "2.theta"}
        app = visit("Circuit", model="own", data="data", sample="sample-0003", **options)
        assert not app.exception
        assert "Score against one angle" in [box.label for box in app.expander]
        (picker,) = [box for box in app.selectbox if box.label == "Angle"]
        assert picker.value == "2.theta"
        assert "no value of it changes the decision" in str([entry.value for entry in app.markdown])
