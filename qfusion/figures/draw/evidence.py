"""Reading an entangled-fusion network's fusion: masses, truth tables, softmax of the classes, curves of raw content."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BRIGHT,
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    UNSIGNED_SCALE,
    VERMILLION,
    Theme,
    base,
    faded,
    label,
    wrap,
)

SOFTMAX = "softmax of the scores"  # 0 to 1; no probability unless it is calibrated


@drawing()
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
    check(
        len(modalities) == M and len(elements) == n and np.shape(fused) == (n,),
        f"Arguments `modalities`, `elements` and `fused` must fit `values` of shape {(n, M)}, but have "
        f"{len(modalities)}, {len(elements)} and {np.shape(fused)}.",
    )
    names = [*(label(name) for name in modalities), "<b>fused</b>"]
    z = np.column_stack([values, fused]).T
    figure = base(
        theme,
        (36 + 17 * (M + 1)) if compact else 56 + 40 * (M + 1),
        left=10,
        right=10,
        top=30,
        bottom=40,
    )
    _cells(figure, z, "%{y}, ‘%{x}’: mass %{z:.3f}<extra></extra>", "mass", numbers=not compact)
    figure.data[0].update(showscale=not compact)
    figure.update_layout(hovermode="closest")
    ticks = [
        f"<b>{label(e, 14)} ◂ truth</b>" if i == marked else label(e, 14)
        for i, e in enumerate(elements)
    ]
    figure.update_xaxes(
        tickvals=list(range(n)),
        ticktext=ticks,
        side="top",
        showline=False,
        ticks="",
        range=[-0.5, n - 0.5],
    )
    figure.update_yaxes(
        tickvals=list(range(M + 1)), ticktext=names, range=[M + 0.5, -0.5], showline=False, ticks=""
    )
    figure.add_hline(y=M - 0.5, line={"color": PAPER[theme], "width": 5})
    figure.update_layout(margin_b=4 if compact else 10, margin_t=20 if compact else 30)
    return figure


def _cells(
    figure: go.Figure, z: np.ndarray, hover: str, title: str, *, numbers: bool = True
) -> None:
    """A heat map of numbers in [0, 1] with each written in its cell, dark on bright and bright on dark."""
    figure.add_trace(
        go.Heatmap(
            z=z,
            zmin=0,
            zmax=1,
            colorscale=UNSIGNED_SCALE,
            xgap=2,
            ygap=2,
            hovertemplate=hover,
            colorbar={
                "title": {"text": title, "side": "right", "font": {"size": 12}},
                "thickness": 10,
                "outlinewidth": 0,
                "tickvals": [0, 0.5, 1],
            },
        )
    )
    if numbers:  # plotly's own choice of ink is a grey that middling cells swallow
        rows, columns = np.nonzero(np.isfinite(z))
        figure.add_scatter(
            x=columns,
            y=rows,
            mode="text",
            hoverinfo="skip",
            showlegend=False,
            text=[f"{v:.2f}" for v in z[rows, columns]],
            textfont={
                "size": 11,
                "color": [ON_BRIGHT if v > BRIGHT else ON_DARK for v in z[rows, columns]],
            },
        )


@drawing()
def tables(
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
    check(
        np.shape(weights) == np.shape(angles) == (n, P)
        and len(patterns) == P
        and len(elements) == n,
        f"Arguments `weights`, `angles`, `patterns` and `elements` must fit `values` of shape {(n, P)}, but have "
        f"{np.shape(weights)}, {np.shape(angles)}, {len(patterns)} and {len(elements)}.",
    )
    figure = base(theme, 100 + 23 * n, left=10, right=10, top=46, bottom=14)
    said = [
        " + ".join(label(name) for name, bit in zip(controls, pattern, strict=True) if bit == "1")
        or "none"
        for pattern in patterns
    ]
    _cells(figure, np.asarray(values), "", "mass")
    figure.data[0].update(hoverinfo="skip", hovertemplate=None)
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
                said[b],
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
    places = {
        "tickvals": list(range(P)),
        "ticktext": [
            f"<b>{p}</b>" if chosen and b == chosen[1] else p for b, p in enumerate(patterns)
        ],
    }
    figure.update_xaxes(
        places,
        side="top",
        showline=False,
        ticks="",
        tickangle=0,
        range=[-0.5, P - 0.5],
        title={"text": f"what the qubits of {', '.join(map(label, controls))} read (1 = yes)"},
    )
    names = [
        f"<b>▸ {label(e, 16)}</b>" if chosen and i == chosen[0] else label(e, 16)
        for i, e in enumerate(elements)
    ]
    figure.update_yaxes(
        tickvals=list(range(n)), ticktext=names, range=[n - 0.5, -0.5], showline=False, ticks=""
    )
    mark = {"type": "rect", "fillcolor": "rgba(0,0,0,0)", "layer": "above"}
    around = (
        {"x0": chosen[1] - 0.5, "x1": chosen[1] + 0.5, "y0": chosen[0] - 0.5, "y1": chosen[0] + 0.5}
        if chosen
        else {}
    )
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


@drawing()
def class_bars(
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
    before: np.ndarray | None = None,
    errors: np.ndarray | None = None,
    before_name: str = "as learned",
    unit: str = SOFTMAX,
    most: int = 15,
    theme: Theme = "light",
) -> go.Figure:
    """One bar a class; the true one's name is marked, what was before is a hollow diamond, errors are standard
    errors."""
    values = np.asarray(probabilities, dtype=float)
    check(
        values.shape == (len(classes),),
        f"Argument `probabilities` must have shape ({len(classes)},), but has shape {values.shape}.",
    )
    shown = (
        range(len(classes)) if len(classes) <= most else sorted(np.argsort(-values)[:most].tolist())
    )
    keep = list(shown)
    figure = base(
        theme, 66 + 22 * len(keep), left=10, right=34, top=8, bottom=40, legend=before is not None
    )
    names = [
        f"<b>{label(classes[i], 18)} ◂ truth</b>" if i == truth else label(classes[i], 18)
        for i in keep
    ]
    best = int(values.argmax())
    figure.add_bar(
        x=values[keep],
        y=list(range(len(keep))),
        orientation="h",
        width=0.7,
        name="now",
        showlegend=before is not None,
        marker={"color": [INK[theme] if i == best else faded(GREY, 0.55) for i in keep]},
        error_x=None
        if errors is None
        else {
            "type": "data",
            "array": np.asarray(errors)[keep],
            "color": QUIET[theme],
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    if before is not None:
        figure.add_scatter(
            x=np.asarray(before)[keep],
            y=list(range(len(keep))),
            mode="markers",
            name=before_name,
            marker={"symbol": "diamond-open", "size": 9, "color": VERMILLION, "line": {"width": 2}},
            hovertemplate=f"{before_name}: %{{x:.3f}}<extra></extra>",
        )
    figure.update_yaxes(
        tickvals=list(range(len(keep))),
        ticktext=names,
        range=[len(keep) - 0.5, -0.5],
        showline=False,
        ticks="",
        ticklabelstandoff=6,
    )
    figure.update_xaxes(
        title={"text": label(unit)}, **({"range": [0, 1.02]} if unit == SOFTMAX else {})
    )
    return figure


@drawing()
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
    title = wrap(label(x_label, 70), 42)
    lines = title.count("<br>")
    figure = base(theme, height + 14 * lines, left=58, right=8, top=6, bottom=38 + 14 * lines)
    dots = "lines+markers" if len(values) <= 40 else "lines"
    figure.add_scatter(
        x=x,
        y=values,
        mode=dots,
        line={"color": hue, "width": 2},
        marker={"size": 4},
        hovertemplate="%{x:g}: %{y:.3g}<extra></extra>",
    )
    size = {"size": 11}
    figure.update_xaxes(title={"text": title, "font": size}, tickfont=size)
    figure.update_yaxes(
        title={"text": label(y_label, 40).replace(" (", "<br>("), "font": size},
        tickfont=size,
        nticks=5,
    )
    return figure


@drawing()
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
    figure = base(theme, 60 + 24 * len(classes), left=10, right=10, top=6, bottom=42, legend=True)
    rows = list(range(len(classes)))
    figure.add_bar(
        x=np.asarray(plausibility) - np.asarray(belief),
        base=belief,
        y=rows,
        orientation="h",
        width=0.5,
        name="belief to plausibility",
        marker={"color": faded(GREY, 0.5), "line": {"color": LINE[theme], "width": 1}},
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
    names = [
        f"<b>{label(c, 18)} ◂ truth</b>" if i == truth else label(c, 18)
        for i, c in enumerate(classes)
    ]
    figure.update_yaxes(
        tickvals=rows,
        ticktext=names,
        range=[len(rows) - 0.5, -0.5],
        showline=False,
        ticks="",
        ticklabelstandoff=6,
    )
    figure.update_xaxes(title={"text": "degree of belief (0 to 1)"}, range=[-0.02, 1.02])
    return figure
