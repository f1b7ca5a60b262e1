"""The Compare page's view of several samples, in columns, with the picker that chooses them."""

from collections.abc import Iterable

import streamlit as st

from qfusion.analysis import cohort_table, sample_similarity, text
from qfusion.explain.cohort_filters import Cohort
from qfusion.figures.decision_pairs import MOST
from qfusion.ui import (
    navigation,
    page_context,
    page_runs,
    panels,
    sample_box,
    sample_content,
    saved,
    state,
    widgets,
)
from qfusion.views import several_decisions
from qfusion.views.pages.compare import SAMPLES

_FILLED = 4  # samples of a cohort, or with the nearest


@page_runs.fragment
def several_samples(context: page_context.PageContext) -> None:
    """The samples that are chosen, side by side."""
    study, sample = context.study, context.tweaked_sample()
    rows = several_decisions.chosen_rows(sample, _choose(context))
    for column, row in zip(
        st.container(key="pair-several").columns(len(rows), gap="small"), rows, strict=True
    ):
        name = str(study.dataset.ids[row])
        with column:
            navigation.link(
                "pages/samples.py", text.escape_markdown(name), ":material/open_in_full:", open=name
            )
            sample_content.sample_content(context, row, details=False, key="several")
    panels.show(sample, context.theme, "several-decisions", "several-entropies", first=1)


def _choose(context: page_context.PageContext) -> list[str]:
    """Draw the picker of samples, with the buttons that fill it, and return the chosen samples."""
    dataset = context.study.dataset
    key = SAMPLES.key
    arguments = widgets.bind(SAMPLES, [])
    chosen = [str(name) for name in state.get(key) or [] if name]
    fitting = dataset.known_ids(chosen)[:MOST]
    if fitting != chosen and (state.get(key) or len(chosen) > MOST):
        state.put(key, fitting)  # of another data set, or too many
    few = [
        *fitting,
        context.sample,
        *map(str, dataset.ids[context.study.explained_rows[: sample_box.OFFERED // 2]]),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        samples = st.multiselect(
            SAMPLES.label,
            list(dict.fromkeys(few))
            if len(dataset) > sample_box.OFFERED
            else sample_box.listed_ids(dataset),
            max_selections=MOST,
            label_visibility="collapsed",
            placeholder=f"{context.sample} and the nearest by contributions",
            **arguments,
        )
        st.button(
            "With the nearest",
            key="_several_near",
            icon=":material/near_me:",
            on_click=lambda: _choose_rows(
                context,
                [
                    context.row,
                    *sample_similarity.nearest(context.tweaked_sample(), count=_FILLED).rows,
                ],
            ),
        )
        for k, cohort in enumerate(saved.saved_cohorts()):
            st.button(
                f"Worst of ‘{text.escape_markdown(cohort.name)}’",
                key=f"_several_{k}",
                on_click=page_runs.run_or_notice,
                args=(_worst, context, cohort),
            )
    return list(samples)


def _worst(context: page_context.PageContext, cohort: Cohort) -> None:
    rows = cohort_table.members(context.study, cohort.parts)
    _choose_rows(context, rows[context.study.errors[rows].argsort()[::-1][:_FILLED]])


def _choose_rows(context: page_context.PageContext, rows: Iterable[int]) -> None:
    state.put(SAMPLES.key, [str(context.study.dataset.ids[row]) for row in rows])
