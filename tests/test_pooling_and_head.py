"""The settings `circuit_pooling` and `head` of the entangled-fusion system: controlled rotations and a head that reads
the retained qubits alone, against PennyLane, density matrices and brute force."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures.circuits import boxes
from qfusion.models import EntangledQCNN, InputSpec, registry
from qfusion.models.network import network_model, qcnn
from qfusion.models.network.contractions import row_values
from qfusion.quantum import circuits
from qfusion.quantum.decomposition import subsets
from qfusion.simulate.circuit_run import run_circuit
from qfusion.simulate.fusion_circuit import fusion_circuit
from qfusion.simulate.fusion_gates import Noise, outcome_scores, with_noise
from qfusion.simulate.gate_replay import bloch_vectors, replay_fusion
from tests.support.entangled import angles_of, masses_of, model_of, scores_of

FOLLOW_UP = {"circuit_pooling": "controlled", "head": "retained"}


NEW = [{"circuit_pooling": "controlled"}, {"head": "retained"}, FOLLOW_UP]


def score_by_pennylane(model: EntangledQCNN, theta: dict[str, Tensor]) -> np.ndarray:
    """The scores by gates that are written down here: fusion, blocks, and the controlled rotations of Hur, Kim and Park
    2022 (their pooling ansatz 1: CRZ, X on the control, CRX), whose control is then traced out."""
    network, fusion = model.network, fusion_circuit(model, theta).part("fusion")
    convolution, pooling, head = (
        values.detach().numpy() for values in (network.convolution, network.pooling, network.head)
    )
    retained = network.retained

    @qml.qnode(qml.device("default.qubit"))
    def circuit() -> object:
        fusion.queue()
        for kind, layer, qubits in network.steps:
            on = [fusion.fused[q] for q in qubits]
            if kind == "conv":
                for gate, taken, wires in circuits.BLOCKS[network.block].operations:
                    getattr(qml, gate)(
                        *convolution[layer, list(taken)], wires=[on[w] for w in wires]
                    )
            else:
                if_zero, if_one = pooling[layer]
                qml.CRZ(if_one, wires=on)
                qml.X(on[0])
                qml.CRX(if_zero, wires=on)
                qml.X(on[0])
        return qml.probs([fusion.fused[q] for q in retained]), [
            qml.expval(qml.Z(fusion.fused[q])) for q in range(model.elements) if q not in retained
        ]

    probabilities, z = circuit()
    pooled = sorted(set(range(model.elements)) - set(retained))
    order = [pooled.index(q) for q in network.measured]
    features = np.array(probabilities)
    if model.settings["head"] == "all":
        features = np.concatenate([features, np.array(z)[order]])
    return qcnn.HEAD_SCALE * head @ features + model.bias.detach().numpy()


@pytest.mark.parametrize("head", get_args(qcnn.HeadName))
@pytest.mark.parametrize(("n", "M"), [(2, 2), (4, 2), (6, 1)])
def test_controlled_pooling_and_both_heads_equal_pennylane(n: int, M: int, head: str) -> None:
    model = model_of(n, M, circuit_pooling="controlled", head=head)
    theta = angles_of(model)
    assert scores_of(model, theta).numpy() == pytest.approx(
        score_by_pennylane(model, theta), abs=1e-10
    )


@pytest.mark.parametrize("settings", NEW, ids=str)
@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_observables_equal_density_matrices(n: int, settings: dict[str, str]) -> None:
    model = model_of(n, 2, **settings)
    masses = {name: torch.rand(3, n, dtype=torch.float64) for name in model.modalities}
    assert model.scores(masses).detach().numpy() == pytest.approx(
        model.direct_scores(masses).detach().numpy(), abs=1e-12
    )


@pytest.mark.parametrize("settings", NEW, ids=str)
@pytest.mark.parametrize("n", [3, 8, 10])
def test_features_and_gradients_equal_observables(n: int, settings: dict[str, str]) -> None:
    """Rings and other layouts, one layer and two."""
    network = model_of(n, 1, **settings).network
    vectors = torch.randn(3, n, 3, dtype=torch.float64)
    vectors[..., 0] = 1
    features = network_model.network_features(network, vectors)
    forward = qcnn.HEAD_SCALE * features @ network.head.T
    pulled = qcnn.evaluate(network.observables(), vectors)
    assert features.shape == (3, network.head.shape[1])
    assert (forward - pulled).abs().max() < 1e-12
    leaves = list(network.parameters())
    for a, b in zip(
        torch.autograd.grad(pulled.square().sum(), leaves, retain_graph=True),
        torch.autograd.grad(forward.square().sum(), leaves),
        strict=True,
    ):
        assert (a - b).abs().max() < 1e-10


@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("settings", NEW, ids=str)
def test_the_circuit_equals_the_torch_path(settings: dict[str, str], measured: bool) -> None:
    model = model_of(4, 2, **settings)
    theta = angles_of(model)
    circuit = fusion_circuit(model, theta)
    p = circuit.probabilities(measured=measured)()
    assert p @ outcome_scores(model).numpy() == pytest.approx(
        scores_of(model, theta).numpy(), abs=1e-10
    )


def test_gates_name_rotations_and_read_out() -> None:
    model = model_of(4, 2, **FOLLOW_UP)
    circuit = fusion_circuit(model, angles_of(model))
    pools = [gate for gate in circuit.gates if gate.kind == "pool"]
    assert [gate.label for gate in pools[:3]] == ["measure", "RX if 0", "RZ if 1"]
    assert [gate.values for gate in pools[1:3]] == [
        {"angle": angle} for angle in model.network.pooling[0].tolist()
    ]
    assert "head" not in pools[0].sentence
    assert circuit.to_quantikz().count("R_X(") == 2
    for gate in ("rx", "rz"):
        assert f"{{ {gate}(" in circuit.to_openqasm(3)
    walk = boxes.fusion_replay(replay_fusion(model, angles_of(model)), model)
    assert sum(box.name == "M|R" for box in walk.boxes) == 2


def test_the_replay_ends_in_the_state_of_the_network() -> None:
    model = model_of(3, 2, circuit_pooling="controlled")
    theta = angles_of(model)
    replay, fused = replay_fusion(model, theta), fusion_circuit(model, theta).fused
    final = qcnn.density_states(model.network, model.fuse(masses_of(theta))[0][0])[-1]
    rows = [replay.wires.index(wire) for wire in fused]
    assert replay.bloch[-1][rows] == pytest.approx(bloch_vectors(final), abs=1e-10)


@pytest.mark.parametrize("settings", NEW, ids=str)
def test_noise_equals_pennylane_and_density_matrices(settings: dict[str, str]) -> None:
    model, noise = model_of(3, 2, **settings), Noise(0.05, 0.1, 0.15)
    noisy, theta = with_noise(model, noise), angles_of(model)
    scores = noisy.scores(masses_of(theta))[0].detach().numpy()
    direct = noisy.direct_scores(masses_of(theta))[0].detach().numpy()
    assert direct == pytest.approx(scores, abs=1e-12)
    device = run_circuit(model, theta, "default.mixed", noise=noise, form="elements")
    assert device.scores == pytest.approx(scores, abs=1e-10)


@pytest.mark.parametrize("M", [2, 3])
def test_coalition_values_equal_brute_force(M: int) -> None:
    """The mean over all background rows of the score with the absent modalities' masses taken from the row."""
    model = model_of(3, M, **FOLLOW_UP)
    samples, rows = torch.rand(2, 3, M).double(), torch.rand(4, 3, M).double()
    values = row_values(model, samples, rows).detach()
    for b, sample in enumerate(samples):
        for s, subset in enumerate(subsets(M)):
            mixed = rows.clone()
            mixed[..., list(subset)] = sample[:, list(subset)]
            masses = {name: mixed[..., m] for m, name in enumerate(model.modalities)}
            expected = (model.direct_scores(masses) - model.bias).mean(0).detach()
            assert values[b, s].numpy() == pytest.approx(expected.numpy(), abs=1e-12), subset


@pytest.mark.parametrize("settings", NEW, ids=str)
def test_knock_outs_equal_models_without_the_term(settings: dict[str, str]) -> None:
    """Terms of the head are its columns; without a pooling its angles are 0."""
    model = model_of(4, 2, **settings)
    inputs = {name: torch.randn(3, 3, dtype=torch.float64) for name in model.modalities}
    background = explain.background(model, inputs, "joint")
    terms = model.terms(inputs, background, 0)
    scores = dict(zip([p.key for p in terms.parameters], terms.scores_without(inputs), strict=True))
    assert sum(name.startswith("head") for name in scores) == model.network.head.shape[1]
    with torch.no_grad():
        model.network.pooling.zero_()
    assert scores["pooling[0]"] == pytest.approx(model(inputs).detach().numpy(), abs=1e-12)


@pytest.mark.parametrize("kind", ["entangled-qcnn", "product-qcnn"])
def test_every_network_has_both_settings(kind: str) -> None:
    """10 elements: two layers of 2 pooling angles in place of 6, and 8 features in place of 15."""
    inputs = {"a": {"size": 2, "sequence": False}, "b": {"size": 2, "sequence": False}}
    model = registry.build(kind, inputs, ["x", "y"], {"elements": 10, **FOLLOW_UP})
    assert model.network.pooling.shape == (2, 2)
    assert model.network.head.shape == (2, 8)
    again = registry.rebuild(kind, inputs, ["x", "y"], model.settings, model.state_dict())
    features = {name: torch.randn(4, 2) for name in inputs}
    model.eval(), again.eval()
    assert torch.equal(model(features), again(features))


def test_defaults_are_unchanged() -> None:
    """Convolution, six pooling angles a layer, then a head on all qubits: models of a seed stay the same."""
    torch.manual_seed(5)
    network = qcnn.QCNN(10, 3)
    torch.manual_seed(5)
    drawn = {
        "convolution": torch.randn(2, 15) * 0.03,
        "pooling": torch.randn(2, 6) * 0.03,
        "head": torch.randn(3, 8 + 7) * 0.5,
    }
    assert list(network.state_dict()) == list(drawn)
    for name, values in drawn.items():
        assert torch.equal(getattr(network, name), values)
    angles = network.pooling.detach()[0].view(2, 3)
    U3 = torch.block_diag(*circuits.rotation_matrices(angles))
    assert torch.equal(network.matrix(qcnn.Step("pool", 0, (1, 0))).detach(), U3)


@pytest.mark.parametrize("head", get_args(qcnn.HeadName))
def test_the_last_controlled_phase_is_not_read(head: str) -> None:
    """RZ commutes with the basis probabilities that the head reads, so only earlier layers' RZ act."""
    model = model_of(10, 1, circuit_pooling="controlled", head=head)
    scores = model.scores(masses_of(angles_of(model)))
    (slopes,) = torch.autograd.grad(scores.square().sum(), model.network.pooling)
    assert slopes[-1, 1].abs() < 1e-12
    assert slopes[:-1].abs().min() > 1e-6
    assert slopes[-1, 0].abs() > 1e-6


def test_edits_list_existing_angles() -> None:
    model = model_of(3, 2, **FOLLOW_UP)
    assert float(model.tweaked("pooling.0.1=1.5").network.pooling[0, 1]) == 1.5
    with pytest.raises(InvalidInput, match="must name an angle from 0 to 1, but names `2`"):
        model.tweaked("pooling.0.2=1.5")


def test_a_retained_head_can_start_with_the_classes() -> None:
    """Two of four qubits are retained: the single elements that they hide start unread."""
    model = EntangledQCNN(
        {"a": InputSpec(2), "b": InputSpec(2)}, "wxyz", elements=4, start="classes", head="retained"
    )
    assert model.network.head.shape == (4, 4)
    assert torch.isfinite(model.network.head).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"circuit_pooling": "control"}, "Value of `circuit_pooling` 'control' does not exist"),
        ({"head": "kept"}, "Value of `head` 'kept' does not exist"),
    ],
)
def test_unknown_settings_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(NotFound, match=message):
        model_of(2, 1, **settings)
