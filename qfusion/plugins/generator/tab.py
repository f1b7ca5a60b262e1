"""The tabs H and L, and Generator, of Dynamics."""

import streamlit as st

from qfusion.app import page_context, panels, widgets
from qfusion.plugins.generator import operator_views, panels as builders
from qfusion.study.sample import Sample

WIDE = (1.25, 1)  # of two columns


def draw_operators(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the graph of couplings beside the levels, and below them letters and modes."""
    panels.show(sample, "couplings", "levels", columns=WIDE, gap="medium", first=2)
    widgets.draw(operator_views.OPERATOR, context.study)
    panels.show(sample, "letters", "modes", columns=WIDE, gap="medium")


def draw_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Draw whether the gap misleads, how far the generator is from normal, entropy production, and simpler
    generators.
    """
    reason = builders.describe_missing_parts(sample) if builders.evolves(sample) else ""
    if reason:
        st.caption(reason)
    panels.show_with_leads(sample, *builders.PANELS)
