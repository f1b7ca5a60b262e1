"""What a reader chooses by a click in a figure or a table, by its key; whatever the browser sends, only what can be
chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.ui.frame import state

_PAGE = "_page_again"


def chosen(key: str) -> Mapping[str, list[Any]]:
    """What is chosen in the figure or table of a key: "points", and "box" and "lasso" around them, or "rows"."""
    said = state.get(key)
    found = said.get("selection") if isinstance(said, Mapping) else None
    return (
        {name: each for name, each in found.items() if isinstance(each, list)}
        if isinstance(found, Mapping)
        else {}
    )


def rows(key: str, size: int) -> list[int]:
    """The rows that are ticked in a table of so many."""
    return [row for row in chosen(key).get("rows", []) if type(row) is int and 0 <= row < size]


def point(key: str) -> Mapping[str, Any]:
    """The first point that is chosen, as the figure says it; empty if there is none."""
    found = next(iter(chosen(key).get("points", [])), None)
    return found if isinstance(found, Mapping) else {}


def place(said: Any, size: int) -> int | None:
    """Which of `size` things a number stands for; None for whatever else."""
    return int(said) if isinstance(said, int | float) and 0 <= said < size else None


def custom(key: str) -> list[Any]:
    """What the first point that is chosen stands for; empty if it says nothing, or there is none."""
    found = point(key).get("customdata")
    return found if isinstance(found, list) else [] if found is None or found == "" else [found]


def choose_sample(key: str) -> bool:
    """Makes the sample that the first chosen point stands for the current one, for callbacks; whether there is one."""
    found = custom(key)
    if found:
        state.choose_sample(str(found[0]))
    return bool(found)


def page_again() -> None:
    """Has the whole page drawn anew by the fragment that is drawn next, for callbacks in one: what they change stands
    outside of it."""
    state.put(_PAGE, True)


def settle() -> None:
    """Draws the whole page anew where a callback asked for it; the first that a fragment with such callbacks does."""
    if state.get(_PAGE):
        state.put(_PAGE, False)
        st.rerun()
