"""Controls of the What if page: the change of each modality.

The address holds every change.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from qfusion.analysis import (
    background_choice,
    changed_samples,
    decision_flips,
    modality_states,
    recording_strip,
    text,
)
from qfusion.data.synthetic import opinion_texts
from qfusion.ui import (
    page_context,
    page_params,
    page_runs,
    sample_box,
    sample_content,
    state,
    widgets,
)
from qfusion.views.pages import what_if as builders
from qfusion.views.words import decisions

# The controls: what is done to each modality. Everything stands in the address.

_FOR = "_what_if_for"


def forget_other_samples(context: page_context.PageContext) -> None:
    """Undo the changes if the sample is another one, since they were made for the sample before."""
    now = (context.study.name, context.study.dataset.name, context.sample)
    before = state.get(_FOR)
    state.put(_FOR, now)
    if before not in (None, now):
        undo_changes(context)
        # What is no longer drawn can be forgotten; a drawn widget would keep its value in the browser.
        for key in map(str, list(st.session_state)):
            if key.startswith((*builders.PREFIXES[1:], builders.WORDS.key)):
                state.forget(key)


def undo_changes(context: page_context.PageContext) -> None:
    """Undo all changes. For callbacks."""
    for name in context.study.modalities:
        key = builders.action_choice(context.study, name).key
        if state.get(key) is not None:
            state.put(key, builders.TITLES[changed_samples.KEPT])


def apply_change(
    context: page_context.PageContext, modality: str, action: str, donor: str = ""
) -> None:
    """Set the action on a modality. For callbacks."""
    state.put(builders.action_choice(context.study, modality).key, builders.TITLES[action])
    if donor:
        state.put(builders.donor_choice(modality).key, donor)


def draw_changes(context: page_context.PageContext) -> changed_samples.Edits:
    """Draw the controls and return the changes that the address then requests, as
    `changed_samples.wanted_changes` takes them.
    """
    own = modality_states.own_states(context.study, context.row)
    for place, name in enumerate(context.study.modalities):
        with st.container(border=True, key=f"box-change-{place}", gap="xsmall"):
            _change(context, name, own[name])
    wanted = builders.parse_changes(page_params.current()) or {}
    st.button(
        "Undo all changes",
        key="_what_if_reset",
        icon=":material/restart_alt:",
        on_click=undo_changes,
        args=(context,),
        disabled=all(
            change.action == changed_samples.KEPT
            for change in changed_samples.wanted_changes(context.study, context.row, wanted)
        ),
    )
    return wanted


def _change(context: page_context.PageContext, name: str, own: Any) -> None:
    match widgets.draw(
        builders.action_choice(context.study, name), label=text.escape_markdown(name)
    ):
        case changed_samples.SWAP:
            _donor(context, name)
        case changed_samples.INPUT:
            _input(context, name)
        case changed_samples.STATE:
            _state(context, name, own)
        case changed_samples.DROP:
            st.caption(
                f"Left out: replaced by {decisions.background_markdown(context.study.background)}."
            )
        case changed_samples.FLIP:
            st.caption(
                "The smallest change of its state that flips the decision, with all other modalities as in "
                "the sample."
                if decision_flips.what_would_flip(context.study, context.row)[name].state.possible
                else f"No state of {text.escape_markdown(name)} flips this decision, so it is unchanged."
            )


def _donor(context: page_context.PageContext, name: str) -> None:
    control, dataset = builders.donor_choice(name), context.study.dataset
    # A default beside a value that a button has set would be complained of in the log.
    default = str(dataset.ids[0])
    if state.get(control.key) is None or sample_box.is_foreign(dataset, control.key):
        default = background_choice.default_contrast(context.study, context.row)
    donor = sample_box.sample_box(control, dataset, default)
    content = dataset.content(dataset.row(donor)).get(name)
    source = recording_strip.source(dataset, dataset.row(donor))
    if content is not None:
        sample_content.raw_content(name, content, in_box=True)
    if source.clip is not None:
        sample_content.clip(source.clip, donor)
    if changed_samples.can_mix(context.study):
        widgets.draw(builders.share_choice(name))


def _input(context: page_context.PageContext, name: str) -> None:
    if name == "text":
        widgets.draw(builders.WORDS, value=changed_samples.own_words(context.study, context.row))
        with st.popover("Vocabulary", icon=":material/dictionary:"):
            for title, entries in _VOCABULARY.items():
                st.markdown(f"**{title}**  \n{', '.join(map(text.escape_markdown, entries))}")
        return
    values = tuple(
        (control.key.partition(".")[2], widgets.draw(control))
        for control in builders.input_choices(context.study, name)
    )
    with page_runs.guard():
        change = changed_samples.Change(changed_samples.INPUT, controls=values)
        sample_content.raw_content(
            name,
            changed_samples.edit_content(context.study, context.row, name, change).content,
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


def _state(context: page_context.PageContext, name: str, own: Any) -> None:
    """Sliders of a state."""
    titles = _titles(context, own)
    for title, value, control in zip(
        titles,
        changed_samples.shown_state(own),
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


def _titles(context: page_context.PageContext, own: Any) -> list[str]:
    if not own.is_complex():
        elements: tuple[str, ...] = context.study.space.elements  # type: ignore[attr-defined]
        return [f"mass of ‘{text.escape_markdown(element, 20)}’" for element in elements]
    return (
        ["polar angle θ (rad): 0 is |0⟩", "azimuth φ (rad)"]
        if own.shape[-1] == 2
        else [f"weight of |{k}⟩" for k in range(own.shape[-1])]
    )
