"""Which modality carries a decision, and when: its state at a time t taken from another sample, put into this one's
evolution, evolved on and read.

For samples A and B, with evolved states rho^A(t), rho^B(t) and the read-out O(T - t) of what is left of the evolution,

    "local"     y(t, m) = y_A + Tr[O(T - t) ((rho_m^B(t) - rho_m^A(t)) x rho_rest^A(t))],
    "product"   y(t, m) = Tr[O(T - t) (rho_m^B(t) x rho_rest^A(t))] + b.

Both put the state rho_m^B(t) in the place of rho_m^A(t) and leave that of the rest. "product" throws the correlation of
A away besides, so that A patched with itself is the cut of `cuts` and not A; the two differ by exactly what that cut
does, y_cut - y_A. "local" changes the own part alone and leaves the correlation rho^A - rho_m^A x rho_rest^A, so that
A patched with itself is A: it is the default. What it puts there has trace 1 and the marginals that are said, but need
not be positive (of a pure entangled rho^A it is not): a response of the score, which is linear in the state, and no
state that could be prepared. At t = 0 states are products, both are the same, and are the other sample's modality. At T
a read-out that looks at single modalities sees what the patched one says alone.

Instead of a sample B the mean over a background: as everything is linear, rho_m^B(t) is the reduced state of its
evolved mean state.

Patching (causal tracing) of activations: Vig et al. (2020), arXiv 2004.12265; Meng et al. (2022), arXiv 2202.05262. A
share restored of 1 means that B's score is reached; shares of modalities and times do not add up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._sentences import listed, share
from qfusion.explain import backgrounds, cuts
from qfusion.models import Features, FusionModel, base, require
from qfusion.quantum import states

KINDS: dict[str, str] = {
    "local": "The modality's own state is exchanged; its correlation with the rest stays.",
    "product": "The modality's own state is exchanged, and its correlation with the rest is taken away.",
}
DEFAULT = "local"
SMALL = 1e-9  # a difference of scores below it is none


@dataclass(frozen=True, eq=False)
class Patches:
    """Scores of B samples after a modality's state at a time was taken from another sample, for the K kinds of `KINDS`,
    M modalities and nT times.

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
        own, other = (_decisions(scores) for scores in (self.before, self.donor))
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
        differs = np.abs(gap) > SMALL
        return np.where(differs, (after - before) / np.where(differs, gap, 1), np.nan)

    @property
    def turned(self) -> np.ndarray:
        """Whether the patch turns the decision: another class, or another sign of a single score, (K, M, nT, B)."""
        return _decisions(self.scores) != _decisions(self.before)

    def frame(self, row: int = 0) -> pd.DataFrame:
        """Returns one row a kind, modality and time of a pair: `scores` by output, `restored` and `turned`."""
        places = pd.MultiIndex.from_product(
            [[*KINDS], self.modalities, self.times.tolist()], names=["kind", "modality", "t"]
        )
        flat = self.scores[..., row, :].reshape(-1, len(self.outputs))
        columns = {f"score[{name}]": flat[:, c] for c, name in enumerate(self.outputs)}
        shares, turned = (values[..., row].ravel() for values in (self.restored, self.turned))
        frame = pd.DataFrame(columns | {"restored": shares, "turned": turned}, index=places)
        return frame.reset_index()


def _decisions(scores: np.ndarray) -> np.ndarray:
    """Classes, or 1 for a positive single score, of scores (..., C)."""
    if scores.shape[-1] == 1:
        return np.asarray(scores[..., 0] > 0).astype(int)
    return np.asarray(scores.argmax(-1))


def patches(
    model: FusionModel,
    inputs: Mapping[str, Features],
    donor: Mapping[str, Features] | backgrounds.AnyBackground,
    times: Sequence[float] | np.ndarray | None = None,
) -> Patches:
    """Returns what a model says of samples when a modality's state is taken from others at a time, for every time and
    modality. Sequences may be of any lengths: what is exchanged are states, which all samples have of one dimension.

    Args:
        model: a trained QiNN-QJ in eval mode; one that samples trajectories is evolved by the master equation.
        inputs: features of B samples.
        donor: features of B others, or of one for all; or a background, whose mean state lends.
        times: ascending, in [0, T]; `cuts.TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model does not evolve in time or has one modality, a time is outside [0, T], there are
            neither B donors nor one, or the background is of another model.
    """
    moving = require(model, "time", "to patch its states at")
    names = model.modalities
    check(
        len(names) > 1,
        f"Argument `model` must have two modalities or more, but has one, '{names[0]}': to exchange it "
        "is to take the other sample.",
    )
    moments = states.times_within(times, float(moving.duration), cuts.TIMES)
    with torch.no_grad():
        run = cuts.Run(moving, moments, list(range(len(names))), ())
        bias = model.bias.detach().double().numpy()
        starts = [_start(moving, given) for given in (inputs, donor)]
        B, lent = map(len, starts)
        check(
            lent in (1, B),
            f"Argument `donor` must hold {B} samples, one for each, or one for all, but holds {lent}.",
        )
        before, theirs = (cuts.real_vectors(rho) @ run.end.mT for rho in starts)
        through = [moving.evolve_states(rho, moments).to(torch.complex128) for rho in starts]
        parts = []
        for m, view in run.views.items():
            own, other = (cuts.first_part(rho, run.dims, m) for rho in through)
            local, rest = cuts.reduced(other), cuts.reduced(own.mT)[..., None, :]
            parts += [
                cuts.real_vectors(entry[..., :, None] * rest) @ view.mT
                for entry in (local - cuts.reduced(own), local)
            ]
    scores = torch.stack(parts).unflatten(0, (-1, len(KINDS))).transpose(0, 1).numpy()
    scores[0] += before.numpy()
    return Patches(
        names,
        model.outputs,
        np.array(moments),
        scores + bias,
        before.numpy() + bias,
        np.broadcast_to(theirs.numpy() + bias, before.shape),
    )


def _start(
    model: base.KetModel, given: Mapping[str, Features] | backgrounds.AnyBackground
) -> Tensor:
    """States (B, D, D) of samples before the evolution, or the mean state of a background."""
    if isinstance(given, Mapping):
        return states.density(model.product_state(model.encode(given)).to(torch.complex128))
    sigma: Tensor = backgrounds.fitting(model, given).sigma
    return sigma.to(torch.complex128)[None]


# What patches say, in a sentence.


def answer(
    result: Patches,
    row: int = 0,
    kind: str = DEFAULT,
    donor: str = "the other sample",
    name: Callable[[str], str] = str,
) -> str:
    """Which modality's state turns a decision and until when it does, as a title.

    Args:
        result: of `patches`. row: of the pair. kind: of `KINDS`.
        donor: how the other sample is called. name: how a modality is written.

    Raises:
        NotFound: when there is no such kind.
    """
    place = [*KINDS].index(choose("Kind of patch", kind, KINDS))
    restored, turned = result.restored[place, ..., row], result.turned[place, ..., row]
    if not np.isfinite(restored).all():
        return f"The scores of both are the same: no state of {donor} can restore a difference"
    m, i = np.unravel_index(int(restored.argmax()), restored.shape)
    most = (
        f"{name(result.modalities[m])} restores most, {share(float(restored[m, i]))} of the "
        f"difference at t = {result.times[i]:.2f}"
    )
    turning = [
        f"{name(modality)} {_when(turned[k], result.times)}"
        for k, modality in enumerate(result.modalities)
        if turned[k].any()
    ]
    if not turning:
        return f"No single modality's state from {donor} turns the decision; {most}"
    verb = "turns" if len(turning) == 1 else "each turn"
    return f"Taken from {donor}, {listed(turning)} {verb} the decision; {most}"


def _when(turned: np.ndarray, times: np.ndarray) -> str:
    """At which of the times a decision turns: `"at any time"`, `"until t = 0.40"`, `"at 5 of 21 times"`."""
    if turned.all():
        return "at any time"
    first, last = times[turned][0], times[turned][-1]
    if first == last:
        return f"at t = {first:.2f}"
    if (np.diff(np.flatnonzero(turned)) > 1).any():
        return f"at {turned.sum()} of {len(times)} times"
    return f"until t = {last:.2f}" if turned[0] else f"from t = {first:.2f} to {last:.2f}"
