"""Information about the target in the data: redundant, unique to one source, and synergistic."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    QUIET,
    Theme,
    base_figure,
    fade_colour,
    label,
    row_axis,
    term_colour,
)

# Does the data need fusion?

SHARED = "told by several"
TOGETHER = "told only together"


@checks_arrays("parts")
def information_bars(
    rows: Sequence[str],
    parts: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    entropy: float,
    theme: Theme = "light",
) -> go.Figure:
    """Draw one bar per row with the information told redundantly, by each source alone, and only together. Values are
    in bits, with whiskers.

    Args:
        rows: names of the R rows. parts: by `SHARED`, source or `TOGETHER`: (R, 3) of value, low and high, NaN where a
            row has no such part. What is below 0, as estimates may be, is drawn as 0.
        modalities: names, whose colours sources have. entropy: bits that there are to tell, as a line.
    """
    places = np.arange(len(rows))
    figure = base_figure(
        theme, 110 + 40 * len(rows), left=10, right=24, top=8, bottom=46, legend=True
    )
    ends = np.zeros(len(rows))
    for at, (name, values) in enumerate(parts.items()):
        if name == SHARED:
            hue = GREY
        elif name == TOGETHER:
            hue = term_colour("+".join(modalities), modalities)
        else:
            hue = term_colour(name if name in modalities else "+".join(modalities[:2]), modalities)
        value, low, high = np.nan_to_num(np.asarray(values, float)).T
        size = np.maximum(value, 0)
        tips = [f"{v:.3f} bits ({a:.3f} to {b:.3f})" for v, a, b in values]
        words = label(name if name in (SHARED, TOGETHER) else f"told only by {name}")
        figure.add_bar(
            x=size,
            y=places,
            base=ends,
            orientation="h",
            width=0.5,
            name=words,
            customdata=tips,
            marker={
                "color": fade_colour(hue, 0.25 if name == SHARED else 0.8),
                "line": {"color": hue, "width": 1},
            },
            hovertemplate=f"{words}: %{{customdata}}<extra></extra>",
        )
        shown = (size > 0) & np.isfinite(np.asarray(values, float)).all(1)
        ends = ends + size
        figure.add_scatter(
            x=ends[shown],
            y=places[shown] + 0.16 * ((at % 3) - 1),  # so that neighbours' intervals do not meet
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"size": 1, "color": INK[theme]},
            error_x={
                "type": "data",
                "array": np.maximum(high - value, 0)[shown],
                "arrayminus": np.maximum(value - low, 0)[shown],
                "color": INK[theme],
                "thickness": 1.5,
                "width": 3,
            },
        )
    figure.update_layout(barmode="overlay")
    figure.add_vline(
        x=entropy, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
    )
    figure.update_xaxes(
        title={"text": "bits of the target" + (" (dotted: all)" if entropy else "")}
    )
    figure.update_yaxes(**row_axis(list(map(label, rows))))
    return figure
