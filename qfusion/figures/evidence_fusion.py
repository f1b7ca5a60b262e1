"""The fusion of an entangled-fusion network: masses, truth tables, class probabilities and raw curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_DARK,
    PAPER,
    QUIET,
    UNSIGNED_SCALE,
    VERMILLION,
    Theme,
    base_figure,
    cell_annotations,
    fade_colour,
    label,
    row_axis,
    wrap_lines,
)

# Reading an entangled-fusion network's fusion: masses, truth tables, softmax of the classes, curves of raw content.

_MASSES: dict[str, Any] = {
    "zmin": 0,
    "zmax": 1,
    "colorscale": UNSIGNED_SCALE,
    "xgap": 2,
    "ygap": 2,
    "colorbar": {
        "title": {"text": "mass", "side": "right", "font": {"size": 12}},
        "thickness": 10,
        "outlinewidth": 0,
        "tickvals": [0, 0.5, 1],
    },
}
SOFTMAX = "softmax"  # 0 to 1; no probability unless it is calibrated


@checks_arrays(elements="n", modalities="M", values="n M", fused="n")
def masses(
    values: np.ndarray,
    fused: np.ndarray,
    modalities: Sequence[str],
    elements: Sequence[str],
    *,
    marked: int | None = None,
    compact: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """The mass that each modality gives each element, and the fused one, as a heat map with the numbers in it.

    Args:
        values: (n, M) in [0, 1]; fused: (n,).
        marked: element to mark (the true class).
        compact: small version without numbers and scale.
    """
    n, M = np.shape(values)
    figure = base_figure(
        theme,
        (36 + 17 * (M + 1)) if compact else 56 + 40 * (M + 1),
        left=10,
        right=10,
        top=20 if compact else 30,
        bottom=4 if compact else 10,
    )
    z = np.column_stack([values, fused]).T
    figure.add_heatmap(
        z=z,
        **_MASSES,
        showscale=not compact,
        hovertemplate="%{y}, ‘%{x}’: mass %{z:.3f}<extra></extra>",
    )
    if not compact:
        cell_annotations(figure, z, z, "{:.2f}", showlegend=False)
    figure.update_xaxes(
        tickvals=list(range(n)),
        ticktext=[
            f"<b>{label(e, 14)} ◂ truth</b>" if i == marked else label(e, 14)
            for i, e in enumerate(elements)
        ],
        side="top",
        showline=False,
        ticks="",
        range=[-0.5, n - 0.5],
    )
    figure.update_yaxes(
        tickvals=list(range(M + 1)),
        ticktext=[*(label(name) for name in modalities), "<b>fused</b>"],
        range=[M + 0.5, -0.5],
        showline=False,
        ticks="",
    )
    figure.add_hline(y=M - 0.5, line={"color": PAPER[theme], "width": 5})
    return figure


@checks_arrays(elements="n", patterns="P", values="n P", weights="n P", angles="n P")
def fusion_tables(
    values: np.ndarray,
    weights: np.ndarray,
    patterns: Sequence[str],
    elements: Sequence[str],
    *,
    controls: Sequence[str],
    angles: np.ndarray,
    chosen: tuple[int, int] | None = None,
    edited: np.ndarray | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """The fusion's truth tables: for each element and outcome of the modality qubits the mass of the fused qubit.

    Args:
        values, weights, angles: (n, patterns): mass of the fused qubit when the pattern is read, how likely this sample
            reads it, and the angle phi in radians that gives the mass.
        patterns: such as "01", one digit for each of `controls`.
        chosen: element and pattern of the cell that is marked. edited: (n, patterns) which entries differ from the
            learned ones.

    Over the cells lie invisible marks that a click selects (plotly does not select cells): x is the pattern, y the
    element.
    """
    n, P = np.shape(values)
    figure = base_figure(theme, 100 + 23 * n, left=10, right=10, top=46, bottom=14)
    texts = [
        " + ".join(label(name) for name, bit in zip(controls, pattern, strict=True) if bit == "1")
        or "none"
        for pattern in patterns
    ]
    figure.add_heatmap(z=values, **_MASSES, hoverinfo="skip")
    cell_annotations(figure, values, values, "{:.2f}", showlegend=False)
    if edited is not None and np.any(edited):
        rows, columns = np.nonzero(edited)
        figure.add_scatter(
            x=columns + 0.34,
            y=rows - 0.22,
            mode="markers",
            hoverinfo="skip",
            name="edited",
            marker={
                "symbol": "triangle-ne",
                "size": 10,
                "color": VERMILLION,
                "line": {"width": 1, "color": ON_DARK},
            },
        )
    cells = [(i, b) for i in range(n) for b in range(P)]
    figure.add_scatter(
        x=[b for _, b in cells],
        y=[i for i, _ in cells],
        mode="markers",
        name="cells",
        marker={"size": 22, "opacity": 0, "symbol": "square"},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[
            [
                label(elements[i]),
                texts[b],
                round(float(values[i][b]), 3),
                round(float(angles[i][b]), 3),
                f"{weights[i][b]:.1%}",
            ]
            for i, b in cells
        ],
        hovertemplate="‘%{customdata[0]}’ when yes from: %{customdata[1]}<br>φ = %{customdata[3]} rad, mass "
        "%{customdata[2]}<br>this sample reads it with %{customdata[4]}<br>click to change "
        "it<extra></extra>",
    )
    figure.update_xaxes(
        tickvals=list(range(P)),
        ticktext=[
            f"<b>{p}</b>" if chosen and b == chosen[1] else p for b, p in enumerate(patterns)
        ],
        side="top",
        showline=False,
        ticks="",
        tickangle=0,
        range=[-0.5, P - 0.5],
        title={"text": f"what the qubits of {', '.join(map(label, controls))} read (1 = yes)"},
    )
    figure.update_yaxes(
        **row_axis(
            [
                f"<b>▸ {label(e, 16)}</b>" if chosen and i == chosen[0] else label(e, 16)
                for i, e in enumerate(elements)
            ]
        )
    )
    mark = {"type": "rect", "fillcolor": "rgba(0,0,0,0)", "layer": "above"}
    if chosen:
        around = {
            "x0": chosen[1] - 0.5,
            "x1": chosen[1] + 0.5,
            "y0": chosen[0] - 0.5,
            "y1": chosen[0] + 0.5,
        }
    else:
        around = {}
    figure.update_layout(
        clickmode="event+select",
        hoverdistance=40,
        shapes=[
            mark | around | {"line": {"color": hue, "width": width}}
            for hue, width in ((PAPER[theme], 6), (INK[theme], 3))
            if chosen
        ],
    )
    return figure


MOST_CLASSES = 15  # drawn, the true one apart


def describe_drawn_classes(classes: Sequence[str], truth: int | None) -> str:
    """Which classes `class_bars` draws, in words."""
    if len(classes) <= MOST_CLASSES:
        return "the classes"
    return f"the {MOST_CLASSES} likeliest of {len(classes):,} classes" + (
        "" if truth is None else " and the true one"
    )


@checks_arrays(classes="C", probabilities="C")
def class_bars(
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
    before: np.ndarray | None = None,
    errors: np.ndarray | None = None,
    before_name: str = "as learned",
    unit: str = SOFTMAX,
    most: int = MOST_CLASSES,
    theme: Theme = "light",
) -> go.Figure:
    """One bar a class, see `describe_drawn_classes`; the true one's name is marked, what was before is a hollow
    diamond, errors are standard errors."""
    shown = sorted(
        {*np.argsort(-probabilities)[:most].tolist(), *([] if truth is None else [truth])}
    )
    best = int(probabilities.argmax())
    figure = base_figure(
        theme, 66 + 22 * len(shown), left=10, right=34, top=8, bottom=40, legend=before is not None
    )
    figure.add_bar(
        x=probabilities[shown],
        y=list(range(len(shown))),
        orientation="h",
        width=0.7,
        name="now",
        showlegend=before is not None,
        marker={"color": [INK[theme] if i == best else fade_colour(GREY, 0.55) for i in shown]},
        error_x=None
        if errors is None
        else {
            "type": "data",
            "array": errors[shown],
            "color": QUIET[theme],
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    if before is not None:
        figure.add_scatter(
            x=before[shown],
            y=list(range(len(shown))),
            mode="markers",
            name=before_name,
            marker={"symbol": "diamond-open", "size": 9, "color": VERMILLION, "line": {"width": 2}},
            hovertemplate=f"{before_name}: %{{x:.3f}}<extra></extra>",
        )
    figure.update_yaxes(
        **row_axis(
            [
                f"<b>{label(classes[i], 18)} ◂ truth</b>" if i == truth else label(classes[i], 18)
                for i in shown
            ]
        ),
        ticklabelstandoff=6,
    )
    figure.update_xaxes(
        title={"text": label(unit)}, **({"range": [0, 1.02]} if unit == SOFTMAX else {})
    )
    return figure


@checks_arrays()
def curve(
    values: np.ndarray,
    x: np.ndarray,
    x_label: str,
    y_label: str,
    hue: str,
    *,
    height: int = 160,
    theme: Theme = "light",
) -> go.Figure:
    """Raw content that is a curve: a spectrum, a profile."""
    title = wrap_lines(label(x_label, 70), 42)
    lines = title.count("<br>")

    size = {"size": 11}
    figure = base_figure(
        theme, height + 14 * lines, left=58, right=8, top=6, bottom=38 + 14 * lines
    )
    figure.add_scatter(
        x=x,
        y=values,
        mode="lines+markers" if len(values) <= 40 else "lines",
        line={"color": hue, "width": 2},
        marker={"size": 4},
        hovertemplate="%{x:g}: %{y:.3g}<extra></extra>",
    )
    figure.update_xaxes(title={"text": title, "font": size}, tickfont=size)
    figure.update_yaxes(
        title={"text": label(y_label, 40).replace(" (", "<br>("), "font": size},
        tickfont=size,
        nticks=5,
    )
    return figure


@checks_arrays()
def belief_bars(
    belief: np.ndarray,
    pignistic: np.ndarray,
    plausibility: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """For each class the interval from belief to plausibility, with the pignistic probability as a mark."""
    rows = list(range(len(classes)))

    figure = base_figure(
        theme, 60 + 24 * len(classes), left=10, right=10, top=6, bottom=42, legend=True
    )
    figure.add_bar(
        x=np.asarray(plausibility) - np.asarray(belief),
        base=belief,
        y=rows,
        orientation="h",
        width=0.5,
        name="belief to plausibility",
        marker={"color": fade_colour(GREY, 0.5), "line": {"color": LINE[theme], "width": 1}},
        hovertemplate="belief %{base:.3f}, plausibility %{x:.3f} above it<extra></extra>",
    )
    figure.add_scatter(
        x=pignistic,
        y=rows,
        mode="markers",
        name="pignistic probability",
        marker={"symbol": "diamond", "size": 9, "color": INK[theme]},
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    figure.update_yaxes(
        **row_axis(
            [
                f"<b>{label(c, 18)} ◂ truth</b>" if i == truth else label(c, 18)
                for i, c in enumerate(classes)
            ]
        ),
        ticklabelstandoff=6,
    )
    figure.update_xaxes(title={"text": "degree of belief (0 to 1)"}, range=[-0.02, 1.02])
    return figure
