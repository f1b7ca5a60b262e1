"""Overview: what is loaded, how good it is, and three samples to start with."""

import streamlit as st

from qfusion.ui.frame import tour
from qfusion.ui.frame.shell import FILES, guard, link, shell
from qfusion.ui.pages.overview import overview, questions_view
from qfusion.ui.panel import panels


def page() -> None:
    """Draws the page."""
    here = shell("Overview")

    with guard(), st.container(key="fold-overview"):
        tour.invitation(link, FILES)
        overview.sentence(here)
        overview.pipeline(here)
        questions = st.container()
        examples = st.container()
        left, middle, right = st.columns([1.15, 1, 1], gap="medium")
        with left:
            overview.metrics_card(here)
        with middle:
            overview.model_card(here)
        with right:
            overview.data_card(here)
        overview.reading_guide(here)
        with examples, guard():
            overview.example_samples(here)  # late: they take seconds the first time
        with questions, guard():
            questions_view.panel(here)  # last: of a network, looking for what would flip it takes seconds
        panels.below(here.theme, **here.subjects())


if __name__ == "__main__":  # as Streamlit runs it
    page()
