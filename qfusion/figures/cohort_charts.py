"""Many samples: all of them, a cohort and one sample on the same axes."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfusion.explain.bootstrap import Interval
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_legend_mark,
    add_marks,
    add_note,
    add_row_bars,
    add_vertical_rule,
    error_bars,
    outside_texts,
    selection,
)
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    PAPER,
    add_ring,
    axis,
    base_figure,
    fade_colour,
    label,
    row_axis,
    term_colour,
    term_title,
    title_with_unit,
    write_note,
)

NO_ROWS = "No sample of this cohort is explained."


@checks_arrays()
def violins(
    whole: Mapping[str, np.ndarray],
    cohort: Mapping[str, np.ndarray] | None,
    sample: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    whole_name: str = "all",
    cohort_name: str = "cohort",
) -> Figure:
    """Draw the distribution of every term, all samples above the line, open, and the cohort below it, filled; the
    sample as a diamond.

    Args:
        whole, cohort: dividends (n,) and (k,) keyed by coalition; no cohort where it is all samples.
        sample: of one sample; empty for none.
    """
    terms = list(whole)
    figure = base_figure(96 + 62 * len(terms), left=10, legend=True)
    if not len(next(iter(whole.values()), [])):
        return write_note(figure, NO_ROWS)
    if cohort is None:
        levels = [(whole, "both", whole_name, 0.35)]
    else:
        levels = [(whole, "negative", whole_name, 0.0), (cohort, "positive", cohort_name, 0.35)]
    for values, side, name, opacity in levels:
        for row, term in enumerate(terms):
            hue = term_colour(term, modalities)
            numbers = np.asarray(values[term], dtype=float)
            if len(numbers) < 2 or np.ptp(numbers) == 0:
                add_marks(
                    figure,
                    numbers[:1],
                    [row] * len(numbers[:1]),
                    hue,
                    12,
                    symbol="line-ns-open",
                    showlegend=False,
                    hoverinfo="skip",
                )
            else:
                figure.add_violin(
                    x=numbers,
                    y0=row,
                    orientation="h",
                    side=side,
                    width=0.95,
                    points=False,
                    spanmode="hard",
                    name=label(name),
                    showlegend=False,
                    line={"color": hue, "width": 1.5},
                    fillcolor=fade_colour(hue, opacity),
                    meanline={"visible": True},
                    hoveron="violins",
                    hoverinfo="skip",
                )
    if cohort is not None:
        _explain_levels(figure, whole_name, cohort_name, "square")
    _diamonds(
        figure,
        [sample[term] for term in terms if term in sample],
        [row for row, term in enumerate(terms) if term in sample],
    )
    figure.update_yaxes(
        **row_axis([term_title(term) for term in terms], 0.4, 0.6),
    )
    figure.update_xaxes(title_text=title_with_unit("contribution", unit))
    add_vertical_rule(figure, 0)
    return figure


@checks_arrays(cohort="N", group="N")
def boxes(
    whole: Mapping[str, np.ndarray],
    cohort: np.ndarray,
    group: np.ndarray,
    names: Sequence[str],
    modalities: Sequence[str],
    *,
    sample: tuple[str, Mapping[str, float]] | None = None,
    by: str = "",
    unit: str = "score",
    whole_name: str = "all",
    cohort_name: str = "cohort",
) -> Figure:
    """Draw every term by group: quartiles as boxes with whiskers from the 5th to the 95th percentile, open for all,
    filled for the cohort, which is left out where it is all samples.

    Args:
        whole: dividends (n,) keyed by coalition. cohort: which rows belong to it, bool (n,). group: the group of each
            row (n,).
        names: of the groups, in order. sample: its group and its dividends.
    """
    terms = list(whole)
    figure = base_figure(150 + 92 * len(terms), left=66, legend=True, top=34, bottom=82)
    if not len(group):
        return write_note(figure, NO_ROWS)
    height = 1 / max(len(terms), 1)
    everyone = np.ones(len(group), dtype=bool)
    if cohort.all():
        levels = [(everyone, whole_name, 0.35)]
    else:
        levels = [(everyone, whole_name, 0.0), (cohort, cohort_name, 0.35)]
    titles = {}
    for name in names:
        sizes = (f"{int((keep & (group == name)).sum()):,}" for keep, *_ in levels)
        titles[name] = f"{label(name, 24)}<br>n {' | '.join(sizes)}"
    figure.update_layout(legend_y=1 + 22 / (92 * len(terms)))
    for row, term in enumerate(terms):
        place = "y" if row == 0 else f"y{row + 1}"
        colour = term_colour(term, modalities)
        for keep, level, opacity in levels:
            parts = [whole[term][keep & (group == name)] for name in names]
            filled = [i for i, part in enumerate(parts) if len(part)]
            if not filled:
                continue
            low, q1, middle, q3, high = np.array(
                [np.percentile(parts[i], (5, 25, 50, 75, 95)) for i in filled]
            ).T
            figure.add_box(
                x=[titles[names[i]] for i in filled],
                lowerfence=low,
                q1=q1,
                median=middle,
                q3=q3,
                upperfence=high,
                yaxis=place,
                offsetgroup=level,
                showlegend=False,
                line={"color": colour, "width": 1.5},
                fillcolor=fade_colour(colour, opacity),
                name=label(level),
            )
        if sample is not None and sample[0] in names and term in sample[1]:
            _add_diamonds(
                figure,
                [titles[sample[0]]],
                [sample[1][term]],
                yaxis=place,
                showlegend=False,
                hovertemplate="the sample: %{y:+.3f}<extra></extra>",
            )
        top = 1 - row * height
        figure.update_layout(
            {
                f"yaxis{'' if row == 0 else row + 1}": axis()
                | {
                    "domain": [top - 0.8 * height, top],
                    "zeroline": True,
                    "zerolinecolor": LINE,
                    "nticks": 4,
                }
            }
        )
        add_note(
            figure,
            f"<b>{term_title(term)}</b>",
            0.003,
            top,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=-2,
        )
    if len(levels) > 1:
        _explain_levels(figure, whole_name, cohort_name, "square")
    if sample:
        add_legend_mark(figure, "this sample", {"symbol": "diamond", "size": 11, "color": INK})
    sizes_of = " (n of all | of the cohort)" if len(levels) > 1 else ""
    figure.update_layout(
        boxmode="group",
        xaxis={
            "type": "category",
            "categoryarray": list(titles.values()),
            "anchor": "y" if len(terms) == 1 else f"y{len(terms)}",
            "categoryorder": "array",
            "title": {
                "text": f"{label(by)}{sizes_of}; boxes: {title_with_unit('contribution', unit)}"
            },
        },
    )
    return figure


@checks_arrays("errors")
def relation_bars(
    kinds: Sequence[str],
    whole: Sequence[int],
    cohort: Sequence[int] | None,
    errors: Sequence[tuple[Interval, Interval]],
    *,
    chosen: str = "",
    whole_name: str = "all",
    cohort_name: str = "cohort",
) -> Figure:
    """Draw the number of samples of each type, and their mean error with its interval.

    `customdata` of a bar is its type.

    Args:
        whole, cohort: counts of each type; no cohort where it is all samples. chosen: type of the sample.
        errors: mean error of all and of the cohort; empty where no truth is known.
    """
    rows = np.arange(len(kinds))
    figure = base_figure(110 + 62 * len(kinds), left=10, legend=cohort is not None, right=24)
    if cohort is None:
        levels = [(whole, GREY, 0.0, whole_name)]
    else:
        levels = [(whole, GREY, -0.19, whole_name), (cohort, INK, 0.19, cohort_name)]
    for counted, hue, shift, name in levels:
        total = max(sum(counted), 1)
        add_row_bars(
            figure,
            np.asarray(counted) / total,
            {"color": fade_colour(hue, 0.75)},
            y=rows + shift,
            width=0.34,
            name=label(name),
            showlegend=False,
            customdata=list(kinds),
            **selection(1, 1),
            hovertemplate="%{customdata}: %{text}<br>click to make it the cohort<extra></extra>",
            **outside_texts([f"{n:,} ({_short_share(n / total)})" for n in counted]),
        )
    for own, (_, hue, shift, _) in zip(zip(*errors, strict=True), levels, strict=False):
        _intervals(figure, own, rows + shift, [hue] * len(own), "x2", "mean error")
    if cohort is not None:
        for _, hue, _, name in levels:
            add_legend_mark(figure, label(name), {"symbol": "square", "size": 11, "color": hue})
    shares = [n / max(sum(counted), 1) for counted, *_ in levels for n in counted]
    figure.update_yaxes(
        **row_axis(
            [
                f"<b>{label(kind)}</b><br>◆ this sample" if kind == chosen else label(kind)
                for kind in kinds
            ],
            0.45,
            0.55,
        ),
    )
    figure.update_layout(
        clickmode="event+select",
        xaxis={
            "domain": [0, 0.6],
            "range": [0, 1.45 * max(0.1, *shares)],
            "tickformat": ".0%",
            "title": {"text": "part of the samples"},
        },
        xaxis2=axis() | {"domain": [0.72, 1], "anchor": "y", "rangemode": "tozero"},
    )
    if errors:
        figure.update_layout(xaxis2_title_text="mean error", xaxis2_nticks=4)
    else:
        figure.update_layout(xaxis={"domain": [0, 1]}, xaxis2_visible=False)
    return figure


@checks_arrays("whole", "cohort")
def share_bars(
    whole: Mapping[str, Interval],
    cohort: Mapping[str, Interval] | None,
    sample: Mapping[str, float],
    modalities: Sequence[str],
    *,
    whole_name: str = "all",
    cohort_name: str = "cohort",
) -> Figure:
    """Draw the mean share of every modality with its interval: an open mark for all, a filled one for the cohort, the
    sample as a diamond.

    Args:
        whole, cohort: by modality; no cohort where it is all samples. sample: of one sample; empty for none.
    """
    rows = np.arange(len(modalities))
    figure = base_figure(
        96 + 52 * len(modalities),
        left=10,
        legend=True,
        x_title="share of the decision, |Shapley value| / sum",
        x_axis={"tickformat": ".0%", "rangemode": "tozero"},
    )
    if cohort is None:
        levels = [(whole, 0.0, whole_name, "circle")]
    else:
        levels = [(whole, -0.17, whole_name, "circle-open"), (cohort, 0.17, cohort_name, "circle")]
        _explain_levels(figure, whole_name, cohort_name, "circle")
    hues = [term_colour(name, modalities) for name in modalities]
    for level, shift, level_name, symbol in levels:
        estimates = [level[name] for name in modalities]
        _intervals(figure, estimates, rows + shift, hues, "x", level_name, symbol)
    _diamonds(
        figure, [sample[name] for name in modalities if name in sample], list(rows[: len(sample)])
    )
    figure.update_yaxes(
        **row_axis([label(name) for name in modalities], 0.4, 0.6),
    )
    return figure


@checks_arrays(ids="N", x="N", y="N", cohort="N")
def scatter(
    ids: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    x_title: str,
    y_title: str,
    *,
    cohort: np.ndarray | None = None,
    chosen: str | None = None,
    captions: Sequence[str] | None = None,
    diagonal: bool = False,
    zero: bool = False,
    whole_name: str = "others",
    cohort_name: str = "samples",
) -> Figure:
    """Draw every sample as a point with its id in `customdata`, those of a cohort in colour; the chosen one ringed.

    Args:
        ids: (N,) sample ids; x, y: (N,) values, with their axis titles (unit included).
        cohort: which samples are of it, bool (N,); all unless told.
        captions: (N,) text for the hover, from data: escaped here.
        diagonal, zero: draw the line y = x (truth against prediction), or y = 0 (below it are the wrong ones).
    """
    inside = np.ones(len(ids), dtype=bool) if cohort is None else cohort
    figure = base_figure(
        400, legend=cohort is not None, x_title=label(x_title, 90), y_title=label(y_title, 70)
    )
    figure.update_yaxes(zeroline=zero, zerolinecolor=LINE)
    if not len(ids):
        return write_note(figure, "No sample passes the filters." if cohort is None else NO_ROWS)
    if diagonal:
        reach = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        figure.add_scatter(
            x=reach,
            y=reach,
            mode="lines",
            line={"color": LINE, "dash": "dot"},
            hoverinfo="skip",
        )
    for keep, hue, name, size in (
        (~inside, GREY, whole_name, 6),
        (inside, INK, cohort_name, 7),
    ):
        if keep.any():
            add_marks(
                figure,
                x[keep],
                y[keep],
                fade_colour(hue, 0.5),
                size,
                rim=0,
                customdata=list(itertools.compress(ids, keep)),
                text=list(itertools.compress(_tips(ids, captions), keep)),
                name=label(name),
                **selection(1, 0.6),
                hovertemplate=f"%{{text}}<br>{label(x_title)}: %{{x:.3f}}<br>{label(y_title)}: %{{y:.3f}}"
                "<br>click to open it<extra></extra>",
            )
    return add_ring(figure, ids, x, y, chosen, name="this sample")


def _tips(ids: Sequence[str], captions: Sequence[str] | None) -> list[str]:
    """Return the hover texts of points: the ids in bold, with captions below them."""
    texts = [f"<b>{label(name)}</b>" for name in ids]
    if captions is None:
        return texts
    return [f"{head}<br>{label(words, 80)}" for head, words in zip(texts, captions, strict=True)]


def _intervals(
    figure: Figure,
    estimates: Sequence[Interval],
    y: np.ndarray,
    hues: Sequence[str],
    xaxis: str,
    name: str,
    symbol: str = "circle",
) -> None:
    for i, estimate in enumerate(estimates):
        if not np.isfinite(estimate.value):
            continue
        plus = _bar_length(estimate.value, estimate.high)
        minus = _bar_length(estimate.low, estimate.value)
        add_marks(
            figure,
            [estimate.value],
            [y[i]],
            hues[i],
            10,
            symbol=symbol,
            rim=2,
            rim_hue=hues[i],
            xaxis=xaxis,
            showlegend=False,
            name=label(name),
            error_x=error_bars([plus], hues[i], minus=[minus], width=5),
            hovertemplate=f"{label(name)}: %{{x:.3f}} ({estimate.value - minus:.3f} to "
            f"{estimate.value + plus:.3f})<extra></extra>",
        )


def _bar_length(low: float, high: float) -> float:
    """Return the length of an error bar from `low` to `high`, 0 where one of them is not finite."""
    if not np.isfinite(low + high):
        return 0.0
    return max(0.0, high - low)


def _diamonds(figure: Figure, x: Sequence[float], y: Sequence[float]) -> None:
    """Add the places of the sample."""
    if len(x):
        _add_diamonds(
            figure,
            x,
            y,
            name="this sample",
            hovertemplate="this sample: %{x:.3f}<extra></extra>",
        )


def _add_diamonds(figure: Figure, x: Sequence[Any], y: Sequence[float], **more: Any) -> None:
    add_marks(figure, x, y, INK, 10, symbol="diamond", rim=1.5, rim_hue=PAPER, **more)


def _explain_levels(figure: Figure, whole_name: str, cohort_name: str, symbol: str) -> None:
    """Say in the legend that marks of all samples are open, and those of the cohort filled."""
    for name, look in ((whole_name, f"{symbol}-open"), (cohort_name, symbol)):
        marker = {"symbol": look, "size": 11, "color": GREY, "line": {"width": 2, "color": GREY}}
        add_legend_mark(figure, label(name), marker)


def _short_share(part: float) -> str:
    """Return a share of samples; one above 0 is never written as 0%."""
    return "< 1%" if 0 < part < 0.005 else f"{part:.0%}"
