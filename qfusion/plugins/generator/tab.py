"""The tab Generator of Dynamics."""

import streamlit as st

from qfusion.app import page_context, panels
from qfusion.plugins.generator import panels as builders
from qfusion.study.sample import Sample


def draw_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Draw whether the gap misleads, how far the generator is from normal, entropy production, and simpler
    generators.
    """
    reason = builders.describe_missing_parts(sample) if builders.evolves(sample) else ""
    if reason:
        st.caption(reason)
    panels.show_with_leads(sample, *builders.PANELS)
