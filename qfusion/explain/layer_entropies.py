"""Entropies of the fused qubits along the layers of the quantum convolutional network."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models import TruthTables
from qfusion.models.network import qcnn_density
from qfusion.quantum import measures, states


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

    def poolings(self) -> pd.DataFrame:
        """Return one row per pooling: its `layer` and, in nats, the entropy of the active qubits `before`, the
        entropy of the remaining qubits `after`, and the sum of the Shannon entropies of the single `outcomes`.
        """
        measured = [sorted({*a} - {*b}) for a, b in pairwise(self.active)]
        rows = []
        for layer, t in enumerate(range(2, len(self.moments), 2)):
            row = {
                "layer": layer,
                "before": self.joint[t - 1],
                "after": self.joint[t],
                "outcomes": self.single[t, measured[t - 1]].sum(),
            }
            rows.append(row)
        return pd.DataFrame(rows)


@torch.no_grad()
def layer_entropies(model: TruthTables, vectors: Tensor) -> LayerEntropies:
    """Return the entropies of one sample.

    Args:
        model: whose network it is.
        vectors: fused qubits (1, <X>, <Z>), (n, 3), as of `model.fuse`.
    """
    n = model.network.n
    moments, active, rhos = _moments(model, vectors)
    joint, single, cuts, mutual, whole = [], [], [], [], []
    for rho, qubits in zip(rhos, active, strict=True):
        S, first, shared = _cuts(rho, qubits, n)
        joint.append(S)
        single.append([_entropy(rho, (q,), n) for q in range(n)])
        cuts.append(first)
        mutual.append(shared)
        whole.append(S if len(qubits) == n else _entropy(rho, tuple(range(n)), n))
    return LayerEntropies(
        moments=moments,
        active=active,
        joint=np.array(joint),
        single=np.array(single),
        cuts=tuple(cuts),
        mutual=tuple(mutual),
        whole=np.array(whole),
    )


@torch.no_grad()
def joint_entropies(model: TruthTables, vectors: Tensor) -> np.ndarray:
    """Return `joint` of `layer_entropies` alone, (T,), in a fraction of its time."""
    _, active, rhos = _moments(model, vectors)
    return np.array(
        [_entropy(rho, qubits, model.network.n) for rho, qubits in zip(rhos, active, strict=True)]
    )


def _moments(
    model: TruthTables, vectors: Tensor
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], list[Tensor]]:
    """Return the names of the moments, the active qubits at each moment, and the state of all qubits at each moment."""
    network = model.network
    n = network.n
    check(
        vectors.shape == (n, 3),
        f"Argument `vectors` must have shape ({n}, 3), but has shape {tuple(vectors.shape)}. Give one sample.",
    )
    rhos = qcnn_density.density_states(network, vectors.double())
    names, places = zip(*network.moments(), strict=True)
    measured = [{s.wires[0] for s in network.steps[:done] if s.kind == "pool"} for done in places]
    active = tuple(tuple(q for q in range(n) if q not in gone) for gone in measured)
    return names, active, [rhos[done] for done in places]


def _entropy(rho: Tensor, qubits: tuple[int, ...], n: int) -> float:
    return float(measures.von_neumann_entropy(states.partial_trace(rho, (2,) * n, qubits)))


def _cuts(rho: Tensor, qubits: tuple[int, ...], n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the joint entropy, the entropy of the first k qubits, and their mutual information with the others."""
    joint = _entropy(rho, qubits, n)
    first = np.array([_entropy(rho, qubits[:k], n) for k in range(1, len(qubits))])
    rest = np.array([_entropy(rho, qubits[k:], n) for k in range(1, len(qubits))])
    return joint, first, first + rest - joint
