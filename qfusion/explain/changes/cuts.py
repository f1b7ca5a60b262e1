"""Are the correlations needed, and when? What the model would say if those of one modality were taken away at a time t.

    "cut"        rho(t) -> rho_m(t) x rho_rest(t): all correlation of modality m with the rest goes
    "dephased"   rho(t) -> sum_i (P_i x 1) rho(t) (P_i x 1), P_i the eigenprojectors of rho_m(t): all entanglement of m
                 with the rest goes, the classical correlation of its populations stays (the channel measures, so it
                 breaks entanglement). Quantum correlation short of entanglement (discord) goes too, so a loss is not
                 due to entanglement alone; what is not lost needs none
    "held"       no correlation of m with the rest ever arises up to t: each of the two feels the other's state alone
                 (`uncorrelated`). A cut at one time leaves what correlation did before and does after it; this one, at
                 t = T, leaves nothing of it

    y_kind(t, m) = Tr[O(T - t) rho_kind(t)] + b: then the state evolves on and is read as before. Exact, not sampled.

The first two keep the states rho_m(t) and rho_rest(t) themselves. So nothing changes at t = 0, where the state is a
product, and nothing at t = T under a read-out that looks at single modalities. What changes between is what the later
evolution makes of correlation that is there at t. "held" is the cut done over and over; it is integrated to a relative
tolerance of 1e-8, and takes most of the time.

Where eigenvalues of rho_m agree (within `EQUAL`), the basis is not defined. The mean over all bases of such an
eigenspace is taken: X -> (X + 1 x Tr_space X) / (n + 1) for its dimension n, which is X for n = 1, breaks entanglement
for every n, and depends on the state alone. (Dephasing onto the whole eigenspace would leave a maximally entangled
state as it is.) An eigenvalue of 0 has nothing to dephase.

It is an intervention on the state of the model, not on the data: no input need make the state that is put there.
Horodecki, Shor and Ruskai (2003), Rev. Math. Phys. 15, 629 (channels that break entanglement).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.explain.changes import uncorrelated
from qfusion.explain.contributions.background import AnyBackground, Background
from qfusion.explain.contributions.games import dividends as harsanyi
from qfusion.models.abilities import require
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum import states
from qfusion.quantum.decomposition import subset_name, subsets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfusion.models import FusionModel
    from qfusion.models.encoders import Features

KINDS: dict[str, str] = {
    "cut": "All correlation of the modality with the rest is taken away.",
    "dephased": "All but the classical correlation of the modality's populations is taken away: no entanglement is "
    "left.",
    "held": "The modality and the rest are kept uncorrelated all the time up to then.",
}
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
        columns = {
            "t": self.times,
            "undisturbed": np.full(len(self.times), self.before[row, output]),
        }
        columns |= {
            f"{kind}[{name}]": self.scores[k, m, :, row, output]
            for m, name in enumerate(self.modalities)
            for k, kind in enumerate(self.kinds)
        }
        return pd.DataFrame(columns)


def cuts(
    model: FusionModel,
    inputs: Mapping[str, Features],
    times: Sequence[float] | np.ndarray | None = None,
    *,
    modalities: Sequence[str] | None = None,
    kinds: Sequence[str] = DEFAULT,
    background: AnyBackground | None = None,
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

    Raises:
        InvalidInput: when the model does not evolve in time or has one modality, a time is outside [0, T], or the
            background is of another model.
        NotFound: when a modality or kind does not exist.
    """
    moving = require(model, "time", "to cut at")
    chosen, wanted = _chosen(moving, modalities, kinds)
    moments = _moments(times, float(moving.duration))
    with torch.no_grad():
        encoded = model.encode(inputs)
        kets = [encoded[name] for name in model.modalities]
        run = _Run(moving, moments, [model.modalities.index(name) for name in chosen], wanted)
        start, bias = [states.density(ket) for ket in kets], model.bias.detach().double().numpy()
        scores, before = (part + bias for part in run.values(start))
        if background is None:
            return Cuts(chosen, model.outputs, np.array(moments), wanted, scores, before)
        means = _means(moving, background, start)
        order = subsets(len(kets))
        parts = [
            run.values([start[m] if m in S else means[m] for m in range(len(kets))]) for S in order
        ]
    after, undisturbed = (
        np.stack([np.broadcast_to(part[i], like.shape) for part in parts], -2) + bias
        for i, like in ((0, scores), (1, before))
    )
    names = tuple(subset_name(S, model.modalities) for S in order)
    return Cuts(
        chosen,
        model.outputs,
        np.array(moments),
        wanted,
        scores,
        before,
        names,
        harsanyi(after, len(kets)),
        harsanyi(undisturbed, len(kets)),
    )


def _chosen(
    model: QuantumJump, modalities: Sequence[str] | None, kinds: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    check(
        len(model.modalities) > 1,
        f"Argument `model` must have two modalities or more, but has one, '{model.modalities[0]}': it is "
        "correlated with nothing.",
    )
    names = tuple(model.modalities) if modalities is None else tuple(dict.fromkeys(modalities))
    for name in names:
        choose("Modality", name, model.modalities)
    for kind in kinds:
        choose("Kind of cut", kind, KINDS)
    check(
        len(names) > 0 and len(kinds) > 0,
        "Arguments `modalities` and `kinds` must each name one at least, but do not. Leave them out for all.",
    )
    return names, tuple(dict.fromkeys(kinds))


def _moments(times: Sequence[float] | np.ndarray | None, duration: float) -> list[float]:
    if times is None:
        return [float(t) for t in np.linspace(0.0, duration, TIMES)]
    moments = [float(t) for t in times]
    check(
        len(moments) > 0,
        "Argument `times` must hold one time at least, but is empty. Leave it out for 21 times.",
    )
    outside = [f"{t:g}" for t in moments if not 0 <= t <= duration * (1 + 1e-12)]
    check(
        not outside,
        f"Argument `times` must lie in [0, {duration:g}], the time that the model evolves for, but holds "
        f"{', '.join(outside[:6])}. Leave these out.",
    )
    check(
        moments == sorted(moments),
        f"Argument `times` must be ascending, but is {moments[:6]}. Sort it.",
    )
    return [min(t, duration) for t in moments]


def _means(model: QuantumJump, background: AnyBackground, start: list[Tensor]) -> list[Tensor]:
    """The background's mean state of every modality, (1, d, d)."""
    if not isinstance(background, Background) or background.dims != model.dims:
        raise InvalidInput(
            "Argument `background` comes from another kind of model, or of other dimensions. Make it with this model."
        )
    return [
        states.partial_trace(background.sigma, model.dims, (m,)).to(rho.dtype)[None]
        for m, rho in enumerate(start)
    ]


class _Run:
    """The observables O(T - t) of a model and what it takes to evolve states, worked out once for all states."""

    def __init__(
        self, model: QuantumJump, moments: list[float], places: list[int], kinds: tuple[str, ...]
    ):
        self.model, self.moments, self.places, self.kinds, self.dims = (
            model,
            moments,
            places,
            kinds,
            model.dims,
        )
        T = float(model.duration)
        O = model.observables([*(T - t for t in reversed(moments)), T]).to(torch.complex128)
        self.end = _flat(O[-1])
        evolved = O[:-1].flip(0)
        self.views = {m: _flat(_first(evolved, self.dims, m)) for m in places}
        self.system = model.system() if HELD in kinds else None

    def values(self, factors: list[Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Scores without bias, cut (K, M, nT, B, C) and undisturbed (B, C), of product states with these factors, (B or
        1, d, d)."""
        B, D = max(len(rho) for rho in factors), math.prod(self.dims)
        size = max(1, _HELD // (len(self.moments) * D**2))
        parts = []
        for i in range(0, B, size):
            chunk = [f if len(f) == 1 else f[i : i + size] for f in factors]
            rho = _kron(chunk)
            parts.append((self._chunk(rho, chunk), _flat(rho.to(torch.complex128)) @ self.end.mT))
        after, before = zip(*parts, strict=True)
        return torch.cat(after, 3).numpy(), torch.cat(before).numpy()

    def _chunk(self, rho: Tensor, factors: list[Tensor]) -> Tensor:
        through = self.model.evolve_states(rho, self.moments).to(torch.complex128)
        found = []
        for m in self.places:
            seen = _first(through, self.dims, m)
            states_after = (
                self._held(factors, m) if kind == HELD else _CHANNELS[kind](seen)
                for kind in self.kinds
            )
            found.append(torch.stack([_flat(state) @ self.views[m].mT for state in states_after]))
        return torch.stack(found, 1)

    def _held(self, factors: list[Tensor], m: int) -> Tensor:
        """The state (nT, B, d d, r r) when m and the rest are kept uncorrelated."""
        assert self.system is not None
        d, D = self.dims[m], math.prod(self.dims)
        H, jumps = (
            _first(X, self.dims, m)
            .reshape(len(X), d, d, D // d, D // d)
            .transpose(2, 3)
            .reshape(len(X), D, D)
            for X in (self.system.H[None], self.system.jumps)
        )
        size = max(map(len, factors))
        own, rest = (
            part.expand(size, *part.shape[1:])
            for part in (factors[m], _kron([f for k, f in enumerate(factors) if k != m]))
        )
        own, rest = uncorrelated.evolve(H[0], jumps, own, rest, self.moments)
        return own.flatten(-2)[..., :, None] * rest.flatten(-2)[..., None, :]


def _flat(X: Tensor) -> Tensor:
    """Operators, held in the last two axes, as real vectors: the product of two Hermitian ones is Tr[X Y]."""
    return torch.view_as_real(X.resolve_conj()).flatten(-3)


def _first(X: Tensor, dims: tuple[int, ...], m: int) -> Tensor:
    """Operators (..., D, D) as (..., d d, r r): row and column of modality m, then those of the rest."""
    left, d, right = math.prod(dims[:m]), dims[m], math.prod(dims[m + 1 :])
    b = X.ndim - 2
    order = [*range(b), b + 1, b + 4, b, b + 2, b + 3, b + 5]
    return (
        X.reshape(*X.shape[:-2], left, d, right, left, d, right)
        .permute(order)
        .reshape(*X.shape[:-2], d * d, (left * right) ** 2)
    )


def _kron(factors: list[Tensor]) -> Tensor:
    """Products (B, D, D) of factors (B or 1, d, d)."""
    total = factors[0]
    for factor in factors[1:]:
        b, side = max(len(total), len(factor)), total.shape[-1] * factor.shape[-1]
        total = (total[:, :, None, :, None] * factor[:, None, :, None, :]).reshape(b, side, side)
    return total


def _reduced(rho: Tensor) -> Tensor:
    """rho_m as (..., d d) of states (..., d d, r r); with the last axes exchanged, rho_rest."""
    r = math.isqrt(rho.shape[-1])
    return rho[..., :: r + 1].sum(-1)  # the diagonal of the rest


def _cut(rho: Tensor) -> Tensor:
    """rho_m x rho_rest of states (..., d d, r r)."""
    return _reduced(rho)[..., :, None] * _reduced(rho.mT)[..., None, :]


def _dephased(rho: Tensor) -> Tensor:
    """States (..., d d, r r) after dephasing in the eigenbasis of rho_m; see the head of this module for equal
    eigenvalues."""
    d = math.isqrt(rho.shape[-2])
    own = _reduced(rho).unflatten(-1, (d, d))
    values, E = torch.linalg.eigh((own + own.mH) / 2)
    # the number of each eigenvalue's space
    space = torch.diff(values, dim=-1, prepend=values[..., :1]).gt(EQUAL).cumsum(-1)
    share = (space[..., :, None] == space[..., None, :]).to(rho.dtype)
    share = share / (share.sum(-1, keepdim=True) + 1)
    R = (
        (E[..., :, None, :, None] * E.conj()[..., None, :, None, :]).flatten(-4, -3).flatten(-2)
    )  # columns |e_i><e_j|
    projectors = R[..., :: d + 1]
    channel = (R * share.flatten(-2)[..., None, :]) @ R.mH + projectors @ share @ projectors.mH
    return channel @ rho


_CHANNELS = {"cut": _cut, "dephased": _dephased}
