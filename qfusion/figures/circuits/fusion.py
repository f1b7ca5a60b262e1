"""Charts of an entangled-fusion network: masses, truth tables, class probabilities and raw curves."""

from collections.abc import Sequence

import numpy as np

from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import classes_meta
from qfusion.figures.parts import (
    add_line,
    add_marks,
    add_row_bars,
    error_bars,
    rectangle,
    selection,
    side_colour_bar,
)
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_DARK,
    PAPER,
    QUIET,
    STATE_HUES,
    UNSIGNED_SCALE,
    VERMILLION,
    Attributes,
    base_figure,
    cell_annotations,
    fade_colour,
    label,
    wrap_lines,
)

_MASSES: Attributes = {
    "zmin": 0,
    "zmax": 1,
    "colorscale": UNSIGNED_SCALE,
    "xgap": 2,
    "ygap": 2,
    "colorbar": side_colour_bar("mass", tickvals=[0, 0.5, 1]),
}
SOFTMAX = "softmax"  # 0 to 1; no probability unless it is calibrated


def _element_titles(names: Sequence[str], truth: int | None, limit: int) -> list[str]:
    """Return the titles of elements or classes, at most `limit` characters each; the true one is marked."""
    titles = []
    for i, name in enumerate(names):
        title = label(name, limit)
        if i == truth:
            title = f"<b>{title} ◂ truth</b>"
        titles.append(title)
    return titles


@checks_arrays(elements="n", modalities="M", values="n M", fused="n")
def masses(
    values: np.ndarray,
    fused: np.ndarray,
    modalities: Sequence[str],
    elements: Sequence[str],
    *,
    marked: int | None = None,
    compact: bool = False,
) -> Figure:
    """Draw the mass that each modality and the fusion give each element, as a heat map with the numbers in it.

    Args:
        values: (n, M) in [0, 1].
        fused: (n,).
        marked: element to mark (the true class).
        compact: small version without numbers and scale.
    """
    n, M = np.shape(values)
    z = np.column_stack([values, fused]).T
    if compact:
        figure = base_figure(36 + 17 * (M + 1), left=10, right=10, top=20, bottom=4)
    else:
        figure = base_figure(56 + 40 * (M + 1), left=10, right=10, top=30, bottom=10)
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
        ticktext=_element_titles(elements, marked, 14),
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
    figure.add_hline(y=M - 0.5, line={"color": PAPER, "width": 5})
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
) -> Figure:
    """Draw the truth tables of the fusion: the mass of the fused qubit for each element and outcome.

    Args:
        values, weights, angles: (n, patterns): mass of the fused qubit when the pattern is read, how likely this sample
            reads it, and the angle phi in radians that gives the mass.
        patterns: outcomes of the modality qubits such as "01", one digit for each of `controls`.
        chosen: element and pattern of the cell that is marked.
        edited: (n, patterns), true for entries that differ from the learned ones.

    Over the cells lie invisible marks that a click selects (plotly does not select cells): x is the pattern, y the
    element.
    """
    n, P = np.shape(values)
    column_titles = list(patterns)
    row_titles = [label(name, 16) for name in elements]
    if chosen:
        row, column = chosen
        row_titles[row] = f"<b>▸ {row_titles[row]}</b>"
        column_titles[column] = f"<b>{patterns[column]}</b>"

    figure = base_figure(
        100 + 23 * n,
        left=10,
        right=10,
        top=46,
        bottom=14,
        x_title=f"what the qubits of {', '.join(map(label, controls))} read (1 = yes)",
        rows=row_titles,
        x_axis={
            "tickvals": list(range(P)),
            "ticktext": column_titles,
            "side": "top",
            "showline": False,
            "ticks": "",
            "tickangle": 0,
            "range": [-0.5, P - 0.5],
        },
    )
    figure.add_heatmap(z=values, **_MASSES, hoverinfo="skip")
    cell_annotations(figure, values, values, "{:.2f}", showlegend=False)
    if edited is not None and np.any(edited):
        _mark_edited(figure, edited)
    _add_click_targets(figure, values, weights, angles, patterns, elements, controls)
    figure.update_layout(clickmode="event+select", hoverdistance=40)
    if chosen:
        _frame_cell(figure, row, column)
    return figure


def _mark_edited(figure: Figure, edited: np.ndarray) -> None:
    """Mark the cells of edited entries with a triangle in their upper right corner."""
    rows, columns = np.nonzero(edited)
    add_marks(
        figure,
        columns + 0.34,
        rows - 0.22,
        VERMILLION,
        10,
        symbol="triangle-ne",
        rim=1,
        rim_hue=ON_DARK,
        hoverinfo="skip",
        name="edited",
    )


def _add_click_targets(
    figure: Figure,
    values: np.ndarray,
    weights: np.ndarray,
    angles: np.ndarray,
    patterns: Sequence[str],
    elements: Sequence[str],
    controls: Sequence[str],
) -> None:
    """Add an invisible marker over each cell. A click selects it, and its tooltip gives the numbers of the cell."""
    conditions = []
    for pattern in patterns:
        names = [label(name) for name, bit in zip(controls, pattern, strict=True) if bit == "1"]
        conditions.append(" + ".join(names) or "none")
    rows = []
    columns = []
    tips = []
    for i, element in enumerate(elements):
        for b, condition in enumerate(conditions):
            rows.append(i)
            columns.append(b)
            mass = round(float(values[i][b]), 3)
            angle = round(float(angles[i][b]), 3)
            tips.append([label(element), condition, mass, angle, f"{weights[i][b]:.1%}"])
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        name="cells",
        marker={"size": 22, "opacity": 0, "symbol": "square"},
        **selection(0, 0),
        customdata=tips,
        hovertemplate="‘%{customdata[0]}’ when yes from: %{customdata[1]}<br>φ = %{customdata[3]} rad, mass "
        "%{customdata[2]}<br>this sample reads it with %{customdata[4]}<br>click to change "
        "it<extra></extra>",
    )


def _frame_cell(figure: Figure, row: int, column: int) -> None:
    """Draw a frame around a cell: a line of ink on a wider line of paper."""
    for hue, width in ((PAPER, 6), (INK, 3)):
        frame = rectangle(
            (column - 0.5, column + 0.5),
            (row - 0.5, row + 0.5),
            "rgba(0,0,0,0)",
            hue=hue,
            width=width,
            layer="above",
        )
        figure.add_shape(frame)


MOST_CLASSES = 15  # drawn, the true one apart


def describe_drawn_classes(classes: Sequence[str], truth: int | None) -> str:
    """Describe which classes `class_bars` draws, in words."""
    if len(classes) <= MOST_CLASSES:
        return "the classes"
    sentence = f"the {MOST_CLASSES} likeliest of {len(classes):,} classes"
    if truth is not None:
        sentence += " and the true one"
    return sentence


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
    follows: bool = False,
) -> Figure:
    """Draw one bar per class for the likeliest classes and the true one. The name of the true class is marked.

    Args:
        probabilities: (C,).
        truth: index of the true class; None if it is not known.
        before: (C,) earlier values, drawn as hollow diamonds.
        errors: (C,) standard errors.
        before_name: name of the diamonds in the legend.
        unit: of the values; the axis of `SOFTMAX` runs from 0 to 1.
        follows: whether the bars follow sliders, as the softmax of the scores of one sample.
    """
    drawn = set(np.argsort(-probabilities)[:MOST_CLASSES].tolist())
    if truth is not None:
        drawn.add(truth)
    shown = sorted(drawn)
    titles = _element_titles(classes, truth, 18)
    best = int(probabilities.argmax())
    faint = fade_colour(GREY, 0.55)
    has_legend = before is not None

    figure = base_figure(
        66 + 22 * len(shown),
        left=10,
        right=34,
        top=8,
        bottom=40,
        legend=has_legend,
        x_title=label(unit),
        rows=[titles[i] for i in shown],
    )
    add_row_bars(
        figure,
        probabilities[shown],
        {"color": [INK if i == best else faint for i in shown]},
        width=0.7,
        name="now",
        showlegend=has_legend,
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    if follows:
        figure.update_traces(meta=classes_meta(shown))
    if errors is not None:
        figure.update_traces(error_x=error_bars(errors[shown], QUIET))
    if before is not None:
        add_marks(
            figure,
            before[shown],
            list(range(len(shown))),
            STATE_HUES[0],
            9,
            symbol="diamond-open",
            rim=2,
            cliponaxis=False,
            name=before_name,
            hovertemplate=f"{before_name}: %{{x:.3f}}<extra></extra>",
        )
    if unit == SOFTMAX:
        figure.update_xaxes(range=[-0.02, 1.02])
    return figure


@checks_arrays()
def curve(values: np.ndarray, x: np.ndarray, x_label: str, y_label: str, hue: str) -> Figure:
    """Draw content that is a curve, such as a spectrum or a profile.

    Args:
        values, x: (F,).
    """
    title = wrap_lines(label(x_label, 70), 42)
    more = 14 * title.count("<br>")  # pixels of the further lines of the title
    mode = "lines+markers" if len(values) <= 40 else "lines"
    figure = base_figure(
        160 + more,
        left=58,
        right=8,
        top=6,
        bottom=38 + more,
        x_title=title,
        y_title=label(y_label, 40).replace(" (", "<br>("),
    )
    add_line(
        figure,
        x,
        values,
        hue,
        2,
        mode=mode,
        marker={"size": 4},
        hovertemplate="%{x:g}: %{y:.3g}<extra></extra>",
    )
    figure.update_xaxes(title_font_size=11, tickfont_size=11)
    figure.update_yaxes(title_font_size=11, tickfont_size=11, nticks=5)
    return figure


@checks_arrays()
def belief_bars(
    belief: np.ndarray,
    pignistic: np.ndarray,
    plausibility: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
) -> Figure:
    """Draw for each class the interval from belief to plausibility, with the pignistic probability as a mark.

    Args:
        belief, pignistic, plausibility: (C,) in [0, 1].
        truth: index of the true class, whose name is marked.
    """
    rows = list(range(len(classes)))
    figure = base_figure(
        60 + 24 * len(classes),
        left=10,
        right=10,
        top=6,
        bottom=42,
        legend=True,
        rows=_element_titles(classes, truth, 18),
        x_title="degree of belief (0 to 1)",
        x_axis={"range": [-0.02, 1.02]},
    )
    add_row_bars(
        figure,
        np.asarray(plausibility) - np.asarray(belief),
        {"color": fade_colour(GREY, 0.5), "line": {"color": LINE, "width": 1}},
        base=belief,
        width=0.5,
        name="belief to plausibility",
        hovertemplate="belief %{base:.3f}, plausibility %{x:.3f} above it<extra></extra>",
    )
    add_marks(
        figure,
        pignistic,
        rows,
        INK,
        9,
        symbol="diamond",
        name="pignistic probability",
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    return figure
