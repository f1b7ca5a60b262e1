"""The fusion's truth tables as a heat map that is its own editor: a click on a cell opens its angle right below.

What is edited is kept as text (see `edits`), in the session and in the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch

from qfusion._sentences import share
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.errors import QFusionError
from qfusion.explain.evidence import Reading
from qfusion.figures.style import Theme
from qfusion.models import entangled_qcnn
from qfusion.models.tweak import MAX_TEXT
from qfusion.panels import network
from qfusion.ui import guidance, panels, sliders, state
from qfusion.ui.frame import Here

EDITS, ELEMENT, STAGE, OUTCOME, SCOPE = "phi", "element", "stage", "outcome", "scope"


@dataclass(frozen=True)
class Cell:
    """One entry of the tables: element, stage of the chain, and outcome of the qubits read."""

    element: int
    stage: int
    pattern: int


def words(here: Here) -> str:
    """The edits in force: the reader's text where it fits, else none."""
    return "" if problem(here) else edits_text().strip(" ,")


def problem(here: Here) -> str:
    """What is wrong with the reader's text; empty when it fits."""
    study: Any = here.study
    try:
        study.model.parse_tweak(edits_text())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    return str(
        (state.get(EDITS) if EDITS in st.session_state else st.query_params.get(EDITS)) or ""
    )


def tables_panel(sample: Sample, theme: Theme) -> None:
    """The heat map with the editor of its chosen cell, and the presets."""
    study: Any = sample.study
    shape, reading = entangled_qcnn.shape_of(study.model), sample.reading
    with st.container(border=True, key="panel-tables", gap="xsmall"):
        head, chart = st.container(), st.container()
        cell = _pick(study, shape, reading)
        phi, learned = (
            float(model.phi.detach().double()[*_place(cell)])
            for model in (sample.model, study.model)
        )
        panels.inside(
            network.tables(
                sample,
                theme,
                element=study.elements[cell.element],
                stage=cell.stage,
                outcome=reading.patterns[cell.pattern],
            ),
            head,
            chart=chart,
            on_select=lambda key: _picked(key, study.elements, reading.patterns),
            below=lambda: _editor(study, shape, cell, phi, learned, reading),
        )
    with st.container(border=True, key="box-tables", gap="xsmall"):
        _presets(shape, cell)
        _ways_back(study, shape, cell, phi, learned, sample.tweak)
    guidance.aside(
        "Nearest named rule of each element: "
        + ", ".join(
            f"{text.plain(name)} **{network.named(rule)}** ({distance:.2f})"
            for name, (rule, distance) in zip(reading.elements, reading.rules, strict=True)
        )
        + "."
    )


def at_gate(sample: Sample, gate: int) -> None:
    """The editor of the angles of a fusion gate, where the gate (from 1 on) is one: what its qubits read is picked, and
    its angle set."""
    study: Any = sample.study
    shape, reading = entangled_qcnn.shape_of(study.model), sample.reading
    element, place = divmod(gate - 1, shape.M + shape.stages)  # its encoding gates, then its stages
    if element >= shape.n or place < shape.M:
        return
    stage, patterns = place - shape.M, entangled_qcnn.edited_patterns(shape)
    if state.get(OUTCOME, st.query_params.get(OUTCOME)) not in patterns:
        state.put(OUTCOME, network.most_read(reading, element))
    with st.container(border=True, key="box-gate", gap="xsmall"):
        outcome = state.one_of(
            "Angle of this gate where its qubits read", list(patterns), **state.bound(OUTCOME)
        )
        cell = Cell(element, stage, patterns.index(str(outcome)))
        phi, learned = (
            float(model.phi.detach().double()[*_place(cell)])
            for model in (sample.model, study.model)
        )
        _editor(study, shape, cell, phi, learned, reading)
        _ways_back(study, shape, cell, phi, learned, sample.tweak)


def _place(cell: Cell) -> tuple[int, int, int]:
    return cell.element, cell.stage, cell.pattern


def _pick(study: Any, shape: entangled_qcnn.Shape, reading: Reading) -> Cell:
    """The pickers of the cell, for whoever cannot click: element, stage, outcome."""
    patterns = entangled_qcnn.edited_patterns(shape)
    if state.get(ELEMENT) not in (None, *study.elements):
        state.put(ELEMENT, study.elements[0])
    if state.get(OUTCOME, st.query_params.get(OUTCOME)) not in patterns:
        at = study.elements.index(state.get(ELEMENT)) if state.get(ELEMENT) in study.elements else 0
        state.put(OUTCOME, network.most_read(reading, at))
    with st.container(horizontal=True, vertical_alignment="bottom", key="cell-pickers"):
        element = study.elements.index(
            st.selectbox("Element", list(study.elements), **state.bound(ELEMENT))
        )
        stage = 0
        if shape.stages > 1:
            stage = int(
                st.selectbox(
                    "Stage of the chain",
                    [str(k) for k in range(shape.stages)],
                    **state.bound(STAGE),
                )
            )
        outcome = st.selectbox(
            "What the qubits read",
            list(patterns),
            help="One digit a qubit, in the order above the heat map; 1 = yes.",
            **state.bound(OUTCOME),
        )
    return Cell(element, stage, patterns.index(outcome))


def _picked(key: str, elements: tuple[str, ...], patterns: tuple[str, ...]) -> None:
    row = state.place_of(state.selected_point(key).get("y"), len(elements))
    column = state.place_of(state.selected_point(key).get("x"), len(patterns))
    if row is not None and column is not None:
        state.put(ELEMENT, elements[row])
        state.put(OUTCOME, patterns[column])


def _editor(
    study: Any,
    shape: entangled_qcnn.Shape,
    cell: Cell,
    angle: float,
    learned: float,
    reading: Reading,
) -> None:
    """The angle of the chosen cell as a slider and as a number, and what it means."""
    angle, learned = entangled_qcnn.wrapped(angle), entangled_qcnn.wrapped(learned)
    digits, controls = reading.patterns[cell.pattern], reading.controls[cell.stage]
    yes = [text.plain(name) for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    changed = _changed(angle, learned)
    st.markdown(
        f"**{text.plain(study.elements[cell.element])}, {digits}** (yes: {' + '.join(yes) or 'none'}): φ = {angle:.3f} "
        f"rad → mass **{_mass(angle):.2f}**"
        + (f"; learned {learned:.3f} rad → {_mass(learned):.2f}" if changed else ", as learned")
        + f". This sample reads it with {share(float(reading.weights[_place(cell)]))}."
    )
    name = ".".join(map(str, _place(cell)))
    with st.container(horizontal=True, vertical_alignment="bottom", key="cell-editor"):
        slider, number = f"_phi.{name}", f"_number.{name}"
        for key, value in ((slider, round(angle, 2)), (number, round(angle, 4))):
            if state.get(key) != value:
                state.put(key, value)
        st.slider(
            "Angle φ (rad)",
            -1.57,
            4.71,
            step=0.01,
            key=slider,
            on_change=_set_angle,
            args=(shape, cell, slider),
            help="0 makes the fused qubit say no, π yes, π/2 is undecided. The mass is sin²(φ/2).",
        )
        st.number_input(
            "Exactly",
            -1.5708,
            4.7124,
            step=0.05,
            format="%.4f",
            key=number,
            on_change=_set_angle,
            args=(shape, cell, number),
            width=130,
        )


def _changed(angle: float, learned: float) -> bool:
    return abs(entangled_qcnn.wrapped(angle) - entangled_qcnn.wrapped(learned)) > network.SAME


def _ways_back(
    study: Any, shape: entangled_qcnn.Shape, cell: Cell, angle: float, learned: float, in_force: str
) -> None:
    """Buttons that undo what is edited: of the chosen cell, of all, and step by step."""
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Reset this cell",
            icon=":material/undo:",
            key="_reset_cell",
            on_click=_reset,
            disabled=not _changed(angle, learned),
            args=(shape, cell),
        )
        st.button(
            "Reset all cells",
            icon=":material/restart_alt:",
            key="_reset_all",
            disabled=not in_force,
            on_click=state.put,
            args=(EDITS, ""),
        )
        sliders.undo_and_redo(study)


def _mass(angle: float) -> float:
    return float(np.sin(angle / 2) ** 2)


def _set_angle(shape: entangled_qcnn.Shape, cell: Cell, key: str) -> None:
    value = state.get(key)
    if value is not None:  # an emptied field
        state.put(
            EDITS, entangled_qcnn.with_angle(_fitting(shape), shape, *_place(cell), float(value))
        )


def _reset(shape: entangled_qcnn.Shape, cell: Cell) -> None:
    state.put(EDITS, entangled_qcnn.with_entry_learned(_fitting(shape), shape, *_place(cell)))


def _presets(shape: entangled_qcnn.Shape, cell: Cell) -> None:
    scope = state.one_of(
        "Set to a rule", network.SCOPES, default=network.SCOPES[0], **state.bound(SCOPE)
    )
    whom = None if scope == network.SCOPES[1] else cell.element
    with st.container(horizontal=True, gap="small"):
        for rule in (entangled_qcnn.LEARNED, *shape.rules):
            st.button(
                network.named(rule),
                key=f"_rule_{rule}",
                help=_RULE_HELP[rule],
                on_click=_set_rule,
                args=(shape, whom, rule),
            )


_RULE_HELP = {
    "learned": "What training found",
    "and": "Yes only if all say yes: Dempster's conjunctive rule",
    "or": "Yes if any says yes: the disjunctive rule",
    "mean": "As much yes as the share of those who say yes",
    "majority": "Yes if more than half say yes",
}


def _set_rule(shape: entangled_qcnn.Shape, whom: int | None, rule: str) -> None:
    state.put(EDITS, entangled_qcnn.with_rule(_fitting(shape), shape, whom, rule))


def _fitting(shape: entangled_qcnn.Shape) -> str:
    """The reader's text, or nothing when it does not fit: an edit then starts from the learned tables."""
    value = str(state.get(EDITS) or "")
    try:
        entangled_qcnn.apply_edits(value, torch.zeros(shape.n, shape.stages, shape.patterns), shape)
    except QFusionError:
        return ""
    return value


def typed(here: Here) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    st.text_input(
        "Edits as text",
        max_chars=MAX_TEXT,
        placeholder="such as 0.11=3.14, 2:and or all:or",
        help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
        **state.bound(EDITS),
    )
    if wrong := problem(here):
        st.error(text.message(wrong), icon=":material/error:")
