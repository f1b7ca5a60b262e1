"""Keys: the legend, every shown entry with a sample of its line, marker or bar, in rows above the
drawing or in a column beside it; and the colour bars of what is coloured by numbers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plotly_print.axes import Trace, listed
from plotly_print.bars import bar_marks, outline_and_fill
from plotly_print.points import DEFAULT, dots, fill_of, has, line_of, look_of
from plotly_print.scene import KEY, Area, Box, Cells, Hand, Mark, Pen, Scene, Stroke, Words
from plotly_print.values import Scale, as_list, floats, is_numeric, scale_of
from plotly_print.words import Block, read, wrapped


@dataclass(frozen=True)
class Entry:
    """A trace, what it is called, and the width of its sample in points."""

    trace: Trace
    name: Block
    sample: float

    def draw(self, scene: Scene, hand: Hand, left: float, middle: float) -> None:
        """Draw sample and name."""
        scene.add(
            KEY,
            *_sample(self.trace, left, left + self.sample, middle, hand),
            Words(self.name, left + self.sample + hand.px(5), middle, "left", role="legend"),
        )


def entries(traces: list[Trace], layout: dict[str, Any], hand: Hand) -> list[Entry]:
    """What the legend shows, in plotly's order: groups together, each where its first member
    stands."""
    named = {
        i: trace
        for i, trace in enumerate(traces)
        if trace["type"] not in ("heatmap", "parcoords") and trace.get("showlegend", True)
    }
    if not layout.get(
        "showlegend", len(named) >= 2 or any(trace.get("showlegend") for trace in named.values())
    ):
        return []
    settings = layout.get("legend", {})
    groups: dict[str, list[int]] = {}
    for i, trace in named.items():
        groups.setdefault(str(trace.get("legendgroup") or f"\0{i}"), []).append(i)
    ordered = [i for group in groups.values() for i in group]
    stacked = any(trace["type"] == "bar" for trace in named.values()) and layout.get("barmode") in (
        "stack",
        "relative",
    )
    usual = "reversed" if stacked and (settings.get("orientation", "v") == "v") else "normal"
    if settings.get("traceorder", usual) == "reversed":
        ordered.reverse()
    style = hand.style(settings.get("font"), 12)
    result = []
    for i in ordered:
        trace = named[i]
        width = hand.px(13)
        if trace["type"] == "scatter" and has(trace, "lines"):
            # One and a half of its dashes can be told from others.
            width = max(hand.px(28), 1.6 * sum(hand.pen(trace.get("line")).dashes))
        result.append(Entry(trace, read(str(trace.get("name") or f"trace {i}"), style), width))
    return result


def draw_rows(
    listed_entries: list[Entry],
    scene: Scene,
    hand: Hand,
    left: float,
    right: float,
    bottom: float,
) -> None:
    """Draw the entries in rows between `left` and `right`, the last one on `bottom`."""
    gap = hand.px(14)
    shown = []
    for entry in listed_entries:
        room = max(right - left - entry.sample - hand.px(5), 30.0)
        shown.append(replace(entry, name=wrapped(entry.name, room)))
    widths = _column_widths(
        [entry.sample + hand.px(5) + entry.name.width + gap for entry in shown], right - left + gap
    )
    rows = [shown[at : at + len(widths)] for at in range(0, len(shown), len(widths))]
    height = 0.0
    for row in reversed(rows):
        tall, x = max(entry.name.height for entry in row), left
        for entry, wide in zip(row, widths, strict=False):
            entry.draw(scene, hand, x, bottom + height + tall / 2)
            x += wide
        height += tall + hand.px(4)


def _column_widths(wide: list[float], room: float) -> list[float]:
    """Return the widths of as many columns as the room has for entries that are so wide."""
    for columns in range(len(wide), 1, -1):
        widths = [max(wide[at::columns]) for at in range(columns)]
        if sum(widths) <= room:
            return widths
    return [max(wide, default=0.0)]


def draw_column(
    listed_entries: list[Entry], scene: Scene, hand: Hand, left: float, top: float
) -> None:
    """Draw the entries below each other from a corner on."""
    for entry in listed_entries:
        entry.draw(scene, hand, left, top - entry.name.height / 2)
        top -= entry.name.height + hand.px(4)


def _sample(trace: Trace, left: float, right: float, y: float, hand: Hand) -> list[Mark]:
    opacity, marker = float(trace.get("opacity", 1.0)), _first(trace.get("marker", {}))
    square = Box(left, y - hand.px(5.5), left + hand.px(11), y + hand.px(5.5))
    if trace["type"] == "bar":
        return bar_marks(marker, [square], np.array([opacity]), hand)
    if trace["type"] in ("box", "violin"):
        pen, face = outline_and_fill(trace, hand)
        return [Area(square.corners, face, Pen(pen.colour, pen.width / 2))]
    marks: list[Mark] = []
    if trace.get("fill", "none") != "none":
        face = fill_of(trace, hand.pen(trace.get("line"), 2.0, DEFAULT).colour, opacity)
        marks.append(Area(Box(left, y - hand.px(4), right, y + hand.px(4)).corners, face))
    pen = line_of(trace, hand, opacity)
    if has(trace, "lines") and pen.draws:
        marks.append(Stroke(np.array([[left, y], [right, y]]), pen))
    if has(trace, "markers"):
        sizes, faces, edges, widths, _ = look_of(
            {**trace, "marker": marker, "selectedpoints": None}, 1, hand
        )
        marks.append(
            dots(
                str(marker.get("symbol", "circle")),
                np.array([[(left + right) / 2, y]]),
                sizes.clip(2.0, 14.0),
                faces,
                edges,
                widths,
                hand,
            )
        )
    return marks


def _first(marker: dict[str, Any]) -> dict[str, Any]:
    """A marker with the first entry of each of its lists; colours by number become the middle of
    their scale."""
    first: dict[str, Any] = {}
    for key, value in marker.items():
        if key == "color" and is_numeric(value):
            scale = scale_of(marker, floats(value))
            r, g, b, a = scale([(scale.low + scale.high) / 2])[0].tolist()
            first[key] = f"rgba({255 * r:.0f},{255 * g:.0f},{255 * b:.0f},{a:g})"
        elif key in ("line", "pattern"):
            first[key] = _first(value)
        elif key in ("colorscale", "colorbar") or isinstance(value, (str, dict)):
            first[key] = value
        elif as_list(value):
            first[key] = as_list(value)[0]
    return first


def colour_bar(
    scene: Scene,
    hand: Hand,
    scale: Scale,
    settings: dict[str, Any],
    left: float,
    bottom: float,
    top: float,
) -> None:
    """Draw a colour bar from `left` on, centred between `bottom` and `top`, its title above or
    beside it."""
    title = settings.get("title", {})
    words = read(str(title.get("text", "")), hand.style(title.get("font"), 12))
    letters = hand.style(settings.get("tickfont"), 12)
    above = title.get("side", "top") == "top"
    if above and words.text:
        top = max(top - words.height - hand.px(8), bottom + hand.px(20))
    share = 1.0 if above else min(1.0, float(settings.get("len", 1.0)))
    length, middle = (top - bottom) * share, (top + bottom) / 2
    right = left + hand.px(settings.get("thickness", 30))
    box = Box(left, middle - length / 2, right, middle + length / 2)
    shades = scale(np.linspace(scale.low, scale.high, 128))[:, None]
    scene.add(
        KEY,
        Cells(np.array([left, right]), np.linspace(box.bottom, box.top, len(shades) + 1), shades),
    )
    low, high = min(scale.low, scale.high) - 1e-9, max(scale.low, scale.high) + 1e-9
    for value, text in listed(
        settings,
        scale.low,
        scale.high,
        min(float(settings.get("nticks") or 9), max(2.0, length / (2.2 * letters.size))),
    ):
        if low <= value <= high:
            y = box.bottom + (value - scale.low) / (scale.high - scale.low or 1.0) * length
            label = Words(read(text, letters), box.right + hand.px(4), y, "left", role="colour bar")
            right = max(right, label.box.right)
            scene.add(KEY, label)
    if words.text:
        anchor = (
            (left, box.top + hand.px(8), "left", "bottom", 0.0)
            if above
            else (right + hand.px(4), middle, "center", "top", 90.0)
        )
        scene.add(KEY, Words(words, *anchor, role="colour bar"))
    width = settings.get("outlinewidth", 1)
    if float(width) > 0:
        scene.add(
            KEY, Stroke(np.vstack([box.corners, box.corners[:1]]), hand.pen({"width": width}))
        )
