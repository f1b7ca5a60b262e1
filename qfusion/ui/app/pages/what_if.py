"""What if: the sample with a modality swapped, left out or edited, and what would flip the decision."""

import streamlit as st

from qfusion.ui.frame import runs
from qfusion.ui.frame.shell import Here, guard, shell
from qfusion.ui.pages.what_if import flip_view, what_if_controls, what_if_view
from qfusion.ui.panel import panels


@st.fragment
def what_if(here: Here) -> None:
    """Controls beside what they change; a fragment, so that moving one redraws this and nothing else."""
    runs.begin()
    with st.container(key="fold-what-if"):
        with guard():
            flip_view.nearest(here)
        side, main = st.columns([1, 2.6], gap="medium")
        changes = None
        with side, guard():
            changes = what_if_controls.draw(here)
        with main, guard():
            if changes is not None:
                what_if_view.result(here, changes)
        with guard():
            flip_view.parameters(here)
            panels.below(here.theme, **here.subjects())


def page() -> None:
    """Draws the page."""
    here = shell("What if")
    what_if_controls.forget_other_samples(here)
    what_if(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
