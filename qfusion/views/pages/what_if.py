"""Panels and choices of the What if page."""

import math
from functools import partial
from typing import Any

from qfusion._checks import choose
from qfusion.data.synthetic import opinion_texts, planted_editing
from qfusion.models.protocols import KetStates, Physics, StateModel
from qfusion.study import what_if
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import changes, flips
from qfusion.views.changes import TITLES, both_decisions, parse_changes
from qfusion.views.pages import page_state, params, samples
from qfusion.views.pages.choices import needs, reads_features
from qfusion.views.pages.panel import make_panel, panels


def has_changes(sample: Sample, changes: what_if.Edits | None = None, **_: Any) -> bool:
    """Return whether the changes leave a modality otherwise than it is."""
    return bool(both_decisions(sample, changes)[2])


def _changed_states(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the modalities that have another state."""
    if not sample.study.model.part(StateModel):
        return []
    return [
        name
        for name, action in both_decisions(sample, parse_changes(view))[2].items()
        if action != what_if.DROP
    ]


PREFIXES = ("do.", "with.", "mix.", "set.", "voice.", "face.")  # of what is said of a modality
KNOBS = params.SwitchParam("knobs", "Knobs", "They stay folded.")
WORDS = params.TextParam(
    "say",
    "Sentence",
    "The sample's own words are used.",
    f"At most {opinion_texts.MAX_WORDS} words of the vocabulary below, with one 'and' or 'but' at most.",
    most=400,
    test=lambda study, value: planted_editing.parse(value),
)


def action_choice(study: Study, modality: str) -> params.SelectParam:
    """Return the choice of the action on a modality."""
    return params.SelectParam(
        f"do.{modality}",
        f"What is done to {modality}",
        "It is left as it is.",
        "What is done to this modality before the model sees it. Several can be changed at once.",
        meanings={TITLES[action]: action for action in what_if.actions(study, modality)},
    )


def donor_choice(modality: str) -> params.SampleParam:
    """Return the sample that lends a modality."""
    return params.SampleParam(
        f"with.{modality}",
        "of sample",
        "Another sample is taken.",
        "Any sample of the data; it opens on one with another decision.",
    )


def share_choice(modality: str) -> params.NumberParam:
    """Return the share of the state that another sample lends."""
    return params.NumberParam(
        f"mix.{modality}",
        "Share of its state",
        "Its state is taken whole.",
        "1 takes the other sample's state, 0 keeps the own one. Between them, the state lies on the shortest way: of "
        "kets on the sphere (equal shares of the Fubini–Study angle), of masses equal shares of the angles "
        "θ = 2 arcsin √mass. It is a pure state, no mixture.",
        default=1.0,
        step=0.01,
        style={"format": "%.2f"},
    )


def number_choices(study: Study, modality: str) -> list[params.NumberParam]:
    """Return the numbers of a modality's state."""
    if not study.model.part(StateModel):
        return []
    kets = study.model.part(KetStates) is not None
    size = study.model.dims[study.modalities.index(modality)] if kets else study.model.elements
    ranges = [(0.0, math.pi), (-math.pi, math.pi)] if kets and size == 2 else [(0.0, 1.0)] * size
    return [
        params.NumberParam(
            f"set.{modality}.{place}",
            f"set.{modality}.{place}",
            "The sample's own is used.",
            low=low,
            high=high,
            step=what_if.STEP,
            style={"format": "%.3f"},
        )
        for place, (low, high) in enumerate(ranges)
    ]


def input_choices(study: Study, modality: str) -> list[params.NumberParam]:
    """Return the numbers that make a modality's raw input, of data that were made so."""
    if planted_editing.find_recipe(study.dataset) is None:
        return []
    return [
        params.NumberParam(
            f"{'voice' if modality == 'audio' else 'face'}.{setting.name}",
            f"{setting.title} ({setting.unit})",
            "0 is used.",
            low=setting.low,
            high=setting.high,
            step=0.05,
            style={"format": "%+.2f"},
        )
        for setting in planted_editing.CONTROLS.get(modality, ())
    ]


def change_choices(view: page_state.PageState, study: Study) -> list[params.Param]:
    """Return the choices of a reader. They include controls in the address for modalities and numbers that this
    model does not have.
    """
    known: list[params.Param] = [KNOBS, WORDS]
    for name in study.modalities:
        known += [
            action_choice(study, name),
            donor_choice(name),
            *([share_choice(name)] if what_if.can_mix(study) else []),
            *number_choices(study, name),
            *input_choices(study, name),
        ]
    keys = [one.key for one in known]
    return [
        *known,
        *params.unknown_params(view, PREFIXES, keys, lambda key, *_: choose("Control", key, keys)),
    ]


_CLASSES = needs(where=lambda study: study.classes and study.reads_features)
PANELS = {
    **panels({"flips": flips.nearest_flips}, fits=reads_features),
    **panels({"what-if-probabilities": changes.probabilities}, fits=_CLASSES),
    **panels(
        {"what-if-as-it-is": partial(changes.waterfall, when=changes.BEFORE)},
        fits=reads_features,
    ),
    **panels(
        {
            "what-if-changed": partial(changes.waterfall, when=changes.AFTER),
            "what-if-differences": changes.differences,
        },
        fits=has_changes,
    ),
    **panels(
        {"knob-flips": flips.parameter_flips},
        fits=lambda sample: (
            sample.study.model.part(Physics) is not None
            and bool(what_if.parameters_that_flip(sample.study, sample.row).changes)
        ),
        opens=KNOBS.opens,
    ),
}
CONTROLS = (change_choices,)
NAMED = {
    **samples.LENT,
    "what-if-state-": make_panel(changes.modality_state, rest="modality", endings=_changed_states),
}
