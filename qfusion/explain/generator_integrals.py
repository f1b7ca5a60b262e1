"""The integrals of path attribution: a generator decomposed into terms, and their correlations with the read-out.

Each term acts by a constant share of the generator: that of H_S, and

    D_A rho = 1/2 dD/dg_A rho = sum_k 1/2 (L_k^A rho L_k^+ + L_k rho L_k^A+) - 1/4 {L_k^A+ L_k + L_k^+ L_k^A, rho},

the whole dissipator D = sum_A D_A being of second order in the g_A. As lambda scales time, lambda = t / T and

    A[S, g] = int_0^T a_S,g(t) dt,    a_S,g(t) = 1/t int_0^t F(u, t - u) du,    F(u, v) = Tr[R_S(u) L_g^+ O(v)],

with L_g the share of g and sum_g a_S,g = d Delta_S / dt: the rate of each term at t is the mean over the times before t
at which it acts. O(v) is the read-out evolved for v, and R_S(u) is R_S = sum_{R in S} (-1)^{|S|-|R|} rho_R x sigma_rest
evolved for u: its expectations are the dividend of a sample or, as everything is linear, of the mean over samples.

R(u) and O(v) are taken at Chebyshev-Lobatto times and turned into coefficients of Chebyshev polynomials; to rounding a
few are enough. A term g acts on the coefficients of O, so F is a table of coefficients, and

    a(t) = 1/t int_0^t F(u, t - u) du = int_0^1 F(t s, t (1 - s)) ds

is an integral over products of polynomials, exact by Gauss-Legendre quadrature, and again a polynomial in t. The error
is the contribution of the last polynomials, and the deviation of the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.polynomial import chebyshev, legendre
from torch import Tensor

from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.models import coalition_algebra
from qfusion.models.jump.jump_terms import JumpTerms
from qfusion.models.protocols import Evolution
from qfusion.models.terms import Parameter
from qfusion.quantum import decomposition, states
from qfusion.quantum.generators import pack_hermitian
from qfusion.quantum.lindblad import Generator, Term, act, combine, evolve

TOLERANCE = 1e-8  # of the attribution, relative to the largest dividend
NODES = (
    25,
    49,
    97,
    145,
)  # times at which operators are taken, more where fewer do not resolve the evolution
MAX_NUMBERS = 2**25  # complex numbers of evolved operators that are held at once
_SPARE = 4  # times beyond the number of polynomials, where states are not looked at


def _apply_adjoint(
    parts: Tensor, subset: decomposition.Subset, dims: tuple[int, ...], Y: Tensor
) -> Tensor:
    """Return sum_k P_k^+ Y_k, (N, D, D), of P (K, a, a) that act on a subset, and Y (N, K, D, D)."""
    sides = [dims[m] for m in subset]
    own_axes = [1 + m for m in subset]
    operators = parts.conj().view(-1, *sides, *sides)
    states_by_part = Y.reshape(*Y.shape[:2], *dims, -1)
    outer = torch.tensordot(
        operators,
        states_by_part,
        ([*range(1 + len(subset))], [1, *(1 + axis for axis in own_axes)]),
    )
    return outer.movedim([*range(len(subset))], own_axes).reshape(len(Y), *Y.shape[-2:])


@dataclass(frozen=True, eq=False)
class DecomposedGenerator:
    """A model's generator taken apart.

    Attributes:
        generator: the whole one. parameters: its terms.
        couplings: every H_S. dissipations: of every A, by the number of the generator's term the parts L_k^A (K, a, a)
            on their own space.
        jumps: L_k of every term of the generator on the whole space, (K, D, D).
        O: what is read, (D, D). T: duration.
    """

    generator: Generator
    parameters: tuple[Parameter, ...]
    couplings: tuple[Generator, ...]
    dissipations: dict[decomposition.Subset, dict[int, Tensor]]
    jumps: tuple[Tensor, ...]
    O: Tensor
    T: float

    @staticmethod
    def from_model(
        model: Evolution, jump_parameters: JumpTerms, output: int
    ) -> DecomposedGenerator:
        """Decompose a model into every H_S and the dissipation of every A."""
        dims, dtype = model.dims, torch.complex128
        terms = (
            Term(t.subsystems, t.H.to(dtype), t.jumps.to(dtype)) for t in model.generator().terms
        )
        generator = decomposition.traceless(Generator(dims, tuple(terms)))
        H: dict[decomposition.Subset, list[Term]] = {s: [] for s in jump_parameters.couplings}
        L: dict[decomposition.Subset, dict[int, Tensor]] = {
            s: {} for s in jump_parameters.dissipations
        }
        for number, term in enumerate(generator.terms):
            inner = [dims[m] for m in term.subsystems]
            energies, jumps = (
                {
                    subset: states.partial_trace(
                        part, inner, tuple(term.subsystems.index(m) for m in subset)
                    )
                    for subset, part in parts.items()
                }
                for parts in decomposition.decompose_term(term, dims)
            )
            for subset in H.keys() & energies.keys():
                own = energies[subset] * (len(energies[subset]) / len(term.H))
                H[subset].append(Term(subset, own, own.new_zeros(0, *own.shape)))
            for subset in L.keys() & jumps.keys():
                own = jumps[subset]
                L[subset][number] = own * (own.shape[-1] / len(term.H))
        acting = [
            parameter
            for parameter in jump_parameters.parameters
            if parameter.kind in ("coupling", "dissipation")
        ]
        hamiltonians = tuple(Generator(dims, tuple(parts)) for parts in H.values())
        jump_operators = tuple(
            states.embed(term.jumps, dims, term.subsystems) for term in generator.terms
        )
        readout = model.weighted_readout(model.W[output][None]).to(dtype)[0]
        return DecomposedGenerator(
            generator,
            tuple(acting),
            hamiltonians,
            L,
            jump_operators,
            readout,
            float(model.duration),
        )

    def acting(self, X: Tensor) -> Iterator[Tensor]:
        """Yield the action of each parameter's part of the generator on the observables X (N, D, D). For a
        dissipation A this is sum_k 1/2 (L_k^A+ X L_k + L_k^+ X L_k^A) - 1/4 {L_k^A+ L_k + L_k^+ L_k^A, X}.
        """
        yield from (act(coupling, X, "observables") for coupling in self.couplings)
        dims, both = self.generator.dims, torch.cat([X, X.mH]).unsqueeze(1)
        products = [both @ jumps for jumps in self.jumps]  # the same for every A
        for subset, parts in self.dissipations.items():
            total = torch.zeros_like(X)
            for number, part in parts.items():
                first, second = _apply_adjoint(part, subset, dims, products[number]).chunk(2)
                S = _apply_adjoint(part, subset, dims, self.jumps[number][None])[0]
                G = (S + S.mH) / 4
                total += (first + second.mH) / 2 - G @ X - X @ G
            yield total

    @property
    def still(self) -> bool:
        """Whether nothing evolves."""
        return not self.parameters or self.T == 0

    def too_long(self) -> InvalidInput:
        """The error of an evolution that is not resolved."""
        turned = [f"{term.key} {term.value:g}" for term in self.parameters if term.value != 1]
        return InvalidInput(
            f"What each term built cannot be worked out: {NODES[-1]} times do not resolve an evolution for T = "
            f"{self.T:g} with these strengths ({', '.join(turned) or 'all as learned'}). Lower the duration T or the "
            "strengths."
        )


def dividend_operators(jump_parameters: JumpTerms) -> Tensor:
    """Return R_S of every subset S, (2^M, D, D): their mean values are the dividends of the mean over the cohort."""
    dims = jump_parameters.model.dims
    sigma = jump_parameters.model.mean_state(jump_parameters.background)
    own = {(): sigma.new_ones(1, 1), **jump_parameters.mean}
    values = []
    for s in decomposition.subsets(len(dims)):
        rest = [m for m in range(len(dims)) if m not in s]
        values.append(states.embed(own[s], dims, s, states.partial_trace(sigma, dims, rest)))
    stacked = torch.stack(values)
    parts = coalition_algebra.dividends(stacked.flatten(1).numpy(), len(dims))
    return torch.from_numpy(parts).view(stacked.shape)


def correlations(
    apart: DecomposedGenerator, R: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return F in Chebyshev polynomials of u and v, (p, q, S, G); the mean values Tr[R O] at 0 and T, (S,); and how
    many times it took."""
    for times, weights, seen, O_l in _sample_times(apart):
        nodes = len(times)
        F = np.zeros((nodes, len(O_l), len(R), len(apart.parameters)))
        p = 0
        size = 2 * max(1, MAX_NUMBERS // (2 * nodes * apart.O.numel()))
        for first in range(0, len(R), size):
            R_k = _trim_coefficients(
                combine(weights, evolve(apart.generator, R[first : first + size], times))
            )
            if R_k is None:
                break
            F[: len(R_k), :, first : first + size] = _contract_pairs(apart, R_k, O_l)
            p = max(p, len(R_k))
        else:
            start, end = (torch.einsum("sab,ba->s", R, seen[i]).real.numpy() for i in (0, -1))
            return F[:p], start, end, nodes
    raise apart.too_long()


def attribution_observables(apart: DecomposedGenerator) -> list[Tensor]:
    """Return O(T), and B_g = int_0^T dt 1/t int_0^t du exp(u L^+) L_g^+ O(t - u) of every term: they add up to O(T) -
    O(0).

    In u, exp(u L^+) is taken at Chebyshev-Lobatto times, from the last to the first, each time evolving what is
    gathered to the next.
    """
    if apart.still:
        return [apart.O, *apart.O.new_zeros(len(apart.parameters), *apart.O.shape)]
    for _, _, seen, O_l in _sample_times(apart):
        q = len(O_l)
        times, weights = _lobatto(apart.T, q + _SPARE)
        integrals, back = product_integrals(q + _SPARE, q)
        integral = torch.from_numpy((back[0] @ integrals).reshape(q + _SPARE, q))
        weights = apart.T * weights.mT @ integral
        acting = torch.stack([*apart.acting(O_l)], 1)
        gathered = combine(weights[-1:], acting)[0]
        for i in reversed(range(1, len(times))):
            gathered = (
                evolve(apart.generator, gathered, [times[i] - times[i - 1]], "observables")[0]
                + combine(weights[i - 1 : i], acting)[0]
            )
        missing = torch.linalg.vector_norm(gathered.sum(0) - (seen[-1] - seen[0]))
        if float(missing) <= TOLERANCE * float(torch.linalg.vector_norm(seen[-1])):
            return [seen[-1], *gathered]
    raise apart.too_long()


def _sample_times(
    apart: DecomposedGenerator,
) -> Iterator[tuple[list[float], Tensor, Tensor, Tensor]]:
    """Yield samplings of O(t) at increasing numbers of times, for those numbers that resolve O(t): the times, the
    matrix to Chebyshev coefficients, O at these times, and its coefficients.
    """
    for nodes in NODES:
        times, weights = _lobatto(apart.T, nodes)
        seen = evolve(apart.generator, apart.O, times, "observables")
        O_l = _trim_coefficients(combine(weights, seen))
        if O_l is not None:
            yield times, weights, seen, O_l


def _trim_coefficients(coefficients: Tensor) -> Tensor | None:
    """Without the last Chebyshev coefficients, which are nothing; None where they are not."""
    norms = torch.view_as_real(coefficients).flatten(1).norm(dim=1)  # of complex numbers slow
    above = int((norms > 1e-12 * norms.max()).nonzero().max())
    return coefficients[: above + 1] if above < len(norms) - 2 else None


def _contract_pairs(apart: DecomposedGenerator, R: Tensor, O: Tensor) -> np.ndarray:
    """Tr[R_k,S L_g^+ O_l], (p, q, S, G), for R (p, S, D, D) and O (q, D, D): two Hermitian operators travel as one."""
    p = len(R)
    S = R.shape[1]
    q = len(O)
    left = R.transpose(-1, -2).reshape(p * S, -1)
    values = torch.empty(p, q, S, len(apart.parameters), dtype=torch.float64)
    for g, acted in enumerate(apart.acting(pack_hermitian(O))):
        pairs = (left @ acted.flatten(1).mT).view(p, S, -1)  # Tr[R X_1] + i Tr[R X_2]
        values[..., g] = torch.view_as_real(pairs).flatten(2)[..., :q].transpose(1, 2)
    return values.numpy()


@memo(8)
def _lobatto(T: float, nodes: int) -> tuple[list[float], Tensor]:
    """Chebyshev-Lobatto times in [0, T], and the matrix from values there to Chebyshev coefficients."""
    x = -np.cos(np.pi * np.arange(nodes) / (nodes - 1))
    matrix = np.linalg.inv(chebyshev.chebvander(x, nodes - 1))
    return (T * ((x + 1) / 2)).tolist(), torch.from_numpy(matrix)


@memo(8)
def product_integrals(p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """int_0^1 T_k(t s) T_l(t (1 - s)) ds at Gauss-Legendre places t in [0, 1], and the matrix from values there to
    Legendre coefficients.

    Polynomials of degree p + q - 2 in s and in t: (p + q) / 2 places give the integral, and p + q - 1 the polynomial,
    without error.
    """
    s, w = legendre.leggauss((p + q) // 2 + 1)
    s = (s + 1) / 2
    m = p + q - 1
    z, v = legendre.leggauss(m)
    t = ((z + 1) / 2)[:, None]
    first = chebyshev.chebvander(2 * t * s - 1, p - 1)
    second = chebyshev.chebvander(2 * t * (1 - s) - 1, q - 1)
    integrals = np.swapaxes(first * (w / 2)[:, None], 1, 2) @ second
    back = (2 * np.arange(m) + 1)[:, None] / 2 * (legendre.legvander(z, m - 1) * v[:, None]).T
    return integrals.reshape(m, p * q), back


def growth_rates(F: np.ndarray) -> np.ndarray:
    """Return a as Legendre coefficients over [0, T], (m, S, G), of F in Chebyshev coefficients."""
    p, q = F.shape[:2]
    integrals, back = product_integrals(p, q)
    return np.asarray((back @ (integrals @ F.reshape(p * q, -1))).reshape(len(back), *F.shape[2:]))
