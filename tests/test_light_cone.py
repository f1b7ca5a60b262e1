"""Light cones against PennyLane gate by gate; states between gates, matrices in hover texts, Bloch balls,
PennyLane's drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch

from qfusion.errors import InvalidInput, NotFound
from qfusion.figures.circuits import charts, diagram, qubits
from qfusion.figures.circuits.boxes import fusion_replay
from qfusion.models.network import gate_angles
from qfusion.quantum import statevector
from qfusion.quantum.circuits import operation_matrix, rotation
from qfusion.quantum.statevector import gate_step, light_cone
from qfusion.simulate.fusion_circuit import fusion_circuit
from qfusion.simulate.gate_replay import replay_fusion
from qfusion.study.opening import open_sample
from qfusion.views import circuit as circuit_views
from qfusion.views.pages import catalogue, rendering
from qfusion.views.qubits import bloch_gates
from tests.support.app import plain, said, visit
from tests.support.entangled import angles_of, model_of

PAIR = "pair-7600"


@pytest.fixture(scope="module")
def pair() -> Any:
    """Before the smallest shipped network of eight qubits."""
    return open_sample("qcnn-parity", PAIR)


DEVICE = qml.device("default.qubit")


def of_words(operations: Sequence[Any], words: Sequence[Sequence[Any]]) -> np.ndarray:
    """Expectations of products of Z, by PennyLane's state-vector simulator."""

    found = [qml.expval(qml.prod(*map(qml.Z, word))) for word in words]
    script = qml.tape.QuantumScript(operations, found)
    return np.array(qml.execute([script], DEVICE, diff_method=None)[0], dtype=float)


def plain_gates(n: int, seed: int) -> list[statevector.Gate]:
    """Two layers of rotations and rings of CNOTs with turns between, at random angles."""
    torch.manual_seed(seed)
    cnot = torch.eye(4, dtype=torch.complex128)[[0, 1, 3, 2]]

    def layer(width: int) -> list[statevector.Gate]:
        turned = statevector.rotations(2 * torch.randn(n, 3, dtype=torch.float64))
        ring = statevector.ring(n, width)
        rotated = [statevector.Gate("Rot", (q,), U, {}) for q, U in enumerate(turned)]
        return [*rotated, *(statevector.Gate("CNOT", pair, cnot, {}) for pair in ring)]

    turns = [
        statevector.rotation_gate(name, q, torch.randn((), dtype=torch.float64) * 2)
        for q in range(n)
        for name in ("RX", "RZ")
    ]
    return [*layer(1), *turns, *layer(2)]


@pytest.mark.parametrize("seed", [0, 1])
def test_only_gates_inside_the_cone_have_an_effect(seed: int) -> None:
    n = 5
    gates = plain_gates(n, seed)
    words = [*((q,) for q in range(n)), *statevector.ring(n)]
    # CNOTs of one pair alone, so that some gates lie outside.
    gates = [gate for k, gate in enumerate(gates) if gate.name != "CNOT" or k % 3 == seed]
    R = np.random.default_rng(seed)
    start = [
        qml.Rot(*R.uniform(0.3, 2.8, 3), wires=q) for q in range(n)
    ]  # no qubit begins where a gate does nothing

    def run(kept: Sequence[bool]) -> np.ndarray:
        return of_words(
            [
                *start,
                *(
                    qml.QubitUnitary(gate.matrix.numpy(), wires=gate.wires)
                    for gate, keep in zip(gates, kept, strict=True)
                    if keep
                ),
            ],
            words,
        )

    steps = [gate_step(gate.wires, gate.matrix) for gate in gates]
    cones = [light_cone(steps, word) for word in words]
    whole = run([True] * len(gates))
    for w, cone in enumerate(cones):
        assert abs(run(cone.inside)[w] - whole[w]) < 1e-12
    outside = [len(gates) - cone.count for cone in cones]
    assert min(outside) > 0
    for k in range(len(gates)):
        change = np.abs(run([j != k for j in range(len(gates))]) - whole)
        for w, cone in enumerate(cones):
            assert (change[w] > 1e-6) == cone.inside[k], (k, gates[k].name, words[w], change[w])
            assert change[w] > 1e-6 or change[w] < 1e-12


@pytest.mark.parametrize(("n", "M", "block"), [(4, 2, "su4"), (3, 3, "su4")])
def test_cone_of_the_network_equals_pennylane(n: int, M: int, block: str) -> None:
    model = model_of(n, M, block=block)
    theta = angles_of(model)
    circuit = fusion_circuit(model, theta)
    found = fusion_replay(replay_fusion(model, theta), model)
    rows = {wire.name: row for row, wire in enumerate(found.wires)}
    words = [(wire,) for wire in circuit.fused]
    cones = [light_cone(found.steps, [rows[name] for name in word]) for word in words]

    def run(kept: Sequence[bool]) -> np.ndarray:
        part = replace(
            circuit,
            gates=tuple(gate for gate, keep in zip(circuit.gates, kept, strict=True) if keep),
        )
        return of_words(part.tape(measured=False).operations, words)

    whole, count = run([True] * len(circuit.gates)), len(circuit.gates)
    assert count == found.count
    for w, cone in enumerate(cones):
        assert abs(run(cone.inside)[w] - whole[w]) < 1e-12
    assert any(cone.count < count - 3 for cone in cones)
    for k, gate in enumerate(circuit.gates):
        if gate.gate == "measure":  # read later, or by what it chooses: nothing is left out with it
            continue
        change = np.abs(run([j != k for j in range(count)]) - whole)
        for w, cone in enumerate(cones):
            assert (change[w] > 1e-9) == cone.inside[k], (
                k,
                gate.label,
                gate.wires,
                words[w],
                change[w],
            )


def test_cnots_permute_amplitudes() -> None:
    """Basis state by basis state, CNOT after CNOT; the first qubit is the most significant."""
    pairs = [(0, 2), (3, 1), (2, 3), (1, 0)]
    psi = torch.randn(3, 16, dtype=torch.complex128)
    wanted = torch.empty_like(psi)
    for place in range(16):
        bits = [place >> (3 - q) & 1 for q in range(4)]
        for control, target in pairs:
            bits[target] ^= bits[control]
        wanted[:, int("".join(map(str, bits)), 2)] = psi[:, place]
    assert torch.equal(statevector.apply_cnots(psi, pairs), wanted)
    assert torch.equal(statevector.apply_cnots(psi, []), psi)


def test_unaffected_qubits_of_a_gate() -> None:
    angle = torch.tensor([0.7], dtype=torch.float64)
    cnot = gate_step("ab", operation_matrix("CNOT", angle[:0], (0, 1)))
    assert (cnot.keeps, cnot.flips, cnot.monomial) == ({"a"}, ("a", "b"), True)
    assert gate_step("ab", operation_matrix("CZ", angle[:0], (0, 1))).keeps == {"a", "b"}
    turned = gate_step("ab", operation_matrix("CRX", angle, (0, 1)))
    assert (turned.keeps, turned.flips, turned.monomial) == ({"a"}, None, False)
    assert gate_step("a", rotation("RZ", angle)).keeps == {"a"}
    assert gate_step("a", rotation("RY", angle)).keeps == set()
    # The control of a CNOT is not changed by it, its target holds both.
    assert light_cone([cnot], "a").inside == (False,)
    assert light_cone([cnot], "b").qubits == {"a", "b"}
    assert light_cone([cnot, cnot], "b").count == 2


def test_panel_greys_gates_outside_the_cone(pair: Any) -> None:
    picture = circuit_views.circuit(pair, cone="fused[1]", gate=40)
    found, table = circuit_views.replay(pair), picture.numbers
    cone = circuit_views.sample_light_cone(pair, "fused[1]")
    assert list(table["in_cone"]) == list(cone.inside)
    assert f"{cone.count} of {found.count} gates" in picture.title
    assert f"{len(cone.qubits)} of {len(found.wires)} qubits" in picture.title
    for box in found.grey_outside(found.boxes, cone):
        assert box.outside != any(cone.inside[box.first - 1 : box.last])
    assert set(pair.study.backend.readouts()) >= {
        "fused[0]",
        "fused[0] · fused[2] · fused[4] · fused[6]",
    }
    with pytest.raises(NotFound, match="fused"):
        circuit_views.circuit(pair, cone="fused[77]")
    with pytest.raises(InvalidInput, match="no light cone"):
        circuit_views.sample_light_cone(open_sample("qj-planted", "p2924"), "text0")


def test_displays_show_the_state_after_every_column(pair: Any) -> None:
    found = circuit_views.replay(pair)
    between = found.column_states(found.count)
    last = {
        row: (vector, entropy) for _, row, vector, entropy in between
    }  # the last column of each wire
    for row in found.followed:
        assert last[row][0] == pytest.approx(found.bloch[-1, row])
        assert last[row][1] == pytest.approx(found.entropy[-1, row])
    first = {row: vector for x, row, vector, _ in between if x == 0.5}
    encoded = [row for row, wire in enumerate(found.wires) if wire.end is not None]
    theta = {name: values.numpy() for name, values in pair.study.backend.theta(pair.row).items()}
    for row in encoded:
        name, _, element = found.wires[row].name.partition("[")
        angle = theta[name][int(element[:-1])]
        assert first[row] == pytest.approx([np.sin(angle), 0, np.cos(angle)], abs=1e-12)
    for kind in qubits.KINDS:
        figure = circuit_views.circuit(pair, display=kind).figure
        tips = next(trace for trace in figure.data if trace.name == "displays")
        assert len(tips.x) == len(between)
        fills = [
            trace for trace in figure.data if trace.fill == "toself" and trace.name != "frames"
        ][:-1]  # without those at the ends of wires
        assert len(fills) == (3 if kind == qubits.KINDS[1] else 1)
        heights = np.ptp(np.reshape(fills[-1].y, (-1, 6))[:, :4], axis=1)
        frame = np.ptp(
            np.reshape(next(t for t in figure.data if t.name == "frames").y, (-1, 6))[:, :4], axis=1
        )
        vectors = np.stack([vector for _, _, vector, _ in between])
        wanted = {
            qubits.KINDS[0]: (1 - vectors[:, 2]) / 2,
            qubits.KINDS[1]: np.abs(vectors[:, 2]) / 2,
            qubits.KINDS[2]: (vectors**2).sum(1),
        }[kind]
        assert heights / frame == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(NotFound):
        circuit_views.circuit(pair, display="weather")


def test_a_window_of_a_long_circuit_has_its_own_states() -> None:
    boxes = tuple(
        diagram.Box("RX", column, (0,), column + 1, column + 1, "") for column in range(6)
    )
    bloch = np.zeros((7, 1, 3))
    bloch[:, 0, 2] = np.linspace(1, -1, 7)
    replay = charts.Replay(
        boxes,
        (diagram.Wire("a", 0),),
        (("RX", ("a",), "", {}),) * 6,
        bloch,
        np.zeros((7, 1)),
        (),
        (),
        (0,),
        across=2,
    )
    assert [(x, vector[2]) for x, _, vector, _ in replay.column_states(4)] == [
        (0.5, pytest.approx(bloch[3, 0, 2])),
        (1.5, pytest.approx(bloch[4, 0, 2])),
    ]


def test_hover_texts_contain_matrices() -> None:
    assert (
        qubits.matrix_tip(np.eye(2))
        == "1.00\u2007\u2007\u2007\u20070<br>\u2007\u2007\u20070\u20071.00"
    )
    assert qubits.matrix_tip(np.eye(8)) == ""
    assert "0.50-0.50i" in qubits.matrix_tip(np.array([[0.5 - 0.5j, 0], [0, 1j]]))
    model = model_of(3, 2)
    theta = angles_of(model)
    found = fusion_replay(replay_fusion(model, theta), model)
    convolution = next(box for box in found.boxes if box.name.startswith("C0"))
    circuit = fusion_circuit(model, theta)
    inside = circuit.gates[convolution.first - 1 : convolution.last]
    wires = [found.wires[row].name for row in sorted(convolution.rows)]
    U = qml.matrix(replace(circuit, gates=inside).tape(measured=False), wire_order=wires)
    assert convolution.values.endswith("together:<br>" + qubits.matrix_tip(np.asarray(U)))
    assert all(
        f"{next(iter(gate.values.values())):.3f}".replace("-", "\u2212") in convolution.values
        for gate in inside
        if gate.values
    )
    encode = next(box for box in found.boxes if box.name == "RY")
    assert encode.values == qubits.matrix_tip(
        qml.RY.compute_matrix(circuit.gates[0].values["theta"])
    )


def test_bloch_balls_along_the_gates(pair: Any) -> None:
    picture, found = bloch_gates(pair, gate=100), circuit_views.replay(pair)
    tips = [trace for trace in picture.figure.data if trace.mode == "markers"]
    assert len(tips) == len(found.followed)
    lengths = np.linalg.norm(found.bloch[100][list(found.followed)], axis=1)
    assert [note.text.rsplit(" ", 1)[1] for note in picture.figure.layout.annotations] == [
        f"{r:.2f}" for r in lengths
    ]


def test_light_cone_on_the_page(pair: Any) -> None:
    about = {"model": "qcnn-parity", "data": "parity", "sample": PAIR}
    app = visit(
        "Circuit", **about, cone="fused[1]", gate="3", display="purity", qubitsas="Bloch balls"
    )
    assert not app.error
    words = plain(said(app))
    assert "fused[1] can depend on" in words.lower()
    assert "Bloch vector" in words
    # Gate 3 fuses element 0: its angle is set in place, and the decision follows.
    slider = next(each for each in app.slider if each.label.startswith("Angle"))
    outcome = next(
        each for each in app.segmented_control if each.label.startswith("Angle of this gate")
    ).value
    slider.set_value(1.0).run()
    assert not app.error
    assert "log-odds for" in plain(app.info[0].value)
    phi = pair.study.model.tweaked(app.session_state["phi"]).phi
    shape = gate_angles.table_shape(pair.study.model)
    assert float(phi[0, 0, gate_angles.edited_patterns(shape).index(outcome)]) == pytest.approx(1.0)
    app = visit("Circuit", **about, gate="100", cone="fused[77]")
    assert not any(each.label.startswith("Angle") for each in app.slider)
    assert "fused[77]" in plain(app.warning[0].value)
    opened = catalogue.open_page(
        "circuit", about | {"cone": "fused[1]", "qubitsas": "Bloch balls"}
    ).view
    shown = list(catalogue.visible_panels(opened))
    assert "bloch-gates" in shown
    assert "qubits" not in shown
    assert "cone='fused[1]'" in rendering.program("Circuit", "circuit", opened.address())


@pytest.mark.parametrize(
    "query", [{"model": "qcnn-parity", "part": "Export"}, {"model": "qj-parity"}]
)
def test_pennylane_s_drawing_is_on_the_page(query: dict[str, str]) -> None:
    app = visit("Circuit", **query, **{"table.drawing": "true"})
    assert not app.error
    assert len(app.get("image")) == 1
