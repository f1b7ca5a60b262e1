"""Runs the circuit of an EntangledQCNN on any PennyLane device, exactly or with shots, with or without noise.

A circuit that is too wide runs element by element, which is equal: the modality qubits are left out after fusion, so
the fused qubits are in a product state. A small circuit per element (its M modality qubits and fused qubits) gives <X>
and <Z> of its fused qubit, and the network starts from these: from their density matrix on `default.mixed`, elsewhere
with a spare qubit for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import EntangledQCNN, qcnn
from qfusion.track.dynamics import single_threaded
from qfusion.track.fusion_circuit import FusionCircuit, fusion_circuit, unmeasured
from qfusion.track.fusion_gates import Noise, channel, outcome_scores, width

MIXED = "default.mixed"
WIDEST = {
    True: 7,
    False: 18,
}  # qubits simulated at once, of mixed and of pure states, before the circuit is split
MAX_SHOTS = 1_000_000


@dataclass(frozen=True)
class Run:
    """What a device answered for one sample.

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


@single_threaded
def run(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
    device: Any = "default.qubit",
    shots: int | None = None,
    seed: int | None = None,
    *,
    noise: Noise | None = None,
    form: str = "auto",
) -> Run:
    """Runs one sample's circuit.

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
    wide = width(model)
    if form == "auto":
        form = "whole" if wide <= WIDEST[name == MIXED] else "elements"
    circuit, job = fusion_circuit(model, theta), _Job(device, name, shots, seed, noise)
    return _whole(model, circuit, job) if form == "whole" else _elements(model, circuit, job)


@dataclass(frozen=True)
class _Job:
    device: Any
    name: str
    shots: int | None
    seed: int | None
    noise: Noise | None

    def on(self, wires: Sequence[str], salt: int = 0) -> Any:
        """A device of these qubits; each circuit of a run has its own random numbers."""
        if not isinstance(self.device, str):
            return self.device
        if self.shots is None:
            return qml.device(self.name, wires=list(wires))
        seed = np.random.SeedSequence(self.seed, spawn_key=(salt,)).generate_state(1)[0]
        try:
            return qml.device(self.name, wires=list(wires), seed=int(seed))
        except TypeError:  # some devices take none
            return qml.device(self.name, wires=list(wires))


def _whole(model: EntangledQCNN, circuit: FusionCircuit, job: _Job) -> Run:
    p = np.asarray(circuit.probabilities(job.on(circuit.wires), shots=job.shots, noise=job.noise)())
    scores, variance = _mean(outcome_scores(model).numpy(), p, job.shots)
    return Run(
        scores, np.sqrt(variance), p, None, "whole", job.name, job.shots, len(circuit.wires), 1
    )


def _mean(values: np.ndarray, p: np.ndarray, shots: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The mean of values (2^n, C) and the variance of that mean, (C,)."""
    mean = p @ values
    return mean, np.zeros_like(mean) if shots is None else (p @ (values - mean) ** 2) / (shots - 1)


def _elements(model: EntangledQCNN, circuit: FusionCircuit, job: _Job) -> Run:
    n = model.elements
    parts = [circuit.part("fusion", i) for i in range(n)]
    vectors = torch.from_numpy(np.stack([_vector(part, i, job) for i, part in enumerate(parts)]))
    network = circuit.part("network")
    spare = [] if job.name == MIXED else [f"spare[{i}]" for i in range(n)]
    p = _network(network, vectors, spare, job)
    scores, variance = _mean(outcome_scores(model).numpy(), p, job.shots)
    if job.shots is not None:
        variance = variance + _carried(model, vectors, job)
    most = max(len(network.wires) + len(spare), *(len(part.wires) for part in parts))
    return Run(
        scores,
        np.sqrt(variance),
        p,
        vectors.numpy(),
        "elements",
        job.name,
        job.shots,
        most,
        1 + n * (1 if job.shots is None else 2),
    )


def _vector(part: FusionCircuit, i: int, job: _Job) -> np.ndarray:
    """(1, <X>, <Z>) of one element's fused qubit."""
    wire = part.fused[0]

    def expectations(*observables: Any) -> Any:
        part.queue(noise=job.noise)
        return [qml.expval(O) for O in observables]

    measure = qml.QNode(expectations, job.on(part.wires, i + 1), shots=job.shots)
    # With shots each observable takes runs of its own, so that their errors are independent.
    x, z = (
        measure(qml.X(wire), qml.Z(wire))
        if job.shots is None
        else (measure(qml.X(wire))[0], measure(qml.Z(wire))[0])
    )
    length = max(1.0, float(np.hypot(x, z)))
    return np.array([1.0, float(x) / length, float(z) / length])


def _network(network: FusionCircuit, vectors: Tensor, spare: list[str], job: _Job) -> np.ndarray:
    def before() -> None:
        if spare:
            unmeasured(network.wires, spare, vectors)
        else:
            qml.QubitDensityMatrix(qcnn.fused_state(vectors).numpy(), wires=list(network.wires))

    device = job.on([*network.wires, *spare])
    return np.asarray(
        network.probabilities(device, shots=job.shots, noise=job.noise, before=before)()
    )


def _carried(model: EntangledQCNN, vectors: Tensor, job: _Job) -> np.ndarray:
    """The scores' variance from that of <X> and <Z>, to first order, (C,)."""
    # The network's noise is in the observables; that on the fused qubits is in the vectors already.
    free = vectors.clone().requires_grad_()
    noise = channel(model, job.noise or Noise())
    O = model.network.observables(channel=noise).detach().double()
    slopes = torch.stack(
        [
            torch.autograd.grad(qcnn.evaluate(O, free[None])[0, c], free, retain_graph=True)[0]
            for c in range(len(O))
        ]
    )
    shots = job.shots or 1
    return (slopes.square() * (1 - vectors.square()).clamp_min(0) / shots).sum((1, 2)).numpy()
