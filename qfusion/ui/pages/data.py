"""Data: the available data sets, their contents, and the import of one's own."""

import streamlit as st

from qfusion.panels import data_fusion
from qfusion.ui import figure, frame, page_runs, state
from qfusion.ui.data_import_form import data_import_form
from qfusion.ui.data_set_view import chosen_set, listing


def page() -> None:
    """Draw the page."""
    frame.begin_page("Data")
    with page_runs.guard(), st.container(key="fold-data"):
        if state.take(state.ASKS_NEED):
            state.put(data_fusion.NEED.key, True)  # it is asked at once whether it needs fusion
        if words := state.get(state.DATA_MESSAGE):
            st.success(words, icon=":material/check_circle:")
        figure.draw_side_by_side(listing, chosen_set, widths=[1, 1.25])
    data_import_form()
    state.take(
        state.DATA_MESSAGE
    )  # only now: what begins the page again before its end does not lose it


page_runs.run_page(__file__, __name__)
