"""The correlations between modalities over time, as a polygon."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import TIME, cursor_line, zero_line
from qfusion.figures.parts import add_line, add_marks, add_note
from qfusion.figures.style import (
    INK,
    axis,
    bare_axis,
    base_figure,
    circle_positions,
    fade_colour,
    halo,
    label,
    term_colour,
    term_dash,
    term_title,
)

MAX_WIDTH = 13.0  # width of the strongest line, in pixels
MAX_DIAMETER = 48.0  # diameter of the largest disc, in pixels
_LEFT = 0.40  # of the width, that the graph takes


@checks_arrays(times="T", shared="T", alone="T", together="T")
def mutual_information_polygon(
    times: np.ndarray,
    shared: Mapping[tuple[str, str], np.ndarray],
    alone: Mapping[str, np.ndarray],
    at: int,
    *,
    together: np.ndarray | None = None,
) -> Figure:
    """Return a graph at one time beside lines over time.

    Args:
        times: (nT,).
        shared: mutual information of each pair of modalities, (nT,) nats: widths of the lines, of which the widest is
            the largest at any time.
        alone: entropy of each modality, in the model's order, (nT,) nats: areas of the discs, likewise.
        at: place of the time that the graph shows.
        together: tripartite information, (nT,) nats, of three modalities.

    Raises:
        InvalidInput: when there is no pair, or a series has another length.
    """
    check(
        len(shared) > 0 and len(alone) > 1,
        "Arguments `shared` and `alone` must hold at least a pair.",
    )
    figure = base_figure(360, legend=True, left=8)
    modalities = list(alone)
    places = circle_positions(list(alone))
    entropy = {name: max(float(values[at]), 0.0) for name, values in alone.items()}
    now = {pair: max(float(values[at]), 0.0) for pair, values in shared.items()}
    most, full = (
        max(float(np.max(values)) for values in series.values()) or 1.0
        for series in (shared, alone)
    )
    mutual_information_graph(
        figure,
        places,
        [
            (
                pair,
                max(MAX_WIDTH * value / most, 0.6),
                f"{value:.3f}",
                f"{term_title('+'.join(pair))}: {value:.4f} nats",
            )
            for pair, value in sorted(now.items(), key=lambda entry: entry[1])
        ],
        {
            name: (
                max(MAX_DIAMETER * np.sqrt(S / full), 6.0),
                f"S = {S:.3f}",
                f"entropy of {label(name)}: {S:.4f} nats",
            )
            for name, S in entropy.items()
        },
    )
    heights = [place[1] for place in places.values()]
    figure.update_xaxes(**bare_axis(), domain=[0.0, _LEFT], range=[-1.6, 1.6])
    figure.update_yaxes(**bare_axis(), range=[min(heights) - 0.9, max(heights) + 1.0])
    for pair, values in shared.items():
        term = "+".join(pair)
        add_line(
            figure,
            times,
            values,
            term_colour(term, modalities),
            2.5,
            dash=term_dash(term),
            xaxis="x2",
            yaxis="y2",
            name=" + ".join(label(name, 20) for name in pair),
            hovertemplate="%{y:.4f}",
        )
    if together is not None:
        add_line(
            figure,
            times,
            together,
            INK,
            2.5,
            dash="dot",
            xaxis="x2",
            yaxis="y2",
            name="tripartite",
            hovertemplate="%{y:+.4f}",
        )
    cursor = float(times[at])
    figure.update_layout(
        hovermode="x",
        xaxis2=axis(TIME)
        | {
            "domain": [_LEFT + 0.12, 1.0],
            "anchor": "y2",
            "range": [float(times[0]), float(times[-1])],
        },
        yaxis2=axis("information (nats)") | {"anchor": "x2", "nticks": 6},
        shapes=[
            cursor_line(cursor, xref="x2", yref="y2 domain"),
            zero_line("x2 domain", "y2"),
        ],
    )
    return figure


def mutual_information_graph(
    figure: Figure,
    places: Mapping[str, np.ndarray],
    lines: Sequence[tuple[Sequence[str], float, str, str]],
    discs: Mapping[str, tuple[float, str, str]],
    **to: str,
) -> None:
    """Draw modalities as discs, and the quantities that several of them share as lines between them, or as stars for
    more than two.

    Args:
        places: of the modalities, in the model's order.
        lines: members, width in pixels, what is written beside the line and what the pointer reads, the last on top.
        discs: by modality its width in pixels, what is written below its name and what the pointer reads.
        to: `xaxis` and `yaxis`, where they are not the first.
    """
    modalities = list(places)
    for members, width, words, tip in lines:
        hue = term_colour("+".join(members), modalities)
        ends = np.stack([places[name] for name in members])
        # Stars of several coalitions must not lie on one another; nor may the line of a pair cross the middle.
        middle = ends.mean(0) * (1.0 if len(members) in (2, len(modalities)) else 1.25)
        path = [point for end in ends for point in (end, middle, [None, None])]
        beside = middle * (1.25 if len(members) == 2 and len(modalities) > 2 else 1.0)
        if len(members) == 2 < len(modalities) and not middle.round(9).any():
            # all lines between opposite places have one middle; of four, stars of three have theirs near a third
            beside = ends[0] * (2 / 3 if len(modalities) == 4 else 1 / 3)
        add_line(
            figure,
            [point[0] for point in (path if len(members) > 2 else ends)],
            [point[1] for point in (path if len(members) > 2 else ends)],
            fade_colour(hue, 0.75),
            width,
            showlegend=False,
            hoverinfo="skip",
            **to,
        )
        figure.add_scatter(
            x=[beside[0]],
            y=[beside[1]],
            mode="markers+text",
            text=[words],
            showlegend=False,
            textposition="middle center",
            marker={"size": 26, "opacity": 0, "color": hue},
            textfont={"size": 12, "color": INK, "shadow": halo()},
            hovertemplate=f"{tip}<extra></extra>",
            **to,
        )
    sizes = [discs[name][0] for name in modalities]
    colours = [term_colour(name, modalities) for name in modalities]
    tips = [discs[name][2] for name in modalities]
    add_marks(
        figure,
        [place[0] for place in places.values()],
        [place[1] for place in places.values()],
        colours,
        sizes,
        opacity=1,
        rim=0,
        showlegend=False,
        text=tips,
        hovertemplate="%{text}<extra></extra>",
        **to,
    )
    for name, place in places.items():
        above = place[1] > 0.1
        add_note(
            figure,
            f"{label(name, 24)}<br>{discs[name][1]}",
            place[0],
            place[1],
            xref=to.get("xaxis"),
            yref=to.get("yaxis"),
            yanchor="bottom" if above else "top",
            yshift=(1 if above else -1) * discs[name][0] / 2,
        )
