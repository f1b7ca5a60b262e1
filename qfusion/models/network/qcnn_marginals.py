"""Exact coalition values of an EntangledQCNN against the product of marginals: absent modalities are independent.

A modality's n qubits are read once, and the score is linear in the 2^n probabilities of their outcomes. So the mean
over all N^k combinations of k absent modalities' rows is the score at their mean distributions, which are no longer
products over the qubits. Where one table fuses all modalities (at most three), at most two distributions meet: 4^n
numbers, gathered by five letters a qubit (see `contract_readout`) into the observable of the third modality. In a
chain each stage passes on the distribution of its fused qubits' bits, and an absent modality is a matrix (2^n, 2^n) on
it. With n <= 10 no tensor is larger than 5^10 numbers (80 MB).

That serves every sample. For a few samples, and for derivatives, `mean_product` costs less: the factors of each half of
the qubits are multiplied out, and the halves meet through the distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce

import torch
from torch import Tensor

from qfusion.models.network import qcnn_contractions
from qfusion.models.network.qcnn import evaluate
from qfusion.models.network.qcnn_contractions import (
    chunk_length,
    contract_readout,
    exchange_groups,
    mode_product,
    order_by_mask,
    pull_back_joint,
    scores_without_one,
    stage_tables,
)
from qfusion.models.network.qcnn_rows import FEW_SAMPLES, MAX_SEPARATE_MODALITIES
from qfusion.models.network.truth_tables import fuse, probabilities
from qfusion.models.protocols import MassStates
from qfusion.quantum import decomposition

Value = Callable[[Tensor, decomposition.Subset], Tensor]
"""From masses (B, n, M) and a coalition S to v(S) without the bias, (B, C)."""


def marginal_values(
    model: MassStates, masses: Tensor, distributions: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Return v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi, M = model.phi.double(), masses.shape[-1]
    if len(masses) <= FEW_SAMPLES and M <= MAX_SEPARATE_MODALITIES:
        value = sample_by_sample(O, phi, distributions)
    elif phi.shape[1] == 1:
        value = _one_table(O, phi, distributions)
    else:
        return chain_marginals(O, phi, masses, distributions)
    values = []
    for S in decomposition.subsets(M):
        own = masses if S else masses[:1]  # the baseline is the same for all samples
        values.append(value(own, S).expand(len(masses), -1))
    return torch.stack(values, 1)


def sample_by_sample(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Return the values of a few samples, of any number of modalities."""
    tables, words = stage_tables(phi), O.flatten(1)

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        if len(S) == len(distributions):
            return evaluate(O, fuse(masses, phi)[0])
        products = [
            mean_product(tables, distributions, {m: sample[:, m] for m in S}) for sample in masses
        ]
        return torch.stack([words @ product for product in products])

    return value


def mean_product(
    tables: Sequence[Tensor], distributions: Tensor, present: Mapping[int, Tensor]
) -> Tensor:
    """Return the mean product of all qubits' factors (1, <X>, <Z>), (3^n,), with independent absent modalities.

    It is linear in the distribution of each modality, and in the table of each qubit and stage; v(S) is its scalar
    product with an observable. It can be differentiated in all of them.

    Args:
        tables: of the stages, see `stage_tables`.
        distributions: probability of every outcome of each modality's qubits, (M, 2^n).
        present: masses (n,) of the sample's modalities in S, by number.
    """
    read: list[
        Tensor
    ] = []  # distributions of the bits of a stage that are still to be averaged over
    m = 0
    for table in tables:
        while table.ndim - 2 > len(read):
            if m in present:
                zero, one = table.unbind(2 + len(read))
                mass = present[m].view(-1, *(1,) * (zero.ndim - 1))
                table = zero + mass * (one - zero)
            else:
                read.append(distributions[m])
            m += 1
        read = [average_table(table, read)]
    return read[0]


def average_table(table: Tensor, read: Sequence[Tensor]) -> Tensor:
    """Return the mean product over all qubits of a table (n, out, 2, ..., 2), (out^n,).

    Args:
        table: of one stage, see `qcnn_contractions.stage_tables`.
        read: distributions (2^n,) of the bits that it reads.
    """
    k = len(table) // 2
    one = table.new_ones((1,) * (table.ndim - 1))
    left = reduce(torch.kron, table[:k].unbind(), one)
    right = reduce(torch.kron, table[k:].unbind(), one)
    # The first half's bits are summed over, and the second half's become the last axes.
    for distribution in read:
        left = torch.tensordot(left, distribution.reshape(left.shape[1], -1), ([1], [0]))
    return (left.reshape(len(left), -1) @ right.reshape(len(right), -1).T).flatten()


def pull_back_marginals(O: Tensor, phi: Tensor, distributions: Tensor, m: int) -> Tensor:
    """Return the observables of modality m's outcomes against the product of marginals, (C, 2^n).

    The mean score is linear in the modality's distribution, and its derivative is the value of each outcome.

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: angles, (n, stages, 2^k).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        m: the modality.
    """
    with torch.enable_grad():
        own = distributions.detach().clone().requires_grad_(True)
        values = O.detach().flatten(1) @ mean_product(stage_tables(phi.detach()), own, {})
        slopes = [torch.autograd.grad(value, own, retain_graph=True)[0] for value in values]
    return torch.stack([slope[m] for slope in slopes])


def _one_table(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Return the values of any number of samples, of up to three modalities under one table of 2^M angles."""
    M, n = len(distributions), len(phi)

    @cache
    def observables(m: int) -> Tensor:
        """Return the observables of modality m's outcomes, (C, 2^n), which are kept for this call alone."""
        others = distributions[[r for r in range(M) if r != m]]
        if len(others) == 1:
            return pull_back_joint(O, phi, others[0], m)
        both = torch.outer(*others).view((2,) * 2 * n)
        by_qubit = exchange_groups(both, 2, n).reshape(-1)
        return pull_back_joint(O, phi, by_qubit, m)

    def value(masses: Tensor, S: decomposition.Subset) -> Tensor:
        rest = [m for m in range(M) if m not in S]
        if not rest:
            return evaluate(O, fuse(masses, phi)[0])
        if len(rest) == 1:
            return scores_without_one(O, phi, masses, distributions[rest[0]], rest[0])
        if S:
            return probabilities(masses[..., S[0]]) @ observables(S[0]).T
        return distributions[:1] @ observables(0).T

    return value


def chain_marginals(O: Tensor, phi: Tensor, masses: Tensor, distributions: Tensor) -> Tensor:
    """Return the values of all coalitions of samples (B, n, M) in a chain of stages, (B, 2^M, C)."""
    n, M = masses.shape[1:]
    steps = _absent_stages(O, phi, distributions)
    half = 2 ** (M - 1)
    held = half * 2**n + min(half * 3**n, qcnn_contractions.MAX_NUMBERS)
    parts = [
        _marginals_of_some(O, phi, chunk, distributions[0], steps)
        for chunk in masses.split(chunk_length(held))
    ]
    return torch.cat(parts)[:, order_by_mask(M)]


def _marginals_of_some(
    O: Tensor, phi: Tensor, masses: Tensor, first: Tensor, steps: Sequence[Tensor]
) -> Tensor:
    """Return the values of all coalitions, in the order of their bit masks, (B, 2^M, C).

    Args:
        masses: (B, n, M). first: distribution of the first modality where it is absent, (2^n,).
        steps: of `_absent_stages`.
    """
    B, n = masses.shape[:2]
    tables = stage_tables(phi)
    last = len(tables) - 1
    # distributions of the fused qubits' bits by coalition of the modalities so far
    T = torch.stack([first.expand(B, -1), probabilities(masses[..., 0])], 1)
    for stage, table in enumerate(tables):
        p = masses[..., stage + 1]
        G = torch.einsum("nofm,bnm->bnof", table, torch.stack([1 - p, p], -1))
        if stage < last:
            present = mode_product(T, G)
        else:
            some = T.split(chunk_length(B * 3**n), 1)
            present = torch.cat([mode_product(part, G) @ O.flatten(1).T for part in some], 1)
        T = torch.cat([T @ steps[stage], present], 1)
    T[:, -1] = evaluate(O, fuse(masses, phi)[0])
    return T


def _absent_stages(O: Tensor, phi: Tensor, distributions: Tensor) -> list[Tensor]:
    """Return the matrix of each stage whose modality is absent.

    It is (2^n, 2^n), from the fused bits before to those after; of the last stage (2^n, C), from bits to scores.
    """
    n, tables = (
        len(phi),
        stage_tables(phi),
    )  # axes of a table: output, bit before, bit of the new modality
    steps = []
    for table, distribution in zip(tables[:-1], distributions[1:-1], strict=True):
        T = mode_product(distribution[None, None], table.flatten(1, 2)[None])  # by (after, before)
        steps.append(exchange_groups(T.reshape((2,) * 2 * n), n, 2).reshape(2**n, -1).T)
    letters = tables[-1][:, [0, 1, 1, 2, 2], [0, 0, 1, 0, 1]]
    gathered = mode_product(distributions[-1][None, None], letters[None])
    steps.append(contract_readout(O, gathered, n).T)
    return steps
