"""Dashes, symbols and hatching, which distinguish series without colour."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

from qfusion.figures.colour_painting import FIXED_COLOURS, series_hues
from qfusion.figures.style import INK, PAPER

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
HATCHES = ("", "/", "x", "-", "\\", "+", "|")


def add_dashes_and_symbols(traces: Sequence[dict[str, Any]], legend: bool) -> None:
    """Add dashes to lines, symbols to points and hatching to bars whose colour alone distinguishes them.

    Args:
        traces: of a figure; they are changed in place.
        legend: whether the figure has a legend. Points and bars outside it get no symbols and no hatching of their
            own.
    """
    _add_dashes(traces)
    marked = [trace for trace in traces if _is_series_colour(trace.get("marker", {}).get("color"))]
    _add_symbols(marked, legend)
    _add_hatching(marked, legend)


def _add_dashes(traces: Sequence[dict[str, Any]]) -> None:
    lines = [
        trace["line"]
        for trace in traces
        if trace.get("type") == "scatter"
        and "lines" in trace.get("mode", "lines")
        and trace.get("line")
    ]
    own = [
        line
        for line in lines
        if _is_series_colour(line.get("color"))
        and line.get("width", 2) > 0
        and not line["color"].startswith("rgba")
    ]
    styles = _assign_styles(
        [(line["color"], line.get("dash", "solid")) for line in own],
        # when they are used up, again as thinner lines
        (*DASHES, *(f"{dash} thin" for dash in DASHES)),
        {line.get("dash", "solid") for line in lines},
    )
    for line in own:
        dash, _, thin = styles[line["color"], line.get("dash", "solid")].partition(" ")
        line["dash"] = dash
        if thin:
            line["width"] = 0.5 * line.get("width", 2)


def _add_symbols(marked: Sequence[dict[str, Any]], legend: bool) -> None:
    points = [
        trace
        for trace in marked
        if trace.get("type") == "scatter"
        and trace.get("mode") in ("markers", "markers+text")
        and trace["marker"].get("opacity", 1) != 0
        and isinstance(trace["marker"].get("symbol", "circle"), str)
    ]
    keys = [_colour_and_shape(trace) for trace in points if _is_in_legend(trace, legend)]
    styles = _assign_styles(keys, SYMBOLS, {shape for _, shape in keys})
    for trace in points:
        colour, shape = _colour_and_shape(trace)
        suffix = trace["marker"].get("symbol", "circle")[len(shape) :]
        trace["marker"]["symbol"] = styles.get((colour, shape), shape) + suffix


def _colour_and_shape(trace: dict[str, Any]) -> tuple[str, str]:
    """Return the colour of a trace's points and their symbol without "-open"."""
    marker = trace["marker"]
    return marker["color"], marker.get("symbol", "circle").removesuffix("-open")


def _add_hatching(marked: Sequence[dict[str, Any]], legend: bool) -> None:
    bars = [
        trace for trace in marked if trace.get("type") == "bar" and "pattern" not in trace["marker"]
    ]
    keys = [(trace["marker"]["color"], "") for trace in bars if _is_in_legend(trace, legend)]
    styles = _assign_styles(keys, HATCHES, ())
    for trace in bars:
        hue = trace["marker"]["color"]
        shape = styles.get((hue, ""), "")
        if not shape:
            continue
        trace["marker"]["pattern"] = {
            "shape": shape,
            "fgcolor": hue,
            "bgcolor": PAPER["light"],
            "solidity": 0.4,
            "size": 6,
        }
        trace["marker"]["line"] = {"color": hue, "width": 1}


def _is_in_legend(trace: dict[str, Any], legend: bool) -> bool:
    return legend and trace.get("showlegend") is not False


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
    return isinstance(colour, str) and not series_hues({"color": colour}) & (
        FIXED_COLOURS - {INK["light"].upper()}
    )
