"""A figure that is changed in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from plotly_live.choices import Choice, read_choice
from plotly_live.curves import Curves, css_name, describe_followed
from plotly_live.errors import LiveError, check
from plotly_live.scripts import Extension, component, library_address

if TYPE_CHECKING:
    import plotly.graph_objects as go

OWN = Extension("plotly_live")
HEIGHT = 450  # pixels, plotly's own
MOST_POINTS = 200  # that a selection reports
TRIGGERS = ("selection", "zoom")  # what the script of the figure itself reports
DATA = {
    *("figure", "config", "height", "alt", "library", "name", "chosen", "zooms", "most", "view"),
    *("follows", "cursor"),
}

Reaction = Literal["ignore", "rerun"] | Callable[[Choice], object]


def live_figure(
    figure: go.Figure,
    key: str,
    *,
    alt: str = "",
    height: int | None = None,
    config: Mapping[str, Any] | None = None,
    on_select: Reaction = "ignore",
    on_zoom: Reaction = "ignore",
    follow: Curves | Sequence[Curves] = (),
    cursor: str = "",
    keep_zoom: bool = True,
    most_points: int = MOST_POINTS,
    spec: str = "",
    extension: Extension = OWN,
    data: Mapping[str, Any] | None = None,
    events: Mapping[str, Callable[[], object]] | None = None,
) -> Choice:
    """Draw a figure, or draw what has changed of the figure that stands under this key.

    It is as wide as its container and as high as `height`, or as the container where that is higher.

    Args:
        figure: of plotly.
        key: of the element, without "__" and without "_" at its end. The figure is changed in place for as long as it
            stays the same.
        alt: what the figure shows, for those who do not see it.
        height: pixels, 10 to 10,000; by default the `height` of the layout, or 450.
        config: of Plotly.js, for instance {"displayModeBar": False}.
        on_select: what a click on a point, a box or a lasso does: "ignore" nothing; "rerun" runs the script, in which
            this function returns the choice once; a function is called with the choice before that run. Boxes and
            lassos are drawn with the `dragmode` "select" or "lasso" of the layout.
        on_zoom: the same for ranges that the reader sets by a zoom or a drag, a quarter of a second after the last
            change.
        follow: curves that traces follow while sliders are dragged, see `follow_slider`. The script of the app draws
            the figure at the value of the slider, as without them.
        cursor: a vertical line over the plots: "mouse", which stands where the pointer is, or the key of a slider, at
            whose value it stands.
        keep_zoom: whether the ranges that the reader has set stay when the figure changes. The `uirevision` of a
            layout that has one decides instead.
        most_points: that a selection reports, 1 to 10,000.
        spec: the figure as Plotly's JSON, where that is at hand.
        extension: script, class and library of your own.
        data: what the script of the extension reads, besides what is passed on already.
        events: functions by the name of an event that the extension's script sets by `setTrigger(name, value)`.

    Returns:
        What the reader has just done; false if there is nothing.

    Raises:
        LiveError: when an argument cannot be used. The message names it.
    """
    _check_figure(figure, key)
    height = _height(figure, height)
    check(
        isinstance(most_points, int) and 1 <= most_points <= 10_000,
        f"`most_points` is {most_points!r}. Give a whole number from 1 to 10,000.",
    )
    check(isinstance(cursor, str), f"`cursor` is {cursor!r}. Give 'mouse' or the key of a slider.")
    triggers = {
        name: _callback(argument, reaction, key, len(figure.data))
        for name, argument, reaction in zip(
            TRIGGERS, ("on_select", "on_zoom"), (on_select, on_zoom), strict=True
        )
        if reaction != "ignore"
    }
    check(
        extension.follows or not (follow or cursor),
        "`extension` has follows=False, so `follow` and `cursor` cannot be used. Leave them out, or set follows=True.",
    )
    _check_names("data", data or {}, DATA)
    _check_names("events", events or {}, set(TRIGGERS))
    content = {
        **(data or {}),
        "figure": spec or _json(figure),
        "config": {"displaylogo": False, **(config or {})},
        "height": height,
        "alt": str(alt),
        "library": extension.library or library_address(),
        "name": extension.class_name,
        "chosen": "selection" in triggers,
        "zooms": "zoom" in triggers,
        "most": most_points,
        "view": key if keep_zoom else "",
        "follows": _follows(figure, follow),
        "cursor": {"slider": "" if cursor == "mouse" else css_name(cursor)} if cursor else None,
    }
    callbacks = {f"on_{name}_change": call for name, call in {**(events or {}), **triggers}.items()}
    sent = component(extension)(key=key, data=content, height="stretch", **callbacks)
    return read_choice(sent, len(figure.data)) if triggers else Choice()


def _check_figure(figure: Any, key: Any) -> None:
    from plotly.basedatatypes import BaseFigure

    check(
        isinstance(figure, BaseFigure),
        f"`figure` is a {type(figure).__name__}. Give a figure of plotly, such as what px.scatter returns.",
    )
    check(
        isinstance(key, str) and key and "__" not in key and not key.endswith("_"),
        f"`key` is {key!r}. Give a text without '__' and without '_' at its end.",
    )


def _height(figure: Any, height: int | None) -> int:
    height = height if height is not None else int(figure.layout.height or HEIGHT)
    check(
        isinstance(height, int) and 10 <= height <= 10_000,
        f"`height` is {height!r}. Give a whole number of pixels from 10 to 10,000.",
    )
    return height


def _callback(argument: str, reaction: Reaction, key: str, traces: int) -> Callable[[], object]:
    """What Streamlit calls when the browser reports something."""
    if reaction == "rerun":
        return lambda: None
    if not callable(reaction):
        raise LiveError(
            f"`{argument}` is {reaction!r}. Give 'ignore', 'rerun' or a function of the choice."
        )
    return partial(_react, reaction, key, traces)


def _react(reaction: Callable[[Choice], object], key: str, traces: int) -> None:
    reaction(read_choice(st.session_state.get(key), traces))


def _check_names(argument: str, values: Any, taken: set[str]) -> None:
    check(
        isinstance(values, Mapping) and not taken & set(values),
        f"`{argument}` is {values!r:.80}. Give a mapping, and use names other than {', '.join(sorted(taken))}.",
    )


def _json(figure: Any) -> str:
    from plotly.io import to_json

    return str(to_json(figure, validate=False))


def _follows(figure: Any, follow: Curves | Sequence[Curves]) -> list[dict[str, Any]]:
    curves = [follow] if isinstance(follow, Curves) else list(follow)
    for entry in curves:
        check(
            isinstance(entry, Curves),
            f"`follow` holds a {type(entry).__name__}. Give what `follow_slider` returns.",
        )
    sliders = [entry.slider for entry in curves]
    check(
        len(set(sliders)) == len(sliders),
        f"`follow` has curves of the sliders {sliders}. Give the curves of each slider at once.",
    )
    bars = [trace for trace in figure.data if trace.type == "bar"]
    stacks = len(bars) > 1 and figure.layout.barmode in ("stack", "relative")
    return [describe_followed(entry, figure.data, stacks) for entry in curves]
