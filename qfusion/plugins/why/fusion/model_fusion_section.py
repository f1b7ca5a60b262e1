"""Whether the model fuses: joint terms, loss reductions, coalitions and training seeds."""

from functools import partial

import streamlit as st

from qfusion.app import figure, page_context, page_runs, panels, widgets
from qfusion.figures import style
from qfusion.plugins.why.fusion import model_fusion
from qfusion.study import performance, trust
from qfusion.study.study import Study
from qfusion.views import faithfulness
from qfusion.views.pages import cohorts


def model_section(context: page_context.PageContext) -> None:
    """Draw what the model loses without joint terms, what reduces the loss, which coalitions contribute most, and
    whether training seeds agree.
    """
    study = context.study
    with st.container(key="fold-why-model"):
        panels.show(study, "why-loss", "why-emap", columns=2, first=2)
        words = widgets.draw(cohorts.FILTER)
        with page_runs.show_errors():
            levels = performance.compare_cohort(
                context.tweaked_sample(), str(words or ""), output=context.output_name
            )
            if not levels.inside.any():
                st.info("No sample passes this filter. Widen it.", icon=":material/help:")
            panels.show(levels, "why-ranking", "why-pairs", columns=2)
            panels.show(levels, "why-swarm")
        if model_fusion.can_sample(study):
            panels.lazy_panel("why-synergy", partial(_synergy, study))
        missing = faithfulness.seed_measurements(trust.with_training_background(study))[1]
        if missing and study.reads_features:
            st.info(f"Other training seeds: {missing}", icon=":material/help:")
        panels.show(context.tweaked_sample(), "why-basins")


def _synergy(study: Study) -> None:
    picture = model_fusion.synergy(study)
    table = picture.numbers.round(3).assign(pair=picture.numbers["pair"].map(style.term_title))

    def draw_pairs() -> None:
        if len(table) > 1:  # of one, the title says it
            st.table(table, hide_index=True, alt=picture.alt)

    figure.draw(picture, below=draw_pairs, grows=False)
