"""What correlation between modalities does for a decision: the evolution without it (time-dependent mean field),
cuts of single moments, their effect on the test metrics, and the sentences that say so; and which modality carries a
decision, and when: its state at a moment taken from another sample.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
import scipy
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput
from qfusion.explain import stability
from qfusion.models import Features, FusionModel, decisions
from qfusion.models.backgrounds import Background
from qfusion.models.games import dividends
from qfusion.models.protocols import Evolution
from qfusion.quantum import decomposition, states
from qfusion.training import metrics

_SMALL = (
    2**17
)  # numbers of a table, a sample, that is read faster than the products of `_Rate` are done: measured


def evolve(
    H: Tensor, jumps: Tensor, own: Tensor, rest: Tensor, times: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Returns rho_a(t) (nT, B, d, d) and rho_b(t) (nT, B, r, r), complex128.

    Args:
        H: Hamiltonian (d r, d r), part a first. jumps: jump operators (K, d r, d r).
        own: states rho_a(0), (B, d, d). rest: states rho_b(0), (B, r, r).
        times: ascending, not negative.

    Raises:
        InvalidInput: when the integration does not succeed.
    """
    own, rest = (part.detach().to(torch.complex128) for part in (own, rest))
    B, d, r = len(own), own.shape[-1], rest.shape[-1]
    moments, places = np.unique(np.asarray(times, dtype=float), return_inverse=True)
    if moments[-1] == 0:
        return own.expand(len(times), B, d, d), rest.expand(len(times), B, r, r)
    rate = (_Table if d * d * r * r * (d * d + r * r) <= _SMALL * B else _Rate)(H, jumps, d, r)

    def joined(*parts: np.ndarray) -> np.ndarray:
        return np.concatenate([part.reshape(-1) for part in parts])

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        return joined(*rate(y[: B * d * d].reshape(B, d, d), y[B * d * d :].reshape(B, r, r)))

    solution = scipy.integrate.solve_ivp(
        slope,
        (0.0, float(moments[-1])),
        joined(rate.enter(own).numpy(), rate.enter(rest).numpy()),
        "DOP853",
        t_eval=moments,
        rtol=1e-8,
        atol=1e-10,
    )
    check(
        solution.success,
        f"The evolution without correlation does not converge ({solution.message}). Lower the couplings or the "
        "duration.",
    )
    y = torch.from_numpy(np.ascontiguousarray(solution.y.T))[torch.from_numpy(places.reshape(-1))]
    return (
        rate.leave(y[:, : B * d * d].reshape(-1, B, d, d)),
        rate.leave(y[:, B * d * d :].reshape(-1, B, r, r)),
    )


class _Table:
    """The slopes of both parts as one real matrix on the products of their numbers, for many samples or small parts: a
    Hermitian X stands as Re X + Im X, which keeps scalar products. For part a of L(X) = K X + X K^+ + sum_k L_k X L_k^+

        (Tr_b L(X x Y))_ij = sum S_ij,mn,ef X_mn Y_ef,
        S_ij,mn,ef = sum_k,b L_ib,me L*_jb,nf + K_if,me delta_jn + K*_je,nf delta_im,

    and for part b the same with the parts exchanged.
    """

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        K = (-1j * H - 0.5 * (jumps.mH @ jumps).sum(0)).view(d, r, d, r)
        L = jumps.view(-1, d, r, d, r)
        a = _seen(K, L)
        b = _seen(K.permute(1, 0, 3, 2), L.permute(0, 2, 1, 4, 3)).permute(0, 1, 4, 5, 2, 3)
        parts = [_real(part).reshape(-1, d * d * r * r) for part in (a, b)]
        self.numbers, self.table = d * d, torch.cat(parts).T.contiguous().numpy()

    def __call__(self, own: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        B = len(own)
        slopes = (own.reshape(B, -1, 1) * rest.reshape(B, 1, -1)).reshape(B, -1) @ self.table
        return slopes[:, : self.numbers], slopes[:, self.numbers :]

    @staticmethod
    def enter(X: Tensor) -> Tensor:
        """Hermitian matrices as real ones."""
        return X.real + X.imag

    @staticmethod
    def leave(R: Tensor) -> Tensor:
        """And back."""
        return torch.complex((R + R.mT) / 2, (R - R.mT) / 2)


def _seen(K: Tensor, L: Tensor) -> Tensor:
    """S_ij,mn,ef of the first part, (d, d, d, d, r, r)."""
    one = torch.eye(K.shape[0], dtype=K.dtype)
    return (
        torch.einsum("kibme,kjbnf->ijmnef", L, L.conj())
        + torch.einsum("ifme,jn->ijmnef", K, one)
        + torch.einsum("jenf,im->ijmnef", K.conj(), one)
    )


def _real(S: Tensor) -> Tensor:
    """S_ij,mn,ef on Hermitian matrices, as real ones."""
    half = (1 + 1j) / 2  # Re X + Im X = R is X = half R + half* R^T
    S = half * S + half.conjugate() * S.transpose(2, 3)
    S = half * S + half.conjugate() * S.transpose(4, 5)
    return S.real + S.imag


class _Rate:
    """The slopes of both parts by products of matrices. Of rho_a = sum_p w_p |p><p| the operators L_k |p> act on part b
    alone: with X_kp = (L_k |p>) rho_b,

        sum_k Tr_b L_k (rho_a x rho_b) L_k^+ = sum_kp w_p Tr_b X_kp (L_k |p>)^+,

    and for part b the same with Tr_a.
    """

    def __init__(self, H: Tensor, jumps: Tensor, d: int, r: int):
        G = (-1j * H - 0.5 * (jumps.mH @ jumps).sum(0)).view(d, r, d, r)  # G_ib,me
        L = jumps.view(-1, d, r, d, r).permute(3, 2, 0, 1, 4)  # L_k,ib,me as m, b k i e
        self.L = L.reshape(d, -1).numpy()
        self.of_a = G.permute(3, 1, 0, 2).reshape(r * r, d * d).numpy()
        self.of_b = G.permute(2, 0, 1, 3).reshape(d * d, r * r).numpy()

    def __call__(self, own: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (B, d, _), r = own.shape, rest.shape[-1]
        w, p = np.linalg.eigh(own)
        L = (p.swapaxes(1, 2) @ self.L).reshape(B, d, r, -1)
        X, L = (L.reshape(B, -1, r) @ rest).reshape(L.shape), L.conj()

        def mean(X: np.ndarray, L: np.ndarray) -> np.ndarray:  # over p
            parts = X @ L.swapaxes(2, 3)
            return (w[:, None] @ parts.reshape(B, d, -1)).reshape(B, *parts.shape[2:]) / 2

        def of_a(X: np.ndarray) -> np.ndarray:
            return X.reshape(B, d, -1, d, r).swapaxes(2, 3).reshape(B, d, d, -1)

        a = mean(of_a(X), of_a(L)) + (rest.reshape(B, -1) @ self.of_a).reshape(own.shape) @ own
        b = mean(X, L) + (own.reshape(B, -1) @ self.of_b).reshape(rest.shape) @ rest
        return a + a.conj().swapaxes(1, 2), b + b.conj().swapaxes(1, 2)

    enter = leave = staticmethod(Tensor.resolve_conj)  # as they are


# Are the correlations needed, and when? What the model would say if those of one modality were taken away at a time t.
#
#     "cut"        rho(t) -> rho_m(t) x rho_rest(t): all correlation of modality m with the rest goes
#     "dephased"   rho(t) -> sum_i (P_i x 1) rho(t) (P_i x 1), P_i the eigenprojectors of rho_m(t): all entanglement of
#                  m with the rest goes, the classical correlation of its populations stays (the channel measures, so
#                  it breaks entanglement). Quantum correlation short of entanglement (discord) goes too, so a loss is
#                  not due to entanglement alone; what is not lost needs none
#     "held"       no correlation of m with the rest ever arises up to t: each of the two feels the other's state alone
#                  (`uncorrelated`). A cut at one time leaves what correlation did before and does after it; this one,
#                  at t = T, leaves nothing of it
#
#     y_kind(t, m) = Tr[O(T - t) rho_kind(t)] + b: then the state evolves on and is read as before. Exact, not sampled.
#
# The first two keep the states rho_m(t) and rho_rest(t) themselves. So nothing changes at t = 0, where the state is a
# product, and nothing at t = T under a read-out that looks at single modalities. What changes between is what the later
# evolution makes of correlation that is there at t. "held" is the cut done over and over; it is integrated to a
# relative tolerance of 1e-8, and takes most of the time.
#
# Where eigenvalues of rho_m agree (within `EQUAL`), the basis is not defined. The mean over all bases of such an
# eigenspace is taken: X -> (X + 1 x Tr_space X) / (n + 1) for its dimension n, which is X for n = 1, breaks
# entanglement for every n, and depends on the state alone. (Dephasing onto the whole eigenspace would leave a maximally
# entangled state as it is.) An eigenvalue of 0 has nothing to dephase.
#
# It is an intervention on the state of the model, not on the data: no input need make the state that is put there.
# Horodecki, Shor and Ruskai (2003), Rev. Math. Phys. 15, 629 (channels that break entanglement).

KINDS = (
    "cut",  # all correlation of the modality with the rest is removed
    "dephased",  # all but the classical correlation of its populations: no entanglement is left
    "held",  # the modality and the rest are kept uncorrelated all the time up to then
)
DEFAULT = ("cut", "dephased")
HELD = "held"
TIMES = 21
EQUAL = 1e-8  # eigenvalues that differ by less count as equal
_HELD = 2**20  # complex numbers of the states at all times, held at once


@dataclass(frozen=True, eq=False)
class Cuts:
    """Scores of B samples after correlation was taken away at a time, for K kinds, M modalities and nT times.

    Attributes:
        modalities: those whose correlation was taken away, M of them. outputs: names, C of them. kinds: of `KINDS`, K
            of them.
        times: (nT,) in model units.
        scores: (K, M, nT, B, C), with bias. before: undisturbed, (B, C).
        coalitions: names of the subsets of all modalities of the model, "" first; none unless dividends were asked for.
        dividends: Harsanyi dividends of the scores after the cut, (K, M, nT, B, 2^M', C) for M' modalities of the
            model, and
        dividends_before: undisturbed, (B, 2^M', C); None unless asked for. They add up to the scores.
    """

    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    times: np.ndarray
    kinds: tuple[str, ...]
    scores: np.ndarray
    before: np.ndarray
    coalitions: tuple[str, ...] = ()
    dividends: np.ndarray | None = None
    dividends_before: np.ndarray | None = None

    @property
    def changes(self) -> np.ndarray:
        """Scores after the cut less undisturbed ones, (K, M, nT, B, C)."""
        return self.scores - self.before

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the mean over samples of |dividend| after the cut, (K, M, nT, 2^M', C), and undisturbed, (2^M', C).

        Raises:
            InvalidInput: when no dividends were asked for.
        """
        if self.dividends is None or self.dividends_before is None:
            raise InvalidInput(
                "These cuts hold no dividends. Give `cuts` a background, which asks for them."
            )
        return np.abs(self.dividends).mean(3), np.abs(self.dividends_before).mean(0)

    def frame(self, row: int = 0, output: int = 0) -> pd.DataFrame:
        """Returns one row a time: `t`, `undisturbed`, and `cut[text]`, `dephased[text]`, ... of a sample and output."""
        after = {
            f"{kind}[{name}]": self.scores[k, m, :, row, output]
            for m, name in enumerate(self.modalities)
            for k, kind in enumerate(self.kinds)
        }
        return pd.DataFrame({"t": self.times, "undisturbed": self.before[row, output], **after})


@torch.no_grad()
def cuts(
    model: FusionModel,
    inputs: Mapping[str, Features],
    times: Sequence[float] | np.ndarray | None = None,
    *,
    modalities: Sequence[str] | None = None,
    kinds: Sequence[str] = DEFAULT,
    background: Background | None = None,
    known: tuple[Tensor, Tensor] | None = None,
) -> Cuts:
    """Returns what a model says after a modality's correlations were taken away, for every time, modality and sample.

    With a background, the dividends too, at 2^M times the work. The value of a coalition is then the score after the
    cut of the evolved state rho_S x (mean states sigma_m of the others), whose own correlation is cut. Of the
    background only the states sigma_m are used, whatever its kind: in a joint background the modalities are correlated
    before any evolution, so that a cut at t = 0 would change the values of coalitions although the sample's own state
    is a product there.

    Args:
        model: a trained QiNN-QJ in eval mode; one that samples trajectories is evolved by the master equation.
        inputs: features of B samples.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.
        modalities: whose correlation is taken away, each on its own; all unless given. kinds: of `KINDS`; `DEFAULT`
            unless given.
        background: asks for dividends.
        known: where they are at hand, the observables O(T - t), (nT, C, D, D), and states rho(t), (nT, B, D, D), at
            these times, the first of which is 0.

    Raises:
        InvalidInput: when the model does not evolve in time or has one modality, a time is outside [0, T], what is
            known has other shapes, or the background is of another model.
        NotFound: when a modality or kind does not exist.
    """
    moving = model.evolution("to cut at")
    check(
        len(model.modalities) > 1,
        f"Argument `model` must have two modalities or more, but has one, '{model.modalities[0]}': it is "
        "correlated with nothing.",
    )
    chosen = tuple(
        choose("Modality", name, model.modalities)
        for name in dict.fromkeys(model.modalities if modalities is None else modalities)
    )
    kinds = tuple(choose("Kind of cut", kind, KINDS) for kind in dict.fromkeys(kinds))
    check(
        len(chosen) > 0 and len(kinds) > 0,
        "Arguments `modalities` and `kinds` must each name one at least, but do not. Leave them out for all.",
    )
    moments = states.times_within(times, float(moving.duration), TIMES)
    encoded = model.encode(inputs)
    start = [states.density(encoded[name]) for name in model.modalities]
    check(
        known is None
        or (
            moments[0] == 0
            and [tuple(part.shape) for part in known]
            == [
                (len(moments), n, *[math.prod(moving.dims)] * 2)
                for n in (len(model.outputs), max(map(len, start)))
            ]
        ),
        f"Argument `known` must hold observables (nT, C, D, D) and states (nT, B, D, D) of this model at the "
        f"{len(moments)} times, the first of which is 0, but does not. Leave it out.",
    )
    run = Run(
        moving,
        moments,
        [model.modalities.index(name) for name in chosen],
        kinds,
        known and known[0],
    )
    bias = model.bias.detach().double().numpy()
    scores, before = (part + bias for part in run.values(start, known and known[1]))
    result = Cuts(chosen, model.outputs, np.array(moments), kinds, scores, before)
    if background is None:
        return result
    sigma = moving.mean_state(background)
    means = [
        states.partial_trace(sigma, moving.dims, (m,)).to(rho.dtype)[None]
        for m, rho in enumerate(start)
    ]
    order, M = decomposition.subsets(len(start)), len(start)
    parts = [run.values([start[m] if m in S else means[m] for m in range(M)]) for S in order]
    after, undisturbed = (
        np.stack([np.broadcast_to(part[i], like.shape) for part in parts], -2) + bias
        for i, like in ((0, scores), (1, before))
    )
    return replace(
        result,
        coalitions=tuple(decomposition.subset_name(S, model.modalities) for S in order),
        dividends=dividends(after, M),
        dividends_before=dividends(undisturbed, M),
    )


class Run:
    """The observables O(T - t) of a model and what it takes to evolve states, worked out once for all states."""

    def __init__(
        self,
        model: Evolution,
        moments: list[float],
        places: list[int],
        kinds: tuple[str, ...],
        known: Tensor | None = None,
    ):
        self.model, self.dims, self.moments, self.kinds = model, model.dims, moments, kinds
        T = float(model.duration)
        O = (
            model.observables([*(T - t for t in reversed(moments)), T])
            if known is None
            else torch.cat([known.flip(0), known[:1]])
        ).to(torch.complex128)
        self.end = real_vectors(O[-1])
        self.views = {m: real_vectors(first_part(O[:-1].flip(0), self.dims, m)) for m in places}
        self.system = model.system() if HELD in kinds else None

    def values(
        self, factors: list[Tensor], through: Tensor | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores without bias, cut (K, M, nT, B, C) and undisturbed (B, C), of product states with these factors, (B or
        1, d, d), whose states at all times may be known, (nT, B, D, D)."""
        B, D = max(len(rho) for rho in factors), math.prod(self.dims)
        size = max(1, _HELD // (len(self.moments) * D**2))
        after, before = zip(
            *(
                self._chunk(
                    [f if len(f) == 1 else f[i : i + size] for f in factors],
                    None if through is None else through[:, i : i + size],
                )
                for i in range(0, B, size)
            ),
            strict=True,
        )
        return torch.cat(after, 3).numpy(), torch.cat(before).numpy()

    def _chunk(self, factors: list[Tensor], through: Tensor | None) -> tuple[Tensor, Tensor]:
        rho = states.kron(factors)
        if through is None:
            through = self.model.evolve_states(rho, self.moments)
        through = through.to(torch.complex128)
        scores = []
        for m, view in self.views.items():
            seen = first_part(through, self.dims, m)
            after = (
                self._held(factors, m) if kind == HELD else _CHANNELS[kind](seen)
                for kind in self.kinds
            )
            scores.append(torch.stack([real_vectors(state) @ view.mT for state in after]))
        return torch.stack(scores, 1), real_vectors(rho.to(torch.complex128)) @ self.end.mT

    def _held(self, factors: list[Tensor], m: int) -> Tensor:
        """The state (nT, B, d d, r r) when m and the rest are kept uncorrelated."""
        assert self.system is not None
        d, D = self.dims[m], math.prod(self.dims)
        H, jumps = (
            first_part(X, self.dims, m)
            .reshape(len(X), d, d, D // d, D // d)
            .transpose(2, 3)
            .reshape(len(X), D, D)
            for X in (self.system.H[None], self.system.jumps)
        )
        size = max(map(len, factors))
        own, rest = (
            part.expand(size, *part.shape[1:])
            for part in (factors[m], states.kron([f for k, f in enumerate(factors) if k != m]))
        )
        own, rest = evolve(H[0], jumps, own, rest, self.moments)
        return own.flatten(-2)[..., :, None] * rest.flatten(-2)[..., None, :]


def real_vectors(X: Tensor) -> Tensor:
    """Operators, held in the last two axes, as real vectors: the product of two Hermitian ones is Tr[X Y]."""
    return torch.view_as_real(X.resolve_conj()).flatten(-3)


def first_part(X: Tensor, dims: tuple[int, ...], m: int) -> Tensor:
    """Operators (..., D, D) as (..., d d, r r): row and column of modality m, then those of the rest."""
    left, d, right = math.prod(dims[:m]), dims[m], math.prod(dims[m + 1 :])
    b = X.ndim - 2
    return (
        X.reshape(*X.shape[:-2], left, d, right, left, d, right)
        .permute([*range(b), b + 1, b + 4, b, b + 2, b + 3, b + 5])
        .reshape(*X.shape[:-2], d * d, (left * right) ** 2)
    )


def reduced(rho: Tensor) -> Tensor:
    """rho_m as (..., d d) of states (..., d d, r r); with the last axes exchanged, rho_rest."""
    return rho[..., :: math.isqrt(rho.shape[-1]) + 1].sum(-1)  # the diagonal of the rest


def _cut(rho: Tensor) -> Tensor:
    """rho_m x rho_rest of states (..., d d, r r)."""
    return reduced(rho)[..., :, None] * reduced(rho.mT)[..., None, :]


def dephased(rho: Tensor) -> Tensor:
    """Returns states (..., d d, r r), as `first_part` splits them, after dephasing in the eigenbasis of rho_m; see the
    head of this module for equal eigenvalues."""
    d = math.isqrt(rho.shape[-2])
    own = reduced(rho).unflatten(-1, (d, d))
    values, E = torch.linalg.eigh((own + own.mH) / 2)
    # the number of each eigenvalue's space
    space = torch.diff(values, dim=-1, prepend=values[..., :1]).gt(EQUAL).cumsum(-1)
    share = (space[..., :, None] == space[..., None, :]).to(rho.dtype)
    share = share / (share.sum(-1, keepdim=True) + 1)
    # columns |e_i><e_j|
    R = (E[..., :, None, :, None] * E.conj()[..., None, :, None, :]).flatten(-4, -3).flatten(-2)
    projectors = R[..., :: d + 1]
    channel = (R * share.flatten(-2)[..., None, :]) @ R.mH + projectors @ share @ projectors.mH
    return channel @ rho


_CHANNELS = {"cut": _cut, "dephased": dephased}


# What taking correlations away costs on many samples: metrics by the time of the cut, with bootstrap intervals over
# samples.
#
# All curves are resampled together, so differences from the undisturbed model are paired.

METRICS = {"classification": ("accuracy",), "regression": ("r2", "mae"), "sims": ("acc2", "mae")}
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Estimates:
    """Values with percentile intervals.

    Attributes:
        value: of the samples themselves. low, high: of the 95 % interval, same shape; None for fewer than
            `stability.FEWEST` samples.
    """

    value: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


@dataclass(frozen=True, eq=False)
class CutMetrics:
    """Metrics of n samples after a cut, for K kinds, M modalities and nT times.

    Attributes:
        modalities, kinds, times: of the `Cuts`. n: samples.
        after: (K, M, nT) by metric, of `METRICS`; values are those of `training.metrics.of_scores`.
        before: undisturbed, shape (), by metric. losses: after less before, (K, M, nT), by metric.
        chance: the metric of one answer for all: the most frequent class, or the mean truth (for `mae` the median).
    """

    modalities: tuple[str, ...]
    kinds: tuple[str, ...]
    times: np.ndarray
    n: int
    after: dict[str, Estimates]
    before: dict[str, Estimates]
    losses: dict[str, Estimates]
    chance: dict[str, float]


def kind_of(target: Target) -> str:
    """Returns which of METRICS fit a target."""
    return "sims" if target.convention == "sims" else target.kind


def cut_metrics(
    result: Cuts,
    truth: np.ndarray,
    kind: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> CutMetrics:
    """Returns the metrics after every cut, with intervals.

    Args:
        result: cuts of B samples.
        truth: scores, or classes in 0..C-1, (B,).
        kind: "regression", "classification", or "sims": scores that are measured as those of CH-SIMS.
        resamples, seed: of the bootstrap. clusters: what the samples share, see `stability.counts`.

    Raises:
        NotFound: when there is no such kind of target.
        InvalidInput: when `truth` does not fit the samples.
    """
    choose("Kind of target", kind, METRICS)
    B = len(result.before)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    shape = result.scores.shape[:3]
    # the undisturbed ones last
    scores = np.concatenate(
        [result.scores.reshape(-1, B, result.scores.shape[-1]), result.before[None]]
    )
    columns = metric_columns(scores, np.asarray(truth), kind)
    values = with_resamples(columns, B, resamples, seed, clusters)
    after = {name: values[name][:, :-1].reshape(-1, *shape) for name in METRICS[kind]}
    before = {name: values[name][:, -1] for name in METRICS[kind]}
    losses = {name: after[name] - before[name][:, None, None, None] for name in METRICS[kind]}
    return CutMetrics(
        result.modalities,
        result.kinds,
        result.times,
        B,
        {name: estimates(part) for name, part in after.items()},
        {name: estimates(part) for name, part in before.items()},
        {name: estimates(part) for name, part in losses.items()},
        chance(np.asarray(truth), kind),
    )


def estimates(values: np.ndarray) -> Estimates:
    """Of the samples themselves, the first, and as they are drawn."""
    drawn = values[1:]
    ends = np.quantile(drawn, stability.EDGES, axis=0) if len(drawn) else (None, None)
    return Estimates(values[0], *ends)


def metric_columns(scores: np.ndarray, truth: np.ndarray, kind: str) -> dict[str, np.ndarray]:
    """What the metrics are means of, (B, F) each, of scores (F, B, C)."""
    match kind:
        case "classification":
            return {"hit": (scores.argmax(-1) == truth).astype(float).T}
        case "sims":
            p, y = np.clip(scores[..., 0], -1, 1), np.clip(truth, -1, 1)
            return {
                "side": ((p.astype(np.float32) > 0) == (y.astype(np.float32) > 0)).astype(float).T,
                "absolute": np.abs(p - y).T,
            }
        case _:
            error = (scores[..., 0] - truth).T
            return {
                "squared": error**2,
                "absolute": np.abs(error),
                "truth": (truth - truth.mean())[:, None],
            }


def with_resamples(
    columns: dict[str, np.ndarray],
    n: int,
    resamples: int,
    seed: int,
    clusters: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """The metrics (1 + R, F) of n samples themselves, first, and as they are drawn, where they are enough for that."""
    drawn = stability.counts(n, resamples, seed, clusters) if stability.enough(n, clusters) else ()
    blocks = [
        resampled_metrics(columns, weights[weights.sum(1) > 0])
        for weights in (np.ones((1, n)), *drawn)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def resampled_metrics(columns: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics (r, F) of samples with counts (r, B)."""
    n = weights.sum(1, keepdims=True)
    means = {"accuracy": "hit", "acc2": "side", "mae": "absolute"}
    values = {
        name: weights @ columns[column] / n for name, column in means.items() if column in columns
    }
    if "truth" not in columns:
        return values
    y = columns["truth"]
    variance = weights @ y**2 - (weights @ y) ** 2 / n
    varies = variance > 1e-12 * np.maximum(weights @ y**2, 1e-300)
    left = weights @ columns["squared"] / np.where(varies, variance, 1)
    return values | {"r2": np.where(varies, 1 - left, 0.0)}


def chance(truth: np.ndarray, kind: str) -> dict[str, float]:
    """Returns the metric of one answer for all: the most frequent class, or the mean truth (for `mae` the median).

    Args:
        truth: (B,). kind: as of `cuts`.
    """
    if kind == "classification":
        return {"accuracy": float(np.unique(truth, return_counts=True)[1].max() / len(truth))}
    first = {"r2": 0.0}
    if kind == "sims":
        truth = np.clip(truth, -1, 1)
        above = float((truth.astype(np.float32) > 0).mean())
        first = {"acc2": max(above, 1 - above)}
    return first | {"mae": float(np.abs(truth - np.median(truth)).mean())}


# Summaries of cuts.

SHARE = 0.1  # of the gain over one answer for all: a smaller loss is slight
SMALL = 0.02  # of the undisturbed score's size: a smaller change is negligible
SAME = 5e-4  # of a metric: an interval within it around 0 is no change


def most_moved(result: Cuts, output: int) -> str:
    """The modality whose cut moves the explained output most."""
    changes = result.changes[_place(result), :, :, 0, output]
    return result.modalities[_first_largest(np.abs(changes).max(1))]


@dataclass(frozen=True)
class LargestCut:
    """The cut that changes the explained output of a sample most.

    Attributes:
        modality: that is cut. time: of the cut. before, after: the output.
        small: whether the change is negligible.
        classical: the output with classical correlations kept; None where they were not measured or it is small.
        uncorrelated: the output if the modality is never correlated; None where it was not measured.
    """

    modality: str
    time: float
    before: float
    after: float
    small: bool
    classical: float | None
    uncorrelated: float | None


def largest_cut(result: Cuts, output: int) -> LargestCut:
    """Return the cut that changes an output of the first sample most."""
    changes = result.changes[_place(result), :, :, 0, output]
    m, i = np.unravel_index(_first_largest(np.abs(changes)), changes.shape)
    before, change = float(result.before[0, output]), float(changes[m, i])
    small = abs(change) <= max(SMALL * abs(before), 1e-9)
    classical = uncorrelated = None
    if "dephased" in result.kinds and not small:
        classical = float(result.scores[result.kinds.index("dephased"), m, i, 0, output])
    if HELD in result.kinds:
        uncorrelated = float(result.scores[result.kinds.index(HELD), m, -1, 0, output])
    return LargestCut(
        result.modalities[m],
        float(result.times[i]),
        before,
        before + change,
        small,
        classical,
        uncorrelated,
    )


def _first_largest(values: np.ndarray) -> int:
    """Place of the largest value, of equal ones (but for rounding) the first: of two modalities, a cut of either leaves
    the same state."""
    return int((values >= values.max() - 1e-9 * np.abs(values).max()).argmax())


def _place(result: Cuts | CutMetrics) -> int:
    """Return the position of plain cuts among the kinds."""
    return result.kinds.index(choose("Kind of cut", "cut", result.kinds))


class Dependence(StrEnum):
    """Whether a model needs the correlations of a modality half way through its evolution."""

    UNKNOWN = "too few samples"
    NONE = "no change"  # the whole interval is within `SAME` of 0
    NOT_SHOWN = "no significant loss"
    SLIGHT = "slight loss"  # below `SHARE` of the gain over one answer for all
    NEEDED = "needed"


@dataclass(frozen=True)
class Change:
    """A change of a metric with its interval, None where there are too few samples."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DependenceSummary:
    """The modality whose cut half way costs a metric most, and what that says.

    Attributes:
        kind: of dependence. metric: of `METRICS`. modality: that is cut. time: of the cut. n: samples.
        change: of the metric. classical: the change with classical correlations kept. uncorrelated: if the modality is
            never correlated; both None where they were not measured.
        largest_loss: upper end of the interval of the loss, at least 0.
    """

    kind: Dependence
    metric: str
    modality: str
    time: float
    n: int
    change: Change
    classical: Change | None
    uncorrelated: Change | None
    largest_loss: float


def dependence(result: CutMetrics, metric: str | None = None) -> DependenceSummary:
    """Return whether a model needs the correlations half way, over many samples.

    The time is fixed and of the modalities the one is named that costs most, so that hardly anything is selected by its
    size.
    """
    metric = metric or next(iter(result.after))
    loss, i, cut = result.losses[metric], len(result.times) // 2, _place(result)
    sign = -1 if metrics.describe[metric].higher_is_better else 1
    m = _first_largest(sign * loss.value[cut, :, i])
    change = _change(loss, cut, m, i)
    classical = uncorrelated = None
    if "dephased" in result.kinds:
        classical = _change(loss, result.kinds.index("dephased"), m, i)
    if HELD in result.kinds:
        uncorrelated = _change(loss, result.kinds.index(HELD), m, len(result.times) - 1)
    kind, largest_loss = Dependence.UNKNOWN, 0.0
    if change.low is not None and change.high is not None:
        least, most = sorted((sign * change.low, sign * change.high))
        largest_loss = max(most, 0.0)
        gain = abs(float(result.before[metric].value) - result.chance[metric])
        if max(abs(least), abs(most)) < SAME:
            kind = Dependence.NONE
        elif least <= 0:
            kind = Dependence.NOT_SHOWN
        elif abs(change.value) >= SHARE * gain:
            kind = Dependence.NEEDED
        else:
            kind = Dependence.SLIGHT
    return DependenceSummary(
        kind,
        metric,
        result.modalities[m],
        float(result.times[i]),
        result.n,
        change,
        classical,
        uncorrelated,
        largest_loss,
    )


def _change(loss: Estimates, *place: int) -> Change:
    """Return a change at a place of its arrays."""
    if loss.low is None or loss.high is None:
        return Change(float(loss.value[place]), None, None)
    return Change(float(loss.value[place]), float(loss.low[place]), float(loss.high[place]))


# Which modality carries a decision, and when: its state at a time t taken from another sample, put into this one's
# evolution, evolved on and read.
#
# For samples A and B, with evolved states rho^A(t), rho^B(t) and the read-out O(T - t) of what is left of the
# evolution,
#
#     "local"     y(t, m) = y_A + Tr[O(T - t) ((rho_m^B(t) - rho_m^A(t)) x rho_rest^A(t))],
#     "product"   y(t, m) = Tr[O(T - t) (rho_m^B(t) x rho_rest^A(t))] + b.
#
# Both put the state rho_m^B(t) in the place of rho_m^A(t) and leave that of the rest. "product" throws the
# correlation of A away besides, so that A patched with itself is the cut and not A; the two differ by exactly what
# that cut does, y_cut - y_A. "local" changes the own part alone and leaves the correlation rho^A - rho_m^A x
# rho_rest^A, so that A patched with itself is A: it is the default. What it puts there has trace 1 and the marginals
# that are said, but need not be positive (of a pure entangled rho^A it is not): a response of the score, which is
# linear in the state, and no state that could be prepared. At t = 0 states are products, both are the same, and are
# the other sample's modality. At T a read-out that looks at single modalities sees what the patched one says alone.
#
# Instead of a sample B the mean over a background: as everything is linear, rho_m^B(t) is the reduced state of its
# evolved mean state.
#
# Patching (causal tracing) of activations: Vig et al. (2020), arXiv 2004.12265; Meng et al. (2022), arXiv 2202.05262.
# A share restored of 1 means that B's score is reached; shares of modalities and times do not add up.

PATCH_KINDS = ("local", "product")
PATCH_DEFAULT = "local"


@dataclass(frozen=True, eq=False)
class Patches:
    """Scores of B samples after a modality's state at a time was taken from another sample, for the K kinds of
    `PATCH_KINDS`, M modalities and nT times.

    Attributes:
        modalities, outputs: names, M and C of them.
        times: (nT,) in model units.
        scores: with bias, (K, M, nT, B, C).
        before: of the samples themselves, (B, C). donor: of those that lent their states, or of the background's mean
            state, (B, C).
    """

    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    times: np.ndarray
    scores: np.ndarray
    before: np.ndarray
    donor: np.ndarray

    @property
    def leads(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By how much the sample's class leads the donor's (of two that are decided alike, the score of the class, of a
        single output the score), after the patch (K, M, nT, B), before and of the donor (B,)."""
        own, other = (decisions.decisions(scores) for scores in (self.before, self.donor))
        if len(self.outputs) == 1:
            own = np.zeros_like(own)
        rows = np.arange(len(own))
        apart = (own != other) & (len(self.outputs) > 1)

        def lead(scores: np.ndarray) -> np.ndarray:
            against = np.where(apart, scores[..., rows, np.where(apart, other, 0)], 0.0)
            return np.asarray(scores[..., rows, own] - against)

        return lead(self.scores), lead(self.before), lead(self.donor)

    @property
    def restored(self) -> np.ndarray:
        """The change of the lead as a share of what the donor differs by, (K, M, nT, B); NaN where it does not."""
        after, before, donor = self.leads
        gap = donor - before
        differs = np.abs(gap) > 1e-9
        return np.where(differs, (after - before) / np.where(differs, gap, 1), np.nan)

    @property
    def turned(self) -> np.ndarray:
        """Whether the patch turns the decision: another class, or another sign of a single score, (K, M, nT, B)."""
        return decisions.decisions(self.scores) != decisions.decisions(self.before)

    def frame(self, row: int = 0) -> pd.DataFrame:
        """Returns one row a kind, modality and time of a pair: `output[...]`, `restored` and `turned`."""
        places = pd.MultiIndex.from_product(
            [[*PATCH_KINDS], self.modalities, self.times.tolist()], names=["kind", "modality", "t"]
        )
        flat = self.scores[..., row, :].reshape(-1, len(self.outputs))
        columns = {f"output[{name}]": flat[:, c] for c, name in enumerate(self.outputs)}
        shares, turned = (values[..., row].ravel() for values in (self.restored, self.turned))
        return pd.DataFrame(
            columns | {"restored": shares, "turned": turned}, index=places
        ).reset_index()


@torch.no_grad()
def patches(
    model: FusionModel,
    inputs: Mapping[str, Features],
    donor: Mapping[str, Features] | Background,
    times: Sequence[float] | np.ndarray | None = None,
) -> Patches:
    """Returns what a model says of samples when a modality's state is taken from others at a time, for every time and
    modality. Sequences may be of any lengths: what is exchanged are states, which all samples have of one dimension.

    Args:
        model: a trained QiNN-QJ in eval mode; one that samples trajectories is evolved by the master equation.
        inputs: features of B samples.
        donor: features of B others, or of one for all; or a background, whose mean state lends.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model does not evolve in time or has one modality, a time is outside [0, T], there are
            neither B donors nor one, or the background is of another model.
    """
    moving = model.evolution("to patch its states at")
    names = model.modalities
    check(
        len(names) > 1,
        f"Argument `model` must have two modalities or more, but has one, '{names[0]}': to exchange it "
        "is to take the other sample.",
    )
    moments = states.times_within(times, float(moving.duration), TIMES)
    run = Run(moving, moments, list(range(len(names))), ())
    bias = model.bias.detach().double().numpy()
    starts = [_start(moving, given) for given in (inputs, donor)]
    B, lent = map(len, starts)
    check(
        lent in (1, B),
        f"Argument `donor` must hold {B} samples, one for each, or one for all, but holds {lent}.",
    )
    before, theirs = (real_vectors(rho) @ run.end.mT for rho in starts)
    through = [moving.evolve_states(rho, moments).to(torch.complex128) for rho in starts]
    parts = []
    for m, view in run.views.items():
        own, other = (first_part(rho, run.dims, m) for rho in through)
        local, rest = reduced(other), reduced(own.mT)[..., None, :]
        parts += [
            real_vectors(entry[..., :, None] * rest) @ view.mT
            for entry in (local - reduced(own), local)
        ]
    scores = torch.stack(parts).unflatten(0, (-1, len(PATCH_KINDS))).transpose(0, 1).numpy()
    scores[0] += before.numpy()
    return Patches(
        names,
        model.outputs,
        np.array(moments),
        scores + bias,
        before.numpy() + bias,
        np.broadcast_to(theirs.numpy() + bias, before.shape),
    )


def _start(model: Evolution, given: Mapping[str, Features] | Background) -> Tensor:
    """States (B, D, D) of samples before the evolution, or the mean state of a background."""
    if isinstance(given, Mapping):
        return states.density(model.product_state(model.encode(given)).to(torch.complex128))
    return model.mean_state(given).to(torch.complex128)[None]


class PatchOutcome(StrEnum):
    """Whether the state of a single modality from another sample flips a decision."""

    SAME_OUTPUT = "same output"  # of both samples, so that no difference can be restored
    NO_FLIP = "no flip"
    FLIPS = "flips"


@dataclass(frozen=True)
class PatchSummary:
    """Which modality's state flips a decision, and which comes nearest to the other sample's output.

    Attributes:
        outcome: of the patches. modality, time, restored: of the patch nearest to the other output.
        flips: whether each time flips the decision, (nT,), by modality of those that do.
        times: (nT,).
    """

    outcome: PatchOutcome
    modality: str
    time: float
    restored: float
    flips: Mapping[str, np.ndarray]
    times: np.ndarray


def summarise_patches(result: Patches, row: int = 0, kind: str = PATCH_DEFAULT) -> PatchSummary:
    """Return which modality's state flips a decision, and when.

    Args:
        result: of `patches`. row: of the pair. kind: of `PATCH_KINDS`.

    Raises:
        NotFound: when there is no such kind.
    """
    place = PATCH_KINDS.index(choose("Kind of patch", kind, PATCH_KINDS))
    restored, turned = result.restored[place, ..., row], result.turned[place, ..., row]
    flips = {modality: turned[m] for m, modality in enumerate(result.modalities) if turned[m].any()}
    m = i = 0
    outcome = PatchOutcome.SAME_OUTPUT
    if np.isfinite(restored).all():
        outcome = PatchOutcome.FLIPS if flips else PatchOutcome.NO_FLIP
        m, i = map(int, np.unravel_index(np.abs(restored - 1).argmin(), restored.shape))
    return PatchSummary(
        outcome,
        result.modalities[m],
        float(result.times[i]),
        float(restored[m, i]),
        flips,
        result.times,
    )
