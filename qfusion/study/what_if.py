"""A sample with changed modalities, the model's decision on it, and the smallest changes that turn a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose, require_number
from qfusion._memory_cache import memo
from qfusion.data import Text
from qfusion.data.synthetic import planted_editing
from qfusion.errors import InvalidInput
from qfusion.explain import counterfactual, sensitivity
from qfusion.models.terms import FlipSearch
from qfusion.quantum import states
from qfusion.study.jobs import Task
from qfusion.study.opening import default_contrast
from qfusion.study.study import Study

KEPT, SWAP, DROP, INPUT, STATE, FLIP = ACTIONS = (
    "as it is",
    "swap",
    "drop",
    "edit input",
    "edit state",
    "nearest flip",
)
Edits = Mapping[str, Mapping[str, Any]]  # by modality, see `asked`
STEP = 0.001  # of a slider of a state


@dataclass(frozen=True)
class Change:
    """Change of one modality. It is hashable, so that it can be a key of caches.

    Attributes:
        action: KEPT, SWAP, ... donor: id of the sample swapped with.
        share: of the donor's state: 1 takes it whole, less a state on the way to it, see `quantum.states`.
        words: an edited sentence. controls: changes of voice or face by name.
        state: masses (n,), weights of the basis states (d,), or of a qubit the angles (theta, phi) of its Bloch vector.
    """

    action: str = KEPT
    donor: str = ""
    share: float = 1.0
    words: str = ""
    controls: tuple[tuple[str, float], ...] = ()
    state: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """Output of the model under the changes.

    Attributes:
        outcome: scores and dividends. probabilities: softmax of the scores, (C,).
        states: of every modality, (1, ...).
        truth: the planted score without noise, where the changes leave it known.
    """

    outcome: counterfactual.Outcome
    probabilities: np.ndarray
    states: dict[str, torch.Tensor]
    truth: float | None

    def terms(self, study: Study, output: int) -> dict[str, float]:
        """Baseline and dividends of one score, keyed by coalition."""
        return {
            term: float(self.outcome.dividends[i, output])
            for i, term in enumerate(study.coalitions)
        }


def actions(study: Study, modality: str) -> tuple[str, ...]:
    """Return the actions that are possible on a modality of these data."""
    raw = planted_editing.find_recipe(study.dataset) is not None and modality in (
        "text",
        *planted_editing.CONTROLS,
    )
    return (
        KEPT,
        SWAP,
        DROP,
        *((INPUT,) if raw else ()),
        *((STATE,) if study.model.algebra.is_linear else ()),
        FLIP,
    )


def wanted_changes(study: Study, row: int, edits: Edits) -> tuple[Change, ...]:
    """The changes of one sample, in the model's order of the modalities.

    Args:
        study: the model on its data.
        row: of the sample.
        edits: by modality its "action", and for a swap the "donor" (`default_contrast` unless told)
            and the "share" of its state (1 unless told),
            for an edited sentence its "words" (its own unless told), for an edited voice or face the "controls" by
            name,
            for an edited state numbers of "state" by place; a number that is within half a step of the sample's own
            leaves it exactly as it is. A flip that is not possible is none.

    Raises:
        NotFound, InvalidInput: when there is no such modality, action or place.
    """
    for name in edits:
        choose("Modality", name, study.modalities)
    return tuple(_change(study, row, name, **edits.get(name, {})) for name in study.modalities)


def _change(
    study: Study,
    row: int,
    name: str,
    action: str = KEPT,
    donor: str = "",
    share: float = 1.0,
    words: str | None = None,
    controls: Mapping[str, float] | None = None,
    state: Mapping[int, float] | None = None,
) -> Change:
    choose("Action", action, ACTIONS)
    if action == SWAP:
        share = require_number("share", share, 0, 1) if can_mix(study) else 1.0
        return Change(SWAP, donor=donor or default_contrast(study, row), share=share)
    if action == INPUT and name == "text":
        return Change(INPUT, words=own_words(study, row) if words is None else words)
    if action == INPUT:
        return Change(INPUT, controls=tuple((controls or {}).items()))
    if action == STATE:
        own = np.array(shown_state(own_states(study, row)[name]))
        for place, number in (state or {}).items():
            check(
                0 <= place < len(own),
                f"The state has {len(own)} numbers, counted from 0, but none in place [{place}].",
            )
            if abs(number - round(own[place], 3)) > STEP / 2:
                own[place] = number
        return Change(STATE, state=tuple(own.tolist()))
    if action == FLIP and not what_would_flip(study, row)[name].state.possible:
        return Change()
    return Change(action)


def own_words(study: Study, row: int) -> str:
    """Return the words spoken in a sample, or an empty string if they are unknown."""
    spoken = study.dataset.content(row).get("text")
    return spoken.text if isinstance(spoken, Text) else ""


@memo(64)
def apply_changes(study: Study, row: int, changes: tuple[Change, ...]) -> Result:
    """The sample with its modalities changed, in the model's order.

    Raises:
        InvalidInput, NotFound: naming what does not fit.
    """
    inputs = study.inputs([row])
    own = own_states(study, row)
    states, dropped = dict(own), []
    for name, change in zip(study.modalities, changes, strict=True):
        if change.action == SWAP:
            other = own_states(study, study.dataset.row(change.donor))[name]
            states[name] = mix_states(own[name], other, change.share)
        elif change.action == DROP:
            dropped.append(name)
        elif change.action == INPUT:
            made = inputs | {name: features(edit_content(study, row, name, change))}
            states[name] = counterfactual.encode_samples(study.model, made)[name]
        elif change.action == STATE:
            states[name] = set_state(own[name], change.state)
        elif change.action == FLIP:
            nearest = what_would_flip(study, row)[name].state.state[None]
            states[name] = (
                nearest
                if study.model.algebra.is_linear
                else counterfactual.fill_state(own[name], nearest)
            )
        else:
            choose("Action", change.action, (KEPT,))
    outcome = counterfactual.outcome(
        study.backend.fixed_model(), inputs, study.background, states, dropped
    )
    return Result(
        outcome,
        study.softmax(outcome.scores),
        states,
        _truth(study, row, changes),
    )


def can_mix(study: Study) -> bool:
    """Return whether states of modalities can be mixed: kets, and masses of qubits."""
    return bool(study.model.algebra.is_linear)


def mix_states(own: Any, other: Any, share: float) -> Any:
    """Return the state of one modality, (1, ...), on the shortest way from its own to another one.

    Args:
        own, other: states, both kets or both masses. share: of the way, 1 for the other one itself.
    """
    if share == 1:
        return other
    between = states.ket_geodesic if own.is_complex() else states.between_masses
    return between(own, other, share)


def edit_content(study: Study, row: int, modality: str, change: Change) -> planted_editing.Edit:
    """The raw content of a planted modality made anew, with its features."""
    made = planted_editing.find_recipe(study.dataset)
    if made is None:
        raise InvalidInput(
            "Raw input can be edited where this project makes it: in the data set 'planted'. Choose another change."
        )
    if modality == "text":
        return planted_editing.replace_words(change.words)
    make = planted_editing.replace_voice if modality == "audio" else planted_editing.replace_face
    return make(made, row, dict(change.controls))


def features(edit: planted_editing.Edit) -> Any:
    """An edit's features as the model takes them."""
    values = torch.from_numpy(np.asarray(edit.values)).double()
    if edit.lengths is None:
        return values
    return values, torch.arange(values.shape[1]) < torch.from_numpy(np.asarray(edit.lengths))[
        :, None
    ]


def set_state(own: torch.Tensor, numbers: tuple[float, ...]) -> torch.Tensor:
    """Return the state (1, ...) for the numbers that a reader set: masses; weights, keeping the phases; or Bloch
    angles of a qubit.
    """
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


def _truth(study: Study, row: int, changes: tuple[Change, ...]) -> float | None:
    """The planted score without noise; not known of a dropped modality, an edited voice, face or state."""
    if planted_editing.find_recipe(study.dataset) is None:
        return None
    latents = []
    for name, change in zip(study.modalities, changes, strict=True):
        if change.action == INPUT and name == "text":
            latents.append(planted_editing.replace_words(change.words).latent)
        elif change.action in (KEPT, SWAP) and change.share == 1:
            at = study.dataset.row(change.donor) if change.action == SWAP else row
            latents.append(float(study.dataset.table[f"latent_{name}"].iloc[at]))
        else:
            return None
    return planted_editing.true_score(np.array(latents, dtype=float))


@dataclass(frozen=True, eq=False)
class Flip:
    """States of one modality that would flip the decision: the nearest of all states, and the nearest that a sample
    has.
    """

    state: counterfactual.StateChange
    donor: counterfactual.Donor
    donor_id: str


@memo(4, background=False, task=Task.ENCODE_SAMPLES)
def every_state(study: Study) -> dict[str, Any]:
    """The modality states of all samples, (N, ...)."""
    return counterfactual.encode_samples(study.model, study.inputs())


@memo(64, background=False, task=Task.FIND_STATE_CHANGE)
def what_would_flip(study: Study, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model = study.backend.fixed_model()
    everyone = every_state(study)
    own = own_states(study, row)
    donors = {
        name: counterfactual.nearest_donor(model, own, name, everyone[name])
        for name in study.modalities
    }
    flips = {}
    for name, donor in donors.items():
        nearest = counterfactual.nearest_state(model, own, name, everyone[name])
        donor_id = str(study.dataset.ids[donor.row]) if donor.row >= 0 else ""
        flips[name] = Flip(nearest, donor, donor_id)
    return flips


@memo(
    2,
    background=False,
    task=Task.TABULATE_PARAMETERS,
)
def parameter_table(study: Study) -> Any:
    """Return the table that `flips.nearest_parameters` reuses for every sample."""
    return study.backend.parameter_table()


@memo(32, background=False, task=Task.FIND_PARAMETER_CHANGE)
def parameters_that_flip(study: Study, row: int) -> FlipSearch:
    """For each parameter of physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return sensitivity.nearest_parameters(
        study.model, own_states(study, row), parameter_table(study)
    )


def own_states(study: Study, row: int) -> dict[str, Any]:
    """The modality states of one sample, (1, ...)."""
    return counterfactual.encode_samples(study.model, study.inputs([row]))
