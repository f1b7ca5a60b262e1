"""Data: what sets there are, what is in them, and bringing one's own."""

import streamlit as st

from qfusion.ui.frame.shell import fragment, frame, guard
from qfusion.ui.pages.data import data_view, import_view


@fragment
def bring() -> None:
    """A fragment, so that a consent redraws this and nothing else; what is kept redraws the page."""
    with st.container(key="fold-import"):
        import_view.page()


def page() -> None:
    """Draws the page."""
    theme = frame("Data")
    with guard(), st.container(key="fold-data"):
        data_view.kept()
        left, right = st.columns([1, 1.25], gap="medium")
        with left, guard():
            data_view.listing()
        with right, guard():
            data_view.chosen(theme)
    bring()


if __name__ == "__main__":  # as Streamlit runs it
    page()
