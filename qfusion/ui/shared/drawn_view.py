"""What takes long on all samples: measured on some, drawn at random, and on all of them behind the page where the
reader asks for it, by one control for all panels and pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import uuid4

import numpy as np
import streamlit as st

from qfusion._progress import duration
from qfusion.analysis import text
from qfusion.analysis.cohort import draws
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import behind
from qfusion.analysis.systems.behind import Job, State
from qfusion.ui.frame import runs, state

SAMPLES = "measured"
PULSE = 1.0  # seconds between two looks at how far it is
_SELF = "_asker"
_HELP = (
    "What takes long is measured on samples drawn at random, the same each time, and says so. All are worked out "
    "behind the page, which goes on meanwhile."
)


def choose() -> None:
    """The control."""
    state.one_of(
        "Samples for what takes long",
        draws.SAMPLES,
        default=draws.DRAWN,
        help=_HELP,
        **state.bound(SAMPLES),
    )


def everyone(
    name: str, work: Workspace, rows: np.ndarray, some: int, make: Callable[[], object], *more: str
) -> bool:
    """Returns whether a panel shows all samples, which are then worked out; says until then that some are drawn,
    and how far all are.

    Args:
        name: of the panel. work: the model on its data. rows: of all samples. some: how many are drawn of these.
        make: works out what the panel shows of all samples, where it is kept.
        more: what else tells it from others.
    """
    key = (name, *more, *work.memo_key(), hashlib.sha256(rows.tobytes()).hexdigest())
    state.put(_SELF, state.get(_SELF) or uuid4().hex)
    if some < len(rows) and state.get(SAMPLES) != draws.ALL:
        st.caption(f"{draws.words(some, len(rows))}.")
    if some >= len(rows) or state.get(SAMPLES) != draws.ALL:
        behind.leave(key, state.get(_SELF))
        return False
    job = behind.begin(key, make, len(rows), state.get(_SELF))
    if job.state == State.DONE:
        return True
    if job.state == State.FAILED:
        st.warning(
            text.message(f"All samples cannot be measured: {job.problem}. Some of them are shown.")
        )
        return False
    with st.container(width=320, key=f"all-samples-{name}"):
        st.fragment(_progress, run_every=PULSE)(key, job)
    return False


def _progress(key: tuple[str, ...], job: Job) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    runs.begin()
    if job.state not in behind.UNDER_WAY or state.get(SAMPLES) != draws.ALL:
        st.rerun()
    behind.stay(job, state.get(_SELF))
    left = job.seconds_left
    ahead = (
        ", waiting for other work"
        if job.state == State.WAITING
        else ""
        if left is None
        else f", {duration(left)} left"
    )
    st.progress(
        min(1.0, job.done / max(1, job.total)), f"All samples: {job.done:,} of {job.total:,}{ahead}"
    )
    st.button("Cancel", key=f"_all_cancel_{key[0]}", on_click=_cancel, args=(key,))


def _cancel(key: tuple[str, ...]) -> None:
    behind.leave(key, state.get(_SELF))
    state.put(SAMPLES, draws.DRAWN)
