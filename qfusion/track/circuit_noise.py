"""Noise of the entangled-fusion circuit: its effect on the effective observables, and where it acts.

Three channels, each with a strength from 0 (none) to 1:

    depolarising s:  rho -> (1 - s) rho + s 1/2
    damping g:       |1> decays to |0> with probability g (amplitude damping)
    readout r:       the bit is flipped with probability r / 2 before a qubit is measured, so that at 1 the outcome is
                     a coin toss

Depolarising, then damping, act on every qubit after each operation on several qubits: on the fused qubit after its
fusion gate, on both qubits after a convolution block, and on the qubit that stays after pooling. (The modality qubits
are left out after fusion, and the measured qubit is a classical record after pooling.) Read-out noise acts before every
measurement, of pooling and at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from qfusion._checks import require_number
from qfusion.errors import InvalidInput
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn, qcnn_density
from qfusion.quantum import pauli_transfer


@dataclass(frozen=True)
class Noise:
    """Strengths of the three channels, each in [0, 1].

    Raises:
        InvalidInput: when one is out of range or not a number.
    """

    depolarising: float = 0.0
    damping: float = 0.0
    readout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("depolarising", "damping", "readout"):
            object.__setattr__(self, name, require_number(name, getattr(self, name), 0, 1))

    def __bool__(self) -> bool:
        return any((self.depolarising, self.damping, self.readout))

    @property
    def flip_probability(self) -> float:
        """Probability that a read-out is wrong."""
        return self.readout / 2

    def gate_kraus(self) -> Tensor:
        """Return the Kraus operators of depolarising and then damping on one qubit, (8, 2, 2) complex128."""
        s, g = self.depolarising, self.damping
        weights = torch.tensor([1 - 0.75 * s, s / 4, s / 4, s / 4], dtype=torch.float64).sqrt()
        decay = torch.tensor(
            [[[1, 0], [0, (1 - g) ** 0.5]], [[0, g**0.5], [0, 0]]], dtype=torch.complex128
        )
        return (decay[:, None] @ (weights[:, None, None] * pauli_transfer.PAULIS)).flatten(0, 1)

    def readout_kraus(self) -> Tensor:
        """Return the Kraus operators of the flip before a measurement, (2, 2, 2) complex128."""
        p = torch.tensor([1 - self.flip_probability, self.flip_probability], dtype=torch.float64)
        return p.sqrt()[:, None, None] * pauli_transfer.PAULIS[:2]


def noise_channel(model: EntangledQCNN, noise: Noise) -> qcnn.Channel:
    """Return the channel that follows every step of the network, for `QCNN.observables` and `density.states`: Kraus
    operators (K, 4, 4).

    The flip before a measurement follows the last step in which the qubit takes part before it.
    """
    if not noise:
        return lambda _: None
    last_step: dict[int, qcnn.Step] = {}
    for step in model.network.steps:
        # The first qubit of a pooling step is measured before it.
        staying = step.wires if step.kind == "conv" else step.wires[1:]
        last_step.update(dict.fromkeys(staying, step))
    identity = torch.eye(2, dtype=torch.complex128)[None]
    noisy = _reduce_kraus(noise.gate_kraus())
    read = _reduce_kraus((noise.readout_kraus()[:, None] @ noise.gate_kraus()).flatten(0, 1))

    def noise_after(step: qcnn.Step) -> Tensor:
        left, right = (read if last_step[q] is step else noisy for q in step.wires)
        if step.kind == "pool":
            left = identity
        kraus = torch.einsum("aij,bkl->abikjl", left, right).reshape(-1, 4, 4)
        return kraus.to(model.network.head.dtype.to_complex())

    return noise_after


def _reduce_kraus(kraus: Tensor) -> Tensor:
    """Return at most four Kraus operators of the same channel on one qubit: eigenvectors of its Choi matrix."""
    flat = kraus.flatten(1)
    weights, vectors = torch.linalg.eigh(flat.mT @ flat.conj())
    matches = weights > 1e-15
    return (vectors[:, matches] * weights[matches].sqrt()).mT.conj().reshape(-1, 2, 2)


class NoisyQCNN(EntangledQCNN):
    """A model whose scores are those of its noisy circuit, see `with_noise`."""

    noise: Noise

    def observables(self) -> Tensor:
        """Return the effective observables of the fused qubits before their own noise, (C, 3, ..., 3), words in {I, X,
        Z}."""
        O = self.network.observables(channel=noise_channel(self, self.noise))
        return qcnn.multiply_legs(O, _noise_matrix(self.noise).to(O))

    def read(self, vectors: Tensor) -> Tensor:
        """Return the scores without bias of fused qubits, (B, n, 3) -> (B, C)."""
        return qcnn.evaluate(self.observables(), vectors)

    def layer_observables(self) -> Tensor:
        """Raise InvalidInput: read-out errors are not defined between the layers."""
        raise InvalidInput(
            "Argument `model` must be a model without noise: its read-out errors have no place between the layers. Use "
            "the bare model."
        )

    def direct_scores(self, masses: Mapping[str, Tensor]) -> Tensor:
        """Return the scores by evolving density matrices gate by gate, (B, C): the reference path, for small n."""
        rho = qcnn_density.density_states(
            self.network,
            noisy_vectors(self.fuse(masses)[0], self.noise),
            noise_channel(self, self.noise),
        )[-1]
        return qcnn_density.density_scores(self.network, rho) + self.bias


def with_noise(model: EntangledQCNN, noise: Noise) -> EntangledQCNN:
    """Return a model with the same weights whose scores are exactly those of its noisy circuit. `explain` takes it like
    any other model.

    Noise on the fused qubits and in the network is part of the observables. Where fusion is chained, noise on a fused
    qubit that controls the next one turns its mass p into a p + c, as do other angles of its table.
    """
    if not noise:
        return model
    phi = model.phi.detach().clone()
    z = _noise_matrix(noise)[2]
    bloch = z[0] + z[2] * torch.cos(phi[:, :-1].double())
    phi[:, :-1] = torch.acos(bloch.clamp(-1, 1)).to(phi)
    other = NoisyQCNN.__new__(NoisyQCNN)
    other.__dict__.update(model.with_angles(phi).__dict__)
    other.noise = noise
    return other


def noisy_vectors(vectors: Tensor, noise: Noise) -> Tensor:
    """Return fused qubits' vectors (1, <X>, <Z>), (..., 3), after the noise that follows their fusion gate."""
    return vectors @ _noise_matrix(noise).to(vectors).mT


def _noise_matrix(noise: Noise) -> Tensor:
    return pauli_transfer.transfer_matrix(noise.gate_kraus())[qcnn.IXZ][:, qcnn.IXZ]
