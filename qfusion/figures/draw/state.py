"""A quantum state at one time: populations and density matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import CYCLIC_SCALE, INK, STATE_HUES, UNSIGNED_SCALE, Theme, base, label


def basis_labels(dims: Sequence[int]) -> list[str]:
    """Names of the joint basis states, first modality leftmost: `(4, 4, 4)` -> `"000"`, `"001"`, ..., `"333"`."""
    names = [""]
    for size in dims:
        names = [
            name + (str(level) if size <= 10 else f"{level:02d}·")
            for name in names
            for level in range(size)
        ]
    return names


@drawing()
def density_matrix(
    rho: np.ndarray, dims: Sequence[int], *, part: str = "modulus", theme: Theme = "light"
) -> go.Figure:
    """One density matrix as a heat map of its entries' modulus (unsigned scale) or phase (cyclic scale).

    Args:
        rho: (D, D) complex. Phases of entries below 1 % of the largest modulus say nothing and are left blank.
    """
    rho = np.asarray(rho)
    size = int(np.prod(dims))
    check(
        rho.shape == (size, size),
        f"Argument `rho` must have shape ({size}, {size}), but has shape {rho.shape}.",
    )
    check(
        part in ("modulus", "phase"),
        f"Argument `part` must be 'modulus' or 'phase', but is {part!r}.",
    )
    names = basis_labels(dims)
    modulus = np.abs(rho)
    figure = base(theme, 330, left=52, right=10, top=6, bottom=48)
    if part == "modulus":
        trace = go.Heatmap(
            z=modulus, colorscale=UNSIGNED_SCALE, zmin=0, colorbar=_bar("|ρ<sub>ij</sub>|")
        )
    else:
        phase = np.where(modulus >= 0.01 * modulus.max(), np.angle(rho), np.nan)
        trace = go.Heatmap(
            z=phase,
            colorscale=CYCLIC_SCALE,
            zmin=-np.pi,
            zmax=np.pi,
            hoverongaps=False,
            colorbar=_bar("phase (rad)", tickvals=[-np.pi, 0, np.pi], ticktext=["−π", "0", "π"]),
        )
    trace.update(
        hovertemplate="row %{customdata[0]}, column %{customdata[1]}: %{z:.3g}<extra></extra>",
        customdata=np.array([[(row, column) for column in names] for row in names]),
    )
    figure.add_trace(trace)
    step = max(1, size // dims[0])
    ticks = {
        "tickvals": list(range(0, size, step)),
        "ticktext": [names[i] for i in range(0, size, step)],
    }
    figure.update_xaxes(title={"text": "column j (basis state)"}, constrain="domain", **ticks)
    figure.update_yaxes(
        title={"text": "row i (basis state)"},
        autorange="reversed",
        scaleanchor="x",
        constrain="domain",
        **ticks,
    )
    return figure


@drawing()
def populations(
    values: np.ndarray,
    dims: Sequence[int],
    *,
    reference: np.ndarray | None = None,
    name: str = "ρ(t)",
    reference_name: str = "steady state",
    what: str = "joint basis state (levels of the modalities, first leftmost)",
    theme: Theme = "light",
) -> go.Figure:
    """Probability of every joint basis state, with another state's as open marks."""
    values = np.asarray(values, dtype=float)
    names = basis_labels(dims)
    check(
        values.shape == (len(names),),
        f"Argument `values` must have shape ({len(names)},), but has shape {values.shape}.",
    )
    figure = base(theme, 260, legend=reference is not None)
    places = np.arange(len(names))
    figure.add_bar(
        x=places,
        y=values,
        name=label(name),
        marker={"color": INK[theme], "line": {"width": 0}},
        customdata=names,
        hovertemplate="|%{customdata}⟩: %{y:.4f}<extra></extra>",
    )
    if reference is not None:
        figure.add_scatter(
            x=places,
            y=reference,
            mode="markers",
            name=label(reference_name),
            hoverinfo="skip",
            marker={"color": STATE_HUES[0], "symbol": "circle-open", "size": 5},
        )
    step = max(1, len(names) // 16)
    figure.update_xaxes(
        title={"text": label(what, 90)}, tickvals=places[::step], ticktext=names[::step]
    )
    figure.update_yaxes(title={"text": "probability"}, rangemode="tozero")
    return figure


def _bar(title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "thickness": 12,
        "len": 0.9,
        "outlinewidth": 0,
        **more,
    }
