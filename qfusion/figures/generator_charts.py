"""The generator of a model, and the correlations that it creates, as a polygon of modalities."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import TIME, cursor_line, zero_line
from qfusion.figures.parts import add_head, add_line, add_marks, add_note
from qfusion.figures.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    QUIET,
    VERMILLION,
    axis,
    bare_axis,
    base_figure,
    circle_positions,
    fade_colour,
    halo,
    label,
    split_term,
    term_colour,
    term_dash,
    term_title,
)

_WIDEST = 15.0  # pixels of the strongest coupling
_GAP = 0.12  # of the width, between two graphs


@checks_arrays()
def coupling_matrix(
    parts: Mapping[str, Mapping[str, float]], modalities: Sequence[str], units: Mapping[str, str]
) -> Figure:
    """Draw graphs side by side. Modalities are nodes, whose size is the strength of the terms that act on one modality
    alone.

    Pairs are lines, as wide as they are strong; what couples more is a star.

    Args:
        parts: by the name of each graph, strengths by coalition, not negative; each graph has a scale of its own.
        modalities: in the model's order.
        units: by the name of each graph, the unit of its strengths.
    """
    check(
        len(parts) > 0 and len(modalities) > 0,
        "Arguments `parts` and `modalities` must not be empty.",
    )
    figure = base_figure(380, left=10, right=10, top=34, bottom=10)
    count = len(parts)
    places = circle_positions(modalities)
    heights = [place[1] for place in places.values()]
    span = [min(heights) - 0.75, max(heights) + 0.6]
    axes: dict[str, object] = {}
    for n, (name, strengths) in enumerate(parts.items()):
        number = "" if n == 0 else str(n + 1)
        to = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        left = n / count + (_GAP / 2 if n else 0)
        right = (n + 1) / count - (_GAP / 2 if n < count - 1 else 0)
        axes |= {
            f"xaxis{number}": bare_axis()
            | {"domain": [left, right], "range": [-1.7, 1.7], "anchor": f"y{number}"},
            f"yaxis{number}": bare_axis() | {"range": span, "anchor": f"x{number}"},
        }
        most = max(strengths.values(), default=0.0) or 1.0
        unit = label(units[name])
        joint = {term: value for term, value in strengths.items() if len(split_term(term)) > 1}
        own = {modality: strengths.get(modality, 0.0) for modality in modalities}
        mutual_information_graph(
            figure,
            places,
            [
                (
                    split_term(term),
                    max(_WIDEST * value / most, 0.6),
                    f"{value:.2g}",
                    f"{term_title(term)}: {value:.3g} {unit}",
                )
                for term, value in sorted(joint.items(), key=lambda entry: entry[1])
            ],
            {
                modality: (
                    26 + 30 * value / most,
                    f"{value:.2g}",
                    f"{label(modality)} alone: {value:.3g} {unit}",
                )
                for modality, value in own.items()
            },
            **to,
        )
        add_note(
            figure,
            label(name),
            (left + right) / 2,
            1,
            size=13,
            hue=QUIET,
            xref="paper",
            yref="paper",
            yanchor="bottom",
        )
    figure.update_layout(**axes)
    return figure


@checks_arrays(free="D+", coupled="D+")
def energy_levels(free: np.ndarray, coupled: np.ndarray) -> Figure:
    """Draw two ladders of energy levels: of the modalities by themselves, and with their couplings.

    Args:
        free, coupled: ascending, (D,) each.
    """
    figure = base_figure(
        380,
        y_title="energy (ħ = 1)",
        x_axis={
            "tickvals": [0.4, 1.6],
            "ticktext": ["each modality by itself", "with couplings"],
            "ticks": "",
            "showline": False,
            "range": [-0.1, 2.1],
        },
        y_axis={"nticks": 8},
    )
    for (start, end), values, name, colour in (
        ((0.0, 0.8), free, "each modality by itself", GREY),
        ((1.2, 2.0), coupled, "with couplings", BLUE),
    ):
        add_line(
            figure,
            [start, end, None] * len(values),
            [point for value in values.tolist() for point in (value, value, None)],
            colour,
            1.6,
            hoverinfo="skip",
        )
        add_marks(
            figure,
            np.full(len(values), (start + end) / 2),
            values,
            colour,
            12,
            opacity=0,
            customdata=list(range(1, len(values) + 1)),
            hovertemplate=f"{name}, level %{{customdata}}: %{{y:.4f}}<extra></extra>",
        )
    add_line(
        figure,
        [0.8, 1.2, None] * len(free),
        [point for ends in np.stack([free, coupled], 1).tolist() for point in (*ends, None)],
        fade_colour(LINE, 0.8),
        1,
        hoverinfo="skip",
    )
    return figure


@checks_arrays(names="N+", terms="N+", values="N+")
def operator_coefficients(
    names: Sequence[str], terms: Sequence[str], values: np.ndarray, modalities: Sequence[str]
) -> Figure:
    """Draw the largest coefficients of an operator as bars, the largest on top: signed where it is Hermitian, else by
    size.

    Args:
        names: letters of each term. terms: the coalition on which it acts.
        values: coefficients, real or complex, (N,).
        modalities: in the model's order.
    """
    size = np.abs(values)
    is_real = not np.iscomplexobj(values) or bool(np.abs(values.imag).max() <= 1e-9 * size.max())
    if is_real:
        lengths = np.real(values)
        axis_title = "coefficient"
    else:
        lengths = size
        axis_title = "size of the coefficient"
    tips = []
    for name, value in zip(names, np.asarray(values, complex), strict=True):
        tip = f"{label(name)}: {value.real:+.4f}"
        if not is_real:
            tip += f" {value.imag:+.4f} i"
        tips.append(tip)
    figure = base_figure(
        74 + 21 * len(names),
        left=10,
        right=20,
        top=8,
        bottom=46,
        x_title=axis_title,
        x_axis={"nticks": 7, "zeroline": True, "zerolinecolor": LINE},
        rows=[label(name, 48) for name in names],
    )
    figure.add_bar(
        x=lengths,
        y=list(range(len(names))),
        orientation="h",
        customdata=tips,
        marker={
            "color": [term_colour(term, modalities) for term in terms],
            "line": {"width": 0},
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(bargap=0.25)
    return figure


@checks_arrays(values="N+")
def decay_modes(values: np.ndarray, gap: float) -> Figure:
    """Draw the generator's eigenvalues in the complex plane, the spectral gap marked.

    Args:
        values: complex, (D^2,). gap: distance of the slowest decaying mode from the imaginary axis.
    """
    figure = base_figure(
        380,
        top=22,
        x_title="real part: rate (1 / time)",
        y_title="imaginary part: frequency",
        x_axis={"nticks": 7},
        y_axis={"nticks": 7},
    )
    still = values.real > -1e-9 * max(float(np.abs(values).max()), 1e-300)
    for name, chosen, colour, size in (
        ("decays", ~still, BLUE, 5),
        ("stays", still, VERMILLION, 9),
    ):
        add_marks(
            figure,
            values.real[chosen],
            values.imag[chosen],
            fade_colour(colour, 0.75),
            size,
            hovertemplate=f"{name}: rate %{{x:.3f}}, frequency %{{y:.3f}}<extra></extra>",
        )
    if gap > 0:
        figure.add_vline(x=-gap, line={"color": QUIET, "width": 1.5, "dash": "dash"})
        add_head(figure, f"gap {gap:.3g}", -gap, hue=QUIET)
    return figure


# Who shares how much with whom at a time: a triangle, or polygon, of the modalities, and the same over time.

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
                f"{' : '.join(map(label, pair))}: {value:.4f} nats",
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
            name=" : ".join(label(name, 20) for name in pair),
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
