"""Overview: who decided on the sample at hand, three samples to start with, what is loaded and how good it is."""

import streamlit as st

from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.overview import overview, questions_view
from qfusion.ui.panel import panels


def page() -> None:
    """Draws the page."""
    here = shell("Overview")

    with guard(), st.container(key="fold-overview"):
        overview.start(here)
        left, questions = st.columns([1, 1.15], gap="medium")
        with left:
            overview.decision(here)
        overview.pipeline(here)
        examples = st.container()
        left, middle, right = st.columns(3, gap="medium")
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
            questions_view.panel(
                here
            )  # last: of a network, looking for what would flip it takes seconds
        panels.below(here.theme, **here.subjects())
