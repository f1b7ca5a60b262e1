"""Widgets of the reader's choices, see `panels.control`: each kept in the address and in the session under its key, and
back at its default where another model or data set left what is no option here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.panels.control import Choice, Control, Number, Switch, Text
from qfusion.panels.panel import Panel
from qfusion.ui import state


def draw(control: Control, study: Any = None, **changes: Any) -> Any:
    """Draws the widget of a choice and returns what is chosen, as builders take it.

    Args:
        control: the choice.
        study: whose options it has.
        changes: what is other here: "options", "default", "label", or what the widget is told.
    """
    words: dict[str, Any] = {**control.style, **changes, **state.bound(control.key)}
    label = words.pop("label", control.label)
    words.setdefault("help", control.help or None)
    if isinstance(control, Choice):
        return _choice(control, study, label, words)
    if isinstance(control, Switch):
        pick = st.checkbox if control.look == "box" else st.toggle
        return pick(label, control.default, **words)
    if isinstance(control, Number):
        return _number(control, label, words)
    assert isinstance(control, Text)
    return st.text_input(label, max_chars=control.most, **words) or ""


def row(
    *parts: Control, study: Any = None, align: Literal["top", "bottom"] = "bottom"
) -> list[Any]:
    """Draws the widgets of several choices beside each other and returns what is chosen."""
    with st.container(horizontal=True, vertical_alignment=align):
        return [draw(control, study) for control in parts]


def _choice(control: Choice, study: Any, label: str, words: dict[str, Any]) -> Any:
    options: Sequence[str] = list(words.pop("options", None) or control.options(study))
    default = words.pop("default", "") or control.default
    first = default if default in options else next(iter(options), None)
    settle(control.key, options, None if control.empty else first)
    if control.many:
        words |= {"default": default} if default else {}
        if control.look == "pills":
            return list(st.pills(label, options, selection_mode="multi", **words))
        return list(st.multiselect(label, options, **words))
    if control.empty:
        pick = st.segmented_control if control.look == "segments" else st.selectbox
        start = {} if control.look == "segments" else {"index": None}
        word = pick(label, options, **start, **words)  # type: ignore[operator]
        return control.value(word) if word else None
    if control.look == "segments":
        word = state.one_of(label, options, default=first, **words)
    elif control.look == "steps":
        word = st.select_slider(label, options, first, **words)
    else:
        word = st.selectbox(label, options, index=options.index(first), **words)
    return control.value(word)


def _number(control: Number, label: str, words: dict[str, Any]) -> float:
    number = int if control.whole else float
    low, high, default = (
        number(words.pop(name, getattr(control, name))) for name in ("low", "high", "default")
    )
    value = state.get(control.key)
    if value is not None and not low <= value <= high:
        state.forget(control.key)
    step = words.pop("step", control.step)
    pick = st.number_input if control.look == "box" else st.slider
    return number(pick(label, low, high, default, step and number(step), **words))


def settle(key: str, options: Iterable[Any], default: Any = None) -> None:
    """Takes back a value, or those of several, that another model or data set left and that is no option here; the
    default takes its place."""
    value, known = state.get(key), list(options)
    if isinstance(value, list):
        if any(word not in known for word in value):
            state.put(key, [word for word in value if word in known])
    elif value is not None and value not in known:
        state.put(key, default)


def fold(control: Switch, icon: str | None = None, label: str = "") -> Any:
    """Draws the part of a page that a switch folds, and returns it; `open` says whether it is open."""
    return st.expander(label or control.label, icon=icon, **state.opened(control.key))


def folded(control: Switch, content: Callable[[], object], icon: str, label: str = "") -> None:
    """Draws the part of a page that a switch folds, whose content is worked out only while it is open."""
    with fold(control, icon, label) as box:
        if box.open:
            content()


def tabs(control: Choice, options: Sequence[str] = ()) -> Iterator[tuple[str, DeltaGenerator]]:
    """Draws tabs and gives the name and the place of that which is open."""
    names = list(options) or control.options()
    for name, tab in zip(names, st.tabs(names, **state.opened(control.key)), strict=True):
        if tab.open:
            yield name, tab


def choices(panel: Panel, study: Any = None, **changes: Any) -> dict[str, Any]:
    """Draws the widgets of all choices that a panel has, in its order, and returns the arguments of its builder."""
    return {
        name: draw(option, study, **changes.get(name, {}))
        for name, option in panel.options.items()
        if isinstance(option, Control)
    }


def check(*controls: Control, study: Any = None) -> None:
    """Takes what does not fit some choices out of the address, and names it, before they are drawn."""
    state.drop_invalid({one.key: one.rule(study) for one in controls})
