"""How many rows of the background are used, in the bar on top, with a button to use all of them."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import background_choice, drawn_samples, jobs, text
from qfusion.analysis.study import Study
from qfusion.ui import page_params, state, streamlit_internals
from qfusion.ui.job_progress import PULSE, watch
from qfusion.ui.widgets import check
from qfusion.views.pages import address

_WANTED, _DECLINED = "_refined", "_some_refined"


def background_rows(study: Study) -> Study:
    """Draw it for a model that is evaluated row by row; return the study that the page shows.

    All rows are worked out behind the page, where that takes minutes unless the reader cancels it, else when asked;
    until then the page shows, and says, what it has. The address says `rows=all` once all numbers are there.
    """
    check(address.ROWS)
    if not study.is_sampled:
        _leave()
        return study
    key = study.memo_key()
    exact: Any = study.with_all_rows()
    under_way = False
    if (
        page_params.param_text(address.ROWS.key)
        or state.get(_WANTED) == key
        or (state.get(_DECLINED) != key and exact.space.operations <= drawn_samples.AUTO)
    ):
        _want(study)
        job = drawn_samples.begin_refinement(study, streamlit_internals.session_id())
        if job.state == jobs.State.DONE:
            state.put(address.ROWS.key, background_choice.ALL_ROWS)
            with _popover(f"All {study.background.size:,} rows"):
                st.caption(
                    f"Explanations use all {study.background.size:,} rows of the background."
                )
                st.button(f"Use {_some(study)}", key="_some_rows", on_click=_decline, args=(study,))
            return job.result
        state.forget(address.ROWS.key)
        under_way = job.state != jobs.State.FAILED
        if not under_way:
            state.notice(
                f"Computing with all background rows failed: {text.escape_markdown(job.problem)}. Some of the "
                "rows are used."
            )
            _decline(study)
    with _popover(f"{study.explanation_background.samples:,} of {study.background.size:,} rows"):
        whose = (
            f"the first {len(study.explained_rows):,} test samples"
            if len(study.explained_rows) < len(study.dataset.rows("test"))
            else "test samples"
        )
        st.caption(
            f"For a quick answer, {whose} are explained against {_some(study)} of the background's "
            f"{study.background.size:,}, drawn at random."
        )
        if not under_way:
            st.button(
                f"Use all {study.background.size:,} rows",
                key="_all_rows",
                on_click=_want,
                args=(study,),
                help="Computes the contributions against all rows in the background. You can continue to use the page.",
            )
    if under_way:
        with st.container(width=260, key="refining"):
            st.fragment(watch, run_every=PULSE)(
                job,
                "All rows: {job.done:,} of {job.total:,} samples",
                lambda: ", waiting for another test set",
                wanted=lambda: state.get(_WANTED) is not None,
                stay=lambda: drawn_samples.begin_refinement(
                    study, streamlit_internals.session_id()
                ),
                cancel=lambda: _decline(study),
                key="_refine_cancel",
            )
    return study


def _popover(label: str) -> DeltaGenerator:
    """Open a popover about the rows of the background."""
    return st.popover(
        label,
        icon=":material/table_rows:",
        key="rows-used",
        help="Number of background rows in use",
    )


def _some(study: Study) -> str:
    """How many rows are used where not all are."""
    one = study.sample_background.samples
    alone = "all" if one == study.background.size else f"{one:,}"
    return f"{study.explanation_background.samples:,} rows (the open one with {alone})"


def _want(study: Study) -> None:
    """Request all rows of this study, and withdraw the request for those of another."""
    if state.get(_WANTED) != study.memo_key():
        _leave()
    state.put(_WANTED, study.memo_key())
    state.put(_DECLINED, None)


def _leave() -> None:
    """Withdraw the request for all rows."""
    jobs.leave_job(state.take(_WANTED), streamlit_internals.session_id())


def _decline(study: Study) -> None:
    """Show this study against some rows until the reader asks for all."""
    _leave()
    state.put(_DECLINED, study.memo_key())
    state.forget(address.ROWS.key)
