"""Circuits of models with plain gates against PennyLane's states and brute-force entropies; drawings, OpenQASM."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import qiskit.qasm2
import qiskit.qasm3
import torch
from qiskit.quantum_info import Statevector

from qfusion.errors import InvalidInput
from qfusion.figures.circuits import boxes
from qfusion.models.kind_texts import describe_circuit
from qfusion.models.protocols import GateCircuit, kinds
from qfusion.quantum import statevector
from qfusion.quantum.decomposition import PAULIS
from qfusion.quantum.states import partial_trace
from qfusion.simulate import gate_replay
from qfusion.simulate.fusion_circuit import gate_circuit
from tests.plugins.papers.gate_circuits import of
from tests.plugins.papers.published_models import rows_of

CIRCUITS = kinds(GateCircuit)


def entropy(rho: np.ndarray) -> float:
    x = np.linalg.eigvalsh(rho)
    x = x[x > 1e-300]
    return float(-(x * np.log(x)).sum())


def reduced(psi: np.ndarray, keep: tuple[int, ...]) -> np.ndarray:
    n = len(psi).bit_length() - 1
    return partial_trace(torch.as_tensor(np.outer(psi, psi.conj())), (2,) * n, keep).numpy()


@pytest.mark.parametrize("kind", CIRCUITS)
@pytest.mark.parametrize("M", [1, 2, 3])
def test_every_moment_equals_pennylane_and_brute_force_entropies(kind: str, M: int) -> None:
    model, states = of(kind, M)
    gates, registers = model.gates(states), model.registers()
    found, shared = (
        gate_replay.replay_gates(gates, registers),
        gate_replay.register_information(gates, registers),
    )
    names = list(registers)
    groups = [
        tuple(q for q in range(model.n) if found.wires[q].startswith(f"{name}[")) for name in names
    ]
    assert sum(map(len, groups)) == model.n == len(found.wires)

    @qml.qnode(qml.device("default.qubit", wires=found.wires))
    def circuit() -> Any:
        qml.Snapshot()
        for operation in operations:
            qml.apply(operation)
            qml.Snapshot()
        return qml.state()

    operations = gate_circuit(model, states).tape().operations
    theirs = [np.asarray(each) for each in qml.snapshots(circuit)().values()][: len(gates) + 1]
    assert len(theirs) == len(found.bloch) == len(gates) + 1
    for done, (psi, own) in enumerate(
        zip(theirs, statevector.apply_circuit(gates, model.n), strict=True)
    ):
        assert np.abs(own.numpy() - psi).max() < 1e-8
        for q in range(model.n):
            rho = reduced(psi, (q,))
            vector = np.einsum("aij,ji->a", PAULIS[1:].numpy(), rho).real
            assert found.bloch[done, q] == pytest.approx(vector, abs=1e-8)
            assert found.entropy[done, q] == pytest.approx(entropy(rho), abs=1e-8)
        S = [entropy(reduced(psi, group)) for group in groups]
        for (a, one), (b, other) in itertools.combinations(enumerate(groups), 2):
            assert shared[names[a], names[b]][done] == pytest.approx(
                S[a] + S[b] - entropy(reduced(psi, one + other)), abs=1e-8
            )
        if len(names) > 2:
            assert shared[tuple(names)][done] == pytest.approx(sum(S), abs=1e-8)
    assert len(shared) == len(names) * (len(names) - 1) // 2 + (len(names) > 2)
    for done, moment in enumerate(found.moments):
        on = gates[done].wires
        assert moment.wires == (tuple(found.wires[q] for q in on) if len(on) <= 4 else ())
        if len(on) == 2:
            order = (0, 1) if on[0] < on[1] else (1, 0)
            for psi, rho, mutual in zip(
                theirs[done:], (moment.before, moment.after), moment.mutual, strict=False
            ):
                pair = (
                    reduced(psi, on)
                    .reshape((2,) * 4)
                    .transpose([*order, *(2 + k for k in order)])
                    .reshape(4, 4)
                )
                assert np.abs(pair - rho).max() < 1e-8
                alone = [entropy(reduced(psi, (q,))) for q in on]
                assert mutual == pytest.approx(sum(alone) - entropy(pair), abs=1e-8)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_openqasm_of_elementary_gates_has_the_same_unitary_in_qiskit(kind: str) -> None:
    model, states = of(kind, 2)
    circuit = gate_circuit(model, states)
    psi = [*statevector.apply_circuit(model.gates(states), model.n)][-1].numpy()
    others = [
        circuit.state()(),
        circuit.state(elementary=True)(),
        [*statevector.apply_circuit(model.elementary(states), model.n)][-1].numpy(),
    ]
    for version, read in ((2, qiskit.qasm2), (3, qiskit.qasm3)):
        program = read.loads(circuit.to_openqasm(version))
        program.remove_final_measurements()
        others.append(np.asarray(Statevector(program.reverse_bits())))
    for other in others:
        assert abs(np.vdot(psi, other)) == pytest.approx(1, abs=1e-10)
    with pytest.raises(InvalidInput, match="`version` must be 2 or 3, but is 1"):
        circuit.to_openqasm(1)
    assert circuit.draw_svg() == circuit.draw_svg()
    assert all(wire in circuit.draw_text() for wire in circuit.wires)


@pytest.mark.parametrize("kind", CIRCUITS)
def test_drawing_contains_every_gate_once(kind: str) -> None:
    model, states = of(kind, 3)
    replay = boxes.replay_gates(model, states)
    assert [n for box in replay.boxes for n in range(box.first, box.last + 1)] == list(
        range(1, replay.count + 1)
    )
    for a, b in itertools.combinations(replay.boxes, 2):
        spans = [set(range(min(box.rows), max(box.rows) + 1)) for box in (a, b)]
        assert a.column != b.column or not spans[0] & spans[1]
    for name, wires, sentence, values in replay.gates:
        assert sentence.endswith(".")
        assert "{" not in sentence
        assert set(wires) <= {wire.name for wire in replay.wires}
        if name in ("RY", "RZ"):  # its own modality's number
            held = next(key for key in values if key != "angle")
            assert held in sentence
            assert held.rpartition(" ")[0] == wires[0].partition("[")[0]
    for at in range(replay.count + 1):
        near = replay.visible_boxes(at)
        assert {box.column for box in near} <= set(range(boxes.ACROSS))
        assert any(box.first <= max(at, 1) <= box.last for box in near)
    assert len(replay.parts) <= boxes.MARKS
    assert replay.says


def test_circuit_description_matches_the_circuit() -> None:
    model, states = of("quantum-lego", 2)
    assert "were trained afterwards" in describe_circuit(model, states)
    model.frozen.fill_(False)
    assert "does not affect the score" in describe_circuit(model, states)
    assert "3 times" in describe_circuit(of("qfl", 2, degree=3)[0], {})
    model, states = of("vqc-mlpnet", 2)
    others = model.encode(rows_of(2, 1, seed=4))
    numbers = [torch.cat(list(each.values()), -1)[0].abs().argmax() for each in (states, others)]
    assert "Samples do not pass" in describe_circuit(model, states)
    for a, b in zip(model.gates(states, 0), model.gates(others, 0), strict=True):
        assert torch.equal(a.matrix, b.matrix)
    assert describe_circuit(model, states).endswith(
        f"The row of view {int(numbers[0]) // 3} {int(numbers[0]) % 3 + 1} is shown, the sample's largest output."
    )


def test_the_error_of_the_reservoirs_steps_is_measured() -> None:
    from scipy.linalg import expm

    model, states = of("reservoir", 2, duration=2.0, readouts=4)
    delta = model.detunings(torch.cat(list(states.values()), -1))[0].numpy()
    X, n, one = np.array([[0, 1], [1, 0]]), np.diag([0, 1]), np.eye(2)

    def on(**places: Any) -> np.ndarray:
        total = np.eye(1)
        for q in range(4):
            total = np.kron(total, places.get(f"q{q}", one))
        return total

    H = sum(np.pi * on(**{f"q{i}": X}) - delta[i] * on(**{f"q{i}": n}) for i in range(4))
    H = H + sum(
        5.42 / (j - i) ** 6 * on(**{f"q{i}": n, f"q{j}": n})
        for i, j in itertools.combinations(range(4), 2)
    )
    exact, psi = (
        expm(-2j * H)[:, 0],
        [*statevector.apply_circuit(model.gates(states), 4)][-1].numpy(),
    )
    read, distance = model.step_errors(states)
    assert distance == pytest.approx(np.sqrt(1 - abs(np.vdot(exact, psi)) ** 2), abs=1e-8)
    both = statevector.expectations(torch.as_tensor(np.stack([exact, psi])), model.words).numpy()
    assert read == pytest.approx(np.abs(both[0] - both[1]).max(), abs=1e-8)
    assert 1e-5 < read < 3e-2
    assert f"at most {read:.2g}" in describe_circuit(model, states)


def test_incompatible_registers_are_refused() -> None:
    model, states = of("qfl", 2)
    for call in (gate_replay.replay_gates, gate_replay.register_information):
        with pytest.raises(
            InvalidInput, match=r"holds 2 and a gate acts on qubit 3.*Give the registers"
        ):
            call(model.gates(states), {"view 0": 2})
    assert gate_replay.replay_gates([], {"a": 2}).entropy.tolist() == [[0, 0]]
