"""Parts that many charts have: lines, marks, bars, bands, texts, rules, error bars and colour bars.

Each `add_` function adds one trace, note or rule to a figure and passes further attributes on to Plotly.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfusion.figures.guards import Figure
from qfusion.figures.style import INK, LINE, Attributes

Values = Sequence[Any] | np.ndarray


def add_line(
    figure: Figure,
    x: Values,
    y: Values,
    hue: str,
    width: float,
    *,
    dash: str | None = None,
    **more: Any,
) -> None:
    """Add a line of a width in pixels."""
    line = _stroke(hue, width, dash)
    # A dictionary is checked once, when it is added; a `go.Scatter` twice.
    figure.add_trace({"type": "scatter", "x": x, "y": y, "mode": "lines", "line": line, **more})


def _stroke(hue: str, width: float, dash: str | None) -> Attributes:
    """Return the look of a line; solid where no dash is given."""
    look: Attributes = {"color": hue, "width": width}
    if dash is not None:
        look["dash"] = dash
    return look


def add_marks(
    figure: Figure,
    x: Values,
    y: Values,
    hue: Values | str,
    size: Values | float,
    *,
    symbol: str | None = None,
    rim: float | None = None,
    rim_hue: str | None = None,
    opacity: float | None = None,
    **more: Any,
) -> None:
    """Add marks of a size in pixels, with rims of a width in pixels."""
    rims = {"width": rim, "color": rim_hue}
    marker = {
        "color": hue,
        "size": size,
        "symbol": symbol,
        "opacity": opacity,
        "line": {name: value for name, value in rims.items() if value is not None} or None,
    }
    figure.add_trace(
        {
            "type": "scatter",
            "x": x,
            "y": y,
            "mode": "markers",
            "marker": {name: value for name, value in marker.items() if value is not None},
            **more,
        }
    )


def add_texts(
    figure: Figure,
    x: Values,
    y: Values,
    text: Values,
    *,
    size: float = 12,
    hue: Values | str = INK,
    shadow: str | None = None,
    **more: Any,
) -> None:
    """Add texts at places of the plot, which the pointer passes over."""
    font = {"size": size, "color": hue}
    if shadow is not None:
        font["shadow"] = shadow
    figure.add_trace(
        {
            "type": "scatter",
            "x": x,
            "y": y,
            "mode": "text",
            "text": text,
            "textfont": font,
            "hoverinfo": "skip",
            **more,
        }
    )


def add_row_bars(
    figure: Figure, lengths: Values, marker: Mapping[str, Any], *, width: float = 0.6, **more: Any
) -> None:
    """Add horizontal bars, one a row from 0 on, where `y` does not say other rows."""
    figure.add_trace(
        {
            "type": "bar",
            "x": lengths,
            "y": list(range(len(lengths))),
            "orientation": "h",
            "width": width,
            "marker": dict(marker),
            **more,
        }
    )


def outside_texts(texts: Values, **font: Any) -> Attributes:
    """Return the attributes of bars with texts beyond their ends, in ink, in a font that may differ."""
    return {
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "constraintext": "none",
        "textfont": {"color": INK, **font},
    }


def add_band(
    figure: Figure, x: Values, low: Values, high: Values, colour: str, **more: Any
) -> None:
    """Add a filled band between two curves, without a rim."""
    figure.add_trace(
        {
            "type": "scatter",
            "x": np.r_[x, x[::-1]],
            "y": np.r_[high, low[::-1]],
            "mode": "lines",
            "fill": "toself",
            "fillcolor": colour,
            "line": {"width": 0},
            "hoverinfo": "skip",
            **more,
        }
    )


def add_legend_mark(figure: Figure, name: str, marker: Attributes, **more: Any) -> None:
    """Add a trace without points, which only explains a mark in the legend."""
    figure.add_trace(
        {
            "type": "scatter",
            "x": [None],
            "y": [None],
            "mode": "markers",
            "name": name,
            "marker": marker,
            **more,
        }
    )


def add_note(
    figure: Figure,
    text: str,
    x: float,
    y: float,
    *,
    size: float = 12,
    hue: str = INK,
    **place: Any,
) -> None:
    """Write a text at a place of the axes, or of the paper where `place` says so."""
    figure.add_annotation(note(text, x, y, size=size, hue=hue, **place))


def note(
    text: str, x: float, y: float, *, size: float = 12, hue: str = INK, **place: Any
) -> Attributes:
    """Return an annotation without an arrow."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "showarrow": False,
        "font": {"size": size, "color": hue},
        **place,
    }


def add_head(figure: Figure, text: str, x: float, *, hue: str = INK, **place: Any) -> None:
    """Write a text above the plot."""
    add_note(figure, text, x, 1, hue=hue, **{"yref": "paper", "yanchor": "bottom", **place})


def add_vertical_rule(
    figure: Figure,
    x: float,
    *,
    hue: str = LINE,
    width: float = 1,
    dash: str | None = None,
) -> None:
    """Draw a vertical line through the whole plot at `x`, behind the traces."""
    figure.add_vline(x=x, line=_stroke(hue, width, dash), layer="below")


def segment(
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    hue: str = LINE,
    width: float = 1,
    dash: str | None = None,
    **more: Any,
) -> Attributes:
    """Return a straight line as a shape, from the first to the second of `x` and of `y`."""
    line = _stroke(hue, width, dash)
    return {"type": "line", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "line": line, **more}


def rectangle(
    x: tuple[float, float],
    y: tuple[float, float],
    fill: str,
    *,
    hue: str | None = None,
    width: float = 0,
    **more: Any,
) -> Attributes:
    """Return a filled rectangle as a shape, with a rim where it has a width."""
    line: Attributes = {"width": width}
    if hue is not None:
        line["color"] = hue
    corners = {"x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1]}
    return {"type": "rect", **corners, "fillcolor": fill, "line": line, **more}


def error_bars(
    plus: Values, hue: str, *, minus: Values | None = None, thickness: float = 2, width: float = 4
) -> Attributes:
    """Return whiskers of these lengths, `plus` to both sides where there is no `minus`."""
    bars = {"type": "data", "array": plus, "color": hue, "thickness": thickness, "width": width}
    return bars if minus is None else bars | {"arrayminus": minus}


def selection(selected: float, others: float) -> Attributes:
    """Return the attributes of a trace whose marks have these opacities after a click, those clicked and the others."""
    return {
        "selected": {"marker": {"opacity": selected}},
        "unselected": {"marker": {"opacity": others}},
    }


def side_colour_bar(title: str, **more: Any) -> Attributes:
    """Return a thin colour bar with its title along it."""
    return {
        "title": {"text": title, "side": "right", "font": {"size": 12}},
        "thickness": 10,
        "outlinewidth": 0,
        **more,
    }
