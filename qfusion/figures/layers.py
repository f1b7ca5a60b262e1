"""Along the layers of a network: entropies above, the terms of the decision below, on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import INK, LINE, QUIET, Theme, axis, base, label, term_colour, term_dash, term_title


def decision_layers(moments: Sequence[str], entropies: Mapping[str, np.ndarray], terms: Mapping[str, np.ndarray],
                    modalities: Sequence[str], *, unit: str = "score", what: str = "dividend", cursor: int | None = None,
                    theme: Theme = "light") -> go.Figure:
    """Entropies above and terms below over the moments between layers.

    Args:
        moments: names, T of them. entropies: (T,) in nats, keyed by what to write in the legend.
        terms: (T,) by coalition or modality, as if the circuit stopped there; the empty coalition is left out.
        cursor: place of the moment that is marked.
    """
    places = np.arange(len(moments))
    for name, values in (*entropies.items(), *terms.items()):
        check(len(values) == len(moments), f"The series of {name!r} must have {len(moments)} values, but has {len(values)}.")
    figure = base(theme, 480, legend=True, right=24, top=8)
    for (name, values), dash in zip(entropies.items(), ("solid", "dash", "dot", "dashdot"), strict=False):
        figure.add_scatter(x=places, y=values, mode="lines+markers", name=label(name), marker={"size": 7},
                           line={"width": 2.5, "color": INK[theme], "dash": dash},
                           hovertemplate=f"{label(name)}: %{{y:.3f}}<extra></extra>")
    for name, values in terms.items():
        if name:
            figure.add_scatter(x=places, y=values, yaxis="y2", mode="lines+markers", name=term_title(name), marker={"size": 7},
                               line={"width": 2.5, "color": term_colour(name, modalities), "dash": term_dash(name)},
                               hovertemplate=f"{term_title(name)}: %{{y:+.3f}}<extra></extra>")
    lines = [{"type": "line", "yref": "y2", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "layer": "below",
              "line": {"color": LINE[theme], "width": 1}}]
    if cursor is not None:
        lines.append({"type": "line", "yref": "paper", "xref": "x", "x0": cursor, "x1": cursor, "y0": 0, "y1": 1, "layer": "below",
                      "line": {"color": QUIET[theme], "width": 1, "dash": "dash"}})
    figure.update_layout(
        hovermode="x unified", shapes=lines,
        xaxis={"tickvals": places.tolist(), "ticktext": ["<br>".join(label(name).rsplit(" ", 1)) for name in moments], "tickangle": 0,
               "range": [-0.15, len(moments) - 0.85], "anchor": "y2", "title": {"text": "place in the network"}},
        yaxis={"title": {"text": "nats"}, "domain": [0.58, 1.0], "rangemode": "tozero"},
        yaxis2=axis(theme) | {"domain": [0.0, 0.48]}, yaxis2_title_text=f"{label(what)} ({label(unit)})")
    return figure
