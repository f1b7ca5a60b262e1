"""A sample with changed modalities: what the changes are, the states they lead to, and what the model then says. Free of streamlit."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace, softmax
from qfusion.data import Audio, Content, Image, Text
from qfusion.data.sources.planted import editing
from qfusion.explain.changes import counterfactual, flips, forms, interventions

KEPT, SWAP, DROP, INPUT, STATE, FLIP = "as it is", "swap", "drop", "edit input", "edit state", "nearest flip"


@dataclass(frozen=True)
class Change:
    """What is done to one modality; hashable, so that it keys caches.

    Attributes:
        action: KEPT, SWAP, ... donor: id of the sample swapped with.
        words: an edited sentence. controls: changes of voice or face by name.
        state: masses (n,), weights of the basis states (d,), or of a qubit the angles (theta, phi) of its Bloch vector.
    """

    action: str = KEPT
    donor: str = ""
    words: str = ""
    controls: tuple[tuple[str, float], ...] = ()
    state: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """What the model says with the changes.

    Attributes:
        outcome: scores and dividends. states: of every modality, (1, ...).
        contents: raw content that was made anew or taken from another sample, by modality.
        truth: the planted score without noise, where the changes leave it known.
    """

    outcome: interventions.Outcome
    states: dict[str, torch.Tensor]
    contents: dict[str, Content]
    truth: float | None

    def terms(self, work: Workspace, output: int) -> dict[str, float]:
        """Baseline and dividends of one score, keyed by coalition."""
        return {term: float(self.outcome.dividends[i, output]) for i, term in enumerate(work.coalitions)}

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores, (C,)."""
        return softmax(self.outcome.scores)


def actions(work: Workspace, modality: str) -> tuple[str, ...]:
    """What can be done to a modality of these data."""
    raw = editing.recipe_of(work.dataset) is not None and modality in ("text", *editing.CONTROLS)
    return (KEPT, SWAP, DROP, *((INPUT,) if raw else ()), STATE, FLIP)


@memo(4, background=False)
def fixed(work: Workspace) -> Any:
    """The workspace's model, sharing its weights, that does not evolve its observables again."""
    other = copy.copy(work.model)
    if work.can("kets"):
        with torch.no_grad():
            O = work.model.observables()
        other.__dict__["observables"] = lambda times=None: O
    return other


def own_states(work: Workspace, row: int) -> dict[str, torch.Tensor]:
    """The modality states of one sample, (1, ...)."""
    return forms.states_of(work.model, work.dataset.inputs([row], dtype=torch.float64))


@memo(64)
def with_changes(work: Workspace, row: int, changes: tuple[Change, ...]) -> Result:
    """The sample with its modalities changed, in the model's order.

    Raises:
        InvalidInput, NotFound: naming what does not fit.
    """
    model = fixed(work)
    inputs = work.dataset.inputs([row], dtype=torch.float64)
    own = forms.states_of(work.model, inputs)
    states, dropped = dict(own), []
    contents: dict[str, Content] = {}
    for name, change in zip(work.modalities, changes, strict=True):
        if change.action == SWAP:
            donor = work.dataset.row(change.donor)
            states[name] = own_states(work, donor)[name]
            found = work.dataset.content(donor)
            contents |= {name: found[name]} if name in found else {}
        elif change.action == DROP:
            dropped.append(name)
        elif change.action == INPUT:
            edit = edited(work, row, name, change)
            contents[name] = edit.content
            states[name] = forms.states_of(work.model, {**inputs, name: features(edit)})[name]
        elif change.action == STATE:
            states[name] = set_state(own[name], change.state)
        elif change.action == FLIP:
            states[name] = counterfactual.nearest_state(model, own, name).state[None]
        else:
            choose("Action", change.action, (KEPT,))
    outcome = interventions.outcome(model, inputs, work.background, states, dropped)
    return Result(outcome, states, contents, _truth(work, row, changes))


def edited(work: Workspace, row: int, modality: str, change: Change) -> editing.Edit:
    """The raw content of a planted modality made anew, with its features."""
    made = editing.recipe_of(work.dataset)
    check(made is not None, "Raw input can be edited where this project makes it: in the data set 'planted'. Choose another change.")
    assert made is not None
    if modality == "text":
        return editing.with_words(change.words)
    make = editing.with_voice if modality == "audio" else editing.with_face
    return make(made, row, dict(change.controls))


def features(edit: editing.Edit) -> Any:
    """An edit's features as the model takes them."""
    values = torch.from_numpy(np.asarray(edit.values)).double()
    if edit.lengths is None:
        return values
    return values, torch.arange(values.shape[1]) < torch.from_numpy(np.asarray(edit.lengths))[:, None]


def set_state(own: torch.Tensor, numbers: tuple[float, ...]) -> torch.Tensor:
    """A state (1, ...) from what a reader set: masses; weights, keeping the phases; or Bloch angles of a qubit."""
    values = torch.tensor(numbers, dtype=torch.float64)
    if not own.is_complex():
        return values[None]
    if own.shape[-1] == 2:
        theta, phi = values
        return torch.stack([torch.cos(theta / 2).to(own.dtype), torch.polar(torch.sin(theta / 2), phi).to(own.dtype)])[None]
    total = float(values.sum())
    check(total > 0, "The weights of the basis states must not all be zero. Raise one of them.")
    phases = torch.where(own.abs() > 0, own / own.abs().clamp_min(1e-300), torch.ones_like(own))
    return phases * (values / total).sqrt()


def shown_state(own: torch.Tensor) -> tuple[float, ...]:
    """The numbers of `set_state` that a state (1, ...) has."""
    state = own[0]
    if not own.is_complex():
        return tuple(state.tolist())
    if len(state) == 2:
        relative = state[1] * state[0].conj()
        return (2 * float(torch.atan2(state[1].abs(), state[0].abs())), float(torch.angle(relative)) if relative.abs() > 0 else 0.0)
    return tuple(state.abs().square().tolist())


def _truth(work: Workspace, row: int, changes: tuple[Change, ...]) -> float | None:
    """The planted score without noise; not known of a dropped modality, an edited voice, face or state."""
    if editing.recipe_of(work.dataset) is None:
        return None
    latents = []
    for name, change in zip(work.modalities, changes, strict=True):
        at = work.dataset.row(change.donor) if change.action == SWAP else row
        if change.action == INPUT and name == "text":
            latents.append(editing.with_words(change.words).latent)
        elif change.action in (KEPT, SWAP):
            latents.append(float(work.dataset.table[f"latent_{name}"].iloc[at]))
        else:
            return None
    return editing.true_score(np.array(latents, dtype=float))


@dataclass(frozen=True, eq=False)
class Flip:
    """What of one modality would turn the decision: the nearest state of all, and the nearest that a sample has."""

    state: counterfactual.StateChange
    donor: interventions.Donor
    donor_id: str


@memo(4, background=False, says="Working out the state of every sample …")
def every_state(work: Workspace) -> dict[str, torch.Tensor]:
    """The modality states of all samples, (N, ...)."""
    return forms.states_of(work.model, work.dataset.inputs(dtype=torch.float64))


@memo(64, background=False, says="Looking for the nearest state that turns the decision …")
def what_would_flip(work: Workspace, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model, everyone, own, found = fixed(work), every_state(work), own_states(work, row), {}
    for name in work.modalities:
        donor = interventions.nearest_donor(model, own, name, everyone[name])
        found[name] = Flip(counterfactual.nearest_state(model, own, name), donor,
                           str(work.dataset.ids[donor.row]) if donor.row >= 0 else "")
    return found


@memo(2, background=False, says="Following every knob over its range, once for this model, about ten seconds …")
def knob_table(work: Workspace) -> Any:
    """What `flips.nearest_knobs` uses again for every sample."""
    return flips.table(work.model) if work.can("time") else None


@memo(32, background=False, says="Turning every knob for this sample …")
def knobs_that_flip(work: Workspace, row: int) -> flips.Search:
    """For each knob of the physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return flips.nearest_knobs(work.model, own_states(work, row), knob_table(work))


def piece_of(content: Content) -> str:
    """What a content is called."""
    return {Text: "words", Audio: "recording", Image: "picture"}.get(type(content), "curve")
