"""The entangled-fusion model in torch: effective observables against density matrices and PennyLane, explanations
against brute force."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor

from qfusion import explain
from qfusion._settings import choices
from qfusion.errors import InvalidInput, NotFound, QFusionError
from qfusion.models import EntangledQCNN, InputSpec
from qfusion.models.network import network_model, qcnn, truth_tables
from qfusion.models.network.contractions import row_values
from qfusion.models.network.entangled_qcnn import QCNNSettings
from qfusion.models.network.mass_algebra import MassBackground
from qfusion.quantum import circuits, decomposition
from qfusion.quantum.decomposition import subsets
from tests.support.entangled import angles_of, masses_of, model_of


def pennylane_block(name: str, angles: np.ndarray) -> np.ndarray:
    def circuit() -> None:
        for gate, taken, wires in circuits.BLOCKS[name].operations:
            getattr(qml, "Hadamard" if gate == "H" else gate)(
                *angles[list(taken)], wires=list(wires)
            )

    return qml.matrix(circuit, wire_order=[0, 1])()


@pytest.mark.parametrize("name", circuits.BLOCKS)
def test_blocks_equal_pennylane(name: str) -> None:
    angles = torch.randn(circuits.BLOCKS[name].parameters, dtype=torch.float64)
    U = circuits.unitary(name, angles)
    assert U.numpy() == pytest.approx(pennylane_block(name, angles.numpy()), abs=1e-12)
    assert (U.mH @ U - torch.eye(4)).abs().max() < 1e-12


def test_pooling_equals_pennylane() -> None:
    a, b = torch.randn(2, 3, dtype=torch.float64)

    def circuit() -> None:
        qml.ctrl(qml.U3, control=0, control_values=[0])(*a.numpy(), wires=1)
        qml.ctrl(qml.U3, control=0)(*b.numpy(), wires=1)

    ours = torch.block_diag(circuits.rotation("U3", a), circuits.rotation("U3", b))
    assert ours.numpy() == pytest.approx(qml.matrix(circuit, wire_order=[0, 1])(), abs=1e-12)


def test_su4_and_so4_are_universal() -> None:
    """The dimension of the set of reachable unitaries is the rank of the Jacobian: 15 of SU(4), 6 of SO(4), whose
    matrices are real."""
    for name, dimension in (("su4", 15), ("so4", 6)):
        angles = torch.randn(circuits.BLOCKS[name].parameters, dtype=torch.float64)
        J = torch.autograd.functional.jacobian(
            lambda a, name=name: torch.view_as_real(circuits.unitary(name, a)).flatten(), angles
        )
        assert int(torch.linalg.matrix_rank(J, tol=1e-8)) == dimension
    assert circuits.unitary("so4", angles).imag.abs().max() < 1e-15


@pytest.mark.parametrize(
    ("n", "parameters"),
    [
        (6, 6 * 8 + 21 + 10 * (2**3 + 3) + 10),
        (8, 8 * 8 + 21 + 10 * (2**4 + 4) + 10),
        (10, 10 * 8 + 2 * 21 + 10 * (2**3 + 7) + 10),
    ],
)
def test_the_number_of_parameters_after_the_encoders(n: int, parameters: int) -> None:
    """Tables, one block and one pooling per layer, a head of ten scores, a bias; 189 and 295 on three modalities."""
    model = EntangledQCNN(
        {name: {"size": 2, "sequence": False} for name in "abc"},
        [str(c) for c in range(10)],
        elements=n,
    )
    assert (
        sum(p.numel() for name, p in model.named_parameters() if not name.startswith("encoders"))
        == parameters
    )


@pytest.mark.parametrize("n", range(2, 11))
def test_the_layout(n: int) -> None:
    steps, kept = qcnn.layout(n)
    measured = [step.wires[0] for step in steps if step.kind == "pool"]
    assert sorted([*kept, *measured]) == list(range(n))
    assert len(kept) <= 4
    gone: set[int] = set()
    for step in steps:
        assert not gone & set(step.wires), "a measured qubit is used again"
        gone |= {step.wires[0]} if step.kind == "pool" else set()
    convolved = [step.wires for step in steps if step.kind == "conv" and step.layer == 0]
    assert len(set(convolved)) == len(convolved) == (n if n > 2 else 1)
    assert {q for wires in convolved for q in wires} == set(range(n))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("block", circuits.BLOCKS)
def test_effective_observables_equal_density_matrices(n: int, block: str) -> None:
    model = model_of(n, 2, block=block)
    masses = {name: torch.rand(3, n, dtype=torch.float64) for name in model.modalities}
    assert model.scores(masses).detach().numpy() == pytest.approx(
        model.direct_scores(masses).detach().numpy(), abs=1e-12
    )


@pytest.mark.parametrize("n", [2, 3, 5])
def test_observables_pulled_back_to_every_step(n: int) -> None:
    """At each step the expectation of what is still to come is the score: Heisenberg meets Schroedinger."""
    model = model_of(n, 2)
    masses = masses_of(angles_of(model))
    states = qcnn.density_states(model.network, model.fuse(masses)[0][0])
    expected = (model.scores(masses)[0] - model.bias).detach()
    for first in range(1, len(states)):
        O = torch.einsum(
            "cw,wij->cij",
            model.network.observables(first).detach().flatten(1).to(torch.complex128),
            decomposition.words(n),
        )
        found = torch.einsum("cij,ji->c", O, states[first]).real
        assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-12), first


def test_head_reads_its_qubits() -> None:
    """By hand on two qubits: no rotation, so the features are the masses themselves."""
    model = model_of(2, 1, 2, block="ttn")
    model.network.convolution.data.zero_()
    model.network.pooling.data.zero_()
    # copies the modality's bit
    model.phi.data = torch.tensor([0.0, math.pi], dtype=torch.float64).expand(2, 1, 2).clone()
    p, q = 0.3, 0.8
    stays, measured = (
        1 - p,
        (1 - p) * (1 - q) + p * q,
    )  # the block is a CNOT from qubit 0 to qubit 1, which is measured
    features = torch.tensor([stays, 1 - stays, 2 * measured - 1], dtype=torch.float64)
    expected = qcnn.HEAD_SCALE * model.network.head @ features + model.bias
    scores = model.scores({"v0": torch.tensor([[p, q]], dtype=torch.float64)})[0]
    assert scores.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-12)


def test_transfer_matrices() -> None:
    U = circuits.unitary("su4", torch.randn(15, dtype=torch.float64))
    R = decomposition.transfer_matrix(U)
    assert (R @ R.mT - torch.eye(16)).abs().max() < 1e-12  # a rotation of Pauli coefficients
    assert decomposition.transfer_matrix(
        circuits.rotation("H", torch.zeros(0, dtype=torch.float64))
    ).numpy() == pytest.approx(
        np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0], [0, 1, 0, 0]]), abs=1e-15
    )
    with pytest.raises(InvalidInput, match="must act on one or two qubits, but has side 8"):
        decomposition.transfer_matrix(torch.eye(8, dtype=torch.complex128))


def score(theta: Tensor, phi: Tensor, convolution: Tensor, pooling: Tensor, head: Tensor) -> Tensor:
    network = qcnn.QCNN(3, 2, "su4").double()
    for name in ("convolution", "pooling", "head"):
        del network._parameters[name]
    network.convolution, network.pooling, network.head = convolution, pooling, head  # type: ignore[assignment]
    vectors = truth_tables.fuse(torch.sin(theta / 2).square(), phi)[0]
    return qcnn.evaluate(network.observables(), vectors)


def test_gradients() -> None:
    shapes = ((2, 3, 2), (3, 1, 4), (1, 15), (1, 6), (2, 5))
    assert torch.autograd.gradcheck(
        score, [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]
    )
    chained = [
        torch.rand(2, 2, 4, dtype=torch.float64, requires_grad=True),
        torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True),
    ]
    assert torch.autograd.gradcheck(truth_tables.fuse, chained)


@pytest.mark.parametrize("M", [1, 2, 3, 4, 5])
def test_fusion_is_a_sum_over_patterns(M: int) -> None:
    """Element by element and pattern by pattern, stages of a chain one after another."""
    phi = torch.rand(2, *truth_tables.named_angles("mean", M).shape, dtype=torch.float64) * 3
    p = torch.rand(2, M, dtype=torch.float64)
    vectors, stages = truth_tables.fuse(p, phi)
    for i in range(2):
        controls = [float(x) for x in (p[i] if M <= 3 else p[i, :2])]
        mass = 0.0  # of the stage before
        for k, table in enumerate(phi[i]):
            if k:
                controls = [mass, float(p[i, k + 1])]
            P = [
                math.prod(c if b else 1 - c for c, b in zip(controls, bits, strict=True))
                for bits in _bits(len(controls))
            ]
            mass = sum(
                w * math.sin(float(angle) / 2) ** 2 for w, angle in zip(P, table, strict=True)
            )
            assert float(stages[i, k]) == pytest.approx(mass, abs=1e-14)
        x, z = (
            sum(w * f(float(angle)) for w, angle in zip(P, table, strict=True))
            for f in (math.sin, math.cos)
        )
        assert vectors[i].tolist() == pytest.approx([1, x, z], abs=1e-14)


def _bits(count: int) -> Iterator[tuple[int, ...]]:
    yield from (tuple(int(b) for b in format(k, f"0{count}b")) for k in range(2**count))


def test_mean_rule_equals_the_mean_at_the_corners() -> None:
    for M in (2, 3, 5):
        phi = truth_tables.named_angles("mean", M)[None]
        for bits in ((1.0,) * M, (0.0,) * M):
            assert float(
                truth_tables.fuse(torch.tensor([bits], dtype=torch.float64), phi)[1][0, -1]
            ) == pytest.approx(sum(bits) / M, abs=1e-12)
    chained, p = truth_tables.named_angles("mean", 5)[None], torch.rand(1, 5, dtype=torch.float64)
    # a chain's mean is exact
    assert float(truth_tables.fuse(p, chained)[1][0, -1]) == pytest.approx(
        float(p.mean()), abs=1e-12
    )


@pytest.mark.parametrize("M", [1, 2, 3, 4, 5])
def test_coalition_values_equal_brute_force(M: int) -> None:
    """The mean over all background rows of the score with the absent modalities' masses taken from the row."""
    model = model_of(4, M)
    samples, rows = (
        torch.rand(3, 4, M, dtype=torch.float64),
        torch.rand(6, 4, M, dtype=torch.float64),
    )
    with torch.no_grad():
        values = row_values(model, samples, rows)
        for s, subset in enumerate(subsets(M)):
            for b in range(3):
                mixed = rows.clone()
                mixed[..., list(subset)] = samples[b][:, list(subset)]
                scores = (
                    model.scores({name: mixed[..., m] for m, name in enumerate(model.modalities)})
                    - model.bias
                )
                assert values[b, s].numpy() == pytest.approx(scores.mean(0).numpy(), abs=1e-12), (
                    subset
                )


@pytest.mark.parametrize("kind", ["joint", "mixed"])
def test_contributions_add_up(kind: str) -> None:
    model = model_of(4, 3)
    inputs = {name: torch.randn(5, 3, dtype=torch.float64) for name in model.modalities}
    background = explain.background(model, inputs, kind)
    assert isinstance(background, MassBackground)
    found = explain.explain(model, inputs, background)
    assert found.prediction == pytest.approx(model(inputs).detach().numpy(), abs=1e-12)
    assert found.dividends.sum(1) == pytest.approx(found.prediction, abs=1e-12)
    assert found.baseline + found.shapley.sum(1) == pytest.approx(found.prediction, abs=1e-12)


def test_editing_an_angle_changes_a_copy() -> None:
    model = model_of(3)
    masses, phi = masses_of(angles_of(model)), model.phi.detach().clone()
    phi[1, 0, 2] += 1
    other = model.with_angles(phi)
    assert float((other.phi - model.phi).detach().abs().max()) == pytest.approx(1)
    assert not torch.allclose(other.scores(masses), model.scores(masses))
    assert other.network is model.network
    phi[0] = math.nan
    with pytest.raises(InvalidInput, match="`phi` must be finite, but an angle is not a number"):
        model.with_angles(phi)
    with pytest.raises(
        InvalidInput, match=r"`phi` must have shape \(3, 1, 4\), but has shape \(1, 4\)"
    ):
        model.with_angles(phi[0])


INPUTS = {"a": {"size": 2, "sequence": False}, "b": {"size": 2, "sequence": False}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"elements": 11},
            "`elements` must be a whole number from 0 to 10, but is 11",
        ),
        ({"elements": 1}, "must lie between 2 and 10, but is 1"),
        ({"elements": 2.5}, "`elements` must be a whole number"),
        ({"freeze_rule": True, "rule": "random"}, "`freeze_rule` needs a named rule"),
        ({"block": "su5"}, "Value of `block` 'su5' does not exist"),
        (
            {"start": "classes"},
            "which needs one element per class, but there are 8 elements and 2 classes. Set `elements` to 2",
        ),
        ({"start": "zero"}, "Value of `start` 'zero' does not exist"),
        ({"rule": "xor"}, "Value of `rule` 'xor' does not exist"),
        ({"dropout": 1.0}, r"`dropout` must lie in \[0, 1\)"),
        ({"hidden": 0}, "`hidden` must be a whole number from 1"),
    ],
)
def test_invalid_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(QFusionError, match=message):
        EntangledQCNN(INPUTS, ("x", "y"), **settings)


def test_invalid_blocks_and_inputs_are_refused() -> None:
    with pytest.raises(NotFound, match="Convolution block 'su'"):
        circuits.unitary("su", torch.zeros(15))
    with pytest.raises(InvalidInput, match=r"must have shape \(15,\), but has shape \(3,\)"):
        circuits.unitary("su4", torch.zeros(3))
    model = EntangledQCNN(INPUTS, ("x", "y"))
    with pytest.raises(InvalidInput, match="must hold modality `b`"):
        model({"a": torch.zeros(1, 2)})
    with pytest.raises(InvalidInput, match="finite"):
        model({"a": torch.zeros(1, 2), "b": torch.full((1, 2), math.nan)})
    with pytest.raises(InvalidInput, match="at least one modality"):
        EntangledQCNN({}, ("x",))


@pytest.mark.parametrize(("C", "elements"), [(2, 8), (3, 8), (4, 4), (7, 7), (10, 10), (11, 8)])
def test_elements_default_to_the_classes(C: int, elements: int) -> None:
    model = EntangledQCNN(INPUTS, [str(c) for c in range(C)])
    assert (model.elements, model.elements_are_classes) == (elements, elements == C)


@pytest.mark.parametrize("rule", choices(QCNNSettings.model_fields["rule"]))
def test_seeds_and_rules(rule: str) -> None:
    def phi(seed: int, **settings: object) -> Tensor:
        torch.manual_seed(seed)
        return EntangledQCNN(INPUTS, ("x", "y"), rule=rule, **settings).phi  # type: ignore[arg-type]

    assert torch.equal(phi(1), phi(1))
    assert not torch.equal(phi(1), phi(2))
    if rule != "random":
        frozen = phi(1, freeze_rule=True)
        assert not frozen.requires_grad
        assert frozen[3].numpy() == pytest.approx(
            truth_tables.named_angles(rule, 2).numpy(), abs=1e-6
        )
        assert {name for name, _ in truth_tables.nearest_rule(phi(1).detach(), 2)} == {rule}


@pytest.mark.parametrize(("C", "M"), [(4, 3), (5, 2), (8, 1), (10, 6)])
def test_readout_starting_with_the_classes(C: int, M: int) -> None:
    """Mass on one element raises the score of its class by HEAD_SCALE and no other."""
    torch.manual_seed(C)
    model = EntangledQCNN(
        {f"v{m}": InputSpec(2) for m in range(M)},
        [str(c) for c in range(C)],
        elements=C,
        start="classes",
    )
    masses = torch.full((C + 1, C), 0.5)
    masses[:C] += torch.eye(C) / 2
    scores = model.scores(dict.fromkeys(model.modalities, masses)).detach()
    assert (scores[:C] - scores[C] - qcnn.HEAD_SCALE * torch.eye(C)).abs().max() < 1e-4
    assert model.network.head.detach().abs().max() < 4
    torch.manual_seed(C)
    other = EntangledQCNN(
        {f"v{m}": InputSpec(2) for m in range(M)}, [str(c) for c in range(C)], elements=C
    )
    assert torch.equal(other.phi, model.phi), "all but the head starts as ever"


def test_circuit_hiding_single_elements_starts_with_a_small_head() -> None:
    for block in circuits.BLOCKS:
        torch.manual_seed(0)
        model = EntangledQCNN(INPUTS, "wxyz", elements=4, block=block, start="classes")
        # singular values below 0.1 are left out
        assert torch.linalg.matrix_norm(model.network.head.detach(), 2) <= 10.01


@pytest.mark.parametrize("n", range(2, 11))
def test_forward_path_equals_pulled_back_observables(n: int) -> None:
    """Scores and every gradient, sample by sample against once for all."""
    model = (
        EntangledQCNN({"a": InputSpec(5), "b": InputSpec(4)}, ["x", "y", "z"], elements=n)
        .double()
        .eval()
    )
    with torch.no_grad():
        model.network.convolution.normal_()
        model.network.pooling.normal_()
    vectors = model.fuse(
        model.encode({"a": torch.randn(3, 5).double(), "b": torch.randn(3, 4).double()})
    )[0]
    pulled = qcnn.evaluate(model.observables(), vectors)
    features = network_model.network_features(model.network, vectors)
    forward = qcnn.HEAD_SCALE * features @ model.network.head.T
    assert (pulled - forward).abs().max() < 1e-12
    assert (features[:, : 2 ** len(model.network.retained)].sum(1) - 1).abs().max() < 1e-12
    leaves = [model.phi, model.network.convolution, model.network.pooling, model.network.head]
    for a, b in zip(
        torch.autograd.grad(pulled.square().sum(), leaves, retain_graph=True),
        torch.autograd.grad(forward.square().sum(), leaves),
        strict=True,
    ):
        assert (a - b).abs().max() < 1e-10


@pytest.mark.parametrize("n", [5, 6, 8])
def test_batches_are_computed_in_chunks(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = qcnn.QCNN(n, 2, spread=1.0).double()
    vectors = torch.randn(150, n, 3, dtype=torch.float64)
    vectors[..., 0] = 1
    whole = network_model.network_features(network, vectors)
    monkeypatch.setattr(network_model, "MAX_CACHED", 1)
    assert torch.allclose(network_model.network_features(network, vectors), whole, atol=1e-14)
