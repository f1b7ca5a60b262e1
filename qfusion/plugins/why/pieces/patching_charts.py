"""Patching experiments: the share of a decision's difference that another sample's state restores."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import checks_arrays
from qfusion.figures.lines import TIME
from qfusion.figures.style import INK, base_figure, label, row_axis, term_title


@checks_arrays(times="T", modalities="M", restored="M T", turned="M T")
def patching_heatmap(
    times: np.ndarray, modalities: Sequence[str], restored: np.ndarray, turned: np.ndarray
) -> go.Figure:
    """Draw the share of the difference that a modality's state from another sample restores, one row per modality and
    one column per time. A dot marks where the decision flips.

    Args:
        restored: share of the difference, (M, nT). turned: whether the decision is another, (M, nT).
    """
    reach = max(1.0, float(np.abs(restored).max()))
    rows, columns = np.nonzero(turned)
    figure = base_figure(
        120 + 44 * len(modalities), left=10, right=14, top=8, bottom=48, legend=True
    )
    figure.add_heatmap(
        z=restored,
        x=times,
        y=list(range(len(modalities))),
        zmin=-reach,
        zmax=reach,
        colorscale=SIGNED_SCALE,
        ygap=2,
        colorbar={
            "title": {"text": "share restored", "side": "right", "font": {"size": 12}},
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": ".0%",
            "nticks": 5,
        },
        customdata=[[label(name)] * len(times) for name in modalities],
        hovertemplate="%{customdata} at t = %{x:.2f}: %{z:.0%}<extra></extra>",
    )
    figure.add_scatter(
        x=times[columns],
        y=rows,
        mode="markers",
        name="the decision turns",
        showlegend=True,
        hoverinfo="skip",
        marker={
            "size": 6,
            "color": INK,
            "symbol": "circle-open",
            "line": {"width": 1.5},
        },
    )
    figure.update_xaxes(title={"text": TIME})
    figure.update_yaxes(**row_axis([term_title(name) for name in modalities]))
    return figure
