"""Which term of the dynamics built which term of a decision: what each has added to every dividend by the read-out.

Let the whole generator act with strength lambda, from 0 (nothing evolves) to 1 (the model as it is set): f_S = lambda
on every coupling H_S and g_A = sqrt(lambda) on every dissipation, the parts L_k^A of traceless L_k
(`decomposition.traceless`). On that way every dividend goes from Delta_S(0) to Delta_S(T), and each term's part of the
way is its attribution by Aumann and Shapley (1974),

    A[S, g] = int_0^1 d Delta_S / d f_g  d f_g/d lambda  d lambda,      sum_g A[S, g] = Delta_S(T) - Delta_S(0)

(integrated gradients are the same integral over features: Sundararajan, Taly, Yan 2017). Unlike knock-outs these add
up, and no gauge of the generator changes them. Each term acts by a constant share of the generator: that of H_S, and

    D_A rho = 1/2 dD/dg_A rho = sum_k 1/2 (L_k^A rho L_k^+ + L_k rho L_k^A+) - 1/4 {L_k^A+ L_k + L_k^+ L_k^A, rho},

the whole dissipator D = sum_A D_A being of second order in the g_A. As lambda scales time, lambda = t / T and

    A[S, g] = int_0^T a_S,g(t) dt,    a_S,g(t) = 1/t int_0^t F(u, t - u) du,    F(u, v) = Tr[R_S(u) L_g^+ O(v)],

with L_g the share of g and sum_g a_S,g = d Delta_S / dt: who is building at t, the mean over when, before t, the term
g acts. O(v) is the read-out evolved for v, and R_S(u) is R_S = sum_{R in S} (-1)^{|S|-|R|} rho_R x sigma_rest evolved
for u: its mean values are the dividend of a sample or, as everything is linear, of the mean over samples.

R(u) and O(v) are taken at Chebyshev-Lobatto times and turned into coefficients of Chebyshev polynomials; to rounding a
few are enough. A term g acts on the coefficients of O, so F is a table of coefficients, and

    a(t) = 1/t int_0^t F(u, t - u) du = int_0^1 F(t s, t (1 - s)) ds

is an integral over products of polynomials, exact by Gauss-Legendre quadrature, and again a polynomial in t. The error
is stated: what the last polynomials contribute, and what is missing in the sum.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import chebyshev, legendre
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._sentences import progress_over, progress_shown
from qfusion.data import DataSet
from qfusion.data.coalition_terms import coalition_names
from qfusion.errors import InvalidInput
from qfusion.explain import backgrounds, cuts, fusing
from qfusion.explain.sensitivity import check_output
from qfusion.models import (
    Features,
    FusionModel,
    base,
    games,
    ket_algebra,
    nested,
    registry,
)
from qfusion.models.jump_terms import JumpTerms
from qfusion.models.protocols import Evolution
from qfusion.models.terms import Parameter
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import decomposition, states
from qfusion.quantum.chebyshev import combine
from qfusion.quantum.generators import pack
from qfusion.quantum.lindblad import Generator, Term, act, evolve
from qfusion.quantum.states import expectation
from qfusion.training import default_options, loop, metrics

TIMES = 41
TOLERANCE = 1e-8  # of the attribution, relative to the largest dividend
NODES = (
    25,
    49,
    97,
    145,
)  # times at which operators are taken, more where fewer do not resolve the evolution
SMALL = 1e-9  # all that was built is nothing to speak of
_CHUNK = 2048  # samples whose values are worked out at once
_HELD = 2**25  # complex numbers of evolved operators that are held at once
_SPARE = 4  # times beyond the number of polynomials, where states are not looked at


@dataclass(frozen=True, eq=False)
class BuiltEach:
    """What G terms of the dynamics have added to S dividends, sample by sample.

    Attributes:
        modalities: names. output: name of the score.
        dividends: names of the coalitions, "" (baseline) first, S of them.
        terms: couplings and dissipation, keys as in `sensitivity`, G of them; none where nothing evolves.
        start, end: dividends without evolution and at T, (B, S).
        parts: A, (B, S, G); with `start` they add up to `end`.
        error: what is missing in the sum, at most.
        background, background_size: of the dividends.
    """

    modalities: tuple[str, ...]
    output: str
    dividends: tuple[str, ...]
    terms: tuple[Parameter, ...]
    start: np.ndarray
    end: np.ndarray
    parts: np.ndarray
    error: float
    background: str
    background_size: int

    @property
    def acts(self) -> tuple[str, ...]:
        """The modalities that each term acts on, joined by "+", (G,)."""
        return tuple("+".join(parameter.modalities) for parameter in self.terms)

    def sizes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the mean over samples of |start| (S,), |parts| (S, G) and |end| (S,): what cancels in a mean does not
        here."""
        return np.abs(self.start).mean(0), np.abs(self.parts).mean(0), np.abs(self.end).mean(0)


@dataclass(frozen=True, eq=False)
class Built(BuiltEach):
    """What G terms of the dynamics have added to S dividends of a mean over samples: arrays without the axis B.

    Attributes:
        times: (nT,) in model units. over_time: added by t, (nT, S, G). pace: being added at t, per unit of time, (nT,
            S, G).
        error: bound on what is wrong with any part, estimated from the last polynomials and from the sum.
        nodes: times at which operators were taken.
        count: samples averaged over.
    """

    times: np.ndarray
    over_time: np.ndarray
    pace: np.ndarray
    nodes: int
    count: int

    def frame(self) -> pd.DataFrame:
        """Returns one row a dividend: `dividend`, `start`, a column for every term by its key, and `end`."""
        return pd.DataFrame(
            {
                "dividend": [name or "baseline" for name in self.dividends],
                "start": self.start,
                **{parameter.key: self.parts[:, g] for g, parameter in enumerate(self.terms)},
                "end": self.end,
            }
        )

    def through(self, dividend: str) -> pd.DataFrame:
        """Returns one row a time of one dividend: `t`, `value`, and `added[...]` and `pace[...]` of every term.

        Raises:
            NotFound: when there is no such dividend.
        """
        s = self.row(dividend)
        parts = {
            f"{name}[{parameter.key}]": values[:, s, g]
            for name, values in (("added", self.over_time), ("pace", self.pace))
            for g, parameter in enumerate(self.terms)
        }
        return pd.DataFrame(
            {"t": self.times, "value": self.start[s] + self.over_time[:, s].sum(-1), **parts}
        )

    def most_built(self) -> str:
        """The joint dividend that the dynamics changed most, or the only one's name where there is one modality."""
        joint = [s for s, name in enumerate(self.dividends) if "+" in name] or [-1]
        return self.dividends[max(joint, key=lambda s: abs(self.end[s] - self.start[s]))]

    def row(self, dividend: str) -> int:
        """Place of a dividend."""
        return self.dividends.index(choose("Dividend", dividend, self.dividends))


@torch.no_grad()
def built(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int = 0,
    times: Sequence[float] | np.ndarray | None = None,
) -> Built:
    """Returns what every term of the dynamics has added to every dividend, for the mean over the given samples.

    Args:
        model: a QiNN-QJ in eval mode; a tweaked one is built up to where its tweak puts it. One that samples
            trajectories is evolved by the master equation.
        inputs: features of B samples; a mean over them costs what one sample costs.
        background: see `background`.
        output: whose score.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model has no evolution in time, background, output or times do not fit, or it evolves for
            so long that the times that operators are taken at do not resolve it.
    """
    plain, result, apart = _opened(model, inputs, background, output)
    T = apart.T
    moments = np.array(
        states.times_within(times, T, TIMES) if times is not None or T > 0 else [0.0]
    )
    R = dividend_operators(result)
    if apart.still:
        start = torch.einsum("sab,ba->s", R, apart.O).real.numpy()
        F, end, nodes = np.zeros((3, 3, len(R), len(apart.parameters))), start, 0
    else:
        F, start, end, nodes = correlations(apart, R)
    bias = np.zeros(len(R))
    bias[0] = float(plain.bias.detach()[output])  # of the baseline
    pace = _pace(F)
    added = legendre.legint(pace, lbnd=-1, scl=T / 2)
    parts = added.sum(0)  # every Legendre polynomial is 1 at the end
    fewer = F.copy()
    fewer[-2:], fewer[:, -2:] = 0, 0
    error = max(
        float(np.abs(parts - T * _pace(fewer)[0]).max(initial=0)),
        float(np.abs(start + parts.sum(-1) - end).max()),
    )
    scale = max(float(np.abs(end).max()), float(np.abs(parts).max(initial=0)), 1e-12)
    check(
        error <= TOLERANCE * scale,
        f"What each term built has an error of {error:.1e} for T = {T:g}, where {TOLERANCE * scale:.1e} is "
        "asked for. Lower the duration T or the strengths.",
    )
    x = 2 * moments / T - 1 if T else np.full(len(moments), -1.0)
    through, rate = (np.moveaxis(legendre.legval(x, series), -1, 0) for series in (added, pace))
    return Built(
        tuple(plain.modalities),
        plain.outputs[output],
        coalition_names(plain.modalities),
        apart.parameters,
        start + bias,
        end + bias,
        parts,
        error,
        background.name,
        background.size,
        moments,
        through,
        rate,
        nodes,
        result.count,
    )


@torch.no_grad()
def built_over_classes(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    times: Sequence[float] | np.ndarray | None = None,
) -> Built:
    """Returns `built` for the mean over samples of the score of the class that each is decided for; of a regression its
    score.

    Args:
        model, inputs, background, times: see `built`.

    Raises:
        InvalidInput: see `built`.
    """
    by_class = _rows_by_decision(model, inputs)
    runs = [
        (built(model, nested.nested_part(dict(inputs), rows), background, c, times), len(rows))
        for c, rows in by_class.items()
    ]
    total = sum(n for _, n in runs)
    means: dict[str, Any] = {
        field: sum(getattr(entry, field) * (n / total) for entry, n in runs)
        for field in ("start", "end", "parts", "over_time", "pace")
    }
    return replace(
        runs[0][0],
        output=runs[0][0].output if len(runs) == 1 else "the class decided for",
        count=total,
        nodes=max(entry.nodes for entry, _ in runs),
        error=max(entry.error for entry, _ in runs),
        **means,
    )


def _rows_by_decision(model: FusionModel, inputs: Mapping[str, Features]) -> dict[int, Tensor]:
    """Returns the rows that are decided for each class, of classes that occur."""
    decided = model(inputs).argmax(-1)
    return {c: (decided == c).nonzero()[:, 0] for c in decided.unique().tolist()}


@torch.no_grad()
def sizes_over_classes(
    model: FusionModel, inputs: Mapping[str, Features], background: backgrounds.Background
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns `BuiltEach.sizes` of the score of the class that each sample is decided for; of a regression its score.

    Args:
        model, inputs, background: see `built`.
    """
    total, sums = 0, [np.zeros(())] * 3
    for c, rows in _rows_by_decision(model, inputs).items():
        parts = built_each(model, nested.nested_part(dict(inputs), rows), background, c).sizes()
        sums = [old + len(rows) * part for old, part in zip(sums, parts, strict=True)]
        total += len(rows)
    start, parts_size, end = (entry / total for entry in sums)
    return start, parts_size, end


@torch.no_grad()
def built_each(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int = 0,
) -> BuiltEach:
    """Returns what every term of the dynamics has added to every dividend of every sample.

    A[S, g] is the dividend of one observable, B_g = int_0^T dt 1/t int_0^t du exp(u L^+) L_g^+ O(t - u), whatever the
    sample. It is worked out once, a second at D = 64; after that many samples cost little more than explaining
    them.

    Arguments and errors as for `built`.
    """
    plain, result, apart = _opened(model, inputs, background, output)
    O = torch.stack([apart.O, *observables(apart)])
    encoded = plain.encode(inputs)
    kets = (encoded[name].to(torch.complex128).split(_CHUNK) for name in plain.modalities)
    values = torch.cat(
        [
            ket_algebra.coalition_values(O, chunk, result.background)
            for chunk in zip(*kets, strict=True)
        ]
    )
    parts = games.dividends(values.numpy(), len(plain.modalities))
    parts[:, 0, :2] += float(plain.bias.detach()[output])  # of the baseline
    start, end, parts = parts[..., 0], parts[..., 1], parts[..., 2:]
    return BuiltEach(
        tuple(plain.modalities),
        plain.outputs[output],
        coalition_names(plain.modalities),
        apart.parameters,
        start,
        end,
        parts,
        float(np.abs(start + parts.sum(-1) - end).max()),
        background.name,
        background.size,
    )


class Course(StrEnum):
    """What the dynamics do to the contributions."""

    NO_TERMS = "nothing evolves"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclass(frozen=True)
class CourseSummary:
    """The change of the joint contributions by the dynamics; of the own contribution where there is one modality.

    Attributes:
        kind: of course. joint: whether these are the joint contributions.
        start, end: sum of their sizes. shares: of the sizes of all changes by the title of the term, the largest first.
    """

    kind: Course
    joint: bool
    start: float
    end: float
    shares: Mapping[str, float]


def summarise(result: Built) -> CourseSummary:
    """Return how the dynamics changed the joint contributions, and which terms did it."""
    joint = np.array(["+" in name for name in result.dividends])
    which = joint if joint.any() else np.array([bool(name) for name in result.dividends])
    done = np.abs(result.parts[which]).sum(0)
    start, end = (float(np.abs(entry[which]).sum()) for entry in (result.start, result.end))
    shares = {}
    kind = Course.NO_TERMS
    if result.terms:
        kind = Course.UNCHANGED
        if done.sum() > SMALL:
            kind = Course.CHANGED
            order = np.argsort(-done, kind="stable")
            shares = {result.terms[g].title: float(done[g] / done.sum()) for g in order}
    return CourseSummary(kind, bool(joint.any()), start, end, shares)


@torch.no_grad()
def _opened(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    output: int,
) -> tuple[Evolution, JumpTerms, Apart]:
    model = base.in_double(model)
    evolution = model.evolution("that could build anything")
    check_output(model, output)
    terms = JumpTerms.of(evolution, inputs, evolution.algebra.check_background(background), output)
    return evolution, terms, Apart.of(evolution, terms, output)


def _behind(
    parts: Tensor, subset: decomposition.Subset, dims: tuple[int, ...], Y: Tensor
) -> Tensor:
    """Returns sum_k P_k^+ Y_k, (N, D, D), of P (K, a, a) that act on a subset, and Y (N, K, D, D)."""
    sides = [dims[m] for m in subset]
    outer = torch.tensordot(
        parts.conj().view(-1, *sides, *sides),
        Y.reshape(*Y.shape[:2], *dims, -1),
        ([*range(1 + len(subset))], [1, *(2 + m for m in subset)]),
    )
    return outer.movedim([*range(len(subset))], [1 + m for m in subset]).reshape(
        len(Y), *Y.shape[-2:]
    )


@dataclass(frozen=True, eq=False)
class Apart:
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
    def of(model: Evolution, jump_parameters: JumpTerms, output: int) -> Apart:
        """Takes a model apart into every H_S and the dissipation of every A."""
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
                for parts in decomposition.decomposed(term, dims)
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
        return Apart(
            generator,
            tuple(acting),
            tuple(Generator(dims, tuple(parts)) for parts in H.values()),
            L,
            tuple(states.embed(term.jumps, dims, term.subsystems) for term in generator.terms),
            model.weighted_readout(model.W[output][None]).to(dtype)[0],
            float(model.duration),
        )

    def acting(self, X: Tensor) -> Iterator[Tensor]:
        """Yields what the share of every parameter alone does to observables X (N, D, D); of a dissipation A
        sum_k 1/2 (L_k^A+ X L_k + L_k^+ X L_k^A) - 1/4 {L_k^A+ L_k + L_k^+ L_k^A, X}."""
        yield from (act(coupling, X, "observables") for coupling in self.couplings)
        dims, both = self.generator.dims, torch.cat([X, X.mH]).unsqueeze(1)
        products = [both @ jumps for jumps in self.jumps]  # the same for every A
        for subset, parts in self.dissipations.items():
            total = torch.zeros_like(X)
            for number, part in parts.items():
                first, second = _behind(part, subset, dims, products[number]).chunk(2)
                S = _behind(part, subset, dims, self.jumps[number][None])[0]
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
    """Returns R_S of every subset S, (2^M, D, D): their mean values are the dividends of the mean over the cohort."""
    dims = jump_parameters.model.dims
    sigma = jump_parameters.model.mean_state(jump_parameters.background)
    own = {(): sigma.new_ones(1, 1), **jump_parameters.mean}
    values = [
        states.embed(own[s], dims, s, ket_algebra.rest_state(sigma, dims, s))
        for s in decomposition.subsets(len(dims))
    ]
    stacked = torch.stack(values)
    parts = games.dividends(stacked.flatten(1).numpy(), len(dims))
    return torch.from_numpy(parts).view(stacked.shape)


def correlations(apart: Apart, R: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Returns F in Chebyshev polynomials of u and v, (p, q, S, G); the mean values Tr[R O] at 0 and T, (S,); and how
    many times it took."""
    for times, weights, seen, O_l in _sampled(apart):
        nodes = len(times)
        F, p = np.zeros((nodes, len(O_l), len(R), len(apart.parameters))), 0
        size = 2 * max(1, _HELD // (2 * nodes * apart.O.numel()))
        for first in range(0, len(R), size):
            R_k = _trimmed(
                combine(weights, evolve(apart.generator, R[first : first + size], times))
            )
            if R_k is None:
                break
            F[: len(R_k), :, first : first + size] = _contracted(apart, R_k, O_l)
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
        return [apart.O, *apart.O.new_zeros(len(apart.parameters), *apart.O.shape)]
    for _, _, seen, O_l in _sampled(apart):
        q = len(O_l)
        times, weights = _lobatto(apart.T, q + _SPARE)
        integrals, back = _products(q + _SPARE, q)
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


def _sampled(apart: Apart) -> Iterator[tuple[list[float], Tensor, Tensor, Tensor]]:
    """Ever more times, those that hold O(t): times, matrix to Chebyshev coefficients, O there, its coefficients."""
    for nodes in NODES:
        times, weights = _lobatto(apart.T, nodes)
        seen = evolve(apart.generator, apart.O, times, "observables")
        O_l = _trimmed(combine(weights, seen))
        if O_l is not None:
            yield times, weights, seen, O_l


def _trimmed(coefficients: Tensor) -> Tensor | None:
    """Without the last Chebyshev coefficients, which are nothing; None where they are not."""
    norms = torch.view_as_real(coefficients).flatten(1).norm(dim=1)  # of complex numbers slow
    above = int((norms > 1e-12 * norms.max()).nonzero().max())
    return coefficients[: above + 1] if above < len(norms) - 2 else None


def _contracted(apart: Apart, R: Tensor, O: Tensor) -> np.ndarray:
    """Tr[R_k,S L_g^+ O_l], (p, q, S, G), for R (p, S, D, D) and O (q, D, D): two Hermitian operators travel as one."""
    p, S, q = len(R), R.shape[1], len(O)
    left = R.transpose(-1, -2).reshape(p * S, -1)
    values = torch.empty(p, q, S, len(apart.parameters), dtype=torch.float64)
    for g, acted in enumerate(apart.acting(pack(O))):
        pairs = (left @ acted.flatten(1).mT).view(p, S, -1)  # Tr[R X_1] + i Tr[R X_2]
        values[..., g] = torch.view_as_real(pairs).flatten(2)[..., :q].transpose(1, 2)
    return values.numpy()


@lru_cache(maxsize=8)
def _lobatto(T: float, nodes: int) -> tuple[list[float], Tensor]:
    """Chebyshev-Lobatto times in [0, T], and the matrix from values there to Chebyshev coefficients."""
    x = -np.cos(np.pi * np.arange(nodes) / (nodes - 1))
    matrix = np.linalg.inv(chebyshev.chebvander(x, nodes - 1))
    return (T * ((x + 1) / 2)).tolist(), torch.from_numpy(matrix)


@lru_cache(maxsize=8)
def _products(p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """int_0^1 T_k(t s) T_l(t (1 - s)) ds at Gauss-Legendre places t in [0, 1], and the matrix from values there to
    Legendre coefficients.

    Polynomials of degree p + q - 2 in s and in t: (p + q) / 2 places give the integral, and p + q - 1 the polynomial,
    without error.
    """
    s, w = legendre.leggauss((p + q) // 2 + 1)
    s, m = (s + 1) / 2, p + q - 1
    z, v = legendre.leggauss(m)
    t = ((z + 1) / 2)[:, None]
    first = chebyshev.chebvander(2 * t * s - 1, p - 1)
    second = chebyshev.chebvander(2 * t * (1 - s) - 1, q - 1)
    integrals = np.swapaxes(first * (w / 2)[:, None], 1, 2) @ second
    back = (2 * np.arange(m) + 1)[:, None] / 2 * (legendre.legvander(z, m - 1) * v[:, None]).T
    return integrals.reshape(m, p * q), back


def _pace(F: np.ndarray) -> np.ndarray:
    """Returns a as Legendre coefficients over [0, T], (m, S, G), of F in Chebyshev coefficients."""
    p, q = F.shape[:2]
    integrals, back = _products(p, q)
    return np.asarray((back @ (integrals @ F.reshape(p * q, -1))).reshape(len(back), *F.shape[2:]))


# The smallest generator: which couplings H_S and which dissipation of A a QiNN-QJ can do without.
#
# Terms are those of `sensitivity`: a factor 0 on H_S, or on the parts L_k^A of all jump operators, takes one out, and
# what is left is a Lindblad generator in every gauge. Beginning with all, the one without which the loss of the
# choosing rows is least goes next, until nothing evolves (greedy backward elimination; every set is evaluated
# exactly, by one evolution of the read-out). How good the sets are is shown on other rows, as the share
#
#     (metric(k terms) - metric(none)) / (metric(all) - metric(none))
#
# (of none, or of one answer for all where that is better: a read-out that was learned behind an evolution can be far
# off without it), with bootstrap intervals in which all sets are resampled together, beside the same in random
# orders. A greedy order need not hold the best set of each size. As the terms were learned together, one that can be
# missed says that the others do without it now, and no more; `retrained` lets them adapt, with what was taken out
# held at zero.
#
# A second order looks at all terms at once: a gate on each, drawn anew at every step from a hard concrete distribution
# (Louizos, Welling, Kingma 2018, arXiv 1712.01312), is learned against loss + lambda E[terms left], and lambda rises
# until all have closed. The one that was open last stays longest.

PART = 0.95  # of what the generator adds, on the choosing rows, that the smallest one has
ORDERS = 20
# of the gates' training: steps, rate of Adam, log alpha at first
GATE_STEPS, GATE_RATE, OPENED = 200, 0.2, 2.0
PRICES = (1e-3, 10.0)  # lambda, first and last, of the loss that the generator takes off
TEMPERATURE, STRETCHED = 2 / 3, (-0.1, 1.1)  # of the distribution, as in the paper
Rows = tuple[Mapping[str, Features], np.ndarray]  # features of some rows, and their truth


class PruningOutcome(StrEnum):
    """Whether few terms of a generator suffice."""

    NO_GAIN = "no significant gain"  # of the whole generator on the rows that show it
    NO_TERMS = "no term helps"  # on the rows that choose
    KEEPS = "keeps part of the gain"


@dataclass(frozen=True, eq=False)
class Pruning:
    """Sets of k = 0 ... G terms of a generator; whatever has an axis (G + 1,) is by how many are left.

    Attributes:
        terms: keys of all G, in the order in which they were taken out.
        base: tweak of the model before that. metric: of `cuts.METRICS`, more is better.
        chance: the metric of one answer for all rows that chose the order.
        chosen: metric on these, (G + 1,); of which there are `choosing`.
        shown: metric on the others, with intervals, (G + 1,); of which there are `showing`.
        shares: of what the generator adds to the metric, on these, (G + 1,). gain: what it adds, (1,).
        random: metric on these by random orders, (R, G + 1).
        gated: keys in the order in which L0 gates closed. by_gates: metric on these by that order, (G + 1,).
    """

    terms: tuple[str, ...]
    base: Tweak
    metric: str
    chance: float
    chosen: np.ndarray
    choosing: int
    shown: cuts.Estimates
    showing: int
    shares: cuts.Estimates
    gain: cuts.Estimates
    random: np.ndarray
    gated: tuple[str, ...]
    by_gates: np.ndarray

    @property
    def size(self) -> int:
        """How many terms the smallest generator has: so few that it adds `PART` of what the best set does on the
        choosing rows; 0 where none adds anything."""
        gains = self.chosen - max(self.chosen[0], self.chance)
        return int(np.argmax(gains >= PART * gains.max())) if gains.max() > 0 else 0

    @property
    def outcome(self) -> PruningOutcome:
        """Whether the generator adds to the metric, and whether `size` terms keep some of it."""
        ends = (self.shares.low, self.shares.high, self.gain.low)
        if any(end is None for end in ends) or self.gain.low is None or self.gain.low[0] <= 0:
            return PruningOutcome.NO_GAIN
        return PruningOutcome.KEEPS if self.size else PruningOutcome.NO_TERMS

    def left(self, k: int) -> tuple[str, ...]:
        """Keys of the k terms that go last, the last one first."""
        return self.terms[::-1][:k]

    def tweak(self, k: int) -> Tweak:
        """Returns what leaves k terms."""
        return without(self.base, self.terms[: len(self.terms) - k])

    def frame(self) -> pd.DataFrame:
        """Returns one row a set: how many terms are left, which one goes next, and its numbers."""
        columns = {
            "terms": np.arange(len(self.chosen)),
            "next": ["", *self.terms[::-1]],
            "next_by_gates": ["", *self.gated[::-1]],
            "chosen": self.chosen,
            self.metric: self.shown.value,
            "share": self.shares.value,
        }
        if self.shares.low is not None:
            columns |= {"share_low": self.shares.low, "share_high": self.shares.high}
        return pd.DataFrame(
            columns | {"by_gates": self.by_gates, "random_mean": self.random.mean(0)}
        )


def without(tweak: Tweak, terms: Iterable[str]) -> Tweak:
    """Returns a tweak that takes terms out besides, by their keys, such as "H[text+audio]"."""
    gone: dict[str, dict[str, float]] = {"H": {}, "D": {}}
    for key in terms:
        gone[key[0]][key[2:-1]] = 0.0
    return replace(
        tweak,
        couplings={**tweak.couplings, **gone["H"]},
        dissipations={**tweak.dissipations, **gone["D"]},
    )


@torch.no_grad()
def prune(
    model: FusionModel,
    choosing: Rows,
    showing: Rows,
    kind: str,
    *,
    orders: int = ORDERS,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Pruning:
    """Returns a model's generator with fewer and fewer terms.

    Args:
        model: a trained QiNN-QJ in eval mode and double precision.
        choosing: features and truth of the rows that choose the order, such as those for validation.
        showing: of other rows, on which the sets are shown. kind: of their target, of `cuts.METRICS`.
        orders: random ones beside the greedy one. seed: of these and the bootstrap. clusters: what the rows that are
            shown share, see `stability.counts`.

    Raises:
        InvalidInput: when the model does not evolve, or truth does not fit the rows.
        NotFound: when there is no such kind of target.
    """
    moving = model.evolution("to take terms out of")
    choose("Kind of target", kind, cuts.METRICS)
    names = [
        f"{letter}[{decomposition.subset_name(subset, moving.modalities)}]"
        for letter, subsets in zip("HD", moving.term_subsets(), strict=True)
        for subset in subsets
    ]
    check(
        len(names) > 0,
        f"Argument `model` must evolve, but its evolution is '{moving.settings['evolution']}': "
        "there is no term to take out.",
    )
    tweak, random = moving.tweak or LEARNED, np.random.default_rng(seed)
    kets = [_kets(moving, *rows) for rows in (choosing, showing)]
    G = len(names)
    with progress_shown("Taking terms out") as tell:
        done, total = 0, 1 + G * (G + 1) // 2 + (orders + 2) * (G + 1) + 2 * GATE_STEPS

        def step(cost: int = 1) -> None:
            nonlocal done
            done += cost
            tell(done, total)

        def scores(gone: Iterable[str], place: int) -> np.ndarray:
            step()
            observables = moving.tweaked(without(tweak, gone)).observables()
            return (expectation(observables, kets[place]) + moving.bias).numpy()

        order: list[str] = []
        first = [scores((), 0)]
        while len(order) < G:
            options = {key: scores([*order, key], 0) for key in names if key not in order}
            best = min(options, key=lambda key: _loss(options[key], choosing[1], kind))
            order.append(best)
            first.append(options[best])
        scale = abs(_loss(first[-1], choosing[1], kind) - _loss(first[0], choosing[1], kind))
        gated = _closing(moving, kets[0], choosing[1], kind, scale, seed, lambda: step(2))
        drawn = [
            order,
            [names[place] for place in gated],
            *(random.permutation(names).tolist() for _ in range(orders)),
        ]
        second = [[scores(one[:gone], 1) for gone in range(G, -1, -1)] for one in drawn]
    metric = cuts.METRICS[kind][0]
    chosen, shown = (
        cuts.metric_columns(np.stack(some), truth, kind)
        for some, truth in (
            (first[::-1], choosing[1]),
            ([one for curve in second for one in curve], showing[1]),
        )
    )
    B = len(showing[1])
    values = cuts.with_resamples(shown, B, cuts.RESAMPLES, seed, clusters)[metric]
    curve, rest = values[:, : G + 1], values[0, G + 1 :].reshape(orders + 1, G + 1)
    least = np.maximum(curve[:, :1], cuts.chance(np.asarray(showing[1]), kind)[metric])
    gain = curve[:, -1:] - least
    return Pruning(
        tuple(order),
        tweak,
        metric,
        cuts.chance(np.asarray(choosing[1]), kind)[metric],
        cuts.resampled_metrics(chosen, np.ones((1, len(choosing[1]))))[metric][0],
        len(choosing[1]),
        cuts.estimates(curve),
        B,
        cuts.estimates((curve - least) / np.where(gain == 0, np.nan, gain)),
        cuts.estimates(gain),
        rest[1:],
        tuple(drawn[1]),
        rest[0],
    )


@torch.enable_grad()
def _closing(
    model: Evolution,
    kets: Tensor,
    truth: np.ndarray,
    kind: str,
    scale: float,
    seed: int,
    on_step: Callable[[], None],
) -> list[int]:
    """Places of the terms, of H before D, in the order in which L0 gates on them close, where the generator takes
    `scale` off the loss."""
    couplings, dissipations = model.term_subsets()
    n, G = len(couplings), len(couplings) + len(dissipations)
    with torch.no_grad():
        generator, O = decomposition.traceless(model.generator()), model.readout()
    target = torch.as_tensor(truth, dtype=torch.long if kind == "classification" else torch.float64)
    random, opened = torch.Generator().manual_seed(seed), torch.zeros(G, dtype=torch.float64)
    log_alpha = torch.full((G,), OPENED, dtype=torch.float64, requires_grad=True)
    optimiser, (low, high) = torch.optim.Adam([log_alpha], GATE_RATE), STRETCHED
    for step, price in enumerate(np.geomspace(*PRICES, GATE_STEPS) * scale):
        on_step()
        u = torch.rand(G, generator=random, dtype=torch.float64)
        drawn = ((u.logit() + log_alpha) / TEMPERATURE).sigmoid() * (high - low) + low
        gates = drawn.clamp(0, 1)
        acting = decomposition.scaled(
            generator,
            dict(zip(couplings, gates[:n], strict=True)),
            dict(zip(dissipations, gates[n:], strict=True)),
        )
        evolved = evolve(acting, O, [model.duration], "observables")[0]
        scores = expectation(evolved, kets) + model.bias
        loss = (
            torch.nn.functional.cross_entropy(scores, target)
            if kind == "classification"
            else torch.nn.functional.mse_loss(scores[:, 0], target)
        )
        is_open = (log_alpha - TEMPERATURE * math.log(-low / high)).sigmoid()
        optimiser.zero_grad()
        (loss + price * is_open.sum()).backward()
        optimiser.step()
        opened[(log_alpha.detach().sigmoid() * (high - low) + low) > 0.5] = step + 1.0
    return [int(place) for place in (opened + log_alpha.detach().sigmoid()).argsort(stable=True)]


def _kets(model: Evolution, inputs: Mapping[str, Features], truth: np.ndarray) -> Tensor:
    psi = model.product_state(model.encode(inputs)).to(torch.complex128)
    check(
        len(psi) == len(truth) > 0,
        f"Truth must have one value for each of {len(psi)} rows, one at least, but has {len(truth)}.",
    )
    return psi


def _loss(scores: np.ndarray, truth: np.ndarray, kind: str) -> float:
    """Cross-entropy of classes, mean squared error of numbers: what metrics of many rows hardly see, it does."""
    loss = "cross_entropy" if kind == "classification" else "mse"
    return float(fusing.losses(scores[:, None], np.asarray(truth), loss).mean())


def retrained(
    model: FusionModel, dataset: DataSet, tweak: Tweak, epochs: int, seed: int = 0
) -> FusionModel:
    """Returns a model whose generator was trained on from where a tweak leaves it, the terms that it takes out at zero
    all the time, as a model of its own.

    Args:
        model: a trained QiNN-QJ; it stays as it is. dataset: that it was trained on; validation rows choose the epoch.
        tweak: of `Pruning.tweak`. epochs: at most so many, with the options of the data set. seed: of their order.
    """
    own = copy.deepcopy(model).double().requires_grad_(True)
    own.evolution("to train")
    options = replace(default_options(dataset), epochs=epochs, precision="double")
    trained = loop.fit(own.tweaked(tweak), dataset, options, seed).model
    with torch.no_grad():
        state, settings = trained.baked(
            dict(trained.state_dict()), dict(trained.settings), str(tweak)
        )
    whole: FusionModel = registry.rebuild(
        trained.kind,
        {name: vars(entry) for name, entry in trained.input_specs.items()},
        trained.outputs,
        settings,
        state,
    )
    return whole.double().eval().requires_grad_(False)


def retrained_sets(
    model: FusionModel, dataset: DataSet, result: Pruning, epochs: int, seed: int = 0
) -> tuple[np.ndarray, FusionModel]:
    """Returns the metric of `result` on the test rows by how many terms were left to train on, (G + 1,), and the model
    with as many as the smallest generator has; arguments as of `retrained`."""
    G, values, smallest = len(result.terms), [], model
    for k in progress_over(range(G + 1), "Training on", G + 1, lambda _: 1):
        trained = retrained(model, dataset, result.tweak(k), epochs, seed)
        values.append(metrics.evaluate(trained, dataset, "test")[result.metric])
        smallest = trained if k == result.size else smallest
    return np.array(values), smallest
