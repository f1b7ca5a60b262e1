"""Data: the available data sets, their contents, and the import of one's own."""

import streamlit as st

from qfusion.ui import frame, page_runs, state
from qfusion.ui.data_import_form import data_import_form
from qfusion.ui.data_set_view import choose_set, draw_set, listing


def page() -> None:
    """Draw the page."""
    frame.begin_page("Data")
    with page_runs.guard(), st.container(key="fold-data"):
        if words := state.take(state.DATA_MESSAGE):
            # in view wherever the reader has scrolled to
            st.toast(words, icon=":material/check_circle:", duration="long")
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            listing()
        with left, page_runs.guard():
            dataset = choose_set()
            with right:
                draw_set(dataset)
    data_import_form()


page_runs.run_page(__file__, __name__)
