"""Undo and redo of tweaks: what the sliders of the physics and the edited rules said before, in this session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.analysis.subject import Workspace
from qfusion.models.tweak import MAX_TEXT, RATE, learned
from qfusion.ui.frame import state

MOST = 100  # steps that are kept
_PAST, _FUTURE, _NOW = "_tweaks_past", "_tweaks_future", "_tweak_now"
Tweaks = dict[str, Any]  # values of widgets by key, those as learned left out


def _note(work: Workspace) -> None:
    """Remembers what is tweaked whenever it differs from what was; another model begins anew."""
    default = _default(work)
    now = (
        work.name,
        {
            key: state.get(key)
            for key in default
            if state.get(key) is not None
            and state.get(key) != default[key]
            and len(str(state.get(key))) <= MAX_TEXT
        },
    )  # longer ones are no tweak
    before = state.get(_NOW)
    if before is None or before[0] != now[0]:
        state.put(_PAST, [])
        state.put(_FUTURE, [])
    elif before[1] != now[1]:
        state.put(_PAST, [*state.get(_PAST, []), before[1]][-MOST:])
        state.put(_FUTURE, [])
    state.put(_NOW, now)


def draw(work: Workspace) -> None:
    """Draws both buttons, once the widgets that tweak are drawn."""
    _note(work)
    with st.container(horizontal=True, gap=None, width="content", key="history"):
        for key, icon, words, kept in (
            ("_undo", "undo", "Undo the last tweak (u)", _PAST),
            ("_redo", "redo", "Redo it (r)", _FUTURE),
        ):
            st.button(
                "",
                key=key,
                icon=f":material/{icon}:",
                type="tertiary",
                help=words,
                disabled=not state.get(kept),
                on_click=_step,
                args=(_default(work), kept),
            )


def _default(work: Workspace) -> Mapping[str, Any]:
    """Keys of the widgets that tweak a model, with what they say as learned."""
    return learned(work.model) if work.can("time") else {"phi": ""} if work.can("rules") else {}


def _step(default: Mapping[str, Any], source: str) -> None:
    name, now = state.get(_NOW)
    kept: list[Tweaks] = list(state.get(source, []))
    wanted = kept.pop()
    other = _FUTURE if source == _PAST else _PAST
    state.put(source, kept)
    state.put(other, [*state.get(other, []), now])
    state.put(_NOW, (name, wanted))
    assign(dict(default) | wanted)


def assign(values: Mapping[str, Any]) -> None:
    """Sets what tweaks, by key, before its widgets are drawn, or in a callback."""
    for key, value in values.items():
        if not key.startswith(RATE) or value != 1:
            state.put(key, value)
        elif state.get(key) is not None:  # drawn where it is not 1 only: its parameter goes with it
            st.session_state[key] = value
