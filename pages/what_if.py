"""What if: the sample with a modality swapped, omitted or edited, and the smallest changes that flip the decision."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from qfusion._sentences import true_minus
from qfusion.app import (
    frame,
    navigation,
    page_runs,
    panels,
    selections,
    state,
    widgets,
)
from qfusion.app.models import tweaks
from qfusion.app.page_context import PageContext
from qfusion.app.samples import boxes, contents
from qfusion.data import Content, Text
from qfusion.data.synthetic import opinion_texts
from qfusion.figures import sample_charts
from qfusion.models.jump.flips import parameter_tweak
from qfusion.models.network import gate_angles
from qfusion.models.protocols import Evolution, Physics, StateModel
from qfusion.models.terms import ParameterFlip
from qfusion.study import opening, recording_strip, text, what_if
from qfusion.study.what_if import (
    DROP,
    FLIP,
    INPUT,
    KEPT,
    SWAP,
    Change,
    Edits,
    Result,
    can_mix,
    edit_content,
    own_states,
    own_words,
    parameters_that_flip,
    shown_state,
    wanted_changes,
    what_would_flip,
)
from qfusion.views import changes
from qfusion.views.flips import describe_ranges
from qfusion.views.pages import what_if as builders
from qfusion.views.words import answers, decisions
from qfusion.views.words.names import name_parameter
from qfusion.views.words.rules import describe_calibration, format_probability


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("What if")
    forget_other_samples(context)
    what_if_page(context)


@page_runs.fragment
def what_if_page(context: PageContext) -> None:
    """Draw controls beside their effects. This is a fragment, so that moving one redraws only this part."""
    if not context.study.reads_features:
        navigation.say_missing(
            "**A measured game has no inputs to change**: its values are known for its own samples and coalitions only."
        )
        return
    with st.container(key="fold-what-if"):
        with page_runs.show_errors():
            nearest_flips(context)
        side, main = st.columns([1, 2.6], gap="medium")
        wanted = None
        with side, page_runs.show_errors():
            wanted = draw_changes(context)
        with main, page_runs.show_errors():
            if wanted is not None:
                draw_comparison(context, wanted)
        with page_runs.show_errors():
            parameter_flips(context)
            panels.draw_lower_panels(**context.scopes())


# The controls: what is done to each modality. Everything stands in the address.

_FOR = "_what_if_for"


def forget_other_samples(context: PageContext) -> None:
    """Undo the changes if the sample is another one, since they were made for the sample before."""
    now = (context.study.name, context.study.dataset.name, context.sample)
    before = state.get(_FOR)
    state.put(_FOR, now)
    if before not in (None, now):
        undo_changes(context)
        # What is no longer drawn can be forgotten; a drawn widget would keep its value in the browser.
        for key in map(str, list(st.session_state)):
            if key.startswith((*builders.PREFIXES[1:], builders.WORDS.key)):
                state.delete(key)


def undo_changes(context: PageContext) -> None:
    """Undo all changes. For callbacks."""
    for name in context.study.modalities:
        key = builders.action_choice(context.study, name).key
        if state.get(key) is not None:
            state.put(key, builders.TITLES[KEPT])


def apply_change(context: PageContext, modality: str, action: str, donor: str = "") -> None:
    """Set the action on a modality. For callbacks."""
    state.put(builders.action_choice(context.study, modality).key, builders.TITLES[action])
    if donor:
        state.put(builders.donor_choice(modality).key, donor)


def draw_changes(context: PageContext) -> Edits:
    """Draw the controls and return the changes that the address then requests, as
    `wanted_changes` takes them.
    """
    own = own_states(context.study, context.row)
    for place, name in enumerate(context.study.modalities):
        with st.container(border=True, key=f"box-change-{place}", gap="xsmall"):
            _change(context, name, own[name])
    wanted = builders.parse_changes(state.current()) or {}
    st.button(
        "Undo all changes",
        key="_what_if_reset",
        icon=":material/restart_alt:",
        on_click=undo_changes,
        args=(context,),
        disabled=all(
            change.action == KEPT for change in wanted_changes(context.study, context.row, wanted)
        ),
    )
    return wanted


def _change(context: PageContext, name: str, own: Any) -> None:
    match widgets.draw(
        builders.action_choice(context.study, name), label=text.escape_markdown(name)
    ):
        case what_if.SWAP:
            _donor(context, name)
        case what_if.INPUT:
            _input(context, name)
        case what_if.STATE:
            _state(context, name, own)
        case what_if.DROP:
            st.caption(
                f"Left out: replaced by {decisions.background_markdown(context.study.background)}."
            )
        case what_if.FLIP:
            st.caption(
                "The smallest change of its state that flips the decision, with all other modalities as in "
                "the sample."
                if what_would_flip(context.study, context.row)[name].state.possible
                else f"No state of {text.escape_markdown(name)} flips this decision, so it is unchanged."
            )


def _donor(context: PageContext, name: str) -> None:
    control, dataset = builders.donor_choice(name), context.study.dataset
    # A default beside a value that a button has set would be complained of in the log.
    default = str(dataset.ids[0])
    if state.get(control.key) is None or boxes.is_foreign(dataset, control.key):
        default = opening.default_contrast(context.study, context.row)
    donor = boxes.sample_box(control, dataset, default)
    content = dataset.content(dataset.row(donor)).get(name)
    source = recording_strip.source(dataset, dataset.row(donor))
    if content is not None:
        contents.raw_content(name, content, in_box=True)
    if source.clip is not None:
        contents.clip(source.clip, donor)
    if can_mix(context.study):
        widgets.draw(builders.share_choice(name))


def _input(context: PageContext, name: str) -> None:
    if name == "text":
        widgets.draw(builders.WORDS, value=own_words(context.study, context.row))
        with st.popover("Vocabulary", icon=":material/dictionary:"):
            for title, entries in _VOCABULARY.items():
                st.markdown(f"**{title}**  \n{', '.join(map(text.escape_markdown, entries))}")
        return
    values = tuple(
        (control.key.partition(".")[2], widgets.draw(control))
        for control in builders.input_choices(context.study, name)
    )
    with page_runs.show_errors():
        change = Change(INPUT, controls=values)
        contents.raw_content(
            name,
            edit_content(context.study, context.row, name, change).content,
            in_box=True,
        )


_VOCABULARY: dict[str, Iterable[str]] = {
    "Opinion words and their values": [
        f"{w} ({v:+.2f})" for w, v in opinion_texts.OPINIONS.items()
    ],
    "Intensifiers": [f"{w} (×{v:g})" for w, v in opinion_texts.INTENSIFIERS.items()],
    "Negations": opinion_texts.NEGATIONS,
    "Joins": opinion_texts.JOINS,
    "Topics": opinion_texts.TOPICS,
    "Fillers": opinion_texts.FILLERS,
    "Others": opinion_texts.FUNCTION,
}


def _state(context: PageContext, name: str, own: Any) -> None:
    """Sliders of a state."""
    titles = _titles(context, own)
    for title, value, control in zip(
        titles,
        shown_state(own),
        builders.number_choices(context.study, name),
        strict=True,
    ):
        widgets.draw(
            control,
            label=title,
            default=float(np.clip(round(value, 3), control.low, control.high)),
        )
    if own.is_complex() and len(titles) > 2:
        st.caption("Weights are scaled to sum to 1; phases are unchanged.")


def _titles(context: PageContext, own: Any) -> list[str]:
    if not own.is_complex():
        elements: tuple[str, ...] = context.study.backend.elements  # type: ignore[attr-defined]
        return [f"mass of ‘{text.escape_markdown(element, 20)}’" for element in elements]
    return (
        ["polar angle θ (rad): 0 is |0⟩", "azimuth φ (rad)"]
        if own.shape[-1] == 2
        else [f"weight of |{k}⟩" for k in range(own.shape[-1])]
    )


def draw_comparison(context: PageContext, wanted: Edits) -> None:
    """Before and after: prediction, states, waterfalls, differences."""
    sample = context.tweaked_sample()
    before, now, done = changes.both_decisions(sample, wanted)
    was, is_ = (
        answers.format_decision_value(context.study, part.outcome.scores) for part in (before, now)
    )
    turned = before.outcome.decision != now.outcome.decision
    if done:
        st.markdown(true_minus(f"#### {changes.describe_outcome(list(done), was, is_, turned)}"))
    cells = (
        _classes(context, before, now) if context.study.classes else _scores(context, before, now)
    )
    with st.container(key="pair-metrics"):
        tweaks.metrics_changed(cells, st.columns(len(cells)), "no change")
    panels.show(sample, "what-if-probabilities", first=1)
    panels.show(sample, "what-if-as-it-is", "what-if-changed", columns=2, gap="medium")
    panels.show(sample, "what-if-differences")
    swapped = [name for name, action in done.items() if action == SWAP]
    panels.show(sample, *(f"what-if-strip-{name}" for name in swapped))
    shown = [
        name
        for name, action in done.items()
        if action != DROP and context.study.model.part(StateModel)
    ]
    for first in range(0, len(shown), 2):
        for place, name in zip(st.columns(2, gap="medium"), shown[first : first + 2], strict=False):
            with place:
                panels.show(sample, f"what-if-state-{name}")


def _classes(context: PageContext, before: Result, now: Result) -> list[tweaks.Changed]:
    study, sample = context.study, context.tweaked_sample()
    cells = [
        tweaks.Changed(
            f"Softmax of ‘{text.escape_markdown(study.classes[which], 14)}’",
            float(before.probabilities[which]),
            float(now.probabilities[which]),
            describe_calibration(study),
            written=format_probability,
        )
        for which in dict.fromkeys((before.outcome.decision, now.outcome.decision))
    ]
    was, is_ = (float(part.outcome.scores[sample.output]) for part in (before, now))
    explained = text.escape_markdown(sample.classes[sample.output], 14)
    return [*cells, tweaks.Changed(f"Log-odds of ‘{explained}’", was, is_, sample.unit)]


def _scores(context: PageContext, before: Result, now: Result) -> list[tweaks.Changed]:
    was, is_ = (float(part.outcome.scores[0]) for part in (before, now))
    cells = [
        tweaks.Changed(
            context.study.quantity.capitalize(),
            was,
            is_,
            f"Prediction of the model for sample {text.escape_markdown(context.sample)}",
        )
    ]
    if before.truth is not None and now.truth is not None:
        cells.append(
            tweaks.Changed(
                "True score without noise",
                before.truth,
                now.truth,
                "Score of these words, voice and face by the rule that generated the data. It is unknown if "
                "a voice, a face or a state is edited or a modality is left out.",
            )
        )
    return cells


def nearest_flips(context: PageContext) -> None:
    """The panel of nearest states and donors, with buttons that apply them."""
    panels.show(context.tweaked_sample(), "flips", first=1)
    with st.container(horizontal=True, key="apply-flips"):
        for name, flip in what_would_flip(context.study, context.row).items():
            with st.container(width="content", gap="xsmall"):
                if flip.state.possible:
                    st.button(
                        f"Set {text.escape_markdown(name)} to its nearest flip",
                        key=f"_flip-{name}",
                        icon=":material/flip:",
                        on_click=apply_change,
                        args=(context, name, FLIP),
                    )
                if flip.donor_id:
                    st.button(
                        _donor_label(context, name, flip.donor_id),
                        key=f"_lend-{name}",
                        on_click=apply_change,
                        args=(context, name, SWAP, flip.donor_id),
                        icon=":material/swap_horiz:",
                    )
                    _draw_donor(context, name, flip.donor_id)


def _donor_label(context: PageContext, modality: str, donor: str) -> str:
    """Return the label of the button that takes a modality of another sample, with its text if it is one."""
    label = f"Take {text.escape_markdown(modality)} of {text.escape_markdown(donor)}"
    content = _donor_content(context, modality, donor)
    if isinstance(content, Text):
        label += f": ‘{text.escape_markdown(text.shorten(content.text))}’"
    return label


def _draw_donor(context: PageContext, modality: str, donor: str) -> None:
    """Draw a small picture of what a donor lends, where there is one."""
    content = _donor_content(context, modality, donor)
    pixels = None if content is None else sample_charts.draw_thumbnail(content)
    if pixels is not None:
        address = sample_charts.picture_address(pixels)
        selections.draw_pictures([(address, f"{modality} of {donor}")])


def _donor_content(context: PageContext, modality: str, donor: str) -> Content | None:
    dataset = context.study.dataset
    return text.read_content(dataset, dataset.row(donor)).get(modality)


def parameter_flips(context: PageContext) -> None:
    """Draw the folded part on the model's own parameters. Nothing is computed until it is opened."""
    if not context.study.model.part(Physics):
        st.caption(
            "This model has no physical parameters and no fusion rules that could flip the decision; "
            "only its states can."
        )
    else:
        what = (
            "knob of the physics"
            if context.study.model.part(Evolution)
            else "angle of the fusion rules"
        )
        widgets.draw_folded(
            builders.KNOBS,
            lambda: _flips(context),
            ":material/tune:",
            f"Which {what} would flip it?",
        )


def _flips(context: PageContext) -> None:
    """Draw the nearest parameters that flip the decision, and links that set one on its page, with all others as
    learned.
    """
    search = parameters_that_flip(context.study, context.row)
    if not search.changes:
        st.markdown(
            f"**None of the {search.tried} parameters flips this decision on its own** ({describe_ranges(search)})."
        )
        return
    panels.show(context.tweaked_sample(), "knob-flips")
    with st.container(horizontal=True, key="set-knobs"):
        for change in search.changes[:4]:
            value = flip_value(change)
            page, unit = (
                ("Dynamics", "") if context.study.model.part(Evolution) else ("Circuit", " rad")
            )
            if context.study.model.part(Evolution):
                query = {
                    "show": "Decision",
                    "turn": str(parameter_tweak(change.kind, change.name, value)),
                }
            else:
                place = gate_angles.edit_key(
                    gate_angles.table_shape(context.study.model), *map(int, change.name.split("."))
                )
                query = {"rules": "Fusion rules", "edits": f"{place}={value:g}"}
            name = text.escape_markdown(name_parameter(context.study, change))
            navigation.link(
                navigation.FILES[page],
                f"Set {name} to {value:g}{unit} on {page}",
                ":material/tune:",
                **query,
            )


def flip_value(change: ParameterFlip) -> float:
    """Return the value at which a parameter flips the decision. It is rounded to three decimals and never falls
    short of that value.
    """
    away = math.ceil if change.value > change.learned else math.floor
    value = away(change.value * 1000) / 1000
    return value if change.kind == "angle" else max(value, 0.0)


page_runs.run_page(__file__, __name__)
