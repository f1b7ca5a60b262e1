"""The fusion's truth tables as a heat map that is its own editor: a click on a cell opens its angle right below.

What is edited is kept as text (see `edits`), in the session and in the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch

from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures.draw import evidence as figures
from qfusion.models import edits
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import reading

EDITS, ELEMENT, STAGE, OUTCOME, SCOPE = "phi", "element", "stage", "outcome", "scope"
SCOPES = ("this element", "all elements")
TURN = "_tables_turn"
SAME = 1e-9  # angles that differ less are the same


@dataclass(frozen=True)
class Cell:
    """One entry of the tables: element, stage of the chain, and outcome of the qubits read."""

    element: int
    stage: int
    pattern: int


def allowed(work: Any) -> dict[str, state.Allowed]:
    """What a link may say about the tables; edits that do not fit are named beside them, where they can be mended."""
    shape = edits.shape_of(work.model)
    return {ELEMENT: state.options("Element", work.elements, "The first is shown."),
            EDITS: state.anything(),
            SCOPE: state.options("Scope", SCOPES, "A rule is set for this element."),
            STAGE: state.options("Stage", map(str, range(shape.stages)), "The first is shown."),
            OUTCOME: state.options("Outcome", edits.patterns(shape), "The one that this sample reads most is shown.")}


def words(here: Here) -> str:
    """The edits in force: the reader's text where it fits, else none."""
    return "" if problem(here) else said().strip(" ,")


def problem(here: Here) -> str:
    """What is wrong with the reader's text; empty when it fits."""
    work: Any = here.work
    try:
        work.model.parse_tweak(said())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def said() -> str:
    """The reader's text, whether or not it fits."""
    return str((state.get(EDITS) if EDITS in st.session_state else st.query_params.get(EDITS)) or "")


def panel(here: Here, in_force: str) -> None:
    """The heat map with the editor of its chosen cell, and the presets."""
    work: Any = here.work
    shape = edits.shape_of(work.model)
    model = work.model.tweaked(in_force)
    phi, learned = model.phi.detach().double(), work.model.phi.detach().double()
    found = reading.read(here, model)
    with st.container(border=True, key="panel-tables", gap="xsmall"):
        heading = st.container()
        chart = st.container()
        cell = _pick(here, shape, found)
        title, shown = _heat_map(here, heading, chart, found, cell, phi, learned)
        _editor(work, shape, cell, float(phi[*_place(cell)]), float(learned[*_place(cell)]), in_force, found)
        panels.footer("tables", "for each element (row) the mass that the fused qubit gets when the modality qubits read the pattern "
                      "above; click a cell to edit it, a corner marks edited ones. Distance: root mean square over the table, 0 to 1. The "
                      "same for every sample.",
                      "how often this sample reads a pattern: point at a cell.", lambda: _numbers(found), title=title, shown=shown)
    with st.container(border=True, key="box-tables", gap="xsmall"):
        _presets(shape, cell)
    st.caption("Nearest named rule of each element: " + ", ".join(
        f"{text.plain(name)} **{_rule(rule)}** ({distance:.2f})"
        for name, (rule, distance) in zip(found.elements, found.rules, strict=True)) + ".")


def _place(cell: Cell) -> tuple[int, int, int]:
    return cell.element, cell.stage, cell.pattern


def _pick(here: Here, shape: edits.Shape, found: Any) -> Cell:
    """The pickers of the cell, for whoever cannot click: element, stage, outcome."""
    work: Any = here.work
    patterns = edits.patterns(shape)
    if state.get(ELEMENT) not in (None, *work.elements):
        state.put(ELEMENT, work.elements[0])
    if state.get(OUTCOME, st.query_params.get(OUTCOME)) not in patterns:
        at = work.elements.index(state.get(ELEMENT)) if state.get(ELEMENT) in work.elements else 0
        state.put(OUTCOME, patterns[int(np.argmax(found.weights[at, 0]))])
    with st.container(horizontal=True, vertical_alignment="bottom", key="cell-pickers"):
        element = work.elements.index(st.selectbox("Element", list(work.elements), **state.bound(ELEMENT)))
        stage = 0
        if shape.stages > 1:
            stage = int(st.selectbox("Stage of the chain", [str(k) for k in range(shape.stages)], **state.bound(STAGE)))
        outcome = st.selectbox("What the qubits read", list(patterns), help="One digit a qubit, in the order above the heat map; 1 = yes.",
                               **state.bound(OUTCOME))
    return Cell(element, stage, patterns.index(outcome))


def _heat_map(here: Here, heading: Any, chart: Any, found: Any, cell: Cell, phi: torch.Tensor,
              learned: torch.Tensor) -> tuple[str, panels.Shown]:
    work: Any = here.work
    stage = cell.stage
    differs = ((phi - learned)[:, stage].abs() > SAME).numpy()
    drawn = figures.tables(found.tables[:, stage], found.weights[:, stage], found.patterns, found.elements, angles=phi[:, stage].numpy(),
                           controls=found.controls[stage], chosen=(cell.element, cell.pattern), edited=differs, theme=here.theme)
    rule, distance = found.rules[cell.element]
    with heading:
        name = text.plain(found.elements[cell.element])
        title = f"{f'‘{name}’' if found.elements_are_classes else name} fuses most like {_rule(rule)} (distance {distance:.2f})"
        panels.heading(title)
    key = f"tables-{state.get(TURN, 0)}"
    with chart:
        mass = float(found.tables[cell.element, stage, cell.pattern])
        alt = (f"Truth tables of {len(found.elements)} elements over {len(found.patterns)} patterns. Marked: element "
               f"{found.elements[cell.element]}, pattern {found.patterns[cell.pattern]}, mass {mass:.2f}. Pickers below choose another.")
        return title, panels.selectable("tables", drawn, alt, key, lambda: _picked(key, work.elements, found.patterns))


def _picked(key: str, elements: tuple[str, ...], patterns: tuple[str, ...]) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    if not points:
        return
    row, column = points[0].get("y"), points[0].get("x")
    if isinstance(row, int | float) and isinstance(column, int | float) and 0 <= row < len(elements) and 0 <= column < len(patterns):
        state.put(ELEMENT, elements[int(row)])
        state.put(OUTCOME, patterns[int(column)])
        state.put(TURN, state.get(TURN, 0) + 1)


def _editor(work: Any, shape: edits.Shape, cell: Cell, angle: float, learned: float, in_force: str, found: Any) -> None:
    """The angle of the chosen cell as a slider and as a number, what it means, and ways back."""
    angle, learned = edits.wrapped(angle), edits.wrapped(learned)
    digits, controls = found.patterns[cell.pattern], found.controls[cell.stage]
    yes = [text.plain(name) for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    changed = abs(angle - learned) > SAME
    st.markdown(f"**{text.plain(work.elements[cell.element])}, {digits}** (yes: {' + '.join(yes) or 'none'}): φ = {angle:.3f} rad → mass "
                f"**{_mass(angle):.2f}**" + (f"; learned {learned:.3f} rad → {_mass(learned):.2f}" if changed else ", as learned")
                + f". This sample reads it with {found.weights[_place(cell)]:.0%}.")
    name = ".".join(map(str, _place(cell)))
    with st.container(horizontal=True, vertical_alignment="bottom", key="cell-editor"):
        slider, number = f"_phi.{name}", f"_number.{name}"
        for key, value in ((slider, round(angle, 2)), (number, round(angle, 4))):
            if state.get(key) != value:
                state.put(key, value)
        st.slider("Angle φ (rad)", -1.57, 4.71, step=0.01, key=slider, on_change=_set_angle, args=(shape, cell, slider),
                  help="0 makes the fused qubit say no, π yes, π/2 is undecided. The mass is sin²(φ/2).")
        st.number_input("Exactly", -1.5708, 4.7124, step=0.05, format="%.4f", key=number, on_change=_set_angle, args=(shape, cell, number),
                        width=130)
    with st.container(horizontal=True, gap="small"):
        st.button("Reset this cell", icon=":material/undo:", key="_reset_cell", disabled=not changed, on_click=_reset, args=(shape, cell))
        st.button("Reset all cells", icon=":material/restart_alt:", key="_reset_all", disabled=not in_force, on_click=state.put,
                  args=(EDITS, ""))


def _mass(angle: float) -> float:
    return float(np.sin(angle / 2) ** 2)


def _set_angle(shape: edits.Shape, cell: Cell, key: str) -> None:
    value = state.get(key)
    if value is not None:  # an emptied field
        state.put(EDITS, edits.with_angle(_fitting(shape), shape, *_place(cell), float(value)))


def _reset(shape: edits.Shape, cell: Cell) -> None:
    state.put(EDITS, edits.with_entry_learned(_fitting(shape), shape, *_place(cell)))


def _presets(shape: edits.Shape, cell: Cell) -> None:
    scope = st.segmented_control("Set to a rule", SCOPES, default=SCOPES[0], required=True, **state.bound(SCOPE))
    whom = None if scope == SCOPES[1] else cell.element
    with st.container(horizontal=True, gap="small"):
        for rule in (edits.LEARNED, *shape.rules):
            st.button(_rule(rule), key=f"_rule_{rule}", help=_RULE_HELP[rule], on_click=_set_rule, args=(shape, whom, rule))


_RULE_HELP = {"learned": "What training found", "and": "Yes only if all say yes: Dempster's conjunctive rule",
              "or": "Yes if any says yes: the disjunctive rule", "mean": "As much yes as the share of those who say yes",
              "majority": "Yes if more than half say yes"}


def _rule(name: str) -> str:
    return name.upper() if name in ("and", "or") else name


def _set_rule(shape: edits.Shape, whom: int | None, rule: str) -> None:
    state.put(EDITS, edits.with_rule(_fitting(shape), shape, whom, rule))


def _fitting(shape: edits.Shape) -> str:
    """The reader's text, or nothing when it does not fit: an edit then starts from the learned tables."""
    said = str(state.get(EDITS) or "")
    try:
        edits.apply(said, torch.zeros(shape.n, shape.stages, shape.patterns), shape)
    except QFusionError:
        return ""
    return said


def typed(here: Here) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    st.text_input("Edits as text", max_chars=20_000, placeholder="such as 0.11=3.14, 2:and or all:or",
                  help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
                  **state.bound(EDITS))
    if wrong := problem(here):
        st.error(text.message(wrong), icon=":material/error:")


def _numbers(found: Any) -> pd.DataFrame:
    n, stages, P = found.tables.shape
    return pd.DataFrame([{"element": found.elements[i], "stage": k, "pattern": found.patterns[b], "mass": found.tables[i, k, b],
                          "probability_in_this_sample": found.weights[i, k, b], "rule": found.rules[i][0], "distance": found.rules[i][1]}
                         for i in range(n) for k in range(stages) for b in range(P)])
