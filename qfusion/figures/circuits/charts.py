"""A sample's way through a circuit: the states after every gate, and the charts beside the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qfusion.figures.circuits.diagram import HUES, LINES, Box, Wire, arrow, disc_tip
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import ENTROPIES, discs_meta, line_meta, offer_line_labels, series_names
from qfusion.figures.parts import add_line, add_marks, note, segment, side_colour_bar
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    QUIET,
    UNSIGNED_SCALE,
    bare_axis,
    base_figure,
    cell_annotations,
    fade_colour,
    label,
    log_ticks,
)
from qfusion.quantum.statevector import Cone, Step
from qfusion.simulate import fusion_gates

AFTER = 0.03  # share of the gates by which lines go on after the last one


@checks_arrays(names="Q", bloch="Q 3")
def bloch_row(
    names: Sequence[str],
    bloch: np.ndarray,
    entropy: np.ndarray,
    *,
    before: np.ndarray | None = None,
    hues: Sequence[str] = (),
) -> Figure:
    """Draw a large disc for every qubit with its entropy below; a thin arrow for the state before the gate.

    Args:
        hues: of the needles; the colour of text where there is none.
    """
    needles = [hue or INK for hue in hues] or [INK] * len(names)
    across = len(names) if len(names) <= 6 else -(-len(names) // 2)
    lines = -(-len(names) // across)
    places = [(i % across, -(i // across)) for i in range(len(names))]

    notes = [
        arrow(x, y, before[i], 30, needles[i]) | {"opacity": 0.35, "arrowwidth": 1.2}
        for i, (x, y) in enumerate(places)
        if before is not None and np.abs(before[i] - bloch[i]).max() > 0.02
    ]
    notes += [arrow(x, y, bloch[i], 30, needles[i]) for i, (x, y) in enumerate(places)]
    notes += [
        note(words, x, y, size=11, hue=hue, yshift=shift)
        for i, (x, y) in enumerate(places)
        for words, shift, hue in (
            (f"{max(float(entropy[i]), 0.0) + 0.0:.2f} nats", -42, QUIET),
            (label(names[i], 16), 43, INK),
        )
    ]
    figure = base_figure(12 + 120 * lines, left=6, right=22, top=6, bottom=6)
    add_marks(
        figure,
        [x for x, _ in places],
        [y for _, y in places],
        PAPER,
        60,
        rim_hue=LINE,
        rim=1.5,
        name="qubits",
        text=[disc_tip(*entry) for entry in zip(names, bloch, map(float, entropy), strict=True)],
        hovertemplate="%{text}<extra></extra>",
        meta=discs_meta(names, needles, before is not None),
    )
    figure.update_layout(annotations=notes)
    figure.update_xaxes(**bare_axis(), range=[-0.6, max(across, 4) - 0.4])
    figure.update_yaxes(**bare_axis(), range=[0.5 - lines, 0.5])
    return figure


@checks_arrays()
def qubit_bars(values: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw one bar a qubit."""
    figure = base_figure(
        220,
        bottom=40,
        y_title=label(title, 80),
        y_axis={"range": [0, max(0.72, float(np.max(values, initial=0)) * 1.05)]},
    )
    figure.add_bar(
        x=list(range(len(names))),
        y=values,
        marker={"color": INK},
        hovertemplate="%{y:.3f}<extra></extra>",
        width=0.6,
    )
    figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=[label(name, 14) for name in names]
    )
    return figure


@checks_arrays(names="Q", values="T Q")
def entropy_lines(
    values: np.ndarray,
    names: Sequence[str],
    at: int | None,
    marks: Sequence[tuple[float, str]],
    *,
    hues: Sequence[str] = (),
    y_title: str = "von Neumann entropy (nats)",
    group: str = ENTROPIES,
) -> Figure:
    """Draw the entropy of every qubit over the gates, or more that is counted in nats, with a cursor and marks where
    parts of the circuit begin. The value after the last gate goes on behind the cursor.

    Args:
        values: (G + 1, Q) nats. marks: places and names. hues: of the qubits, where they have one; equal ones differ in
            their dashes.
        group: of the series, see `followed_series`.
    """
    gates = len(values) - 1
    end = gates + AFTER * max(gates, 1)
    figure = base_figure(
        330,
        legend=True,
        right=20,
        x_title="gates done",
        y_title=label(y_title),
        x_axis={"range": [0, end], "hoverformat": ".0f"},
        y_axis={
            "rangemode": "tozero",
            "range": [0, max(0.78, 1.12 * float(np.max(values, initial=0)))],
        },
    )
    for q, name in enumerate(names):
        hue = (hues[q] if hues else "") or HUES[q % len(HUES)]
        figure.add_scatter(
            y=np.maximum(np.append(values[:, q], values[-1, q]), 0),
            x=[*range(len(values)), end],
            mode="lines",
            name=label(name, 24),
            meta=line_meta(group, series_names([name])),
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
    shapes = [segment((x, x), (0, 1), dash="dot", yref="paper", layer="below") for x, _ in marks]
    if at is not None:
        cursor = segment((at, at), (0, 1), hue=INK, width=2, yref="paper", layer="below")
        shapes.append(cursor)
    figure.update_layout(
        shapes=shapes,
        annotations=[
            note(
                label(name),
                x,
                1,
                size=10,
                hue=QUIET,
                yref="paper",
                yanchor="top",
                xanchor="left",
                yshift=-12 * (i % 2),
            )
            for i, (x, name) in enumerate(marks)
        ],
        hovermode="x unified",
    )
    return offer_line_labels(figure)


@checks_arrays(moments="T", values="T")
def cut_entropies(values: Sequence[np.ndarray], moments: Sequence[str], title: str) -> Figure:
    """Draw a heat map with one row per moment and one column per cut, which separates the first k qubits from the
    others.

    With fewer qubits there are fewer.
    """
    z = np.full((len(values), max(max((len(row) for row in values), default=1), 1)), np.nan)
    for i, row in enumerate(values):
        z[i, : len(row)] = row
    high = max(float(np.nanmax(z)) if np.isfinite(z).any() else 1.0, 1e-3)
    figure = base_figure(92 + 34 * len(values), left=10, right=10, top=8)
    figure.add_heatmap(
        z=z,
        colorscale=UNSIGNED_SCALE,
        zmin=0,
        zmax=high,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        colorbar=side_colour_bar(label(title)),
        hovertemplate="%{y}, first %{x}: %{z:.3f} nats<extra></extra>",
    )
    return (
        cell_annotations(figure, np.maximum(z, 0), z / high, "{:.2f}")
        .update_xaxes(
            title_text="cut after the first k qubits that are not measured yet",
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


@checks_arrays()
def pooling_entropies(before: np.ndarray, after: np.ndarray, outcomes: np.ndarray) -> Figure:
    """Draw the entropy before and after every pooling, and the entropy of the outcomes."""
    figure = base_figure(250, legend=True, y_title="entropy (nats)", y_axis={"rangemode": "tozero"})
    for values, name, hue in (
        (before, "before, all active qubits", fade_colour(GREY, 0.7)),
        (after, "after, those that stay", INK),
        (outcomes, "outcomes, one by one", ORANGE),
    ):
        figure.add_trace(
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
        )
    figure.update_layout(barmode="group", bargap=0.35)
    return figure


@checks_arrays()
def step_error(steps: np.ndarray, one: np.ndarray, whole: np.ndarray, chosen: float) -> Figure:
    """Draw the trace distance of the circuit from the exact evolution against the step, after one step and after all of
    them.

    Args:
        steps, one, whole: (n,) step sizes dt and distances; chosen: the step that is drawn.
    """
    figure = base_figure(
        300, legend=True, x_title="step dt (model units)", y_title="trace distance (0 to 1)"
    )
    for values, name, dash in (
        (one, "after one step", "solid"),
        (whole, "after as many as fill T", "dash"),
    ):
        add_line(
            figure,
            steps,
            np.maximum(values, 1e-17),
            INK,
            2,
            dash=dash,
            mode="lines+markers",
            name=name,
            marker={"size": 7},
            hovertemplate="dt = %{x:.3g}: %{y:.2e}<extra></extra>",
        )
    figure.update_xaxes(type="log", **log_ticks(steps))
    figure.update_yaxes(type="log", **log_ticks(np.maximum(np.concatenate([one, whole]), 1e-17)))
    figure.add_vline(x=chosen, line={"color": QUIET, "dash": "dash"})
    return figure


@dataclass(frozen=True, eq=False)
class Replay:
    """One sample's passage through a circuit of either system.

    Attributes:
        boxes, wires: of the drawing, in the order of the qubits below.
        gates: what every gate does, in words: (name, qubits, sentence, values).
        bloch: (G + 1, Q, 3); entropy: (G + 1, Q) nats.
        moments: per gate the qubits it concerns, their density matrix before and after, and their mutual information
            (or None).
        parts: where parts of the circuit begin, as numbers of gates done, and their names.
        followed: places in `wires` of the qubits that live to the end.
        says: what the circuit is to the sample, where that is to be said.
        across: columns that are drawn at once, where there may be many; 0 for all.
        steps: every gate as far as a light cone asks, by places in `wires`; empty where none is asked for.
        takes: of every gate of a network, where its angles stand: names of parameters and indices in them.
    """

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    gates: tuple[tuple[str, tuple[str, ...], str, dict[str, float]], ...]
    bloch: np.ndarray
    entropy: np.ndarray
    moments: tuple[tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[float, float] | None], ...]
    parts: tuple[tuple[int, str], ...]
    followed: tuple[int, ...]
    says: str = ""
    across: int = 0
    steps: tuple[Step[int], ...] = ()
    takes: tuple[tuple[fusion_gates.Reference, ...], ...] = ()

    @property
    def count(self) -> int:
        """Number of gates."""
        return len(self.gates)

    def visible_boxes(self, at: int) -> tuple[Box, ...]:
        """Return the boxes to be drawn when so many gates are done: all, or the columns around the last of these."""
        first, across = self._columns(at)
        return tuple(
            replace(box, column=box.column - first)
            for box in self.boxes
            if first <= box.column < first + across
        )

    def _columns(self, at: int) -> tuple[int, int]:
        """Return the first of the columns that are drawn when so many gates are done, and how many these are."""
        columns = 1 + max(int(box.column) for box in self.boxes)
        if not 0 < self.across < columns:
            return 0, columns
        here = next((int(box.column) for box in self.boxes if box.first <= at <= box.last), 0)
        return min(here - here % self.across, columns - self.across), self.across

    def column_states(self, at: int) -> list[tuple[float, int, np.ndarray, float]]:
        """Return the state of every qubit after each column that is drawn when `at` gates are done. An entry holds
        its position from left to right, its wire, its Bloch vector (3,), and its entropy in nats.
        """
        (first, _), states = self._columns(at), []
        for column in sorted({box.column + first for box in self.visible_boxes(at)}):
            for row, wire in enumerate(self.wires):
                x = column - first + 0.5
                # No other gate changes what a qubit is by itself.
                done = max(
                    (box.last for box in self.boxes if row in box.rows and box.column <= column),
                    default=0,
                )
                if wire.end is None or x <= wire.end + 1:
                    states.append((x, row, self.bloch[done, row], float(self.entropy[done, row])))
        return states

    def grey_outside(self, boxes: Sequence[Box], cone: Cone[int]) -> tuple[Box, ...]:
        """Return boxes, those without a gate inside a light cone in grey."""
        return tuple(
            replace(box, outside=not any(cone.inside[box.first - 1 : box.last])) for box in boxes
        )
