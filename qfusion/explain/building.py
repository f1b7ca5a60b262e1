"""Which coupling built which term of a decision: what every term of the dynamics has added to every dividend by the read-out.

Let every term g of the generator act with the same strength lambda, from 0 (nothing evolves) to 1 (the model as it is set). On that
way every dividend goes from Delta_S(0) to Delta_S(T), and each term's part of the way is its attribution by Aumann and Shapley (1974),

    A[S, g] = int_0^1 d Delta_S / d f_g  at f = lambda (1, ..., 1)  d lambda,        sum_g A[S, g] = Delta_S(T) - Delta_S(0),

where f_g multiplies a coupling H_S or the rate of a jump operator L_k (integrated gradients are the same integral over features:
Sundararajan, Taly, Yan 2017). Unlike knock-outs these add up. As all strengths together scale time, lambda = t / T and

    A[S, g] = int_0^T a_S,g(t) dt,    a_S,g(t) = 1/t int_0^t F(u, t - u) du,    F(u, v) = Tr[R_S(u) L_g^+ O(v)],

with sum_g a_S,g = d Delta_S / dt: who is building at t, the mean over when, before t, the term g acts. O(v) is the read-out evolved for v,
and R_S(u) is R_S = sum_{R in S} (-1)^{|S|-|R|} rho_R x sigma_rest evolved for u: its mean values are the dividend of a sample or, as
everything is linear, of the mean over samples.

To rounding both are polynomials in time. They are taken apart into Chebyshev polynomials, as many as it takes, L_g^+ acts on the
few coefficients of O, and the integrals over products of polynomials are exact. The error is stated: what the last polynomials
contribute, and what is missing in the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import chebyshev, legendre
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.explain.background import Background, RowBackground, rest_state
from qfusion.explain.knobs_jump import JumpKnobs
from qfusion.explain.sensitivity import Knob, system
from qfusion.models import FusionModel
from qfusion.models.encoders import Features
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum import states
from qfusion.quantum.decomposition import Subset, decompose, subset_name, subsets
from qfusion.quantum.lindblad import Generator, Term, act, evolve

TIMES = 41
TOLERANCE = 1e-8  # of the attribution, relative to the largest dividend
NODES = (25, 49, 97, 145)  # times at which operators are taken, more where fewer do not resolve the evolution
_HELD = 2**25  # complex numbers of evolved operators that are held at once
_TAIL = 1e-12  # relative norm below which a Chebyshev coefficient is left out


@dataclass(frozen=True, eq=False)
class Built:
    """What G terms of the dynamics have added to S dividends.

    Attributes:
        modalities: names. output: name of the score.
        dividends: names of the coalitions, "" (baseline) first, S of them.
        terms: couplings H_S and jump rates, keys as in `sensitivity`, G of them; none where nothing evolves.
        acts: the modalities that each of them acts on, joined by "+", (G,).
        start, end: dividends without evolution and at T, (S,).
        parts: A, (S, G); with `start` they add up to `end`.
        times: (nT,) in model units. over_time: added by t, (nT, S, G). pace: being added at t, per unit of time, (nT, S, G).
        error: bound on what is wrong with any part, estimated from the last polynomials and from the sum.
        nodes: times at which operators were taken.
        count: samples averaged over. background, background_size: of the dividends.
    """

    modalities: tuple[str, ...]
    output: str
    dividends: tuple[str, ...]
    terms: tuple[Knob, ...]
    acts: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    parts: np.ndarray
    times: np.ndarray
    over_time: np.ndarray
    pace: np.ndarray
    error: float
    nodes: int
    count: int
    background: str
    background_size: int

    def frame(self) -> pd.DataFrame:
        """Returns one row a dividend: `dividend`, `start`, a column for every term by its key, and `end`."""
        columns: dict[str, Any] = {"dividend": [name or "baseline" for name in self.dividends], "start": self.start}
        columns |= {knob.key: self.parts[:, g] for g, knob in enumerate(self.terms)}
        return pd.DataFrame(columns | {"end": self.end})

    def through(self, dividend: str) -> pd.DataFrame:
        """Returns one row a time of one dividend: `t`, `value`, and `added[...]` and `pace[...]` of every term.

        Raises:
            NotFound: when there is no such dividend.
        """
        s = self.row(dividend)
        columns = {"t": self.times, "value": self.start[s] + self.over_time[:, s].sum(-1)}
        columns |= {f"added[{knob.key}]": self.over_time[:, s, g] for g, knob in enumerate(self.terms)}
        return pd.DataFrame(columns | {f"pace[{knob.key}]": self.pace[:, s, g] for g, knob in enumerate(self.terms)})

    def most_built(self) -> str:
        """The joint dividend that the dynamics changed most, or the only one's name where there is one modality."""
        joint = [s for s, name in enumerate(self.dividends) if "+" in name] or [len(self.dividends) - 1]
        return self.dividends[max(joint, key=lambda s: abs(self.end[s] - self.start[s]))]

    def row(self, dividend: str) -> int:
        """Place of a dividend."""
        return self.dividends.index(choose("Dividend", dividend, self.dividends))


def built(model: FusionModel, inputs: Mapping[str, Features], background: Background | RowBackground, output: int = 0,
          times: Sequence[float] | np.ndarray | None = None) -> Built:
    """Returns what every term of the dynamics has added to every dividend, for the mean over the given samples.

    Args:
        model: a QiNN-QJ in double precision and eval mode; a tweaked one is built up to where its tweak puts it. One that samples
            trajectories is evolved by the master equation.
        inputs: features of B samples; a mean over them costs what one sample costs.
        background: see `background`.
        output: whose score.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model has no evolution in time, background, output or times do not fit, or it evolves for so long that
            `NODES` times do not resolve it.
    """
    if not isinstance(model, QuantumJump):
        raise InvalidInput(f"Argument `model` is an {getattr(model, 'kind', type(model).__name__)}, which has no evolution in time that "
                           "could build anything. Choose a quantum-jump model.")
    found = cast(JumpKnobs, system(model, inputs, background, output))
    T = float(model.duration)
    moments = _moments(times, T)
    with torch.no_grad():
        pieces = _pieces(model, found)
        O = model.weighted_readout(model.W[output][None]).to(torch.complex128)[0]
        R = _operators(found)
        if not pieces or T == 0:
            return _still(model, found, output, moments, O, R, pieces)
        F, start, end, nodes = _correlations(_whole(model), pieces, O, R, T)
    bias = np.zeros(len(R))
    bias[0] = float(model.bias.detach()[output])  # of the baseline
    return _finish(model, found, output, moments, pieces, F, start + bias, end + bias, nodes)


def _moments(times: Sequence[float] | np.ndarray | None, T: float) -> np.ndarray:
    if times is None:
        return np.linspace(0.0, T, TIMES) if T > 0 else np.zeros(1)
    moments = np.array([float(t) for t in times])
    check(len(moments) > 0, f"Argument `times` must hold one time at least, but is empty. Leave it out for {TIMES} times.")
    outside = [f"{t:g}" for t in moments if not 0 <= t <= T * (1 + 1e-12)]
    check(not outside, f"Argument `times` must lie in [0, {T:g}], the time that the model evolves for, but holds {', '.join(outside[:6])}. "
                       "Leave these out.")
    check(bool((np.diff(moments) >= 0).all()), f"Argument `times` must be ascending, but is {moments[:6].tolist()}. Sort it.")
    return np.minimum(moments, T)


def _whole(model: QuantumJump) -> Generator:
    found = model.generator()
    dtype = torch.complex128
    return Generator(found.dims, tuple(Term(t.subsystems, t.H.detach().to(dtype), t.jumps.detach().to(dtype)) for t in found.terms))


def _pieces(model: QuantumJump, found: JumpKnobs) -> list[tuple[Knob, Generator]]:
    """The generator taken apart: every H_S and every L_k with the modalities that it acts on."""
    knobs = {knob.key: knob for knob in found.knobs}
    dims, H, jumps = model.dims, {s: [] for s in found.terms}, []  # type: ignore[var-annotated]
    for term in _whole(model).terms if found.terms or found.rates else ():
        inner = [dims[m] for m in term.subsystems]
        for places, part in decompose(term.H, inner).items():
            subset = tuple(term.subsystems[m] for m in places)
            if subset in H:
                own = states.partial_trace(part, inner, places)
                rest = len(part) // len(own)
                H[subset].append(Term(subset, own / rest, own.new_zeros(0, *own.shape)))
        jumps += [Term(term.subsystems, torch.zeros_like(L), L[None]) for L in term.jumps]
    pieces = [(knobs[f"H[{subset_name(s, model.modalities)}]"], Generator(dims, tuple(terms))) for s, terms in H.items()]
    return pieces + [(knobs[f"rate[{k + 1}]"], Generator(dims, (term,))) for k, term in enumerate(jumps)]


def _operators(found: JumpKnobs) -> Tensor:
    """R_S of every subset S, (2^M, D, D): their mean values are the dividends."""
    dims, sigma = found.model.dims, found.background.sigma
    order = subsets(len(dims))
    values = torch.stack([_placed(found.mean[s] if s else sigma.new_ones(1, 1), s, rest_state(sigma, dims, s), dims) for s in order])
    signs = [[(-1.0) ** (len(s) - len(r)) if set(r) <= set(s) else 0.0 for r in order] for s in order]
    return _mix(torch.tensor(signs, dtype=torch.float64), values)


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


def _correlations(generator: Generator, pieces: Sequence[tuple[Knob, Generator]], O: Tensor, R: Tensor,
                  T: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """F in Chebyshev polynomials of u and v, (p, q, S, G); the mean values Tr[R O] at 0 and T, (S,); and how many times it took."""
    for nodes in NODES:
        x, matrix = _lobatto(nodes)
        times, weights = (T * x).tolist(), torch.from_numpy(matrix)
        seen = evolve(generator, O, times, "observables")
        O_l = _trimmed(_mix(weights, seen))
        if O_l is None:
            continue
        F, p = np.zeros((nodes, len(O_l), len(R), len(pieces))), 0
        size = 2 * max(1, _HELD // (2 * nodes * O.numel()))
        for first in range(0, len(R), size):
            R_k = _trimmed(_mix(weights, evolve(generator, R[first:first + size], times)))
            if R_k is None:
                break
            F[:len(R_k), :, first:first + size] = _contracted(pieces, R_k, O_l)
            p = max(p, len(R_k))
        else:
            start, end = (torch.einsum("sab,ba->s", R, seen[i]).real.numpy() for i in (0, -1))
            return F[:p], start, end, nodes
    strengths = ", ".join(f"{knob.key} {knob.value:g}" for knob, _ in pieces if knob.value != 1) or "all as learned"
    raise InvalidInput(f"What each term built cannot be worked out: {NODES[-1]} times do not resolve an evolution for T = {T:g} with these "
                       f"strengths ({strengths}). Lower the duration T or the strengths.")


def _trimmed(coefficients: Tensor) -> Tensor | None:
    """Without the last Chebyshev coefficients, which are nothing; None where they are not."""
    norms = torch.linalg.vector_norm(coefficients.flatten(1), dim=1)
    above = int((norms > _TAIL * norms.max()).nonzero().max())
    return coefficients[:above + 1] if above < len(norms) - 2 else None


def _contracted(pieces: Sequence[tuple[Knob, Generator]], R: Tensor, O: Tensor) -> np.ndarray:
    """Tr[R_k,S L_g^+ O_l], (p, q, S, G), for R (p, S, D, D) and O (q, D, D): two Hermitian operators travel as one."""
    p, S, q = len(R), R.shape[1], len(O)
    even, odd = O[0::2], O[1::2]
    packed = even + 1j * torch.cat([odd, torch.zeros_like(even[:len(even) - len(odd)])])
    left = R.transpose(-1, -2).reshape(p * S, -1)
    values = torch.empty(p, q, S, len(pieces), dtype=torch.float64)
    for g, (_, generator) in enumerate(pieces):
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
    """int_0^1 T_k(t s) T_l(t (1 - s)) ds at Gauss-Legendre places t in [0, 1], and the matrix from values there to Legendre coefficients.

    Polynomials of degree p + q - 2 in s and in t: (p + q) / 2 places give the integral, and p + q - 1 the polynomial, without error.
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


def _pace(F: np.ndarray) -> np.ndarray:
    """a as Legendre coefficients over [0, T], (m, S, G), of F in Chebyshev coefficients."""
    p, q = F.shape[:2]
    integrals, back = _products(p, q)
    return (back @ (integrals @ F.reshape(p * q, -1))).reshape(len(back), *F.shape[2:])


def _finish(model: QuantumJump, found: JumpKnobs, output: int, moments: np.ndarray,
            pieces: Sequence[tuple[Knob, Generator]], F: np.ndarray, start: np.ndarray, end: np.ndarray, nodes: int) -> Built:
    T = float(model.duration)
    pace = _pace(F)
    added = legendre.legint(pace, lbnd=-1, scl=T / 2)
    x = 2 * moments / T - 1
    parts = added.sum(0)  # every Legendre polynomial is 1 at the end
    fewer = F.copy()
    fewer[-2:], fewer[:, -2:] = 0, 0
    error = max(float(np.abs(parts - T * _pace(fewer)[0]).max()), float(np.abs(start + parts.sum(-1) - end).max()))
    scale = max(float(np.abs(end).max()), float(np.abs(parts).max()), 1e-12)
    check(error <= TOLERANCE * scale, f"What each term built has an error of {error:.1e} for T = {T:g}, where {TOLERANCE * scale:.1e} is "
                                      "asked for. Lower the duration T or the strengths.")
    return _made(model, found, output, pieces, start, end, parts, moments, np.moveaxis(legendre.legval(x, added), -1, 0),
                 np.moveaxis(legendre.legval(x, pace), -1, 0), error, nodes)


def _still(model: QuantumJump, found: JumpKnobs, output: int, moments: np.ndarray, O: Tensor, R: Tensor,
           pieces: Sequence[tuple[Knob, Generator]]) -> Built:
    """Nothing evolves: no term has added anything."""
    start = torch.einsum("sab,ba->s", R, O).real.numpy()
    start[0] += float(model.bias.detach()[output])
    nothing = np.zeros((len(moments), len(R), len(pieces)))
    return _made(model, found, output, pieces, start, start, nothing[0], moments, nothing, nothing, 0.0, 0)


def _made(model: QuantumJump, found: JumpKnobs, output: int, pieces: Sequence[tuple[Knob, Generator]], start: np.ndarray, end: np.ndarray,
          parts: np.ndarray, moments: np.ndarray, over_time: np.ndarray, pace: np.ndarray, error: float, nodes: int) -> Built:
    dividends = tuple(subset_name(s, model.modalities) for s in subsets(len(model.modalities)))
    acts = tuple(subset_name(generator.terms[0].subsystems, model.modalities) for _, generator in pieces)
    return Built(tuple(model.modalities), model.outputs[output], dividends, tuple(knob for knob, _ in pieces), acts, start, end, parts,
                 moments, over_time, pace, error, nodes, found.count, found.background.name, found.background.size)
