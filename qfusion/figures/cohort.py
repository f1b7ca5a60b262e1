"""Many samples at once: the scatter in which one sample is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import BLUE, LINE, VERMILLION, Theme, base, faded, label, note


def scatter(ids: Sequence[str], x: np.ndarray, y: np.ndarray, x_title: str, y_title: str, *,
            chosen: str | None = None, captions: Sequence[str] | None = None, diagonal: bool = False,
            theme: Theme = "light") -> go.Figure:
    """Every sample as a point with its id in `customdata`; the chosen one ringed.

    Args:
        ids: (N,) sample ids; x, y: (N,) values, with their axis titles (unit included).
        captions: (N,) text for the hover, from data: escaped here.
        diagonal: draw the line y = x (truth against prediction).
    """
    check(len(ids) == len(x) == len(y), f"Arguments `ids`, `x` and `y` must have one length, but have {len(ids)}, "
                                        f"{len(x)} and {len(y)}.")
    figure = base(theme, 360)
    figure.update_xaxes(title={"text": label(x_title)})
    figure.update_yaxes(title={"text": label(y_title)})
    if not len(ids):
        return note(figure, "No sample passes the filters.", theme)
    if diagonal:
        reach = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        figure.add_scatter(x=reach, y=reach, mode="lines", line={"color": LINE[theme], "dash": "dot"}, hoverinfo="skip")
    texts = [f"<b>{label(name)}</b>" for name in ids]
    if captions is not None:
        texts = [f"{head}<br>{label(words, 80)}" for head, words in zip(texts, captions, strict=True)]
    figure.add_scatter(
        x=np.asarray(x, dtype=float), y=np.asarray(y, dtype=float), mode="markers", customdata=list(ids), text=texts,
        name="samples", marker={"size": 7, "color": faded(BLUE, 0.45), "line": {"width": 0}},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0.6}},
        hovertemplate="%{text}<br>" + f"{label(x_title)}: %{{x:.2f}}<br>{label(y_title)}: %{{y:.2f}}<extra></extra>")
    places = [i for i, name in enumerate(ids) if name == chosen]
    if places:
        figure.add_scatter(x=[float(x[places[0]])], y=[float(y[places[0]])], mode="markers", hoverinfo="skip",
                           name="chosen", marker={"size": 15, "color": VERMILLION, "symbol": "circle-open",
                                                  "line": {"width": 3, "color": VERMILLION}})
    return figure


