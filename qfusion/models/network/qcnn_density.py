"""The density matrix of the fused qubits through a quantum convolutional network, step by step.

It is the reference for the effective observables, and the Circuit page shows it between the gates.
"""

import torch
from torch import Tensor

from qfusion.models.network.qcnn import HEAD_SCALE, QCNN, Channel
from qfusion.quantum import pauli_transfer, states


def fused_state(vectors: Tensor) -> Tensor:
    """Return the product density matrix (..., 2^n, 2^n) of qubits with vectors (1, <X>, <Z>), (..., n, 3)."""
    letters = pauli_transfer.PAULIS[[0, 1, 3]].to(vectors.device)
    qubits = torch.einsum("...w,wij->...ij", vectors.to(torch.complex128), letters) / 2
    return states.kron(qubits.unbind(-3))


def apply_channel(rho: Tensor, kraus: Tensor, wires: tuple[int, ...], n: int) -> Tensor:
    """Return sum_k K rho K^+ with K (K, 2^w, 2^w) on the given qubits of rho (..., 2^n, 2^n)."""
    batch, w = rho.shape[:-2], len(wires)
    K = kraus.to(rho.dtype).reshape(-1, 2**w, 2**w)
    # rows and columns at once: rho is copied once
    channel = torch.einsum("kab,kcd->acbd", K, K.conj()).reshape((2,) * (4 * w))
    legs = [1 + q for q in wires] + [1 + n + q for q in wires]
    out = torch.tensordot(
        channel, rho.reshape(-1, *(2,) * (2 * n)), (list(range(2 * w, 4 * w)), legs)
    )
    return out.movedim(list(range(2 * w)), legs).reshape(*batch, 2**n, 2**n)


@torch.no_grad()
def density_states(
    network: QCNN, vectors: Tensor, channel: Channel = lambda _: None
) -> list[Tensor]:
    """Return the density matrices before the first step and after every step, each (..., 2^n, 2^n).

    After pooling, the measured qubit's coherences are gone: its state is the classical record of the outcome.

    Args:
        network: whose steps are taken.
        vectors: fused qubits (1, <X>, <Z>), (..., n, 3).
        channel: noise after each step's gate, as for `QCNN.observables`.
    """
    rho = fused_state(vectors)
    measured = torch.stack([rho.new_tensor([1, 0]).diag(), rho.new_tensor([0, 1]).diag()])
    result = [rho]
    for step in network.steps:
        rho = apply_channel(rho, network.matrix(step)[None], step.wires, network.n)
        if step.kind == "pool":
            rho = apply_channel(rho, measured, step.wires[:1], network.n)
        noise = channel(step)
        if noise is not None:
            rho = apply_channel(rho, noise, step.wires, network.n)
        result.append(rho)
    return result


def outcome_scores(network: QCNN, p: Tensor) -> Tensor:
    """Return the scores (..., C), without the bias, of the probabilities (..., 2^n) of the outcomes of all qubits.
    The head reads joint probabilities of the retained qubits, then Z of the measured ones in `network.read_singly`.
    """
    b = p.ndim - 1
    qubits = range(network.n)
    p = p.unflatten(-1, (2,) * network.n)
    joint = p.sum([b + q for q in qubits if q not in network.retained]).flatten(b)
    single = [p.sum([b + w for w in qubits if w != q]) for q in network.read_singly]
    features = torch.cat([joint, *((s[..., 0] - s[..., 1])[..., None] for s in single)], -1)
    return HEAD_SCALE * features @ network.head.double().T


def density_scores(network: QCNN, rho: Tensor) -> Tensor:
    """Return the scores (..., C), without the bias, of final states (..., 2^n, 2^n)."""
    return outcome_scores(network, torch.diagonal(rho, dim1=-2, dim2=-1).real)
