"""The same figure in another theme, found by exchanging the colours that depend on the theme; greys are in `grey`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import INK, LINE, PAPER, QUIET, Theme

BY_THEME = (INK, QUIET, PAPER, LINE)
_HEX = re.compile(r"#[0-9A-Fa-f]{6}\b")
_RGBA = re.compile(r"rgba\((\d{1,3}),(\d{1,3}),(\d{1,3}),")  # as `style.faded` writes it
Paint = Callable[[str], str]


def recolour(drawn: go.Figure, theme: str) -> go.Figure:
    """The figure in the theme "light", "dark" or "grey", whichever of the first two it was drawn in; always a new figure.

    Drawing it anew in "light" or "dark" gives the same figure.

    Raises:
        InvalidInput: for another theme, or a figure that is not drawn on the paper of either.
    """
    check(theme in ("light", "dark", "grey"), f"Argument `theme` must be 'light', 'dark' or 'grey', but is {str(theme)[:40]!r}.")
    present = drawn_in(drawn)
    parts = parts_of(drawn)
    if theme == "grey":
        from qfusion.figures.grey import greyed

        parts = greyed(_in_theme(parts, present, "light"))
    else:
        parts = _in_theme(parts, present, theme)
    return go.Figure(parts)


def drawn_in(drawn: go.Figure) -> Theme:
    """The theme of a figure, read off its paper.

    Raises:
        InvalidInput: when it has neither paper.
    """
    paper = str(drawn.layout.paper_bgcolor or "").upper()
    found: list[Theme] = [theme for theme in PAPER if PAPER[theme].upper() == paper]  # type: ignore[misc]
    check(bool(found), f"The figure must lie on the paper of a theme, {' or '.join(PAPER.values())}, but its `paper_bgcolor` is "
                       f"{paper[:40]!r}. Draw it with a function of qfusion.figures.")
    return found[0]


def parts_of(drawn: go.Figure) -> dict[str, Any]:
    """Traces and layout as plain dictionaries of one's own; arrays stay arrays."""
    return {"data": [trace.to_plotly_json() for trace in drawn.data], "layout": drawn.layout.to_plotly_json()}


def painted(part: Any, paint: Paint, key: str = "") -> Any:
    """A copy of a part of a figure with every colour passed through `paint`; texts, names and data are no colours, whatever they hold."""
    if isinstance(part, dict):
        return {name: painted(value, paint, name if is_colour(name) else "") for name, value in part.items()}
    if isinstance(part, str):
        return paint(part) if key else part
    if isinstance(part, (list, tuple)):
        # What lies in a list under the name of a colour is a colour; annotations, shapes and ticks start anew.
        return type(part)(painted(value, paint, key) for value in part)
    if getattr(part, "dtype", None) is not None and part.dtype == object and key:
        return [painted(value, paint, key) for value in part.tolist()]
    return part


def is_colour(name: str) -> bool:
    """Whether an attribute of that name holds colours."""
    return name.endswith("color") or name in ("colors", "colorscale", "colorway", "shadow")


def _in_theme(parts: dict[str, Any], present: Theme, wanted: str) -> dict[str, Any]:
    if present == wanted:
        return parts
    other = {pair[present].upper(): pair[wanted] for pair in BY_THEME}
    triples = {",".join(map(str, channels(old))): ",".join(map(str, channels(new))) for old, new in other.items()}

    def paint(colour: str) -> str:
        colour = _HEX.sub(lambda found: other.get(found[0].upper(), found[0]), colour)
        return _RGBA.sub(lambda found: f"rgba({triples.get(','.join(found.groups()), ','.join(found.groups()))},", colour)

    return dict(painted(parts, paint))


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a hex colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
