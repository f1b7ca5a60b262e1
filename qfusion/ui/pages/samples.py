"""Samples: find one, read it, and see which modality decided, what inside it did, and which samples are like it."""

from functools import partial

import pandas as pd
import streamlit as st

from qfusion.analysis import sample_filters
from qfusion.models.protocols import Evolution, GateCircuit, StateModel, TruthTables
from qfusion.ui import frame, lazy_panels, page_params, page_runs, panels, sample_content, widgets
from qfusion.ui.attribution_view import modality_attributions
from qfusion.ui.hero_card import hero_card
from qfusion.ui.own_sample_form import try_own
from qfusion.ui.sample_search import (
    clear_filters,
    filters,
    note_hidden_sample,
    sample_scatter,
    sample_table,
)
from qfusion.ui.similar_samples_panel import similar_samples
from qfusion.views.pages.samples import OPEN, STRIP, TABLE, TRY
from qfusion.views.words.names import describe_entropies


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Samples")
    sample, theme, ruled = (
        context.tweaked_sample(),
        context.theme,
        context.study.model.part(TruthTables) is not None,
    )

    if TRY.fits(context.study):
        widgets.draw_folded(TRY, lambda: try_own(context), ":material/draw:")
    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    over_seconds = None
    with read, page_runs.guard():
        sample_content.sample_heading(context)
        hero_card(context, details=True)
        over_seconds = st.container()  # after the decision: attributions take their time
        panels.show(sample, theme, "verdict", grows=False, first=1)
        panels.show(sample, theme, "waterfall", first=1)
        if context.study.reads_features:
            widgets.draw_folded(OPEN, lambda: modality_attributions(context), ":material/search:")
    if over_seconds is not None:  # else the guard says why there is no decision
        with over_seconds, page_runs.guard():
            options = STRIP["strip"].arguments(page_params.current())
            panels.show(
                sample,
                theme,
                "strip",
                below=lambda: sample_content.follow_strip(sample, f"main-{context.row}", **options),
            )
    with left, page_runs.guard():
        panels.show(sample, theme, "shapley", "masses")
    with right, page_runs.guard():
        panels.show(sample, theme, "beliefs", "fused-entropies", "entropies")
        if context.study.model.part(GateCircuit):
            st.caption(describe_entropies(sample.entropies))
        elif context.study.reads_features and not (ruled or context.study.model.part(Evolution)):
            st.caption(
                "This model has no entropies: without entanglement and evolution its states stay pure."
                if context.study.model.part(StateModel)
                else "This model has no entropies, as it has no quantum states."
            )
    if ruled:
        with below, page_runs.guard(), widgets.fold(TABLE, ":material/table_rows:"):
            table: pd.DataFrame = sample.reading.frame().reset_index()
            st.dataframe(
                table,
                hide_index=True,
                height="content",
                alt="One row per element: masses, rule, beliefs.",
                column_config={
                    c: st.column_config.NumberColumn(format="%.3f")
                    for c in table.select_dtypes("floating").columns
                },
            )
    with below, page_runs.guard():
        lazy_panels.lazy_panel("similar", partial(similar_samples, context), stays=True)
        panels.draw_lower_panels(theme, **context.scopes())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, page_runs.guard(), st.container(border=True, key="box-find"):
        chosen = filters(context)
        rows = sample_filters.passing(
            context.explained_study.frame(context.output_wanted), **chosen
        )
        if len(rows):
            note_hidden_sample(context, rows)
            sample_table(context, rows, chosen["split"])
            sample_scatter(context, chosen, len(rows))
        else:
            st.info(
                "No sample passes these filters. Use fewer words, another relation, or the split “all”.",
                icon=":material/search_off:",
            )
            st.button(
                "Clear the filters",
                key="_clear_filters",
                icon=":material/filter_alt_off:",
                on_click=clear_filters,
            )
    context.prepare()


page_runs.run_page(__file__, __name__)
