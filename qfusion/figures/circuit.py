"""A circuit with the sample in it: boxes, a scrubber's place, every qubit's state in place, as in Quirk; its error;
and small displays on the wires after every column, with a gate's matrix in few letters.

A display is a frame as high as its scale: the probability of |1> from 0 to 1, the purity from 1/2 to 1, or three bars,
<X>, <Y> and <Z> from -1 to 1."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import choose
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    QUIET,
    SKY,
    UNSIGNED_SCALE,
    VERMILLION,
    Theme,
    bare_axis,
    base,
    faded,
    in_cells,
    label,
    log_ticks,
    wrap,
)
from qfusion.figures.themes import DASHES

KINDS = ("probability of 1", "Bloch vector", "purity")
_HALF = 0.12  # of a display's width, in columns
_AXES = (VERMILLION, GREEN, BLUE)  # of x, y and z, from left to right


# A qubit's state at a place of the drawing: x and y of its middle, half its height, its Bloch vector (3,), and what the
# pointer reads.
Display = tuple[float, float, float, np.ndarray, str]


def add(figure: go.Figure, shown: Sequence[Display], kind: str, theme: Theme) -> None:
    """Draws displays of one of `KINDS`; heights count downwards."""
    choose("Display", kind, KINDS)
    frames = [(x - _HALF, x + _HALF, y - half, y + half) for x, y, half, *_ in shown]
    _fill(figure, frames, PAPER[theme], LINE[theme], "frames")
    if kind == KINDS[1]:
        for k, hue in enumerate(_AXES):
            left = (2 * k - 3) * _HALF / 3
            bars = [
                (x + left, x + left + 2 * _HALF / 3, *sorted((y, y - float(bloch[k]) * half)))
                for x, y, half, bloch, _ in shown
            ]
            _fill(figure, bars, hue, hue, f"⟨{'XYZ'[k]}⟩")
        figure.add_scatter(
            x=[end for x, *_ in shown for end in (x - _HALF, x + _HALF, np.nan)],
            y=[end for _, y, *_ in shown for end in (y, y, np.nan)],
            mode="lines",
            hoverinfo="skip",
            connectgaps=False,
            line={"color": LINE[theme], "width": 1},
        )
    else:
        bars = [
            (left, right, low + (bottom - low) * (1 - share(bloch, kind)), bottom)
            for (*_, bloch, _), (left, right, low, bottom) in zip(shown, frames, strict=True)
        ]
        hue = SKY if kind == KINDS[0] else ORANGE
        _fill(figure, bars, hue, hue, kind)
    figure.add_scatter(
        x=[x for x, *_ in shown],
        y=[y for _, y, *_ in shown],
        mode="markers",
        name="displays",
        text=[tip for *_, tip in shown],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 14, "opacity": 0.0, "color": LINE[theme], "symbol": "square"},
    )


def share(bloch: np.ndarray, kind: str) -> float:
    """How full a display is: the probability of |1>, or where the purity lies between 1/2 and 1."""
    z, length = float(bloch[2]), float(np.linalg.norm(bloch))
    return float(np.clip((1 - z) / 2 if kind == KINDS[0] else length**2, 0, 1))


def _fill(
    figure: go.Figure, boxes: Sequence[tuple[float, ...]], hue: str, rim: str, name: str
) -> None:
    """Rectangles (left, right, top, bottom) as one series."""
    figure.add_scatter(
        x=np.array([(a, b, b, a, a, np.nan) for a, b, _, _ in boxes]).ravel(),
        y=np.array([(c, c, d, d, c, np.nan) for _, _, c, d in boxes]).ravel(),
        mode="lines",
        fill="toself",
        fillcolor=hue,
        hoverinfo="skip",
        name=name,
        connectgaps=False,
        line={"color": rim, "width": 1},
    )


def matrix_tip(matrix: np.ndarray, digits: int = 2) -> str:
    """Returns a matrix as lines for the pointer, `<br>` between them; empty of one larger than 4 x 4."""
    U = np.asarray(matrix)
    if U.ndim != 2 or len(U) > 4:
        return ""
    cells = [[_cell(complex(value), digits) for value in row] for row in U]
    widest = max(len(cell) for row in cells for cell in row)
    # A space of a digit's width holds columns together where letters are not of one width, and breaks no line.
    return "<br>".join("\u2007".join(cell.rjust(widest, "\u2007") for cell in row) for row in cells)


def _cell(value: complex, digits: int) -> str:
    real, imaginary = round(value.real, digits) + 0.0, round(value.imag, digits) + 0.0
    if not imaginary:
        return f"{real:.{digits}f}" if real else "0"
    return f"{imaginary:.{digits}f}i" if not real else f"{real:.{digits}f}{imaginary:+.{digits}f}i"


# A circuit with the sample in it: boxes, a scrubber's place, every qubit's state in place, as in Quirk; its error.
#
# A qubit is drawn as a disc: its needle is (<X>, <Z>) with |0> up, its colour <Y>; a needle that
# ends inside the disc is a mixed state.

LINES = DASHES[:4]
MANY = 6  # columns from which a narrow page leaves little room between boxes
EDGE = 0.42  # from the outer wires to the edges of the drawing, in the distance of two wires
CLOSE, NEAR, STAGGER = (
    0.45,
    0.5,
    0.2,
)  # wires less apart are near; in turn their discs stand further to the right
HUES = (BLUE, VERMILLION, "#009E73", "#CC79A7", ORANGE, "#56B4E9", GREY)


@dataclass(frozen=True)
class Box:
    """One operation of the drawing.

    Attributes:
        name: short text in it; column: place from left to right; rows: of the wires it acts on, control or measured
            first.
        joined: draw a box on each row, or on each run of neighbours, and a line between; names of rows are parted by
            `|`.
        first, last: numbers of the gates it stands for, counted from 1.
        does: sentences for the pointer; hue: hex colour.
        values: more lines for the pointer, numbers of ours with `<br>` between; outside: drawn in grey, as what does
            not count.
    """

    name: str
    column: float
    rows: tuple[int, ...]
    first: int
    last: int
    does: str
    hue: str = GREY
    joined: bool = False
    values: str = ""
    outside: bool = False

    @property
    def named_apart(self) -> bool:
        """Whether each row has a name of its own."""
        return self.joined and "|" in self.name

    @property
    def title(self) -> str:
        """The name on one line."""
        return self.name.replace("|", " · ") if self.named_apart else self.name


@dataclass(frozen=True)
class Wire:
    """One line of the drawing: its name, height (downwards), colour, and where it ends if it is left out from there
    on."""

    name: str
    y: float
    hue: str = ""
    end: float | None = None


@drawing(wires="Q", bloch="Q 3")
def diagram(
    boxes: Sequence[Box],
    wires: Sequence[Wire],
    at: int,
    bloch: np.ndarray,
    entropy: np.ndarray,
    *,
    unit: float = 46,
    between: Sequence[tuple[float, int, np.ndarray, float]] = (),
    display: str = "",
    ends: Mapping[int, float] = MappingProxyType({}),
    decision: tuple[str, str] = ("", ""),
    theme: Theme = "light",
) -> go.Figure:
    """The circuit across the page: what is done is full, what is to come is faint, the current box has a thick rim.

    Args:
        at: how many gates have been done. bloch: (Q, 3) and entropy: (Q,) nats of every wire's qubit then.
        unit: pixels between wires that are 1 apart.
        between: states between boxes: where from left to right, on which wire, Bloch vector (3,), entropy in nats.
        display: as what these are drawn, of `figures.circuit.KINDS`; in place of the discs.
        ends: how likely qubits read 1 where the circuit ends, by the places of their wires; drawn there, and then in
            place of the discs too once all gates are done.
        decision: what is decided after them, on two lines, and what the pointer reads there.

    Each box carries its `last` as customdata: a click can move the scrubber there.
    """
    top, bottom = min(w.y for w in wires), max(w.y for w in wires)
    width = max((box.column for box in boxes), default=0) + 1
    figure = base(
        theme,
        int(12 + unit * (bottom - top + 2 * EDGE)),
        left=14 + 7 * max(len(w.name) for w in wires),
        right=22,
        top=6,
        bottom=6,
    )
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    _wires(figure, wires, width, notes, theme, unit)
    for box in boxes:
        _box(box, wires, at, shapes, notes, theme, unit)
    _targets(figure, boxes, wires, unit)
    if display:
        alone = 0.22 if _least(wires) < CLOSE else 0.26
        add(
            figure,
            [
                (
                    x,
                    wires[row].y,
                    0.17 if _close(wires, row) else alone,
                    vector,
                    disc_tip(wires[row].name, vector, entropy),
                )
                for x, row, vector, entropy in between
            ],
            display,
            theme,
        )
    elif not ends or at < max(box.last for box in boxes):
        _discs(figure, boxes, wires, at, bloch, entropy, notes, theme, unit)
    if ends:
        _ends(figure, wires, ends, decision, width, shapes, notes, theme)
    return (
        figure.update_layout(shapes=shapes, annotations=notes, clickmode="event+select")
        .update_xaxes(**bare_axis(), range=[-0.62, width + 1.75 * bool(ends)])
        .update_yaxes(**bare_axis(), range=[bottom + EDGE, top - EDGE])
    )


def _ends(
    figure: go.Figure,
    wires: Sequence[Wire],
    ends: Mapping[int, float],
    decision: tuple[str, str],
    x: float,
    shapes: list[dict[str, Any]],
    notes: list[dict[str, Any]],
    theme: Theme,
) -> None:
    """How likely qubits read 1 at the ends of their wires, and the decision in a box after them."""
    places = {row: wires[row].y for row in ends}
    half = 0.17 if any(_close(wires, row) for row in ends) else 0.3
    shown = [
        (
            x,
            places[row],
            half,
            np.array([0.0, 0.0, 1 - 2 * p]),
            f"<b>{label(wires[row].name)}</b><br>reads 1 with {p:.1%}",
        )
        for row, p in ends.items()
    ]
    add(figure, shown, KINDS[0], theme)
    low, high = min(places.values()), max(places.values())
    middle, line = (low + high) / 2, {"color": QUIET[theme], "width": 1.2}
    bracket = {"type": "line", "line": line, "layer": "above"}
    shapes += [
        bracket | {"x0": x + 0.62, "x1": x + 0.62, "y0": low, "y1": high},
        bracket | {"x0": x + 0.62, "x1": x + 0.8, "y0": middle, "y1": middle},
        {
            "type": "rect",
            "x0": x + 0.8,
            "x1": x + 1.7,
            "y0": middle - 0.7,
            "y1": middle + 0.7,
            "fillcolor": PAPER[theme],
            "line": {"color": INK[theme], "width": 2},
            "layer": "above",
        },
    ]
    written = {"showarrow": False, "font": {"size": 11, "color": INK[theme]}}
    notes += [
        written | {"x": x + 0.16, "xanchor": "left", "y": places[row], "text": f"{p:.2f}"}
        for row, p in ends.items()
    ]
    notes.append(written | {"x": x + 1.25, "y": middle, "text": decision[0]})
    figure.add_scatter(
        x=[x + 1.25],
        y=[middle],
        mode="markers",
        name="decision",
        text=[decision[1]],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 30, "opacity": 0.0, "color": LINE[theme], "symbol": "square"},
    )


def _wires(
    figure: go.Figure,
    wires: Sequence[Wire],
    width: float,
    notes: list[dict[str, Any]],
    theme: Theme,
    unit: float,
) -> None:
    for hue in dict.fromkeys(wire.hue for wire in wires):
        own = [wire for wire in wires if wire.hue == hue]
        ends = [width - 0.15 if wire.end is None else wire.end for wire in own]
        figure.add_scatter(
            x=[x for end in ends for x in (-0.55, end, None)],
            y=[y for wire in own for y in (wire.y, wire.y, None)],
            mode="lines",
            hoverinfo="skip",
            line={"color": hue or QUIET[theme], "width": 1.2},
        )
    apart = _least(wires) * unit
    near, alone = (10, 12) if apart > 12 else (9, 11)
    notes.extend(
        {
            "x": 0,
            "xref": "paper",
            "xanchor": "right",
            "y": wire.y,
            "text": label(wire.name, 24),
            "showarrow": False,
            "font": {"size": near if wire.hue and apart < 24 else alone, "color": INK[theme]},
        }
        for wire in wires
    )


def _least(wires: Sequence[Wire]) -> float:
    """How far the two nearest wires are apart."""
    return min((abs(a.y - b.y) for a, b in itertools.pairwise(wires)), default=1.0)


def _close(wires: Sequence[Wire], row: int) -> bool:
    """Whether a wire lies near another."""
    return any(abs(wires[row].y - other.y) < CLOSE for k, other in enumerate(wires) if k != row)


def _box(
    box: Box,
    wires: Sequence[Wire],
    at: int,
    shapes: list[dict[str, Any]],
    notes: list[dict[str, Any]],
    theme: Theme,
    unit: float,
) -> None:
    heights = [wires[row].y for row in box.rows]
    done, current = box.last <= at, box.first <= at <= box.last or (at == 0 and box.first == 1)
    slim = len(box.rows) == 1 and _close(wires, box.rows[0])
    half = 0.17 if slim else min(max(0.3, 10 / unit), 0.42)
    hue = GREY if box.outside else box.hue
    opacity = (1.0 if done or current else 0.35) * (0.35 if box.outside else 1.0)
    rim = {"color": VERMILLION if current else hue, "width": 3 if current else 1.5}
    if box.joined:
        shapes.append(
            {
                "type": "line",
                "x0": box.column,
                "x1": box.column,
                "y0": min(heights),
                "y1": max(heights),
                "line": {"color": rim["color"], "width": 3 if current else 2},
                "opacity": opacity,
                "layer": "above",
            }
        )
    spans = _spans(box, heights, half, (0.2, 0.28) if _close(wires, box.rows[0]) else (half, half))
    for low, high in spans:
        place = {
            "type": "rect",
            "x0": box.column - 0.3,
            "x1": box.column + 0.3,
            "y0": low,
            "y1": high,
            "layer": "above",
        }
        shapes += [
            place | {"fillcolor": PAPER[theme], "line": {"width": 0}},
            place
            | {"fillcolor": faded(hue, 0.28 if done else 0.1), "line": rim, "opacity": opacity},
        ]
    names = box.name.split("|") if box.named_apart else [box.name] * len(spans)
    for name, (low, high) in zip(names, spans, strict=False):
        size = 9 if slim and _least(wires) * unit < 12 else 10 if slim or len(name) > 3 else 12
        notes.append(
            {
                "x": box.column,
                "y": (low + high) / 2,
                "text": label(name),
                "showarrow": False,
                "opacity": 0.45 if box.outside else max(opacity, 0.6),
                "textangle": -90 if high - low > 0.9 and len(name) > 4 else 0,
                "yshift": -slim,
                "font": {"size": size, "color": INK[theme]},
            }
        )


def _spans(
    box: Box, heights: list[float], half: float, beyond: tuple[float, float]
) -> list[tuple[float, float]]:
    """Top and bottom of its parts: of each named qubit, else of each run of neighbours; one goes `beyond` its wires."""
    if len(heights) == 1:
        return [(heights[0] - half, heights[0] + half)]
    if box.named_apart:
        return [(y - half, y + half) for y in heights]
    if not box.joined:
        return [(min(heights) - beyond[0], max(heights) + beyond[1])]
    runs = [[heights[0]]]
    for a, b in itertools.pairwise(sorted(heights)):
        if b - a > 1.01:
            runs.append([])
        runs[-1].append(b)
    return [(run[0] - half, run[-1] + half) for run in runs]


def _targets(figure: go.Figure, boxes: Sequence[Box], wires: Sequence[Wire], unit: float) -> None:
    """Invisible marks that carry what is said under the pointer and where a click leads; none reaches a near wire."""
    tips = [
        (
            box.column,
            wires[row].y,
            wrap(
                f"<b>{label(box.title)}</b><br>{label(box.does, 600)}"
                + f"<br>{box.values}" * bool(box.values)
            ),
            box.last,
        )
        for box in boxes
        for row in box.rows
    ]
    figure.add_scatter(
        x=[t[0] for t in tips],
        y=[t[1] for t in tips],
        text=[t[2] for t in tips],
        customdata=[t[3] for t in tips],
        mode="markers",
        name="gates",
        marker={
            "size": [
                min(24.0, _least(wires) * unit) if _close(wires, row) else 24.0
                for box in boxes
                for row in box.rows
            ],
            "opacity": 0.0,
            "color": GREY,
            "symbol": "square",
        },
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate="%{text}<extra></extra>",
    )


def _discs(
    figure: go.Figure,
    boxes: Sequence[Box],
    wires: Sequence[Wire],
    at: int,
    bloch: np.ndarray,
    entropy: np.ndarray,
    notes: list[dict[str, Any]],
    theme: Theme,
    unit: float,
) -> None:
    discs: list[tuple[int, float, int]] = []  # row, place and radius
    last, apart = max((box.column for box in boxes), default=0), _least(wires) * unit
    usual, odd = 15 if last < MANY else 10, False  # so that it fits between two boxes
    for row, wire in enumerate(wires):
        reached = max(
            (box.column for box in boxes if row in box.rows and box.first <= at), default=None
        )
        x = (
            -0.5 if reached is None else reached + (0.5 if reached < last else 0.62)
        )  # nothing comes behind the last
        above = wires[row - 1]
        odd = row > 0 and abs(wire.y - above.y) < NEAR and not odd
        x += STAGGER * (odd and reached is not None and (above.end is None or x <= above.end))
        if wire.end is None or x <= wire.end:
            small = int(apart / 2) if reached is None else 7 if wire.hue else usual
            discs.append((row, x, usual if apart > 29 else small))
    figure.add_scatter(
        x=[x for _, x, _ in discs],
        y=[wires[row].y for row, *_ in discs],
        mode="markers",
        name="qubits",
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
        text=[disc_tip(wires[row].name, bloch[row], float(entropy[row])) for row, *_ in discs],
        marker={
            "size": [2 * radius for *_, radius in discs],
            "color": PAPER[theme],
            "line": {"color": LINE[theme], "width": 1.5},
            "opacity": 1,
        },
    )
    notes += [arrow(x, wires[row].y, bloch[row], radius, theme) for row, x, radius in discs]


def disc_tip(name: str, vector: np.ndarray, entropy: float) -> str:
    """What the pointer reads on a disc."""
    x, y, z = (float(v) for v in vector)
    return (
        f"<b>{label(name)}</b><br>⟨X⟩ {x:+.3f}, ⟨Y⟩ {y:+.3f}, ⟨Z⟩ {z:+.3f}<br>reads 1 with {(1 - z) / 2:.1%}"
        f"<br>entropy {max(entropy, 0.0):.3f} nats"
    )


def arrow(x: float, y: float, vector: np.ndarray, radius: float, theme: Theme) -> dict[str, Any]:
    """A needle from the middle of a disc to (<X>, <Z>), |0> up; its colour is <Y>."""
    a, b, c = (float(v) for v in vector)
    hue = INK[theme] if abs(b) < 0.1 else (BLUE if b > 0 else VERMILLION)
    if math.hypot(a, c) * radius < 2:
        return {"x": x, "y": y, "text": "•", "showarrow": False, "font": {"size": 12, "color": hue}}
    # Plotly's arrows point at (x, y): this one is turned round, so that it starts there.
    return {
        "x": x,
        "y": y,
        "ax": a * radius,
        "ay": -c * radius,
        "axref": "pixel",
        "ayref": "pixel",
        "text": "",
        "showarrow": True,
        "arrowside": "start",
        "startarrowhead": 6,
        "startarrowsize": 0.3 if radius < 12 else 0.5,
        "arrowwidth": 1.6,
        "arrowcolor": hue,
    }


@drawing(names="Q", bloch="Q 3")
def bloch_row(
    names: Sequence[str],
    bloch: np.ndarray,
    entropy: np.ndarray,
    *,
    before: np.ndarray | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """A large disc for every qubit with its entropy below; a thin arrow for the state before the gate."""
    across = len(names) if len(names) <= 6 else -(-len(names) // 2)
    lines = -(-len(names) // across)
    places = [(i % across, -(i // across)) for i in range(len(names))]

    notes = [
        arrow(x, y, before[i], 30, theme) | {"opacity": 0.35, "arrowwidth": 1.2}
        for i, (x, y) in enumerate(places)
        if before is not None and np.abs(before[i] - bloch[i]).max() > 0.02
    ]
    notes += [arrow(x, y, bloch[i], 30, theme) for i, (x, y) in enumerate(places)]
    notes += [
        {
            "x": x,
            "y": y,
            "yshift": shift,
            "text": words,
            "showarrow": False,
            "font": {"size": 11, "color": hue},
        }
        for i, (x, y) in enumerate(places)
        for words, shift, hue in (
            (f"{max(float(entropy[i]), 0.0) + 0.0:.2f} nats", -42, QUIET[theme]),
            (label(names[i], 16), 43, INK[theme]),
        )
    ]
    return (
        base(theme, 12 + 120 * lines, left=6, right=22, top=6, bottom=6)
        .add_scatter(
            x=[x for x, _ in places],
            y=[y for _, y in places],
            mode="markers",
            name="qubits",
            text=[
                disc_tip(*entry) for entry in zip(names, bloch, map(float, entropy), strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "size": 60,
                "color": PAPER[theme],
                "line": {"color": LINE[theme], "width": 1.5},
            },
        )
        .update_layout(annotations=notes)
        .update_xaxes(**bare_axis(), range=[-0.6, max(across, 4) - 0.4])
        .update_yaxes(**bare_axis(), range=[0.5 - lines, 0.5])
    )


@drawing()
def bars(
    values: np.ndarray, names: Sequence[str], title: str, *, theme: Theme = "light"
) -> go.Figure:
    """One bar a qubit."""
    return (
        base(theme, 220, bottom=40)
        .add_bar(
            x=list(range(len(names))),
            y=values,
            marker={"color": INK[theme]},
            hovertemplate="%{y:.3f}<extra></extra>",
            width=0.6,
        )
        .update_xaxes(
            tickvals=list(range(len(names))), ticktext=[label(name, 14) for name in names]
        )
        .update_yaxes(
            title={"text": label(title, 80)},
            range=[0, max(0.72, float(np.max(values, initial=0)) * 1.05)],
        )
    )


@drawing(names="Q", values="T Q")
def entropy_lines(
    values: np.ndarray,
    names: Sequence[str],
    at: int | None,
    marks: Sequence[tuple[float, str]],
    *,
    hues: Sequence[str] = (),
    y_title: str = "von Neumann entropy (nats)",
    theme: Theme = "light",
) -> go.Figure:
    """Entropy of every qubit over the gates, or more that is counted in nats, with a cursor and marks where parts of
    the circuit begin.

    Args:
        values: (G + 1, Q) nats. marks: places and names. hues: of the qubits, where they have one; equal ones differ in
            their dashes.
    """
    figure = base(theme, 330, legend=True, right=20)
    for q, name in enumerate(names):
        hue = (hues[q] if hues else "") or HUES[q % len(HUES)]
        figure.add_scatter(
            y=np.maximum(values[:, q], 0),
            x=np.arange(len(values)),
            mode="lines",
            name=label(name, 24),
            line={
                "width": 2,
                "color": hue,
                "dash": LINES[list(hues[:q]).count(hue) % len(LINES)]
                if hues and hues[q]
                else LINES[q // len(HUES) % len(LINES)],
                "shape": "hv",
            },
            hovertemplate=f"{label(name, 24)}: %{{y:.3f}}<extra></extra>",
        )
    shapes = [
        {
            "type": "line",
            "x0": x,
            "x1": x,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "layer": layer,
            "line": line,
        }
        for x, layer, line in (
            *((x, "below", {"color": LINE[theme], "width": 1, "dash": "dot"}) for x, _ in marks),
            *([] if at is None else [(at, "above", {"color": VERMILLION, "width": 2})]),
        )
    ]
    return (
        figure.update_layout(
            shapes=shapes,
            annotations=[
                {
                    "x": x,
                    "y": 1,
                    "yref": "paper",
                    "yanchor": "top",
                    "xanchor": "left",
                    "text": label(name),
                    "showarrow": False,
                    "yshift": -12 * (i % 2),
                    "font": {"size": 10, "color": QUIET[theme]},
                }
                for i, (x, name) in enumerate(marks)
            ],
            hovermode="x unified",
        )
        .update_xaxes(title={"text": "gates done"})
        .update_yaxes(
            title={"text": label(y_title)},
            rangemode="tozero",
            range=[0, max(0.78, 1.12 * float(np.max(values, initial=0)))],
        )
    )


@drawing(moments="T", values="T")
def cuts(
    values: Sequence[np.ndarray], moments: Sequence[str], title: str, *, theme: Theme = "light"
) -> go.Figure:
    """One row a moment, one column a cut: the first k qubits from the others; with fewer qubits there are fewer."""
    z = np.full((len(values), max(max((len(row) for row in values), default=1), 1)), np.nan)
    for i, row in enumerate(values):
        z[i, : len(row)] = row
    high = max(float(np.nanmax(z)) if np.isfinite(z).any() else 1.0, 1e-3)
    figure = base(theme, 92 + 34 * len(values), left=10, right=10, top=8).add_trace(
        go.Heatmap(
            z=z,
            colorscale=UNSIGNED_SCALE,
            zmin=0,
            zmax=high,
            xgap=2,
            ygap=2,
            hoverongaps=False,
            colorbar={
                "title": {"text": label(title), "side": "right", "font": {"size": 12}},
                "thickness": 10,
                "outlinewidth": 0,
            },
            hovertemplate="%{y}, first %{x}: %{z:.3f} nats<extra></extra>",
        )
    )
    return (
        in_cells(figure, np.maximum(z, 0), z / high, "{:.2f}")
        .update_xaxes(
            title={"text": "cut after the first k qubits that are not measured yet"},
            tickvals=list(range(z.shape[1])),
            ticktext=[str(k + 1) for k in range(z.shape[1])],
            showline=False,
            ticks="",
        )
        .update_yaxes(
            tickvals=list(range(len(moments))),
            ticktext=[label(m) for m in moments],
            autorange="reversed",
            showline=False,
            ticks="",
        )
    )


@drawing()
def poolings(
    before: np.ndarray, after: np.ndarray, outcomes: np.ndarray, *, theme: Theme = "light"
) -> go.Figure:
    """Entropy before and after every pooling, and what the outcomes carry away."""
    return (
        base(theme, 250, legend=True)
        .add_traces(
            [
                {
                    "type": "bar",
                    "x": [f"layer {k}" for k in range(len(before))],
                    "y": values,
                    "name": name,
                    "marker": {"color": hue},
                    "text": [f"{v:.2f}" for v in values],
                    "textposition": "outside",
                    "cliponaxis": False,
                    "hovertemplate": f"{name}: %{{y:.3f}} nats<extra></extra>",
                }
                for values, name, hue in (
                    (before, "before, all active qubits", faded(GREY, 0.7)),
                    (after, "after, those that stay", INK[theme]),
                    (outcomes, "outcomes, one by one", ORANGE),
                )
            ]
        )
        .update_yaxes(title={"text": "entropy (nats)"}, rangemode="tozero")
        .update_layout(barmode="group", bargap=0.35)
    )


@drawing()
def step_error(
    steps: np.ndarray, one: np.ndarray, whole: np.ndarray, chosen: float, *, theme: Theme = "light"
) -> go.Figure:
    """Trace distance of the circuit from the exact evolution against the step, after one step and after all of them.

    Args:
        steps, one, whole: (n,) step sizes dt and distances; chosen: the step that is drawn.
    """
    return (
        base(theme, 300, legend=True)
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": steps,
                    "y": np.maximum(values, 1e-17),
                    "mode": "lines+markers",
                    "name": name,
                    "marker": {"size": 7},
                    "line": {"color": INK[theme], "width": 2, "dash": dash},
                    "hovertemplate": "dt = %{x:.3g}: %{y:.2e}<extra></extra>",
                }
                for values, name, dash in (
                    (one, "after one step", "solid"),
                    (whole, "after as many as fill T", "dash"),
                )
            ]
        )
        .update_xaxes(type="log", title={"text": "step dt (model units)"}, **log_ticks(steps))
        .update_yaxes(
            type="log",
            title={"text": "trace distance (0 to 1)"},
            **log_ticks(np.maximum(np.concatenate([one, whole]), 1e-17)),
        )
        .add_vline(x=chosen, line={"color": QUIET[theme], "dash": "dash"})
    )
