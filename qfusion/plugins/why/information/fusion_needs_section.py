"""Whether the data need fusion, measured by small models.

The Why fuse page shows it for the model's data, the Data page for any set before training.
"""

from functools import partial
from typing import Any

import streamlit as st

from qfusion.app import panels, state, streamlit_internals, tasks, widgets
from qfusion.data import DataSet
from qfusion.plugins.why.information import data_fusion, information_estimate
from qfusion.study import jobs, text
from qfusion.views.pages import params


def data_section(dataset: DataSet) -> None:
    """Draw the section of the Data page."""
    fusion_needs(dataset, data_fusion.NEED)


def fusion_needs(scope: Any, switch: params.SwitchParam, columns: list[float] | int = 0) -> None:
    """Draw a switch, the progress, and the results.

    Args:
        scope: a study, or a data set. switch: whether they are computed.
        columns: in which they stand beside each other.
    """
    dataset = getattr(scope, "dataset", scope)
    if dataset.is_game:
        st.info(
            "A measured game has no features, so small models cannot be trained on them. Whether its players interact "
            "is in its joint terms.",
            icon=":material/help:",
        )
        return
    if len(dataset.names) < 2:
        st.info(
            f"{text.escape_markdown(dataset.title)} has one modality: there is nothing to fuse.",
            icon=":material/help:",
        )
        return
    key = information_estimate.estimate_key(dataset)
    place = st.container(horizontal=True, vertical_alignment="center", gap="small", key="needs-run")
    if not widgets.draw(switch, place=place):
        st.caption(
            "Trains small models (up to a minute) to estimate unique, redundant and synergistic information about the "
            "target, and compares joint models with late fusion. Large sets are sampled at random."
        )
        jobs.leave_job(key, streamlit_internals.session_id())
    elif tasks.is_done(
        jobs.begin_job(
            key,
            lambda: information_estimate.estimate_information(dataset),
            1,
            streamlit_internals.session_id(),
        ),
        "Small models: {job.done:,} of {job.total:,} fitted",
        "needs",
        cancel=partial(state.put, switch.key, False),  # the next run leaves the job
        wanted=lambda: bool(state.get(switch.key)),
        last_step="computing the information",
    ):
        panels.show(scope, "needs-bits", "needs-worth", columns=columns, gap="medium", first=2)
