"""What the generator is made of, on the Dynamics page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis.dynamics import generator
from qfusion.panels import states as generator_panels
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

LETTERS = "letters"


def tab(here: Here, now: Any, _: Any) -> None:
    """The graph of couplings beside the levels, and below them letters and modes."""
    sample = here.subject(now.tweak)
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        panels.draw(generator_panels.couplings(sample, here.theme))
    with right:
        panels.draw(generator_panels.levels(sample, here.theme))
    known = list(generator.operators(sample.model))
    if state.get(LETTERS) not in (None, *known):
        state.forget(LETTERS)
    help_words = "Which operator is taken apart below. L1, L2, ... are those of one unravelling, as under Trajectories."
    chosen = str(
        state.one_of("Operator", known, default=known[0], help=help_words, **state.bound(LETTERS))
    )
    if not generator.has_modes(sample):
        panels.draw(generator_panels.letters(sample, here.theme, operator=chosen))
        return
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        panels.draw(generator_panels.letters(sample, here.theme, operator=chosen))
    with right:
        panels.draw(generator_panels.modes(sample, here.theme))
