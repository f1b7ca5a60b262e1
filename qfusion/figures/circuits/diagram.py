"""A circuit with the sample in it: gates, wires, the scrubber and every qubit's state in place."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from qfusion.figures.circuits.qubits import KINDS, draw_displays
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import discs_meta, ends_meta
from qfusion.figures.parts import add_line, add_marks, note, rectangle, segment, selection
from qfusion.figures.style import (
    BLUE,
    DASHES,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    QUIET,
    VERMILLION,
    Attributes,
    bare_axis,
    base_figure,
    fade_colour,
    label,
    wrap_lines,
)

LINES = DASHES[:4]
MANY = 6  # columns from which a narrow page leaves little room between boxes
EDGE = 0.42  # from the outer wires to the edges of the drawing, in the distance of two wires
CLOSE = 0.45
_HALF_BOX = 0.36  # half the width of a box, in columns
_LONGEST_NAME = 4  # letters that are written across a high box
_LONGEST_KET = 11  # the same of a ket, which is read across if it can be
NEAR = 0.5  # wires closer together than this are near
STAGGER = 0.2  # every other disc of near wires is this much further to the right
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
        """Whether each row has its own name."""
        return self.joined and "|" in self.name

    @property
    def title(self) -> str:
        """The name on one line."""
        return self.name.replace("|", " · ") if self.named_apart else self.name


@dataclass(frozen=True)
class Wire:
    """One line of the drawing: name, height (downwards), colour, and the column where it ends, if it does."""

    name: str
    y: float
    hue: str = ""
    end: float | None = None


@checks_arrays(wires="Q", bloch="Q 3")
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
    when: str = "",
    decision: tuple[str, str, str] = ("", "", ""),
) -> Figure:
    """Draw the circuit from left to right. Completed gates are opaque, gates to come are faint, and the current box has
    a thick border.

    Args:
        at: how many gates have been done. bloch: (Q, 3) and entropy: (Q,) nats of every wire's qubit then.
        unit: pixels between wires that are 1 apart.
        between: states between boxes: where from left to right, on which wire, Bloch vector (3,), entropy in nats.
        display: as what these are drawn, of `figures.circuits.diagram.KINDS`; in place of the discs.
        ends: how likely qubits read 1, by the places of their wires; drawn where these end, and then in place of the
            discs too once all gates are done. when: the time of these readings, in words.
        decision: what is decided after them, on two lines, what the pointer reads there, and the time in words.

    Each box carries its `last` as customdata: a click can move the scrubber there.
    """
    top = min(w.y for w in wires)
    bottom = max(w.y for w in wires)
    width = max((box.column for box in boxes), default=0) + 1
    all_done = at >= max((box.last for box in boxes), default=0)
    head = 14 if ends else 0  # for the label above the read-outs
    figure = base_figure(
        int(12 + head + unit * (bottom - top + 2 * EDGE)),
        left=14 + 7 * max(len(w.name) for w in wires),
        right=22,
        top=6 + head,
        bottom=6,
    )
    shapes: list[Attributes] = []
    notes: list[Attributes] = []
    _wires(figure, wires, width, notes, unit)
    for box in boxes:
        _box(box, wires, at, shapes, notes, unit)
    _add_click_targets(figure, boxes, wires, unit)
    if display:
        alone = 0.22 if _least_distance(wires) < CLOSE else 0.26
        draw_displays(
            figure,
            [
                (
                    x,
                    wires[row].y,
                    0.17 if _has_near_wire(wires, row) else alone,
                    vector,
                    disc_tip(wires[row].name, vector, entropy),
                )
                for x, row, vector, entropy in between
            ],
            display,
        )
    elif not ends or not all_done:
        _discs(figure, boxes, wires, at, bloch, entropy, notes, unit)
    if ends:
        _add_readouts(figure, wires, ends, when, decision, width, shapes, notes, now=not all_done)
    figure.update_layout(shapes=shapes, annotations=notes, clickmode="event+select")
    figure.update_xaxes(**bare_axis(), range=[-0.62, width + 1.75 * bool(ends)])
    figure.update_yaxes(**bare_axis(), range=[bottom + EDGE, top - EDGE])
    return figure


def _add_readouts(
    figure: Figure,
    wires: Sequence[Wire],
    ends: Mapping[int, float],
    when: str,
    decision: tuple[str, str, str],
    x: float,
    shapes: list[Attributes],
    notes: list[Attributes],
    *,
    now: bool,
) -> None:
    """Add how likely qubits read 1 at the ends of their wires, and the decision in a box after them.

    Args:
        now: whether these are the states at the scrubber, before the end.
    """
    places = {row: wires[row].y for row in ends}
    half = 0.17 if any(_has_near_wire(wires, row) for row in ends) else 0.3
    shown = [
        (
            x,
            places[row],
            half,
            np.array([0.0, 0.0, 1 - 2 * p]),
            f"<b>{label(wires[row].name)}</b><br>reads 1 {when} with {p:.1%}",
        )
        for row, p in ends.items()
    ]
    draw_displays(figure, shown, KINDS[0])
    figure.data[-2].meta = ends_meta([wires[row].name for row in ends], 2 * half, now)
    low = min(places.values())
    high = max(places.values())
    middle = (low + high) / 2
    bracket: Attributes = {"hue": QUIET, "width": 1.2, "layer": "above"}
    shapes += [
        segment((x + 0.62, x + 0.62), (low, high), **bracket),
        segment((x + 0.62, x + 0.8), (middle, middle), **bracket),
        rectangle(
            (x + 0.8, x + 1.7),
            (middle - 0.7, middle + 0.7),
            PAPER,
            hue=INK,
            width=2,
            layer="above",
        ),
    ]
    notes += [
        note(f"{p:.2f}", x + 0.16, places[row], size=11, xanchor="left") for row, p in ends.items()
    ]
    place = {"xanchor": "left", "yanchor": "bottom"}
    notes.append(note(f"P(1) {when}", x - half, low - half, size=11, **place))
    notes.append(note(decision[0], x + 1.25, middle, size=11))
    under = {"xanchor": "right", "yanchor": "top"}
    notes.append(note(decision[2], x + 1.7, middle + 0.7, size=11, hue=QUIET, **under))
    add_marks(
        figure,
        [x + 1.25],
        [middle],
        LINE,
        30,
        symbol="square",
        opacity=0.0,
        name="decision",
        text=[decision[1]],
        hovertemplate="%{text}<extra></extra>",
    )


def _wires(
    figure: Figure, wires: Sequence[Wire], width: float, notes: list[Attributes], unit: float
) -> None:
    for hue in dict.fromkeys(wire.hue for wire in wires):
        own = [wire for wire in wires if wire.hue == hue]
        ends = [width - 0.15 if wire.end is None else wire.end for wire in own]
        add_line(
            figure,
            [x for end in ends for x in (-0.55, end, None)],
            [y for wire in own for y in (wire.y, wire.y, None)],
            hue or QUIET,
            1.2,
            hoverinfo="skip",
        )
        traced = [(wire.end, wire.y) for wire in own if wire.end is not None]
        _add_traced_out(figure, traced, hue or QUIET)
    apart = _least_distance(wires) * unit
    near, alone = (11, 12) if apart > 12 else (11, 11)
    notes.extend(
        note(
            label(wire.name, 24),
            0,
            wire.y,
            size=near if wire.hue and apart < 24 else alone,
            xref="paper",
            xanchor="right",
        )
        for wire in wires
    )


def _add_traced_out(figure: Figure, ends: Sequence[tuple[float, float]], hue: str) -> None:
    """Add the symbol of ground, three bars that grow shorter, to wires whose qubits are traced out from there on."""
    bars = ((0.0, 0.14), (0.07, 0.09), (0.14, 0.04))
    add_line(
        figure,
        [place for x, _ in ends for beyond, _ in bars for place in (x + beyond, x + beyond, None)],
        [place for _, y in ends for _, half in bars for place in (y - half, y + half, None)],
        hue,
        1.4,
        hoverinfo="skip",
    )


def _least_distance(wires: Sequence[Wire]) -> float:
    """Return how far the two nearest wires are apart."""
    return min((abs(a.y - b.y) for a, b in itertools.pairwise(wires)), default=1.0)


def _has_near_wire(wires: Sequence[Wire], row: int) -> bool:
    """Return whether a wire lies near another."""
    return any(abs(wires[row].y - other.y) < CLOSE for k, other in enumerate(wires) if k != row)


def _box(
    box: Box,
    wires: Sequence[Wire],
    at: int,
    shapes: list[Attributes],
    notes: list[Attributes],
    unit: float,
) -> None:
    heights = [wires[row].y for row in box.rows]
    done = box.last <= at
    current = box.first <= at <= box.last or (at == 0 and box.first == 1)
    slim = len(box.rows) == 1 and _has_near_wire(wires, box.rows[0])
    half = 0.2 if slim else min(max(0.3, 10 / unit), 0.42)
    hue = GREY if box.outside else box.hue
    opacity = (1.0 if done or current else 0.35) * (0.35 if box.outside else 1.0)
    rim_hue = INK if current else hue
    if box.joined:
        shapes.append(
            segment(
                (box.column, box.column),
                (min(heights), max(heights)),
                hue=rim_hue,
                width=3 if current else 2,
                opacity=opacity,
                layer="above",
            )
        )
    spans = _box_spans(
        box, heights, half, (0.2, 0.28) if _has_near_wire(wires, box.rows[0]) else (half, half)
    )
    for low, high in spans:
        x = box.column - _HALF_BOX, box.column + _HALF_BOX
        fill = fade_colour(hue, 0.28 if done else 0.1)
        width = 3 if current else 1.5
        rim: Attributes = {"hue": rim_hue, "width": width, "opacity": opacity}
        shapes += [
            rectangle(x, (low, high), PAPER, layer="above"),
            rectangle(x, (low, high), fill, layer="above", **rim),
        ]
    names = box.name.split("|") if box.named_apart else [box.name] * len(spans)
    for name, (low, high) in zip(names, spans, strict=False):
        longest = _LONGEST_KET if name.endswith("⟩") else _LONGEST_NAME
        size = 11 if slim or len(name) > 3 else 12
        notes.append(
            note(
                label(name),
                box.column,
                (low + high) / 2,
                size=size,
                opacity=0.45 if box.outside else max(opacity, 0.6),
                textangle=-90 if high - low > 0.9 and len(name) > longest else 0,
                yshift=-slim,
            )
        )


def _box_spans(
    box: Box, heights: list[float], half: float, beyond: tuple[float, float]
) -> list[tuple[float, float]]:
    """Return the top and bottom of its parts: of each named qubit, else of each run of neighbours.

    A part of one wire extends `beyond` it.
    """
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


def _add_click_targets(
    figure: Figure, boxes: Sequence[Box], wires: Sequence[Wire], unit: float
) -> None:
    """Add invisible marks with the tip of each box and the number of the gate to which a click leads.

    They are small enough not to reach a near wire.
    """
    x = []
    y = []
    texts = []
    gates = []
    sizes = []
    small = min(24.0, _least_distance(wires) * unit)
    for box in boxes:
        tip = f"<b>{label(box.title)}</b><br>{label(box.does, 600)}"
        if box.values:
            tip += f"<br>{box.values}"
        for row in box.rows:
            x.append(box.column)
            y.append(wires[row].y)
            texts.append(wrap_lines(tip))
            gates.append(box.last)
            sizes.append(small if _has_near_wire(wires, row) else 24.0)
    add_marks(
        figure,
        x,
        y,
        GREY,
        sizes,
        symbol="square",
        opacity=0.0,
        text=texts,
        customdata=gates,
        name="gates",
        **selection(0, 0),
        hovertemplate="%{text}<extra></extra>",
    )


def _discs(
    figure: Figure,
    boxes: Sequence[Box],
    wires: Sequence[Wire],
    at: int,
    bloch: np.ndarray,
    entropy: np.ndarray,
    notes: list[Attributes],
    unit: float,
) -> None:
    discs: list[tuple[int, float, int]] = []  # row, place and radius
    last = max((box.column for box in boxes), default=0)
    apart = _least_distance(wires) * unit
    usual = 15 if last < MANY else 10
    odd = False  # so that it fits between two boxes
    for row, wire in enumerate(wires):
        reached = max(
            (box.column for box in boxes if row in box.rows and box.first <= at), default=None
        )
        if reached is None:
            x = -0.5
        else:
            x = reached + (0.5 if reached < last else 0.62)  # nothing comes behind the last
        above = wires[row - 1]
        odd = row > 0 and abs(wire.y - above.y) < NEAR and not odd
        x += STAGGER * (odd and reached is not None and (above.end is None or x <= above.end))
        if wire.end is None or x <= wire.end:
            if reached is None:
                small = int(apart / 2)
            elif wire.hue:
                small = 7
            else:
                small = usual
            discs.append((row, x, usual if apart > 29 else small))
    tips = [disc_tip(wires[row].name, bloch[row], float(entropy[row])) for row, *_ in discs]
    diameters = [2 * radius for *_, radius in discs]
    add_marks(
        figure,
        [x for _, x, _ in discs],
        [wires[row].y for row, *_ in discs],
        PAPER,
        diameters,
        opacity=1,
        rim_hue=LINE,
        rim=1.5,
        name="qubits",
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
        text=tips,
        meta=discs_meta(
            [wires[row].name for row, *_ in discs], [wires[row].hue or INK for row, *_ in discs]
        ),
    )
    notes += [
        arrow(x, wires[row].y, bloch[row], radius, wires[row].hue or INK)
        for row, x, radius in discs
    ]


def disc_tip(name: str, vector: np.ndarray, entropy: float) -> str:
    """Return the hover text of a disc."""
    x, y, z = (float(v) for v in vector)
    return (
        f"<b>{label(name)}</b><br>⟨X⟩ {x:+.3f}, ⟨Y⟩ {y:+.3f}, ⟨Z⟩ {z:+.3f}<br>reads 1 with {(1 - z) / 2:.1%}"
        f"<br>entropy {max(entropy, 0.0):.3f} nats"
    )


def arrow(x: float, y: float, vector: np.ndarray, radius: float, hue: str = INK) -> Attributes:
    """Return a needle from the middle of a disc to (<X>, <Z>), |0> up."""
    a, _, c = (float(v) for v in vector)
    if math.hypot(a, c) * radius < 2:
        return note("•", x, y, hue=hue)
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
