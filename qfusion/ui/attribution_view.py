"""The folded part of the Samples page that attributes a modality's term to what is inside the modality."""

import streamlit as st

from qfusion.analysis import modality_attribution
from qfusion.analysis.background_choice import default_contrast
from qfusion.ui import page_context, page_runs, panels, sample_box, widgets
from qfusion.views.pages import samples as raw


@page_runs.fragment
def modality_attributions(context: page_context.PageContext) -> None:
    """Draw the folded part of the Samples page: modality, term, baseline (with its sample, if it is one), method,
    and the resulting figures.
    """
    study = context.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms = modality_attribution.terms(study, widgets.draw(raw.MODALITY, study))
        titles = [modality_attribution.title(term, study.quantity) for term in terms]
        widgets.draw(raw.TERM, study, options=titles)
        if widgets.draw(raw.START) == "sample":
            sample_box.sample_box(
                raw.OTHER, study.dataset, default_contrast(study, context.row), follows=True
            )
        widgets.draw(raw.METHOD)
    panels.show(context.tweaked_sample(), context.theme, *raw.INSIDE)
