"""The same figure in another theme, light and dark by exchanging what depends on the theme, grey for print without
colour; or with series left out and other ranges.

In greys, on white paper, nothing is lost: series keep apart by their greys, which are spread evenly in lightness, and
by dashes, markers and hatching where colour alone told them apart. Amounts run from light (none) to dark (most). Signed
amounts run from mid-grey (most negative) over light grey (zero) to white (most positive), so that black letters stand
out on all of them. Phases run from light (0) to dark (π, either side): the sign of a phase is not shown."""

import html
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from math import log10
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check, require_number
from qfusion.figures.style import (
    DASHES,
    INK,
    LINE,
    NEUTRAL,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    SIGNED_SCALE,
    Theme,
    channels,
)

AnyTheme = Literal["light", "dark", "grey"]
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
HATCHES = ("", "/", "x", "-", "\\", "+", ".", "|")
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

    @wraps(draw)
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
    if isinstance(part, dict):
        return {
            name: painted(value, paint, name if name.endswith("color") or name in _COLOURED else "")
            for name, value in part.items()
        }
    if isinstance(part, str):
        return paint(part) if key else part
    if isinstance(part, (list, tuple)):
        # What lies in a list under the name of a colour is a colour; annotations, shapes and ticks start anew.
        return type(part)(painted(value, paint, key) for value in part)
    if key and isinstance(part, np.ndarray) and part.dtype.kind == "O":
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
    keys: Iterable[tuple[Hashable, str]], options: Sequence[str], taken: Iterable[str]
) -> dict[tuple[Hashable, str], str]:
    """For pairs of colour and style the style they get: their own, unless another colour has it already; ink keeps its
    own."""
    given: dict[tuple[Hashable, str], str] = {}
    used = set(taken)
    held: set[str] = set()
    for colour, style in sorted(keys, key=lambda key: key[0] != INK["light"]):
        if (colour, style) in given:
            continue
        free = [option for option in options if option not in used]
        wanted = style if style not in held or not free else free[0]
        given[colour, style] = wanted
        held.add(wanted)
        used.add(wanted)
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
            if kind == "signed" and trace.get("opacity", 1) < 1:
                trace["opacity"] = 1
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


# What of a figure is shown: series left out and ranges of its axes, as one short text in the address.

MAX_VISIBLE, MAX_HIDDEN = 1_000, 30
_LARGEST = 1e9


@dataclass(frozen=True)
class VisibleRange:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        ranges = (("x", self.x), ("y", self.y))
        written = [(key, f"{pair[0]:g},{pair[1]:g}") for key, pair in ranges if pair]
        return urlencode([*(("hide", name) for name in self.hidden), *written])

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse_visible(text: str) -> VisibleRange:
    """Returns a visible range from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(
        len(text) <= MAX_VISIBLE,
        f"What is shown of a figure is told in at most {MAX_VISIBLE:,} characters, but here are {len(text):,}. Choose "
        "anew what is shown.",
    )
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in (
        parse_qsl(text, max_num_fields=MAX_HIDDEN + 2)
        if text.count("&") < MAX_HIDDEN + 2
        else [("", text)]
    ):
        check(
            key in ("hide", "x", "y"),
            "What is shown of a figure is told by `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but here "
            f"stands {text[:60]!r}. Choose anew what is shown.",
        )
        if key == "hide":
            hidden.append(value)
            continue
        ends = value.split(",")
        check(
            len(ends) == 2, f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers."
        )
        low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
        check(
            low < high,
            f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.",
        )
        ranges[key] = (low, high)
    return VisibleRange(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply_visible(drawn: go.Figure, visible: VisibleRange) -> go.Figure:
    """The figure with this visible range; the figure itself when there is none."""
    if not visible:
        return drawn
    figure = go.Figure(without(drawn, visible.hidden))
    for axis, span in (("xaxis", visible.x), ("yaxis", visible.y)):
        if span and axis in rangeable(drawn):
            present = figure.layout[axis]
            log = present.type == "log"
            check(
                not log or span[0] > 0,
                f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.",
            )
            ends = [log10(end) for end in span] if log else list(span)
            if present.range and present.range[0] > present.range[1]:
                ends.reverse()
            for own in figure.select_xaxes() if axis == "xaxis" else [present]:
                own.update(range=ends, autorange=False)
    return figure


def rangeable(drawn: go.Figure) -> tuple[str, ...]:
    """The axes whose range can be chosen: those with numbers along them; the vertical one where there is only one."""
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    return tuple(
        axis for axis in (("xaxis", "yaxis") if single else ("xaxis",)) if _is_ranged(drawn, axis)
    )


def _is_ranged(drawn: go.Figure, name: str) -> bool:
    """Whether an axis has numbers along it, and ticks of plotly's."""
    axis = drawn.layout[name]
    columns = (trace[name[0]] for trace in drawn.data if trace.type in ("scatter", "bar"))
    return (
        axis.visible is not False
        and axis.type in (None, "-", "linear", "log")
        and axis.tickvals is None
        and any(
            values is not None and len(values) > 0 and not isinstance(values[0], str)
            for values in columns
        )
    )


_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|span|a|u|s)\b[^<>]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def plain_entry(entry: str) -> str:
    """A legend entry as a reader sees it: plotly's markup taken out, entities resolved."""
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", entry)))


def legend_entries(drawn: go.Figure) -> list[str]:
    """Names of what stands in the legend, in the order of the figure with groups together, each once; see `plain_entry`
    for how they read."""
    if not drawn.layout.showlegend:
        return []
    shown = [trace for trace in drawn.data if _in_legend(trace)]
    groups = list(dict.fromkeys(trace.legendgroup or id(trace) for trace in shown))
    shown.sort(key=lambda trace: groups.index(trace.legendgroup or id(trace)))
    return list(dict.fromkeys(_name(drawn, trace) for trace in shown))


def _in_legend(trace: Any) -> bool:
    shown = (True,) if trace.type == "heatmap" else (True, None)
    return trace.visible is not False and "showlegend" in trace and trace.showlegend in shown


def _name(drawn: go.Figure, trace: Any) -> str:
    """plotly calls the third trace without a name "trace 2"."""
    place = next(i for i, own in enumerate(drawn.data) if own is trace)
    return f"trace {place}" if trace.name is None else str(trace.name)


def without(drawn: go.Figure, hidden: Iterable[str]) -> go.Figure:
    """The figure without the traces that belong to the named legend entries: of that name, or of a legend group that an
    entry leads.

    Entries are named as `legend_entries` or `plain_entry` does. Names that this figure does not have leave nothing out;
    where nothing is left out, the figure itself is returned.
    """
    named = set(hidden)
    if not named:
        return drawn
    groups = {
        trace.legendgroup
        for trace in drawn.data
        if trace.legendgroup and _named(drawn, trace, named)
    }
    gone = [_named(drawn, trace, named) or trace.legendgroup in groups for trace in drawn.data]
    if not any(gone):
        return drawn
    figure = go.Figure(drawn)
    figure.data = [trace for trace, left_out in zip(figure.data, gone, strict=True) if not left_out]
    return figure


def _named(drawn: go.Figure, trace: Any, named: set[str]) -> bool:
    name = _name(drawn, trace)
    return not named.isdisjoint((name, plain_entry(name), trace.legendgroup))
