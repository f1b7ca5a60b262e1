"""The part of each contribution that each generator term built, as a matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.colour_scales import SIGNED_SCALE
from qfusion.figures.followed_series import part_meta
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    ON_BRIGHT,
    ON_DARK,
    QUIET,
    Theme,
    base_figure,
    blend_colours,
    label,
    term_colour,
    term_title,
    title_with_unit,
    write_note,
)

OTHERS = "#B7BDC6"
MAX_COLUMNS = 16  # of a matrix whose cells have their numbers written


@checks_arrays(dividends="S", titles="G", parts="S G", start="S", end="S")
def attribution_matrix(
    dividends: Sequence[str],
    titles: Sequence[str],
    parts: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    *,
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw the contributions of G terms of the dynamics to S dividends, one row per dividend and one for their sum,
    with both ends beside them.

    Args:
        dividends: names of the coalitions, (S,); the empty one is the baseline. titles: of the terms, short, (G,).
        parts: (S, G). start, end: without evolution and with it, (S,).
        quantity: what the dividends add up to, "log-odds" or "score".
    """
    S = len(dividends)
    G = len(titles)
    figure = base_figure(theme, 130 + 30 * (S + 1), left=10, right=10, top=26, bottom=86)
    if not G:
        return write_note(
            figure.update_xaxes(visible=False).update_yaxes(visible=False),
            "Nothing evolves, so nothing is built.",
            theme,
        )
    rows = [*range(S), S + 0.3]
    values = np.vstack([parts, parts.sum(0)])
    most = max(float(np.abs(values).max()), 1e-12)
    names = [*(term_title(name) for name in dividends), quantity]
    written = G <= MAX_COLUMNS
    for first, last in ((0, S), (S, S + 1)):
        figure.add_trace(
            {
                "type": "heatmap",
                "z": values[first:last],
                "y": rows[first:last],
                "x": list(range(G)),
                "colorscale": SIGNED_SCALE[theme],
                "zmin": -most,
                "zmax": most,
                "xgap": 1,
                "ygap": 1,
                "showscale": first == 0 and not written,
                "customdata": [
                    [f"{label(title)} in {name}" for title in titles] for name in names[first:last]
                ],
                "hovertemplate": "%{customdata}: %{z:+.4f}<extra></extra>",
                "colorbar": {
                    "thickness": 10,
                    "outlinewidth": 0,
                    "nticks": 5,
                    "tickfont": {"size": 11},
                },
                "meta": part_meta("cells"),
            }
        )
    if written:
        dark = (np.abs(values) > 0.6 * most) == (
            theme == "light"
        )  # cells: the strong ones on light paper
        figure.add_scatter(
            x=np.tile(np.arange(G), S + 1),
            y=np.repeat(rows, G),
            mode="text",
            text=_format_short(values).ravel().tolist(),
            textfont={"size": 10, "color": np.where(dark, ON_DARK, ON_BRIGHT).ravel().tolist()},
            hoverinfo="skip",
            meta=part_meta("texts"),
        )
    ends = np.array([[*start, np.sum(start)], [*end, np.sum(end)]])
    columns = zip(("start", "end"), (-1.4, G + 0.4), ends, _format_short(ends), strict=True)
    for part, place, column, texts in columns:
        figure.add_trace(
            {
                "type": "scatter",
                "x": [place] * (S + 1),
                "y": rows,
                "mode": "text",
                "text": texts.tolist(),
                "customdata": column,
                "cliponaxis": False,
                "hovertemplate": "%{customdata:+.4f}<extra></extra>",
                "textfont": {"size": 11, "color": INK[theme]},
                "meta": part_meta(part),
            }
        )
    figure.update_layout(
        xaxis={
            "tickvals": [-1.4, *range(G), G + 0.4],
            "ticktext": ["at t = 0", *(label(title, 30) for title in titles), "at T"],
            "tickangle": -45,
            "range": [-2.1, G + 1.1],
            "showline": False,
            "ticks": "",
            "tickfont": {"size": 11},
        },
        yaxis={
            "tickvals": rows,
            "ticktext": [*names[:-1], f"<b>{quantity}</b>"],
            "range": [S + 0.9, -0.6],
            "showline": False,
            "ticks": "",
        },
    )
    figure.add_annotation(
        x=(G - 1) / 2,
        y=1,
        xref="x",
        yref="paper",
        xanchor="center",
        yanchor="bottom",
        yshift=4,
        showarrow=False,
        text=title_with_unit("added on the way from t = 0 to T", unit),
        font={"size": 12, "color": QUIET[theme]},
    )
    return figure


def _format_short(values: np.ndarray) -> np.ndarray:
    """Return the numbers for narrow cells: two digits of the largest, without a zero before the point.

    A number whose digits are all zero is "0".
    """
    most = float(np.abs(values).max(initial=0))
    decimals = int(np.clip(1 - np.floor(np.log10(most)), 2, 9)) if most > 1e-12 else 2

    def format_value(value: float) -> str:
        text = f"{value + 0.0:.{decimals}f}"
        bare = text.replace("0.", ".", 1) if abs(value) < 1 else text
        return bare.replace("-", "−") if float(text) else "0"

    texts = [format_value(float(value)) for value in np.ravel(values)]
    return np.array(texts, dtype=object).reshape(np.shape(values))


def term_styles(terms: Sequence[Any], modalities: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the titles and colours of the terms of a `PathAttribution`. A coupling has the colour of its
    modalities, a dissipation the same colour mixed with grey.
    """
    own = [term_colour("+".join(term.modalities), modalities) for term in terms]
    return [term.title for term in terms], [
        blend_colours(hue, OTHERS, 0.5) if term.kind == "dissipation" else hue
        for term, hue in zip(terms, own, strict=True)
    ]
