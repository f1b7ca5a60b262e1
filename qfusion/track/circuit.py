"""One step of the evolution as a PennyLane circuit: state preparation per modality, exp(-i H dt), jump channels.

This module imports PennyLane; import it only where a circuit is wanted. A modality of dimension 2^n takes n wires,
`text0`, `text1`, ..., the first the most significant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import embed, product
from qfusion.track import channel
from qfusion.track.drawing import LabelledUnitary, svg_of, text_of
from qfusion.track.gates import Gate, checked_kets, gates_of_step, wires_of
from qfusion.track.states import dimension, single_threaded

_MAX_STEPS = 400  # whose error is worked out; a quarter of a second at D = 64


@dataclass(frozen=True)
class StepError:
    """How far the drawn step is from the exact one, as trace distances of the states reached from the sample's.

    Attributes:
        one: after one step of `dt`.
        all: after `steps` of them: about the model's whole duration, but 400 at most.
        steps: how many these are.
    """

    one: float
    all: float
    steps: int

    @property
    def sentence(self) -> str:
        """The same for a reader."""
        return (
            f"After one step the drawn circuit is {self.one:.1e} from the exact evolution in trace distance "
            f"(0 is equal, 1 is perfectly distinguishable), after {self.steps} steps {self.all:.1e}."
        )


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
        check(
            isinstance(steps, int) and steps >= 0,
            f"Argument `steps` must be a whole number from 0, but is {steps!r}. Use 1 for the drawn circuit.",
        )

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
    @single_threaded
    def error(self) -> StepError:
        """The distance of the drawn step, and of its repetition over the duration, from the exact evolution."""
        steps = min(max(1, round(self.system.duration / self.dt)), _MAX_STEPS)
        rho = np.outer(self.psi, self.psi.conj())
        exact = evolve_states(
            self.system.H, self.system.jumps, torch.from_numpy(rho), [self.dt, steps * self.dt]
        ).numpy()
        embedded = [self._embedded(gate) for gate in self.gates if gate.kind != "prepare"]
        distances = []
        for step in range(1, steps + 1):
            for operators in embedded:
                rho = channel.apply(operators, rho)
            if step in (1, steps):
                distances.append(
                    float(np.abs(np.linalg.eigvalsh(exact[int(step > 1)] - rho)).sum() / 2)
                )
        return StepError(distances[0], distances[-1], steps)

    def _embedded(self, gate: Gate) -> np.ndarray:
        where = [self.system.names.index(name) for name in gate.modalities]
        return embed(torch.from_numpy(gate.operators), self.system.dims, where).numpy()

    def _tape(self) -> qml.tape.QuantumScript:
        return qml.tape.QuantumScript([_labelled(gate) for gate in self.gates], [])

    def draw_text(self) -> str:
        """Returns the circuit in characters, one line a wire."""
        return text_of(self._tape(), self.wires)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Returns the circuit as Quantikz, for LaTeX; `per_line` as of `quantikz.write`."""
        from qfusion.track import quantikz

        return quantikz.write(
            self._tape(),
            self.wires,
            per_line=per_line,
            says=f"One step of dt = {self.dt:.4g}. Rounded boxes are channels.",
        )

    def draw_svg(self) -> bytes:
        """Returns the circuit as an SVG file; equal circuits give equal bytes."""
        return svg_of(self._tape(), self.wires)


# Devices know operations by name and refuse a subclass, so this is for drawings only.
class _Channel(qml.QubitChannel):
    """A channel that carries its own label."""

    text = "channel"

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        return self.text


def _operation(
    gate: Gate, unitary: type = qml.QubitUnitary, kraus: type = qml.QubitChannel
) -> qml.operation.Operator:
    if gate.kind == "prepare":
        return qml.StatePrep(gate.operators, wires=gate.wires)
    if gate.kind == "unitary":
        return unitary(gate.operators[0], wires=gate.wires)
    return kraus(list(gate.operators), wires=gate.wires)


def _labelled(gate: Gate) -> qml.operation.Operator:
    operation = _operation(gate, LabelledUnitary, _Channel)
    operation.text = gate.label
    return operation


def step_circuit(
    system: Any,
    kets: Mapping[str, Tensor] | Sequence[Tensor],
    dt: float,
    *,
    form: str | None = None,
    split: str = "terms",
) -> StepCircuit:
    """Returns the circuit of one step of the evolution of one sample.

    Args:
        system: a `System`, or a model that has one (`model.system()`).
        kets: the sample's state per modality, (d_m,) each, of unit norm, by name or in order.
        dt: time of the step, above 0.
        form: "exact" for the step's channel as one gate, from its Choi matrix (D up to 16); "trotter" for exp(-i H_S
            dt) per term and one channel per L_k, whose error is in `StepCircuit.error`. Default: exact up to D = 8.
        split: "terms" or "whole": exp(-i H dt) per term H_S or in one gate (trotter only).

    Raises:
        InvalidInput: when a modality's dimension is no power of two, a ket does not fit or is not normalised, `dt` is
            not positive, or an option is unknown.
    """
    system = system if isinstance(system, System) else system.system()
    dt, D = channel.checked_step(dt), dimension(system)
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
    wires = wires_of(system)
    states = checked_kets(system, kets)
    psi = product([torch.from_numpy(state) for state in states]).numpy()
    gates = gates_of_step(system, psi, states, dt, form, split, wires)
    return StepCircuit(
        gates, tuple(w for name in system.names for w in wires[name]), system, psi, dt, form
    )
