"""The numerics of `building.py`: time as polynomials, every term of the generator acting once.

R(u) and O(v) are taken at Chebyshev-Lobatto times and turned into coefficients of Chebyshev polynomials; to rounding a
few are enough. A term g acts on the coefficients of O, so F(u, v) = Tr[R(u) L_g^+ O(v)] is a table of coefficients, and

    a(t) = 1/t int_0^t F(u, t - u) du = int_0^1 F(t s, t (1 - s)) ds

is an integral over products of polynomials, exact by Gauss-Legendre quadrature, and again a polynomial in t.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.polynomial import chebyshev, legendre
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.explain.changes.parameters import Parameter
from qfusion.explain.changes.parameters_jump import JumpParameters
from qfusion.explain.contributions.background import rest_state
from qfusion.explain.contributions.games import signs
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum import states
from qfusion.quantum.decomposition import Subset, decompose, subset_name, subsets
from qfusion.quantum.lindblad import Generator, Term, act, evolve

TOLERANCE = 1e-8  # of the attribution, relative to the largest dividend
NODES = (25, 49, 97, 145)  # times at which operators are taken, more where fewer do not resolve the evolution
_HELD = 2**25  # complex numbers of evolved operators that are held at once
_TAIL = 1e-12  # relative norm below which a Chebyshev coefficient is left out
_SPARE = 4  # times beyond the number of polynomials, where states are not looked at


@dataclass(frozen=True, eq=False)
class Apart:
    """A model's generator taken apart.

    Attributes:
        generator: the whole one. parameters: its terms; pieces: the generator of each alone.
        O: what is read, (D, D). T: duration.
    """

    generator: Generator
    parameters: tuple[Parameter, ...]
    pieces: tuple[Generator, ...]
    O: Tensor
    T: float

    @staticmethod
    def of(model: QuantumJump, found: JumpParameters, output: int) -> Apart:
        """Takes a model apart into every H_S and every L_k, with the modalities that each acts on."""
        dims, dtype = model.dims, torch.complex128
        terms = [Term(t.subsystems, t.H.to(dtype), t.jumps.to(dtype)) for t in model.generator().terms]
        H: dict[Subset, list[Term]] = {s: [] for s in found.terms}
        jumps = [Term(t.subsystems, torch.zeros_like(L), L[None]) for t in terms
                 for L in t.jumps] if found.rates else []
        for term in terms if found.terms else ():
            inner = [dims[m] for m in term.subsystems]
            for places, part in decompose(term.H, inner).items():
                subset = tuple(term.subsystems[m] for m in places)
                if subset in H:
                    own = states.partial_trace(part, inner, places)
                    H[subset].append(Term(subset, own * len(own) / len(part), own.new_zeros(0, *own.shape)))
        parameters = {parameter.key: parameter for parameter in found.parameters}
        keys = [f"H[{subset_name(s, model.modalities)}]" for s in H] + [f"rate[{k + 1}]" for k in range(len(jumps))]
        pieces = [*(Generator(dims, tuple(parts)) for parts in H.values()),
                  *(Generator(dims, (jump,)) for jump in jumps)]
        O = model.weighted_readout(model.W[output][None]).to(dtype)[0]
        return Apart(Generator(dims, tuple(terms)), tuple(parameters[key] for key in keys), tuple(pieces), O,
                     float(model.duration))

    @property
    def still(self) -> bool:
        """Whether nothing evolves."""
        return not self.pieces or self.T == 0

    def acts(self, modalities: Sequence[str]) -> tuple[str, ...]:
        """The modalities that each term acts on, joined by "+"."""
        return tuple(subset_name(piece.terms[0].subsystems, modalities) for piece in self.pieces)

    def too_long(self) -> InvalidInput:
        """The error of an evolution that is not resolved."""
        strengths = ", ".join(f"{each.key} {each.value:g}" for each in self.parameters
                              if each.value != 1) or "all as learned"
        return InvalidInput(
            f"What each term built cannot be worked out: {NODES[-1]} times do not resolve an evolution for T = "
            f"{self.T:g} with these strengths ({strengths}). Lower the duration T or the strengths.")


def dividend_operators(found: JumpParameters) -> Tensor:
    """Returns R_S of every subset S, (2^M, D, D): their mean values are the dividends of the mean over the cohort."""
    dims, sigma = found.model.dims, found.background.sigma
    order = subsets(len(dims))
    values = torch.stack([_placed(found.mean[s] if s else sigma.new_ones(1, 1), s, rest_state(sigma, dims, s), dims)
                          for s in order])
    return _mix(torch.from_numpy(signs(len(dims))), values)


def _placed(rho: Tensor, subset: Subset, rest: Tensor, dims: tuple[int, ...]) -> Tensor:
    """rho on the modalities of a subset, `rest` on the others, (D, D)."""
    M = len(dims)
    order = [*subset, *(m for m in range(M) if m not in subset)]
    back = [order.index(m) for m in range(M)]
    whole = torch.kron(rho, rest)
    sides = [dims[m] for m in order]
    return whole.reshape(*sides, *sides).permute(*back, *(M + k for k in back)).reshape(whole.shape)


def _mix(weights: Tensor, X: Tensor) -> Tensor:
    """sum_j weights[i, j] X[j] with real weights."""
    flat = torch.view_as_real(X.resolve_conj()).reshape(len(X), -1)
    return torch.view_as_complex((weights @ flat).view(len(weights), *X.shape[1:], 2))


def correlations(apart: Apart, R: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Returns F in Chebyshev polynomials of u and v, (p, q, S, G); the mean values Tr[R O] at 0 and T, (S,); and how
    many times it took."""
    for times, weights, seen, O_l in _sampled(apart):
        nodes = len(times)
        F, p = np.zeros((nodes, len(O_l), len(R), len(apart.pieces))), 0
        size = 2 * max(1, _HELD // (2 * nodes * apart.O.numel()))
        for first in range(0, len(R), size):
            R_k = _trimmed(_mix(weights, evolve(apart.generator, R[first:first + size], times)))
            if R_k is None:
                break
            F[:len(R_k), :, first:first + size] = _contracted(apart.pieces, R_k, O_l)
            p = max(p, len(R_k))
        else:
            start, end = (torch.einsum("sab,ba->s", R, seen[i]).real.numpy() for i in (0, -1))
            return F[:p], start, end, nodes
    raise apart.too_long()


def observables(apart: Apart) -> list[Tensor]:
    """Returns O(T), and B_g = int_0^T dt 1/t int_0^t du exp(u L^+) L_g^+ O(t - u) of every term: they add up to O(T) -
    O(0).

    In u, exp(u L^+) is taken at Chebyshev-Lobatto times, from the last to the first, each time evolving what is
    gathered to the next.
    """
    if apart.still:
        return [apart.O, *apart.O.new_zeros(len(apart.pieces), *apart.O.shape)]
    for _, _, seen, O_l in _sampled(apart):
        q = len(O_l)
        times, weights = _times(apart.T, q + _SPARE)
        integrals, back = _products(q + _SPARE, q)
        weights = apart.T * weights.mT @ torch.from_numpy((back[0] @ integrals).reshape(q + _SPARE, q))
        acting = torch.stack([act(piece, O_l, "observables") for piece in apart.pieces], 1)
        gathered = torch.zeros_like(acting[0])
        for i in reversed(range(len(times))):
            gathered = gathered + _mix(weights[i:i + 1], acting)[0]
            gathered = evolve(apart.generator, gathered, [times[i] - times[i - 1]], "observables")[0] if i else gathered
        missing = torch.linalg.vector_norm(gathered.sum(0) - (seen[-1] - seen[0]))
        if float(missing) <= TOLERANCE * float(torch.linalg.vector_norm(seen[-1])):
            return [seen[-1], *gathered]
    raise apart.too_long()


def _sampled(apart: Apart) -> Iterator[tuple[list[float], Tensor, Tensor, Tensor]]:
    """Ever more times, those that hold O(t): times, matrix to Chebyshev coefficients, O there, its coefficients."""
    for nodes in NODES:
        times, weights = _times(apart.T, nodes)
        seen = evolve(apart.generator, apart.O, times, "observables")
        O_l = _trimmed(_mix(weights, seen))
        if O_l is not None:
            yield times, weights, seen, O_l


def _times(T: float, nodes: int) -> tuple[list[float], Tensor]:
    """Chebyshev-Lobatto times in [0, T], and the matrix from values there to Chebyshev coefficients."""
    x, matrix = _lobatto(nodes)
    return (T * x).tolist(), torch.from_numpy(matrix)


def _trimmed(coefficients: Tensor) -> Tensor | None:
    """Without the last Chebyshev coefficients, which are nothing; None where they are not."""
    norms = torch.linalg.vector_norm(coefficients.flatten(1), dim=1)
    above = int((norms > _TAIL * norms.max()).nonzero().max())
    return coefficients[:above + 1] if above < len(norms) - 2 else None


def _contracted(pieces: Sequence[Generator], R: Tensor, O: Tensor) -> np.ndarray:
    """Tr[R_k,S L_g^+ O_l], (p, q, S, G), for R (p, S, D, D) and O (q, D, D): two Hermitian operators travel as one."""
    p, S, q = len(R), R.shape[1], len(O)
    even, odd = O[0::2], O[1::2]
    packed = even + 1j * torch.cat([odd, torch.zeros_like(even[:len(even) - len(odd)])])
    left = R.transpose(-1, -2).reshape(p * S, -1)
    values = torch.empty(p, q, S, len(pieces), dtype=torch.float64)
    for g, generator in enumerate(pieces):
        pairs = (left @ act(generator, packed, "observables").flatten(1).mT).view(p, S, -1)  # Tr[R X_1] + i Tr[R X_2]
        values[..., g] = torch.stack([pairs.real, pairs.imag], -1).flatten(2)[..., :q].transpose(1, 2)
    return values.numpy()


@lru_cache(maxsize=8)
def _lobatto(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev-Lobatto places in [0, 1], and the matrix from values there to coefficients."""
    x = -np.cos(np.pi * np.arange(nodes) / (nodes - 1))
    return (x + 1) / 2, np.linalg.inv(chebyshev.chebvander(x, nodes - 1))


@lru_cache(maxsize=8)
def _products(p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """int_0^1 T_k(t s) T_l(t (1 - s)) ds at Gauss-Legendre places t in [0, 1], and the matrix from values there to
    Legendre coefficients.

    Polynomials of degree p + q - 2 in s and in t: (p + q) / 2 places give the integral, and p + q - 1 the polynomial,
    without error.
    """
    s, w = legendre.leggauss((p + q) // 2 + 1)
    s, w = (s + 1) / 2, w / 2
    m = p + q - 1
    z, v = legendre.leggauss(m)
    t = ((z + 1) / 2)[:, None]
    first, second = chebyshev.chebvander(2 * t * s - 1, p - 1), chebyshev.chebvander(2 * t * (1 - s) - 1, q - 1)
    integrals = np.swapaxes(first * w[:, None], 1, 2) @ second
    back = (2 * np.arange(m) + 1)[:, None] / 2 * (legendre.legvander(z, m - 1) * v[:, None]).T
    return integrals.reshape(m, p * q), back


def pace_of(F: np.ndarray) -> np.ndarray:
    """Returns a as Legendre coefficients over [0, T], (m, S, G), of F in Chebyshev coefficients."""
    p, q = F.shape[:2]
    integrals, back = _products(p, q)
    return np.asarray((back @ (integrals @ F.reshape(p * q, -1))).reshape(len(back), *F.shape[2:]))
