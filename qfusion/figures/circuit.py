"""Circuits as interactive drawings: wires, boxes, a hover that says what each gate does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import GREY, INK, PAPER, QUIET, Theme, bare_axis, base, faded, label, log_ticks, term_colour


@dataclass(frozen=True)
class Gate:
    """A box of the drawing: short `name`, `column`, `wires` (row numbers), what it `does`, its `values` in words, and
    whose it is (a coalition, or "" for all together)."""

    name: str
    column: int
    wires: tuple[int, ...]
    does: str
    values: str = ""
    term: str = ""


def diagram(gates: Sequence[Gate], wires: Sequence[str], modalities: Sequence[str], *,
            theme: Theme = "light") -> go.Figure:
    """Gates in their columns from left to right, on one line a wire; the hover says what each does."""
    check(all(0 <= wire < len(wires) for gate in gates for wire in gate.wires),
          f"Argument `gates` must act on wires 0 to {len(wires) - 1}, but one acts beyond them.")
    figure = base(theme, 30 + 54 * len(wires), left=12 + 8 * max(map(len, wires)), right=10, top=10,
                  bottom=10)
    width = max((gate.column for gate in gates), default=0) + 1
    for row, name in enumerate(wires):
        figure.add_scatter(x=[-0.45, width - 0.35], y=[row, row], mode="lines", hoverinfo="skip",
                           line={"color": QUIET[theme], "width": 1.2})
        figure.add_annotation(x=0, xref="paper", y=row, text=label(name), showarrow=False, xanchor="right",
                              font={"size": 13, "color": INK[theme]})
    for gate in gates:
        _draw(figure, gate, modalities, theme)
    figure.update_xaxes(**bare_axis(), range=[-0.5, width - 0.3])
    figure.update_yaxes(**bare_axis(), range=[len(wires) - 0.4, -0.6])
    return figure


def _draw(figure: go.Figure, gate: Gate, modalities: Sequence[str], theme: Theme) -> None:
    column = gate.column
    hue = term_colour(gate.term, modalities) if gate.term else GREY
    top, bottom = min(gate.wires) - 0.36, max(gate.wires) + 0.36
    left, right = column - 0.36, column + 0.36
    tip = f"<b>{label(gate.name)}</b><br>{label(gate.does, 300)}"
    tip += f"<br>{label(gate.values, 400)}" if gate.values else ""
    outline = {"x": [left, right, right, left, left], "y": [top, top, bottom, bottom, top], "mode": "lines",
               "fill": "toself", "hoverinfo": "skip"}
    figure.add_scatter(**outline, fillcolor=PAPER[theme], line={"width": 0})
    figure.add_scatter(**outline, fillcolor=faded(hue, 0.22), line={"color": hue, "width": 2})
    figure.add_scatter(x=[column] * len(gate.wires), y=list(gate.wires), mode="markers",
                       text=[wrap(tip)] * len(gate.wires),
                       marker={"size": 34, "opacity": 0.0, "color": hue}, hovertemplate="%{text}<extra></extra>",
                       name=label(gate.name))
    # A name longer than its box stands upright in it.
    figure.add_annotation(x=column, y=(top + bottom) / 2, text=label(gate.name), showarrow=False,
                          textangle=-90 if len(gate.name) > 4 and len(gate.wires) > 1 else 0,
                          font={"size": 13, "color": INK[theme]})


def wrap(tip: str, width: int = 60) -> str:
    """A tip broken into lines of about `width` characters."""
    lines: list[str] = []
    for paragraph in tip.split("<br>"):
        line = ""
        for word in paragraph.split(" "):
            if len(line) + len(word) > width and line:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        lines.append(line)
    return "<br>".join(lines)


def step_error(steps: np.ndarray, one: np.ndarray, whole: np.ndarray, chosen: float, *,
               theme: Theme = "light") -> go.Figure:
    """Trace distance of the circuit from the exact evolution against the step, after one step and after all of them.

    Args:
        steps, one, whole: (n,) step sizes dt and distances; chosen: the step that is drawn.
    """
    figure = base(theme, 300, legend=True)
    lines = ((one, "after one step", "solid"), (whole, "after as many as fill T", "dash"))
    for values, name, dash in lines:
        figure.add_scatter(x=steps, y=np.maximum(values, 1e-17), mode="lines+markers", name=name, marker={"size": 7},
                           line={"color": INK[theme], "width": 2, "dash": dash},
                           hovertemplate="dt = %{x:.3g}: %{y:.2e}<extra></extra>")
    everything = np.maximum(np.concatenate([one, whole]), 1e-17)
    figure.update_xaxes(type="log", title={"text": "step dt (model units)"}, **log_ticks(steps))
    figure.update_yaxes(type="log", title={"text": "trace distance (0 to 1)"}, **log_ticks(everything))
    figure.add_vline(x=chosen, line={"color": QUIET[theme], "dash": "dash"})
    return figure
