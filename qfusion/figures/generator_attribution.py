"""The part of each contribution that each generator term built, as a matrix and as a flow to the decision."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._sentences import true_minus
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import part_meta
from qfusion.figures.parts import add_head, add_legend_mark, add_line, add_texts, rectangle
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    QUIET,
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
) -> Figure:
    """Draw the contributions of G terms of the dynamics to S dividends, one row per dividend and one for their sum,
    with both ends beside them.

    Args:
        dividends: names of the coalitions, (S,); the empty one is the baseline. titles: of the terms, short, (G,).
        parts: (S, G). start, end: without evolution and with it, (S,).
        quantity: what the dividends add up to, "log-odds" or "score".
    """
    S = len(dividends)
    G = len(titles)
    figure = base_figure(130 + 30 * (S + 1), left=10, right=10, top=26, bottom=86)
    if not G:
        return write_note(
            figure.update_xaxes(visible=False).update_yaxes(visible=False),
            "Nothing evolves, so nothing is built.",
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
                "colorscale": SIGNED_SCALE,
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
        dark = np.abs(values) > 0.6 * most
        add_texts(
            figure,
            np.tile(np.arange(G), S + 1),
            np.repeat(rows, G),
            _format_cells(values).ravel().tolist(),
            size=10,
            hue=np.where(dark, ON_DARK, ON_BRIGHT).ravel().tolist(),
            meta=part_meta("texts"),
        )
    ends = np.array([[*start, np.sum(start)], [*end, np.sum(end)]])
    columns = zip(("start", "end"), (-1.4, G + 0.4), ends, _format_cells(ends), strict=True)
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
                "textfont": {"size": 11, "color": INK},
                "meta": part_meta(part),
            }
        )
    figure.update_layout(
        xaxis={
            "tickvals": [-1.4, *range(G), G + 0.4],
            "ticktext": ["at t = 0", *(label(title, 34) for title in titles), "at T"],
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
    add_head(
        figure,
        title_with_unit("added on the way from t = 0 to T", unit),
        (G - 1) / 2,
        hue=QUIET,
        xref="x",
        xanchor="center",
        yshift=4,
    )
    return figure


def _format_cells(values: np.ndarray) -> np.ndarray:
    """Return the numbers of cells, all with as many decimals as two digits of the largest need."""
    most = float(np.abs(values).max(initial=0))
    decimals = int(np.clip(1 - np.floor(np.log10(most)), 2, 9)) if most > 1e-12 else 2
    texts = [true_minus(f"{value:z.{decimals}f}") for value in np.ravel(values)]
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


THIN = 0.005  # bands thinner than this share of all are left out


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
) -> Figure:
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
    nodes = _flow_nodes(dividends, titles, hues, end, modalities, unit, quantity)
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

    figure = base_figure(tall + 70, left=10, right=10, top=10, bottom=10, legend=True)
    _add_bands(figure, links[amounts >= THIN * whole], links, nodes, scale)
    _add_nodes(figure, nodes)
    for name, symbol in (
        (f"raises the {quantity}", "square"),
        (f"lowers the {quantity}", "square-open"),
    ):
        mark = {"symbol": symbol, "size": 11, "color": GREY, "line": {"width": 1.4}}
        add_legend_mark(figure, name, mark, hoverinfo="skip")
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
) -> pd.DataFrame:
    """Return column, name and hue of every node: modalities, generator terms, dividends and their sum."""
    total = unit if quantity == "score" else quantity
    nodes = [(0, label(name), term_colour(name, modalities)) for name in modalities]
    nodes.append((1, "without evolution", QUIET))
    for title, hue in zip(titles, hues, strict=True):
        nodes.append((1, label(title, 34), hue))
    for name in dividends:
        hue = term_colour(name, modalities) if name else INK
        nodes.append((2, term_title(name), hue))
    nodes.append((3, f"{label(total, 30)}<br>{format_signed(np.sum(end))}", INK))
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
    figure: Figure, shown: pd.DataFrame, links: pd.DataFrame, nodes: pd.DataFrame, scale: float
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
            amount = true_minus(f"{link.value:+.3f}")
        else:
            fill_opacity = 0.28
            line_opacity = 0.4
            amount = f"{link.value:.3f}"
        target_name = target["name"].partition("<br>")[0]
        add_line(
            figure,
            np.concatenate([x, x[::-1], x[:1]]),
            np.concatenate([upper, lower[::-1], upper[:1]]),
            fade_colour(link.hue, line_opacity),
            0.9 if lowers else 0.4,
            fill="toself",
            fillcolor=fade_colour(link.hue, fill_opacity),
            hoveron="fills",
            hoverinfo="text",
            text=f"{source['name']} → {target_name}: {amount}",
            showlegend=False,
        )


def _add_nodes(figure: Figure, nodes: pd.DataFrame) -> None:
    """Add the nodes as rectangles, with their names at the outer side."""
    for node in nodes.itertuples():
        place = _PLACES[node.column]
        bar = rectangle(
            (place - _WIDE, place + _WIDE),
            (node.top, node.top + max(node.height, 1.5)),
            node.hue,
            hue=LINE,
            width=0.5,
        )
        figure.add_shape(bar)
    for c, column in nodes.groupby("column"):
        if c == 0:
            x = _PLACES[c] - 1.4 * _WIDE
            side = "middle left"
        else:
            x = _PLACES[c] + 1.4 * _WIDE
            side = "middle right"
        add_texts(
            figure,
            [x] * len(column),
            column["top"] + column["height"] / 2,
            column["name"],
            size=11,
            shadow=halo(),
            textposition=side,
            cliponaxis=False,
            showlegend=False,
        )
