"""The Circuit page of a QiNN-QJ: one step of the evolution with the sample in it, its error against the step."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import evolution
from qfusion.analysis.subject import Workspace
from qfusion.figures import circuit_walks
from qfusion.figures.draw import circuit as figures
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import model_out, walk_view

STEP, SPLIT = "steps", "gates"
SPLITS = {"one per coupling": "terms", "all of H in one": "whole"}
CHOICES = (2, 4, 5, 8, 10, 16, 20, 32, 50, 64)


def allowed(_: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about the circuit."""
    return walk_view.allowed() | {STEP: state.options("Number of steps", map(str, CHOICES), "20 is used."),
            SPLIT: state.options("Gates", SPLITS, "One gate per coupling is used.")}


def controls(here: Here) -> tuple[float, str]:
    """Draws the step slider and the choice of gates; returns dt and the choice."""
    duration = float(here.work.model.duration)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = st.select_slider("Steps that fill T", CHOICES, 20, help="dt is T divided by this.",
                                 **state.bound(STEP))
        split = st.selectbox("Gates of H", list(SPLITS), **state.bound(SPLIT))
    return duration / int(steps), SPLITS[str(split)]


def step(here: Here, built: Any, dt: float, split: str) -> None:
    """The circuit of one step with the sample in it, a scrubber, and the state at its place."""
    walk = circuit_walks.step_walk(here.work, here.row, dt, split)
    at = walk_view.scrubber(walk)
    walk_view.diagram(here, walk, at, f"One step of dt = {built.dt:.3g} is {len(built.gates)} gates on {len(built.wires)} qubits", unit=54)
    st.caption("The whole evolution repeats everything after the preparations until T.")
    walk_view.here_and_now(here, walk, at)
    walk_view.gate_table(walk)
    walk_view.entropy_lines(here, walk, at)


def picture(here: Here, built: Any) -> None:
    """The circuit as a picture to download, and the way out for the model."""
    with st.container(horizontal=True):
        st.download_button("Circuit as SVG", data=built.draw_svg, file_name="qfusion-step.svg", mime="image/svg+xml", on_click="ignore",
                           icon=":material/download:", key="export-step-svg")
        st.download_button("Circuit as text", data=built.draw_text, file_name="qfusion-step.txt", mime="text/plain", on_click="ignore",
                           icon=":material/download:", key="export-step-txt")
        model_out.button(here)


def error(here: Here, built: Any, split: str) -> None:
    """How far the drawn step is from our evolution."""
    steps, one, whole = evolution.step_errors(here.work, here.row, split)
    panels.panel(
        "step-error", f"At this step the circuit ends {built.error.all:.2g} from the exact state",
        figures.step_error(steps, one, whole, built.dt, theme=here.theme),
        shows="trace distance between the circuit's state and our evolution, which has no step: it falls as dt does. "
              + built.error.sentence + here.of,
        not_shown="noise of a device: the circuit is run exactly.",
        alt=f"Error against the step dt: {spoken.listed([f'dt {dt:.2g}' for dt in steps], whole, '.2g')} after all steps.",
        numbers=lambda: pd.DataFrame({"dt": steps, "after_one_step": one, "after_all_steps": whole}))
