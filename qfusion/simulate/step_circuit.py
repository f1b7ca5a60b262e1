"""One step of the evolution as a PennyLane circuit: state preparation per modality, exp(-i H dt), jump channels.

A modality of up to 2^n levels takes n wires, `text0`, `text1`, ..., the first the most significant; states of these
beyond its levels are never reached. This module imports PennyLane.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import translate_import_errors
from qfusion.quantum import decomposition, lindblad, states
from qfusion.simulate import (
    circuit_export,
    fusion_circuit,
    fusion_gates,
    master_equation,
    trajectories,
)

with translate_import_errors():
    import pennylane as qml


@dataclass(frozen=True, kw_only=True)
class StepGate(fusion_gates.Box):
    """One gate of a step.

    Attributes:
        kind: "prepare", "unitary", "jump" (two Kraus operators) or "channel" (the whole step).
        wires: most significant first.
        operators: the ket (d,), or unitaries and Kraus operators (R, d, d) on the levels of `modalities`.
        dims: levels of each of these.
    """

    operators: np.ndarray
    dims: tuple[int, ...]

    @property
    def qubit_operators(self) -> np.ndarray:
        """Operators on `wires`. The first states of the wires are the levels. On all other states the first operator
        is the identity.
        """
        levels = [torch.eye(2 ** _qubits(d), d, dtype=torch.float64) for d in self.dims]
        V = reduce(torch.kron, levels).numpy()
        if self.kind == "prepare":
            return V @ self.operators
        wide = V @ self.operators @ V.T
        wide[0] += np.eye(len(V)) - V @ V.T
        return wide


Wires = dict[str, tuple[str, ...]]


def _qubits(d: int) -> int:
    """How many hold so many levels."""
    return max(1, math.ceil(math.log2(d)))


def validate_kets(
    system: lindblad.System, kets: Mapping[str, Tensor] | Sequence[Tensor]
) -> list[np.ndarray]:
    """Return one unit ket per modality, in order.

    Raises:
        InvalidInput: when one is missing, does not fit, or is not normalised.
    """
    given = dict(kets) if isinstance(kets, Mapping) else dict(zip(system.names, kets, strict=False))
    check(
        set(given) == set(system.names) and len(kets) == len(system.names),
        f"Argument `kets` must hold one ket for each of {list(system.names)}, but has {len(kets)}"
        f"{f': {list(kets)[:8]}' if isinstance(kets, Mapping) else ''}. Use `model.encode`.",
    )
    return [
        trajectories.validate_ket(f"kets[{name}]", given[name], d)
        for name, d in zip(system.names, system.dims, strict=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.005 else "under 1%"


def _together(subset: decomposition.Subset, names: Sequence[str]) -> str:
    return " + ".join(names[m] for m in subset)


def _preparation(name: str, wires: tuple[str, ...], ket: np.ndarray) -> StepGate:
    weights = np.abs(ket) ** 2
    top = int(weights.argmax())
    basis = [format(i, f"0{len(wires)}b") for i in range(len(ket))]
    qubits = "1 qubit" if len(wires) == 1 else f"{len(wires)} qubits"
    populations = {f"|{b}⟩": float(w) for b, w in zip(basis, weights, strict=True)}
    sentence = (
        f"Puts the {qubits} of {name} into this sample's state; its largest part, {_percent(weights[top])}, is "
        f"|{basis[top]}⟩."
    )
    return StepGate(
        "prepare",
        f"|{name}⟩",
        wires,
        populations,
        sentence,
        (name,),
        operators=ket,
        dims=(len(ket),),
    )


def _split_step(
    system: lindblad.System, psi: np.ndarray, dt: float, split: str, wires: Wires
) -> list[StepGate]:
    part = master_equation.hamiltonian_shares(system.H, system.dims)
    gates = []
    for subset, U in master_equation.step_unitaries(system, dt, split).items():
        names = tuple(system.names[m] for m in subset)
        angle = float(np.abs(np.angle(np.linalg.eigvals(U))).max())
        share = part[subset] if split == "terms" else 1.0
        who = names[0]
        acting = "the part of H that acts on it alone"
        if len(names) > 1:
            who = f"{', '.join(names[:-1])} and {names[-1]} together"
            acting = "the part of H that acts on exactly these"
        label = "H"
        what = "all of H"
        if split == "terms":
            label = f"H[{_together(subset, system.names)}]"
            what = f"{acting}, {_percent(share)} of it"
        gate = StepGate(
            "unitary",
            label,
            tuple(w for name in names for w in wires[name]),
            {"share of H": share, "largest phase (rad)": angle},
            f"Turns {who} for dt = {dt:.3g} by {what}; phases up to {angle:.2g} rad.",
            names,
            operators=U[None],
            dims=tuple(system.dims[m] for m in subset),
        )
        gates.append(gate)
    return gates + [_jump(system, k, psi, dt, wires) for k, L in enumerate(system.jumps) if L.any()]


def _jump(system: lindblad.System, k: int, psi: np.ndarray, dt: float, wires: Wires) -> StepGate:
    kraus = master_equation.jump_channel(system.jumps[k], dt)
    here = float(np.linalg.norm(kraus[1] @ psi) ** 2)
    most = float(np.linalg.norm(kraus[1], 2) ** 2)
    part = master_equation.hamiltonian_shares(system.jumps[k], system.dims)
    top = max(part, key=lambda subset: part[subset])
    acts = (
        f"{_percent(part[top])} of it acts on exactly {_together(top, system.names)}"
        if part[top]
        else "it is a multiple of the identity and changes nothing"
    )
    facts = {"jump probability at the start": here, "largest jump probability": most}
    for subset, share in part.items():
        facts[f"share on {_together(subset, system.names)}"] = share
    sentence = f"L{k + 1} jumps with probability {here:.2g} in the first step; {acts}."
    return StepGate(
        "jump",
        f"L{k + 1}",
        tuple(w for name in system.names for w in wires[name]),
        facts,
        sentence,
        tuple(system.names),
        operators=kraus,
        dims=tuple(system.dims),
    )


def _whole_step(system: lindblad.System, dt: float, wires: Wires) -> StepGate:
    kraus = master_equation.step_kraus_operators(system, dt)
    largest = float((np.abs(kraus[0]) ** 2).sum() / len(system.H))
    return StepGate(
        "channel",
        "exp(dt L)",
        tuple(w for name in system.names for w in wires[name]),
        {"Kraus operators": float(len(kraus)), "weight of the largest": largest},
        f"The whole step of dt = {dt:.3g}, H and jumps, exactly: a channel of {len(kraus)} Kraus operators from its "
        f"Choi matrix; the largest carries {_percent(largest)}.",
        tuple(system.names),
        operators=kraus,
        dims=tuple(system.dims),
    )


# One step of the evolution as a PennyLane circuit: state preparation per modality, exp(-i H dt), jump channels.
#
# A modality of up to 2^n levels takes n wires,
# `text0`, `text1`, ..., the first the most significant; states of these beyond its levels are never reached.


MAX_STEPS = (
    400  # of a comparison with the exact evolution; they take a quarter of a second at D = 64
)


@dataclass(frozen=True)
class StepError:
    """Trace distance between the states that the drawn circuit and the exact evolution reach from the sample's state.

    Attributes:
        one: distance after one step of `dt`.
        all: distance after `steps` steps.
        steps: number of steps in the model's duration, at most 400.
    """

    one: float
    all: float
    steps: int


@dataclass(frozen=True)
class StepCircuit(fusion_circuit.DrawableCircuit):
    """A step, ready to be drawn and run; made by `step_circuit`.

    Attributes:
        gates: in the order they act, preparations first.
        wires: all qubits, top to bottom.
        system: the physics it was made from.
        psi: the sample's product state (D,).
        dt: time of the step.
        form: "exact" or "trotter".
    """

    gates: tuple[StepGate, ...]
    wires: tuple[str, ...]
    system: lindblad.System
    psi: np.ndarray
    dt: float
    form: str
    decimals = None

    def qnode(self, steps: int = 1, device: Any = None) -> Callable[[], np.ndarray]:
        """Return a QNode without arguments. Its result is the density matrix of all qubits after `steps` steps.

        Args:
            steps: how often the step after the preparation is repeated.
            device: a PennyLane device with these wires; default `default.mixed`.
        """
        check(
            isinstance(steps, int) and steps >= 0,
            f"Argument `steps` must be a whole number from 0, but is {steps!r}. Use 1 for the drawn circuit.",
        )

        # The device takes one state preparation, as the first operation: the product of the drawn ones.
        start = reduce(
            np.kron, [gate.qubit_operators for gate in self.gates if gate.kind == "prepare"]
        )

        @qml.qnode(device or qml.device("default.mixed", wires=self.wires))
        def circuit() -> Any:
            qml.StatePrep(start, wires=self.wires)
            for _ in range(steps):
                for gate in self.gates:
                    if gate.kind != "prepare":
                        _operation(gate)
            return qml.density_matrix(wires=self.wires)

        return circuit

    @cached_property
    @trajectories.single_threaded()
    def error(self) -> StepError:
        """The distance of the drawn step, and of its repetition over the duration, from the exact evolution."""
        steps = min(max(1, round(self.system.duration / self.dt)), MAX_STEPS)
        rho = np.outer(self.psi, self.psi.conj())
        exact = lindblad.evolve_states(
            self.system.H, self.system.jumps, torch.from_numpy(rho), [self.dt, steps * self.dt]
        ).numpy()
        embedded = []
        for gate in self.gates:
            if gate.kind == "prepare":
                continue
            places = [self.system.names.index(name) for name in gate.modalities]
            whole = states.embed(torch.from_numpy(gate.operators), self.system.dims, places)
            embedded.append(whole.numpy())
        distances = []
        for step in range(1, steps + 1):
            for operators in embedded:
                rho = master_equation.apply_kraus(operators, rho)
            if step in (1, steps):
                difference = exact[int(step > 1)] - rho
                distances.append(float(np.abs(np.linalg.eigvalsh(difference)).sum() / 2))
        return StepError(distances[0], distances[-1], steps)

    def labelled_tape(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the gates with their labels as a tape."""
        operations = [
            _operation(gate, fusion_circuit.LabelledUnitary, _Channel) for gate in self.gates
        ]
        for gate, operation in zip(self.gates, operations, strict=True):
            operation.text = gate.label
        return qml.tape.QuantumScript(operations, [])

    def to_quantikz(self, per_line: int = 0) -> str:
        """Return the circuit as Quantikz, for LaTeX; see `circuit_export.to_quantikz` for `per_line`."""
        return circuit_export.to_quantikz(
            self.labelled_tape(),
            self.wires,
            per_line=per_line,
            comment=f"One step of dt = {self.dt:.4g}. Rounded boxes are channels.",
        )


class _Channel(fusion_circuit.LabelledOperation, qml.QubitChannel):
    """A channel with a label."""


def _operation(
    gate: StepGate, unitary: type = qml.QubitUnitary, kraus: type = qml.QubitChannel
) -> qml.operation.Operator:
    if gate.kind == "prepare":
        return qml.StatePrep(gate.qubit_operators, wires=gate.wires)
    if gate.kind == "unitary":
        return unitary(gate.qubit_operators[0], wires=gate.wires)
    return kraus(list(gate.qubit_operators), wires=gate.wires)


def step_circuit(
    system: Any,
    kets: Mapping[str, Tensor] | Sequence[Tensor],
    dt: float,
    *,
    form: str | None = None,
    split: str = "terms",
) -> StepCircuit:
    """Return the circuit of one step of the evolution of one sample.

    Args:
        system: a `System`, or a model that has one (`model.system()`).
        kets: the sample's state per modality, (d_m,) each, of unit norm, by name or in order.
        dt: time of the step, above 0.
        form: "exact" for the step's channel as one gate, from its Choi matrix (D up to 16); "trotter" for exp(-i H_S
            dt) per term and one channel per L_k, whose error is in `StepCircuit.error`. Default: exact up to D = 8.
        split: "terms" or "whole": exp(-i H dt) per term H_S or in one gate (trotter only).

    Raises:
        InvalidInput: when a ket does not fit or is not normalised, `dt` is not positive, or an option is unknown.
    """
    system = system if isinstance(system, lindblad.System) else system.system()
    dt = master_equation.validate_step(dt)
    D = len(system.H)
    form = form or ("exact" if D <= 8 else "trotter")
    check(
        form in ("exact", "trotter"),
        f"Argument `form` must be 'exact' or 'trotter', but is {form!r}. Choose one of them.",
    )
    check(
        split in ("terms", "whole"),
        f"Argument `split` must be 'terms' or 'whole', but is {split!r}. Choose one of them.",
    )
    check(
        form == "trotter" or D <= 16,
        f"Argument `form` must be 'trotter' above D = 16, but is 'exact' at D = {D}. The step's channel would have "
        f"{D * D} Kraus operators of side {D}.",
    )
    wires = {
        name: tuple(f"{name}{q}" for q in range(_qubits(d)))
        for name, d in zip(system.names, system.dims, strict=True)
    }
    own = validate_kets(system, kets)
    psi = states.product([torch.from_numpy(ket) for ket in own]).numpy()
    gates = []
    for name, state in zip(system.names, own, strict=True):
        gates.append(_preparation(name, wires[name], state))
    if form == "exact":
        gates.append(_whole_step(system, dt, wires))
    else:
        # A term or jump operator that is zero, as after a tweak, has no gate.
        gates += _split_step(system, psi, dt, split, wires)
    qubits = tuple(wire for name in system.names for wire in wires[name])
    return StepCircuit(fusion_gates.assign_columns(gates, qubits), qubits, system, psi, dt, form)
