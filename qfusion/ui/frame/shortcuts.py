"""The keys that do something on every page, and the sheet that lists them. The keys themselves are in `frame.js`."""

from __future__ import annotations

import streamlit as st

from qfusion.ui.frame import runs

KEYS = {
    "← →": "previous and next sample",
    "/": "find a sample",
    "p": "pin what you see",
    "c": "copy the link",
    "u": "undo the last tweak",
    "r": "redo it",
    "w": "brief or full explanations",
    "?": "this sheet",
    "Esc": "close it",
}


@st.fragment
def draw() -> None:
    """Draws the button of the sheet; a fragment, so that the page is not drawn anew for it."""
    if (
        st.button("Keys", icon=":material/keyboard:", key="_shortcuts", width="stretch")
        and not runs.has_dialog()
    ):
        _sheet()


@st.dialog("Keys")
def _sheet() -> None:
    st.markdown(
        "\n".join(
            [
                "| key | does |",
                "|---|---|",
                *(f"| `{key}` | {does} |" for key, does in KEYS.items()),
            ]
        )
    )
