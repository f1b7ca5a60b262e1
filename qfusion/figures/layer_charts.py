"""Entropies and contributions along the layers of a network."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.decision_charts import condense_curves
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    QUIET,
    Theme,
    axis,
    base_figure,
    label,
    term_colour,
    term_dash,
    term_title,
    title_with_unit,
)
from qfusion.figures.time_lines import zero_and_cursor


@checks_arrays(moments="T", entropies="T", terms="T")
def decision_layers(
    moments: Sequence[str],
    entropies: Mapping[str, np.ndarray],
    terms: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    what: str = "contribution",
    cursor: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the entropies above and terms below over the moments between layers.

    Args:
        moments: names, T of them. entropies: (T,) in nats, keyed by what to write in the legend.
        terms: (T,) by coalition or modality, as if the circuit stopped there; the empty coalition is left out.
        cursor: place of the moment that is marked.
    """
    places = np.arange(len(moments))
    shown, others = condense_curves(terms)
    figure = base_figure(theme, 460, legend=True, right=24, top=8)
    for (name, values), dash in zip(
        entropies.items(), ("solid", "dash", "dot", "dashdot"), strict=False
    ):
        figure.add_trace(
            {
                "type": "scatter",
                "x": places,
                "y": values,
                "mode": "lines+markers",
                "name": label(name),
                "marker": {"size": 7},
                "line": {"width": 2.5, "color": INK[theme], "dash": dash},
                "hovertemplate": f"{label(name)}: %{{y:.3f}}<extra></extra>",
            }
        )
    for name, values in shown.items():
        if name:
            figure.add_trace(
                {
                    "type": "scatter",
                    "x": places,
                    "y": values,
                    "yaxis": "y2",
                    "mode": "lines+markers",
                    "name": term_title(name),
                    "marker": {"size": 7},
                    "line": {
                        "width": 2.5,
                        "color": term_colour(name, modalities),
                        "dash": term_dash(name),
                    },
                    "hovertemplate": f"{term_title(name)}: %{{y:+.3f}}<extra></extra>",
                }
            )
    for name, values in others.items():
        figure.add_trace(
            {
                "type": "scatter",
                "x": places,
                "y": values,
                "yaxis": "y2",
                "mode": "lines",
                "name": name,
                "line": {"width": 2.5, "color": QUIET[theme], "dash": "dot"},
                "hovertemplate": f"{name}: %{{y:+.3f}}<extra></extra>",
            }
        )
    figure.update_layout(
        hovermode="x unified",
        shapes=zero_and_cursor(theme, cursor),
        xaxis={
            "tickvals": places.tolist(),
            "ticktext": ["<br>".join(label(name).rsplit(" ", 1)) for name in moments],
            "tickangle": 0,
            "range": [-0.15, len(moments) - 0.85],
            "anchor": "y2",
            "title": {"text": "place in the network"},
        },
        yaxis={"title": {"text": "nats"}, "domain": [0.58, 1.0], "rangemode": "tozero"},
        yaxis2=axis(theme) | {"domain": [0.0, 0.48]},
        yaxis2_title_text=title_with_unit(what, unit, "<br>"),
    )
    return figure
