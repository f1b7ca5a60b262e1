"""Compare: two samples, two models, or a model before and after a tweak, side by side."""

import streamlit as st

from qfusion.panels.address import Pin
from qfusion.panels.compare import SEVERAL
from qfusion.ui.frame import stored
from qfusion.ui.frame.shell import Here, fragment, guard, shell
from qfusion.ui.pages.compare import compare_view, several_view
from qfusion.ui.panel import panels


@fragment
def decisions(here: Here, view: Pin) -> None:
    """B's parameters and both decisions; a fragment, so that a parameter redraws this and nothing else."""
    with st.container(key="fold-decisions"):
        tweak = compare_view.tweak_of_b(here)
        sides = compare_view.sides(here, view, tweak)
        compare_view.waterfalls(here, sides)
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            compare_view.numbers(sides)
            compare_view.classes(here, sides)
            compare_view.contents(here, view)
        with right:
            compare_view.shares(here, sides)
            compare_view.entropies(here, sides)
        panels.below(here.theme, **here.subjects(tweak), sides=sides)


def page() -> None:
    """Draws the page."""
    here = shell("Compare", compare_view.forget_lost)
    with guard(), st.container(key="fold-compare"):
        pinned = stored.pinned()
        if several_view.view() == SEVERAL:
            several_view.draw(here)
        elif pinned is None:
            compare_view.nothing_pinned(here)
        else:
            compare_view.controls(here, pinned)
            decisions(here, pinned)


if __name__ == "__main__":  # as Streamlit runs it
    page()
