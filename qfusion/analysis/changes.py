"""What would change a decision: a sample with changed modalities, the states they lead to and what the model then says;
and what physics did it, and what each term of it built."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import default_contrast
from qfusion.analysis.study import Study, with_observables
from qfusion.data import Text
from qfusion.data.coalition_terms import split_term
from qfusion.data.sources import planted
from qfusion.errors import InvalidInput
from qfusion.explain import (
    building,
    counterfactual,
    gradient_search,
    interventions,
    parameter_changes,
    sensitivity,
)
from qfusion.models import jump_changes, terms
from qfusion.models.terms import ParameterChange, Search
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum.states import KINDS, split

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
        outcome: scores and dividends. probabilities: softmax of the scores, (C,).
        states: of every modality, (1, ...).
        truth: the planted score without noise, where the changes leave it known.
    """

    outcome: interventions.Outcome
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
    """What can be done to a modality of these data."""
    raw = planted.recipe_of(study.dataset) is not None and modality in ("text", *planted.CONTROLS)
    return (
        KEPT,
        SWAP,
        DROP,
        *((INPUT,) if raw else ()),
        *((STATE,) if study.can("states") else ()),
        FLIP,
    )


def wanted_changes(study: Study, row: int, edits: Asked) -> tuple[Change, ...]:
    """The changes of one sample, in the model's order of the modalities.

    Args:
        study: the model on its data.
        row: of the sample.
        edits: by modality its "action", and for a swap the "donor" (`sample.default_contrast` unless told), for
            an edited sentence its "words" (its own unless told), for an edited voice or face the "controls" by name,
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
    words: str | None = None,
    controls: Mapping[str, float] | None = None,
    state: Mapping[int, float] | None = None,
) -> Change:
    choose("Action", action, ACTIONS)
    if action == SWAP:
        return Change(SWAP, donor=donor or default_contrast(study, row))
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
    """What was said in a sample; nothing where its words are not known."""
    spoken = study.dataset.content(row).get("text")
    return spoken.text if isinstance(spoken, Text) else ""


@memo(4, background=False)
@torch.no_grad()
def fixed(study: Study) -> Any:
    """The study's model, sharing its weights, that does not evolve its observables again."""
    model = study.model
    return with_observables(model, model.observables()) if study.can("kets") else model


def own_states(study: Study, row: int) -> dict[str, Any]:
    """The modality states of one sample, (1, ...)."""
    return counterfactual.states_of(study.model, study.inputs([row]))


@memo(64)
def with_changes(study: Study, row: int, changes: tuple[Change, ...]) -> Result:
    """The sample with its modalities changed, in the model's order.

    Raises:
        InvalidInput, NotFound: naming what does not fit.
    """
    inputs, own = study.inputs([row]), own_states(study, row)
    states, dropped = dict(own), []
    for name, change in zip(study.modalities, changes, strict=True):
        if change.action == SWAP:
            states[name] = own_states(study, study.dataset.row(change.donor))[name]
        elif change.action == DROP:
            dropped.append(name)
        elif change.action == INPUT:
            made = inputs | {name: features(edited(study, row, name, change))}
            states[name] = counterfactual.states_of(study.model, made)[name]
        elif change.action == STATE:
            states[name] = set_state(own[name], change.state)
        elif change.action == FLIP:
            nearest = what_would_flip(study, row)[name].state.state[None]
            states[name] = (
                nearest if study.can("states") else gradient_search.filled(own[name], nearest)
            )
        else:
            choose("Action", change.action, (KEPT,))
    outcome = interventions.outcome(fixed(study), inputs, study.background, states, dropped)
    return Result(
        outcome,
        study.softmax(outcome.scores),
        states,
        _truth(study, row, changes),
    )


def edited(study: Study, row: int, modality: str, change: Change) -> planted.Edit:
    """The raw content of a planted modality made anew, with its features."""
    made = planted.recipe_of(study.dataset)
    if made is None:
        raise InvalidInput(
            "Raw input can be edited where this project makes it: in the data set 'planted'. Choose another change."
        )
    if modality == "text":
        return planted.with_words(change.words)
    make = planted.with_voice if modality == "audio" else planted.with_face
    return make(made, row, dict(change.controls))


def features(edit: planted.Edit) -> Any:
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


def _truth(study: Study, row: int, changes: tuple[Change, ...]) -> float | None:
    """The planted score without noise; not known of a dropped modality, an edited voice, face or state."""
    if planted.recipe_of(study.dataset) is None:
        return None
    latents = []
    for name, change in zip(study.modalities, changes, strict=True):
        if change.action == INPUT and name == "text":
            latents.append(planted.with_words(change.words).latent)
        elif change.action in (KEPT, SWAP):
            at = study.dataset.row(change.donor) if change.action == SWAP else row
            latents.append(float(study.dataset.table[f"latent_{name}"].iloc[at]))
        else:
            return None
    return planted.true_score(np.array(latents, dtype=float))


@dataclass(frozen=True, eq=False)
class Flip:
    """What of one modality would turn the decision: the nearest state of all, and the nearest that a sample has."""

    state: counterfactual.StateChange
    donor: interventions.Donor
    donor_id: str


@memo(4, background=False, says="Working out the state of every sample …")
def every_state(study: Study) -> dict[str, Any]:
    """The modality states of all samples, (N, ...)."""
    return counterfactual.states_of(study.model, study.inputs())


@memo(64, background=False, says="Looking for the nearest state that turns the decision …")
def what_would_flip(study: Study, row: int) -> dict[str, Flip]:
    """For each modality the nearest state and the nearest other sample's that turn the decision on one sample."""
    model, everyone, own = fixed(study), every_state(study), own_states(study, row)
    donors = {
        name: interventions.nearest_donor(model, own, name, everyone[name])
        for name in study.modalities
    }
    return {
        name: Flip(
            counterfactual.nearest_state(model, own, name, everyone[name]),
            donor,
            str(study.dataset.ids[donor.row]) if donor.row >= 0 else "",
        )
        for name, donor in donors.items()
    }


@memo(
    2,
    background=False,
    says="Following every knob over its range, once for this model, about ten seconds …",
)
def parameter_table(study: Study) -> Any:
    """What `flips.nearest_parameters` uses again for every sample."""
    return jump_changes.table(study.model) if study.can("time") else None


@memo(32, background=False, says="Turning every knob for this sample …")
def parameters_that_flip(study: Study, row: int) -> Search:
    """For each parameter of physics or angle of the fusion the smallest turn that turns the decision on one sample."""
    return parameter_changes.nearest_parameters(
        study.model, own_states(study, row), parameter_table(study)
    )


def parameter_name(study: Any, change: ParameterChange) -> str:
    """A parameter as a reader says it, not escaped."""
    if change.kind in ("coupling", "dissipation"):
        return f"{'H' if change.kind == 'coupling' else 'dissipation'}: {'–'.join(split_term(change.name))}"
    if change.kind == "duration":
        return "duration T"
    element, stage, pattern = map(int, change.name.split("."))
    stages, patterns = study.model.phi.shape[1:]
    controls = (
        study.modalities
        if stages == 1
        else (study.modalities[:2] if stage == 0 else ("fused", study.modalities[stage + 1]))
    )
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    yes = [name for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    return f"angle φ of ‘{study.elements[element]}’ when yes from {' + '.join(yes) or 'none'}"


# What physics did it and what each term of it built, for a study: targets, cohorts and terms by a page's names for
# them. Free of streamlit.

THIS, ALL, CLASS, REGIME, RELATION = (
    "this sample",
    "all test samples",
    "test samples of its class",
    "test samples of its planted type",
    "test samples of its relation",
)
EVERY = "all terms"
GROUPS: dict[bool, dict[str, tuple[str, ...]]] = {  # by whether the model evolves in time
    True: {
        EVERY: (),
        "dynamics": ("coupling", "dissipation", "duration"),
        "measurement": ("measurement",),
    },
    False: {
        EVERY: (),
        "fusion": ("fusion",),
        "weight of a modality": ("say",),
        "circuit": ("convolution", "pooling"),
        "head": ("head",),
    },
}
LINEAR = ("measurement", "head")
THRESHOLD = 0.01  # of the target's range: removals below are not asked for their sign
Where = Tweak | str  # sliders, or edited truth tables


def cohorts(study: Study) -> tuple[str, ...]:
    """Over which samples can be averaged."""
    able = {CLASS: bool(study.classes), REGIME: "regime" in study.dataset.table.columns}
    return tuple(name for name in (THIS, ALL, CLASS, REGIME, RELATION) if able.get(name, True))


def rows_of(study: Study, row: int, cohort: str, frame: Callable[[], pd.DataFrame]) -> np.ndarray:
    """The rows of a cohort; never empty: a sample outside the test split is added to those like it.

    Args:
        frame: makes the study's table, which relations are read from.

    Raises:
        NotFound: when there is no such cohort.
        InvalidInput: when it is of samples like a visitor's own, of which neither class nor type is known, or of the
            relation of a sample that is not explained.
    """
    choose("Samples", cohort, cohorts(study))
    tests, data = study.dataset.rows("test"), study.dataset
    check(
        not data.is_own(row) or cohort in (THIS, ALL),
        f"Of sample {data.ids[row]}, which a visitor made, no truth is known: there are no {cohort}. Choose "
        f"{THIS} or {ALL}.",
    )
    if cohort == THIS:
        return np.array([row])
    if cohort == ALL:
        return tests
    values = (
        data.y
        if cohort == CLASS
        else data.table["regime"].to_numpy()
        if cohort == REGIME
        else frame()["relation"].to_numpy()
    )
    check(
        cohort != RELATION or values[row] != "",
        f"Sample {data.ids[row]} is not among those that are explained together, so that its relation is not known: "
        f"there are no {RELATION}. Choose {THIS} or {ALL}.",
    )
    alike = tests[values[tests] == values[row]]
    return alike if row in alike else np.append(alike, row)


def targets(study: Any) -> dict[str, str]:
    """Names on the page -> names of `explain.sensitivity`."""
    texts: dict[str, str] = {}
    for name in sensitivity.target_names(study.model):
        kind, inner = split(name)
        words = {
            "score": study.quantity,
            "dividend": f"contribution of {inner.replace('+', ' + ')}" if inner else "baseline",
            "negativity": f"entanglement of {inner} at T",
            "entropy": f"entropy of {inner} at T",
        }[kind]
        if kind == "entropy" and not study.can("time"):
            words = f"entropy of fused qubit ‘{study.elements[int(inner)]}’"
        texts[words] = name
    return texts


def unit(study: Study, target: str, output: int) -> str:
    """Axis name of a target."""
    kind, _ = split(target)
    if kind in KINDS:
        return KINDS[kind].short_axis
    return (
        study.unit_of(output)
        if target == terms.SCORE
        else text.in_unit("contribution", study.unit_of(output))
    )


def full_range(study: Study, target: str, output: int) -> float:
    """What 1 % is measured against: range of a regression's target, spread of a class's log-odds over the test set,
    largest entropy."""
    kind, inner = split(target)
    if kind in KINDS:
        levels = study.model.dims[study.modalities.index(inner)] if study.can("kets") else 2
        return math.log(levels) if kind == "entropy" else math.log2(levels)
    if study.classes:
        return float(np.ptp(study.scores[study.dataset.rows("test"), output]))
    return float(np.ptp(study.scale))


@memo(64, says="Taking the physics apart …")
def measure(
    study: Study, rows: np.ndarray, where: Where, output: int, target: str
) -> sensitivity.Sensitivity:
    """Slopes and knock-outs of one target, averaged over the rows."""
    return sensitivity.sensitivity(
        study.model.tweaked(where),
        study.inputs(rows),
        study.background,
        output=output,
        targets=[target],
    )


@memo(64, says="Halving every term in turn …")
def half_way(study: Study, rows: np.ndarray, where: Where, output: int, target: str) -> np.ndarray:
    """What the slope at half of each factor says that removal does, (P,)."""
    return sensitivity.half_way(
        study.model.tweaked(where), study.inputs(rows), study.background, target, output=output
    )


@memo(64, says="Following the term …")
def follow(
    study: Study, rows: np.ndarray, where: Where, output: int, target: str, key: str
) -> sensitivity.Response:
    """One target on the way from a removed term to where it stands."""
    return sensitivity.response(
        study.model.tweaked(where),
        study.inputs(rows),
        study.background,
        key,
        target,
        output=output,
        nodes=5,
    )


@memo(64)
def built(
    study: Any, rows: Sequence[int] | np.ndarray, output: int, tweak: Tweak = LEARNED
) -> building.Built:
    """What each term built, of one row or the mean over rows: about 0.2 s at D = 64, however many."""
    return building.built(
        study.model.tweaked(tweak), study.inputs(list(rows)), study.background, output
    )


@memo(16, says="Removing every term in turn, on all test samples …")
@torch.no_grad()
def metrics_without(study: Study, where: Where) -> pd.DataFrame:
    """Test metrics with each term removed from all scores, one row a term by key; the first row, "", is with all of
    them."""
    rows, model = study.dataset.rows("test"), study.model.tweaked(where)
    inputs = study.inputs(rows)
    system = sensitivity.collect_terms(model, study.inputs(rows[:1]), study.background)
    return pd.DataFrame(
        [
            study.of_split(scores)
            for scores in (model(inputs).numpy(), *system.scores_without(inputs))
        ],
        index=pd.Index(["", *(term.key for term in system.parameters)], name="key"),
    )


def chosen(result: sensitivity.Sensitivity, group: str, timed: bool) -> np.ndarray:
    """Places of the terms in a group that do anything, by the size of it, the largest first."""
    kinds = GROUPS[timed][group]
    size = np.maximum(np.abs(result.effects[:, 0]), np.nan_to_num(np.abs(result.slopes[:, 0])))
    return np.array(
        sorted(
            (
                i
                for i, parameter in enumerate(result.parameters)
                if size[i] > 1e-12 and (not kinds or parameter.kind in kinds)
            ),
            key=lambda i: -size[i],
        ),
        dtype=int,
    )


def large(result: sensitivity.Sensitivity, reach: float) -> np.ndarray:
    """Which terms move the target by more than 1 % of its range when removed, (P,)."""
    return np.abs(result.effects[:, 0]) > THRESHOLD * reach


def worth_following(result: sensitivity.Sensitivity, reach: float) -> list[int]:
    """Terms that do not act linearly and are not removed already: first those whose slope and removal disagree, by
    size."""
    bent = [
        i
        for i, parameter in enumerate(result.parameters)
        if parameter.kind not in LINEAR and parameter.value != 0
    ]
    differ = large(result, reach) & ~result.agrees()[:, 0]
    return sorted(bent, key=lambda i: (not differ[i], -abs(result.effects[i, 0])))
