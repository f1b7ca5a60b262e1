"""Entropies of the fused qubits along the layers of the quantum convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models import EntangledQCNN
from qfusion.models.density import states
from qfusion.models.qcnn import Channel
from qfusion.quantum.measures import von_neumann_entropy
from qfusion.quantum.states import partial_trace


class Pooling(NamedTuple):
    """Around the pooling of a layer, in nats: entropy of the active qubits before, of those that stay after, and the
    sum of the Shannon entropies of the single outcomes."""

    layer: int
    before: float
    after: float
    outcomes: float


@dataclass(frozen=True)
class LayerEntropies:
    """Von Neumann entropies, in nats, at the input and around every pooling; T moments.

    The fused qubits start mixed, so entropies count what was left behind with the modality qubits as well as
    entanglement among them; the mutual information across a cut counts correlation alone.

    Attributes:
        moments: "input", "layer 0 convolved", "layer 0 pooled", "layer 1 convolved", ...
        active: which qubits are quantum at each moment: those not measured yet.
        joint: entropy of the active qubits together, (T,).
        single: entropy of every qubit, (T, n); that of a measured one is the Shannon entropy of its outcome.
        cuts: at each moment the entropy of the first k active qubits, k = 1 ... a - 1.
        mutual: at each moment the mutual information between these and the other active ones.
        whole: entropy of all qubits and outcomes together, (T,).
    """

    moments: tuple[str, ...]
    active: tuple[tuple[int, ...], ...]
    joint: np.ndarray
    single: np.ndarray
    cuts: tuple[np.ndarray, ...]
    mutual: tuple[np.ndarray, ...]
    whole: np.ndarray

    def poolings(self) -> list[Pooling]:
        """Returns the entropies around every pooling."""
        found = []
        for layer, t in enumerate(range(2, len(self.moments), 2)):
            outcomes = [q for q in self.active[t - 1] if q not in self.active[t]]
            found.append(
                Pooling(
                    layer,
                    float(self.joint[t - 1]),
                    float(self.joint[t]),
                    float(self.single[t, outcomes].sum()),
                )
            )
        return found


@torch.no_grad()
def layer_entropies(
    model: EntangledQCNN, vectors: Tensor, channel: Channel = lambda _: None
) -> LayerEntropies:
    """Returns the entropies of one sample.

    Args:
        model: whose network it is.
        vectors: fused qubits (1, <X>, <Z>), (n, 3), as of `model.fuse`.
        channel: noise, as for `density.states`.
    """
    n = model.network.n
    moments, active, rhos = _moments(model, vectors, channel)
    parts = [_cuts(rho, qubits, n) for rho, qubits in zip(rhos, active, strict=True)]
    single = np.array([[_entropy(rho, (q,), n) for q in range(n)] for rho in rhos])
    whole = np.array(
        [
            p[0] if len(qubits) == n else _entropy(rho, tuple(range(n)), n)
            for p, rho, qubits in zip(parts, rhos, active, strict=True)
        ]
    )
    return LayerEntropies(
        tuple(moments),
        tuple(active),
        np.array([p[0] for p in parts]),
        single,
        tuple(p[1] for p in parts),
        tuple(p[2] for p in parts),
        whole,
    )


@torch.no_grad()
def joint_entropies(model: EntangledQCNN, vectors: Tensor) -> np.ndarray:
    """Returns `joint` of `layer_entropies` alone, (T,), in a fraction of its time."""
    _, active, rhos = _moments(model, vectors, lambda _: None)
    return np.array(
        [_entropy(rho, qubits, model.network.n) for rho, qubits in zip(rhos, active, strict=True)]
    )


def _moments(
    model: EntangledQCNN, vectors: Tensor, channel: Channel
) -> tuple[list[str], list[tuple[int, ...]], list[Tensor]]:
    """Names of the moments, the active qubits of each, and the state of all qubits."""
    network = model.network
    n = network.n
    check(
        vectors.shape == (n, 3),
        f"Argument `vectors` must have shape ({n}, 3), but has shape {tuple(vectors.shape)}. Give one sample.",
    )
    found = states(model.network, vectors.double(), channel)
    moments, active, rhos = [], [], []
    for name, done in network.moments():
        left = {s.wires[0] for s in network.steps[:done] if s.kind == "pool"}
        moments.append(name)
        active.append(tuple(q for q in range(n) if q not in left))
        rhos.append(found[done])
    return moments, active, rhos


def _entropy(rho: Tensor, qubits: tuple[int, ...], n: int) -> float:
    return float(von_neumann_entropy(partial_trace(rho, (2,) * n, qubits)))


def _cuts(rho: Tensor, qubits: tuple[int, ...], n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """The joint entropy, that of the first k qubits, and the mutual information with the others."""
    joint = _entropy(rho, qubits, n)
    first = np.array([_entropy(rho, qubits[:k], n) for k in range(1, len(qubits))])
    rest = np.array([_entropy(rho, qubits[k:], n) for k in range(1, len(qubits))])
    return joint, first, first + rest - joint
