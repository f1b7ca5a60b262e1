"""Which generator term built which contribution: as a matrix, over time and as a flow."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures.colour_scales import SIGNED_SCALE
from qfusion.figures.evolution_charts import TIME, draw_time_cursor, time_range
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    QUIET,
    Theme,
    bare_axis,
    base_figure,
    blend_colours,
    fade_colour,
    format_signed,
    halo,
    label,
    split_term,
    term_colour,
    term_title,
    with_unit,
    write_note,
)

OTHERS = "#B7BDC6"
MAX_COLUMNS = 16  # of a matrix whose cells have their numbers written
LABELLED = 0.08  # share of all areas from which one has room for its name
ROUNDING = 1e-12  # of the largest: what is smaller differs from machine to machine, and is nothing
SHOWN = 6  # terms with an area of their own
THIN = 0.005  # bands thinner than this share of all are left out


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
        )
    ends = np.array([[*start, np.sum(start)], [*end, np.sum(end)]])
    for place, column, texts in zip((-1.4, G + 0.4), ends, _format_short(ends), strict=True):
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
        text=with_unit("added on the way from t = 0 to T", unit),
        font={"size": 12, "color": QUIET[theme]},
    )
    return figure


def _format_short(values: np.ndarray) -> np.ndarray:
    """Return the numbers for narrow cells: two digits of the largest, without a zero before the point.

    0 where all of them would be.
    """
    most = float(np.abs(values).max(initial=0))
    decimals = int(np.clip(1 - np.floor(np.log10(most)), 2, 9)) if most > 1e-12 else 2

    def written(value: float) -> str:
        text = f"{value + 0.0:.{decimals}f}"
        bare = text.replace("0.", ".", 1) if abs(value) < 1 else text
        return bare.replace("-", "−") if float(text) else "0"

    return np.array([written(float(value)) for value in np.ravel(values)], dtype=object).reshape(
        np.shape(values)
    )


@checks_arrays(times="T", titles="G", hues="G", added="T G")
def attribution_areas(
    times: np.ndarray,
    added: np.ndarray,
    titles: Sequence[str],
    hues: Sequence[str],
    dividend: str,
    *,
    start: float = 0.0,
    cursor: float | None = None,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw one dividend over time as stacked areas. What was added is above its start, and what was taken away is
    below.

    The line is what is left.

    Args:
        times: (nT,). added: by each term until then, (nT, G). titles, hues: of the terms, (G,); see `term_styles`.
        dividend: the coalition. start: the dividend without evolution.
    """
    figure = base_figure(theme, 360, left=66, right=20, top=8, legend=True)
    folded = _fold_small_terms(
        np.where(np.abs(added) > ROUNDING * np.abs(added).max(initial=0), added, 0.0), titles, hues
    )
    room = LABELLED * sum(float(np.abs(part[-1])) for *_, part in folded)
    named: list[tuple[float, str]] = []  # areas that are wide enough at the end for their name
    for side in (1.0, -1.0):
        level = np.full(len(times), float(start))
        for name, hue, part in folded:
            piece = side * np.maximum(side * part, 0.0)
            # once, on the side it is first seen on
            keyed = (np.abs(part).max(initial=0) > 0) and (side > 0) == (part.max(initial=0) > 0)
            if piece.any() or keyed:
                figure.add_scatter(
                    x=np.concatenate([times, times[::-1]]),
                    y=np.concatenate([level, (level + piece)[::-1]]),
                    mode="lines",
                    line={"width": 0.6, "color": fade_colour(hue, 0.95)},
                    fill="toself",
                    fillcolor=fade_colour(hue, 0.62),
                    name=label(name),
                    legendgroup=label(name),
                    showlegend=bool(keyed),
                    hoverinfo="skip",
                )
            if abs(piece[-1]) > max(room, 1e-12):
                named.append((float(level[-1] + piece[-1] / 2), label(name, 30)))
            level = level + piece
    lines = start + np.sum(added, 1)
    figure.add_scatter(
        x=times,
        y=lines,
        mode="lines",
        line={"width": 2.6, "color": INK[theme]},
        customdata=[
            "<br>".join(
                [
                    f"{term_title(dividend)} {value:+.3f}",
                    *(f"{label(name)} {part[n]:+.3f}" for name, _, part in folded),
                ]
            )
            for n, value in enumerate(lines)
        ],
        name=term_title(dividend),
        hovertemplate="t = %{x:.2f}: %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[times[0], times[-1]],
        y=[start, start],
        mode="lines",
        line={"width": 1.2, "color": QUIET[theme], "dash": "dot"},
        name="without evolution",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[float(times[-1])] * len(named),
        y=[y for y, _ in named],
        mode="text",
        text=[f"{name}  " for _, name in named],
        textposition="middle left",
        textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        dragmode="zoom",
        xaxis={"title": {"text": TIME}, "range": time_range(times)},
        yaxis={"title": {"text": with_unit(" + ".join(split_term(dividend)) or "baseline", unit)}},
    )
    return draw_time_cursor(figure, cursor, theme)


def _fold_small_terms(
    added: np.ndarray, titles: Sequence[str], hues: Sequence[str]
) -> list[tuple[str, str, np.ndarray]]:
    """Return the name, colour and series of the largest terms, in the given order, and of the sum of all others."""
    largest = np.argsort(-np.abs(added).max(0, initial=0), kind="stable")[:SHOWN]
    others = np.setdiff1d(np.arange(len(titles)), largest)
    series = [(titles[g], hues[g], added[:, g]) for g in sorted(largest.tolist())]
    if len(others):
        series.append((f"{len(others)} others", OTHERS, added[:, others].sum(1)))
    return series


def term_styles(terms: Sequence[Any], modalities: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the titles and colours of the terms of a `PathAttribution`. A coupling has the colour of its
    modalities, a dissipation the same colour mixed with grey.
    """
    own = [term_colour("+".join(term.modalities), modalities) for term in terms]
    return [term.title for term in terms], [
        blend_colours(hue, OTHERS, 0.5) if term.kind == "dissipation" else hue
        for term, hue in zip(terms, own, strict=True)
    ]


@checks_arrays(dividends="S", titles="G", acts="G", parts="S G", start="S", end="S")
def attribution_flow(
    dividends: Sequence[str],
    titles: Sequence[str],
    hues: Sequence[str],
    acts: Sequence[str],
    parts: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw modalities, generator terms, dividends and their sum as nodes, joined by bands as wide as their shares.

    Filled bands raise the sum, open ones lower it. The height of a node is the larger of the sums of its incoming and
    outgoing bands.

    Args:
        dividends, titles, parts, start, end: as for `attribution_matrix`.
        hues: of the terms, (G,).
        acts: the modalities that each acts on, joined by "+", (G,).
        modalities: of the model, in their order.
        quantity: name of the sum of the dividends, "log-odds" or "score".
    """
    nodes = _flow_nodes(dividends, titles, hues, end, modalities, unit, quantity, theme)
    links = _links(dividends, acts, np.asarray(parts, float), start, end, modalities, nodes["hue"])
    amounts = links["value"].abs()
    incoming = np.bincount(links["target"], amounts, len(nodes))
    outgoing = np.bincount(links["source"], amounts, len(nodes))
    nodes["width"] = np.maximum(outgoing, incoming)
    whole = nodes.groupby("column")["width"].sum().max()
    nodes = nodes[(nodes["width"] > 0) | nodes["column"].isin((0, 3))]
    tall = max(340, 26 * int(nodes.groupby("column").size().max()))
    scale = _scale(nodes, tall)
    nodes = _stack_nodes(nodes, tall, scale)

    figure = base_figure(theme, tall + 70, left=10, right=10, top=10, bottom=10, legend=True)
    _add_bands(figure, links[amounts >= THIN * whole], links, nodes, scale)
    _add_nodes(figure, nodes, theme)
    for name, symbol in (
        (f"raises the {quantity}", "square"),
        (f"lowers the {quantity}", "square-open"),
    ):
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            hoverinfo="skip",
            marker={"symbol": symbol, "size": 11, "color": GREY, "line": {"width": 1.4}},
        )
    figure.update_layout(
        xaxis=bare_axis() | {"range": [-0.17, 1.17]},
        yaxis=bare_axis() | {"range": [tall + 12, -12]},
    )
    return figure


def _flow_nodes(
    dividends: Sequence[str],
    titles: Sequence[str],
    hues: Sequence[str],
    end: np.ndarray,
    modalities: Sequence[str],
    unit: str,
    quantity: str,
    theme: Theme,
) -> pd.DataFrame:
    """Return column, name and hue of every node: modalities, generator terms, dividends and their sum."""
    total = unit if quantity == "score" else quantity
    nodes = [(0, label(name), term_colour(name, modalities)) for name in modalities]
    nodes.append((1, "without evolution", QUIET[theme]))
    for title, hue in zip(titles, hues, strict=True):
        nodes.append((1, label(title, 34), hue))
    for name in dividends:
        hue = term_colour(name, modalities) if name else INK[theme]
        nodes.append((2, term_title(name), hue))
    nodes.append((3, f"{label(total, 30)}<br>{format_signed(np.sum(end))}", INK[theme]))
    return pd.DataFrame(nodes, columns=["column", "name", "hue"])


def _stack_nodes(nodes: pd.DataFrame, tall: float, scale: float) -> pd.DataFrame:
    """Return the nodes with their heights and tops, in pixels.

    A column is in the middle of the figure, a node in the middle of its slot.
    """
    nodes = nodes.assign(height=scale * nodes["width"])
    slots = nodes["height"].clip(lower=_LEAST) + _GAP
    stacks = slots.groupby(nodes["column"])
    column_top = (tall + _GAP - stacks.transform("sum")) / 2
    nodes["top"] = column_top + stacks.cumsum() - (slots + _GAP + nodes["height"]) / 2
    return nodes


_PLACES = (0.0, 0.28, 0.66, 1.0)  # of the columns
_WIDE = 0.012  # half a node
_LEAST = 15.0  # pixels that a node's label takes
_GAP = 8.0


def _links(
    dividends: Sequence[str],
    acts: Sequence[str],
    parts: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    modalities: Sequence[str],
    hues: Sequence[str],
) -> pd.DataFrame:
    """Return all bands, column by column, between the numbers of their nodes.

    Args:
        hues: of the nodes.
    """
    free = len(modalities)  # number of the node without evolution; those of the terms follow
    first_term = free + 1
    first_dividend = first_term + len(acts)
    total = first_dividend + len(dividends)
    links: list[tuple[Any, ...]] = []

    def share_evenly(names: str, target: int, value: float) -> None:
        """Add a band from each modality, all of the same width."""
        members = [modalities.index(name) for name in split_term(names)]
        for member in members:
            links.append((member, target, value / len(members), hues[member], False))

    for g, names in enumerate(acts):
        share_evenly(names, first_term + g, np.abs(parts[:, g]).sum())
    for s, name in enumerate(dividends):
        node = first_dividend + s
        share_evenly(name, free, abs(start[s]))
        links.append((free, node, start[s], hues[node], True))
        for g in range(len(acts)):
            links.append((first_term + g, node, parts[s, g], hues[first_term + g], True))
        links.append((node, total, end[s], hues[node], True))
    table = pd.DataFrame(links, columns=["source", "target", "value", "hue", "signed"])
    return table[table["value"] != 0]


def _scale(nodes: pd.DataFrame, tall: float) -> float:
    """Return the largest scale, in pixels per unit, at which every column fits, by bisection."""
    columns = [widths.to_numpy() for _, widths in nodes.groupby("column")["width"]]

    def fits(scale: float) -> bool:
        for widths in columns:
            slots = np.maximum(scale * widths, _LEAST) + _GAP
            if slots.sum() - _GAP > tall:
                return False
        return True

    low = 0.0
    high = tall / max(max(widths.sum() for widths in columns), 1e-12)
    for _ in range(40):
        middle = (low + high) / 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _add_bands(
    figure: go.Figure, shown: pd.DataFrame, links: pd.DataFrame, nodes: pd.DataFrame, scale: float
) -> None:
    """Add every band between two nodes.

    At a node, the bands of each side are in the order of the nodes at their other ends.
    """
    heights = scale * links["value"].abs()

    def tops(side: str, other: str) -> pd.Series:
        """Return the upper ends of all bands at one side."""
        order = links.sort_values([side, other]).index
        stacked = heights.loc[order].groupby(links[side]).cumsum()
        return links[side].map(nodes["top"]) + stacked - heights

    begin = tops("source", "target")
    finish = tops("target", "source")
    s = np.linspace(0, 1, 20)
    bend = s * s * (3 - 2 * s)
    for link in shown.itertuples():
        source = nodes.loc[link.source]
        target = nodes.loc[link.target]
        left = _PLACES[source["column"]] + _WIDE
        right = _PLACES[target["column"]] - _WIDE
        x = left + s * (right - left)
        upper = begin[link.Index] + bend * (finish[link.Index] - begin[link.Index])
        lower = upper + heights[link.Index]
        lowers = link.signed and link.value < 0
        if link.signed:
            fill_opacity = 0.08 if lowers else 0.55
            line_opacity = 0.95
            amount = f"{link.value:+.3f}"
        else:
            fill_opacity = 0.28
            line_opacity = 0.4
            amount = f"{link.value:.3f}"
        target_name = target["name"].partition("<br>")[0]
        figure.add_scatter(
            x=np.concatenate([x, x[::-1], x[:1]]),
            y=np.concatenate([upper, lower[::-1], upper[:1]]),
            mode="lines",
            fill="toself",
            fillcolor=fade_colour(link.hue, fill_opacity),
            hoveron="fills",
            hoverinfo="text",
            text=f"{source['name']} → {target_name}: {amount}",
            showlegend=False,
            line={
                "width": 0.9 if lowers else 0.4,
                "color": fade_colour(link.hue, line_opacity),
            },
        )


def _add_nodes(figure: go.Figure, nodes: pd.DataFrame, theme: Theme) -> None:
    """Add the nodes as rectangles, with their names at the outer side."""
    for node in nodes.itertuples():
        figure.add_shape(
            type="rect",
            x0=_PLACES[node.column] - _WIDE,
            x1=_PLACES[node.column] + _WIDE,
            y0=node.top,
            y1=node.top + max(node.height, 1.5),
            fillcolor=node.hue,
            line={"width": 0.5, "color": LINE[theme]},
        )
    for c, column in nodes.groupby("column"):
        if c == 0:
            x = _PLACES[c] - 1.4 * _WIDE
            side = "middle left"
        else:
            x = _PLACES[c] + 1.4 * _WIDE
            side = "middle right"
        figure.add_scatter(
            x=[x] * len(column),
            y=column["top"] + column["height"] / 2,
            mode="text",
            text=column["name"],
            textposition=side,
            cliponaxis=False,
            hoverinfo="skip",
            textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
            showlegend=False,
        )
