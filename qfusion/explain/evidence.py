"""Evidence theory on the masses of an entangled-fusion network: beliefs in classes, combinations and conflict.

In terms of evidence theory (Shafer 1976; Smets 1990): if element i represents class i, the masses p_1 ... p_n of a
modality define a mass function on sets A of classes, in which each class is possible independently,

    m(A) = prod_{i in A} p_i prod_{i not in A} (1 - p_i).

Its plausibility of class i is p_i, its commonality of A is prod_{i in A} p_i, and its implicability is
prod_{i not in A} (1 - p_i). Dempster's conjunctive combination multiplies commonalities and therefore multiplies the
masses element by element: the rule AND. The disjunctive combination multiplies implicabilities: the rule OR. Neither
is normalised; m(empty) is reported.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Beliefs:
    """Beliefs of a mass function in single classes, as arrays (..., n).

    Attributes:
        belief: m({i}), the evidence for class i alone.
        plausibility: p_i, all evidence that is not against class i.
        pignistic: betting probabilities: m(A) shared evenly in A, given that A is not empty (Smets). They add up to 1.
        empty: m(empty), the evidence for no class, (...).
    """

    belief: np.ndarray
    plausibility: np.ndarray
    pignistic: np.ndarray
    empty: np.ndarray


def beliefs(p: Tensor) -> Beliefs:
    """Return the beliefs of masses p_i, (..., n), without going through the 2^n sets.

    The pignistic probability is p_i sum_k P(k others are possible) / (k + 1) = p_i int_0^1 prod_{j != i} (1 - p_j + p_j
    t) dt over 1 - m(empty). The integrand is a polynomial of degree n - 1, on which Gauss-Legendre with n / 2 nodes is
    exact: O(n^2). It is NaN where all p are 0.
    """
    p = p.double()
    others = _others(1 - p)
    nodes, weights = np.polynomial.legendre.leggauss(p.shape[-1] // 2 + 1)
    t = torch.from_numpy((nodes + 1) / 2)
    w = torch.from_numpy(weights / 2)
    integrand = _others(1 - p[..., None, :] * (1 - t[:, None]))
    share = p * (integrand * w[:, None]).sum(-2)
    return Beliefs(
        belief=(p * others).numpy(),
        plausibility=p.numpy(),
        pignistic=(share / share.sum(-1, keepdim=True)).numpy(),
        empty=(1 - p).prod(-1).numpy(),
    )


def _others(factors: Tensor) -> Tensor:
    """Return the product of all factors but the i-th, (..., n), without division, since a factor may be 0."""
    itself = torch.eye(factors.shape[-1], dtype=torch.bool)
    return factors[..., None, :].masked_fill(itself, 1).prod(-1)


def conjunctive(masses: Tensor) -> Tensor:
    """Return the masses of Dempster's conjunctive combination, not normalised, (..., n), of masses (..., n, M)."""
    return masses.prod(-1)


def disjunctive(masses: Tensor) -> Tensor:
    """Return the masses of the disjunctive combination, (..., n), of masses (..., n, M)."""
    return 1 - (1 - masses).prod(-1)


def contradiction(masses: Tensor) -> Tensor:
    """Return m(empty) of the conjunctive combination of masses (..., n, M), (...): no class is possible to all
    modalities."""
    return (1 - conjunctive(masses)).prod(-1)


def conflict(masses: Tensor) -> Tensor:
    """Return Dempster's K between the modalities, (...), for masses (..., n, M).

    It is the mass on contradiction if the masses of every modality are normalised first (m(empty) = 0, the rest scaled
    up), so that a modality without evidence for any class does not count: K = 1 - (1 - m_conj(empty)) / prod_m (1 -
    m_m(empty)). It is NaN where a modality has m(empty) = 1.
    """
    return 1 - (1 - contradiction(masses)) / (1 - (1 - masses).prod(-2)).prod(-1)


def disagreement(masses: Tensor) -> Tensor:
    """Return Dempster's K on each element alone, 1 - prod_m p - prod_m (1 - p), (..., n): the mass on some saying yes
    and some no."""
    return 1 - masses.prod(-1) - (1 - masses).prod(-1)
