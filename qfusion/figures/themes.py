"""The same figure in another theme: light, dark, or in shades of grey for print."""

import functools
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import (
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    AnyTheme,
    Theme,
    rgb_channels,
)

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
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
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
HATCHES = ("", "/", "x", "-", "\\", "+", "|")
# Lightness (CIE L*, 0 black, 100 white) of the darkest and lightest series; 60 has a contrast of 3.2 to 1 with white
# paper.
DARKEST = 12.0
BESIDE_INK = 32.0
LIGHTEST = 60.0
_BY_THEME = (INK, QUIET, PAPER, LINE, NEUTRAL)
_FIXED = {colour.upper() for colour in (*(pair["light"] for pair in _BY_THEME), ON_BRIGHT, ON_DARK)}
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")
_COLOURED = ("colors", "colorscale", "colorway", "shadow")  # besides all that ends in "color"
_Scale = Sequence[Sequence[Any]]


def apply_theme(drawn: go.Figure, theme: str) -> go.Figure:
    """Draw the figure in a theme, whichever it was drawn in.

    Always a new figure, and for "light" and "dark" what drawing it anew gives.

    Raises:
        InvalidInput: for another theme, or a figure that is not drawn on the paper of "light" or "dark".
    """
    check(
        theme in get_args(AnyTheme),
        f"Argument `theme` must be 'light', 'dark' or 'grey', but is {str(theme)[:40]!r}.",
    )
    present = theme_of(drawn)
    wanted: Theme = "dark" if theme == "dark" else "light"
    parts = {
        "data": [trace.to_plotly_json() for trace in drawn.data],
        "layout": drawn.layout.to_plotly_json(),
    }
    if present != wanted:
        other = {pair[present].upper(): pair[wanted] for pair in _BY_THEME}

        def paint(colour: str) -> str:
            if not _is_scale_colour(colour):
                return _replace_colours(colour, lambda hue: other.get(hue, hue))
            place = _place_on_signed_scale(colour, present)
            return colour if place is None else signed_colour(place, wanted)

        parts = repaint(parts, paint)
        _letters_on_signed_cells(parts)
    return go.Figure(_convert_to_grey(parts) if theme == "grey" else parts)


def theme_of(drawn: go.Figure) -> Theme:
    """Return the theme of a figure, read off its paper.

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


def accepts_theme(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
    """Draw a function that draws in "light" and "dark" as one that takes every theme."""

    @functools.wraps(draw)
    def drawing(*args: Any, theme: AnyTheme = "light", **chosen: Any) -> go.Figure:
        if theme == "grey":
            return apply_theme(draw(*args, **chosen), "grey")
        return draw(*args, theme=theme, **chosen)

    return drawing


# Colours --------------------------------------------------------------------------------------------------------------


def repaint(part: Any, paint: Callable[[str], str], key: str = "") -> Any:
    """Return a copy of a part of a figure with every colour passed through `paint`.

    Texts, names and data are no colours, whatever they hold.
    """
    match part:
        case dict():
            return {
                name: repaint(
                    value, paint, name if name.endswith("color") or name in _COLOURED else ""
                )
                for name, value in part.items()
            }
        case str():
            return paint(part) if key else part
        case list() | tuple():
            # What lies in a list under the name of a colour is a colour; annotations, shapes and ticks start anew.
            return type(part)(repaint(value, paint, key) for value in part)
        case np.ndarray() if key and part.dtype.kind == "O":
            return [repaint(value, paint, key) for value in part.tolist()]
    return part


def _replace_colours(text: str, change: Callable[[str], str]) -> str:
    """Return an attribute with each of its colours exchanged."""

    def new(match: re.Match[str]) -> str:
        hue = _hex(match)
        changed = change(hue)
        if changed == hue:
            return match[0]
        if match[1] is None:
            return changed
        return f"{match[0].split('(')[0]}({','.join(map(str, rgb_channels(changed)))}"

    return _COLOUR.sub(new, text)


def _hex(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0].upper()
    return "#" + "".join(f"{int(value):02X}" for value in match.groups())


def _is_scale_colour(colour: str) -> bool:
    """Return whether a colour was read off a scale: plotly writes these, and nothing else here is written, as `rgb`."""
    return colour.startswith("rgb(")


def _hues(part: Any) -> set[str]:
    """Return the colours of a part of a figure, without those taken from a colour scale and without transparent
    ones.
    """
    seen: set[str] = set()

    def look(colour: str) -> str:
        if not _is_scale_colour(colour) and not colour.replace(" ", "").startswith("rgba(0,0,0,0"):
            seen.update(_hex(match) for match in _COLOUR.finditer(colour))
        return colour

    repaint(part, look)
    return seen


def _convert_to_grey(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a figure in the light theme in greys. They are changed in place before they are painted."""
    traces = parts["data"]
    layout = parts["layout"]
    _add_dashes_and_symbols(traces, layout.get("showlegend") is not False)
    _colour_letters(parts)
    scales = [_colour_scales(trace) for trace in traces]
    seen = _hues([traces, layout.get("shapes", ()), layout.get("annotations", ())])
    hues = sorted(
        (hue for hue in seen if hue not in _FIXED and len(set(rgb_channels(hue))) > 1),
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
        place = _place_on_signed_scale(colour, "light") if _is_scale_colour(colour) else None
        if place is not None:
            return grey(50 + 50 * place)
        return _replace_colours(colour, lambda hue: levels.get(hue) or grey(lightness(hue)))

    parts = repaint(parts, paint)
    for trace, own_scales in zip(parts["data"], scales, strict=True):
        for holder, scale in own_scales:
            (trace[holder] if holder else trace)["colorscale"] = scale
        _darken_faint_points(trace)
    return parts


def _darken_faint_points(trace: dict[str, Any]) -> None:
    """Give faint points a darker grey, so that a single point is visible against the paper."""
    colour = trace.get("marker", {}).get("color")
    if trace.get("type") == "scatter" and isinstance(colour, str) and colour.startswith("rgba("):
        value, *_, opacity = (float(part) for part in colour[5:-1].split(","))
        darkest = max(
            0,
            min(
                int(value), int(255 - (255 - rgb_channels(grey(LIGHTEST))[0]) / max(opacity, 1e-3))
            ),
        )
        trace["marker"]["color"] = f"rgba({darkest},{darkest},{darkest},{opacity:g})"


# What tells series apart without colour -------------------------------------------------------------------------------


def _add_dashes_and_symbols(traces: Sequence[dict[str, Any]], legend: bool) -> None:
    """Add dashes for lines, and for points and bars of the legend symbols and hatching, where colour alone tells them
    apart.
    """
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
        if _is_series_colour(trace["line"].get("color"))
        and trace["line"].get("width", 2) > 0
        and not trace["line"]["color"].startswith("rgba")
    ]
    given = _assign_styles(
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
        if _is_series_colour(trace.get("marker", {}).get("color"))
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
    given = _assign_styles(keys, SYMBOLS, {shape for _, shape in keys})
    for _, marker, symbol in points:
        shape = symbol.removesuffix("-open")
        marker["symbol"] = given.get((marker["color"], shape), shape) + symbol[len(shape) :]

    bars = [
        (trace, marker)
        for trace, marker in marked
        if trace.get("type") == "bar" and "pattern" not in marker
    ]
    given = _assign_styles(
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


def _assign_styles(
    keys: Iterable[tuple[Hashable, str]], options: Sequence[str], taken: Collection[str]
) -> dict[tuple[Hashable, str], str]:
    """Return the styles of pairs of colour and style. A pair keeps its own style unless another colour already has it.

    Ink keeps its own.
    """
    given: dict[tuple[Hashable, str], str] = {}
    for colour, style in sorted(keys, key=lambda key: key[0] != INK["light"]):
        if (colour, style) not in given:
            free = [option for option in options if option not in {*taken, *given.values()}]
            given[colour, style] = free[0] if free and style in given.values() else style
    return given


def _is_series_colour(colour: Any) -> bool:
    """Return whether a colour is that of data: one colour, and not one of axes, paper or words."""
    return isinstance(colour, str) and not _hues({"color": colour}) & (
        _FIXED - {INK["light"].upper()}
    )


# Scales ---------------------------------------------------------------------------------------------------------------


def _colour_scales(trace: dict[str, Any]) -> list[tuple[str, list[list[Any]]]]:
    """Return where the trace has colour scales, and the greys that take their place.

    A signed layer over a picture is made to cover it.
    """
    lines = []
    for holder in ("", "marker", "line"):
        scale = (trace.get(holder, {}) if holder else trace).get("colorscale")
        if isinstance(scale, (list, tuple)) and scale and not isinstance(scale[0], str):
            kind = _scale_kind(scale)
            lines.append((holder, _grey_scale(kind, scale, lines=holder == "line")))
            if trace.get("opacity", 1) < 1:  # a veil of paper would be read as another phase
                trace["opacity"] = float(kind == "signed")
    return lines


def _scale_kind(scale: _Scale) -> str:
    """Return the kind of a colour scale, according to its colours: "grey", "cyclic", "signed" or "amount"."""
    triples = np.array([_rgb(colour) for _, colour in scale], dtype=float)
    if np.ptp(triples, axis=1).max() < 4:
        return "grey"
    if np.abs(triples[0] - triples[-1]).max() < 4:
        return "cyclic"
    start, middle, end = (lightness(colour_at(scale, place)) for place in (0.0, 0.5, 1.0))
    return "signed" if middle > max(start, end) + 15 else "amount"


def _grey_scale(kind: str, scale: _Scale, *, lines: bool) -> list[list[Any]]:
    """Return the greys of a kind of scale; lines stay dark enough for white paper."""
    rules: dict[str, Callable[[float], float]] = {
        "grey": lambda t: lightness(colour_at(scale, t)),
        "signed": lambda t: 50 + 50 * t,
        "cyclic": lambda t: 85 - 65 * abs(2 * t - 1),
        "amount": lambda t: LIGHTEST + t * (DARKEST - LIGHTEST) if lines else 96 + t * (20 - 96),
    }
    return [[round(place, 3), grey(rules[kind](place))] for place in np.linspace(0, 1, 11).tolist()]


def signed_colour(place: float, theme: Theme) -> str:
    """Return the colour of a place, 0 to 1 in hundredths, on the signed scale: `rgb(...)`, as colours read off a scale
    are.
    """
    return "rgb({},{},{})".format(*rgb_channels(colour_at(SIGNED_SCALE[theme], round(place, 2))))


def _letters_on_signed_cells(parts: dict[str, Any]) -> None:
    """Exchange the colours of the letters on cells of signed amounts. The largest amounts are dark on light paper
    and bright on dark paper.
    """
    turned = {ON_BRIGHT: ON_DARK, ON_DARK: ON_BRIGHT}
    in_cells = any(
        trace.get("type") == "heatmap" and _is_signed_scale(trace.get("colorscale"))
        for trace in parts["data"]
    )
    on_shapes = any(
        _is_scale_colour(str(shape.get("fillcolor", "")))
        for shape in parts["layout"].get("shapes", ())
    )
    _swap_letter_colours(parts, turned if in_cells else {}, turned if on_shapes else {})


def _swap_letter_colours(
    parts: dict[str, Any], cells: Mapping[str, str], notes: Mapping[str, str]
) -> None:
    """Exchange colours of the letters in cells, and of annotations."""
    for trace in parts["data"]:
        font = trace.get("textfont", {})
        if isinstance(font.get("color"), (list, tuple)):
            font["color"] = [cells.get(colour, colour) for colour in font["color"]]
    for note in parts["layout"].get("annotations", ()):
        if note.get("font", {}).get("color") in notes:
            note["font"]["color"] = notes[note["font"]["color"]]


def _is_signed_scale(scale: Any) -> bool:
    return isinstance(scale, (list, tuple)) and any(
        [colour for _, colour in scale] == [colour for _, colour in known]
        for known in SIGNED_SCALE.values()
    )


def _place_on_signed_scale(colour: str, theme: Theme) -> float | None:
    """Return the place, 0 to 1, of a colour that was read off the signed scale of a theme; None for another."""
    scale = SIGNED_SCALE[theme]
    stops = np.array([place for place, _ in scale])
    triples = np.array([_rgb(entry) for _, entry in scale], dtype=float)
    wanted = np.array(_rgb(colour), dtype=float)
    steps = np.diff(triples, axis=0)
    along = np.clip(((wanted - triples[:-1]) * steps).sum(1) / (steps**2).sum(1), 0, 1)
    away = np.abs(triples[:-1] + along[:, None] * steps - wanted).max(1)
    nearest = int(away.argmin())
    if away[nearest] <= 2:
        return float(stops[nearest] + along[nearest] * (stops[nearest + 1] - stops[nearest]))
    return None


def _colour_letters(parts: dict[str, Any]) -> None:
    """Add letters on cells: dark on the light greys of signed amounts.

    Exchanged on amounts, of which the largest turn from bright to dark.
    """
    amounts = any(
        trace.get("type") == "heatmap"
        and isinstance(trace.get("colorscale"), (list, tuple))
        and _scale_kind(trace["colorscale"]) == "amount"
        for trace in parts["data"]
    )
    dark = {ON_DARK: "#000000"}
    _swap_letter_colours(parts, dark | {ON_BRIGHT: "#FFFFFF"} if amounts else dark, dark)


def colour_at(scale: _Scale, place: float) -> str:
    """Return the colour of a scale at a place, as hex."""
    stops = [float(stop) for stop, _ in scale]
    triples = np.array([_rgb(colour) for _, colour in scale], dtype=float)
    return "#" + "".join(
        f"{round(float(np.interp(place, stops, triples[:, c]))):02X}" for c in range(3)
    )


def _rgb(colour: str) -> tuple[int, int, int]:
    return rgb_channels(_hex(_COLOUR.match(colour)))  # type: ignore[arg-type]


def lightness(colour: str) -> float:
    """Return CIE L*, 0 to 100, of a hex colour."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (value / 255 for value in rgb_channels(colour))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def grey(level: float) -> str:
    """Return the grey of a lightness, as hex."""
    luminance = ((level + 16) / 116) ** 3 if level > 8 else level / 903.3
    value = 12.92 * luminance if luminance <= 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055
    return "#" + f"{round(255 * min(max(value, 0.0), 1.0)):02X}" * 3
