"""The bar's button that pins what is shown as A of the Compare page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.subject import Workspace
from qfusion.panels.address import Pin
from qfusion.ui.frame import sliders, stored


def draw(work: Workspace, row: int, link: Callable[..., Any]) -> None:
    """Draws the button and, when something is pinned, what it is."""
    view = stored.pinned()
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", width="content", key="pinning"
    ):
        st.button(
            "Pin",
            icon=":material/push_pin:",
            key="_pin_now",
            on_click=_pin,
            args=(work, row),
            help="Keeps model, data, sample and whatever is tweaked as A, to compare with what you look at later "
            "as B.",
        )
        if view is not None:
            link(
                "pages/compare.py",
                "Compare",
                ":material/compare:",
                help=f"With {words(view)}, which is pinned",
            )
            st.button(
                "",
                icon=":material/close:",
                key="_unpin",
                type="tertiary",
                help="Forget what is pinned",
                on_click=stored.pin,
                args=(None,),
            )


def words(view: Pin) -> str:
    """A pinned view as markdown."""
    tweak = f", tweaked: {text.plain(view.tweak, 60)}" if view.tweak else ""
    return f"{text.plain(view.sample, 40)} by {text.plain(view.model, 40)}{tweak}"


def _pin(work: Workspace, row: int) -> None:
    stored.pin(view_of(work, row))


def view_of(work: Workspace, row: int) -> Pin:
    """What the reader looks at."""
    return Pin(
        work.name, work.dataset.name, str(work.dataset.ids[row]), sliders.current_tweak(work)
    )
