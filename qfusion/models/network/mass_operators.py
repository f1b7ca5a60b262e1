"""Marginal observables of an EntangledQCNN: functions of the outcome patterns of at most two modalities.

A modality reaches the fusion through the outcomes of its qubits only, so a marginal observable is diagonal: a table of
scores over the outcome patterns {0, 1}^n, whose basis states are the eigenvectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qfusion.models.algebra import Spectrum
from qfusion.models.network import qcnn
from qfusion.models.network.qcnn_contractions import exchange_groups, pull_back_rows
from qfusion.models.network.qcnn_marginals import pull_back_marginals
from qfusion.models.network.truth_tables import fuse, patterns, probabilities
from qfusion.quantum import decomposition


def spectrum(
    O: Tensor,
    phi: Tensor,
    masses: Tensor,
    distributions: Tensor | None,
    S: decomposition.Subset,
    bias: float,
) -> Spectrum:
    """Return the marginal observable of at most two modalities.

    Args:
        O: observable of one output, (3, ..., 3).
        phi: angles of the tables, (n, stages, patterns).
        masses: of the background's samples, (N, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n), where the background's
            modalities are independent; else None.
        S: the modalities.
        bias: of the output.
    """
    n = len(phi)
    is_independent = distributions is not None
    table = _table(O, phi, masses, distributions, S)
    weights = _pattern_probabilities(masses, S, is_independent)
    # Only where S is independent of the rest is the mean over its patterns in the background the mean score.
    if is_independent:
        mean = table @ weights
    else:
        mean = qcnn.evaluate(O[None], fuse(masses, phi)[0]).mean()
    order = torch.argsort(table, stable=True)
    return Spectrum(
        values=(table[order] + bias).numpy(),
        vectors=None,
        basis=order.numpy(),
        dims=(2**n,) * len(S),
        baseline=float(mean) + bias,
        effects=_effects(table, weights, len(S), n),
    )


def pad_to_pair(distributions: Sequence[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Return probabilities (B, 2^n) of at most two modalities as those of two; a missing one has a single outcome."""
    certain = torch.ones(count, 1, dtype=torch.float64)
    left, right, *_ = *distributions, certain, certain
    return left, right


def _pattern_probabilities(masses: Tensor, S: Sequence[int], is_independent: bool) -> Tensor:
    """Return the mean probability over samples of every outcome pattern of at most two modalities, (2^(n |S|),)."""
    left, right = pad_to_pair([probabilities(masses[..., m]) for m in S], len(masses))
    if is_independent:
        return (left.mean(0)[:, None] * right.mean(0)).flatten()
    return (left.T @ right / len(masses)).flatten()


def _effects(table: Tensor, weights: Tensor, count: int, n: int) -> np.ndarray:
    """Return the mean change when one bit turns from 0 to 1 and all others are as in the background, (count, n)."""
    changes = []
    for q in range(count * n):
        values = table.view(2**q, 2, -1)
        weight = weights.view(2**q, 2, -1).sum(1)
        changes.append(float(((values[:, 1] - values[:, 0]) * weight).sum()))
    return np.array(changes).reshape(count, n)


def _table(
    O: Tensor,
    phi: Tensor,
    masses: Tensor,
    distributions: Tensor | None,
    S: decomposition.Subset,
) -> Tensor:
    """Return the score without bias of every outcome pattern of the modalities in S, (2^(n |S|),).

    The others are averaged over the background. The factors of the first and of the second half of the qubits are
    multiplied for the outcomes of S and of the rest, and meet weighted by the probability of the rest's outcomes.
    """
    n, M = masses.shape[1:]
    rest = [m for m in range(M) if m not in S]
    if len(rest) > 2 and distributions is not None:
        return pull_back_marginals(O[None], phi, distributions, S[0])[0]
    if len(rest) > 2:
        return pull_back_rows(O[None], phi, masses, S[0])[0]
    s = 2 ** len(S)
    r = 2 ** len(rest)
    k = n // 2
    factors = fuse(patterns(M).double()[:, None].expand(-1, n, -1), phi)[0]
    factors = factors.view((2,) * M + (n, 3)).permute(*S, *rest, M, M + 1).reshape(s, r, n, 3)
    left = _products(factors[:, :, :k])  # (s^k, r^k, 3^k)
    right = _products(factors[:, :, k:])
    # Patterns are ordered by modality outside, and by qubit here.
    weights = _pattern_probabilities(masses, rest, distributions is not None)
    by_qubit = exchange_groups(weights.view((2,) * (len(rest) * n)), len(rest), n)
    # (s^(n-k), r^k 3^(n-k)), averaged over the rest's outcomes in the second half
    right = (by_qubit.reshape(r**k, r ** (n - k)) @ right).flatten(1)
    table = (left @ O.reshape(3**k, 3 ** (n - k))).flatten(1) @ right.T
    return exchange_groups(table.reshape((2,) * (len(S) * n)), n, len(S)).flatten()


def _products(factors: Tensor) -> Tensor:
    """Return products over some qubits of factors (s, r, k, 3): (s^k, r^k, 3^k)."""
    product = factors.new_ones(1, 1, 1)
    for factor in factors.unbind(2):
        joined = torch.einsum("prw,qsv->pqrswv", product, factor)
        product = joined.flatten(4).flatten(2, 3).flatten(0, 1)
    return product
