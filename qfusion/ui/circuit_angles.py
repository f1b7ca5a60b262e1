"""Edits of the trainable angles of a user's own circuit: of the gate at the scrubber, or as text."""

import math
from functools import partial

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.models import tweak
from qfusion.ui import state, table_edits_field, tweak_choice, tweak_history
from qfusion.views.pages import circuit, notebook


def draw_gate_angles(sample: Sample, gate: int, values: dict[str, float]) -> None:
    """Draw the trainable angles of a gate as sliders and numbers, the ways back, and the effect on the decision.

    Args:
        sample: under the reader's edits.
        gate: number of the gate, from 1; 0 before the first.
        values: angles of the gate now, by name.
    """
    names = sample.study.model.source.trainable().get(gate - 1, ())
    if names:
        with st.container(border=True, key="box-gate", gap="xsmall"):
            for name in names:
                _draw_angle(sample, gate, name, values[name])
            with st.container(horizontal=True, gap="small"):
                st.button(
                    "Reset all angles",
                    icon=":material/restart_alt:",
                    key="_reset_all",
                    disabled=not sample.tweak_text,
                    on_click=state.put,
                    args=(circuit.EDITS.key, ""),
                )
                tweak_history.undo_and_redo(sample.study)
    if sample.tweak_text:  # below what is turned, which stays where it is
        st.info(notebook.describe_tweaked_sample(sample), icon=":material/edit:")
    if problem := table_edits_field.edits_problem(sample.study):
        st.error(text.message(problem), icon=":material/error:")


def _draw_angle(sample: Sample, gate: int, name: str, value: float) -> None:
    """Draw an angle from -π to π as a slider and as a number."""
    wrapped = math.remainder(value, 2 * math.pi)
    slider, number = f"_angle.{gate}.{name}", f"_number.{gate}.{name}"
    with st.container(
        horizontal=True, vertical_alignment="bottom", key=f"cell-editor-{gate}-{name}"
    ):
        for key, shown in ((slider, round(wrapped, 2)), (number, round(wrapped, 4))):
            if state.get(key) != shown:
                state.put(key, shown)
        st.slider(
            f"{name} of gate {gate} (rad)",
            -3.15,
            3.15,
            step=0.01,
            key=slider,
            on_change=partial(_set_angle, sample, gate, name, slider),
            help="The decision, the states and the contributions follow.",
        )
        st.number_input(
            "Value",
            -3.1416,
            3.1416,
            step=0.05,
            format="%.4f",
            key=number,
            on_change=partial(_set_angle, sample, gate, name, number),
            width=130,
        )


def _set_angle(sample: Sample, gate: int, name: str, key: str) -> None:
    value = state.get(key)
    if value is None:  # an emptied field
        return
    now = tweak_choice.current_tweak(sample.study)
    trainable = sample.study.model.source.trainable()
    words = ",".join(part for part in (now, f"{gate}.{name}={float(value):.6g}") if part)
    state.put(circuit.EDITS.key, str(tweak.parse_edits(words, trainable)))
