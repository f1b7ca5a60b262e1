"""Exact coalition values of an EntangledQCNN against every row of a background.

The score is sum_w O_w prod_i f_i,w with one factor f_i = (1, <X>, <Z>) per fused qubit, linear in each modality's mass
p_mi. With G_i(b) the factor when modality m's qubit i reads b, prod_i f_i = (G_1 x ... x G_n) s with s the modality's
2^n outcome probabilities. So the mean over the background is exact, and cheap where one modality alone is absent (its
mean s serves every sample) or alone is present (the mean of the products of G serves every sample). Under one table G
is linear in the outcomes of the other modalities, whose mean is taken: 4^n numbers of three; in a chain it holds five
numbers a qubit, as the 1 in f does not depend on b. Otherwise the factors of all pairs of sample and row are multiplied
and averaged, which is also the quickest for a few samples.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from qfusion.models.entangled_qcnn import EntangledQCNN, fuse, patterns, probabilities
from qfusion.models.qcnn import evaluate, products
from qfusion.quantum.decomposition import Subset, subsets

_NUMBERS = 10_000_000  # most numbers held at once
Value = Callable[
    [Tensor, Subset], Tensor
]  # masses (B, n, M) and S -> v(S) without the bias, (B, C)
_FEW = 8  # samples for which pairs with all rows cost less than what serves every sample


def row_values(
    model: EntangledQCNN, masses: Tensor, rows: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        rows: of the background, (N, n, M).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O, M = (model.observables() if observables is None else observables).double(), masses.shape[-1]
    return torch.stack([_value(O, model.phi.double(), masses, rows, S) for S in subsets(M)], 1)


def _value(O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: Subset) -> Tensor:
    rest = [m for m in range(masses.shape[-1]) if m not in S]
    if not rest:
        return evaluate(O, fuse(masses, phi)[0])
    if len(masses) <= _FEW:
        return _pairs(O, phi, masses, rows, S)
    if not S:
        return evaluate(O, fuse(rows, phi)[0]).mean(0).expand(len(masses), -1)
    if len(rest) == 1:
        return one_absent(O, phi, masses, probabilities(rows[..., rest[0]]).mean(0), rest[0])
    if len(S) == 1:
        return probabilities(masses[..., S[0]]) @ pulled_back(O, phi, rows, S[0]).T
    return _pairs(O, phi, masses, rows, S)


def mean_outcomes(rows: Tensor) -> Tensor:
    """Returns the mean probability over rows (N, n, M) of all outcomes of each modality's qubits, (M, 2^n)."""
    _, n, M = rows.shape
    parts = [
        torch.stack([probabilities(chunk[..., m]).sum(0) for m in range(M)])
        for chunk in rows.split(max(1, _NUMBERS // 2**n))
    ]
    return torch.stack(parts).sum(0) / len(rows)


def _given(masses: Tensor, phi: Tensor, m: int) -> Tensor:
    """The factors f_i when modality m's qubit i reads 0 or 1: (B, n, 3, 2)."""
    fixed = []
    for outcome in (0.0, 1.0):
        known = masses.clone()
        known[..., m] = outcome
        fixed.append(fuse(known, phi)[0])
    return torch.stack(fixed, -1)


def legs(T: Tensor, G: Tensor) -> Tensor:
    """Returns T (R, K, in^n) with G[:, i] (R, out, in) applied to leg i: (R, K, out^n)."""
    R, n, out, size = G.shape
    K = T.shape[1]
    # each half comes first while its legs are multiplied, and goes last when done
    for half in (range(n // 2), range(n // 2, n)):
        for place, i in enumerate(half):
            T = G[:, i, None] @ T.reshape(R, K * out**place, size, -1)
        T = T.reshape(R, K, out ** len(half), -1).transpose(2, 3)
    return T.reshape(R, K, out**n)


def one_absent(O: Tensor, phi: Tensor, masses: Tensor, mean: Tensor, m: int) -> Tensor:
    """Returns the scores (B, C) with modality m alone absent, whose qubits' outcomes are distributed as `mean`,
    (2^n,)."""
    parts = [
        legs(mean.expand(len(chunk), 1, -1), _given(chunk, phi, m))[:, 0] @ O.flatten(1).T
        for chunk in masses.split(max(1, _NUMBERS // (2 * O[0].numel())))
    ]
    return torch.cat(parts)


# place among (1, <X> at 0, <X> at 1, <Z> at 0, <Z> at 1) of factor I, X, Z by outcome
_LETTER = ((0, 0), (1, 2), (3, 4))


def pulled_back(O: Tensor, phi: Tensor, rows: Tensor, m: int) -> Tensor:
    """The mean over rows of the observables that modality m alone sees: (C, 2^n)."""
    n, M = rows.shape[1:]
    if phi.shape[1] == 1:
        return observed(
            O, phi, _mean_products(probabilities(rows[..., [r for r in range(M) if r != m]])), m
        )
    k = n // 2
    mean = torch.zeros(5**k, 5 ** (n - k), dtype=O.dtype)
    for chunk in rows.split(max(1, _NUMBERS // 5 ** (n - k))):
        mean += len(chunk) * _mean_products(_five(*_given(chunk, phi, m).unbind(-1)))
    return read_out(O, mean / len(rows), n)


def _mean_products(factors: Tensor) -> Tensor:
    """The mean over rows of the products of factors (N, n, K) over all qubits: (K^(n // 2), K^(n - n // 2))."""
    N, n, K = factors.shape
    k = n // 2
    parts = [
        products(chunk, range(k)).T @ products(chunk, range(k, n))
        for chunk in factors.split(max(1, _NUMBERS // K ** (n - k)))
    ]
    return torch.stack(parts).sum(0) / N


def _five(zero: Tensor, one: Tensor) -> Tensor:
    """The five letters of the factors (..., 3) that apply where a qubit reads 0 and where it reads 1: (..., 5), see
    `read_out`."""
    return torch.stack([zero[..., 0], zero[..., 1], one[..., 1], zero[..., 2], one[..., 2]], -1)


def observed(O: Tensor, phi: Tensor, joint: Tensor, m: int) -> Tensor:
    """Returns what modality m alone sees under one table of all: observables (C, 2^n).

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: the table's angles, (n, 1, 2^M).
        joint: probability of the outcomes of all others, 2^(M - 1) a qubit: 2^((M - 1) n) numbers.
        m: the modality.
    """
    n, M = len(phi), (phi.shape[-1] - 1).bit_length()
    bits = patterns(M - 1).to(phi)[:, None].expand(-1, n, -1)
    zero, one = (
        fuse(
            torch.cat([bits[..., :m], torch.full_like(bits[..., :1], outcome), bits[..., m:]], -1),
            phi,
        )[0]
        for outcome in (0, 1)
    )
    return read_out(O, legs(joint.reshape(1, 1, -1), _five(zero, one).permute(1, 2, 0)[None]), n)


def read_out(O: Tensor, gathered: Tensor, n: int) -> Tensor:
    """Returns observables (C, 2^n) of what decides which factor applies.

    Args:
        O: of the factors, (C, 3, ..., 3).
        gathered: mean products of the factors by five letters a qubit, 5^n numbers: 1, <X> at 0, <X> at 1, <Z> at 0,
            <Z> at 1.
    """
    k = n // 2
    left, right = _places(k), _places(n - k)
    halves, mean = O.reshape(len(O), 3**k, 3 ** (n - k)), gathered.reshape(5**k, 5 ** (n - k))
    # For every outcome of the first half in turn, so that no 6^n numbers stand at once.
    return torch.cat(
        [torch.einsum("cuv,uvb->cb", halves, mean[left[:, b]][:, right]) for b in range(2**k)], -1
    )


def _places(n: int) -> Tensor:
    """Where the product of n qubits' factors stands among products of five letters, (3^n, 2^n): by word in {I, X, Z},
    by outcomes."""
    place = torch.zeros(1, 1, dtype=torch.long)
    letter = torch.tensor(_LETTER)
    for _ in range(n):
        place = (5 * place[:, None, :, None] + letter[None, :, None, :]).flatten(0, 1).flatten(1)
    return place


def _pairs(O: Tensor, phi: Tensor, masses: Tensor, rows: Tensor, S: Subset) -> Tensor:
    present = torch.tensor([m in S for m in range(masses.shape[-1])])
    mixed = (torch.where(present, sample, rows) for sample in masses)
    means = (_mean_products(fuse(pairs, phi)[0]).flatten() for pairs in mixed)
    return torch.stack([O.flatten(1) @ mean for mean in means])


# Exact coalition values of an EntangledQCNN against the product of marginals: each absent modality drawn on its own.
#
# A modality's n qubits are read once, and the score is linear in the 2^n probabilities of what they read. So the mean
# over all N^k combinations of k absent modalities' rows is the score at their mean distributions, which no longer are
# products over the qubits. Where one table fuses all modalities (at most three), at most two distributions meet: 4^n
# numbers, gathered by five letters a qubit (see `rows.read_out`) into what the third modality sees.
# In a chain each stage passes on the distribution of its fused qubits' bits, and an absent modality
# is a matrix (2^n, 2^n) on it. With n <= 10 nothing larger than 5^10 numbers (80 MB) ever stands.


def marginal_values(
    model: EntangledQCNN, masses: Tensor, distributions: Tensor, observables: Tensor | None = None
) -> Tensor:
    """Returns v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        model: in double precision.
        masses: of the samples, (B, n, M).
        distributions: mean probability of every outcome of each modality's qubits, (M, 2^n).
        observables: other ones than the model's, (C, 3, ..., 3).
    """
    O = (model.observables() if observables is None else observables).double()
    phi, M = model.phi.double(), masses.shape[-1]
    value = (_one_table if phi.shape[1] == 1 else _chain)(O, phi, distributions)
    # told nothing, every sample is alike
    values = [value(masses if S else masses[:1], S) for S in subsets(M)]
    return torch.stack([part.expand(len(masses), -1) for part in values], 1)


def _one_table(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """Up to three modalities under one table of 2^M angles."""
    M, n = len(distributions), len(phi)

    @cache
    def seen(m: int) -> Tensor:
        """The observables that modality m alone sees, (C, 2^n)."""
        others = distributions[[r for r in range(M) if r != m]]
        if len(others) == 1:
            return observed(O, phi, others[0], m)
        both = torch.outer(*others).view((2,) * 2 * n)
        return observed(O, phi, exchanged(both, 2, n).reshape(-1), m)  # leg beside leg

    def value(masses: Tensor, S: Subset) -> Tensor:
        rest = [m for m in range(M) if m not in S]
        if not rest:
            return evaluate(O, fuse(masses, phi)[0])
        if len(rest) == 1:
            return one_absent(O, phi, masses, distributions[rest[0]], rest[0])
        if not S:
            return distributions[:1] @ seen(0).T
        return probabilities(masses[..., S[0]]) @ seen(S[0]).T

    return value


def _chain(O: Tensor, phi: Tensor, distributions: Tensor) -> Value:
    """More modalities, fused one after another; the state is the distribution of the fused qubits' bits so far,
    (B, 2^n)."""
    n, last = len(phi), phi.shape[1] - 1
    ones = torch.sin(phi / 2).square()
    # What a stage makes of the bit before (f) and of the new modality's (m): its own bit's chances, in the end 1, <X>,
    # <Z>.
    parts = [[1 - ones[:, k], ones[:, k]] for k in range(last)]
    parts.append([torch.ones_like(phi[:, last]), torch.sin(phi[:, last]), torch.cos(phi[:, last])])
    tables = [torch.stack(part, 1).view(n, -1, 2, 2) for part in parts]

    @cache
    def unmet(k: int) -> Tensor:
        """What a stage whose modality is absent does: (2^n, 2^n) from bits to bits, in the end (2^n, C) from bits to
        scores."""
        table, mean = tables[k], distributions[k + 1][None, None]
        if k == last:
            five = table[:, [0, 1, 1, 2, 2], [0, 0, 1, 0, 1]]
            return read_out(O, legs(mean, five[None]), n).T
        T = legs(mean, table.flatten(1, 2)[None])  # legs of (new bit, bit before)
        return exchanged(T.reshape((2,) * 2 * n), n, 2).reshape(2**n, -1).T

    def through(masses: Tensor, S: Subset) -> Tensor:
        if len(S) == len(distributions):
            return evaluate(O, fuse(masses, phi)[0])
        T = probabilities(masses[..., 0]) if 0 in S else distributions[:1]
        for k, table in enumerate(tables):
            if k + 1 not in S:
                T = T @ unmet(k)
                continue
            p = masses[..., k + 1]
            G = torch.einsum("nofm,bnm->bnof", table, torch.stack([1 - p, p], -1))
            T = legs(T.expand(len(masses), -1)[:, None], G)[:, 0]
            if k == last:
                T = T @ O.flatten(1).T
        return T

    def value(masses: Tensor, S: Subset) -> Tensor:
        chunks = masses.split(max(1, _NUMBERS // 3**n))
        return torch.cat([through(chunk, S) for chunk in chunks])

    return value


def exchanged(T: Tensor, groups: int, n: int) -> Tensor:
    """Returns a tensor whose legs are groups of n as one whose legs are n of the first, second, ... of each group."""
    return T.permute([group * n + i for i in range(n) for group in range(groups)])
