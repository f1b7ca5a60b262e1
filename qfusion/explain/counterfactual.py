"""The smallest change of one modality's state that flips a decision, with a verification.

A decision is the sign of the score where there is one (positive above zero), else the class with the largest score.
Where the scores are forms of the modality's state (`models.algebra.ModalityForm`), the nearest state is found on these:
for kets exactly (`models.jump.ket_forms`), for masses by gradients from many starts (`models.network.mass_forms`). Of
any other model the modality's encoding is changed by gradients, see `gradient_search`; where none is found, there may
still be one. Every reported change is verified by running the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import coalitions
from qfusion.explain.gradient_search import fill_state, flat, nearest
from qfusion.models import Features, FusionModel, base, nested
from qfusion.models.algebra import ModalityForm
from qfusion.models.backgrounds import Background
from qfusion.models.decisions import boundaries, decision
from qfusion.models.jump.ket_forms import HermitianForm
from qfusion.models.network.mass_forms import MultilinearForm
from qfusion.models.parts import missing_part
from qfusion.models.protocols import StateModel
from qfusion.models.terms import Turn


def nearest_state(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any = None
) -> StateChange:
    """Return the smallest change of one modality's state that turns the decision on one sample.

    Args:
        model: in eval mode.
        states: of the sample, one row each, as `encode_samples` returns them.
        modality: the one whose state may change.
        ends: encodings of the modality in other samples, from which a search by gradients starts, too.

    Raises:
        NotFound: when there is no such modality.
        InvalidInput: when `states` does not hold one sample.
    """
    model = base.to_double(model)
    states = detach_double(states)
    choose("Modality", modality, model.modalities)
    check(
        all(nested.nested_length(states[name]) == 1 for name in model.modalities),
        "Argument `states` must hold one sample, but holds several.",
    )
    form = model.algebra.form(modality)
    if form is None:
        return _nearest_encoding(model, states, modality, ends)
    return _nearest_on_form(model, states, modality, form)


@dataclass(frozen=True, eq=False)
class StateChange(Turn):
    """Nearest state of one modality that flips the decision, or the finding that no such state exists.

    Attributes:
        modality: the one whose state changes; all others stay.
        possible: whether any state of it turns the decision; the other fields but `reach` have no meaning where not.
        state: the nearest one, ket (d,), masses (n,), or the numbers of an encoding, (k,).
        distance: Fubini-Study angle of kets, Euclidean norm of the change of the angles theta of masses; radians. Of an
            encoding the Euclidean norm of its change.
        exact: whether the distance is the global optimum, or the best that was found.
        reach: how near the boundary this modality alone can come, in units of the score: >= 0 where possible.
    """

    modality: str
    possible: bool
    state: Tensor
    distance: float
    exact: bool
    reach: float


def _nearest_on_form(
    model: FusionModel, states: Mapping[str, Tensor], modality: str, form: ModalityForm
) -> StateChange:
    before = score_encodings(model, states)[0].numpy()
    own = states[modality][0]
    matrices = score_form(model, states, modality).detach()
    best, reach = form.nearest_state(boundaries(matrices, before), own)
    if best is None:
        return StateChange(before, before, modality, False, own, math.inf, form.is_exact, reach)
    with torch.no_grad():
        after = model.algebra.reference_scores({**states, modality: best[None]})[0].numpy()
    size = float(form.distance(own, best))
    return StateChange(before, after, modality, True, best, size, form.is_exact, reach)


def _nearest_encoding(
    model: FusionModel, states: Mapping[str, Any], modality: str, ends: Any
) -> StateChange:
    before = score_encodings(model, states)[0].numpy()
    own = flat(states[modality])[0]
    known = None if ends is None else flat(ends)
    best = nearest(model, states, modality, decision(before), known)
    if best is None:
        return StateChange(before, before, modality, False, own, math.inf, False, -math.inf)
    turning = {**states, modality: fill_state(states[modality], best[None])}
    after = score_encodings(model, turning)[0].numpy()
    size = float((best - own).nan_to_num().norm())
    return StateChange(before, after, modality, True, best, size, False, 0.0)


@torch.no_grad()
def encode_samples(model: FusionModel, inputs: Mapping[str, Features]) -> dict[str, Any]:
    """Return the encodings of the modalities in double precision: kets (B, d_m), masses (B, n), or others."""
    return detach_double(model.encode(inputs))


@torch.no_grad()
def score_encodings(model: FusionModel, states: Mapping[str, Any]) -> Tensor:
    """Return the scores (B, C), with bias, of given encodings."""
    return model.scores(detach_double(states))


def detach_double(states: Mapping[str, Any]) -> dict[str, Any]:
    """Return encodings in double precision, without their gradients."""
    return nested.nested_mapped(_detach_double, dict(states))


def _detach_double(entry: Tensor) -> Tensor:
    if entry.is_complex():
        return entry.detach().to(torch.complex128)
    return entry.detach().double() if entry.is_floating_point() else entry.detach()


def score_form(model: FusionModel, states: Mapping[str, Tensor], modality: str) -> Tensor:
    """Return the scores as forms of one modality's state, with the other states fixed: (C, d, d) complex or (C, 2^n).

    Args:
        model: one whose scores are forms of the modality's state.
        states: of one sample, (1, d_m) kets or (1, n) masses.
        modality: the one whose state varies.
    """
    form = _form(model, modality)
    return form.assemble(score_encodings(model, _insert_probes(states, modality, form.probes)))


def dividend_forms(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    modality: str,
) -> Tensor:
    """Return the Harsanyi dividends of one sample as forms of one modality's state.

    Args:
        model, modality: see `score_form`.
        inputs: of one sample.
        background: of the same model.

    Returns:
        Forms (2^M, C, d, d) complex or (2^M, C, 2^n).

    Raises:
        InvalidInput: when an EntangledQCNN has so many elements and modalities that the forms would take minutes.
    """
    form = _form(model, modality)
    probes = form.probes
    count, most = len(probes) * 2 ** len(model.modalities), form.max_coalitions
    check(
        most is None or count <= most,
        f"Forms of the dividends need {count:,} coalitions here, more than {most or 0:,}. Ask for the score instead.",
    )
    states = _insert_probes(encode_samples(model, inputs), modality, probes)
    dividends = coalitions.explain_states(model, states, background).dividends
    return form.assemble(torch.from_numpy(dividends))


def value(form: Tensor, state: Tensor) -> Tensor:
    """Return the values (B, ...) of forms of kets (..., d, d) or masses (..., 2^n) at states (B, d) or (B, n)."""
    return _modality_form(form, state).value(form, state)


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the distance of kets (..., d) or masses (..., n) in radians: Fubini-Study angle, or norm of the angles."""
    return _modality_form(first, first).distance(first, second)


def _modality_form(numbers: Tensor, state: Tensor) -> ModalityForm:
    size = state.shape[-1]
    return HermitianForm(size) if numbers.is_complex() else MultilinearForm(size)


def _form(model: FusionModel, modality: str) -> ModalityForm:
    choose("Modality", modality, model.modalities)
    form = model.algebra.form(modality)
    if form is None:
        raise missing_part(model, StateModel)
    return form


def _insert_probes(
    states: Mapping[str, Tensor], modality: str, probes: Tensor
) -> dict[str, Tensor]:
    return {
        name: probes if name == modality else state.expand(len(probes), -1)
        for name, state in states.items()
    }
