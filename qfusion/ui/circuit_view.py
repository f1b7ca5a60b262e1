"""The Circuit page's parts: the drawing of one step, its gates as a table, its error against the step."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.figures import circuit as figures
from qfusion.ui import cache, panels, state
from qfusion.ui.shell import Here
from qfusion.ui.workspace import Workspace

STEP, SPLIT = "steps", "gates"
SPLITS = {"one per coupling": "terms", "all of H in one": "whole"}
CHOICES = (2, 4, 5, 8, 10, 16, 20, 32, 50, 64)


def allowed(_: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about the circuit."""
    return {STEP: state.options("Number of steps", map(str, CHOICES), "20 is used."),
            SPLIT: state.options("Gates", SPLITS, "One gate per coupling is used.")}


def controls(here: Here) -> tuple[float, str]:
    """Draws the step slider and the choice of gates; returns dt and the choice."""
    duration = float(here.work.model.duration)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = st.select_slider("Steps that fill T", CHOICES, 20, help="dt is T divided by this.",
                                 **state.bound(STEP))
        split = st.selectbox("Gates of H", list(SPLITS), **state.bound(SPLIT))
    return duration / int(steps), SPLITS[str(split)]


def diagram(here: Here, built: Any) -> None:
    """The circuit, with what each gate does under the pointer."""
    rows = {wire: row for row, wire in enumerate(built.wires)}
    everyone = len(here.work.modalities)
    gates = [figures.Gate(
        gate.label, gate.column, tuple(rows[wire] for wire in gate.wires), gate.sentence,
        "; ".join(f"{name}: {value:.3g}" for name, value in gate.values.items()),
        "+".join(gate.modalities) if gate.kind != "jump" and len(gate.modalities) < everyone else "")
        for gate in built.gates]
    panels.panel(
        "circuit", f"One step of dt = {built.dt:.3g} is {len(built.gates)} gates on {len(built.wires)} qubits",
        figures.diagram(gates, built.wires, here.work.modalities, theme=here.theme),
        shows="the sample's states being prepared, exp(−i H dt) and one channel for each jump operator, with the learned "
              "values under the pointer.",
        not_shown="the whole evolution: it repeats everything after the preparations until T.",
        alt=f"Circuit of {len(built.gates)} gates; the table below lists them.", numbers=lambda: _gate_table(built))


def gate_table(built: Any) -> None:
    """The same gates as a table, for reading and for screen readers."""
    with st.expander("All gates as a table", icon=":material/table_rows:"):
        st.dataframe(_gate_table(built), hide_index=True, height="content", alt="The gates in order.",
                     column_config={"what it does": st.column_config.TextColumn(width="large")})


def _gate_table(built: Any) -> pd.DataFrame:
    return pd.DataFrame([{
        "gate": gate.label, "qubits": ", ".join(gate.wires), "what it does": gate.sentence,
        "values": "; ".join(f"{name} = {value:.4g}" for name, value in gate.values.items())} for gate in built.gates])


def error(here: Here, built: Any, split: str) -> None:
    """How far the drawn step is from our evolution."""
    steps, one, whole = cache.step_errors(here.work, here.row, split)
    panels.panel(
        "step-error", f"At this step the circuit ends {built.error.all:.2g} from the exact state",
        figures.step_error(steps, one, whole, built.dt, theme=here.theme),
        shows="trace distance between the circuit's state and our evolution, which has no step: it falls as dt does. "
              + built.error.sentence,
        not_shown="noise of a device: the circuit is run exactly.", alt="Error of the circuit against its step.",
        numbers=lambda: pd.DataFrame({"dt": steps, "after_one_step": one, "after_all_steps": whole}))
