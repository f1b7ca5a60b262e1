"""What the generator is made of, drawn: the graph of couplings, energy levels, letters, modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    QUIET,
    VERMILLION,
    Theme,
    bare_axis,
    base,
    faded,
    halo,
    label,
    split_term,
    term_colour,
    term_title,
)

_WIDEST = 15.0  # pixels of the strongest coupling
_GAP = 0.12  # of the width, between two graphs


@drawing()
def couplings(
    parts: Mapping[str, Mapping[str, float]],
    modalities: Sequence[str],
    units: Mapping[str, str],
    theme: Theme = "light",
) -> go.Figure:
    """Graphs side by side: modalities are nodes, as large as what acts on one alone; pairs are lines, as wide as they
    are strong; what couples more is a star.

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
    figure = base(theme, 380, left=10, right=10, top=34, bottom=10)
    M, count = len(modalities), len(parts)
    turn = np.pi / 2 + (np.pi / M if M in (2, 4) else 0) - 2 * np.pi * np.arange(M) / M
    places = dict(zip(modalities, np.stack([np.cos(turn), np.sin(turn)], 1), strict=True))
    heights = [place[1] for place in places.values()]
    span = [min(heights) - 0.75, max(heights) + 0.6]
    axes: dict[str, object] = {}
    for n, (name, found) in enumerate(parts.items()):
        number = "" if n == 0 else str(n + 1)
        to = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        left, right = (
            n / count + (_GAP / 2 if n else 0),
            (n + 1) / count - (_GAP / 2 if n < count - 1 else 0),
        )
        axes |= {
            f"xaxis{number}": bare_axis()
            | {"domain": [left, right], "range": [-1.7, 1.7], "anchor": f"y{number}"},
            f"yaxis{number}": bare_axis() | {"range": span, "anchor": f"x{number}"},
        }
        _graph(figure, found, places, units[name], to, theme)
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


def _graph(
    figure: go.Figure,
    found: Mapping[str, float],
    places: Mapping[str, np.ndarray],
    unit: str,
    to: dict[str, str],
    theme: Theme,
) -> None:
    modalities = list(places)
    most = max(found.values(), default=0.0) or 1.0
    for term in sorted(found, key=lambda term: found[term]):  # the strongest on top
        members = split_term(term)
        if len(members) < 2:
            continue
        colour, width = term_colour(term, modalities), max(_WIDEST * found[term] / most, 0.6)
        ends = np.stack([places[name] for name in members])
        # Stars of several coalitions must not lie on one another; nor may the line of a pair cross the middle.
        middle = ends.mean(0) * (
            1.0 if len(members) == 2 or len(members) == len(modalities) else 1.25
        )
        path = (
            [point for end in ends for point in (end, middle, [None, None])]
            if len(members) > 2
            else list(ends)
        )
        tip = f"{term_title(term)}: {found[term]:.3g} {label(unit)}"
        figure.add_scatter(
            x=[point[0] for point in path],
            y=[point[1] for point in path],
            mode="lines",
            line={"color": faded(colour, 0.75), "width": width},
            hoverinfo="skip",
            **to,
        )
        beside = middle * (1.25 if len(members) == 2 and len(modalities) > 2 else 1.0)
        figure.add_scatter(
            x=[beside[0]],
            y=[beside[1]],
            mode="markers+text",
            text=[f"{found[term]:.2g}"],
            textposition="middle center",
            marker={"size": 26, "opacity": 0, "color": colour},
            textfont={"size": 12, "color": INK[theme], "shadow": halo(theme)},
            hovertemplate=tip + "<extra></extra>",
            **to,
        )
    sizes = [26 + 30 * found.get(name, 0.0) / most for name in modalities]
    figure.add_scatter(
        x=[place[0] for place in places.values()],
        y=[place[1] for place in places.values()],
        mode="markers",
        marker={
            "size": sizes,
            "color": [term_colour(name, modalities) for name in modalities],
            "opacity": 1,
            "line": {"width": 0},
        },
        customdata=[
            f"{label(name)} alone: {found.get(name, 0.0):.3g} {label(unit)}" for name in modalities
        ],
        hovertemplate="%{customdata}<extra></extra>",
        **to,
    )
    for (name, place), size in zip(places.items(), sizes, strict=True):
        figure.add_annotation(
            x=place[0],
            y=place[1],
            xref=to["xaxis"],
            yref=to["yaxis"],
            showarrow=False,
            text=f"{label(name, 24)}<br>{found.get(name, 0.0):.2g}",
            yanchor="bottom" if place[1] > 0.1 else "top",
            yshift=size / 2 if place[1] > 0.1 else -size / 2,
            font={"size": 12, "color": INK[theme]},
        )


@drawing()
def levels(free: np.ndarray, coupled: np.ndarray, theme: Theme = "light") -> go.Figure:
    """Two ladders of energy levels: of the modalities by themselves, and with their couplings.

    Args:
        free, coupled: ascending, (D,) each.
        theme: of the figure.
    """
    check(
        free.shape == coupled.shape and free.ndim == 1 and len(free) > 0,
        f"Arguments `free` and `coupled` must both have shape (D,), but have {free.shape} and {coupled.shape}.",
    )
    figure = base(theme, 380, top=12, right=16)
    for (start, end), values, name, colour in (
        ((0.0, 0.8), free, "each modality by itself", GREY),
        ((1.2, 2.0), coupled, "with couplings", BLUE),
    ):
        x = [point for _ in values for point in (start, end, None)]
        y = [point for value in values for point in (float(value), float(value), None)]
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 1.6}, hoverinfo="skip"
        )
        figure.add_scatter(
            x=np.full(len(values), (start + end) / 2),
            y=values,
            mode="markers",
            marker={"size": 12, "opacity": 0, "color": colour},
            customdata=list(range(1, len(values) + 1)),
            hovertemplate=f"{name}, level %{{customdata}}: %{{y:.4f}}<extra></extra>",
        )
    x = [point for _ in free for point in (0.8, 1.2, None)]
    y = [point for a, b in zip(free, coupled, strict=True) for point in (float(a), float(b), None)]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": faded(LINE[theme], 0.8), "width": 1},
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


@drawing()
def letters(
    names: Sequence[str],
    terms: Sequence[str],
    values: np.ndarray,
    modalities: Sequence[str],
    theme: Theme = "light",
) -> go.Figure:
    """The largest coefficients of an operator as bars, the largest on top: signed where it is Hermitian, else by size.

    Args:
        names: letters of each term. terms: the coalition on which it acts.
        values: coefficients, real or complex, (N,).
        modalities: in the model's order. theme: of the figure.
    """
    check(
        len(names) == len(terms) == len(values) > 0,
        "Arguments `names`, `terms` and `values` must hold one entry a term, and at least one.",
    )
    real = not np.iscomplexobj(values) or bool(
        np.abs(values.imag).max() <= 1e-9 * np.abs(values).max()
    )
    shown = np.real(values) if real else np.abs(values)
    figure = base(theme, 74 + 21 * len(names), left=10, right=20, top=8, bottom=46)
    tips = [
        f"{label(name)}: {value.real:+.4f}" + ("" if real else f" {value.imag:+.4f} i")
        for name, value in zip(names, np.asarray(values, complex), strict=True)
    ]
    figure.add_bar(
        x=shown,
        y=list(range(len(names))),
        orientation="h",
        customdata=tips,
        marker={"color": [term_colour(term, modalities) for term in terms], "line": {"width": 0}},
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(bargap=0.25)
    figure.update_xaxes(
        title={"text": "coefficient" if real else "size of the coefficient"},
        nticks=7,
        zeroline=True,
        zerolinecolor=LINE[theme],
    )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[label(name, 48) for name in names],
        ticks="",
        showline=False,
        range=[len(names) - 0.5, -0.5],
    )
    return figure


@drawing()
def modes(values: np.ndarray, gap: float, theme: Theme = "light") -> go.Figure:
    """The generator's eigenvalues in the complex plane, the spectral gap marked.

    Args:
        values: complex, (D^2,). gap: distance of the slowest decaying mode from the imaginary axis.
        theme: of the figure.
    """
    check(
        values.ndim == 1 and len(values) > 0,
        f"Argument `values` must have shape (N,), but has {values.shape}.",
    )
    figure = base(theme, 380, top=22, right=16)
    still = values.real > -1e-9 * max(float(np.abs(values).max()), 1e-300)
    for name, chosen, colour, size in (
        ("decays", ~still, BLUE, 5),
        ("stays", still, VERMILLION, 9),
    ):
        figure.add_scatter(
            x=values.real[chosen],
            y=values.imag[chosen],
            mode="markers",
            marker={"size": size, "color": faded(colour, 0.75)},
            hovertemplate=f"{name}: rate %{{x:.3f}}, frequency %{{y:.3f}}<extra></extra>",
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
