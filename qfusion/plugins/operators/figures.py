"""Charts of decision operators: spectra, the composition of eigenvectors, and samples along two eigenvectors."""

from collections.abc import Sequence

import numpy as np

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_head, add_legend_mark, add_marks, segment, selection
from qfusion.figures.state_charts import basis_labels, colour_bar
from qfusion.figures.style import (
    CYCLIC_SCALE,
    INK,
    LINE,
    PAPER,
    QUIET,
    STATE_HUES,
    Attributes,
    add_ring,
    axis,
    base_figure,
    fade_colour,
    label,
    row_axis,
    term_colour,
    title_with_unit,
)

MAX_BARS = 64


def group_levels(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return at most `MAX_BARS` bars of an ascending spectrum: mean vote and summed weights of neighbours, and how
    many share a bar.

    Args:
        values: (K,); weights: (..., K).
    """
    K = len(values)
    size = -(-K // MAX_BARS)
    edges = np.arange(0, K, size)
    return (
        np.add.reduceat(values, edges) / np.diff(np.append(edges, K)),
        np.add.reduceat(weights, edges, axis=-1),
        size,
    )


@checks_arrays(votes="K", sample="K", cohort="K")
def spectrum(
    votes: np.ndarray,
    sample: np.ndarray,
    cohort: np.ndarray,
    *,
    unit: str = "score",
    sample_name: str = "this sample",
    cohort_name: str = "all samples",
) -> Figure:
    """Draw the votes of the eigenstates as bars around the baseline, and below them the weight of a sample on each.

    Args:
        votes: eigenvalues minus the baseline, ascending, (K,); many are drawn in groups of neighbours.
        sample, cohort: weight of one sample and mean weight of many on each eigenstate, (K,), adding up to 1.
    """
    bars, (own, mean), size = group_levels(np.asarray(votes), np.stack([sample, cohort]))
    places = np.arange(len(bars))

    text = "eigenstate"
    axis_title = "eigenstates, from most against to most for"
    if size > 1:
        text = f"{size} eigenstates"
        axis_title += f" ({size} in each bar)"
    gap = 0.15 if len(bars) < 40 else 0.05
    figure = base_figure(
        430,
        legend=True,
        right=20,
        top=8,
        x_title=axis_title,
        y_title=title_with_unit("vote above baseline", unit, "<br>"),
    )
    for name, chosen, pattern in (("votes for", bars >= 0, ""), ("votes against", bars < 0, "/")):
        figure.add_trace(
            {
                "type": "bar",
                "x": places[chosen],
                "y": bars[chosen],
                "name": name,
                "marker": {
                    "color": QUIET,
                    "line": {"width": 1, "color": QUIET},
                    "pattern": {"shape": pattern, "fgcolor": QUIET, "bgcolor": PAPER},
                },
                "hovertemplate": f"{text} %{{x}}: %{{y:+.3f}}<extra>{name}</extra>",
            }
        )
    figure.add_bar(
        x=places,
        y=own,
        yaxis="y2",
        name=label(sample_name),
        marker={"color": INK, "line": {"width": 0}},
        hovertemplate="%{y:.1%}<extra>" + label(sample_name) + "</extra>",
    )
    add_marks(
        figure,
        places,
        mean,
        PAPER,
        8,
        symbol="diamond",
        rim=1.6,
        rim_hue=QUIET,
        yaxis="y2",
        name=label(cohort_name),
        hovertemplate="%{y:.1%}<extra>" + label(cohort_name) + "</extra>",
    )
    figure.update_layout(
        bargap=gap,
        xaxis={"anchor": "y2", "range": [-0.7, len(bars) - 0.3]},
        yaxis={"domain": [0.46, 1.0]},
        yaxis2=axis("weight") | {"domain": [0.0, 0.36], "tickformat": ".0%", "rangemode": "tozero"},
    )
    if len(bars) <= 16:
        figure.update_xaxes(dtick=1)
    figure.add_shape(segment((0, 1), (0, 0), xref="paper", yref="y"))
    return figure


@checks_arrays()
def eigenvector_bars(amplitudes: np.ndarray, dims: Sequence[int]) -> Figure:
    """Draw the composition of an eigenvector: the population of every basis state as height, its phase as colour.

    Args:
        amplitudes: (d,) complex, d the product of dims.
    """
    names = basis_labels(dims)
    check(
        amplitudes.shape == (len(names),),
        f"Argument `amplitudes` must have shape ({len(names)},), but has shape {amplitudes.shape}.",
    )
    populations = np.abs(amplitudes) ** 2
    phases = np.angle(amplitudes)
    places = np.arange(len(names))

    step = -(-len(names) // 8)  # level kets have room for eight
    figure = base_figure(
        250,
        left=54,
        right=10,
        top=10,
        x_title="basis state",
        y_title="population",
        y_axis={"rangemode": "tozero", "tickformat": ".0%"},
    )
    figure.add_bar(
        x=places,
        y=populations,
        customdata=list(zip(names, phases, strict=True)),
        marker={
            "color": phases,
            "colorscale": CYCLIC_SCALE,
            "cmin": -np.pi,
            "cmax": np.pi,
            "line": {"width": 0},
            "colorbar": colour_bar(
                "phase (rad)",
                thickness=10,
                tickvals=[-np.pi, 0, np.pi],
                ticktext=["−π", "0", "π"],
            ),
        },
        hovertemplate="|%{customdata[0]}⟩: %{y:.1%}, phase %{customdata[1]:+.2f} rad<extra></extra>",
    )
    figure.update_xaxes(
        tickvals=places[::step], ticktext=[f"|{name}⟩" for name in names[::step]], tickangle=0
    )
    return figure


@checks_arrays(elements="n", modalities="M", votes="K", bits="K M n")
def outcome_patterns(
    bits: np.ndarray,
    votes: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    all_modalities: Sequence[str],
) -> Figure:
    """Draw outcome patterns as rows of dots, filled where the qubit of an element reads 1, in a block per modality.

    Args:
        bits: (K, M, n) of 0 and 1, for patterns, modalities and elements.
        votes: (K,) in descending order.
        elements: names of the n elements.
        modalities: names of the M modalities.
        all_modalities: of the model, in its order; fixes the colours.
    """
    k, count, n = bits.shape
    figure = base_figure(
        92 + 27 * k,
        left=10,
        right=10,
        top=30,
        bottom=44,
        x_title="element (filled: its qubit reads 1)",
    )
    ticks: list[int] = []
    for m, name in enumerate(modalities):
        hue = term_colour(name, all_modalities)
        rows, columns = np.indices((k, n))
        reads_one = bits[:, m].astype(bool)
        first = m * (n + 1)  # one column stays free between blocks
        x = columns + first
        ticks += range(first, first + n)
        add_marks(
            figure,
            x[reads_one],
            rows[reads_one],
            hue,
            13,
            rim=1.5,
            rim_hue=hue,
            name=f"{label(name)} reads 1",
            hoverinfo="skip",
        )
        add_marks(
            figure,
            x[~reads_one],
            rows[~reads_one],
            PAPER,
            13,
            rim=1.2,
            rim_hue=LINE,
            hoverinfo="skip",
            showlegend=False,
        )
        add_head(figure, f"<b>{label(name)}</b>", first + (n - 1) / 2, hue=hue)
    short = [label(name, 9) for name in elements]
    angle = 0 if max(map(len, short)) <= 2 else -40
    figure.update_xaxes(
        tickvals=ticks,
        ticktext=short * count,
        showline=False,
        ticks="",
        range=[-0.6, count * (n + 1) - 1.4],
        tickangle=angle,
    )
    figure.update_yaxes(**row_axis([true_minus(f"{vote:+.2f}") for vote in votes], 0.4, 0.6))
    first_negative = int(np.searchsorted(-np.asarray(votes), 0))
    if 0 < first_negative < k:
        figure.add_hline(y=first_negative - 0.5, line={"color": LINE, "width": 1, "dash": "dot"})
    return figure


@checks_arrays(modalities="M", elements="n", values="M n")
def element_effects(
    values: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    all_modalities: Sequence[str],
    *,
    unit: str = "score",
) -> Figure:
    """Draw how the score changes when one element turns from no to yes, (|S|, n): bars in the modalities' colours."""

    places = list(range(len(elements)))
    figure = base_figure(
        260,
        legend=len(modalities) > 1,
        right=10,
        top=8,
        y_title=f"change of {label(unit)}",
        x_title="element that turns from 0 to 1",
    )
    for m, name in enumerate(modalities):
        figure.add_trace(
            {
                "type": "bar",
                "x": places,
                "y": values[m],
                "customdata": [label(element) for element in elements],
                "name": label(name),
                "marker": {"color": term_colour(name, all_modalities)},
                "hovertemplate": "%{customdata}: %{y:+.3f}<extra>" + label(name) + "</extra>",
            }
        )
    figure.update_xaxes(tickvals=places, ticktext=[label(name, 14) for name in elements])
    figure.add_hline(y=0, line={"color": LINE, "width": 1})
    return figure


@checks_arrays(ids="N", x="N", y="N", truth="N")
def extreme_plane(
    ids: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    x_title: str,
    y_title: str,
    *,
    truth: np.ndarray,
    truth_name: str,
    split: bool = False,
    chosen: str | None = None,
    shares: tuple[bool, bool] = (True, True),
    shared: int = 0,
) -> Figure:
    """Draw samples along two axes, coloured by truth, with ids in `customdata`; the chosen one has a ring.

    Args:
        ids: of the samples, (N,).
        x, y: (N,).
        truth: (N,) numbers on a signed scale around their middle, or with `split` 1 for samples of the class and 0 for
            others.
        truth_name: what `truth` holds, or with `split` the class.
        split: whether samples of a class are told from others.
        chosen: id of the sample with a ring.
        shares: whether x and y are shares of 1, written in per cent.
        shared: places at which there are samples of the class and others, for the legend.
    """
    x_form, y_form = (".1%" if is_share else "+.2f" for is_share in shares)
    x_ticks, y_ticks = (".1~%" if is_share else "" for is_share in shares)
    tip = (
        f"<b>%{{text}}</b><br>{label(x_title)}: %{{x:{x_form}}}<br>"
        f"{label(y_title)}: %{{y:{y_form}}}<extra></extra>"
    )
    names = np.array([label(name) for name in ids], dtype=object)
    all_ids = np.asarray(list(ids), dtype=object)
    figure = base_figure(
        400,
        legend=split,
        right=10 if not split else 16,
        x_title=label(x_title, 90),
        y_title=label(y_title, 90),
        x_axis={"tickformat": x_ticks},
        y_axis={"tickformat": y_ticks},
    )

    def add_samples(rows: np.ndarray, name: str, marker: Attributes) -> None:
        figure.add_scatter(
            x=x[rows],
            y=y[rows],
            mode="markers",
            name=name,
            customdata=all_ids[rows].tolist(),
            text=names[rows],
            hovertemplate=tip,
            **selection(1, 0.6),
            marker={"size": 7} | marker,
        )

    marker: Attributes
    if split:
        # open markers around filled ones: samples of both classes can be at the same place
        for name, flag, hue, look in (
            (f"other than {label(truth_name)}", 0, QUIET, {"symbol": "circle", "size": 4}),
            (
                f"truly {label(truth_name)}",
                1,
                STATE_HUES[0],
                {"symbol": "diamond-open", "size": 10},
            ),
        ):
            add_samples(truth == flag, name, {"color": fade_colour(hue, 0.7), **look})
        if shared:
            add_legend_mark(
                figure,
                f"both at one place ({shared:,})",
                {"symbol": "diamond-open-dot", "size": 10, "color": STATE_HUES[0]},
            )
    else:
        reach = float(np.abs(truth).max(initial=0)) or 1.0
        marker = {
            "color": truth,
            "cmin": -reach,
            "cmax": reach,
            "line": {"width": 0.4, "color": QUIET},
            "colorscale": SIGNED_SCALE,
            "colorbar": colour_bar(label(truth_name)),
        }
        add_samples(np.ones(len(names), dtype=bool), "samples", marker)
    add_ring(figure, ids, x, y, chosen, name="chosen", showlegend=False)
    return figure
