"""Remove the correlations of one modality with the rest at a time t: are they needed for a decision, and when?

    "cut"        rho(t) -> rho_m(t) x rho_rest(t): all correlation of modality m with the rest is removed
    "dephased"   rho(t) -> sum_i (P_i x 1) rho(t) (P_i x 1), P_i the eigenprojectors of rho_m(t): all entanglement of
                 m with the rest is removed, the classical correlation of its populations stays (the channel measures,
                 so it breaks entanglement). Quantum correlation short of entanglement (discord) is removed too, so a
                 loss is not due to entanglement alone; a decision that does not change needs neither
    "held"       no correlation of m with the rest ever arises up to t: each of the two feels the other's state alone
                 (`mean_field`). A cut at one time leaves the effects of correlation before and after it; this one,
                 at t = T, leaves none of them

    y_kind(t, m) = Tr[O(T - t) rho_kind(t)] + b: then the state evolves on and is read as before. Exact, not sampled.

The first two keep the states rho_m(t) and rho_rest(t) themselves. So nothing changes at t = 0, where the state is a
product, and nothing at t = T under a read-out of single modalities. Changes between show how the later evolution uses
correlation that is there at t. "held" is the cut done over and over; it is integrated to a relative tolerance of 1e-8,
and takes most of the time.

Where eigenvalues of rho_m agree (within `EQUAL`), the basis is not defined. The mean over all bases of such an
eigenspace is taken: X -> (X + 1 x Tr_space X) / (n + 1) for its dimension n, which is X for n = 1, breaks entanglement
for every n, and depends on the state alone. (Dephasing onto the whole eigenspace would leave a maximally entangled
state as it is.) An eigenvalue of 0 has nothing to dephase.

It is an intervention on the state of the model, not on the data: no input need make the resulting state. Horodecki,
Shor and Ruskai (2003), Rev. Math. Phys. 15, 629 (channels that break entanglement).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.models import Features, FusionModel
from qfusion.models.coalition_algebra import dividends
from qfusion.models.inputs import Background
from qfusion.models.protocols import Evolution
from qfusion.plugins.why.cuts.mean_field import evolve_mean_field
from qfusion.quantum import decomposition, states

KINDS = (
    "cut",  # all correlation of the modality with the rest is removed
    "dephased",  # all but the classical correlation of its populations: no entanglement is left
    "held",  # the modality and the rest are kept uncorrelated all the time up to then
)
DEFAULT = ("cut", "dephased")
HELD = "held"
TIMES = 21
EQUAL = 1e-8  # eigenvalues that differ by less count as equal
MAX_NUMBERS = 2**20  # complex numbers of the states at all times, held at once


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
        """Return the mean over samples of |dividend| after the cut, (K, M, nT, 2^M', C), and undisturbed, (2^M', C).

        Raises:
            InvalidInput: when no dividends were asked for.
        """
        if self.dividends is None or self.dividends_before is None:
            raise InvalidInput(
                "These cuts hold no dividends. Give `cut_correlations` a background, which asks for them."
            )
        return np.abs(self.dividends).mean(3), np.abs(self.dividends_before).mean(0)

    def frame(self, row: int = 0, output: int = 0) -> pd.DataFrame:
        """Return one row a time: `t`, `undisturbed`, and `cut[text]`, `dephased[text]`, ... of a sample and output."""
        after = {
            f"{kind}[{name}]": self.scores[k, m, :, row, output]
            for m, name in enumerate(self.modalities)
            for k, kind in enumerate(self.kinds)
        }
        return pd.DataFrame({"t": self.times, "undisturbed": self.before[row, output], **after})


@torch.no_grad()
def cut_correlations(
    model: FusionModel,
    inputs: Mapping[str, Features],
    times: Sequence[float] | np.ndarray | None = None,
    *,
    modalities: Sequence[str] | None = None,
    kinds: Sequence[str] = DEFAULT,
    background: Background | None = None,
    known: tuple[Tensor, Tensor] | None = None,
) -> Cuts:
    """Return the scores of a model after a modality's correlations were removed, for every time, modality and sample.

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
    moving = model.require(Evolution, "to cut at")
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
    moments = states.choose_times(times, float(moving.duration), TIMES)
    encoded = model.encode(inputs)
    start = [states.density(encoded[name]) for name in model.modalities]
    if known is not None:
        side = math.prod(moving.dims)
        shapes = [
            (len(moments), len(model.outputs), side, side),
            (len(moments), max(map(len, start)), side, side),
        ]
        check(
            moments[0] == 0 and [tuple(part.shape) for part in known] == shapes,
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
    order = decomposition.subsets(len(start))
    M = len(start)
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
    """Observables O(T - t) of a model and the quantities needed to evolve states, computed once for all states."""

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
        """Return scores without bias, cut (K, M, nT, B, C) and undisturbed (B, C), of product states with these
        factors, (B or 1, d, d). The states at all times, (nT, B, D, D), may be given if they are known.
        """
        B = max(len(rho) for rho in factors)
        D = math.prod(self.dims)
        size = max(1, MAX_NUMBERS // (len(self.moments) * D**2))
        after = []
        before = []
        for i in range(0, B, size):
            chunk = [f if len(f) == 1 else f[i : i + size] for f in factors]
            known = None if through is None else through[:, i : i + size]
            cut, undisturbed = self._chunk(chunk, known)
            after.append(cut)
            before.append(undisturbed)
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
                self._uncorrelated_states(factors, m) if kind == HELD else _CHANNELS[kind](seen)
                for kind in self.kinds
            )
            scores.append(torch.stack([real_vectors(state) @ view.mT for state in after]))
        return torch.stack(scores, 1), real_vectors(rho.to(torch.complex128)) @ self.end.mT

    def _uncorrelated_states(self, factors: list[Tensor], m: int) -> Tensor:
        """Return the state (nT, B, d d, r r) if m and the rest are kept uncorrelated."""
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
        own, rest = evolve_mean_field(H[0], jumps, own, rest, self.moments)
        return own.flatten(-2)[..., :, None] * rest.flatten(-2)[..., None, :]


def real_vectors(X: Tensor) -> Tensor:
    """Return operators (..., D, D) as real vectors; the product of two Hermitian ones is Tr[X Y]."""
    return torch.view_as_real(X.resolve_conj()).flatten(-3)


def first_part(X: Tensor, dims: tuple[int, ...], m: int) -> Tensor:
    """Return the operators (..., D, D) as (..., d d, r r): row and column of modality m, then those of the rest."""
    left = math.prod(dims[:m])
    d = dims[m]
    right = math.prod(dims[m + 1 :])
    b = X.ndim - 2
    return (
        X.reshape(*X.shape[:-2], left, d, right, left, d, right)
        .permute([*range(b), b + 1, b + 4, b, b + 2, b + 3, b + 5])
        .reshape(*X.shape[:-2], d * d, (left * right) ** 2)
    )


def reduced_state(rho: Tensor) -> Tensor:
    """Return rho_m as (..., d d) of states (..., d d, r r), or rho_rest if the last axes are exchanged."""
    return rho[..., :: math.isqrt(rho.shape[-1]) + 1].sum(-1)  # the diagonal of the rest


def cut_first(rho: Tensor) -> Tensor:
    """rho_m x rho_rest of states (..., d d, r r)."""
    return reduced_state(rho)[..., :, None] * reduced_state(rho.mT)[..., None, :]


def dephase_first(rho: Tensor) -> Tensor:
    """Return states (..., d d, r r), as `first_part` splits them, after dephasing in the eigenbasis of rho_m; see the
    head of this module for equal eigenvalues."""
    d = math.isqrt(rho.shape[-2])
    own = reduced_state(rho).unflatten(-1, (d, d))
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


_CHANNELS = {"cut": cut_first, "dephased": dephase_first}
