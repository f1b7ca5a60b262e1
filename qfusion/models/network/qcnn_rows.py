"""Exact coalition values of an EntangledQCNN against every row of a background.

With the factors of `qcnn_contractions` the mean over the background is exact, and cheap where one modality alone is
absent (its mean distribution s serves every sample) or alone is present (the mean of the products of G serves every
sample). Under one table G is linear in the outcomes of the other modalities, whose mean is taken: 4^n numbers of three;
in a chain it holds five numbers a qubit, as the 1 in f does not depend on b. Otherwise the factors of all pairs of
sample and row are multiplied and averaged, which is also the fastest for a few samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.models.network.qcnn import evaluate
from qfusion.models.network.qcnn_contractions import (
    chunk_length,
    mean_products,
    order_by_mask,
    pull_back_rows,
    scores_without_one,
    stage_tables,
)
from qfusion.models.network.truth_tables import fuse, probabilities
from qfusion.models.protocols import MassStates
from qfusion.quantum import decomposition, states

MAX_SEPARATE_MODALITIES = 6  # number up to which each coalition is computed on its own
FEW_SAMPLES = (
    8  # number up to which pairs with all rows cost less than operators that serve every sample
)


def row_values(
    model: MassStates, masses: Tensor, rows: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Return v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        rows: of the background, (N, n, M).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi = model.phi.double()
    M = masses.shape[-1]
    if M > MAX_SEPARATE_MODALITIES:
        return torch.stack([chain_rows(O, phi, sample, rows) for sample in masses])
    values = [row_value(O, phi, masses, rows, S) for S in decomposition.subsets(M)]
    return torch.stack(values, 1)


def row_value(
    O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: decomposition.Subset
) -> Tensor:
    """Return v(S) without the bias, (B, C)."""
    rest = [m for m in range(masses.shape[-1]) if m not in S]
    if not rest:
        return evaluate(O, fuse(masses, phi)[0])
    if len(masses) <= FEW_SAMPLES:
        return _values_over_pairs(O, phi, masses, rows, S)
    if not S:
        return evaluate(O, fuse(rows, phi)[0]).mean(0).expand(len(masses), -1)
    if len(rest) == 1:
        mean = probabilities(rows[..., rest[0]]).mean(0)
        return scores_without_one(O, phi, masses, mean, rest[0])
    if len(S) == 1:
        return probabilities(masses[..., S[0]]) @ pull_back_rows(O, phi, rows, S[0]).T
    return _values_over_pairs(O, phi, masses, rows, S)


def chain_rows(O: Tensor, phi: Tensor, sample: Tensor, rows: Tensor) -> Tensor:
    """Return the values of all coalitions of one sample (n, M) that is fused one modality after another, (2^M, C).

    The fused masses after k modalities depend on these alone, so coalitions that agree on them share the masses: 2^k a
    qubit and row, where coalition by coalition there were M 2^M.
    """
    N, n, M = rows.shape
    k = n // 2
    tables = stage_tables(phi)
    total = O.new_zeros(2**M, len(O))
    for chunk in rows.split(chunk_length(2**M * max(n, 3 ** (n - k)))):
        # masses of the fused qubits by coalition (as bit masks) of the modalities so far, row and qubit
        fused = torch.stack([chunk[..., 0], sample[:, 0].expand(len(chunk), -1)])
        for stage, table in enumerate(tables):
            absent = _fused_outputs(table, fused, chunk[..., stage + 1])
            present = _fused_outputs(table, fused, sample[..., stage + 1])
            factors = torch.cat([absent, present])
            fused = factors[..., 1]
        parts = factors.split(chunk_length(3**n))
        means = [_summed_products(part, k) @ O.flatten(1).T for part in parts]
        total += torch.cat(means)
    return total[order_by_mask(M)] / N


def _fused_outputs(table: Tensor, fused: Tensor, masses: Tensor) -> Tensor:
    """Return the outputs (K, R, n, out) of a stage's table (n, out, 2, 2) for fused masses (K, R, n) and the masses
    (..., n) of the next modality."""
    without, with_bit = table.unbind(-1)
    averaged = without + masses[..., None, None] * (with_bit - without)
    zero, one = averaged.unbind(-1)
    return zero + fused[..., None] * (one - zero)


def _summed_products(factors: Tensor, k: int) -> Tensor:
    """Return the products of factors (K, R, n, 3) over all qubits, summed over the rows, (K, 3^n).

    The first k qubits and the others are multiplied separately.
    """
    left = states.product(list(factors[:, :, :k].unbind(2)))
    right = states.product(list(factors[:, :, k:].unbind(2)))
    return (left.mT @ right).flatten(1)


def _values_over_pairs(
    O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: decomposition.Subset
) -> Tensor:
    """Return v(S) without the bias, (B, C), as the mean over all pairs of a sample and a row."""
    present = torch.tensor([m in S for m in range(masses.shape[-1])])
    words = O.flatten(1)
    values = []
    for sample in masses:
        factors = fuse(torch.where(present, sample, rows), phi)[0]
        values.append(words @ mean_products(factors).flatten())
    return torch.stack(values)
