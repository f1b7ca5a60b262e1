"""The bar's words on a large data set that is being encoded, while the pages show its first samples."""

from __future__ import annotations

import streamlit as st

from qfusion._progress import duration
from qfusion.analysis import text
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import encoding
from qfusion.analysis.systems.encoding import Encoding
from qfusion.ui.bar.refining import PULSE
from qfusion.ui.frame import cache, runs, state


def workspace(model: str, data: str) -> Workspace:
    """A model applied to a data set, by their names: to its first samples until all are encoded, which begins here."""
    cache.require_known(model, data)
    if encoding.is_ready(model, data):
        return cache.workspace_of(model, data)
    encoding.begin(model, data)
    return encoding.first(
        model, data, str(st.query_params.get(state.SAMPLE) or state.get(state.SAMPLE) or "")
    )


def draw(model: str, data: str, work: Workspace, sample: str) -> None:
    """Draws how far the encoding is, where the page shows the first samples only; the open one stays open."""
    job = encoding.find(model, data)
    if job is None or len(work.dataset) == job.total:
        return
    if job.problem:
        state.notice(
            f"Encoding all samples failed: {text.plain(job.problem)}. The first samples are shown."
        )
    with st.container(width="content", key="encoding" if job.under_way else "encoding-ended"):
        st.fragment(_said, run_every=PULSE if job.under_way else None)(
            model, data, job, work, sample
        )


def _said(model: str, data: str, job: Encoding, work: Workspace, sample: str) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    runs.begin()
    if not job.under_way and encoding.is_ready(model, data):
        state.choose_sample(sample)
        st.rerun()
    left = job.seconds_left
    ahead = f", {duration(left)} left" if left is not None else ""
    with st.popover(
        f"{len(work.dataset):,} of {job.total:,}",
        icon=":material/table_rows:",
        key="first-samples",
        help="How many samples are shown until all are encoded",
    ):
        st.caption(
            "What this model makes of this data set is not kept here yet, or not any more. Until all of it is "
            f"encoded, {len(work.dataset.rows('test')):,} test samples drawn at random are shown, compared with "
            f"{work.background.size:,} of {work.background.total:,} training samples."
        )
        if job.under_way:
            encoding.begin(model, data)  # still here
            st.progress(
                job.done / job.total, f"{job.done:,} of {job.total:,} samples encoded{ahead}"
            )
            st.button("Cancel", key="_encode_cancel", on_click=job.stop)
        else:
            st.button("Encode all samples", key="_encode_all", on_click=_again, args=(model, data))


def _again(model: str, data: str) -> None:
    encoding.begin(model, data, again=True)
