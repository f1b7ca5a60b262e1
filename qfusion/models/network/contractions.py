"""Coalition values of an EntangledQCNN against every row of a background, by contractions of its factors.

With the factors of `contractions` the mean over the background is exact, and cheap where one modality alone is
absent (its mean distribution s serves every sample) or alone is present (the mean of the products of G serves every
sample). Under one table G is linear in the outcomes of the other modalities, whose mean is taken: 4^n numbers of three;
in a chain it holds five numbers a qubit, as the 1 in f does not depend on b. Otherwise the factors of all pairs of
sample and row are multiplied and averaged, which is also the fastest for a few samples.

Contractions of the factors of an EntangledQCNN with outcome distributions of its modality qubits.

The score is sum_w O_w prod_i f_i,w with one factor f_i = (1, <X>, <Z>) per fused qubit, linear in each modality's mass
p_mi. With G_i(b) the factor when modality m's qubit i reads b, prod_i f_i = (G_1 x ... x G_n) s with s the modality's
2^n outcome probabilities. `contractions` and `mass_algebra` compute coalition values from these contractions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.models import coalition_algebra
from qfusion.models.network.qcnn import evaluate, products
from qfusion.models.network.truth_tables import fuse, patterns, probabilities
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


MAX_NUMBERS = 10_000_000  # most numbers held at once


def chunk_length(numbers: int) -> int:
    """Return how many rows of so many numbers each are computed at once."""
    return max(1, MAX_NUMBERS // numbers)


def order_by_mask(M: int) -> Tensor:
    """Return the coalitions in the order of `subsets` as bit masks, bit m of modality m: (2^M,)."""
    return torch.from_numpy(coalition_algebra.masks(M))


def given_factors(masses: Tensor, phi: Tensor, m: int) -> Tensor:
    """Return the factors f_i when modality m's qubit i reads 0 or 1: (B, n, 3, 2)."""
    place = torch.tensor([m])
    by_outcome = [fuse(masses.index_fill(-1, place, outcome), phi)[0] for outcome in (0.0, 1.0)]
    return torch.stack(by_outcome, -1)


def mode_product(T: Tensor, G: Tensor) -> Tensor:
    """Return T (R, K, in^n) with the matrix G[:, i] (R, out, in) applied to mode i: (R, K, out^n)."""
    R, n, _, size = G.shape
    if R == 1:  # one mode after another, each product with a large matrix
        for matrix in G[0]:
            T = T.reshape(*T.shape[:2], size, -1).mT @ matrix.mT  # with its mode as the last one
        return T.flatten(2)
    k = n // 2
    # One matrix for each half: two products of large matrices instead of thousands of small ones, mode by mode.
    left = states.kron(G[:, :k].unbind(1))
    right = states.kron(G[:, k:].unbind(1))
    T = T.reshape(R, T.shape[1], size**k, -1)
    return (left[:, None] @ T @ right[:, None].mT).flatten(2)


def scores_without_one(O: Tensor, phi: Tensor, masses: Tensor, mean: Tensor, m: int) -> Tensor:
    """Return the scores (B, C) with modality m alone absent.

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: angles, (n, stages, patterns).
        masses: of the samples, (B, n, M).
        mean: probability of every outcome of modality m's qubits, (2^n,).
        m: the modality.
    """
    scores = []
    for chunk in masses.split(chunk_length(2 * O[0].numel())):
        products = mode_product(mean.expand(len(chunk), 1, -1), given_factors(chunk, phi, m))
        scores.append(products[:, 0] @ O.flatten(1).T)
    return torch.cat(scores)


def pull_back_rows(O: Tensor, phi: Tensor, rows: Tensor, m: int) -> Tensor:
    """Return the observables of modality m's outcomes, averaged over rows of all others: (C, 2^n)."""
    n, M = rows.shape[1:]
    if phi.shape[1] == 1:
        others = rows[..., [r for r in range(M) if r != m]]
        return pull_back_joint(O, phi, mean_products(probabilities(others)), m)
    k = n // 2
    mean = torch.zeros(5**k, 5 ** (n - k), dtype=O.dtype)
    for chunk in rows.split(chunk_length(5 ** (n - k))):
        zero, one = given_factors(chunk, phi, m).unbind(-1)
        mean += len(chunk) * mean_products(five_letters(zero, one))
    return contract_readout(O, mean / len(rows), n)


def mean_products(factors: Tensor) -> Tensor:
    """Return the mean over rows of the products of factors (N, n, K) over all qubits, (K^(n // 2), K^(n - n // 2))."""
    N, n, K = factors.shape
    k = n // 2
    parts = [
        products(chunk, range(k)).T @ products(chunk, range(k, n))
        for chunk in factors.split(chunk_length(K ** (n - k)))
    ]
    return torch.stack(parts).sum(0) / N


def five_letters(zero: Tensor, one: Tensor) -> Tensor:
    """Return the five letters, see `contract_readout`, (..., 5).

    Args:
        zero: factors that apply where a qubit reads 0, (..., 3).
        one: where it reads 1, (..., 3).
    """
    return torch.stack([zero[..., 0], zero[..., 1], one[..., 1], zero[..., 2], one[..., 2]], -1)


def pull_back_joint(O: Tensor, phi: Tensor, joint: Tensor, m: int) -> Tensor:
    """Return the observables (C, 2^n) of modality m's outcomes, averaged over the others, given one table for all
    modalities.

    Args:
        O: of the factors, (C, 3, ..., 3).
        phi: the table's angles, (n, 1, 2^M).
        joint: probability of the outcomes of all others, 2^(M - 1) a qubit: 2^((M - 1) n) numbers.
        m: the modality.
    """
    n = len(phi)
    M = (phi.shape[-1] - 1).bit_length()
    bits = patterns(M - 1).to(phi)[:, None].expand(-1, n, -1)

    def factors(outcome: int) -> Tensor:
        own = torch.full_like(bits[..., :1], outcome)
        return fuse(torch.cat([bits[..., :m], own, bits[..., m:]], -1), phi)[0]

    letters = five_letters(factors(0), factors(1)).permute(1, 2, 0)
    return contract_readout(O, mode_product(joint.reshape(1, 1, -1), letters[None]), n)


def contract_readout(O: Tensor, gathered: Tensor, n: int) -> Tensor:
    """Return observables (C, 2^n) of the outcomes that select the factors.

    Args:
        O: of the factors, (C, 3, ..., 3).
        gathered: mean products of the factors by five letters a qubit, 5^n numbers: 1, <X> at 0, <X> at 1, <Z> at 0,
            <Z> at 1.
    """
    k = n // 2
    left = letter_places(k)
    right = letter_places(n - k)
    halves = O.reshape(len(O), 3**k, 3 ** (n - k)).transpose(0, 1)
    mean = gathered.reshape(5**k, 5 ** (n - k))
    # A word of five letters in the first half belongs to one word of three, so the second half is contracted once for
    # each of the 5^k words, some at a time, and the words that an outcome of the first half selects are then summed.
    factors = letter_factors(k)
    by_word = torch.cat(
        [
            halves[factors[chunk]] @ mean[chunk][:, right]
            for chunk in torch.arange(5**k).split(chunk_length(right.numel()))
        ]
    )  # (5^k, C, 2^(n - k))
    return torch.stack([by_word[left[:, b]].sum(0) for b in range(2**k)], 1).flatten(1)


def letter_factors(n: int) -> Tensor:
    """Return the factor word in {I, X, Z}, as a number in base 3, of every word of n letters of five, (5^n,)."""
    factor = torch.zeros(1, dtype=torch.long)
    of_letter = torch.tensor((0, 1, 1, 2, 2))
    for _ in range(n):
        factor = (3 * factor[:, None] + of_letter).flatten()
    return factor


def letter_places(n: int) -> Tensor:
    """Return the place of n qubits' products of factors among products of five letters, (3^n, 2^n).

    Rows are words in {I, X, Z}, columns outcomes.
    """
    place = torch.zeros(1, 1, dtype=torch.long)
    # place among (1, <X> at 0, <X> at 1, <Z> at 0, <Z> at 1) of factor I, X, Z by outcome
    letter = torch.tensor(((0, 0), (1, 2), (3, 4)))
    for _ in range(n):
        place = (5 * place[:, None, :, None] + letter[None, :, None, :]).flatten(0, 1).flatten(1)
    return place


def stage_tables(phi: Tensor) -> list[Tensor]:
    """Return the tables of the stages of fusion as tensors of the bits that they read.

    Args:
        phi: angles, (n, stages, 2^k).

    Returns:
        A table (n, out, 2, ..., 2) for each stage, with an axis for each of the k bits. Of the last stage `out` counts
        1, <X> and <Z>; of the others the chances of 0 and 1, which is the first bit that the next stage reads.
    """
    n = len(phi)
    bits = phi.shape[-1].bit_length() - 1
    ones = torch.sin(phi[:, :-1] / 2).square()
    last = phi[:, -1]
    tables = [torch.stack([1 - stage, stage], 1) for stage in ones.unbind(1)]
    tables.append(torch.stack([torch.ones_like(last), torch.sin(last), torch.cos(last)], 1))
    return [table.reshape(n, -1, *(2,) * bits) for table in tables]


def exchange_groups(T: Tensor, groups: int, n: int) -> Tensor:
    """Return a tensor with the i-th axes of all groups side by side, for i = 1 ... n. The axes of the given tensor
    are groups of n.
    """
    return T.permute([group * n + i for i in range(n) for group in range(groups)])
