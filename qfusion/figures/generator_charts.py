"""The generator of a model: couplings, energy levels, jump-operator elements and decay modes."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.correlation_polygon import mutual_information_graph
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    BLUE,
    GREY,
    LINE,
    QUIET,
    VERMILLION,
    Theme,
    bare_axis,
    base_figure,
    circle_positions,
    fade_colour,
    label,
    row_axis,
    split_term,
    term_colour,
    term_title,
)

_WIDEST = 15.0  # pixels of the strongest coupling
_GAP = 0.12  # of the width, between two graphs


@checks_arrays()
def coupling_matrix(
    parts: Mapping[str, Mapping[str, float]],
    modalities: Sequence[str],
    units: Mapping[str, str],
    theme: Theme = "light",
) -> go.Figure:
    """Draw graphs side by side. Modalities are nodes, whose size is the strength of the terms that act on one modality
    alone.

    Pairs are lines, as wide as they are strong; what couples more is a star.

    Args:
        parts: by the name of each graph, strengths by coalition, not negative; each graph has a scale of its own.
        modalities: in the model's order.
        units: by the name of each graph, the unit of its strengths.
        theme: of the figure.
    """
    check(
        len(parts) > 0 and len(modalities) > 0,
        "Arguments `parts` and `modalities` must not be empty.",
    )
    figure = base_figure(theme, 380, left=10, right=10, top=34, bottom=10)
    count = len(parts)
    places = circle_positions(modalities)
    heights = [place[1] for place in places.values()]
    span = [min(heights) - 0.75, max(heights) + 0.6]
    axes: dict[str, object] = {}
    for n, (name, strengths) in enumerate(parts.items()):
        number = "" if n == 0 else str(n + 1)
        to = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        left = n / count + (_GAP / 2 if n else 0)
        right = (n + 1) / count - (_GAP / 2 if n < count - 1 else 0)
        axes |= {
            f"xaxis{number}": bare_axis()
            | {"domain": [left, right], "range": [-1.7, 1.7], "anchor": f"y{number}"},
            f"yaxis{number}": bare_axis() | {"range": span, "anchor": f"x{number}"},
        }
        most = max(strengths.values(), default=0.0) or 1.0
        unit = label(units[name])
        joint = {term: value for term, value in strengths.items() if len(split_term(term)) > 1}
        own = {modality: strengths.get(modality, 0.0) for modality in modalities}
        mutual_information_graph(
            figure,
            places,
            [
                (
                    split_term(term),
                    max(_WIDEST * value / most, 0.6),
                    f"{value:.2g}",
                    f"{term_title(term)}: {value:.3g} {unit}",
                )
                for term, value in sorted(joint.items(), key=lambda entry: entry[1])
            ],
            {
                modality: (
                    26 + 30 * value / most,
                    f"{value:.2g}",
                    f"{label(modality)} alone: {value:.3g} {unit}",
                )
                for modality, value in own.items()
            },
            theme,
            **to,
        )
        figure.add_annotation(
            x=(left + right) / 2,
            y=1,
            xref="paper",
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=label(name),
            font={"size": 13, "color": QUIET[theme]},
        )
    figure.update_layout(**axes)
    return figure


@checks_arrays(free="D+", coupled="D+")
def energy_levels(free: np.ndarray, coupled: np.ndarray, theme: Theme = "light") -> go.Figure:
    """Draw two ladders of energy levels: of the modalities by themselves, and with their couplings.

    Args:
        free, coupled: ascending, (D,) each.
        theme: of the figure.
    """
    figure = base_figure(theme, 380, top=12, right=16)
    for (start, end), values, name, colour in (
        ((0.0, 0.8), free, "each modality by itself", GREY),
        ((1.2, 2.0), coupled, "with couplings", BLUE),
    ):
        figure.add_scatter(
            x=[start, end, None] * len(values),
            y=[point for value in values.tolist() for point in (value, value, None)],
            mode="lines",
            line={"color": colour, "width": 1.6},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=np.full(len(values), (start + end) / 2),
            y=values,
            mode="markers",
            marker={"size": 12, "opacity": 0, "color": colour},
            customdata=list(range(1, len(values) + 1)),
            hovertemplate=f"{name}, level %{{customdata}}: %{{y:.4f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[0.8, 1.2, None] * len(free),
        y=[point for ends in np.stack([free, coupled], 1).tolist() for point in (*ends, None)],
        mode="lines",
        line={"color": fade_colour(LINE[theme], 0.8), "width": 1},
        hoverinfo="skip",
    )
    figure.update_xaxes(
        tickvals=[0.4, 1.6],
        ticktext=["each modality by itself", "with couplings"],
        ticks="",
        showline=False,
        range=[-0.1, 2.1],
    )
    figure.update_yaxes(title={"text": "energy (ħ = 1)"}, nticks=8)
    return figure


@checks_arrays(names="N+", terms="N+", values="N+")
def operator_coefficients(
    names: Sequence[str],
    terms: Sequence[str],
    values: np.ndarray,
    modalities: Sequence[str],
    theme: Theme = "light",
) -> go.Figure:
    """Draw the largest coefficients of an operator as bars, the largest on top: signed where it is Hermitian, else by
    size.

    Args:
        names: letters of each term. terms: the coalition on which it acts.
        values: coefficients, real or complex, (N,).
        modalities: in the model's order. theme: of the figure.
    """
    size = np.abs(values)
    is_real = not np.iscomplexobj(values) or bool(np.abs(values.imag).max() <= 1e-9 * size.max())
    if is_real:
        lengths = np.real(values)
        axis_title = "coefficient"
    else:
        lengths = size
        axis_title = "size of the coefficient"
    tips = []
    for name, value in zip(names, np.asarray(values, complex), strict=True):
        tip = f"{label(name)}: {value.real:+.4f}"
        if not is_real:
            tip += f" {value.imag:+.4f} i"
        tips.append(tip)
    figure = base_figure(theme, 74 + 21 * len(names), left=10, right=20, top=8, bottom=46)
    figure.add_bar(
        x=lengths,
        y=list(range(len(names))),
        orientation="h",
        customdata=tips,
        marker={
            "color": [term_colour(term, modalities) for term in terms],
            "line": {"width": 0},
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(bargap=0.25)
    figure.update_xaxes(
        title={"text": axis_title},
        nticks=7,
        zeroline=True,
        zerolinecolor=LINE[theme],
    )
    figure.update_yaxes(
        **row_axis([label(name, 48) for name in names]),
    )
    return figure


@checks_arrays(values="N+")
def decay_modes(values: np.ndarray, gap: float, theme: Theme = "light") -> go.Figure:
    """Draw the generator's eigenvalues in the complex plane, the spectral gap marked.

    Args:
        values: complex, (D^2,). gap: distance of the slowest decaying mode from the imaginary axis.
        theme: of the figure.
    """
    figure = base_figure(theme, 380, top=22, right=16)
    still = values.real > -1e-9 * max(float(np.abs(values).max()), 1e-300)
    for name, chosen, colour, size in (
        ("decays", ~still, BLUE, 5),
        ("stays", still, VERMILLION, 9),
    ):
        figure.add_trace(
            {
                "type": "scatter",
                "x": values.real[chosen],
                "y": values.imag[chosen],
                "mode": "markers",
                "marker": {"size": size, "color": fade_colour(colour, 0.75)},
                "hovertemplate": f"{name}: rate %{{x:.3f}}, frequency %{{y:.3f}}<extra></extra>",
            }
        )
    if gap > 0:
        figure.add_vline(x=-gap, line={"color": QUIET[theme], "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=-gap,
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=f"gap {gap:.3g}",
            font={"size": 12, "color": QUIET[theme]},
        )
    figure.update_xaxes(title={"text": "real part: rate (1 / time)"}, nticks=7)
    figure.update_yaxes(title={"text": "imaginary part: frequency"}, nticks=7)
    return figure
