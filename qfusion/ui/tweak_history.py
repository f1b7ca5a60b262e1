"""Undo and redo of tweaks, by a history in the session."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.analysis.study import Study
from qfusion.models.protocols import EditableCircuit, Evolution, TruthTables
from qfusion.models.tweak import DURATION, MAX_TEXT, learned_values
from qfusion.ui import state
from qfusion.ui.icon_button import icon_button
from qfusion.views.pages import circuit

MOST = 100  # steps that are kept
HISTORY = "_tweaks"  # the model, its tweaks by key in their order, as learned left out, and which is in force


def record_tweak(study: Study) -> None:
    """Store the current tweak whenever it differs from the previous one. The history starts anew for another model."""
    now = {
        key: state.get(key)
        for key, default in _default(study).items()
        if state.get(key) not in (None, default)
        and len(str(state.get(key))) <= MAX_TEXT  # longer ones are no tweak
    }
    model, steps, at = state.get(HISTORY, ("", [], 0))
    if model != study.name:
        steps, at = [now], 0
    elif now != steps[at]:
        steps = [*steps[: at + 1], now][-MOST - 1 :]
        at = len(steps) - 1
    state.put(HISTORY, (study.name, steps, at))


def undo_and_redo(study: Study) -> None:
    """Draw both buttons, once the widgets that tweak are drawn."""
    record_tweak(study)
    _, steps, at = state.get(HISTORY)
    with st.container(horizontal=True, gap=None, width="content", key="history"):
        for name, label, shortcut, way, there in (
            ("undo", "Undo the last tweak", "u", -1, at > 0),
            ("redo", "Redo the tweak", "r", 1, at + 1 < len(steps)),
        ):
            icon_button(
                label,
                name,
                f"_{name}",
                _step,
                _default(study),
                way,
                shortcut=shortcut,
                type="tertiary",
                disabled=not there,
            )


def _default(study: Study) -> Mapping[str, Any]:
    """Return the keys of the widgets that tweak a model, with their values as learned."""
    return (
        learned_values(study.model)
        if study.model.part(Evolution)
        else {circuit.EDITS.key: ""}
        if study.model.part(TruthTables) or study.model.part(EditableCircuit)
        else {}
    )


def _step(default: Mapping[str, Any], way: int) -> None:
    model, steps, at = state.get(HISTORY)
    at = min(max(at + way, 0), len(steps) - 1)
    state.put(HISTORY, (model, steps, at))
    assign_tweaks(dict(default) | steps[at])


def forget_learned_duration() -> None:
    """Forget the duration unless the reader has changed it: another model has learned another one."""
    _, steps, at = state.get(HISTORY, ("", [{}], 0))
    if DURATION not in steps[at]:
        state.forget(DURATION)


def assign_tweaks(values: Mapping[str, Any]) -> None:
    """Set the values of tweaks, by key, before their widgets are drawn, or in a callback."""
    for key, value in values.items():
        state.put(key, value)
