"""The bar's words on a large data set that is being encoded, while the pages show its first samples."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import encoding
from qfusion.analysis.systems.encoding import Encoding
from qfusion.ui.bar.refining import PULSE, time_left
from qfusion.ui.frame import cache, runs, state


def workspace(model: str, data: str) -> Workspace:
    """A model applied to a data set, by their names: to its first samples until all are encoded, which begins here."""
    cache.require_known(model, data)
    if encoding.is_ready(model, data):
        return cache.workspace_of(model, data)
    encoding.begin(model, data)
    return encoding.first(model, data, str(st.query_params.get(state.SAMPLE) or state.get(state.SAMPLE) or ""))


def draw(model: str, data: str, work: Workspace) -> None:
    """Draws how far the encoding is, where the page shows the first samples only."""
    job = encoding.find(model, data)
    if job is None or len(work.dataset) == job.total:
        return
    shown = len(work.dataset.rows("test"))
    with st.popover(f"{len(work.dataset):,} of {job.total:,} samples", icon=":material/table_rows:",
                    key="first-samples", help="All samples are being encoded"):
        st.caption(f"This data set is encoded for the first time with this model. Until that is done, {shown:,} test "
                   f"samples drawn at random are shown, compared with {work.background.size:,} training samples, and "
                   "every number says so.")
        if not job.under_way:
            st.button("Encode all samples", key="_encode_all", on_click=_again, args=(model, data))
    if job.problem:
        state.notice(f"Encoding all samples failed: {text.plain(job.problem)}. The first samples are shown.")
    if job.under_way:
        with st.container(width=260, key="encoding"):
            st.fragment(_progress, run_every=PULSE)(model, data, job)


def _again(model: str, data: str) -> None:
    encoding.begin(model, data, again=True)


def _progress(model: str, data: str, job: Encoding) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    runs.begin()
    if not job.under_way:
        st.rerun()
    encoding.begin(model, data)  # still here
    left = job.seconds_left
    ahead = "starting" if left is None else f"{time_left(left)} left"
    st.progress(job.done / job.total, f"Encoding: {job.done:,} of {job.total:,} samples, {ahead}")
    st.button("Cancel", key="_encode_cancel", on_click=job.stop)
