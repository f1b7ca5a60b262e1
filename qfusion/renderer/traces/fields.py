"""Heat maps, and the colour bars of everything that is coloured by numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.renderer import colouring, ticks
from qfusion.renderer.axes import Axis, Reach, as_list
from qfusion.renderer.colours import readable_on, rgba
from qfusion.renderer.hand import FIELD, KEY, LINES, Hand, Place
from qfusion.renderer.scene import Box, Cells, Scene, Stroke, Words
from qfusion.renderer.words import read

NAMES = ("zmin", "zmax", "zmid")
_DARK, _BLACK, _BRIGHT = rgba("#17202B"), rgba("#1F1F1F"), rgba("#FFFFFF")
_TEMPLATE = re.compile(r"%\{z(?::([^}]*))?\}")


def table(trace: Mapping[str, Any]) -> np.ndarray:
    """The numbers (rows, columns)."""
    z = trace["z"]
    rows = [[np.nan if v is None else float(v) for v in as_list(row)] for row in z]
    return np.array(rows, dtype=float).reshape(len(rows), -1)


def edges(trace: Mapping[str, Any], axis: Axis, count: int) -> np.ndarray:
    """Where cells begin and end (count + 1,), as numbers on the axis."""
    letter = axis.letter
    given = trace.get(letter)
    step = float(trace.get(f"d{letter}", 1.0))
    centres = float(trace.get(f"{letter}0", 0.0)) + step * np.arange(count) if given is None else axis.numbers(given)
    if len(centres) == count + 1:
        return centres
    check(len(centres) == count,
          f"A heatmap of the figure has {count} cells along {letter}, but {len(centres)} places.")
    if count == 1:
        return np.array([centres[0] - step / 2, centres[0] + step / 2])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.r_[centres[0] - (middle[0] - centres[0]), middle, centres[-1] + (centres[-1] - middle[-1])]


def reaches(trace: Mapping[str, Any], x: Axis, y: Axis) -> tuple[list[Reach], list[Reach]]:
    """What the axes must hold."""
    rows, columns = table(trace).shape
    return [Reach(edges(trace, x, columns))], [Reach(edges(trace, y, rows))]


def draw(trace: Mapping[str, Any], place: Place) -> None:
    """Draws the cells, and the numbers in them where the trace asks for it."""
    z = table(trace)
    rows, columns = z.shape
    scale = colouring.scale_of(trace, z, NAMES)
    colours = scale(z)
    shown = colours.copy()
    shown[..., 3] *= float(trace.get("opacity", 1.0))
    x, y = place.x.place(edges(trace, place.x, columns)), place.y.place(edges(trace, place.y, rows))
    gap = (place.hand.px(trace.get("xgap", 0)), place.hand.px(trace.get("ygap", 0)))
    place.scene.add(FIELD, Cells(x, y, shown, gap, place.box))
    if "texttemplate" not in trace:
        return
    form = _TEMPLATE.fullmatch(str(trace["texttemplate"]))
    check(form is not None,
          f"A heatmap of the figure writes {str(trace['texttemplate'])[:40]!r} in its cells, which is not drawn "
          "without a browser. Write '%{z:.2f}'.")
    font = trace.get("textfont", {})
    greys = bool((np.ptp(np.asarray(colours)[..., :3], axis=-1) == 0).all())  # of the greyscale theme
    dark = _BLACK if greys else _DARK
    for r in range(rows):
        for c in range(columns):
            if np.isfinite(z[r, c]) and form is not None:
                style = place.hand.style(font, colour=readable_on(colours[r, c], dark, _BRIGHT))
                place.scene.add(LINES + 5, Words(read(ticks.formatted(z[r, c], form.group(1) or ".3g"), style),
                                                 (x[c] + x[c + 1]) / 2, (y[r] + y[r + 1]) / 2, role="cell"))


def bar_of(trace: Mapping[str, Any]) -> colouring.Bar | None:
    """Its colour bar, where it has one."""
    return colouring.bar_of(trace, table(trace), NAMES) if trace.get("showscale", True) else None


def colour_bar(scene: Scene, hand: Hand, bar: colouring.Bar, left: float, bottom: float, top: float) -> None:
    """Draws a colour bar from `left` on, centred between `bottom` and `top`, its title above or beside it."""
    settings, scale = bar.settings, bar.scale
    title = settings.get("title", {})
    words = read(str(title.get("text", "")), hand.style(title.get("font"), 12))
    letters = hand.style(settings.get("tickfont"), 12)
    above = title.get("side", "top") == "top"
    if above and words.text:
        top = max(top - words.height - hand.px(8), bottom + hand.px(20))
    length = (top - bottom) * (1.0 if above else min(1.0, float(settings.get("len", 1.0))))
    middle = (top + bottom) / 2
    low, high = middle - length / 2, middle + length / 2
    thick = hand.px(settings.get("thickness", 30))
    steps = 128
    shades = scale(np.linspace(scale.low, scale.high, steps))[:, None]
    scene.add(KEY, Cells(np.array([left, left + thick]), np.linspace(low, high, steps + 1), shades))
    if settings.get("tickvals") is not None:
        values = np.array([float(v) for v in as_list(settings["tickvals"])])
        named = settings.get("ticktext")
        texts = [str(t) for t in as_list(named)] if named is not None else ticks.written(values,
                                                                                         settings.get("tickformat", ""))
    else:
        most = min(float(settings.get("nticks") or 9), max(2.0, length / (2.2 * letters.size)))
        values = ticks.linear(scale.low, scale.high, most)
        texts = ticks.written(values, settings.get("tickformat", ""))
    right = left + thick
    for value, text in zip(values.tolist(), texts, strict=False):
        if min(scale.low, scale.high) - 1e-9 <= value <= max(scale.low, scale.high) + 1e-9:
            y = low + (value - scale.low) / (scale.high - scale.low or 1.0) * length
            label = Words(read(text, letters), left + thick + hand.px(4), y, "left", role="colour bar")
            right = max(right, label.box.right)
            scene.add(KEY, label)
    if words.text and above:
        scene.add(KEY, Words(words, left, high + hand.px(8), "left", "bottom", role="colour bar"))
    elif words.text:
        scene.add(KEY, Words(words, right + hand.px(4), middle, "center", "top", angle=90, role="colour bar"))
    if float(settings.get("outlinewidth", 1)) > 0:
        frame = Box(left, low, left + thick, high)
        corners = np.array([[frame.left, frame.bottom], [frame.right, frame.bottom], [frame.right, frame.top],
                            [frame.left, frame.top], [frame.left, frame.bottom]])
        scene.add(KEY, Stroke(corners, hand.pen({"width": settings.get("outlinewidth", 1)})))
