"""What Python cannot do in the frame of a page: follow the reader's theme at once, and let the keyboard skip the
sidebar."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from qfusion import _assets


def draw(theme: str) -> None:
    """Says in which theme the page is drawn, and adds the script and the button that it presses to have the page drawn
    in another.

    Streamlit changes its own colours when the theme changes, but does not run the page again, so figures would keep
    theirs.
    """
    with st.container(key="qf-frame"):
        st.html(
            f'<div id="qf-theme" data-theme="{theme}"></div><script>{_script()}</script>',
            unsafe_allow_javascript=True,
        )
        st.button("Draw the page again", key="_redraw")


@lru_cache(maxsize=1)
def _script() -> str:
    return _assets.text("frame.js")
