"""Why fuse?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis import memo, text, why
from qfusion.figures.style import Theme
from qfusion.panels import why as builders
from qfusion.ui import access, bar, controls, guidance, panels, state
from qfusion.ui.frame import Here

# Does the data need fusion? Here of the model's data; on the Data page of any set, before training.

ABOUT = (
    "Small models, which take up to a minute, are asked what each modality tells of the target, what several tell "
    "alike, and what all tell only together; and whether joint models predict it better than late ones. Of a large "
    "set some rows are drawn at random."
)


def data_section(here: Here) -> None:
    """Whether the data of the model need fusion."""
    needs(here.study, here.theme)


def needs(scope: Any, theme: Theme) -> None:
    """A switch, how far it is, and what came out.

    Args:
        scope: a study, or a data set. theme: of the figures.
    """
    dataset = getattr(scope, "dataset", scope)
    if len(dataset.names) < 2:
        st.info(
            f"{text.plain(dataset.title)} has one modality: there is nothing to fuse.",
            icon=":material/help:",
        )
        return
    key = why.needs_key(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="needs-run"):
        on = controls.draw(builders.NEED)
        guidance.aside(ABOUT)
    if not on:
        memo.leave_job(key, access.session())
        return
    total = why.fits_needed(dataset)
    job = memo.begin_job(key, lambda: why.needs(dataset), total, access.session())
    if job.state == memo.State.DONE:
        panels.show(scope, theme, "needs-bits", "needs-worth", columns=[1.2, 1], gap="medium")
    elif job.under_way:
        with st.container(width=420, key="needs-progress"):
            st.fragment(bar.watch, run_every=bar.PULSE)(
                job,
                "Small models: {job.done:,} of {job.total:,} fitted",
                lambda: ", waiting for other work" if job.state == memo.State.WAITING else "",
                wanted=lambda: bool(state.get(builders.NEED.key)),
                stay=lambda: memo.stay_for(job, access.session()),
                cancel=lambda: _stop(key),
                key="_needs_cancel",
            )
    else:
        st.warning(text.message(job.problem or "It was stopped. Turn it off and on again."))


def _stop(key: tuple[str, str]) -> None:
    memo.leave_job(key, access.session())
    state.put(builders.NEED.key, False)
