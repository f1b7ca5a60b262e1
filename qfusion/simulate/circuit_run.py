"""Run the circuit of an EntangledQCNN for one sample on a PennyLane device, exactly or with shots and noise.

A circuit that is too wide runs element by element, with the same result: the modality qubits are left out after fusion,
so the fused qubits are in a product state. A small circuit per element (its M modality qubits and fused qubits) gives
<X> and <Z> of its fused qubit, and the network starts from these: from their density matrix on `default.mixed`,
elsewhere with a spare qubit for each.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import translate_import_errors
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn
from qfusion.simulate import fusion_gates, trajectories
from qfusion.simulate.fusion_circuit import FusionCircuit, fusion_circuit

with translate_import_errors():
    import pennylane as qml


# The circuit run.

MIXED = "default.mixed"
WIDEST = {
    True: 7,
    False: 18,
}  # qubits simulated at once, of mixed and of pure states, before the circuit is split
MAX_SHOTS = 1_000_000


@dataclass(frozen=True)
class CircuitResult:
    """Result of a device for one sample.

    Attributes:
        scores: (C,).
        errors: their standard errors from the shots, (C,); zero when exact.
        probabilities: of the joint outcomes of all fused qubits, (2^n,).
        vectors: (1, <X>, <Z>) of every fused qubit, (n, 3); None when the whole circuit ran at once.
        form: "whole" or "elements".
        device: its name.
        shots: per circuit; None when exact.
        qubits: of the widest circuit.
        circuits: number of circuits that ran.
    """

    scores: np.ndarray
    errors: np.ndarray
    probabilities: np.ndarray
    vectors: np.ndarray | None
    form: str
    device: str
    shots: int | None
    qubits: int
    circuits: int


@trajectories.single_threaded()
def run_circuit(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
    device: Any = "default.qubit",
    shots: int | None = None,
    seed: int | None = None,
    *,
    noise: fusion_gates.Noise | None = None,
    form: str = "auto",
) -> CircuitResult:
    """Run one sample's circuit.

    The standard error is that of the mean of the scores that single outcomes get. Element by element with shots, <X>
    and <Z> of every fused qubit take `shots` each, and their errors are carried on through the network to first order;
    a vector that comes out longer than 1 is shortened to 1.

    Args:
        model: a trained model.
        theta: the sample's angles per modality, (n,) radians each.
        device: name of a PennyLane device, or one that is made already and has the circuit's qubits.
        shots: runs of each circuit, 2 to 1,000,000; None for exact probabilities.
        seed: of the shots; only for a device given by name.
        noise: see `Noise`; needs `default.mixed`.
        form: "whole", "elements", or "auto": whole up to 18 qubits (7 of mixed states).

    Raises:
        NotFound: when there is no such device or form.
        InvalidInput: when angles or shots do not fit, or noise is asked of a device of pure states.
    """
    choose("Form", form, ("auto", "whole", "elements"))
    check(
        shots is None
        or (isinstance(shots, int) and not isinstance(shots, bool) and 2 <= shots <= MAX_SHOTS),
        f"Argument `shots` must be a whole number from 2 to {MAX_SHOTS}, or None, but is {shots!r}. 1000 is a good "
        "start.",
    )
    name = (
        choose("Device", device, sorted(qml.plugin_devices))
        if isinstance(device, str)
        else str(device.name)
    )
    check(
        not noise or name == MIXED,
        f"Argument `device` must be '{MIXED}' with noise, but is {name!r}. Choose that device, or no noise.",
    )
    if form == "auto":
        form = "whole" if fusion_gates.qubit_count(model) <= WIDEST[name == MIXED] else "elements"
    circuit = fusion_circuit(model, theta)
    vectors = prepare = None
    parts: list[FusionCircuit] = []
    wires = list(circuit.wires)
    if form == "elements":
        parts = [circuit.part("fusion", i) for i in range(model.elements)]
        vectors = torch.tensor(
            [
                _vector(part, _device(device, part.wires, shots, seed, i), shots, noise)
                for i, part in enumerate(parts, 1)
            ],
            dtype=torch.float64,
        )
        circuit = circuit.part("network")
        spare = [] if name == MIXED else [f"spare[{i}]" for i in range(model.elements)]
        wires = [*circuit.wires, *spare]
        prepare = partial(_prepare, circuit.wires, spare, vectors)
    p = np.asarray(
        circuit.probabilities(
            _device(device, wires, shots, seed), shots=shots, noise=noise, before=prepare
        )()
    )
    values = fusion_gates.outcome_scores(model).numpy()
    scores = p @ values
    variance = np.zeros_like(scores)
    if shots is not None:
        variance = p @ (values - scores) ** 2 / (shots - 1)
        if vectors is not None:
            variance = variance + _propagate_variance(model, vectors, noise, shots)
    widest = max([len(wires), *(len(part.wires) for part in parts)])
    runs_per_part = 1 if shots is None else 2
    return CircuitResult(
        scores,
        np.sqrt(variance),
        p,
        None if vectors is None else vectors.numpy(),
        form,
        name,
        shots,
        widest,
        1 + len(parts) * runs_per_part,
    )


def _device(
    device: Any, wires: Sequence[str], shots: int | None, seed: int | None, salt: int = 0
) -> Any:
    """Return a device with these qubits. Each circuit of a run has its own random numbers."""
    if not isinstance(device, str):
        return device
    if shots is not None:
        own = np.random.SeedSequence(seed, spawn_key=(salt,)).generate_state(1)[0]
        with suppress(TypeError):  # some devices take none
            return qml.device(device, wires=list(wires), seed=int(own))
    return qml.device(device, wires=list(wires))


def _vector(
    part: FusionCircuit, device: Any, shots: int | None, noise: fusion_gates.Noise | None
) -> list[float]:
    """(1, <X>, <Z>) of one element's fused qubit."""
    wire = part.fused[0]

    def expectations(*observables: Any) -> Any:
        part.queue(noise=noise)
        return [qml.expval(O) for O in observables]

    measure = qml.QNode(expectations, device, shots=shots)
    # With shots each observable takes runs of its own, so that their errors are independent.
    x, z = (
        measure(qml.X(wire), qml.Z(wire))
        if shots is None
        else (measure(qml.X(wire))[0], measure(qml.Z(wire))[0])
    )
    length = max(1.0, float(np.hypot(x, z)))
    return [1.0, float(x) / length, float(z) / length]


def _prepare(wires: Sequence[str], spare: Sequence[str], vectors: Tensor) -> None:
    """Apply the operations that prepare each wire in the state of its vector (1, <X>, <Z>): gates that entangle it
    with a spare qubit, or their density matrix if there are no spare qubits.
    """
    if spare:
        for wire, other, (_, x, z) in zip(wires, spare, vectors.tolist(), strict=True):
            qml.RY(math.acos(min(1.0, math.hypot(x, z))), wires=other)
            qml.CNOT(wires=[other, wire])
            qml.RY(math.atan2(x, z), wires=wire)
    else:
        qml.QubitDensityMatrix(qcnn.fused_state(vectors).numpy(), wires=list(wires))


def _propagate_variance(
    model: EntangledQCNN, vectors: Tensor, noise: fusion_gates.Noise | None, shots: int
) -> np.ndarray:
    """The scores' variance from that of <X> and <Z>, to first order, (C,)."""
    # The network's noise is in the observables; that on the fused qubits is in the vectors already.
    free = vectors.clone().requires_grad_()
    O = (
        model.network.observables(
            channel=fusion_gates.noise_channel(model, noise or fusion_gates.Noise())
        )
        .detach()
        .double()
    )
    slopes = torch.stack(
        [
            torch.autograd.grad(qcnn.evaluate(O, free[None])[0, c], free, retain_graph=True)[0]
            for c in range(len(O))
        ]
    )
    return (slopes.square() * (1 - vectors.square()).clamp_min(0) / shots).sum((1, 2)).numpy()
