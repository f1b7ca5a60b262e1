"""Traces that stand for themselves: lines, markers, fills, error bars and texts at points; heat maps;
parallel coordinates with a line a row."""

import math
import re
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.path import Path

from plotly_print.axes import Axis, Place, Reach, Trace, formatted, listed
from plotly_print.scene import (
    FIELD,
    FRAME,
    KEY,
    LINES,
    Area,
    Box,
    Cells,
    Dots,
    Hand,
    Pen,
    Scene,
    Stroke,
    Words,
    halo_of,
)
from plotly_print.values import (
    CLEAR,
    RGBA,
    PrintError,
    Scale,
    as_list,
    check,
    fade,
    floats,
    many,
    readable_on,
    rgba,
    scale_of,
    spread,
    spread_floats,
)
from plotly_print.words import read, wrapped

DEFAULT: RGBA = rgba("#1f77b4")
DISC = 16  # pixels: a marker so large is part of a drawing, which must keep out of its boxes
_DARK, _BLACK, _BRIGHT = rgba("#17202B"), rgba("#1F1F1F"), rgba("#FFFFFF")
_TEMPLATE = re.compile(r"%\{z(?::([^}]*))?\}")


class Points:
    """A trace of points on its two axes."""

    def __init__(self, trace: Trace, x: Axis, y: Axis) -> None:
        self.trace, self.axes = trace, (x, y)
        self.columns = columns(trace)
        self.opacity = float(trace.get("opacity", 1.0))

    def reaches(self, hand: Hand) -> tuple[list[Reach], list[Reach]]:
        """What the axes must hold, as plotly works it out."""
        trace, markers = self.trace, has(self.trace, "markers")
        sizes = map(float, as_list(trace.get("marker", {}).get("size", 6)))
        pad = hand.px(max(max(sizes, default=6.0) / 1.6, 3.0)) if markers else 0.0
        fill = str(trace.get("fill", "none"))
        numbers = [*map(Axis.numbers, self.axes, self.columns)]
        known = np.isfinite(numbers).all(0)
        # Lines alone begin and end at the edges, unless they have error bars.
        tight = (not markers and not has(trace, "text") and not trace.get("error_x")) and (
            fill in ("tozeroy", "tonexty") or "error_y" not in trace
        )
        both: list[list[Reach]] = []
        for axis, values, letter in zip(self.axes, numbers, "xy", strict=True):
            loose, zero = letter == "y" or not tight, fill == f"tozero{letter}"
            both.append([Reach(values[known], (pad * loose, pad * loose), loose, zero)])
            if self._has_error(letter):
                both[-1].append(Reach(np.concatenate(ends(axis, trace, letter)), room=True))
        return both[0], both[1]

    def _has_error(self, letter: str) -> bool:
        error = self.trace.get(f"error_{letter}", {})
        return bool(error and error.get("visible", True))

    def room_for_discs(self, frames: list[Box], hand: Hand) -> float:
        """How much smaller the largest markers must be, at least a third, so that none reaches into
        a box of the drawing beside it."""
        if not has(self.trace, "markers") or not seen(self.trace) or not frames:
            return 1.0
        x, y = map(Axis.at, self.axes, self.columns)
        sizes = spread_floats(self.trace.get("marker", {}).get("size"), len(x), 6)
        shares = [1.0]
        for px, py, size in np.column_stack([x, y, sizes]).tolist():
            for left, bottom, right, top in frames if size >= DISC else ():
                away = math.hypot(max(left - px, 0.0, px - right), max(bottom - py, 0.0, py - top))
                shares += [(away - 0.5) / hand.px(size / 2)] if away > 0 else []
        return max(min(shares), 1 / 3)

    def draw(self, place: Place) -> None:
        """Draw it."""
        trace = self.trace
        if not seen(trace):
            return
        points = np.column_stack([*map(Axis.at, self.axes, self.columns)])
        if trace.get("fill", "none") != "none":
            self._fill(points, place)
        for letter in "xy":
            if self._has_error(letter):
                draw_errors(trace, letter, points, place, LINES, self.opacity)
        pen = line_of(trace, place.hand, self.opacity)
        if has(trace, "lines") and len(points) and pen.draws:
            shaped = _steps(points, str(trace.get("line", {}).get("shape", "linear")))
            if trace.get("connectgaps"):
                shaped = shaped[np.isfinite(shaped).all(1)]
            if len(shaped):
                place.scene.add(LINES, Stroke(shaped, pen, place.box))
        if has(trace, "markers"):
            self._markers(points, place)
        if has(trace, "text"):
            self._texts(points, place)

    def _fill(self, points: np.ndarray, place: Place) -> None:
        kind = str(self.trace["fill"])
        face = fill_of(
            self.trace, place.hand.pen(self.trace.get("line"), 2.0, DEFAULT).colour, self.opacity
        )
        known = np.isfinite(points).all(1)
        pieces: list[np.ndarray] = []
        if kind == "toself":
            pieces = np.split(points, np.flatnonzero(~known))
        elif kind.startswith("tozero") and known.any():
            feet = points[known][[-1, 0]]
            up = 1 if kind.endswith("y") else 0
            feet[:, up] = self.axes[up].place(0.0)
            pieces = [np.vstack([points, feet])]
        for piece in pieces:
            inside = piece[np.isfinite(piece).all(1)]
            if len(inside) > 2:
                place.scene.add(LINES, Area(inside, face, clip=place.box))

    def _markers(self, points: np.ndarray, place: Place) -> None:
        trace, hand, count = self.trace, place.hand, len(points)
        sizes, faces, edges, widths, alphas = look_of(trace, count, hand)
        sizes *= np.where(sizes >= DISC, hand.discs, 1.0)
        symbols = np.array(
            spread(trace.get("marker", {}).get("symbol"), count, "circle"), dtype=object
        )
        shown = np.isfinite(points).all(1) & (alphas > 0) & (sizes > 0)
        if trace.get("cliponaxis") is not False:
            # A marker whose middle lies outside is not drawn; those at the edge are drawn whole.
            low, high = place.box.grown(0.1)[:2], place.box.grown(0.1)[2:]
            shown &= ((points >= low) & (points <= high)).all(1)
        for symbol in dict.fromkeys(symbols[shown].tolist()):
            at = shown & (symbols == symbol)
            place.scene.add(
                LINES,
                dots(str(symbol), points[at], sizes[at], faces[at], edges[at], widths[at], hand),
            )

    def _texts(self, points: np.ndarray, place: Place) -> None:
        trace, count = self.trace, len(points)
        font = trace.get("textfont", {})
        size = trace.get("marker", {}).get("size") if has(trace, "markers") else 0
        for (x, y), label, colour, side, pixels in zip(
            points,
            spread(trace.get("text"), count, ""),
            spread(font.get("color"), count, None),
            spread(trace.get("textposition"), count, "middle center"),
            spread_floats(size, count, 6),
            strict=True,
        ):
            if np.isfinite([x, y]).all() and str(label):
                up, across = str(side).split()
                away = place.hand.px(pixels / 2 / 0.8 + 1) if pixels else 0.0
                place.scene.add(
                    LINES + 5,
                    Words(
                        read(str(label), place.hand.style({**font, "color": colour})),
                        x + {"left": -away, "right": away}.get(across, 0.0),
                        y + {"top": away, "bottom": -away}.get(up, 0.0),
                        {"left": "right", "right": "left"}.get(across, across),
                        {"top": "bottom", "bottom": "top"}.get(up, up),
                        halo=halo_of(font),
                        opacity=self.opacity,
                        role="point",
                    ),
                )


def columns(trace: Trace) -> tuple[Any, Any]:
    """The values across and up; places from 0 on where they are left out."""
    x, y = trace.get("x"), trace.get("y")
    count = max(0 if values is None else len(values) for values in (x, y))
    return np.arange(count) if x is None else x, np.arange(count) if y is None else y


def has(trace: Trace, part: str) -> bool:
    """Whether the trace's mode names `part`."""
    usual = "lines+markers" if len(columns(trace)[0]) < 20 else "lines"
    return part in str(trace.get("mode", usual)).split("+")


def seen(trace: Trace) -> bool:
    """Whether anything of the trace is seen without a pointer over it."""
    opacity = trace.get("marker", {}).get("opacity")
    hidden = isinstance(opacity, (int, float)) and opacity == 0
    return (
        not hidden
        or has(trace, "lines")
        or has(trace, "text")
        or trace.get("fill", "none") != "none"
    )


def ends(axis: Axis, trace: Trace, letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the error bars, as numbers on the axis."""
    error = trace[f"error_{letter}"]
    values = np.asarray(columns(trace)["xy".index(letter)], dtype=float)
    up = spread_floats(error.get("array"), len(values), 0.0)
    down = spread_floats(error["arrayminus"], len(values), 0.0) if "arrayminus" in error else up
    return axis.numbers(values - down), axis.numbers(values + up)


def look_of(trace: Trace, count: int, hand: Hand) -> tuple[np.ndarray, ...]:
    """Of each marker: size in pixels, colour and that of its rim, width of the rim in pixels, and
    opacity."""
    marker = trace.get("marker", {})
    bubble = not isinstance(marker.get("size", 6), (int, float))
    sizes = spread_floats(marker.get("size"), count, 6)
    alphas = opacities(trace, count, 0.7 if bubble else 1.0) * float(trace.get("opacity", 1.0))
    rim, own = marker.get("line", {}), trace.get("line", {}).get("color")
    colour = rgba(own) if isinstance(own, str) else DEFAULT
    faces = many(marker.get("color"), count, colour, marker, alphas)
    edges = many(rim.get("color"), count, hand.ink, rim, alphas)
    if rim.get("color") is None:
        edges[:] = [(*hand.paper[:3], a) for a in alphas] if bubble else faces
    return sizes, faces, edges, spread_floats(rim.get("width"), count, 1 if bubble else 0), alphas


def line_of(trace: Trace, hand: Hand, opacity: float = 1.0) -> Pen:
    """The pen of a trace's line, in the colour of its markers where it names none."""
    colour = trace.get("marker", {}).get("color")
    return hand.pen(
        trace.get("line"), 2.0, rgba(colour) if isinstance(colour, str) else DEFAULT, opacity
    )


def fill_of(trace: Trace, line: RGBA, opacity: float) -> RGBA:
    """The colour of what a trace fills: its own, or half of its line's."""
    colour = rgba(str(trace["fillcolor"])) if "fillcolor" in trace else fade(line, 0.5)
    return fade(colour, opacity)


def _steps(points: np.ndarray, shape: str) -> np.ndarray:
    if shape == "linear" or len(points) < 2:
        return points
    a, b = points[:-1], points[1:]
    middle = (a + b) / 2
    corners = {
        "hv": [(b, a)],
        "vh": [(a, b)],
        "hvh": [(middle, a), (middle, b)],
        "vhv": [(a, middle), (b, middle)],
    }
    stairs = [np.column_stack([x[:, 0], y[:, 1]]) for x, y in corners[shape]]
    return np.vstack([np.stack([a, *stairs], 1).reshape(-1, 2), points[-1:]])


def draw_errors(
    trace: Trace, letter: str, points: np.ndarray, place: Place, layer: int, opacity: float = 1.0
) -> None:
    """Error bars with their caps, whose `width` is half their length."""
    error = trace[f"error_{letter}"]
    across = "xy".index(letter)
    axis = (place.x, place.y)[across]
    low, high = (axis.place(side) for side in ends(axis, trace, letter))
    pen = place.hand.pen(
        {"color": error.get("color")}, float(error.get("thickness", 2)), DEFAULT, opacity
    )
    cap = place.hand.px(error.get("width", 4))
    pieces: list[tuple[float, float]] = []
    for point, a, b in zip(points, low, high, strict=True):
        if np.isfinite([*point, a, b]).all() and a != b:
            at = point[1 - across]
            pieces += [
                (a, at),
                (b, at),
                (np.nan, np.nan),
                *(
                    [(end, at + by) for end in (a, b) for by in (-cap, cap, np.nan)]
                    if cap > 0
                    else []
                ),
            ]
    if pieces:
        clip = None if trace.get("cliponaxis") is False else place.box
        place.scene.add(layer, Stroke(np.array(pieces)[:, :: -1 if across else 1], pen, clip))


def opacities(trace: Trace, count: int, default: float = 1.0) -> np.ndarray:
    """Opacity of every mark: the marker's own, and the trace's for what a reader selected and did
    not select."""
    own = spread_floats(trace.get("marker", {}).get("opacity"), count, default)
    chosen = trace.get("selectedpoints")
    if chosen is None:
        return own
    on = trace.get("selected", {}).get("marker", {}).get("opacity")
    off = trace.get("unselected", {}).get("marker", {}).get("opacity")
    picked = np.isin(np.arange(count), np.asarray(as_list(chosen), dtype=int))
    return np.where(
        picked, own if on is None else float(on), 0.2 * own if off is None else float(off)
    )


def dots(
    symbol: str,
    points: np.ndarray,
    sizes: np.ndarray,
    faces: np.ndarray,
    edges: np.ndarray,
    widths: np.ndarray,
    hand: Hand,
) -> Dots:
    """Markers of one symbol, with sizes and widths in pixels; an open one has the colour of its
    face as rim."""
    outline, codes, is_open = shape(symbol)
    if is_open:
        edges, widths = faces, np.where(widths > 0, widths, 1.0)
        faces = np.tile(CLEAR, (len(points), 1))
    edges = np.where(widths[:, None] > 0, edges, 0.0)
    return Dots(
        points,
        sizes / 2 * hand.scale,
        outline,
        codes,
        faces,
        edges,
        widths * hand.scale * hand.lines,
    )


_ANGLES = np.pi / 2 + np.arange(10) * np.pi / 5  # of a star's ends and of the corners between them
_RADII = np.where(np.arange(10) % 2, 1.4 * 0.382, 1.4)
_A, _B = 1.2, 0.4  # reach and half the width of a cross's arms
_ARM = [(_A, _B), (_B, _B), (_B, _A), (-_B, _A), (-_B, _B), (-_A, _B)]
_CROSS = [*_ARM, *((-x, -y) for x, y in _ARM)]
_R, _T, _H = 0.5**0.5, 2 / 3**0.5, 3**0.5 / 2
# plotly's markers around the origin, for a radius of 1.
_POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(1, 1), (-1, 1), (-1, -1), (1, -1)],
    "diamond": [(1.3, 0), (0, 1.3), (-1.3, 0), (0, -1.3)],
    "triangle-up": [(-_T, -0.5), (_T, -0.5), (0, 1)],
    "triangle-down": [(-_T, 0.5), (_T, 0.5), (0, -1)],
    "triangle-left": [(0.5, -_T), (0.5, _T), (-1, 0)],
    "triangle-right": [(-0.5, -_T), (-0.5, _T), (1, 0)],
    "triangle-ne": [(-1.2, 0.6), (0.6, 0.6), (0.6, -1.2)],
    "hexagon": [(_H, -0.5), (_H, 0.5), (0, 1), (-_H, 0.5), (-_H, -0.5), (0, -1)],
    "star": np.column_stack([_RADII * np.cos(_ANGLES), _RADII * np.sin(_ANGLES)]).tolist(),
    "cross": _CROSS,
    "x": [(_R * (x - y), _R * (x + y)) for x, y in _CROSS],
}
_STROKES: dict[str, list[tuple[float, float]]] = {
    "line-ns": [(0, -1), (0, 1)],
    "line-ew": [(-1, 0), (1, 0)],
    "cross-thin": [(0, -1), (0, 1), (-1, 0), (1, 0)],
    "x-thin": [(-0.7, -0.7), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7)],
}
SYMBOLS = {name + end for name in ("circle", *_POLYGONS, *_STROKES) for end in ("", "-open")}


@lru_cache(maxsize=64)
def shape(symbol: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Points (M, 2) and codes (M,) of a marker, and whether it is open.

    Raises:
        PrintError: for a symbol that is not drawn.
    """
    name = symbol.removesuffix("-open")
    if name in _STROKES:
        line = _STROKES[name]
        return (
            np.array(line, dtype=float),
            np.array([Path.MOVETO, Path.LINETO] * (len(line) // 2), dtype=Path.code_type),
            True,
        )
    check(
        name in _POLYGONS or name == "circle",
        f"The figure uses the marker symbol {symbol!r}, which is not drawn in vector files. "
        f"Use one of {sorted(['circle', *_POLYGONS, *_STROKES])}.",
    )
    corners = _POLYGONS.get(name, [])
    path = Path([*corners, *corners[:1]], closed=True) if corners else Path.unit_circle()
    return np.asarray(path.vertices), np.asarray(path.codes), symbol != name


class Field:
    """A heat map on its two axes."""

    def __init__(self, trace: Trace, x: Axis, y: Axis) -> None:
        self.trace = trace
        rows = [floats(row) for row in trace["z"]]
        self.z = np.array(rows, dtype=float).reshape(len(rows), -1)
        height, width = self.z.shape
        self.x, self.y = _edges(trace, x, width), _edges(trace, y, height)
        self.scale = scale_of(trace, self.z, ("zmin", "zmax", "zmid"))

    def bar(self) -> tuple[Scale, dict[str, Any]] | None:
        """Its colour bar, where it has one."""
        shown = self.trace.get("showscale", True)
        return (self.scale, self.trace.get("colorbar", {})) if shown else None

    def reaches(self, hand: Hand) -> tuple[list[Reach], list[Reach]]:
        """What the axes must hold."""
        return [Reach(self.x)], [Reach(self.y)]

    def draw(self, place: Place) -> None:
        """Draw the cells, and the numbers in them where the trace asks for it."""
        trace, hand = self.trace, place.hand
        colours = self.scale(self.z)
        shown = colours.copy()
        shown[..., 3] *= float(trace.get("opacity", 1.0))
        x, y = place.x.place(self.x), place.y.place(self.y)
        place.scene.add(
            FIELD,
            Cells(
                x,
                y,
                shown,
                (hand.px(trace.get("xgap", 0)), hand.px(trace.get("ygap", 0))),
                place.box,
            ),
        )
        if "texttemplate" not in trace:
            return
        template = str(trace["texttemplate"])
        form = _TEMPLATE.fullmatch(template)
        if form is None:
            raise PrintError(
                f"A heatmap of the figure writes {template[:40]!r} in its cells, which is not "
                "drawn without a browser. Write '%{z:.2f}'."
            )
        # Letters on the greys of the greyscale theme are black.
        dark = _BLACK if (np.ptp(colours[..., :3], axis=-1) == 0).all() else _DARK
        for r, c in np.argwhere(np.isfinite(self.z)):
            block = read(
                formatted(self.z[r, c], form[1] or ".3g"),
                hand.style(trace.get("textfont"), colour=readable_on(colours[r, c], dark, _BRIGHT)),
            )
            place.scene.add(
                LINES + 5,
                Words(block, (x[c] + x[c + 1]) / 2, (y[r] + y[r + 1]) / 2, role="cell"),
            )


def _edges(trace: Trace, axis: Axis, count: int) -> np.ndarray:
    """Where cells begin and end (count + 1,), as numbers on the axis."""
    letter = axis.letter
    step = float(trace.get(f"d{letter}", 1.0))
    centres = float(trace.get(f"{letter}0", 0.0)) + step * np.arange(count)
    if trace.get(letter) is not None:
        centres = axis.numbers(trace[letter])
    if len(centres) == count + 1:
        return centres
    check(
        len(centres) == count,
        f"A heatmap of the figure has {count} cells along {letter}, but {len(centres)} places.",
    )
    if count == 1:
        return np.array([centres[0] - step / 2, centres[0] + step / 2])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = centres[0] - (middle[0] - centres[0]), centres[-1] + (centres[-1] - middle[-1])
    return np.r_[first, middle, last]


def draw_parallel(trace: Trace, scene: Scene, hand: Hand, box: Box) -> None:
    """Draw parallel coordinates between the left and right edge of a box: an upright axis a
    dimension; rows outside a reader's selection are faint."""
    dimensions = [own for own in trace.get("dimensions", []) if own.get("visible", True)]
    if not dimensions:
        return
    count, line = len(dimensions), trace.get("line", {})
    x = np.linspace(box.left, box.right, count) if count > 1 else np.mean([box[::2]], 1)
    values = np.array([floats(own["values"]) for own in dimensions])
    chosen = np.ones(values.shape[1], dtype=bool)
    heights = []
    for own, row, at in zip(dimensions, values, x.tolist(), strict=True):
        low, high = [float(v) for v in own["range"]] if "range" in own else _reach(row)
        heights.append(box.bottom + (row - low) / ((high - low) or 1.0) * box.height)
        if own.get("constraintrange") is not None:
            chosen &= np.any(
                [
                    (row >= a) & (row <= b)
                    for a, b in np.array(own["constraintrange"], dtype=float).reshape(-1, 2)
                ],
                axis=0,
            )
        _dimension(
            trace,
            own,
            low,
            high,
            at,
            at == x[-1] and count > 1,
            box.width / max(count - 1, 1),
            scene,
            hand,
            box,
        )
    colours = many(line.get("color"), values.shape[1], DEFAULT, line)
    colours[~chosen, 3] *= 0.15
    for i in [*np.flatnonzero(~chosen), *np.flatnonzero(chosen)]:
        scene.add(
            LINES,
            Stroke(
                np.column_stack([x, [row[i] for row in heights]]),
                Pen(tuple(colours[i].tolist()), hand.lines * hand.px(1.2)),
            ),
        )


def _dimension(
    trace: Trace,
    own: dict[str, Any],
    low: float,
    high: float,
    at: float,
    last: bool,
    pitch: float,
    scene: Scene,
    hand: Hand,
    box: Box,
) -> None:
    """One axis, its name above and its labels beside it."""
    names, letters = hand.style(trace.get("labelfont"), 12), hand.style(trace.get("tickfont"), 11)
    pen = Pen(letters.colour, hand.lines * hand.px(1))
    scene.add(FRAME, Stroke(np.array([[at, box.bottom], [at, box.top]]), pen))
    scene.add(
        KEY,
        Words(
            wrapped(read(str(own.get("label", "")), names), pitch * 0.92),
            at,
            box.top + hand.px(10),
            "center",
            "bottom",
            role="title",
        ),
    )
    side, beside = ("left", hand.px(5)) if last else ("right", hand.px(-6))
    for value, text in listed(own, low, high, max(2.0, box.height / (3.5 * letters.size))):
        up = box.bottom + (value - low) / ((high - low) or 1.0) * box.height
        if box.bottom - 0.1 <= up <= box.top + 0.1:
            scene.add(FRAME, Stroke(np.array([[at - hand.px(4), up], [at, up]]), pen))
            scene.add(
                KEY, Words(read(text, letters), at + beside, up, side, role="tick", halo=hand.paper)
            )


def _reach(row: np.ndarray) -> tuple[float, float]:
    known = row[np.isfinite(row)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
