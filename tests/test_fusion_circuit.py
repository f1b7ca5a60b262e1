"""The entangled-fusion circuit in PennyLane equals the torch path; drawings, export, shots."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pennylane as qml
import pytest
import qiskit.qasm2
import qiskit.qasm3
import torch
from matplotlib import pyplot as plt
from pennylane import numpy as pnp
from qiskit import QuantumCircuit
from qiskit.circuit import IfElseOp
from qiskit.quantum_info import Statevector

from qfusion.errors import InvalidInput, NotFound
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn, truth_tables
from qfusion.quantum.circuits import BLOCKS
from qfusion.simulate import circuit_run
from qfusion.simulate.circuit_run import run_circuit
from qfusion.simulate.fusion_circuit import fusion_circuit
from qfusion.simulate.fusion_gates import outcome_scores
from qfusion.study.opening import open_study
from tests.support.entangled import angles_of, masses_of, model_of, scores_of
from tests.support.fusion_circuits import circuit_of


def test_pattern_order_equals_pennylane() -> None:
    """Prepares every pattern of three control qubits and reads the angle by which the target was turned."""
    phi = np.linspace(0.1, 2.9, 8)
    for pattern, angle in zip(truth_tables.patterns(3).int().tolist(), phi, strict=True):

        @qml.qnode(qml.device("default.qubit"))
        def circuit(bits: list[int] = pattern) -> object:
            qml.BasisState(bits, wires=[0, 1, 2])
            qml.SelectPauliRot(phi, control_wires=[0, 1, 2], target_wire=3, rot_axis="Y")
            return qml.expval(qml.Z(3)), qml.expval(qml.X(3))

        z, x = circuit()
        assert math.atan2(float(x), float(z)) == pytest.approx(angle, abs=1e-12)


@pytest.mark.parametrize("M", [2, 3])
@pytest.mark.parametrize("measured", [False, True])
def test_whole_circuit_equals_the_torch_path(M: int, measured: bool) -> None:
    model = model_of(4, M)
    circuit = circuit_of(model)
    assert len(circuit.wires) == 4 * (M + 1)
    p = circuit.probabilities(measured=measured)()
    assert p @ outcome_scores(model).numpy() == pytest.approx(
        scores_of(model, angles_of(model)).numpy(), abs=1e-10
    )


@pytest.mark.parametrize("block", [name for name in BLOCKS if name != "su4"])
def test_every_block_equals_the_torch_path(block: str) -> None:
    model = model_of(4, block=block)
    p = circuit_of(model).probabilities()()
    assert p @ outcome_scores(model).numpy() == pytest.approx(
        scores_of(model, angles_of(model)).numpy(), abs=1e-10
    )


@pytest.mark.parametrize(
    ("n", "M", "device", "qubits"),
    [
        (6, 2, "default.mixed", 6),
        (8, 2, "default.mixed", 8),
        (8, 3, "default.mixed", 8),
        (6, 3, "default.qubit", 12),
        (3, 4, "default.mixed", 7),
        (5, 2, "lightning.qubit", 10),
        (4, 1, "default.mixed", 4),
    ],
)
def test_element_by_element_equals_the_torch_path(n: int, M: int, device: str, qubits: int) -> None:
    model = model_of(n, M)
    theta = angles_of(model)
    answer = run_circuit(model, theta, device, form="elements")
    assert answer.scores == pytest.approx(scores_of(model, theta).numpy(), abs=1e-10)
    assert answer.vectors == pytest.approx(
        model.fuse(masses_of(theta))[0][0].detach().numpy(), abs=1e-12
    )
    assert (answer.qubits, answer.form, answer.circuits) == (qubits, "elements", n + 1)
    assert not answer.errors.any()


def test_chain_equals_the_torch_path() -> None:
    model = model_of(2, 4)
    answer = run_circuit(model, angles_of(model))
    assert (answer.form, answer.qubits) == ("whole", 14)
    assert answer.scores == pytest.approx(scores_of(model, angles_of(model)).numpy(), abs=1e-10)


@pytest.mark.filterwarnings("ignore:Casting complex values")  # autograd's own
def test_gradients_equal_pennylane() -> None:
    model, output = model_of(4), 1
    circuit, head = circuit_of(model), outcome_scores(model).numpy()[:, output]
    node, names = circuit.probabilities(), list(circuit.parameters)

    def score(*arguments: object) -> object:
        return pnp.dot(node(dict(zip(names, arguments, strict=True))), head)

    theirs = qml.grad(score)(
        *(pnp.array(circuit.parameters[name].numpy(), requires_grad=True) for name in names)
    )
    theta = circuit.parameters["theta"].clone().requires_grad_()
    vectors = truth_tables.fuse(torch.sin(theta / 2).square()[None], model.phi)[0]
    qcnn.evaluate(model.observables(), vectors)[0, output].backward()
    ours = [theta.grad, model.phi.grad, model.network.convolution.grad, model.network.pooling.grad]
    for name, a, b in zip(names, theirs, ours, strict=True):
        assert np.abs(a).max() > 1e-2, name
        assert a == pytest.approx(b.numpy(), abs=1e-8), name


def test_torch_angles_are_refused() -> None:
    circuit = circuit_of(model_of(2))
    with pytest.raises(InvalidInput, match="must hold NumPy or autograd arrays"):
        circuit.probabilities()(circuit.parameters)


def outcomes_of(program: QuantumCircuit, fused: int) -> np.ndarray:
    """Probabilities of the bits `c`, the first most significant, with all measurements deferred to the end."""
    deferred, where = QuantumCircuit(program.num_qubits), {}
    for instruction in program.data:
        operation = instruction.operation
        if operation.name == "measure":
            where[instruction.clbits[0]] = program.find_bit(instruction.qubits[0]).index
        elif isinstance(operation, IfElseOp):
            bit, value = operation.condition
            (inner,) = operation.blocks[0].data
            target = program.find_bit(instruction.qubits[0]).index
            deferred.append(inner.operation.control(1, ctrl_state=int(value)), [where[bit], target])
        else:
            deferred.append(operation, [program.find_bit(q).index for q in instruction.qubits])
    (register,) = (r for r in program.cregs if r.name == "c")
    assert len(register) == fused
    return Statevector(deferred).probabilities([where[bit] for bit in reversed(register)])


@pytest.mark.parametrize(
    ("n", "M", "block", "pooling"),
    [
        (4, 2, "su4", "conditional"),
        (3, 1, "circuit13", "conditional"),
        (2, 4, "circuit6", "conditional"),
        (3, 2, "circuit9", "conditional"),
        (4, 1, "su4", "controlled"),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_openqasm_has_the_same_unitary_in_qiskit(
    n: int, M: int, block: str, pooling: str, version: int
) -> None:
    circuit = circuit_of(model_of(n, M, block=block, circuit_pooling=pooling))
    text = circuit.to_openqasm(version)
    program = qiskit.qasm3.loads(text) if version == 3 else qiskit.qasm2.loads(text)
    assert ("if (" in text) == (version == 3)
    assert outcomes_of(program, n) == pytest.approx(circuit.probabilities()(), abs=1e-9)


def test_openqasm_of_a_part_and_of_another_version() -> None:
    circuit = circuit_of(model_of(4, 2)).part("fusion", 2)
    program = qiskit.qasm3.loads(circuit.to_openqasm())
    assert outcomes_of(program, 1) == pytest.approx(circuit.probabilities()(), abs=1e-9)
    with pytest.raises(InvalidInput, match="`version` must be 2 or 3, but is 1"):
        circuit.to_openqasm(1)


def test_gates_have_descriptions() -> None:
    model = model_of(4, 2, 4)
    circuit = circuit_of(model)
    kinds = [gate.kind for gate in circuit.gates]
    assert [kinds.count(kind) for kind in ("encode", "fuse", "convolve", "pool")] == [
        8,
        4,
        4 * 10,
        2 * 3,
    ]
    assert circuit.wires[:3] == ("v0[0]", "v1[0]", "fused[0]")
    first, table = circuit.gates[0], next(gate for gate in circuit.gates if gate.kind == "fuse")
    mass = masses_of(angles_of(model))["v0"][0, 0]
    assert first.sentence == f"Turns the qubit of v0: it gives 'c0' the mass {mass:.3f}."
    assert list(table.values) == ["00", "01", "10", "11"]
    assert list(table.values.values()) == pytest.approx(model.phi[0, 0].tolist())
    assert (table.modalities, table.element, table.column) == (("v0", "v1"), 0, 1)
    turned = circuit.gates[-1]
    assert (turned.label, turned.outcome, turned.sentence) == (
        "U3 if 1",
        1,
        "Turns fused[2] if fused[3] read 1.",
    )
    assert list(turned.values.values()) == pytest.approx(model.network.pooling[0, 3:].tolist())
    for gate in circuit.gates:
        assert gate.sentence.endswith(".")
        assert len(gate.takes) == (len(gate.values) if gate.kind != "fuse" else 1)


@pytest.mark.parametrize("part", ["whole", "fusion", "network"])
def test_gates_of_a_column_lie_below_each_other(part: str) -> None:
    circuit = circuit_of(model_of(5, 3)).part(part)
    taken: set[tuple[int, int]] = set()
    for gate in circuit.gates:
        rows = [circuit.wires.index(wire) for wire in gate.wires]
        cells = {(gate.column, row) for row in range(min(rows), max(rows) + 1)}
        assert not cells & taken
        taken |= cells


def test_parts_compose_the_whole() -> None:
    circuit = circuit_of(model_of(4, 3))
    fused, network = circuit.part("fusion"), circuit.part("network")
    assert circuit.gates == fused.gates + network.gates  # columns aside
    assert network.wires == circuit.fused == fused.fused
    assert circuit.part("fusion", 1).wires == ("v0[1]", "v1[1]", "v2[1]", "fused[1]")
    with pytest.raises(InvalidInput, match="`element` must lie between 0 and 3"):
        circuit.part("fusion", 4)
    with pytest.raises(NotFound, match="Part 'fused' does not exist"):
        circuit.part("fused")


def test_a_modality_may_be_called_fused() -> None:
    model = EntangledQCNN(
        {"fused": {"size": 2, "sequence": False}, "fused_": {"size": 2, "sequence": False}},
        elements=2,
    )
    circuit = fusion_circuit(model, {"fused": torch.zeros(2), "fused_": torch.zeros(2)})
    assert len(set(circuit.wires)) == 6


def test_the_drawings() -> None:
    circuit = circuit_of(model_of(3, 2))
    text, svg, before = circuit.draw_text(), circuit.draw_svg(), plt.get_backend()
    assert svg == circuit.draw_svg()
    assert plt.get_backend() == before
    for name in circuit.wires:
        assert name in text
        assert name.encode() in svg
    theta = f"RY({float(circuit.parameters['theta'][0, 0]):.2f})"
    table = (
        "RY(" + " ".join(f"{angle:.2f}" for angle in circuit.parameters["phi"][0, 0].tolist()) + ")"
    )
    for label in (theta, table, "┤↗├"):
        assert label in text
    for angle in circuit.parameters["phi"].flatten().tolist():
        assert f"{angle:.2f}".encode() in svg
    assert len(text.splitlines()) == 10  # nine qubits, and one bit that chooses a rotation


def spread(
    model: EntangledQCNN, seeds: int, shots: int, **options: object
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and standard errors of runs that differ in the seed, (seeds, C) each."""
    answers = [
        run_circuit(model, angles_of(model), shots=shots, seed=seed, **options)  # type: ignore[arg-type]
        for seed in range(seeds)
    ]
    return np.stack([a.scores for a in answers]), np.stack([a.errors for a in answers])


@pytest.mark.parametrize(
    ("form", "device"),
    [
        ("whole", "default.qubit"),
        ("elements", "default.mixed"),
        ("whole", "lightning.qubit"),
    ],
)
def test_standard_errors_equal_the_spread_of_shots(form: str, device: str) -> None:
    model = model_of(2)
    scores, errors = spread(model, 40, 400, form=form, device=device)
    exact = scores_of(model, angles_of(model)).numpy()
    deviations = (scores - exact) / errors
    assert np.abs(deviations.mean(0)).max() < 4 / math.sqrt(40)
    assert deviations.std(0) == pytest.approx(np.ones(3), abs=0.3)


def test_shots_are_reproducible_by_seed() -> None:
    model = model_of(2)
    first, second, other = (
        run_circuit(model, angles_of(model), shots=100, seed=seed) for seed in (1, 1, 2)
    )
    assert (first.scores == second.scores).all()
    assert (first.scores != other.scores).any()
    assert (first.shots, first.device) == (100, "default.qubit")


def test_existing_device_is_accepted() -> None:
    model = model_of(2)
    answer = run_circuit(model, angles_of(model), qml.device("default.qubit"))
    assert answer.scores == pytest.approx(scores_of(model, angles_of(model)).numpy(), abs=1e-10)


def test_wide_circuits_run_element_by_element(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(3)
    assert run_circuit(model, angles_of(model)).form == "whole"
    monkeypatch.setitem(circuit_run.WIDEST, False, 8)
    assert run_circuit(model, angles_of(model)).form == "elements"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": 1}, "`shots` must be a whole number from 2"),
        ({"shots": 2.5}, "`shots` must be a whole number"),
        (
            {"device": "default.qubitt"},
            "Device 'default.qubitt' does not exist. Did you mean 'default.qubit'",
        ),
        ({"form": "half"}, "Form 'half' does not exist"),
    ],
)
def test_invalid_runs_are_refused(options: dict, message: str) -> None:
    model = model_of(2)
    with pytest.raises((InvalidInput, NotFound), match=message):
        run_circuit(model, angles_of(model), **options)


def test_invalid_angles_are_refused() -> None:
    model = model_of(2)
    theta = angles_of(model)
    for wrong, message in (
        ({"v0": theta["v0"]}, r"must hold the angles of \['v0', 'v1'\], but holds \['v0'\]"),
        (
            theta | {"v1": torch.zeros(3)},
            r"`theta\[v1\]` must have shape \(2,\), but has shape \(3,\)",
        ),
        (theta | {"v1": torch.tensor([0.0, math.nan])}, r"`theta\[v1\]` must be finite"),
    ):
        with pytest.raises(InvalidInput, match=message):
            fusion_circuit(model, wrong)


@pytest.mark.parametrize(("M", "seed"), list(itertools.product([1, 2, 3, 4], [0, 1])))
@pytest.mark.parametrize("when", ["before", "after"])
def test_fusion_entanglement_is_inert(M: int, seed: int, when: str) -> None:
    """`The entanglement that the fusion makes is inert for the scores`: a fused qubit, and so every score, is the same
    whether or not the modality qubits are dephased in Z before or after the multiplexed rotation."""
    generator = torch.Generator().manual_seed(seed)
    masses = torch.rand(M, dtype=torch.float64, generator=generator)
    phi = 2 * math.pi * torch.rand(1, 1, 2**M, dtype=torch.float64, generator=generator)
    amplitudes = [torch.stack([(1 - p).sqrt(), p.sqrt()]) for p in masses]
    psi = amplitudes[0]
    for each in amplitudes[1:]:
        psi = torch.kron(psi, each)
    rho = torch.outer(psi, psi)
    turns = torch.zeros(2 * 2**M, 2 * 2**M, dtype=torch.float64)
    for b, angle in enumerate(phi[0, 0]):
        c, s = torch.cos(angle / 2), torch.sin(angle / 2)
        turns[2 * b : 2 * b + 2, 2 * b : 2 * b + 2] = torch.stack(
            [torch.stack([c, -s]), torch.stack([s, c])]
        )
    start = torch.diag(torch.tensor([1.0, 0.0], dtype=torch.float64))

    def fused(dephase: str) -> torch.Tensor:
        state = torch.diag(torch.diagonal(rho)) if dephase == "before" else rho
        joint = (turns @ torch.kron(state, start) @ turns.T).reshape(2**M, 2, 2**M, 2)
        if dephase == "after":
            joint = joint * torch.eye(2**M, dtype=joint.dtype)[:, None, :, None]
        return torch.einsum("bibj->ij", joint)

    with_it, without = fused("never"), fused(when)
    assert torch.allclose(with_it, without, atol=1e-12, rtol=0)
    vector = truth_tables.fuse(masses[None, None], phi)[0][0, 0]
    read = torch.stack(
        [torch.ones((), dtype=torch.float64), 2 * without[0, 1], without[0, 0] - without[1, 1]]
    )
    assert torch.allclose(vector, read, atol=1e-12, rtol=0)


def test_inert_entanglement_leaves_every_score_of_a_shipped_network() -> None:
    """The same for the scores of a shipped network: read from the qubits of a classical mixture over outcomes."""
    study = open_study("qcnn-parity")
    inputs = study.dataset.inputs(study.dataset.rows("test")[:5], torch.float64)
    with torch.no_grad():
        states = study.model.encode(inputs)
        masses = torch.stack([states[name].double() for name in study.modalities], -1)
        P = truth_tables.probabilities(
            masses
        )  # a mixture over outcomes, as if the modality qubits had been measured
        phi = study.model.phi.double()[:, 0]
        vectors = torch.stack(
            [
                torch.ones_like(P[..., 0]),
                (P * torch.sin(phi)).sum(-1),
                (P * torch.cos(phi)).sum(-1),
            ],
            -1,
        )
        assert phi.shape[-1] == P.shape[-1]
        mixed = study.model.read(vectors) + study.model.bias
        assert torch.allclose(mixed, study.model.double()(inputs), atol=1e-12, rtol=0)
