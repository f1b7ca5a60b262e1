"""The button that pins the current view as A of the Compare page."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.study import Study
from qfusion.ui import saved, state
from qfusion.ui.icon_button import icon_button
from qfusion.ui.tweak_choice import current_tweak
from qfusion.views.pages import page_state


def pin_button(study: Study, row: int, link: Callable[..., Any]) -> None:
    """Draw the button and, if something is pinned, its description."""
    view = state.get(saved.PIN)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", width="content", key="pinning"
    ):
        st.button(
            "Pin",
            icon=":material/push_pin:",
            key="_pin_now",
            on_click=_pin,
            args=(study, row),
            help="Keeps model, data, sample and tweaks as A, to compare them with a later selection, B.",
        )
        if view is not None:
            link(
                "pages/compare.py",
                "Compare",
                ":material/compare:",
                help=f"With {pin_in_words(view)}, which is pinned",
            )
            icon_button(
                "Remove the pin", "close", "_unpin", state.put, saved.PIN, None, type="tertiary"
            )


def _pin(study: Study, row: int) -> None:
    view = current_pin(study, row)  # as it is now: sliders move without drawing this button anew
    state.put(saved.PIN, view)
    st.toast(
        f"A is {pin_in_words(view)}. Next, choose another sample or model as B, or tweak this one, "
        "and press Compare.",
        icon=":material/push_pin:",
        duration="long",
    )


def pin_in_words(view: page_state.Pin, content: str = "") -> str:
    """Return a pinned view as markdown.

    Args:
        view: what is pinned.
        content: the text of its sample; empty if it has none.
    """
    words = text.escape_markdown(view.sample, 40)
    if content:
        words += f" ‘{text.escape_markdown(content)}’"
    words += f" by {text.escape_markdown(view.model, 40)}"
    if view.tweak:
        words += f", tweaked: {text.escape_markdown(view.tweak, 60)}"
    return words


def current_pin(study: Study, row: int) -> page_state.Pin:
    """Return the reader's current view."""
    return page_state.Pin(
        study.name, study.dataset.name, str(study.dataset.ids[row]), current_tweak(study)
    )
