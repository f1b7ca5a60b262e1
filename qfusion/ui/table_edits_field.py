"""The edits of the Circuit page's fusion rules as text, see `models.network.gate_angles`."""

from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.ui import page_params
from qfusion.ui.widgets import draw
from qfusion.views.pages import circuit


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    return page_params.param_text(circuit.EDITS.key)


def edits_problem(study: Any) -> str:
    """Return what is wrong with the reader's edits, or an empty string if they fit."""
    try:
        study.model.parse_tweak(edits_text())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def draw_edits(study: Study) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    draw(circuit.EDITS)
    if wrong := edits_problem(study):
        st.error(text.message(wrong), icon=":material/error:")
