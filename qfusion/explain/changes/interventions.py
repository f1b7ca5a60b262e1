"""The decision on one sample with the states of its modalities set, and some modalities left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.changes import forms, search
from qfusion.explain.changes.counterfactual import decision, distance
from qfusion.explain.contributions.background import AnyBackground
from qfusion.explain.contributions.coalitions import explain
from qfusion.models import FusionModel, can, nested
from qfusion.models.encoders import Features
from qfusion.quantum.decomposition import subsets


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model says of set states.

    Attributes:
        scores: (C,), with bias; with modalities left out, their mean over the background.
        dividends: (2^M, C); they add up to the scores. Those of modalities left out are zero.
        decision: see `counterfactual.decision`.
    """

    scores: np.ndarray
    dividends: np.ndarray
    decision: int


def outcome(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: AnyBackground,
    states: Mapping[str, Any],
    dropped: Collection[str] = (),
) -> Outcome:
    """Returns scores and dividends for given modality states of one sample.

    A modality that is left out takes the background's states: the score is then the value v(S) of the coalition of the
    others, which is the sum of their dividends.

    Args:
        inputs: of one sample that fits the model; only its form counts.
        states: (1, d_m) kets or (1, n) masses of every modality, or what it comes to in another model.
        dropped: modalities that are left out.

    Raises:
        NotFound: when `dropped` names a modality that does not exist.
        InvalidInput: when a state is missing, of another form, or not normalised.
    """
    for name in dropped:
        choose("Modality", name, model.modalities)
    own = forms.states_of(model, inputs)
    for name in model.modalities:
        check(
            name in states and _form(states[name]) == _form(own[name]),
            f"Argument `states` must hold `{name}` with {_form(own[name])}, but does not.",
        )
        if can(model, "states"):
            _check_state(name, states[name])
    found = explain(forms.with_states(model, states), inputs, background)
    out = {model.modalities.index(name) for name in dropped}
    kept = np.array([not out & set(subset) for subset in subsets(len(model.modalities))])
    dividends = np.where(kept[:, None], found.dividends[0], 0.0)
    scores = dividends.sum(0)
    return Outcome(scores, dividends, decision(scores))


def _form(state: Any) -> str:
    return ", ".join(f"shape {tuple(each.shape)} and {each.dtype}" for each in nested.leaves(state))


def _check_state(name: str, state: Tensor) -> None:
    if state.is_complex():
        norm = float(torch.linalg.vector_norm(state))
        check(
            abs(norm - 1) < 1e-6,
            f"Argument `states[{name}]` must be a ket of norm 1, but has norm {norm:.3g}. Normalise it.",
        )
    else:
        check(
            bool(((state >= 0) & (state <= 1)).all()),
            f"Argument `states[{name}]` must hold masses in [0, 1], but does not.",
        )


@dataclass(frozen=True, eq=False)
class Donor:
    """The sample whose state of one modality, of all that would turn the decision, is nearest; and how many would.

    Attributes:
        row: its place among the candidates; -1 where none turns the decision.
        distance: of its state, radians. scores: (C,) after the swap, from the model run again.
        turning, tried: how many candidates turn the decision, of how many.
        verified: whether the model, run again, decides otherwise.
    """

    row: int
    distance: float
    scores: np.ndarray
    turning: int
    tried: int
    verified: bool


def nearest_donor(
    model: FusionModel, states: Mapping[str, Any], modality: str, candidates: Any
) -> Donor:
    """Returns the sample that turns the decision by lending its state of one modality, the nearest of all.

    Args:
        states: of the sample, (1, ...) each.
        candidates: states of the modality of others, (N, d_m) kets or (N, n) masses, or what it comes to in another
            model.
    """
    count = nested.length(candidates)
    before = decision(forms.scores_of(model, states)[0])
    if can(model, "states"):
        scores = forms.value(forms.score_form(model, states, modality).detach(), candidates)
    else:
        scores = forms.scores_of(
            model,
            {
                **{name: nested.tiled(state, count) for name, state in states.items()},
                modality: candidates,
            },
        )
    turned = (
        (scores[:, 0] > 0).int() != before if scores.shape[1] == 1 else scores.argmax(1) != before
    )
    if not bool(turned.any()):
        return Donor(-1, float("inf"), np.asarray(scores[0]) * np.nan, 0, count, False)
    far = torch.where(
        turned,
        distance(states[modality], candidates)
        if can(model, "states")
        else torch.linalg.vector_norm(
            search.flat(candidates) - search.flat(states[modality]), dim=-1
        ),
        torch.inf,
    )
    row = int(far.argmin())
    after = forms.scores_of(
        model, {**states, modality: nested.part(candidates, slice(row, row + 1))}
    )[0].numpy()
    return Donor(row, float(far[row]), after, int(turned.sum()), count, decision(after) != before)
