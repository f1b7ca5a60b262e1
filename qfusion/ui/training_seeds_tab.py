"""Agreement of the explanations between training seeds."""

import streamlit as st

from qfusion.analysis import text, trust
from qfusion.analysis.study import Study
from qfusion.explain import stability
from qfusion.panels import panel, seed_stability
from qfusion.ui import figure, page_context, widgets


def seeds_tab(
    context: page_context.PageContext, study: Study, seeds: stability.Stability | None, missing: str
) -> None:
    """Rank correlation between seeds, and the current sample by every seed."""
    if seeds is None:
        st.info(
            f"Not measured for this model. {missing}"
            if study.reads_features
            else "A measured game was not trained here: it has no training seeds.",
            icon=":material/info:",
        )
        return
    terms = widgets.draw(panel.TERMS)

    def draw_sample() -> panel.PanelFigure | None:
        if trust.seed_values(study, seeds, context.row, terms) is not None:
            return seed_stability.seed_sample(context.tweaked_sample(), context.theme, terms=terms)
        st.info(
            f"Sample {text.escape_markdown(context.sample)} is not a test sample. Seeds are compared on "
            "test samples only, so choose one of these.",
            icon=":material/info:",
        )
        return None

    figure.draw_side_by_side(
        lambda: seed_stability.seed_ranks(study, context.theme, terms=terms), draw_sample
    )
    st.caption(
        f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test "
        "samples."
    )
