"""A sample with changed modalities: what the changes are, the states they lead to, and what the model then says. Free
of streamlit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.analysis import backgrounds
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace, softmax
from qfusion.data import Content, Text
from qfusion.data.modality import split_term
from qfusion.data.sources.planted import editing
from qfusion.explain import counterfactual, interventions, sensitivity

KEPT, SWAP, DROP, INPUT, STATE, FLIP = ACTIONS = (
    "as it is",
    "swap",
    "drop",
    "edit input",
    "edit state",
    "nearest flip",
)
Asked = Mapping[str, Mapping[str, Any]]  # by modality, see `asked`
STEP = 0.001  # of a slider of a state


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
        return {
            term: float(self.outcome.dividends[i, output]) for i, term in enumerate(work.coalitions)
        }

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores, (C,)."""
        return softmax(self.outcome.scores)


def actions(work: Workspace, modality: str) -> tuple[str, ...]:
    """What can be done to a modality of these data."""
    raw = editing.recipe_of(work.dataset) is not None and modality in ("text", *editing.CONTROLS)
    return (
        KEPT,
        SWAP,
        DROP,
        *((INPUT,) if raw else ()),
        *((STATE,) if work.can("states") else ()),
        FLIP,
    )


def asked(work: Workspace, row: int, wanted: Asked) -> tuple[Change, ...]:
    """The changes of one sample, in the model's order of the modalities.

    Args:
        work: the model on its data.
        row: of the sample.
        wanted: by modality its "action", and for a swap the "donor" (`backgrounds.default_contrast` unless told), for
            an edited sentence its "words" (its own unless told), for an edited voice or face the "controls" by name,
            for an edited state numbers of "state" by place; a number that is within half a step of the sample's own
            leaves it exactly as it is. A flip that is not possible is none.

    Raises:
        NotFound, InvalidInput: when there is no such modality, action or place.
    """
    for name in wanted:
        choose("Modality", name, work.modalities)
    return tuple(_asked(work, row, name, **wanted.get(name, {})) for name in work.modalities)


def _asked(
    work: Workspace,
    row: int,
    name: str,
    action: str = KEPT,
    donor: str = "",
    words: str | None = None,
    controls: Mapping[str, float] | None = None,
    state: Mapping[int, float] | None = None,
) -> Change:
    choose("Action", action, ACTIONS)
    if action == SWAP:
        return Change(SWAP, donor=donor or backgrounds.default_contrast(work, row))
    if action == INPUT and name == "text":
        return Change(INPUT, words=own_words(work, row) if words is None else words)
    if action == INPUT:
        return Change(INPUT, controls=tuple((controls or {}).items()))
    if action == STATE:
        return Change(STATE, state=_moved(shown_state(own_states(work, row)[name]), state or {}))
    if action == FLIP and not what_would_flip(work, row)[name].state.possible:
        return Change()
    return Change(action)


def own_words(work: Workspace, row: int) -> str:
    """What was said in a sample; nothing where its words are not known."""
    spoken = work.dataset.content(row).get("text")
    return spoken.text if isinstance(spoken, Text) else ""


def _moved(own: tuple[float, ...], to: Mapping[int, float]) -> tuple[float, ...]:
    """The numbers of a state with some of them moved."""
    wrong = [place for place in to if not 0 <= place < len(own)]
    check(
        not wrong,
        f"The state has {len(own)} numbers, counted from 0, but none in place {wrong[:1]}.",
    )
    return tuple(
        to[i] if i in to and abs(to[i] - round(value, 3)) > STEP / 2 else value
        for i, value in enumerate(own)
    )


@memo(4, background=False)
def fixed(work: Workspace) -> Any:
    """The workspace's model, sharing its weights, that does not evolve its observables again."""
    other = copy.copy(work.model)
    if work.can("kets"):
        with torch.no_grad():
            O = work.model.observables()
        other.__dict__["observables"] = lambda times=None: O
    return other


def own_states(work: Workspace, row: int) -> dict[str, Any]:
    """The modality states of one sample, (1, ...)."""
    return counterfactual.states_of(work.model, work.inputs([row]))


@memo(64)
def with_changes(work: Workspace, row: int, changes: tuple[Change, ...]) -> Result:
    """The sample with its modalities changed, in the model's order.

    Raises:
        InvalidInput, NotFound: naming what does not fit.
    """
    model = fixed(work)
    inputs = work.inputs([row])
    own = counterfactual.states_of(work.model, inputs)
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
            states[name] = counterfactual.states_of(work.model, {**inputs, name: features(edit)})[
                name
            ]
        elif change.action == STATE:
            states[name] = set_state(own[name], change.state)
        elif change.action == FLIP:
            nearest = what_would_flip(work, row)[name].state.state[None]
            states[name] = (
                nearest if work.can("states") else counterfactual.filled(own[name], nearest)
            )
        else:
            choose("Action", change.action, (KEPT,))
    outcome = interventions.outcome(model, inputs, work.background, states, dropped)
    return Result(outcome, states, contents, _truth(work, row, changes))


def edited(work: Workspace, row: int, modality: str, change: Change) -> editing.Edit:
    """The raw content of a planted modality made anew, with its features."""
    made = editing.recipe_of(work.dataset)
    check(
        made is not None,
        "Raw input can be edited where this project makes it: in the data set 'planted'. Choose another change.",
    )
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
    return values, torch.arange(values.shape[1]) < torch.from_numpy(np.asarray(edit.lengths))[
        :, None
    ]


def set_state(own: torch.Tensor, numbers: tuple[float, ...]) -> torch.Tensor:
    """A state (1, ...) from what a reader set: masses; weights, keeping the phases; or Bloch angles of a qubit."""
    values = torch.tensor(numbers, dtype=torch.float64)
    if not own.is_complex():
        return values[None]
    if own.shape[-1] == 2:
        theta, phi = values
        return torch.stack(
            [
                torch.cos(theta / 2).to(own.dtype),
                torch.polar(torch.sin(theta / 2), phi).to(own.dtype),
            ]
        )[None]
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
        return (
            2 * float(torch.atan2(state[1].abs(), state[0].abs())),
            float(torch.angle(relative)) if relative.abs() > 0 else 0.0,
        )
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
def every_state(work: Workspace) -> dict[str, Any]:
    """The modality states of all samples, (N, ...)."""
    return counterfactual.states_of(work.model, work.inputs())


@memo(64, background=False, says="Looking for the nearest state that turns the decision …")
def what_would_flip(work: Workspace, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model, everyone, own, found = fixed(work), every_state(work), own_states(work, row), {}
    for name in work.modalities:
        donor = interventions.nearest_donor(model, own, name, everyone[name])
        found[name] = Flip(
            counterfactual.nearest_state(model, own, name, everyone[name]),
            donor,
            str(work.dataset.ids[donor.row]) if donor.row >= 0 else "",
        )
    return found


@memo(
    2,
    background=False,
    says="Following every knob over its range, once for this model, about ten seconds …",
)
def parameter_table(work: Workspace) -> Any:
    """What `flips.nearest_parameters` uses again for every sample."""
    return sensitivity.table(work.model) if work.can("time") else None


@memo(32, background=False, says="Turning every knob for this sample …")
def parameters_that_flip(work: Workspace, row: int) -> sensitivity.Search:
    """For each parameter of physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return sensitivity.nearest_parameters(work.model, own_states(work, row), parameter_table(work))


def parameter_name(work: Any, change: sensitivity.ParameterChange) -> str:
    """A parameter as a reader says it, not escaped."""
    if change.kind in ("coupling", "dissipation"):
        return f"{'H' if change.kind == 'coupling' else 'dissipation'}: {'–'.join(split_term(change.name))}"
    if change.kind == "duration":
        return "duration T"
    element, stage, pattern = map(int, change.name.split("."))
    stages, patterns = work.model.phi.shape[1:]
    controls = (
        work.modalities
        if stages == 1
        else (work.modalities[:2] if stage == 0 else ("fused", work.modalities[stage + 1]))
    )
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    yes = (
        " + ".join(str(name) for name, bit in zip(controls, digits, strict=True) if bit == "1")
        or "none"
    )
    return f"angle φ of ‘{work.elements[element]}’ when yes from {yes}"
