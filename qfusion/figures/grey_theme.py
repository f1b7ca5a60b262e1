"""A figure of the light theme in shades of grey for print."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qfusion.figures.cell_letters import colour_letters_for_grey
from qfusion.figures.colour_painting import FIXED_COLOURS, repaint, replace_colours, series_hues
from qfusion.figures.colour_scales import (
    Scale,
    classify_scale,
    interpolate_colour,
    place_on_signed_scale,
)
from qfusion.figures.colour_values import grey, is_scale_colour, lightness
from qfusion.figures.series_styles import add_dashes_and_symbols
from qfusion.figures.style import INK, rgb_channels

# Lightness (CIE L*, 0 black, 100 white) of the darkest and lightest series; 60 has a contrast of 3.2 to 1 with white
# paper.
DARKEST = 12.0
BESIDE_INK = 32.0
LIGHTEST = 60.0


def convert_to_grey(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a figure in the light theme in greys. They are changed in place before they are painted."""
    traces = parts["data"]
    layout = parts["layout"]
    add_dashes_and_symbols(traces, layout.get("showlegend") is not False)
    colour_letters_for_grey(parts)
    scales = [_colour_scales(trace) for trace in traces]
    seen = series_hues([traces, layout.get("shapes", ()), layout.get("annotations", ())])
    hues = sorted(
        (hue for hue in seen if hue not in FIXED_COLOURS and len(set(rgb_channels(hue))) > 1),
        key=lambda hue: (lightness(hue), hue),
    )
    own = series_hues(
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
        place = place_on_signed_scale(colour, "light") if is_scale_colour(colour) else None
        if place is not None:
            return grey(50 + 50 * place)
        return replace_colours(colour, lambda hue: levels.get(hue) or grey(lightness(hue)))

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


def _colour_scales(trace: dict[str, Any]) -> list[tuple[str, list[list[Any]]]]:
    """Return where the trace has colour scales, and the greys that take their place.

    A signed layer over a picture is made to cover it.
    """
    lines = []
    for holder in ("", "marker", "line"):
        scale = (trace.get(holder, {}) if holder else trace).get("colorscale")
        if isinstance(scale, (list, tuple)) and scale and not isinstance(scale[0], str):
            kind = classify_scale(scale)
            lines.append((holder, _grey_scale(kind, scale, lines=holder == "line")))
            if trace.get("opacity", 1) < 1:  # a veil of paper would be read as another phase
                trace["opacity"] = float(kind == "signed")
    return lines


def _grey_scale(kind: str, scale: Scale, *, lines: bool) -> list[list[Any]]:
    """Return the greys of a kind of scale; lines stay dark enough for white paper. A picture keeps its lightness."""
    if kind == "picture":
        return [[place, grey(lightness(interpolate_colour(scale, place)))] for place, _ in scale]
    rules: dict[str, Callable[[float], float]] = {
        "grey": lambda t: lightness(interpolate_colour(scale, t)),
        "signed": lambda t: 50 + 50 * t,
        "cyclic": lambda t: 85 - 65 * abs(2 * t - 1),
        "amount": lambda t: LIGHTEST + t * (DARKEST - LIGHTEST) if lines else 96 + t * (20 - 96),
    }
    return [[round(place, 3), grey(rules[kind](place))] for place in np.linspace(0, 1, 11).tolist()]
