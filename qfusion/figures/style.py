"""Colours, fonts and axes of every figure.from qfusion.figures.guards import Figure


One hue a modality everywhere (Okabe and Ito 2008, readable with colour-blindness). A joint term takes the hue that
mixing the *light* of its modalities gives: blue + vermillion = purple, blue + green = sky, vermillion + green = orange,
all three = grey; joint lines are dashed and joint bars hatched, so that no reading rests on hue alone.
"""

import html
import math
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.data.coalition_terms import split_term
from qfusion.figures.guards import Figure

Theme = Literal["light", "dark"]
Attributes = dict[str, Any]  # of a trace, an axis, a note or a shape, by Plotly's names

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
ORANGE = "#E69F00"
YELLOW = "#F0E442"
GREY = "#7A8694"
MODALITY_HUES = (BLUE, VERMILLION, GREEN, YELLOW, PURPLE, SKY)
# Jump operators, basis states and single runs: of no modality and of no pair. Contrast at least 3 to 1 on either paper,
# at least 39 (CIE 1976) from all hues above, and from each other with colour-blindness too (Machado and others 2009).
STATE_HUES = ("#EB2B77", "#811AFF", "#41A509", "#C554D1")
DASHES = (
    "solid",
    "dash",
    "dot",
    "dashdot",
    "longdash",
    "longdashdot",
)  # of lines, in turn
LIGHT_MIXTURES: dict[tuple[int, ...], str] = {(0, 1): PURPLE, (0, 2): SKY, (1, 2): ORANGE}
UNSIGNED_SCALE = "Cividis"  # amounts: dark = none, yellow = most
CYCLIC_SCALE = "Phase"  # angles: both ends are the same colour

# Figures are drawn on white paper; `apply_theme` exchanges these colours by those of DARK, and the signed scale.
INK = "#17202B"
QUIET = "#55606E"
PAPER = "#FFFFFF"
LINE = "#AEB8C4"
NEUTRAL = "#F7F7F7"  # zero of signed amounts
DARK = {INK: "#E8EDF3", QUIET: "#A5B1C0", PAPER: "#10161F", LINE: "#4A5870", NEUTRAL: "#1F2733"}
# Letters and rims on cells that are coloured alike in both themes. Neither is a colour of a theme: a figure that is
# recoloured keeps them.
BRIGHT = 0.47  # place on UNSIGNED_SCALE from which ON_BRIGHT is easier to read than ON_DARK
# with a softer black, letters on the middle of the scale would have a contrast of 4.1 to 1
ON_BRIGHT = "#010203"
ON_DARK = "#FEFEFE"
EMPTY = go.layout.Template()  # ours, not the one that happens to be plotly's default
FONT = '"Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif'


def label(text: Any, limit: int = 60) -> str:
    """Return the text from data as a plotly label: shortened, with markup and TeX delimiters made harmless.

    Plotly reads tags, entities and `$...$` in labels; a sample's id or words are never to be read so. Words from right
    to left get marks around them, so that what stands beside them keeps its place.
    """
    words = " ".join(str(text).split())
    short = words if len(words) <= limit else words[: limit - 1].rstrip("\u200d") + "…"
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in short):
        short = f"\u2068{short}\u2069"
    return html.escape(short, quote=False).replace("$", "&#36;")


def title_with_unit(what: str, unit: str, apart: str = ", ") -> str:
    """Return the axis title of a quantity, as markup: "contribution (sentiment score)".

    Where the unit has parentheses of its own, "contribution, log-odds of ‘yes’ (nats)".

    Args:
        apart: what stands between the two then: "<br>" of axes that are short.
    """
    return f"{label(what)}{apart}{label(unit)}" if "(" in unit else f"{label(what)} ({label(unit)})"


def format_signed(value: float) -> str:
    """Return a number with its sign and two digits; none that rounds to zero is negative."""
    return true_minus(f"{round(float(value), 2) + 0.0:+.2f}")


def halo() -> str:
    """Return a rim of paper around the letters of a label that lies on lines (`textfont.shadow`)."""
    return ", ".join(f"{x}px {y}px 1px {PAPER}" for x in (-2, 0, 2) for y in (-1, 1))


def wrap_lines(tip: str, width: int = 60) -> str:
    """Return a tip broken into lines of about `width` characters."""
    whole = textwrap.TextWrapper(width + 1, break_long_words=False, break_on_hyphens=False)
    return "<br>".join(
        line.strip() for paragraph in tip.split("<br>") for line in whole.wrap(paragraph) or [""]
    )


def term_title(term: str) -> str:
    """Return a coalition as a reader says it: `"text + audio"`; the empty one is the baseline."""
    return label(" + ".join(split_term(term))) if term else "baseline"


def term_colour(term: str, modalities: Sequence[str]) -> str:
    """Return the hex colour of a coalition, fixed by the position of its modalities in `modalities`.

    Raises:
        InvalidInput: when `term` names a modality that is not in `modalities`.
    """
    parts = split_term(term)
    unknown = [part for part in parts if part not in modalities]
    check(
        not unknown,
        f"Argument `term` must name modalities of {list(modalities)}, but has {unknown}.",
    )
    places = tuple(sorted(modalities.index(part) for part in parts))
    if not places or (len(places) > 1 and len(modalities) <= 3):
        return LIGHT_MIXTURES.get(places, GREY)
    hues = [rgb_channels(MODALITY_HUES[i % len(MODALITY_HUES)]) for i in places]
    return "#" + "".join(f"{sum(channel) // len(hues):02X}" for channel in zip(*hues, strict=True))


def registers_colour(registers: Sequence[str], modalities: Sequence[str]) -> str:
    """Return the hex colour of registers of qubits: that of the coalition of their modalities, and half grey where one
    is of no modality.
    """
    own = [name for name in registers if name in modalities]
    hue = term_colour("+".join(own), modalities)
    return hue if len(own) == len(registers) else blend_colours(hue, GREY, 0.5)


def term_dash(term: str) -> str:
    """Return line style of a coalition: solid for one modality, dashed for a pair, dotted for more."""
    return {0: "solid", 1: "solid", 2: "dash"}.get(len(split_term(term)), "dot")


def fade_colour(colour: str, opacity: float) -> str:
    """`rgba(...)` of a hex colour."""
    red, green, blue = rgb_channels(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def blend_colours(colour: str, other: str, share: float) -> str:
    """Return the hex colour on the way from one hex colour to another, 0 the first and 1 the other."""
    pairs = zip(rgb_channels(colour), rgb_channels(other), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02X}" for a, b in pairs)


def base_figure(
    height: int,
    *,
    left: int = 60,
    right: int = 16,
    top: int = 12,
    bottom: int = 48,
    legend: bool = False,
    x_title: str | None = None,
    y_title: str | None = None,
    rows: Sequence[str] | None = None,
    x_axis: Mapping[str, Any] | None = None,
    y_axis: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw an empty figure with the house style: plain paper, no grid, ticks outside.

    Args:
        height, left, right, top, bottom: of the figure and of its margins, in pixels; a legend widens the top by 26.
        x_title, y_title: of the axes, as markup, with their units.
        rows: titles of the rows of the vertical axis, if it has rows, see `row_axis`.
        x_axis, y_axis: further attributes of the axes.
    """
    if legend:
        top += 26
    rows_settings = {} if rows is None else row_axis(rows)
    # One dictionary and one constructor: a dozen times faster than updating an empty figure, and sliders wait for it.
    return Figure(
        layout={
            "template": EMPTY,
            "height": height,
            "margin": {"l": left, "r": right, "t": top, "b": bottom},
            "paper_bgcolor": PAPER,
            "plot_bgcolor": PAPER,
            "font": {"family": FONT, "size": 13, "color": INK},
            "showlegend": legend,
            "hovermode": "closest",
            "dragmode": False,
            "autosize": True,
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.0,
                "yanchor": "bottom",
                "font": {"size": 12},
                "bgcolor": "rgba(0,0,0,0)",
            },
            "hoverlabel": {
                "bgcolor": PAPER,
                "bordercolor": LINE,
                "font": {"family": FONT, "size": 12, "color": INK},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": QUIET,
                "activecolor": INK,
                "remove": ["sendChartToCloud"],  # hover texts may hold what participants said
            },
            "xaxis": axis(x_title) | dict(x_axis or {}),
            "yaxis": axis(y_title) | rows_settings | dict(y_axis or {}),
        }
    )


def axis(title: str | None = None) -> Attributes:
    """Return an axis with a line, outside ticks and no grid; `title` is markup."""
    heading: Attributes = {"font": {"size": 13, "color": QUIET}, "standoff": 8}
    if title is not None:
        heading["text"] = title
    return {
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": LINE,
        "ticks": "outside",
        "tickcolor": LINE,
        "ticklen": 4,
        "tickfont": {"size": 12, "color": INK},
        "title": heading,
        "automargin": True,
    }


def add_panes(
    figure: Figure,
    titles: Sequence[str],
    columns: int,
    *,
    x_title: str,
    y_title: str,
    head: int = 24,
    foot: int = 28,
) -> list[Attributes]:
    """Add one plot per title to an empty figure, at most `columns` per row, and return the axes of each as `xaxis` and
    `yaxis` of its traces.

    Args:
        titles: written above the plots. x_title, y_title: of all. head, foot: pixels above each, and between rows.
    """
    across = min(columns, len(titles))
    margin = figure.layout.margin
    down = -(-len(titles) // across)
    inner = figure.layout.height - margin.t - margin.b
    high = (inner - head * down - foot * (down - 1)) / down
    for i, title in enumerate(titles):
        row, column = divmod(i, across)
        top = 1 - (head + row * (head + high + foot)) / inner
        x = [(column + 0.1 * (column > 0)) / across, (column + 1 - 0.04 * (across > 1)) / across]
        y = [max(0.0, top - high / inner), top]
        figure.update_layout(
            {
                f"xaxis{i + 2}": axis() | {"domain": x, "anchor": f"y{i + 2}"},
                f"yaxis{i + 2}": axis() | {"domain": y, "anchor": f"x{i + 2}"},
            }
        )
        figure.add_annotation(
            x=x[0],
            y=top,
            yshift=2,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            align="left",
            text=title,
            font={"size": 12, "color": INK},
        )
    quiet = {
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": 12, "color": QUIET},
    }
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False})
    figure.add_annotation(quiet, text=x_title, x=0.5, y=0, yshift=8 - margin.b)
    figure.add_annotation(quiet, text=y_title, x=0, y=0.5, xshift=8 - margin.l, textangle=-90)
    return [{"xaxis": f"x{i + 2}", "yaxis": f"y{i + 2}"} for i in range(len(titles))]


def circle_positions(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the places (2,) of names on a circle of radius 1, the first on top, or where there are two or four of them
    turned so that sides are level.
    """
    M = len(names)
    turn = np.pi / 2 + (np.pi / M if M in (2, 4) else 0) - 2 * np.pi * np.arange(M) / M
    return dict(zip(names, np.stack([np.cos(turn), np.sin(turn)], 1), strict=True))


def row_axis(names: Sequence[str], below: float = 0.5, above: float = 0.5) -> Attributes:
    """Return a vertical axis of named rows, with the first on top, space below and above them, and no axis line."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "range": [len(names) - below, -above],
        "showline": False,
        "ticks": "",
        "ticklabelstandoff": 6,
    }


def name_rows(names: Sequence[str], notes: Sequence[str] = ()) -> list[str]:
    """Return the titles of the rows of an axis: the name of each, and its note on a second line if it has one."""
    titles = []
    for name, note in zip(names, notes or [""] * len(names), strict=True):
        title = label(name, 44)
        if note:
            title += f"<br>{label(note, 44)}"
        titles.append(title)
    return titles


def log_ticks(values: np.ndarray) -> Attributes:
    """Return the ticks of a logarithmic axis, at least three in the range shown. They are round steps within half a
    decade, 1, 2, 5 within two decades, and otherwise powers of ten, at most eight of them.
    """
    least = float(np.min(values))
    most = float(np.max(values))
    low = np.log10(least)
    high = np.log10(most)
    powers = range(math.floor(low), math.ceil(high) + 1)
    if high - low > 2:
        powers = powers[:: max(1, math.ceil((high - low) / 8))]
        return {
            "tickvals": [10.0**power for power in powers],
            "ticktext": [f"10<sup>{power}</sup>" for power in powers],
        }
    marks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    if high - low < 0.5:
        span = max(most - least, 1e-3 * most)
        steps = (digit * 10.0 ** math.floor(math.log10(span / 2)) for digit in (5, 2, 1))
        step = min(steps, key=lambda step: abs(span / step - 4))
        first = max(1, math.floor(least / step))
        last = math.ceil(most / step)
        marks = [round(step * n, 12) for n in range(first, last + 1)]
    return {"tickvals": marks, "ticktext": [f"{mark:g}" for mark in marks]}


def bare_axis() -> Attributes:
    """Return no line, ticks or labels, for drawings."""
    return {"visible": False, "showgrid": False, "zeroline": False, "fixedrange": True}


def write_note(figure: Figure, text: str) -> Figure:
    """Write `text` (our own words) in the middle of an empty figure."""
    figure.add_annotation(
        text=text,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": QUIET},
    )
    return figure


def cell_annotations(
    figure: Figure,
    z: np.ndarray,
    bright: np.ndarray,
    form: str,
    *,
    size: int = 11,
    **more: Any,
) -> Figure:
    """Write each number of a heat map in its cell, dark on cells that are `bright` (0 to 1 on `UNSIGNED_SCALE`), else
    bright.

    NaN is left out. Plotly's own choice of ink is a grey that middling cells swallow.
    """
    rows, columns = np.nonzero(np.isfinite(z))
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="text",
        hoverinfo="skip",
        text=[true_minus(form.format(value)) for value in z[rows, columns]],
        textfont={
            "size": size,
            "color": np.where(bright[rows, columns] > BRIGHT, ON_BRIGHT, ON_DARK).tolist(),
        },
        **more,
    )
    return figure


def add_ring(
    figure: Figure,
    ids: Sequence[str],
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    chosen: str | None,
    hue: str = INK,
    size: int = 15,
    **more: Any,
) -> Figure:
    """Draw a ring around the point of the chosen sample, where it is among `ids`."""
    place = next((i for i, name in enumerate(ids) if name == chosen), None)
    if place is not None:
        figure.add_scatter(
            x=[float(x[place])],
            y=[float(y[place])],
            mode="markers",
            hoverinfo="skip",
            marker={
                "size": size,
                "color": hue,
                "symbol": "circle-open",
                "line": {"width": 3, "color": hue},
            },
            **more,
        )
    return figure


def rgb_channels(colour: str) -> tuple[int, int, int]:
    """Return the red, green and blue, 0 to 255, of a hex colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
