"""The Compare page's view of several samples, in columns."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures, similar
from qfusion.explain.cohorts import Cohort
from qfusion.figures.samples import MOST
from qfusion.panels import compare as several_panels
from qfusion.panels.compare import VIEW, VIEWS
from qfusion.ui.frame import state, stored
from qfusion.ui.frame.shell import Here, fragment, link, told
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_box, sample_view

SEVERAL = "several"
_FILLED = 4  # samples of a cohort, or with the nearest


def view() -> str:
    """Draws the choice between two decisions and several samples, and returns it."""
    return state.one_of(
        "View", list(VIEWS), default=VIEWS[0], label_visibility="collapsed", **state.bound(VIEW)
    )


@fragment
def draw(here: Here) -> None:
    """The samples that are chosen, side by side."""
    work, sample = here.work, here.subject()
    ids = _choose(here)
    rows = several_panels.chosen(sample, ids)
    with st.container(key="pair-several"):
        columns = st.columns(len(rows), gap="small")
    for column, row in zip(columns, rows, strict=True):
        name = str(work.dataset.ids[row])
        with column:
            link("pages/samples.py", text.plain(name), ":material/open_in_full:", open=name)
            sample_view.content(here, row, details=False, key="several")
    output = "" if here.asked is None else work.classes[here.asked]
    panels.draw(several_panels.decisions(sample, here.theme, ids=ids, output=output))
    if work.can("time") or work.can("rules"):
        panels.draw(several_panels.several_entropies(sample, here.theme, ids=ids, output=output))


def _choose(here: Here) -> list[str]:
    """The picker of samples, and what fills it."""
    work = here.work
    chosen = [str(each) for each in state.get(SEVERAL) or st.query_params.get_all(SEVERAL) if each]
    fitting = sample_box.fitting(work.dataset, chosen)[:MOST]
    if fitting != chosen and (state.get(SEVERAL) or len(chosen) > MOST):
        state.put(SEVERAL, fitting)  # of another data set, or too many
    few = [
        *fitting,
        here.sample,
        *(str(name) for name in work.dataset.ids[work.bulk[: sample_box.OFFERED // 2]]),
    ]
    options = (
        list(dict.fromkeys(few))
        if len(work.dataset) > sample_box.OFFERED
        else sample_box.offered(work.dataset)
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found = st.multiselect(
            f"Samples (up to {MOST})",
            options,
            max_selections=MOST,
            label_visibility="collapsed",
            placeholder=f"{here.sample} and the nearest by contributions",
            **state.bound(SEVERAL),
        )
        st.button(
            "With the nearest",
            key="_several_near",
            icon=":material/near_me:",
            on_click=_with_nearest,
            args=(here,),
        )
        for k, cohort in enumerate(stored.saved()):
            st.button(
                f"Worst of ‘{text.plain(cohort.name)}’",
                key=f"_several_{k}",
                on_click=told,
                args=(_worst, here, cohort),
            )
    return list(found)


def _with_nearest(here: Here) -> None:
    found = similar.nearest(here.subject(), count=_FILLED)
    state.put(SEVERAL, [here.sample, *(str(name) for name in here.work.dataset.ids[found.rows])])


def _worst(here: Here, cohort: Cohort) -> None:
    rows = cohort_measures.members(here.work, cohort.parts)
    errors = here.work.errors[rows]
    best = rows[errors.argsort()[::-1][:_FILLED]]
    state.put(SEVERAL, [str(name) for name in here.work.dataset.ids[best]])
