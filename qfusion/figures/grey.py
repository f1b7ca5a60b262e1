"""A figure in greys on white paper, so made that nothing is lost when it is printed or copied without colour.

Series keep apart by their greys, which are spread evenly in lightness, and by dashes, markers and hatching where colour alone told them
apart. Amounts run from light (none) to dark (most). Signed amounts run from mid-grey (most negative) over light grey (zero) to white (most
positive), so that black letters stand out on all of them. Phases run from light (0) to dark (π, either side): the sign of a phase is not
shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from plotly.colors import get_colorscale

from qfusion.figures.recolour import channels, painted
from qfusion.figures.style import INK, LINE, ON_BRIGHT, ON_DARK, PAPER, QUIET, SIGNED_SCALE

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")  # when they are used up, again as thinner lines
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
HATCHES = ("", "/", "x", "-", "\\", "+", ".", "|")
# Lightness (CIE L*, 0 black, 100 white) of the darkest and lightest series; 60 has a contrast of 3.2 to 1 with white paper.
DARKEST, BESIDE_INK, LIGHTEST = 12.0, 32.0, 60.0
_THEME = {colour.upper() for colour in (*(pair["light"] for pair in (INK, QUIET, PAPER, LINE)), ON_BRIGHT, ON_DARK)}
_QUIET = _THEME - {INK["light"].upper()}
_HEX = re.compile(r"#[0-9A-Fa-f]{6}\b")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")


def greyed(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts of a figure in the light theme, see `recolour.parts_of`, in greys. They are changed in place before they are painted."""
    traces = parts["data"]
    legend = parts["layout"].get("showlegend") is not False
    _dashed(traces)
    _shaped(traces, legend)
    _hatched(traces, legend)
    _letters(parts)
    scales = [_scaled(trace) for trace in traces]
    levels = _levels(traces, parts["layout"])
    parts = dict(painted(parts, lambda colour: _painted(colour, levels)))
    for trace, found in zip(parts["data"], scales, strict=True):
        for holder, scale in found:
            (trace[holder] if holder else trace)["colorscale"] = scale
        _deepen(trace)
    return parts


# Colours of series --------------------------------------------------------------------------------------------------------------------


def _levels(traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> dict[str, str]:
    """A grey for every hue of the figure, the darker the hue the darker the grey, evenly spread; greys stay what they are."""
    seen: dict[str, None] = {}

    def look(colour: str) -> str:
        for hue in _hues(colour):
            seen[hue] = None
        return colour

    painted([traces, layout.get("shapes", ()), layout.get("annotations", ())], look)
    ink = INK["light"].upper()
    hues = sorted((hue for hue in seen if hue not in _THEME and len(set(channels(hue))) > 1), key=lambda hue: (lightness(hue), hue))
    low = BESIDE_INK if any(ink in _hues(colour) for trace in traces for colour in _own_colours(trace)) else DARKEST
    spread = np.linspace(low, LIGHTEST, len(hues)) if len(hues) > 1 else [(low + LIGHTEST) / 2]
    return {hue: grey(level) for hue, level in zip(hues, spread, strict=False)}


def _hues(colour: str) -> list[str]:
    """The colours in an attribute as hex, without those that were read off a scale: these are written with spaces."""
    found = [each.upper() for each in _HEX.findall(colour)]
    if colour.startswith("rgba(") and not colour.replace(" ", "").startswith("rgba(0,0,0,0"):
        found += ["#" + "".join(f"{int(value):02X}" for value in each) for each in _RGB.findall(colour)]
    return found


def _own_colours(trace: dict[str, Any]) -> Iterator[str]:
    for holder in ("line", "marker"):
        colour = trace.get(holder, {}).get("color")
        yield from (each for each in ([colour] if isinstance(colour, str) else _listed(colour)) if isinstance(each, str))


def _listed(value: Any) -> Iterable[Any]:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.dtype.kind in "OU" else ()
    return value if isinstance(value, (list, tuple)) else ()


def _painted(colour: str, levels: dict[str, str]) -> str:
    if colour.startswith("rgb(") and (place := _on_signed(colour)) is not None:
        return _signed_grey(place)
    colour = _HEX.sub(lambda found: levels.get(found[0].upper()) or grey(lightness(found[0])), colour)

    def plain(found: re.Match[str]) -> str:
        hue = "#" + "".join(f"{int(value):02X}" for value in found.groups())
        value = channels(levels.get(hue) or grey(lightness(hue)))[0]
        return f"{found[0].split('(')[0]}({value},{value},{value}"

    return _RGB.sub(plain, colour)


def _deepen(trace: dict[str, Any]) -> None:
    """Gives faint points a darker grey, so that a single one still stands out from the paper."""
    colour = trace.get("marker", {}).get("color")
    if trace.get("type") == "scatter" and isinstance(colour, str) and colour.startswith("rgba("):
        value, *_, opacity = (float(part) for part in colour[5:-1].split(","))
        darkest = max(0, min(int(value), int(255 - (255 - channels(grey(LIGHTEST))[0]) / max(opacity, 1e-3))))
        trace["marker"]["color"] = f"rgba({darkest},{darkest},{darkest},{opacity:g})"


# What tells series apart without colour ------------------------------------------------------------------------------------------------


def _apart(keys: Iterable[tuple[Hashable, str]], options: Sequence[str], taken: Iterable[str]) -> dict[tuple[Hashable, str], str]:
    """For pairs of colour and style the style they get: their own, unless another colour has it already; ink keeps its own."""
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


def _dashed(traces: Sequence[dict[str, Any]]) -> None:
    lines = [trace for trace in traces if trace.get("type") == "scatter" and "lines" in trace.get("mode", "lines") and trace.get("line")]
    own = [trace for trace in lines if _series(trace["line"].get("color")) and trace["line"].get("width", 2) > 0
           and not str(trace["line"]["color"]).startswith("rgba")]
    given = _apart([_key(trace, "line", "dash", "solid") for trace in own], (*DASHES, *(f"{dash} thin" for dash in DASHES)),
                   {trace["line"].get("dash", "solid") for trace in lines})
    for trace in own:
        dash, _, thin = given[_key(trace, "line", "dash", "solid")].partition(" ")
        trace["line"] |= {"dash": dash} | ({"width": 0.5 * trace["line"].get("width", 2)} if thin else {})


def _shaped(traces: Sequence[dict[str, Any]], legend: bool) -> None:
    points = [trace for trace in traces if trace.get("type") == "scatter" and "markers" in trace.get("mode", "")
              and "lines" not in trace.get("mode", "") and _series(trace.get("marker", {}).get("color"))
              and isinstance(trace["marker"].get("symbol", "circle"), str) and trace["marker"].get("opacity", 1) != 0]
    keys = [_key(trace, "marker", "symbol", "circle") for trace in points if legend and trace.get("showlegend") is not False]
    kinds = {style: style.removesuffix("-open") for _, style in keys}
    given = _apart([(colour, kinds[style]) for colour, style in keys], SYMBOLS, kinds.values())
    for trace in points:
        colour, style = _key(trace, "marker", "symbol", "circle")
        plain = style.removesuffix("-open")
        if (colour, plain) in given:
            trace["marker"]["symbol"] = given[colour, plain] + ("-open" if style != plain else "")


def _hatched(traces: Sequence[dict[str, Any]], legend: bool) -> None:
    bars = [trace for trace in traces if trace.get("type") == "bar" and _series(trace.get("marker", {}).get("color"))
            and "pattern" not in trace["marker"]]
    keys = [(trace["marker"]["color"], "") for trace in bars if legend and trace.get("showlegend") is not False]
    given = _apart(keys, HATCHES, ())
    for trace in bars:
        hue = trace["marker"]["color"]
        if shape := given.get((hue, ""), ""):
            trace["marker"]["pattern"] = {"shape": shape, "fgcolor": hue, "bgcolor": PAPER["light"], "solidity": 0.4, "size": 6}
            trace["marker"]["line"] = {"color": hue, "width": 1}


def _key(trace: dict[str, Any], holder: str, style: str, usual: str) -> tuple[str, str]:
    return trace[holder]["color"], trace[holder].get(style, usual)


def _series(colour: Any) -> bool:
    """Whether a colour is that of data: one colour, and not one of axes, paper or words."""
    return isinstance(colour, str) and not any(hue in _QUIET for hue in _hues(colour))


# Scales -------------------------------------------------------------------------------------------------------------------------------


def _scaled(trace: dict[str, Any]) -> list[tuple[str, list[list[Any]]]]:
    """Where the trace has colour scales, and the greys that take their place; a signed layer over a picture is made to cover it."""
    found = []
    for holder in ("", "marker", "line"):
        scale = (trace.get(holder, {}) if holder else trace).get("colorscale")
        if isinstance(scale, (list, tuple)) and scale and not isinstance(scale[0], str):
            kind = kind_of(scale)
            found.append((holder, grey_scale(kind, scale, lines=holder == "line")))
            if kind == "signed" and trace.get("opacity", 1) < 1:
                trace["opacity"] = 1
    return found


def kind_of(scale: Sequence[Sequence[Any]]) -> str:
    """What a colour scale is for, by its colours: "grey" already, "cyclic", "signed", or "amount"."""
    triples = np.array([_triple(colour) for _, colour in scale], dtype=float)
    if np.ptp(triples, axis=1).max() < 4:
        return "grey"
    if np.abs(triples[0] - triples[-1]).max() < 4:
        return "cyclic"
    start, middle, end = (lightness(at(scale, place)) for place in (0.0, 0.5, 1.0))
    return "signed" if middle > max(start, end) + 15 else "amount"


def grey_scale(kind: str, scale: Sequence[Sequence[Any]], *, lines: bool = False) -> list[list[Any]]:
    """The greys of a kind of scale; lines stay dark enough for white paper."""
    places = np.linspace(0, 1, 11)
    if kind == "grey":
        return [[float(place), grey(lightness(at(scale, place)))] for place in places]
    rules: dict[str, Callable[[float], str]] = {
        "amount": lambda t: grey((LIGHTEST if lines else 96) + t * (DARKEST - LIGHTEST if lines else 20 - 96)),
        "signed": _signed_grey, "cyclic": lambda t: grey(85 - 65 * abs(2 * t - 1))}
    return [[round(float(place), 3), rules[kind](float(place))] for place in places]


def _signed_grey(place: float) -> str:
    return grey(50 + 50 * place)


def _on_signed(colour: str) -> float | None:
    """The place, 0 to 1, of a colour that was read off the signed scale; None for another."""
    scale = get_colorscale(SIGNED_SCALE)
    stops, triples = np.array([place for place, _ in scale]), np.array([_triple(each) for _, each in scale], dtype=float)
    wanted = np.array(_triple(colour), dtype=float)
    steps = np.diff(triples, axis=0)
    along = np.clip(((wanted - triples[:-1]) * steps).sum(1) / (steps**2).sum(1), 0, 1)
    away = np.abs(triples[:-1] + along[:, None] * steps - wanted).max(1)
    nearest = int(away.argmin())
    return float(stops[nearest] + along[nearest] * (stops[nearest + 1] - stops[nearest])) if away[nearest] <= 2 else None


def _letters(parts: dict[str, Any]) -> None:
    """Letters on cells: dark on the light greys of signed amounts; exchanged on amounts, of which the largest turn from bright to dark."""
    amounts = any(trace.get("type") == "heatmap" and isinstance(trace.get("colorscale"), (list, tuple))
                  and kind_of(trace["colorscale"]) == "amount" for trace in parts["data"])
    turned = {ON_BRIGHT: "#FFFFFF", ON_DARK: "#000000"} if amounts else {ON_DARK: "#000000"}
    for trace in parts["data"]:
        font = trace.get("textfont", {})
        if isinstance(font.get("color"), (list, tuple)):
            font["color"] = [turned.get(colour, colour) for colour in font["color"]]
    for note in parts["layout"].get("annotations", ()):
        if note.get("font", {}).get("color") == ON_DARK:
            note["font"]["color"] = "#000000"


def at(scale: Sequence[Sequence[Any]], place: float) -> str:
    """The colour of a scale at a place, as hex."""
    stops, triples = [float(stop) for stop, _ in scale], np.array([_triple(colour) for _, colour in scale], dtype=float)
    return "#" + "".join(f"{round(float(np.interp(place, stops, triples[:, c]))):02X}" for c in range(3))


def _triple(colour: str) -> tuple[int, int, int]:
    if colour.startswith("#"):
        return channels(colour)
    red, green, blue = (int(value) for value in _RGB.match(colour).groups())  # type: ignore[union-attr]
    return red, green, blue


def lightness(colour: str) -> float:
    """CIE L*, 0 to 100, of a hex colour."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (value / 255 for value in channels(colour))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def grey(level: float) -> str:
    """The grey of a lightness, as hex."""
    luminance = ((level + 16) / 116) ** 3 if level > 8 else level / 903.3
    value = 12.92 * luminance if luminance <= 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055
    return "#" + f"{round(255 * min(max(value, 0.0), 1.0)):02X}" * 3
