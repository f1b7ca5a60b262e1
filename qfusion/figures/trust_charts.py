"""How far explanations can be trusted: planted truth, deletion curves, other methods, and training seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._sentences import true_minus
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_band, add_line, add_marks, add_row_bars, add_vertical_rule
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    add_panes,
    base_figure,
    fade_colour,
    halo,
    label,
    term_colour,
    term_title,
    title_with_unit,
)

COLUMNS = 3  # of small scatters


@checks_arrays(ids="B", terms="T", true="B T", ours="B T")
def truth_scatter(
    true: np.ndarray,
    ours: np.ndarray,
    terms: Sequence[str],
    ranks: np.ndarray,
    modalities: Sequence[str],
    *,
    ids: Sequence[str],
    chosen: int | None = None,
    unit: str = "score",
    same_unit: bool = True,
) -> Figure:
    """Draw small scatters, one a coalition: true dividend across, exact dividend up, with a dotted line: the diagonal
    where both have the same unit, else the line of least squares.

    Args:
        true, ours: (B, terms). ranks: rank correlations, (terms,). ids: of the samples; chosen: place of the one that
            is ringed. unit: of the exact dividends. same_unit: whether it is that of the true ones.
    """
    figure = base_figure(40 + 225 * -(-len(terms) // COLUMNS), left=62, right=8, top=6, bottom=46)
    titles = [
        f"<b>{term_title(term)}</b><br>ρ = {true_minus(format(rank, '.2f'))}"
        for term, rank in zip(terms, ranks, strict=True)
    ]
    places = add_panes(
        figure,
        titles,
        COLUMNS,
        head=56,
        foot=34,
        x_title="true contribution",
        y_title=title_with_unit("contribution", unit),
    )
    names = [label(name) for name in ids]
    for i, (term, place) in enumerate(zip(terms, places, strict=True)):
        if same_unit:
            line = [
                float(min(true[:, i].min(), ours[:, i].min())),
                float(max(true[:, i].max(), ours[:, i].max())),
            ]
            reach = line
        else:
            reach = [float(true[:, i].min()), float(true[:, i].max())]
            line = np.polyval(np.polyfit(true[:, i], ours[:, i], 1), reach).tolist()
        figure.add_scatter(
            x=reach,
            y=line,
            mode="lines",
            line={"color": LINE, "dash": "dot"},
            hoverinfo="skip",
            **place,
        )
        add_marks(
            figure,
            true[:, i],
            ours[:, i],
            fade_colour(term_colour(term, modalities), 0.5),
            4,
            rim=0,
            text=names,
            **place,
            hovertemplate="%{text}<br>true %{x:+.2f}, explained %{y:+.2f}<extra></extra>",
        )
        if chosen is not None:
            add_marks(
                figure,
                true[[chosen], i],
                ours[[chosen], i],
                INK,
                12,
                symbol="circle-open",
                rim=2,
                hoverinfo="skip",
                **place,
            )
    figure.update_xaxes(nticks=4, tickangle=0)
    figure.update_yaxes(nticks=4)
    return figure


@checks_arrays(shares="K", ours="K", random="R K")
def deletion_curves(
    shares: np.ndarray,
    ours: np.ndarray,
    random: np.ndarray,
    *,
    what: str,
    unit: str,
    hue: str | None = None,
) -> Figure:
    """Draw one deletion or insertion curve over the share of players, with the band and mean of random orders.

    Args:
        shares: (K,); ours: (K,); random: (R, K).
        what: axis name of the share, such as "modalities taken away"; unit: of the change.
        hue: of our line, such as a modality's colour.
    """
    figure = base_figure(
        300,
        legend=True,
        right=14,
        top=8,
        x_title=label(what),
        y_title=label(unit),
        x_axis={"tickformat": ".0%", "range": [-0.02, 1.02]},
        y_axis={"rangemode": "tozero"},
    )
    add_band(
        figure,
        shares,
        random.min(0),
        random.max(0),
        fade_colour(GREY, 0.3),
        name=f"{len(random)} random orders",
    )
    add_line(
        figure,
        shares,
        random.mean(0),
        GREY,
        2,
        dash="dash",
        name="their mean",
        hovertemplate="random: %{y:.3f}<extra></extra>",
    )
    add_line(
        figure,
        shares,
        ours,
        hue or INK,
        2.5,
        mode="lines+markers",
        name="most important first",
        marker={"size": 6},
        hovertemplate="%{x:.0%}: %{y:.3f}<extra></extra>",
    )
    return figure


@checks_arrays()
def rank_bars(
    ranks: Mapping[str, tuple[float, float]],
    modalities: Sequence[str],
    *,
    floor: float,
    x_title: str = "rank correlation",
) -> Figure:
    """Draw the mean rank correlation of each term as a bar, the lowest pair as a tick, and a line at the threshold
    above which an order counts as preserved.
    """
    names = list(ranks)
    places = list(range(len(ranks)))
    means = np.array([ranks[name][0] for name in names])
    lowest = np.array([ranks[name][1] for name in names])
    hues = [term_colour(name, modalities) for name in names]
    figure = base_figure(
        76 + 28 * len(ranks),
        left=10,
        right=40,
        top=6,
        bottom=44,
        x_title=label(x_title, 90),
        x_axis={"range": [min(0.0, float(lowest.min()) - 0.05), 1.08]},
        rows=[term_title(name) for name in names],
    )
    add_row_bars(
        figure,
        means,
        {
            "color": [
                fade_colour(hue, 0.55) if "+" in name else hue
                for hue, name in zip(hues, names, strict=True)
            ],
            "line": {"color": hues, "width": 1.5},
        },
        customdata=lowest,
        text=[f"{value:.2f}" for value in means],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": INK, "shadow": halo()},
        hovertemplate="mean %{x:.3f}, lowest %{customdata:.3f}<extra></extra>",
    )
    add_marks(
        figure, lowest, places, INK, 13, symbol="line-ns-open", rim=2, rim_hue=INK, hoverinfo="skip"
    )
    add_vertical_rule(figure, floor, hue=QUIET, dash="dot")
    return figure


@checks_arrays(seeds="R", terms="T", values="R T")
def seed_dots(
    values: np.ndarray,
    terms: Sequence[str],
    modalities: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
) -> Figure:
    """Draw one sample's terms by every training seed: a dot a seed, the shipped one's filled, and a bar from the lowest
    to the highest.

    Args:
        values: (R, terms), the shipped seed first.
    """
    figure = base_figure(
        76 + 28 * len(terms),
        left=10,
        top=6,
        bottom=44,
        x_title=label(unit),
        rows=[term_title(term) for term in terms],
    )
    for i, term in enumerate(terms):
        hue = term_colour(term, modalities)
        add_line(
            figure,
            [values[:, i].min(), values[:, i].max()],
            [i, i],
            fade_colour(hue, 0.45),
            8,
            hoverinfo="skip",
        )
        add_marks(
            figure,
            values[1:, i],
            [i] * (len(seeds) - 1),
            hue,
            8,
            symbol="circle-open",
            rim=2,
            text=[f"seed {seed}" for seed in seeds[1:]],
            hovertemplate="%{text}: %{x:+.3f}<extra></extra>",
        )
        add_marks(
            figure,
            values[:1, i],
            [i],
            hue,
            10,
            rim=1.5,
            rim_hue=INK,
            text=[f"seed {seeds[0]}, the model shown"],
            hovertemplate="%{text}: %{x:+.3f}<extra></extra>",
        )
    add_vertical_rule(figure, 0)
    return figure
