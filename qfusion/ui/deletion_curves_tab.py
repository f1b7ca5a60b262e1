"""Deletion and insertion curves: of modalities, and of the features inside one."""

from functools import partial

import streamlit as st

from qfusion.analysis import trust
from qfusion.ui import all_samples, figure, page_context, panels, widgets
from qfusion.views import faithfulness
from qfusion.views.pages import faithfulness as builders, panel
from qfusion.views.pages.panel import drawn


def deletion_tab(context: page_context.PageContext) -> None:
    """Modalities, then the features inside one."""
    study = context.study
    measure = widgets.draw(builders.MEASURE) if study.classes else faithfulness.LOG_ODDS
    panels.show(
        study,
        context.theme,
        *(f"{kind}-modalities" for kind in faithfulness.DIRECTIONS),
        columns=2,
        first=2,
        gap="medium",
    )
    if not study.reads_features:
        return
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {
            "modality": widgets.draw(builders.FEATURES_OF, study),
            "ranking": widgets.draw(builders.RANKING),
            "measure": measure,
        }
        rows, some = study.dataset.rows(trust.SPLIT), len(trust.asked_inside(study))
        if some < len(rows):
            widgets.draw(panel.EVERYONE)
    draw_features = drawn(faithfulness.feature_curves)
    every = all_samples.everyone(
        "features",
        study,
        rows,
        some,
        lambda: draw_features(study, everyone=True, **chosen),
        *chosen.values(),
    )
    figure.draw_side_by_side(
        *(
            partial(
                draw_features,
                study,
                context.theme,
                everyone=every,
                kind=kind,
                **chosen,
            )
            for kind in faithfulness.DIRECTIONS
        )
    )
