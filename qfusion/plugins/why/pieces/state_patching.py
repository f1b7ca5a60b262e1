"""State patching: the modality that carries a decision, and when, by taking its state at a time from another sample.

The patched state evolves on and is read. For samples A and B, with evolved states rho^A(t), rho^B(t) and the read-out
O(T - t) of the rest of the evolution,

    "local"     y(t, m) = y_A + Tr[O(T - t) ((rho_m^B(t) - rho_m^A(t)) x rho_rest^A(t))],
    "product"   y(t, m) = Tr[O(T - t) (rho_m^B(t) x rho_rest^A(t))] + b.

Both put the state rho_m^B(t) in the place of rho_m^A(t) and leave that of the rest. "product" removes the correlation
of A besides, so that A patched with itself is the cut and not A; the two differ by exactly the effect of that cut,
y_cut - y_A. "local" changes the own part alone and leaves the correlation rho^A - rho_m^A x rho_rest^A, so that A
patched with itself is A: it is the default. Its result has trace 1 and the given marginals, but need not be positive
(of a pure entangled rho^A it is not): it is a response of the score, which is linear in the state, and no state that
could be prepared. At t = 0 states are products, both are the same, and are the other sample's modality. At T a read-out
of single modalities sees the patched one alone.

Instead of a sample B the mean over a background: as everything is linear, rho_m^B(t) is the reduced state of its
evolved mean state.

Patching (causal tracing) of activations: Vig et al. (2020), arXiv 2004.12265; Meng et al. (2022), arXiv 2202.05262. A
share restored of 1 means that B's score is reached; shares of modalities and times do not add up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import Features, FusionModel, terms
from qfusion.models.inputs import Background
from qfusion.models.protocols import Evolution
from qfusion.plugins.why.cuts.state_cuts import TIMES, Run, first_part, real_vectors, reduced_state
from qfusion.quantum import states

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
        """Lead of the sample's class over the donor's class after the patch (K, M, nT, B), before the patch (B,) and
        for the donor (B,). It is the score of the class if both have the same decision, and the score itself if
        there is a single output.
        """
        own, other = (terms.decisions(scores) for scores in (self.before, self.donor))
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
        """Change of the lead as a fraction of the difference between donor and sample, (K, M, nT, B), or NaN if they
        do not differ.
        """
        after, before, donor = self.leads
        gap = donor - before
        differs = np.abs(gap) > 1e-9
        return np.where(differs, (after - before) / np.where(differs, gap, 1), np.nan)

    @property
    def turned(self) -> np.ndarray:
        """Whether the patch turns the decision: another class, or another sign of a single score, (K, M, nT, B)."""
        return terms.decisions(self.scores) != terms.decisions(self.before)

    def frame(self, row: int = 0) -> pd.DataFrame:
        """Return one row a kind, modality and time of a pair: `output[...]`, `restored` and `turned`."""
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
def patch_states(
    model: FusionModel,
    inputs: Mapping[str, Features],
    donor: Mapping[str, Features] | Background,
    times: Sequence[float] | np.ndarray | None = None,
) -> Patches:
    """Return the scores of a model after a modality's state was replaced with that of other samples at a time, for
    every time and modality. Sequences may have any lengths, because states are exchanged and these have the same
    dimension for all samples.

    Args:
        model: a trained QiNN-QJ in eval mode; one that samples trajectories is evolved by the master equation.
        inputs: features of B samples.
        donor: features of B others, or of one for all; or a background, whose mean state lends.
        times: ascending, in [0, T]; `TIMES` of them, evenly, unless given.

    Raises:
        InvalidInput: when the model does not evolve in time or has one modality, a time is outside [0, T], there are
            neither B donors nor one, or the background is of another model.
    """
    moving = model.require(Evolution, "to patch its states at")
    names = model.modalities
    check(
        len(names) > 1,
        f"Argument `model` must have two modalities or more, but has one, '{names[0]}': to exchange it "
        "is to take the other sample.",
    )
    moments = states.choose_times(times, float(moving.duration), TIMES)
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
        local = reduced_state(other)
        rest = reduced_state(own.mT)[..., None, :]
        parts += [
            real_vectors(entry[..., :, None] * rest) @ view.mT
            for entry in (local - reduced_state(own), local)
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
    """Modalities whose state flips a decision, and the modality whose state comes nearest to the other sample's output.

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
        result: of `patch_states`. row: of the pair. kind: of `PATCH_KINDS`.

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
