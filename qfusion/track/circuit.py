"""One step of the evolution as a PennyLane circuit: state preparation per modality, exp(-i H dt), jump channels.

This module imports PennyLane; import it only where a circuit is wanted. A modality of dimension 2^n takes n wires, `text0`,
`text1`, ..., the first the most significant.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.decomposition import subset_name
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import embed, product
from qfusion.track import channel
from qfusion.track.states import checked_ket, dimension

# pyplot keeps global state, and a server draws in several threads.
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Gate:
    """One box of the drawing.

    Attributes:
        kind: "prepare", "unitary", "jump" (two Kraus operators) or "channel" (the whole step).
        label: short text for the box.
        column: position along the circuit; boxes of one column share no wire.
        wires: names of the qubits, most significant first.
        modalities: names of the modalities it acts on.
        operators: the ket (d,), or unitaries and Kraus operators (R, d, d) on `wires`.
        values: numbers worth showing, name -> value.
        sentence: what it does.
    """

    kind: str
    label: str
    column: int
    wires: tuple[str, ...]
    modalities: tuple[str, ...]
    operators: np.ndarray
    values: dict[str, float]
    sentence: str


@dataclass(frozen=True)
class StepError:
    """How far the drawn step is from the exact one, as trace distances of the states reached from the sample's.

    Attributes:
        one: after one step of `dt`.
        all: after `steps` of them, about the model's whole duration.
        steps: how many these are.
    """

    one: float
    all: float
    steps: int

    @property
    def sentence(self) -> str:
        """The same for a reader."""
        return (f"After one step the drawn circuit is {self.one:.1e} from the exact evolution in trace distance "
                f"(0 is equal, 1 is perfectly distinguishable), after {self.steps} steps {self.all:.1e}.")


@dataclass(frozen=True)
class StepCircuit:
    """A step, ready to be drawn and run; made by `step_circuit`.

    Attributes:
        gates: in the order they act, preparations first.
        wires: all qubits, top to bottom.
        system: the physics it was made from.
        psi: the sample's product state (D,).
        dt: time of the step.
        form: "exact" or "trotter".
    """

    gates: tuple[Gate, ...]
    wires: tuple[str, ...]
    system: System
    psi: np.ndarray
    dt: float
    form: str

    def operations(self) -> list[qml.operation.Operator]:
        """Returns the PennyLane operations of the gates, in their order."""
        return [_operation(gate) for gate in self.gates]

    def qnode(self, steps: int = 1, device: Any = None) -> Callable[[], np.ndarray]:
        """Returns a QNode without arguments whose result is the density matrix (D, D) after `steps` steps.

        Args:
            steps: how often the step after the preparation is repeated.
            device: a PennyLane device with these wires; default `default.mixed`.
        """
        check(isinstance(steps, int) and steps >= 0,
              f"Argument `steps` must be a whole number from 0, but is {steps!r}. Use 1 for the drawn circuit.")

        @qml.qnode(device or qml.device("default.mixed", wires=self.wires))
        def circuit() -> Any:
            # The device takes one state preparation, as the first operation: the product of the drawn ones.
            qml.StatePrep(self.psi, wires=self.wires)
            for _ in range(steps):
                for gate in self.gates:
                    if gate.kind != "prepare":
                        _operation(gate)
            return qml.density_matrix(wires=self.wires)

        return circuit

    @cached_property
    def error(self) -> StepError:
        """The distance of the drawn step, and of its repetition over the duration, from the exact evolution."""
        steps = max(1, round(self.system.duration / self.dt))
        rho = np.outer(self.psi, self.psi.conj())
        exact = evolve_states(self.system.H, self.system.jumps, torch.from_numpy(rho), [self.dt, steps * self.dt]).numpy()
        embedded = [self._embedded(gate) for gate in self.gates if gate.kind != "prepare"]
        reached = []
        for _ in range(steps):
            for operators in embedded:
                rho = channel.apply(operators, rho)
            reached.append(rho)
        one, everything = (float(np.abs(np.linalg.eigvalsh(a - b)).sum() / 2)
                           for a, b in zip(exact, (reached[0], reached[-1]), strict=True))
        return StepError(one, everything, steps)

    def _embedded(self, gate: Gate) -> np.ndarray:
        where = [self.system.names.index(name) for name in gate.modalities]
        return embed(torch.from_numpy(gate.operators), self.system.dims, where).numpy()

    def _tape(self) -> qml.tape.QuantumScript:
        return qml.tape.QuantumScript([_labelled(gate) for gate in self.gates], [])

    def draw_text(self) -> str:
        """Returns the circuit in characters, one line a wire."""
        return qml.drawer.tape_text(self._tape(), wire_order=self.wires, show_all_wires=True, max_length=10**6)

    def draw_svg(self) -> bytes:
        """Returns the circuit as an SVG file; equal circuits give equal bytes."""
        import matplotlib
        from matplotlib import pyplot as plt

        style: Any = {"svg.fonttype": "none", "svg.hashsalt": "qfusion"}
        with _DRAWING, matplotlib.rc_context(style):
            before = plt.get_backend()
            plt.switch_backend("agg")  # a window toolkit would fail outside the main thread
            try:
                figure, _ = qml.drawer.tape_mpl(self._tape(), wire_order=self.wires, show_all_wires=True, style="black_white")
                target = io.BytesIO()
                figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
                plt.close(figure)
            finally:
                plt.switch_backend(before)
        return target.getvalue()


# Devices know operations by name and refuse a subclass, so these two are for drawings only.
class _Unitary(qml.QubitUnitary):
    """A unitary that carries its own label."""

    text = "U"

    def label(self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None) -> str:
        return self.text


class _Channel(qml.QubitChannel):
    """A channel that carries its own label."""

    text = "channel"

    def label(self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None) -> str:
        return self.text


def _operation(gate: Gate, unitary: type = qml.QubitUnitary, kraus: type = qml.QubitChannel) -> qml.operation.Operator:
    if gate.kind == "prepare":
        return qml.StatePrep(gate.operators, wires=gate.wires)
    if gate.kind == "unitary":
        return unitary(gate.operators[0], wires=gate.wires)
    return kraus(list(gate.operators), wires=gate.wires)


def _labelled(gate: Gate) -> qml.operation.Operator:
    operation = _operation(gate, _Unitary, _Channel)
    operation.text = gate.label
    return operation


def step_circuit(system: Any, kets: Mapping[str, Tensor] | Sequence[Tensor], dt: float, *, form: str | None = None,
                 split: str = "terms") -> StepCircuit:
    """Returns the circuit of one step of the evolution of one sample.

    Args:
        system: a `System`, or a model that has one (`model.system()`).
        kets: the sample's state per modality, (d_m,) each, of unit norm, by name or in order.
        dt: time of the step, above 0.
        form: "exact" for the step's channel as one gate, from its Choi matrix (D up to 16); "trotter" for exp(-i H_S dt) per
            term and one channel per L_k, whose error is in `StepCircuit.error`. Default: exact up to D = 8.
        split: "terms" or "whole": exp(-i H dt) per term H_S or in one gate (trotter only).

    Raises:
        InvalidInput: when a modality's dimension is no power of two, a ket does not fit or is not normalised, `dt` is not
            positive, or an option is unknown.
    """
    system = system if isinstance(system, System) else system.system()
    dt, D = channel.checked_step(dt), dimension(system)
    form = form or ("exact" if D <= 8 else "trotter")
    check(form in ("exact", "trotter"), f"Argument `form` must be 'exact' or 'trotter', but is {form!r}. Choose one of them.")
    check(split in ("terms", "whole"), f"Argument `split` must be 'terms' or 'whole', but is {split!r}. Choose one of them.")
    check(form == "trotter" or D <= 16,
          f"Argument `form` must be 'trotter' above D = 16, but is 'exact' at D = {D}. The step's channel would have "
          f"{D * D} Kraus operators of side {D}.")
    wires = _wires(system)
    states = _kets(system, kets)
    psi = product([torch.from_numpy(state) for state in states]).numpy()
    gates = [_preparation(name, wires[name], state) for name, state in zip(system.names, states, strict=True)]
    # A term or jump operator that is zero, as after a tweak, has no gate.
    gates += [_whole_step(system, dt, wires)] if form == "exact" else _split_step(system, psi, dt, split, wires)
    return StepCircuit(_in_columns(gates), tuple(w for name in system.names for w in wires[name]), system, psi, dt, form)


def _wires(system: System) -> dict[str, tuple[str, ...]]:
    for name, d in zip(system.names, system.dims, strict=True):
        check(d >= 2 and d & (d - 1) == 0,
              f"Argument `system` must have modalities whose dimensions are powers of two to run on qubits, but {name!r} has "
              f"{d}. Train a model with dimension {2 ** max(1, round(math.log2(max(d, 2))))}.")
    return {name: tuple(f"{name}{q}" for q in range(d.bit_length() - 1))
            for name, d in zip(system.names, system.dims, strict=True)}


def _kets(system: System, kets: Mapping[str, Tensor] | Sequence[Tensor]) -> list[np.ndarray]:
    given = dict(kets) if isinstance(kets, Mapping) else dict(zip(system.names, kets, strict=False))
    check(set(given) == set(system.names) and len(kets) == len(system.names),
          f"Argument `kets` must hold one ket for each of {list(system.names)}, but has {len(kets)}"
          f"{f': {list(kets)[:8]}' if isinstance(kets, Mapping) else ''}. Use `model.encode`.")
    return [checked_ket(f"kets[{name}]", given[name], d) for name, d in zip(system.names, system.dims, strict=True)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"


def _preparation(name: str, wires: tuple[str, ...], ket: np.ndarray) -> Gate:
    weights = np.abs(ket) ** 2
    top = int(weights.argmax())
    basis = [format(i, f"0{len(wires)}b") for i in range(len(ket))]
    qubits = "1 qubit" if len(wires) == 1 else f"{len(wires)} qubits"
    return Gate("prepare", f"|{name}>", 0, wires, (name,), ket, {f"|{b}>": float(w) for b, w in zip(basis, weights, strict=True)},
                f"Puts the {qubits} of {name} into this sample's state; its largest part, {_percent(weights[top])}, is "
                f"|{basis[top]}>.")


def _split_step(system: System, psi: np.ndarray, dt: float, split: str, wires: dict[str, tuple[str, ...]]) -> list[Gate]:
    part = channel.shares(system.H, system.dims)
    gates = []
    for subset, U in channel.unitaries_of_step(system, dt, split).items():
        names = tuple(system.names[m] for m in subset)
        angle = float(np.abs(np.angle(np.linalg.eigvals(U))).max())
        who, what = _who_and_what(names)
        share = part[subset] if split == "terms" else 1.0
        what = f"{what}, {_percent(share)} of it" if split == "terms" else "all of H"
        gates.append(Gate(
            "unitary", f"H[{subset_name(subset, system.names)}]" if split == "terms" else "H", 0,
            tuple(w for name in names for w in wires[name]), names, U[None], {"share of H": share, "largest phase (rad)": angle},
            f"Turns {who} for dt = {dt:.3g} by {what}; phases up to {angle:.2g} rad."))
    return gates + [_jump(system, k, psi, dt, wires) for k, L in enumerate(system.jumps) if L.any()]


def _who_and_what(names: tuple[str, ...]) -> tuple[str, str]:
    if len(names) == 1:
        return names[0], "the part of H that acts on it alone"
    return f"{', '.join(names[:-1])} and {names[-1]} together", "the part of H that acts on exactly these"


def _jump(system: System, k: int, psi: np.ndarray, dt: float, wires: dict[str, tuple[str, ...]]) -> Gate:
    kraus = channel.jump_channel(system.jumps[k], dt)
    here = float(np.linalg.norm(kraus[1] @ psi) ** 2)
    most = float(np.linalg.norm(kraus[1], 2) ** 2)
    part = channel.shares(system.jumps[k], system.dims)
    top = max(part, key=lambda subset: part[subset])
    acts = (f"its largest part, {_percent(part[top])}, acts on exactly {subset_name(top, system.names)}" if part[top]
            else "it is a multiple of the identity and changes nothing")
    return Gate(
        "jump", f"L{k + 1}", 0, tuple(w for name in system.names for w in wires[name]), tuple(system.names), kraus,
        {"jump probability at the start": here, "largest jump probability": most,
         **{f"share on {subset_name(subset, system.names)}": share for subset, share in part.items()}},
        f"Jumps by L{k + 1} with probability {here:.2g} from this sample's first state (at most {most:.2g} from any), to first "
        f"order in dt; {acts}.")


def _whole_step(system: System, dt: float, wires: dict[str, tuple[str, ...]]) -> Gate:
    kraus = channel.kraus_of_step(system, dt)
    D = dimension(system)
    weights = (np.abs(kraus) ** 2).sum((1, 2)) / D
    return Gate(
        "channel", "exp(dt L)", 0, tuple(w for name in system.names for w in wires[name]), tuple(system.names), kraus,
        {"Kraus operators": float(len(kraus)), "weight of the largest": float(weights[0])},
        f"The whole step of dt = {dt:.3g}, H and jumps, exactly: a channel of {len(kraus)} Kraus operators from its Choi matrix; "
        f"the largest carries {_percent(weights[0])}.")


def _in_columns(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Moves every gate as far left as the wires it spans in the drawing are free; preparations share the first column."""
    order = list(dict.fromkeys(wire for gate in gates for wire in gate.wires))
    free = dict.fromkeys(order, 0)
    placed = []
    for gate in gates:
        rows = [order.index(wire) for wire in gate.wires]
        spanned = order[min(rows):max(rows) + 1]
        column = max(free[wire] for wire in spanned)
        free.update(dict.fromkeys(spanned, column + 1))
        placed.append(Gate(gate.kind, gate.label, column, gate.wires, gate.modalities, gate.operators, gate.values,
                           gate.sentence))
    return tuple(placed)
