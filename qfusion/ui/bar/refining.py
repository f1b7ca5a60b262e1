"""The bar's words on how many rows of the background are used, and the way to all of them, worked out behind the
page."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._progress import duration
from qfusion.analysis import backgrounds, text
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import behind, refinement
from qfusion.analysis.systems.behind import Job, State
from qfusion.panels.address import options
from qfusion.ui.frame import runs, state

PULSE = 1.0  # seconds between two looks at how far it is
_WANTED, _DECLINED, _SELF = "_refined", "_some_refined", "_asker"


def draw(work: Workspace) -> Workspace:
    """Draws it for a model that is evaluated row by row; returns the workspace that the page shows.

    All rows are worked out behind the page, where that takes minutes unless the reader cancels it, else when asked;
    until then the page shows, and says, what it has. The address says `rows=all` once all numbers are there.
    """
    state.drop_invalid(
        {state.ROWS: options("Rows", [backgrounds.ALL_ROWS], "Some of the rows are used.")}
    )
    if not work.is_sampled:
        _leave()
        return work
    key = work.memo_key()
    unasked = state.get(_DECLINED) != key and refinement.is_quick(work)
    if (
        state.get(state.ROWS)
        or st.query_params.get(state.ROWS)
        or state.get(_WANTED) == key
        or unasked
    ):
        _want(work)
        job = refinement.begin(work, state.get(_SELF))
        if job.state == State.DONE:
            state.put(state.ROWS, backgrounds.ALL_ROWS)
            with _popover(f"All {work.background.size:,} rows"):
                st.caption(
                    f"Decisions are compared with all {work.background.size:,} rows of the background."
                )
                st.button(f"Use {_some(work)}", key="_some_rows", on_click=_decline, args=(work,))
            return job.result
        state.forget(state.ROWS)
        if job.state != State.FAILED:
            with _popover(f"{work.bulk_background.size:,} of {work.background.size:,} rows"):
                _said(work)
            with st.container(width=260, key="refining"):
                st.fragment(_progress, run_every=PULSE)(work, job)
            return work
        state.notice(
            f"Comparing with all rows failed: {text.plain(job.problem)}. Some of the rows are used."
        )
        _decline(work)
    with _popover(f"{work.bulk_background.size:,} of {work.background.size:,} rows"):
        _said(work)
        st.button(
            f"Use all {work.background.size:,} rows",
            key="_all_rows",
            on_click=_want,
            args=(work,),
            help="Exact contributions, worked out behind the page, which goes on meanwhile.",
        )
    return work


def _popover(label: str) -> DeltaGenerator:
    """Opens what there is to say of the rows."""
    return st.popover(
        label,
        icon=":material/table_rows:",
        key="rows-used",
        help="How many rows of the background stand in",
    )


def kept() -> dict[str, str]:
    """What links and the next page carry."""
    return {state.ROWS: str(state.get(state.ROWS))} if state.get(state.ROWS) else {}


def _said(work: Workspace) -> None:
    few = len(work.bulk) < len(work.dataset.rows("test"))
    whose = f"the first {len(work.bulk):,} test samples" if few else "test samples"
    st.caption(
        f"To answer at once, {whose} are compared with {_some(work)} of the background's "
        f"{work.background.size:,}, drawn at random."
    )


def _some(work: Workspace) -> str:
    """How many rows are used where not all are."""
    one = work.sample_background.size
    alone = "all" if one == work.background.size else f"{one:,}"
    return f"{work.bulk_background.size:,} rows (the open one with {alone})"


def _progress(work: Workspace, job: Job) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    runs.begin()
    if job.state not in behind.UNDER_WAY or state.get(_WANTED) is None:
        st.rerun()
    refinement.begin(work, state.get(_SELF))  # still here
    left = job.seconds_left
    ahead = "waiting for another test set" if left is None else f"{duration(left)} left"
    st.progress(job.done / job.total, f"All rows: {job.done:,} of {job.total:,} samples, {ahead}")
    st.button("Cancel", key="_refine_cancel", on_click=_decline, args=(work,))


def _want(work: Workspace) -> None:
    """Asks for all rows of this subject, and no longer for those of another."""
    if state.get(_WANTED) not in (None, work.memo_key()):
        _leave()
    state.put(_SELF, state.get(_SELF) or uuid4().hex)
    state.put(_WANTED, work.memo_key())
    state.put(_DECLINED, None)


def _leave() -> None:
    """Asks for them no longer."""
    if state.get(_WANTED) is not None:
        behind.leave(state.get(_WANTED), state.get(_SELF))
        state.put(_WANTED, None)


def _decline(work: Workspace) -> None:
    """Shows this subject against some rows until the reader asks for all."""
    _leave()
    state.put(_DECLINED, work.memo_key())
    state.forget(state.ROWS)
