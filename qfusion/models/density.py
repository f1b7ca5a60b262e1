"""The fused qubits' density matrix through the quantum convolutional network, step by step: the reference for the
effective observables, and what the Circuit page shows between the gates."""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.models.qcnn import HEAD_SCALE, QCNN, Channel
from qfusion.quantum.decomposition import PAULIS


def fused_state(vectors: Tensor) -> Tensor:
    """Returns the product density matrix (..., 2^n, 2^n) of qubits with vectors (1, <X>, <Z>), (..., n, 3)."""
    letters = PAULIS[[0, 1, 3]].to(vectors.device)
    rho = torch.ones(*vectors.shape[:-2], 1, 1, dtype=torch.complex128, device=vectors.device)
    for i in range(vectors.shape[-2]):
        qubit = (
            torch.einsum("...w,wij->...ij", vectors[..., i, :].to(torch.complex128), letters) / 2
        )
        rho = torch.einsum("...ab,...ij->...aibj", rho, qubit).flatten(-4, -3).flatten(-2, -1)
    return rho


def apply(rho: Tensor, kraus: Tensor, wires: tuple[int, ...], n: int) -> Tensor:
    """Returns sum_k K rho K^+ with K (K, 2^w, 2^w) on the given qubits of rho (..., 2^n, 2^n)."""
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
def states(network: QCNN, vectors: Tensor, channel: Channel = lambda _: None) -> list[Tensor]:
    """Returns the density matrices before the first step and after every step, each (..., 2^n, 2^n).

    After pooling, the measured qubit's coherences are gone: its state is the classical record of the outcome.

    Args:
        network: whose steps are taken.
        vectors: fused qubits (1, <X>, <Z>), (..., n, 3).
        channel: noise after each step's gate, as for `QCNN.observables`.
    """
    rho = fused_state(vectors)
    found = [rho]
    for step in network.steps:
        rho = apply(rho, network.matrix(step)[None], step.wires, network.n)
        if step.kind == "pool":
            rho = apply(rho, _measurement(rho), step.wires[:1], network.n)
        noise = channel(step)
        if noise is not None:
            rho = apply(rho, noise, step.wires, network.n)
        found.append(rho)
    return found


def _measurement(like: Tensor) -> Tensor:
    return torch.stack([torch.diag(like.new_tensor([1, 0])), torch.diag(like.new_tensor([0, 1]))])


def features(network: QCNN, rho: Tensor) -> Tensor:
    """Returns what the head reads of final states (..., 2^n, 2^n): joint probabilities of the kept qubits, then Z of
    the measured ones."""
    p = torch.diagonal(rho, dim1=-2, dim2=-1).real.reshape(*rho.shape[:-2], *(2,) * network.n)
    b = rho.ndim - 2
    joint = p.sum([b + q for q in range(network.n) if q not in network.kept]).flatten(b)
    single = [p.sum([b + w for w in range(network.n) if w != q]) for q in network.measured]
    return torch.cat([joint, torch.stack([s[..., 0] - s[..., 1] for s in single], -1)], -1)


def scores(network: QCNN, rho: Tensor) -> Tensor:
    """Returns the scores (..., C), without the bias, of final states (..., 2^n, 2^n)."""
    return HEAD_SCALE * features(network, rho) @ network.head.double().T
