"""Slow figures: computed from some samples drawn at random, or in the background from all of them."""

import hashlib
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from qfusion.analysis import drawn_samples, jobs
from qfusion.analysis.study import Study
from qfusion.ui import job_progress, state, streamlit_internals
from qfusion.views.pages import panel
from qfusion.views.words.rules import describe_drawn


def everyone(
    name: str, study: Study, rows: np.ndarray, some: int, make: Callable[[], object], *more: str
) -> bool:
    """Return whether a panel shows all samples, which have then been computed. Until then, show that only some samples
    are drawn and the progress on all of them.

    Args:
        name: of the panel. study: the model on its data. rows: of all samples. some: how many are drawn of these.
        make: works out what the panel shows of all samples, where it is kept.
        more: what else tells it from others.
    """
    key = (name, *more, *study.base_study.memo_key(), hashlib.sha256(rows.tobytes()).hexdigest())
    if some >= len(rows) or state.get(panel.EVERYONE.key) != drawn_samples.ALL:
        if some < len(rows):
            st.caption(f"{describe_drawn(some, len(rows))}.")
        jobs.leave_job(key, streamlit_internals.session_id())
        return False
    return job_progress.is_done(
        jobs.begin_job(key, make, len(rows), streamlit_internals.session_id()),
        "All samples: {job.done:,} of {job.total:,}",
        "Not all samples can be measured: {job.problem}. Some of them are shown.",
        wanted=lambda: state.get(panel.EVERYONE.key) == drawn_samples.ALL,
        # the next run leaves the job
        cancel=partial(state.put, panel.EVERYONE.key, drawn_samples.DRAWN),
        width=320,
        keys=(f"all-samples-{name}", f"_all_cancel_{name}"),
    )
