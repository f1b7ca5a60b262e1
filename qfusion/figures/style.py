"""Colours, fonts and axes of every figure, and the guards that let no figure show what is no number; the same figure in
another theme, light and dark by exchanging what depends on the theme, grey for print without colour.

One hue a modality everywhere (Okabe and Ito 2008, readable with colour-blindness). A joint term takes the hue that
mixing the *light* of its modalities gives: blue + vermillion = purple, blue + green = sky, vermillion + green = orange,
all three = grey; joint lines are dashed and joint bars hatched, so that no reading rests on hue alone.

In greys, on white paper, nothing is lost: series keep apart by their greys, which are spread evenly in lightness, and
by dashes, markers and hatching where colour alone told them apart. Amounts run from light (none) to dark (most). Signed
amounts run from mid-grey (most negative) over light grey (zero) to white (most positive), so that black letters stand
out on all of them. Phases run from light (0) to dark (π, either side): the sign of a phase is not shown."""

import dataclasses
import functools
import html
import inspect
import math
import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, ParamSpec, get_args

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.data.spec import split_term

Theme = Literal["light", "dark"]

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, SKY, ORANGE, YELLOW = "#CC79A7", "#56B4E9", "#E69F00", "#F0E442"
GREY = "#7A8694"
MODALITY_HUES = (BLUE, VERMILLION, GREEN, YELLOW, PURPLE, SKY)
# Jump operators, basis states and single runs: of no modality and of no pair. Contrast at least 3 to 1 on either paper,
# at least 39 (CIE 1976) from all hues above, and from each other with colour-blindness too (Machado and others 2009).
STATE_HUES = ("#EB2B77", "#811AFF", "#41A509", "#C554D1")
LIGHT_MIXTURES: dict[tuple[int, ...], str] = {(0, 1): PURPLE, (0, 2): SKY, (1, 2): ORANGE}

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
UNSIGNED_SCALE = "Cividis"  # amounts: dark = none, yellow = most
# Amounts with a sign, purple below zero and orange above: zero is the lightest on light paper (ColorBrewer's PuOr) and
# the darkest on dark paper. Stops are `rgb`, which tells them from hues of series when a figure is recoloured.
_SIGNED = {
    "light": (
        "45,0,75",
        "84,39,136",
        "128,115,172",
        "178,171,210",
        "216,218,235",
        "247,247,247",
        "254,224,182",
        "253,184,99",
        "224,130,20",
        "179,88,6",
        "127,59,8",
    ),
    "dark": (
        "217,204,255",
        "184,163,245",
        "150,127,219",
        "111,95,176",
        "68,63,112",
        "31,39,51",
        "92,64,34",
        "149,95,28",
        "204,130,31",
        "245,169,71",
        "255,214,153",
    ),
}
SIGNED_SCALE: dict[str, list[list[Any]]] = {
    theme: [[place / 10, f"rgb({colour})"] for place, colour in enumerate(colours)]
    for theme, colours in _SIGNED.items()
}
NEUTRAL = {"light": "#F7F7F7", "dark": "#1F2733"}  # zero of other signed amounts
CYCLIC_SCALE = "Phase"  # angles: both ends are the same colour

INK = {"light": "#17202B", "dark": "#E8EDF3"}
QUIET = {"light": "#55606E", "dark": "#A5B1C0"}
PAPER = {"light": "#FFFFFF", "dark": "#10161F"}
LINE = {"light": "#AEB8C4", "dark": "#4A5870"}
# Letters and rims on cells that are coloured alike in both themes. Neither is a colour of a theme: a figure that is
# recoloured keeps them.
BRIGHT = 0.47  # place on UNSIGNED_SCALE from which ON_BRIGHT is easier to read than ON_DARK
# with a softer black, letters on the middle of the scale would have a contrast of 4.1 to 1
ON_BRIGHT, ON_DARK = "#010203", "#FEFEFE"
EMPTY = go.layout.Template()  # ours, not the one that happens to be plotly's default
FONT = '"Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif'


def label(text: Any, limit: int = 60) -> str:
    """Text from data as a plotly label: shortened, with markup and TeX delimiters made harmless.

    Plotly reads tags, entities and `$...$` in labels; a sample's id or words are never to be read so. Words from right
    to left get marks around them, so that what stands beside them keeps its place.
    """
    words = " ".join(str(text).split())
    short = words if len(words) <= limit else words[: limit - 1].rstrip("\u200d") + "…"
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in short):
        short = f"\u2068{short}\u2069"
    return html.escape(short, quote=False).replace("$", "&#36;")


def in_unit(what: str, unit: str, apart: str = ", ") -> str:
    """Axis title of a quantity, as markup: "contribution (sentiment score)"; where the unit has parentheses of its own,
    "contribution, log-odds of ‘yes’ (nats)".

    Args:
        apart: what stands between the two then: "<br>" of axes that are short.
    """
    return f"{label(what)}{apart}{label(unit)}" if "(" in unit else f"{label(what)} ({label(unit)})"


def signed(value: float) -> str:
    """A number with its sign and two digits; none that rounds to zero is negative."""
    return f"{round(float(value), 2) + 0.0:+.2f}"


def halo(theme: Theme) -> str:
    """A rim of paper around the letters of a label that lies on lines (`textfont.shadow`)."""
    return ", ".join(f"{x}px {y}px 1px {PAPER[theme]}" for x in (-2, 0, 2) for y in (-1, 1))


def wrap(tip: str, width: int = 60) -> str:
    """A tip broken into lines of about `width` characters."""
    whole = textwrap.TextWrapper(width + 1, break_long_words=False, break_on_hyphens=False)
    return "<br>".join(
        line.strip() for paragraph in tip.split("<br>") for line in whole.wrap(paragraph) or [""]
    )


def term_title(term: str) -> str:
    """A coalition as a reader says it: `"text + audio"`; the empty one is the baseline."""
    return label(" + ".join(split_term(term))) if term else "baseline"


def term_colour(term: str, modalities: Sequence[str]) -> str:
    """Hex colour of a coalition, fixed by the position of its modalities in `modalities`.

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
    hues = [channels(MODALITY_HUES[i % len(MODALITY_HUES)]) for i in places]
    return "#" + "".join(f"{sum(channel) // len(hues):02X}" for channel in zip(*hues, strict=True))


def term_dash(term: str) -> str:
    """Line style of a coalition: solid for one modality, dashed for a pair, dotted for more."""
    return {0: "solid", 1: "solid", 2: "dash"}.get(len(split_term(term)), "dot")


def faded(colour: str, opacity: float) -> str:
    """`rgba(...)` of a hex colour."""
    red, green, blue = channels(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def blended(colour: str, other: str, share: float) -> str:
    """Hex colour on the way from one hex colour to another, 0 the first and 1 the other."""
    pairs = zip(channels(colour), channels(other), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02X}" for a, b in pairs)


def base(
    theme: Theme,
    height: int,
    *,
    left: int = 60,
    right: int = 16,
    top: int = 12,
    bottom: int = 48,
    legend: bool = False,
) -> go.Figure:
    """An empty figure with the house style: plain paper, no grid, ticks outside, units left to the caller."""
    check(theme in PAPER, f"Argument `theme` must be 'light' or 'dark', but is {theme!r}.")
    if legend:
        top += 26
    # One dictionary and one constructor: a dozen times faster than updating an empty figure, and sliders wait for it.
    return go.Figure(
        layout={
            "template": EMPTY,
            "height": height,
            "margin": {"l": left, "r": right, "t": top, "b": bottom},
            "paper_bgcolor": PAPER[theme],
            "plot_bgcolor": PAPER[theme],
            "font": {"family": FONT, "size": 13, "color": INK[theme]},
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
                "bgcolor": PAPER[theme],
                "bordercolor": LINE[theme],
                "font": {"family": FONT, "size": 12, "color": INK[theme]},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": QUIET[theme],
                "activecolor": INK[theme],
            },
            "xaxis": axis(theme),
            "yaxis": axis(theme),
        }
    )


def axis(theme: Theme) -> dict[str, Any]:
    """Axis line and outside ticks, no grid."""
    return {
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": LINE[theme],
        "ticks": "outside",
        "tickcolor": LINE[theme],
        "ticklen": 4,
        "tickfont": {"size": 12, "color": INK[theme]},
        "title": {"font": {"size": 13, "color": QUIET[theme]}, "standoff": 8},
        "automargin": True,
    }


def panes(
    figure: go.Figure,
    titles: Sequence[str],
    columns: int,
    theme: Theme,
    *,
    x_title: str,
    y_title: str,
    head: int = 24,
    foot: int = 28,
) -> list[dict[str, str]]:
    """Gives an empty figure a plot for each title, at most `columns` a row, and returns the axes of each: what its
    traces take as `xaxis` and `yaxis`.

    Args:
        titles: written above the plots. x_title, y_title: of all. head, foot: pixels above each, and between rows.
    """
    across, margin = min(columns, len(titles)), figure.layout.margin
    down, inner = -(-len(titles) // across), figure.layout.height - margin.t - margin.b
    high = (inner - head * down - foot * (down - 1)) / down
    for i, title in enumerate(titles):
        row, column = divmod(i, across)
        top = 1 - (head + row * (head + high + foot)) / inner
        x = [(column + 0.1 * (column > 0)) / across, (column + 1 - 0.04 * (across > 1)) / across]
        y = [max(0.0, top - high / inner), top]
        figure.update_layout(
            {
                f"xaxis{i + 2}": axis(theme) | {"domain": x, "anchor": f"y{i + 2}"},
                f"yaxis{i + 2}": axis(theme) | {"domain": y, "anchor": f"x{i + 2}"},
            }
        ).add_annotation(
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
            font={"size": 12, "color": INK[theme]},
        )
    quiet = {
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": 12, "color": QUIET[theme]},
    }
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False}).add_annotation(
        quiet, text=x_title, x=0.5, y=0, yshift=8 - margin.b
    ).add_annotation(quiet, text=y_title, x=0, y=0.5, xshift=8 - margin.l, textangle=-90)
    return [{"xaxis": f"x{i + 2}", "yaxis": f"y{i + 2}"} for i in range(len(titles))]


def in_circle(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Places (2,) of names on a circle of radius 1, the first on top, or where there are two or four of them turned so
    that sides are level."""
    M = len(names)
    turn = np.pi / 2 + (np.pi / M if M in (2, 4) else 0) - 2 * np.pi * np.arange(M) / M
    return dict(zip(names, np.stack([np.cos(turn), np.sin(turn)], 1), strict=True))


def in_rows(names: Sequence[str], below: float = 0.5, above: float = 0.5) -> dict[str, Any]:
    """An upright axis of named rows, the first on top, with room below and above them and no line of its own."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "range": [len(names) - below, -above],
        "showline": False,
        "ticks": "",
    }


def log_ticks(values: np.ndarray) -> dict[str, Any]:
    """Ticks of a logarithmic axis, at least three in what is shown: round steps within half a decade, 1, 2, 5 within
    two, else powers of ten, at most eight of them."""
    least, most = float(np.min(values)), float(np.max(values))
    low, high = np.log10(least), np.log10(most)
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
        first, last = max(1, math.floor(least / step)), math.ceil(most / step)
        marks = [round(step * n, 12) for n in range(first, last + 1)]
    return {"tickvals": marks, "ticktext": [f"{mark:g}" for mark in marks]}


def bare_axis() -> dict[str, Any]:
    """No line, ticks or labels, for drawings."""
    return {"visible": False, "showgrid": False, "zeroline": False, "fixedrange": True}


def note(figure: go.Figure, text: str, theme: Theme) -> go.Figure:
    """Writes `text` (our own words) in the middle of an empty figure."""
    return figure.add_annotation(
        text=text,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": QUIET[theme]},
    )


def in_cells(
    figure: go.Figure,
    z: np.ndarray,
    bright: np.ndarray,
    form: str,
    *,
    size: int = 11,
    **more: Any,
) -> go.Figure:
    """Writes each number of a heat map in its cell, dark on cells that are `bright` (0 to 1 on `UNSIGNED_SCALE`), else
    bright; NaN is left out. Plotly's own choice of ink is a grey that middling cells swallow."""
    rows, columns = np.nonzero(np.isfinite(z))
    return figure.add_scatter(
        x=columns,
        y=rows,
        mode="text",
        hoverinfo="skip",
        text=[form.format(value) for value in z[rows, columns]],
        textfont={
            "size": size,
            "color": np.where(bright[rows, columns] > BRIGHT, ON_BRIGHT, ON_DARK).tolist(),
        },
        **more,
    )


def ringed(
    figure: go.Figure,
    ids: Sequence[str],
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    chosen: str | None,
    hue: str = VERMILLION,
    size: int = 15,
    **more: Any,
) -> go.Figure:
    """Draws a ring around the point of the chosen sample, where it is among `ids`."""
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


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a hex colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


# No figure shows what is no number: the guards between arrays and figures.

_NUMBERS = (
    "x",
    "y",
    "z",
    "base",
    "value",
    "values",
    "array",
    "arrayminus",
    "lowerfence",
    "upperfence",
    "median",
    "q1",
    "q3",
    "size",
)
_WITHIN = ("error_x", "error_y", "marker", "link", "node")

P = ParamSpec("P")


def drawing(
    *gaps: str, **shapes: str
) -> Callable[[Callable[P, go.Figure]], Callable[P, go.Figure]]:
    """Returns a decorator of functions that draw: an argument is refused, by its name, where it has another shape, or
    holds NaN or infinity.

    Args:
        gaps: names of the arguments in which such numbers mean something, and are drawn so.
        shapes: of arguments, a letter a dimension (`values="S G"`), equal letters for equal sizes, which the first to
            have a letter says; "N+" is at least 1, "3" is 3. Of several under names it is the shape of each.
    """

    def decorate(function: Callable[P, go.Figure]) -> Callable[P, go.Figure]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> go.Figure:
            given, sizes = signature.bind(*args, **kwargs).arguments, dict[str, int]()
            for name, letters in shapes.items():
                _fit(name, given.get(name), letters.split(), sizes)
            for name, value in given.items():
                bad = 0 if name in gaps else _wrong(value, False)
                check(
                    not bad,
                    f"Argument `{name}` must be finite to be drawn, but holds {bad} NaN or infinite "
                    f"{'number' if bad == 1 else 'numbers'}. Check the data, the weights and the tweak.",
                )
            return function(*args, **kwargs)

        return drawn

    return decorate


def _fit(name: str, value: Any, letters: Sequence[str], sizes: dict[str, int]) -> None:
    """Refuses an argument without the shape of these letters; sizes that are not known yet are those that it has."""
    for part in value.values() if isinstance(value, Mapping) else () if value is None else [value]:
        shape = np.shape(part) if len(letters) > 1 or hasattr(part, "shape") else (len(part),)
        for letter, size in zip(letters, shape, strict=False):
            sizes.setdefault(letter, int(letter) if letter.isdigit() else size)
        wanted = tuple(sizes.get(letter, 1) for letter in letters)
        check(
            shape == wanted,
            f"Argument `{name}` must have shape {wanted} to fit the others, but has shape {shape}.",
        )
        check(
            0 not in [size for letter, size in zip(letters, shape, strict=True) if "+" in letter],
            f"Argument `{name}` must hold at least one entry, but is empty.",
        )


def finite(figure: go.Figure) -> go.Figure:
    """Returns the figure as it is, once every number of its traces and of its layout is one.

    A gap that is meant is None, or NaN in a trace that says `connectgaps=False`, a heat map `hoverongaps=False`: plotly
    and the renderer draw nothing there. Any other NaN, and every infinity, would be drawn as such a gap, and a reader
    would not know that something went wrong.

    Raises:
        InvalidInput: when a number is NaN or infinite.
    """
    # Plotly's own dictionaries: asked for by its names, they take 20 ms, and sliders wait.
    for number, trace in enumerate(figure._data, 1):
        gaps = trace.get("connectgaps") is False or trace.get("hoverongaps") is False
        for part, name in (
            (trace, ""),
            *((trace[name], f"{name}.") for name in _WITHIN if name in trace),
        ):
            for key in _NUMBERS:
                bad = _wrong(part[key], gaps) if key in part else 0
                check(
                    not bad,
                    f"The figure would show NaN or infinity ({bad} times in `{name}{key}` of series "
                    f"{trace.get('name') or number}). Check the data, the weights and the tweak.",
                )
    wrong = sum(not math.isfinite(value) for value in _floats(figure._layout))
    check(
        not wrong,
        f"The figure's axes, lines or notes would stand at {wrong} places that are NaN or infinite. Check "
        "the data, the weights and the tweak.",
    )
    return figure


def _wrong(values: Any, gaps: bool) -> int:
    """How many of some numbers must not be shown."""
    if not (isinstance(values, np.ndarray) and values.dtype.kind in "fc"):
        values = np.array(list(_floats(values)))
    return int(np.isinf(values).sum() if gaps else values.size - np.isfinite(values).sum())


def _floats(value: Any) -> Iterator[float]:
    """The numbers in nested lists and dictionaries; words and None are none."""
    left = [value]
    while left:
        match value := left.pop():
            case float() | np.floating():
                yield float(value)
            case dict():
                left.extend(value.values())
            case np.ndarray() if value.dtype.kind != "O":
                yield from np.abs(value).ravel().tolist() if value.dtype.kind in "fc" else ()
            case [str(), *_] if len(value) > 100:
                pass
            case list() | tuple() | np.ndarray():
                left.extend(value)
            case _ if dataclasses.is_dataclass(value):
                left.extend(vars(value).values())


# The same figure in another theme.

AnyTheme = Literal["light", "dark", "grey"]
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
HATCHES = ("", "/", "x", "-", "\\", "+", "|")
# Lightness (CIE L*, 0 black, 100 white) of the darkest and lightest series; 60 has a contrast of 3.2 to 1 with white
# paper.
DARKEST, BESIDE_INK, LIGHTEST = 12.0, 32.0, 60.0
_BY_THEME = (INK, QUIET, PAPER, LINE, NEUTRAL)
_FIXED = {colour.upper() for colour in (*(pair["light"] for pair in _BY_THEME), ON_BRIGHT, ON_DARK)}
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")
_COLOURED = ("colors", "colorscale", "colorway", "shadow")  # besides all that ends in "color"
_Scale = Sequence[Sequence[Any]]


def in_theme(drawn: go.Figure, theme: str) -> go.Figure:
    """The figure in a theme, whichever it was drawn in; always a new figure, and for "light" and "dark" what drawing it
    anew gives.

    Raises:
        InvalidInput: for another theme, or a figure that is not drawn on the paper of "light" or "dark".
    """
    check(
        theme in get_args(AnyTheme),
        f"Argument `theme` must be 'light', 'dark' or 'grey', but is {str(theme)[:40]!r}.",
    )
    present = drawn_in(drawn)
    wanted: Theme = "dark" if theme == "dark" else "light"
    parts = {
        "data": [trace.to_plotly_json() for trace in drawn.data],
        "layout": drawn.layout.to_plotly_json(),
    }
    if present != wanted:
        other = {pair[present].upper(): pair[wanted] for pair in _BY_THEME}

        def paint(colour: str) -> str:
            if not _off_scale(colour):
                return _exchanged(colour, lambda hue: other.get(hue, hue))
            place = _on_signed(colour, present)
            return colour if place is None else signed_colour(place, wanted)

        parts = painted(parts, paint)
        _letters_on_signed(parts)
    return go.Figure(_greyed(parts) if theme == "grey" else parts)


def drawn_in(drawn: go.Figure) -> Theme:
    """The theme of a figure, read off its paper.

    Raises:
        InvalidInput: when it has neither paper.
    """
    paper = str(drawn.layout.paper_bgcolor or "").upper()
    themes: list[Theme] = [theme for theme in PAPER if PAPER[theme].upper() == paper]  # type: ignore[misc]
    check(
        bool(themes),
        f"The figure must lie on the paper of a theme, {' or '.join(PAPER.values())}, but its `paper_bgcolor` is "
        f"{paper[:40]!r}. Draw it with a function of qfusion.figures.",
    )
    return themes[0]


def themed(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
    """A function that draws in "light" and "dark" as one that takes every theme."""

    @functools.wraps(draw)
    def drawing(*args: Any, theme: AnyTheme = "light", **chosen: Any) -> go.Figure:
        return (
            in_theme(draw(*args, **chosen), "grey")
            if theme == "grey"
            else draw(*args, theme=theme, **chosen)
        )

    return drawing


# Colours --------------------------------------------------------------------------------------------------------------


def painted(part: Any, paint: Callable[[str], str], key: str = "") -> Any:
    """A copy of a part of a figure with every colour passed through `paint`; texts, names and data are no colours,
    whatever they hold."""
    match part:
        case dict():
            return {
                name: painted(
                    value, paint, name if name.endswith("color") or name in _COLOURED else ""
                )
                for name, value in part.items()
            }
        case str():
            return paint(part) if key else part
        case list() | tuple():
            # What lies in a list under the name of a colour is a colour; annotations, shapes and ticks start anew.
            return type(part)(painted(value, paint, key) for value in part)
        case np.ndarray() if key and part.dtype.kind == "O":
            return [painted(value, paint, key) for value in part.tolist()]
    return part


def _exchanged(text: str, change: Callable[[str], str]) -> str:
    """An attribute with each of its colours exchanged."""

    def new(match: re.Match[str]) -> str:
        hue = _hex(match)
        changed = change(hue)
        if changed == hue:
            return match[0]
        return (
            changed
            if match[1] is None
            else f"{match[0].split('(')[0]}({','.join(map(str, channels(changed)))}"
        )

    return _COLOUR.sub(new, text)


def _hex(match: re.Match[str]) -> str:
    return (
        match[0].upper()
        if match[1] is None
        else "#" + "".join(f"{int(value):02X}" for value in match.groups())
    )


def _off_scale(colour: str) -> bool:
    """Whether a colour was read off a scale: plotly writes these, and nothing else here is written, as `rgb`."""
    return colour.startswith("rgb(")


def _hues(part: Any) -> set[str]:
    """The colours of a part of a figure, without those that were read off a scale and without what is transparent."""
    seen: set[str] = set()

    def look(colour: str) -> str:
        if not _off_scale(colour) and not colour.replace(" ", "").startswith("rgba(0,0,0,0"):
            seen.update(_hex(match) for match in _COLOUR.finditer(colour))
        return colour

    painted(part, look)
    return seen


def _greyed(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts of a figure in the light theme in greys. They are changed in place before they are painted."""
    traces, layout = parts["data"], parts["layout"]
    _tell_apart(traces, layout.get("showlegend") is not False)
    _letters(parts)
    scales = [_scaled(trace) for trace in traces]
    seen = _hues([traces, layout.get("shapes", ()), layout.get("annotations", ())])
    hues = sorted(
        (hue for hue in seen if hue not in _FIXED and len(set(channels(hue))) > 1),
        key=lambda hue: (lightness(hue), hue),
    )
    own = _hues(
        [
            {"color": trace.get(holder, {}).get("color")}
            for trace in traces
            for holder in ("line", "marker")
        ]
    )
    low = BESIDE_INK if INK["light"].upper() in own else DARKEST
    # A grey for every hue, the darker the hue the darker the grey, evenly spread; greys stay what they are.
    spread = np.linspace(low, LIGHTEST, len(hues)) if len(hues) > 1 else [(low + LIGHTEST) / 2]
    levels = {hue: grey(level) for hue, level in zip(hues, spread, strict=False)}

    def paint(colour: str) -> str:
        place = _on_signed(colour, "light") if _off_scale(colour) else None
        return (
            grey(50 + 50 * place)
            if place is not None
            else _exchanged(colour, lambda hue: levels.get(hue) or grey(lightness(hue)))
        )

    parts = painted(parts, paint)
    for trace, own_scales in zip(parts["data"], scales, strict=True):
        for holder, scale in own_scales:
            (trace[holder] if holder else trace)["colorscale"] = scale
        _deepen(trace)
    return parts


def _deepen(trace: dict[str, Any]) -> None:
    """Gives faint points a darker grey, so that a single one still stands out from the paper."""
    colour = trace.get("marker", {}).get("color")
    if trace.get("type") == "scatter" and isinstance(colour, str) and colour.startswith("rgba("):
        value, *_, opacity = (float(part) for part in colour[5:-1].split(","))
        darkest = max(
            0, min(int(value), int(255 - (255 - channels(grey(LIGHTEST))[0]) / max(opacity, 1e-3)))
        )
        trace["marker"]["color"] = f"rgba({darkest},{darkest},{darkest},{opacity:g})"


# What tells series apart without colour -------------------------------------------------------------------------------


def _tell_apart(traces: Sequence[dict[str, Any]], legend: bool) -> None:
    """Dashes for lines, and for points and bars of the legend symbols and hatching, where colour alone tells them
    apart."""
    lines = [
        trace
        for trace in traces
        if trace.get("type") == "scatter"
        and "lines" in trace.get("mode", "lines")
        and trace.get("line")
    ]
    own = [
        trace["line"]
        for trace in lines
        if _series(trace["line"].get("color"))
        and trace["line"].get("width", 2) > 0
        and not trace["line"]["color"].startswith("rgba")
    ]
    given = _apart(
        [(line["color"], line.get("dash", "solid")) for line in own],
        # when they are used up, again as thinner lines
        (*DASHES, *(f"{dash} thin" for dash in DASHES)),
        {trace["line"].get("dash", "solid") for trace in lines},
    )
    for line in own:
        dash, _, thin = given[line["color"], line.get("dash", "solid")].partition(" ")
        line |= {"dash": dash} | ({"width": 0.5 * line.get("width", 2)} if thin else {})

    marked = [
        (trace, trace["marker"])
        for trace in traces
        if _series(trace.get("marker", {}).get("color"))
    ]
    named = [id(trace) for trace, _ in marked if legend and trace.get("showlegend") is not False]
    points = [
        (trace, marker, marker.get("symbol", "circle"))
        for trace, marker in marked
        if trace.get("type") == "scatter"
        and trace.get("mode") in ("markers", "markers+text")
        and marker.get("opacity", 1) != 0
        and isinstance(marker.get("symbol", "circle"), str)
    ]
    keys = [
        (marker["color"], symbol.removesuffix("-open"))
        for trace, marker, symbol in points
        if id(trace) in named
    ]
    given = _apart(keys, SYMBOLS, {shape for _, shape in keys})
    for _, marker, symbol in points:
        shape = symbol.removesuffix("-open")
        marker["symbol"] = given.get((marker["color"], shape), shape) + symbol[len(shape) :]

    bars = [
        (trace, marker)
        for trace, marker in marked
        if trace.get("type") == "bar" and "pattern" not in marker
    ]
    given = _apart(
        [(marker["color"], "") for trace, marker in bars if id(trace) in named], HATCHES, ()
    )
    for _, marker in bars:
        hue = marker["color"]
        if shape := given.get((hue, ""), ""):
            marker["pattern"] = {
                "shape": shape,
                "fgcolor": hue,
                "bgcolor": PAPER["light"],
                "solidity": 0.4,
                "size": 6,
            }
            marker["line"] = {"color": hue, "width": 1}


def _apart(
    keys: Iterable[tuple[Hashable, str]], options: Sequence[str], taken: Collection[str]
) -> dict[tuple[Hashable, str], str]:
    """For pairs of colour and style the style they get: their own, unless another colour has it already; ink keeps its
    own."""
    given: dict[tuple[Hashable, str], str] = {}
    for colour, style in sorted(keys, key=lambda key: key[0] != INK["light"]):
        if (colour, style) not in given:
            free = [option for option in options if option not in {*taken, *given.values()}]
            given[colour, style] = free[0] if free and style in given.values() else style
    return given


def _series(colour: Any) -> bool:
    """Whether a colour is that of data: one colour, and not one of axes, paper or words."""
    return isinstance(colour, str) and not _hues({"color": colour}) & (
        _FIXED - {INK["light"].upper()}
    )


# Scales ---------------------------------------------------------------------------------------------------------------


def _scaled(trace: dict[str, Any]) -> list[tuple[str, list[list[Any]]]]:
    """Where the trace has colour scales, and the greys that take their place; a signed layer over a picture is made to
    cover it."""
    lines = []
    for holder in ("", "marker", "line"):
        scale = (trace.get(holder, {}) if holder else trace).get("colorscale")
        if isinstance(scale, (list, tuple)) and scale and not isinstance(scale[0], str):
            kind = _kind(scale)
            lines.append((holder, _grey_scale(kind, scale, lines=holder == "line")))
            if trace.get("opacity", 1) < 1:  # a veil of paper would be read as another phase
                trace["opacity"] = float(kind == "signed")
    return lines


def _kind(scale: _Scale) -> str:
    """What a colour scale is for, by its colours: "grey" already, "cyclic", "signed", or "amount"."""
    triples = np.array([_triple(colour) for _, colour in scale], dtype=float)
    if np.ptp(triples, axis=1).max() < 4:
        return "grey"
    if np.abs(triples[0] - triples[-1]).max() < 4:
        return "cyclic"
    start, middle, end = (lightness(at(scale, place)) for place in (0.0, 0.5, 1.0))
    return "signed" if middle > max(start, end) + 15 else "amount"


def _grey_scale(kind: str, scale: _Scale, *, lines: bool) -> list[list[Any]]:
    """The greys of a kind of scale; lines stay dark enough for white paper."""
    rules: dict[str, Callable[[float], float]] = {
        "grey": lambda t: lightness(at(scale, t)),
        "signed": lambda t: 50 + 50 * t,
        "cyclic": lambda t: 85 - 65 * abs(2 * t - 1),
        "amount": lambda t: LIGHTEST + t * (DARKEST - LIGHTEST) if lines else 96 + t * (20 - 96),
    }
    return [[round(place, 3), grey(rules[kind](place))] for place in np.linspace(0, 1, 11).tolist()]


def signed_colour(place: float, theme: Theme) -> str:
    """The colour of a place, 0 to 1 in hundredths, on the signed scale: `rgb(...)`, as colours read off a scale are."""
    return "rgb({},{},{})".format(*channels(at(SIGNED_SCALE[theme], round(place, 2))))


def _letters_on_signed(parts: dict[str, Any]) -> None:
    """Exchanges the letters on cells of signed amounts, whose largest are dark on light paper and bright on dark."""
    turned = {ON_BRIGHT: ON_DARK, ON_DARK: ON_BRIGHT}
    in_cells = any(
        trace.get("type") == "heatmap" and _signed(trace.get("colorscale"))
        for trace in parts["data"]
    )
    on_shapes = any(
        _off_scale(str(shape.get("fillcolor", ""))) for shape in parts["layout"].get("shapes", ())
    )
    _turn(parts, turned if in_cells else {}, turned if on_shapes else {})


def _turn(parts: dict[str, Any], cells: Mapping[str, str], notes: Mapping[str, str]) -> None:
    """Exchanges colours of the letters in cells, and of annotations."""
    for trace in parts["data"]:
        font = trace.get("textfont", {})
        if isinstance(font.get("color"), (list, tuple)):
            font["color"] = [cells.get(colour, colour) for colour in font["color"]]
    for note in parts["layout"].get("annotations", ()):
        if note.get("font", {}).get("color") in notes:
            note["font"]["color"] = notes[note["font"]["color"]]


def _signed(scale: Any) -> bool:
    return isinstance(scale, (list, tuple)) and any(
        [colour for _, colour in scale] == [colour for _, colour in known]
        for known in SIGNED_SCALE.values()
    )


def _on_signed(colour: str, theme: Theme) -> float | None:
    """The place, 0 to 1, of a colour that was read off the signed scale of a theme; None for another."""
    scale = SIGNED_SCALE[theme]
    stops, triples = (
        np.array([place for place, _ in scale]),
        np.array([_triple(entry) for _, entry in scale], dtype=float),
    )
    wanted = np.array(_triple(colour), dtype=float)
    steps = np.diff(triples, axis=0)
    along = np.clip(((wanted - triples[:-1]) * steps).sum(1) / (steps**2).sum(1), 0, 1)
    away = np.abs(triples[:-1] + along[:, None] * steps - wanted).max(1)
    nearest = int(away.argmin())
    return (
        float(stops[nearest] + along[nearest] * (stops[nearest + 1] - stops[nearest]))
        if away[nearest] <= 2
        else None
    )


def _letters(parts: dict[str, Any]) -> None:
    """Letters on cells: dark on the light greys of signed amounts; exchanged on amounts, of which the largest turn from
    bright to dark."""
    amounts = any(
        trace.get("type") == "heatmap"
        and isinstance(trace.get("colorscale"), (list, tuple))
        and _kind(trace["colorscale"]) == "amount"
        for trace in parts["data"]
    )
    dark = {ON_DARK: "#000000"}
    _turn(parts, dark | {ON_BRIGHT: "#FFFFFF"} if amounts else dark, dark)


def at(scale: _Scale, place: float) -> str:
    """The colour of a scale at a place, as hex."""
    stops, triples = (
        [float(stop) for stop, _ in scale],
        np.array([_triple(colour) for _, colour in scale], dtype=float),
    )
    return "#" + "".join(
        f"{round(float(np.interp(place, stops, triples[:, c]))):02X}" for c in range(3)
    )


def _triple(colour: str) -> tuple[int, int, int]:
    return channels(_hex(_COLOUR.match(colour)))  # type: ignore[arg-type]


def lightness(colour: str) -> float:
    """CIE L*, 0 to 100, of a hex colour."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (value / 255 for value in channels(colour))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def grey(level: float) -> str:
    """The grey of a lightness, as hex."""
    luminance = ((level + 16) / 116) ** 3 if level > 8 else level / 903.3
    value = 12.92 * luminance if luminance <= 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055
    return "#" + f"{round(255 * min(max(value, 0.0), 1.0)):02X}" * 3
