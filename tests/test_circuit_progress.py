"""States of the entangled-fusion circuit gate by gate against PennyLane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pennylane as qml
import pytest

from qfusion.explain.fusion import layer_entropies
from qfusion.models.network.truth_tables import fused_entropy
from qfusion.simulate.fusion_circuit import FusionCircuit, fusion_circuit
from qfusion.simulate.gate_replay import replay_fusion
from tests.support.entangled import angles_of, masses_of, model_of


def theirs(circuit: FusionCircuit, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bloch vectors and entropies of all qubits after some gates, by PennyLane; a measurement takes the coherence."""
    pieces = [replace(circuit, gates=(gate,)) for gate in circuit.gates[:count]]

    @qml.qnode(qml.device("default.mixed", wires=circuit.wires))
    def node() -> Sequence[object]:
        for piece in pieces:
            piece.queue()
            if piece.gates[0].gate == "measure":
                qml.PhaseFlip(0.5, wires=piece.gates[0].wires)
        return [
            *(qml.expval(P(wire)) for wire in circuit.wires for P in (qml.X, qml.Y, qml.Z)),
            *(qml.vn_entropy(wires=wire) for wire in circuit.wires),
        ]

    found = np.array(node(), dtype=float)
    return found[: 3 * len(circuit.wires)].reshape(-1, 3), found[3 * len(circuit.wires) :]


@pytest.mark.parametrize("block", ["su4", "circuit6", "circuit9", "ttn"])
def test_states_after_every_gate_equal_pennylane(block: str) -> None:
    model = model_of(2, 2, block=block)
    circuit, found = fusion_circuit(model, angles_of(model)), replay_fusion(model, angles_of(model))
    assert (found.gates, found.wires) == (circuit.gates, circuit.wires)
    for count in range(len(circuit.gates) + 1):
        bloch, entropy = theirs(circuit, count)
        assert found.bloch[count] == pytest.approx(bloch, abs=1e-9), count
        assert found.entropy[count] == pytest.approx(entropy, abs=1e-6), count


@pytest.mark.parametrize("M", [1, 3, 4])
def test_fusion_of_one_element(M: int) -> None:
    model = model_of(2, M)
    part = fusion_circuit(model, angles_of(model)).part("fusion", 0)
    found = replay_fusion(model, angles_of(model))
    own = [found.wires.index(wire) for wire in part.wires]
    for count in range(len(part.gates) + 1):
        assert found.bloch[count, own] == pytest.approx(theirs(part, count)[0], abs=1e-9)


def test_the_states_around_a_gate() -> None:
    model = model_of(4, 3)
    found = replay_fusion(model, angles_of(model))
    assert len(found.moments) == len(found.gates) == len(found.bloch) - 1
    for count, (gate, moment) in enumerate(zip(found.gates, found.moments, strict=True), 1):
        assert set(gate.wires) <= set(moment.wires)
        assert moment.after.shape == moment.before.shape == (2 ** len(moment.wires),) * 2
        for rho in (moment.before, moment.after):
            assert np.trace(rho) == pytest.approx(1)
            assert np.linalg.eigvalsh(rho).min() > -1e-12
        if (
            gate.kind == "fuse"
        ):  # a pure state of all four qubits: mutual information is twice the entanglement
            fused = found.wires.index(gate.wires[-1])
            assert moment.mutual == pytest.approx((0, 2 * found.entropy[count, fused]), abs=1e-9)


def test_last_state_equals_the_density_matrix() -> None:
    model = model_of(5, 2)
    theta = angles_of(model)
    found, vectors = replay_fusion(model, theta), model.fuse(masses_of(theta))[0][0].detach()
    fused = [found.wires.index(f"fused[{i}]") for i in range(5)]
    assert found.entropy[-1, fused] == pytest.approx(
        layer_entropies(model, vectors).single[-1], abs=1e-9
    )
    middle = sum(gate.kind in ("encode", "fuse") for gate in found.gates)
    assert found.entropy[middle, fused] == pytest.approx(fused_entropy(vectors).numpy(), abs=1e-9)
    assert found.bloch[middle, fused][:, [0, 2]] == pytest.approx(vectors[:, 1:].numpy(), abs=1e-12)
