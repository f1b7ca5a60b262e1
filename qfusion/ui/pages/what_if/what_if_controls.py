"""The controls of the What-if page: what is done to each modality. Everything stands in the address."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from qfusion.analysis import backgrounds, text
from qfusion.analysis.dynamics import interventions
from qfusion.analysis.dynamics.interventions import (
    DROP,
    FLIP,
    INPUT,
    KEPT,
    STATE,
    SWAP,
    Asked,
    Change,
)
from qfusion.data import Audio, Content, Image, Text
from qfusion.data.sources.planted import editing, words
from qfusion.panels.what_if import PREFIXES, TITLES, control_key, ranges
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.shared import sample_box

SAY, _FOR = "say", "_what_if_for"
_ACTION = {title: action for action, title in TITLES.items()}


def do_key(modality: str) -> str:
    """Key of what is done to a modality."""
    return f"do.{modality}"


def donor_key(modality: str) -> str:
    """Key of the sample that lends a modality."""
    return f"with.{modality}"


def set_key(modality: str, place: int) -> str:
    """Key of one number of an edited state."""
    return f"set.{modality}.{place}"


def forget_other_samples(here: Here) -> None:
    """Takes the changes back when the sample is another one: they were made for the one before."""
    now = (here.work.name, here.work.dataset.name, here.sample)
    before = state.get(_FOR)
    state.put(_FOR, now)
    if before not in (None, now):
        reset(here)
        # What is no longer drawn can be forgotten; a drawn widget would keep its value in the browser.
        for key in [
            str(key) for key in st.session_state if str(key).startswith(PREFIXES[1:]) or key == SAY
        ]:
            state.forget(key)


def reset(here: Here) -> None:
    """Takes all changes back; for callbacks."""
    for name in here.work.modalities:
        if state.get(do_key(name)) is not None:
            state.put(do_key(name), TITLES[KEPT])


def take(modality: str, action: str, donor: str = "") -> None:
    """Sets what is done to a modality; for callbacks."""
    state.put(do_key(modality), TITLES[action])
    if donor:
        state.put(donor_key(modality), donor)


def draw(here: Here) -> Asked:
    """Draws the controls and returns what is asked for, as `interventions.asked` takes it."""
    own = interventions.own_states(here.work, here.row)
    found = {}
    for place, name in enumerate(here.work.modalities):
        with st.container(border=True, key=f"box-change-{place}", gap="xsmall"):
            found[name] = _one(here, name, own[name])
    st.button(
        "Undo all changes",
        key="_what_if_reset",
        icon=":material/restart_alt:",
        on_click=reset,
        args=(here,),
        disabled=all(
            change.action == KEPT for change in interventions.asked(here.work, here.row, found)
        ),
    )
    return found


def _one(here: Here, name: str, own: Any) -> dict[str, Any]:
    titles = [TITLES[action] for action in interventions.actions(here.work, name)]
    if state.get(do_key(name)) not in (None, *titles):
        state.forget(do_key(name))
    action = _ACTION[
        st.selectbox(text.plain(name), titles, help=_HELP, **state.bound(do_key(name)))
    ]
    details: dict[str, Any] = {}
    if action == SWAP:
        details = {"donor": _donor(here, name)}
    elif action == INPUT:
        details = _input(here, name)
    elif action == STATE:
        details = {"state": _state(here, name, own)}
    elif action == DROP:
        st.caption(f"Left out: {backgrounds.behind(here.work.background)} stand in for it.")
    elif action == FLIP:
        possible = interventions.what_would_flip(here.work, here.row)[name].state.possible
        st.caption(
            "The smallest change of its state, all other modalities as they are in the sample, that turns the decision."
            if possible
            else f"No state of {text.plain(name)} turns this decision, so it is left as it is."
        )
    return {"action": action, **details}


_HELP = "What is done to this modality before the model sees it. Several can be changed at once."


def _donor(here: Here, name: str) -> str:
    data, key = here.work.dataset, donor_key(name)
    if sample_box.is_foreign(data, key):
        state.forget(key)
    # A default beside a value that a button has set would be complained of in the log.
    default = (
        backgrounds.default_contrast(here.work, here.row)
        if state.get(key) is None
        else str(data.ids[0])
    )
    donor = sample_box.draw(
        "of sample",
        data,
        default,
        key,
        help="Any sample of the data; it opens on one with another decision.",
    )
    content = here.work.dataset.content(here.work.dataset.row(donor)).get(name)
    if content is not None:
        show(name, content)
    return str(donor)


def _input(here: Here, name: str) -> dict[str, Any]:
    if name == "text":
        said = st.text_input(
            "Sentence",
            value=interventions.own_words(here.work, here.row),
            max_chars=400,
            **state.bound(SAY),
            help=f"At most {words.MAX_WORDS} words of the vocabulary below, with one 'and' or 'but' "
            "at most.",
        )
        with st.popover("Vocabulary", icon=":material/dictionary:"):
            _vocabulary()
        return {"words": str(said or "")}
    values = {
        control.name: float(
            st.slider(
                f"{control.title} ({control.unit})",
                control.low,
                control.high,
                0.0,
                0.05,
                format="%+.2f",
                **state.bound(control_key(name, control)),
            )
        )
        for control in editing.CONTROLS[name]
    }
    with guard():
        show(
            name,
            interventions.edited(
                here.work, here.row, name, Change(INPUT, controls=tuple(values.items()))
            ).content,
        )
    return {"controls": values}


def _vocabulary() -> None:
    groups = {
        "Opinions, with their value": [f"{w} ({v:+.2f})" for w, v in words.OPINIONS.items()],
        "Intensifiers": [f"{w} (×{v:g})" for w, v in words.INTENSIFIERS.items()],
        "Negations": words.NEGATIONS,
        "Joins": words.JOINS,
        "Topics": words.TOPICS,
        "Fillers": words.FILLERS,
        "Others": words.FUNCTION,
    }
    for title, entries in groups.items():
        st.markdown(f"**{title}**  \n{', '.join(map(text.plain, entries))}")


def _state(here: Here, name: str, own: Any) -> dict[int, float]:
    """Sliders of a state: its numbers by place."""
    titles, chosen = _titles(here, own), dict[int, float]()
    numbers = zip(titles, interventions.shown_state(own), ranges(here.work, name), strict=True)
    for place, (title, value, (low, high)) in enumerate(numbers):
        start = float(np.clip(round(value, 3), low, high))
        chosen[place] = float(
            st.slider(
                title,
                low,
                high,
                start,
                interventions.STEP,
                format="%.3f",
                **state.bound(set_key(name, place)),
            )
        )
    if own.is_complex() and len(titles) > 2:
        st.caption("Weights are scaled to add up to one; the phases stay.")
    return chosen


def _titles(here: Here, own: Any) -> list[str]:
    if not own.is_complex():
        elements: tuple[str, ...] = here.work.elements  # type: ignore[attr-defined]
        return [f"mass of ‘{text.plain(element, 20)}’" for element in elements]
    if own.shape[-1] == 2:
        return ["polar angle θ (rad): 0 is |0⟩", "azimuth φ (rad)"]
    return [f"weight of |{k}⟩" for k in range(own.shape[-1])]


def show(name: str, content: Content) -> None:
    """A raw content, small."""
    if isinstance(content, Text):
        st.text(content.text)
    elif isinstance(content, Audio):
        st.audio(np.asarray(content.samples), sample_rate=content.rate, alt=f"Recording: {name}")
    elif isinstance(content, Image):
        st.image(np.asarray(content.pixels), width=120, clamp=True, alt=f"Picture: {name}")
