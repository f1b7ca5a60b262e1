"""What a reader chooses by a click in a figure or a table, by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.ui.frame import state

_PAGE = "_page_again"


def chosen(key: str) -> Mapping[str, Any]:
    """What is chosen in the figure or table of a key: "points", and "box" and "lasso" around them, or "rows"."""
    return dict((state.get(key) or {}).get("selection") or {})


def point(key: str) -> Mapping[str, Any]:
    """The first point that is chosen, as the figure says it; empty if there is none."""
    return next(iter(chosen(key).get("points", [])), {})


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
