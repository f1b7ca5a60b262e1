"""Panels below the first screen are drawn once they come near it: `frame.js` presses a button in their place."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

from qfusion._sentences import capitalise
from qfusion.ui import page_runs, state

_VISIBLE_PANELS = "_near"  # in a session: names of the panels that came near the screen last
_PINNED_PANELS = "_stays"  # in a session: names of the panels that every run draws from then on
MAX_VISIBLE = 4  # the last ones are drawn in every run, the others again once they come near
EVERYTHING = "*"  # among the visible panels: no panel waits


def lazy_panel(name: str, part: Callable[[], object], *, stays: bool = False) -> None:
    """Draw a part of a page separately, once it comes near the screen.

    Args:
        name: of it. part: draws it.
        stays: whether it is drawn at once from then on, as what holds widgets that the address knows has to be.
    """
    key = f"later-{name}"

    def show_panel() -> None:
        visible = [other for other in state.get(_VISIBLE_PANELS, ()) if other != name]
        pinned = set(state.get(_PINNED_PANELS, ()))
        if stays:
            pinned.add(name)
        else:
            visible = [*visible, name][-MAX_VISIBLE:]
        state.put(_VISIBLE_PANELS, visible)
        state.put(_PINNED_PANELS, pinned)
        with suppress(StreamlitAPIException):  # the page has changed, and has no such part
            st.rerun(key)  # of all that come at a time, each its own

    def draw_or_wait() -> None:
        visible = {*state.get(_VISIBLE_PANELS, ()), *state.get(_PINNED_PANELS, ())}
        visible.add(state.get(state.DRAWER))
        if visible & {name, EVERYTHING}:
            state.get(state.WAITING).discard(name)
            part()
        else:
            state.get(state.WAITING).add(name)
            with st.container(border=True, key=key):
                st.button(
                    capitalise(name.replace("-", " ")),
                    on_click=show_panel,
                    key=f"_{key}",
                    type="tertiary",
                    help="Drawn when it is scrolled into view, or by this button.",
                )

    page_runs.fragment(draw_or_wait, key)()
