"""A generator beyond its gap: pseudospectra around slow modes, distances by modes, and entropy production."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.lines import TIME
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    UNSIGNED_SCALE,
    VERMILLION,
    axis,
    base_figure,
    label,
    log_ticks,
)

BAND_HUES = (VERMILLION, PURPLE, ORANGE, GREEN, SKY, BLUE)  # the slowest mode first
SMALLEST = 1e-7  # part of a distance below which a line is not drawn
HIGHEST = 0.95  # quantile of the resolvent norms on a grid, beyond which colours do not differ
_SPLIT = 0.52  # of the width, where the left plot of the spectrum ends


@checks_arrays(
    real="K",
    imag="K",
    boundary_real="B",
    boundary_imag="B",
    x="X",
    y="Y",
    resolvent="Y X",
)
def pseudospectra(
    real: np.ndarray,
    imag: np.ndarray,
    boundary_real: np.ndarray,
    boundary_imag: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    resolvent: np.ndarray,
    gap: float,
) -> go.Figure:
    """Draw all eigenvalues within the numerical range, and beside it pseudospectra around the slow ones.

    Args:
        real, imag: eigenvalues of Im >= 0, (K,); their conjugates are drawn too.
        boundary_real, boundary_imag: boundary of the numerical range, (B,).
        x, y: grid around the slow modes, (X,) and (Y,), y from 0.
        resolvent: log10 of the resolvent norm on it, (Y, X).
        gap: spectral gap, in the units of the eigenvalues.
    """
    figure = base_figure(380, right=16, top=34)
    points = {
        "mode": "markers",
        "hovertemplate": "rate %{customdata:.4g}, frequency %{y:.4g}<extra></extra>",
    }
    both = np.concatenate([real, real]), np.concatenate([imag, -imag])
    figure.add_scatter(
        x=np.append(boundary_real, boundary_real[:1]),
        y=np.append(boundary_imag, boundary_imag[:1]),
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=both[0],
        y=both[1],
        customdata=-both[0],
        marker={"size": 3, "color": BLUE, "opacity": 0.6},
        **points,
    )
    levels = np.concatenate([resolvent[:0:-1], resolvent])
    # a grid point on an eigenvalue would take the whole scale
    sizes = np.minimum(levels, np.quantile(levels, HIGHEST))
    figure.add_heatmap(
        x=x,
        y=np.concatenate([-y[:0:-1], y]),
        z=sizes,
        xaxis="x2",
        yaxis="y2",
        colorscale=UNSIGNED_SCALE,
        colorbar={
            "title": {"text": "log₁₀ 1/ε", "side": "right", "font": {"size": 12}},
            "thickness": 10,
            "outlinewidth": 0,
        },
        hovertemplate="log₁₀ 1/ε = %{z:.2f}<extra></extra>",
    )
    near = (both[0] >= x[0]) & (both[0] <= x[-1]) & (np.abs(both[1]) <= y[-1])
    figure.add_scatter(
        x=both[0][near],
        y=both[1][near],
        customdata=-both[0][near],
        xaxis="x2",
        yaxis="y2",
        marker={"size": 6, "color": VERMILLION},
        **points,
    )
    zero = {"zeroline": True, "zerolinecolor": LINE}
    figure.update_layout(
        xaxis={"domain": [0, _SPLIT - 0.08], **zero},
        xaxis2=axis()
        | {
            "domain": [_SPLIT, 1],
            "anchor": "y2",
            "range": [float(x[0]), float(x[-1])],
            **zero,
        },
        yaxis2=axis() | {"anchor": "x2", "range": [-float(y[-1]), float(y[-1])]},
    )
    figure.update_layout(
        xaxis_title_text="Re λ (1 / time)",
        yaxis_title_text="Im λ (1 / time)",
        xaxis2_title_text="Re λ (1 / time)",
    )
    for place, words in (
        (0.0, "all modes, numerical range"),
        (_SPLIT, "slow modes, pseudospectra"),
    ):
        figure.add_annotation(
            x=place,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            text=words,
            showarrow=False,
            font={"size": 12, "color": QUIET},
        )
    if gap > 0:
        figure.add_shape(
            type="line",
            xref="x2",
            yref="y2 domain",
            x0=-gap,
            x1=-gap,
            y0=0,
            y1=1,
            line={"color": QUIET, "dash": "dot", "width": 1},
        )
    return figure


@checks_arrays(times="N", distance="N", parts="N B", names="B")
def distance_by_modes(
    times: np.ndarray,
    distance: np.ndarray,
    parts: np.ndarray,
    names: Sequence[str],
    gap: float,
    end: float,
) -> go.Figure:
    """Draw a distance and the parts that bands of modes have in it, on a logarithmic axis, and the slope of the gap.

    Args:
        times: (N,). distance: (N,). parts: of the bands, (N, B); negative ones are not drawn.
        names: of the bands, the slowest mode first. gap: spectral gap, 1 / time. end: T.
    """
    figure = base_figure(380, legend=True)
    figure.update_layout(margin={"t": 60})
    figure.add_scatter(
        x=times,
        y=distance,
        mode="lines",
        name="distance",
        line={"color": INK, "width": 2.5},
        hovertemplate="t = %{x:.2f}: %{y:.3g}<extra></extra>",
    )
    drawn = [distance]
    for place, name in enumerate(names):
        values = parts[:, place]
        seen = values > SMALLEST
        drawn.append(values[seen])
        figure.add_scatter(
            x=times,
            y=[float(value) if shown else None for value, shown in zip(values, seen, strict=True)],
            mode="lines",
            connectgaps=False,
            name=label(name),
            line={"color": BAND_HUES[place % len(BAND_HUES)], "width": 1.8},
            hovertemplate=f"{label(name)}, t = %{{x:.2f}}: %{{y:.3g}}<extra></extra>",
        )
    if gap > 0:
        figure.add_scatter(
            x=times,
            y=distance[0] * np.exp(-gap * times),
            mode="lines",
            name=f"exp(−gap·t), gap = {gap:.3g}",
            line={"color": GREY, "dash": "dash"},
            hoverinfo="skip",
        )
    figure.update_yaxes(
        type="log", title={"text": "trace distance (0 to 1)"}, **log_ticks(np.concatenate(drawn))
    )
    figure.update_xaxes(title={"text": TIME})
    figure.add_vline(x=end, line={"color": QUIET, "dash": "dot"})
    return figure


@checks_arrays("rates", times="N", rates="N", produced="N")
def entropy_lines(
    times: np.ndarray, rates: np.ndarray, produced: np.ndarray, whole: float
) -> go.Figure:
    """Draw the rate of entropy production, and below it the entropy that was produced so far.

    Args:
        times: (N,). rates: in nats per time, (N,); infinite ones are not drawn.
        produced: until each time, in nats, (N,). whole: what would be produced in the end.
    """
    figure = base_figure(400, top=16)
    shown = np.isfinite(rates) & (rates > 0)
    figure.add_scatter(
        x=times,
        y=[float(rate) if seen else None for rate, seen in zip(rates, shown, strict=True)],
        mode="lines",
        line={"color": VERMILLION, "width": 2.5},
        hovertemplate="t = %{x:.3f}: %{y:.3g} nats per time<extra></extra>",
    )
    figure.add_scatter(
        x=times,
        y=produced,
        yaxis="y2",
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        hovertemplate="t = %{x:.3f}: %{y:.3f} nats<extra></extra>",
    )
    figure.add_scatter(
        x=times[[0, -1]],
        y=[whole, whole],
        yaxis="y2",
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hovertemplate=f"in the end {whole:.3f} nats<extra></extra>",
    )
    figure.update_layout(
        xaxis={"title": {"text": TIME}, "anchor": "y2"},
        yaxis={
            "domain": [0.55, 1],
            "type": "log",
            "title": {"text": "σ (nats / time)"},
            **log_ticks(rates[shown] if shown.any() else np.ones(1)),
        },
        yaxis2=axis() | {"domain": [0, 0.45], "rangemode": "tozero"},
        yaxis2_title_text="produced (nats)",
    )
    return figure
