"""The circuit of a step: its channel, its gates, what PennyLane makes of them, and the drawing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from matplotlib import pyplot as plt
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.figures.circuits import boxes
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import density, product
from qfusion.simulate import gate_replay, master_equation
from qfusion.simulate.step_circuit import step_circuit
from qfusion.views.circuit import describe_step_error
from tests.support.random_systems import random_kets, random_system


def exact(system: System, kets: dict[str, Tensor], time: float) -> np.ndarray:
    return evolve_states(system.H, system.jumps, density(product(list(kets.values()))), [time])[
        0
    ].numpy()


@pytest.mark.parametrize("dims", [(2, 2, 2), (2, 4), (3, 3)])
def test_kraus_operators_are_the_channel(dims: tuple[int, ...]) -> None:
    system, D = random_system(dims), math.prod(dims)
    kraus = master_equation.step_kraus_operators(system, 0.3)
    assert kraus.shape[1:] == (D, D)
    assert len(kraus) <= D * D
    assert np.einsum("kba,kbc->ac", kraus.conj(), kraus) == pytest.approx(np.eye(D), abs=1e-12)
    X = torch.randn(D, D, dtype=torch.complex128)
    expected = evolve_states(system.H, system.jumps, X, [0.3])[0].numpy()
    assert master_equation.apply_kraus(kraus, X.numpy()) == pytest.approx(expected, abs=1e-11)


def test_kraus_operators_of_a_unitary_and_of_a_decay() -> None:
    still = random_system((2, 2), K=0)
    (U,) = master_equation.step_kraus_operators(still, 0.3)
    identity = U.conj().T @ U
    assert identity == pytest.approx(np.eye(4), abs=1e-12)
    lower = torch.tensor([[[0, 1], [0, 0]]], dtype=torch.complex128)
    decay = System(torch.zeros(2, 2, dtype=torch.complex128), lower, (2,), ("text",), 1.0)
    kraus, p = (
        master_equation.step_kraus_operators(decay, 0.5),
        1 - math.exp(-0.5),
    )  # amplitude damping
    assert np.abs(kraus) == pytest.approx(
        np.array([[[1, 0], [0, math.sqrt(1 - p)]], [[0, math.sqrt(p)], [0, 0]]]), abs=1e-12
    )


@pytest.mark.parametrize("dims", [(2, 2, 2), (4, 2)])
def test_pennylane_runs_our_step(dims: tuple[int, ...]) -> None:
    system, kets = random_system(dims), random_kets(dims)
    circuit = step_circuit(system, kets, 0.2)
    assert circuit.form == "exact"
    assert circuit.qnode()() == pytest.approx(exact(system, kets, 0.2), abs=1e-10)
    assert circuit.qnode(steps=5)() == pytest.approx(exact(system, kets, 1.0), abs=1e-10)
    assert circuit.qnode(steps=0)() == pytest.approx(
        density(product(list(kets.values()))).numpy(), abs=1e-12
    )
    assert circuit.error.one < 1e-12
    assert circuit.error.steps == 5


@pytest.mark.parametrize(
    ("dims", "form"), [((3, 2), "exact"), ((3, 6), "trotter"), ((5, 3), "trotter")]
)
def test_dimensions_are_padded_to_qubits(dims: tuple[int, ...], form: str) -> None:
    system, kets = random_system(dims), random_kets(dims)
    circuit = step_circuit(system, kets, 0.05, form=form)
    sides = [2 ** math.ceil(math.log2(d)) for d in dims]
    assert 2 ** len(circuit.wires) == math.prod(sides)
    rho = circuit.qnode(steps=3)()
    seen = rho.reshape(*sides, *sides)[tuple(slice(d) for d in 2 * dims)]
    D = math.prod(dims)
    distance = np.abs(np.linalg.eigvalsh(seen.reshape(D, D) - exact(system, kets, 0.15))).sum()
    assert distance < 3e-2 if form == "trotter" else distance < 1e-10
    assert np.trace(rho) == pytest.approx(1, abs=1e-10)
    assert np.trace(seen.reshape(D, D)) == pytest.approx(1, abs=1e-10)  # no other state is reached
    replay = boxes.evolution_replay(circuit, system.names)
    assert replay.bloch[-1] == pytest.approx(
        gate_replay.bloch_vectors(torch.from_numpy(circuit.qnode()())), abs=1e-9
    )
    for gate in circuit.gates[len(dims) :]:
        whole = np.einsum("kba,kbc->ac", gate.qubit_operators.conj(), gate.qubit_operators)
        assert whole == pytest.approx(np.eye(len(whole)), abs=1e-10)


@given(st.floats(1e-4, 50), st.integers(0, 1000))
def test_a_jump_channel_keeps_the_trace_for_any_step(dt: float, seed: int) -> None:
    L = random_system((2, 2), 1, seed).jumps[0]
    M = master_equation.jump_channel(L, dt)
    assert np.einsum("kba,kbc->ac", M.conj(), M) == pytest.approx(np.eye(4), abs=1e-11)


def test_a_jump_channel_is_right_to_first_order() -> None:
    system = random_system((2, 2), 1)
    only = replace(system, H=torch.zeros_like(system.H))
    rho = density(product(list(random_kets((2, 2)).values())))
    errors = []
    for dt in (0.02, 0.01):
        expected = evolve_states(only.H, only.jumps, rho, [dt])[0].numpy()
        errors.append(
            np.abs(
                master_equation.apply_kraus(
                    master_equation.jump_channel(only.jumps[0], dt), rho.numpy()
                )
                - expected
            ).max()
        )
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("dims", [(2, 2, 2), (4, 4, 4)])
def test_drawn_step_reports_its_error(dims: tuple[int, ...]) -> None:
    system, kets = random_system(dims), random_kets(dims)
    circuit = step_circuit(system, kets, 0.1, form="trotter")
    difference = circuit.qnode()() - exact(system, kets, 0.1)
    assert circuit.error.one == pytest.approx(
        np.abs(np.linalg.eigvalsh(difference)).sum() / 2, abs=1e-10
    )
    assert 1e-6 < circuit.error.one < 0.1
    assert f"{circuit.error.one:.1e}" in describe_step_error(circuit.error)
    halved = step_circuit(system, kets, 0.05, form="trotter")
    assert halved.error.steps == 2 * circuit.error.steps == 20
    assert halved.error.one == pytest.approx(circuit.error.one / 4, rel=0.25)
    assert halved.error.all == pytest.approx(circuit.error.all / 2, rel=0.25)


def test_errors_of_repeated_steps_add_up() -> None:
    system, kets = random_system((2, 2, 2)), random_kets((2, 2, 2))
    circuit = step_circuit(system, kets, 0.25, form="trotter", split="whole")
    difference = circuit.qnode(steps=4)() - exact(system, kets, 1.0)
    assert circuit.error.all == pytest.approx(
        np.abs(np.linalg.eigvalsh(difference)).sum() / 2, abs=1e-10
    )


def test_the_whole_unitary_alone_is_exact() -> None:
    system, kets = random_system((2, 2, 2), K=0), random_kets((2, 2, 2))
    circuit = step_circuit(system, kets, 0.5, form="trotter", split="whole")
    assert [gate.label for gate in circuit.gates] == ["|text⟩", "|audio⟩", "|vision⟩", "H"]
    assert circuit.error.all < 1e-12
    assert step_circuit(system, kets, 0.5, form="trotter").error.all > 1e-4


def test_the_gates() -> None:
    dims = (4, 2, 2)
    circuit = step_circuit(random_system(dims, K=2), random_kets(dims), 0.1)
    assert circuit.wires == ("text0", "text1", "audio0", "vision0")
    assert [gate.label for gate in circuit.gates] == [
        "|text⟩",
        "|audio⟩",
        "|vision⟩",
        "H[text]",
        "H[audio]",
        "H[vision]",
        "H[text + audio]",
        "H[text + vision]",
        "H[audio + vision]",
        "H[text + audio + vision]",
        "L1",
        "L2",
    ]
    for gate in circuit.gates:
        assert gate.wires == tuple(wire for wire in circuit.wires if wire[:-1] in gate.modalities)
        assert gate.operators.shape[-1] == 2 ** len(gate.wires)
        assert gate.sentence.endswith(".")
        assert all(math.isfinite(value) for value in gate.values.values())
    # Boxes of a column lie below each other, also where a box spans a wire it does not touch.
    taken: set[tuple[int, int]] = set()
    for gate in circuit.gates:
        rows = [circuit.wires.index(wire) for wire in gate.wires]
        cells = {(gate.column, row) for row in range(min(rows), max(rows) + 1)}
        assert not cells & taken
        taken |= cells
    assert [gate.column for gate in circuit.gates] == [0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7]
    shares = [gate.values["share of H"] for gate in circuit.gates if gate.kind == "unitary"]
    assert sum(shares) == pytest.approx(1)


def test_labels_of_a_jump() -> None:
    system, kets = random_system((2, 2)), random_kets((2, 2))
    gate = step_circuit(system, kets, 1e-4, form="trotter").gates[-1]
    psi = product(list(kets.values()))
    rate = float((system.jumps[2] @ psi).norm() ** 2)
    assert gate.values["jump probability at the start"] == pytest.approx(1e-4 * rate, rel=1e-3)
    assert gate.values["largest jump probability"] >= gate.values["jump probability at the start"]
    assert sum(
        value for key, value in gate.values.items() if key.startswith("share on")
    ) == pytest.approx(1)


def test_terms_of_zero_strength_have_no_gate() -> None:
    system, kets = random_system((2, 2)), random_kets((2, 2))
    jumps = torch.stack(
        [0 * system.jumps[0], torch.eye(4, dtype=torch.complex128), system.jumps[2]]
    )
    circuit = step_circuit(replace(system, H=0 * system.H, jumps=jumps), kets, 0.1, form="trotter")
    assert [gate.label for gate in circuit.gates] == ["|text⟩", "|audio⟩", "L2", "L3"]
    assert "multiple of the identity" in circuit.gates[2].sentence
    nothing = step_circuit(
        replace(system, H=0 * system.H, jumps=jumps[:0]), kets, 0.1, form="trotter"
    )
    assert nothing.error.all == pytest.approx(0, abs=1e-12)


def test_the_drawings() -> None:
    circuit = step_circuit(random_system((4, 4, 4)), random_kets((4, 4, 4)), 0.05)
    before, open_figures = plt.get_backend(), plt.get_fignums()
    svg = circuit.draw_svg()
    assert svg == circuit.draw_svg()
    assert (plt.get_backend(), plt.get_fignums()) == (before, open_figures)
    for text in ("H[text + vision]", "L3", "audio1"):
        assert text in circuit.draw_text()
        assert text.encode() in svg
    assert len(circuit.draw_text().splitlines()) == 6


def test_circuit_of_a_model() -> None:
    class Model:
        def system(self) -> System:
            return random_system((2, 2))

    kets = random_kets((2, 2))
    assert (
        step_circuit(Model(), list(kets.values()), 0.1).draw_text()
        == step_circuit(Model(), kets, 0.1).draw_text()
    )


@pytest.mark.parametrize(
    ("dims", "options", "message"),
    [
        ((2, 2), {"dt": 0.0}, "`dt` must be above 0"),
        ((2, 2), {"dt": math.nan}, "`dt` must lie between"),
        ((2, 2), {"dt": "soon"}, "`dt` must be a number"),
        ((2, 2), {"form": "best"}, "`form` must be 'exact' or 'trotter', but is 'best'"),
        ((2, 2), {"split": "no"}, "`split` must be 'terms' or 'whole'"),
        ((4, 4, 4), {"form": "exact"}, "must be 'trotter' above D = 16, but is 'exact' at D = 64"),
    ],
)
def test_invalid_arguments_are_refused(dims: tuple[int, ...], options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        step_circuit(random_system(dims), random_kets(dims), **({"dt": 0.1} | options))


def test_invalid_kets_are_refused() -> None:
    system, kets = random_system((2, 2)), random_kets((2, 2))
    for wrong, message in [
        ({"text": kets["text"]}, r"one ket for each of \['text', 'audio'\], but has 1: \['text'\]"),
        (kets | {"audio": torch.ones(3)}, r"`kets\[audio\]` must have shape \(2,\)"),
        (kets | {"audio": 2 * kets["audio"]}, r"`kets\[audio\]` must have norm 1, but has norm 2"),
        ([kets["text"]] * 3, "but has 3"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            step_circuit(system, wrong, 0.1)
    with pytest.raises(InvalidInput, match=r"D at most 27 .* D = 64"):
        master_equation.step_kraus_operators(random_system((4, 4, 4)), 0.1)
    with pytest.raises(InvalidInput, match="`steps` must be a whole number"):
        step_circuit(system, kets, 0.1).qnode(steps=-1)
