"""The first part of a page, drawn in a run of its own: `frame.begin_model_page` starts it.

The page is drawn again, in whole, once a browser has drawn this part.
"""

import streamlit as st

FIRST = "_first_figure"  # in a session: the event that a browser has drawn it; later False
PATIENCE = 10.0  # seconds after which a browser that has not said so, or that cannot, gets the rest all the same
# models that this server has shown; none where pages run without one
shown_models: set[str] = set()


def finish_first_paint(patience: float = 0) -> None:
    """Rerun a page that so far shows only its first part. If that is a figure, wait up to `patience` seconds until a
    browser has drawn it.
    """
    if drawn := st.session_state.get(FIRST):
        drawn.wait(patience)
        st.session_state.clear()
        st.session_state[FIRST] = False
        st.rerun()
