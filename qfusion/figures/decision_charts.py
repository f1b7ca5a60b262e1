"""Charts of one decision: a waterfall of its contributions, Shapley values, its place on the scale of the target."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import bars_meta, part_meta
from qfusion.figures.parts import (
    add_line,
    add_marks,
    add_note,
    add_row_bars,
    add_vertical_rule,
    error_bars,
    outside_texts,
    segment,
)
from qfusion.figures.style import (
    INK,
    LINE,
    PAPER,
    QUIET,
    Attributes,
    base_figure,
    fade_colour,
    format_signed,
    halo,
    label,
    split_term,
    term_colour,
    term_title,
    title_with_unit,
)
from qfusion.study.sample import select_shown_terms

PALE = 0.35  # opacity of a pale bar
LABEL_SHARE = 0.17  # of an axis, which the value of a bar takes in a narrow figure
ERRORS_OF_95 = 1.96  # standard errors on each side of a normal interval of 95%


@checks_arrays()
def waterfall(
    dividends: Mapping[str, float],
    modalities: Sequence[str],
    *,
    truth: float | None = None,
    errors: Mapping[str, float] | None = None,
    pale: Collection[str] = (),
    unit: str = "score",
    quantity: str = "score",
    compact: bool = False,
) -> Figure:
    """Draw the contributions of one decision as a waterfall: baseline, single modalities, joint terms, total.

    Args:
        dividends: Harsanyi dividend of every coalition (unit of the output), keyed `""`, `"text"`, `"text+audio"`, ...;
            the empty coalition is the baseline.
        modalities: in the model's order; fixes the colours.
        truth: annotated value, drawn as a vertical line.
        errors: standard errors of the dividends, drawn as whiskers of 95% at the ends of the bars; a bar of several
            terms has none.
        pale: terms whose bars are drawn pale, such as those within their spread over training seeds.
        unit: name of the axis.
        quantity: name of the total, "log-odds" or "score".
        compact: small version without axis titles.
    """
    check(
        "" in dividends,
        'Argument `dividends` must have the empty coalition "" (the baseline), but has none.',
    )
    names, (steps,), marker = waterfall_steps([dividends], modalities, quantity, pale)
    ends = np.cumsum(steps)
    if compact:
        height = 206
        bottom = 22
        title = ""
        text_size = 11
        tick_size = 11
        margin = 0.3
    else:
        height = 72 + 31 * len(names)
        bottom = 44
        title = label(unit)
        text_size = 12
        tick_size = 13
        margin = 0.18

    figure = base_figure(
        height,
        left=10,
        top=22,
        bottom=bottom,
        rows=names,
        x_title=title,
        y_axis={"tickfont": {"size": tick_size, "color": INK}},
    )
    values = add_steps(figure, dividends, names, steps, marker, errors=errors, text_size=text_size)
    labelled = [*steps, ends[-1]], [*ends, ends[-1]]
    if truth is not None:
        values.append(truth)
    x_range = range_with_labels(values, *labelled, margin)
    if truth is not None:
        widest = LABEL_SHARE * (x_range[1] - x_range[0])
        free = rows_free_of_labels(truth, *labelled, widest)
        _add_truth_line(figure, truth, free)
    figure.update_xaxes(range=x_range)
    add_vertical_rule(figure, 0)
    return figure


def add_steps(
    figure: Figure,
    dividends: Mapping[str, float],
    names: Sequence[str],
    steps: np.ndarray,
    marker: Mapping[str, Any],
    *,
    errors: Mapping[str, float] | None = None,
    text_size: int = 12,
    axes: Mapping[str, Any] | None = None,
) -> list[float]:
    """Add the bars of a waterfall with their connectors and whiskers, and return the values that its axis must hold.

    Args:
        dividends, errors: as of `waterfall`.
        names, steps, marker: of `waterfall_steps`, for this decision.
        text_size: of the numbers. axes: of the traces, where they are not the first.
    """
    ends = np.cumsum(steps)
    add_step_bars(
        figure,
        steps,
        marker,
        text_size,
        customdata=list(map(list, zip(names, [*ends.tolist(), ends[-1]], strict=True))),
        textangle=0,
        hovertemplate="%{customdata[0]}: %{text}<br>running total %{customdata[1]:.3f}"
        "<extra></extra>",
        meta=bars_meta(_terms_by_row(dividends)),
        **axes or {},
    )
    _add_connectors(figure, ends.tolist(), axes or {})
    values = [0.0, *ends]
    if errors is not None:
        reaches = _whisker_lengths(dividends, errors)
        _add_whiskers(figure, ends, reaches, axes or {})
        values += [*(ends - reaches), *(ends + reaches)]
    return values


def add_step_bars(
    figure: Figure, steps: np.ndarray, marker: Mapping[str, Any], text_size: int, **more: Any
) -> None:
    """Add a bar for each step, from the end of the one before, and one for their sum, with the numbers."""
    ends = np.cumsum(steps)
    lengths = np.r_[steps, ends[-1]]
    add_row_bars(
        figure,
        lengths,
        marker,
        base=np.r_[0.0, ends[:-1], 0.0],
        width=0.62,
        **outside_texts(list(map(format_signed, lengths)), size=text_size, shadow=halo()),
        **more,
    )


def _add_connectors(figure: Figure, ends: Sequence[float], axes: Mapping[str, Any]) -> None:
    """Add lines from the end of each step of a waterfall to the beginning of the next."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, end in enumerate(ends):
        x += [end, end, None]
        y += [row + 0.31, row + 0.69, None]
    add_line(figure, x, y, QUIET, 1, hoverinfo="skip", meta=part_meta("connectors"), **axes)


def _whisker_lengths(dividends: Mapping[str, float], errors: Mapping[str, float]) -> np.ndarray:
    """Return the half-lengths of 95% intervals of the bars of a waterfall; 0 for a bar of several terms."""
    rows = _terms_by_row(dividends)
    own = [errors[terms[0]] if len(terms) == 1 else 0.0 for terms in rows]
    return ERRORS_OF_95 * np.array(own, dtype=float)


def _add_whiskers(
    figure: Figure, ends: np.ndarray, reaches: np.ndarray, axes: Mapping[str, Any]
) -> None:
    """Add intervals at the ends of the bars that have one. They lie below the bars, where they cross no number."""
    rows = np.flatnonzero(reaches > 0)
    add_marks(
        figure,
        ends[rows],
        rows + 0.39,
        INK,
        1,
        error_x=error_bars(reaches[rows], INK, thickness=1.2, width=3),
        hoverinfo="skip",
        showlegend=False,
        **axes,
    )


def _terms_by_row(dividends: Mapping[str, float]) -> list[list[str]]:
    """Return the terms that each bar of a waterfall adds, without the total."""
    shown, rest = select_shown_terms([dividends])
    rows = [[""], *([term] for term in shown)]
    if rest:
        rows.append(list(rest))
    return rows


def rows_free_of_labels(
    x: float, steps: Sequence[float], ends: Sequence[float], widest: float
) -> list[bool]:
    """Return whether a vertical line misses the label of each row.

    Args:
        x: place of the line.
        steps: signed lengths of the bars; a label stands at the end of its bar, on the side of the sign.
        ends: of the bars.
        widest: width of a label, in units of the axis.
    """
    free = []
    for step, end in zip(steps, ends, strict=True):
        low, high = (end - widest, end) if step < 0 else (end, end + widest)
        free.append(not low < x < high)
    return free


def _add_truth_line(figure: Figure, truth: float, free: Sequence[bool]) -> None:
    """Add a dotted vertical line at the annotated value in the rows that are free, with the value above it."""
    for row, is_free in enumerate(free):
        if is_free:
            line = segment(
                (truth, truth),
                (row - 0.5, row + 0.5),
                hue=QUIET,
                width=1.5,
                dash="dot",
                layer="below",
            )
            figure.add_shape(line)
    add_note(
        figure,
        true_minus(f"truth {truth:+.2f}"),
        truth,
        1,
        size=11,
        hue=QUIET,
        yref="paper",
        yanchor="bottom",
    )


def condense_curves(
    terms: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the terms over time or layers to draw one by one, and the sum of the smallest joint terms.

    Returns:
        the terms to draw, in their order, and the sum keyed by its title; the second is empty where all are drawn.
    """
    sizes = {term: float(np.abs(values).sum()) for term, values in terms.items()}
    shown, rest = select_shown_terms([sizes])
    drawn = {term: values for term, values in terms.items() if term in {"", *shown}}
    if not rest:
        return drawn, {}
    return drawn, {rest_title(len(rest)): np.sum([terms[term] for term in rest], axis=0)}


def rest_title(count: int) -> str:
    """Return the title of the sum of `count` joint terms that are not drawn one by one."""
    return f"{count} other joint terms"


def waterfall_steps(
    decisions: Sequence[Mapping[str, float]],
    modalities: Sequence[str],
    quantity: str = "score",
    pale: Collection[str] = (),
) -> tuple[list[str], np.ndarray, Attributes]:
    """Return the rows, the steps and the bar style that waterfalls of several decisions share.

    Args:
        decisions: contribution of every coalition, for each decision.
        modalities: in the model's order; fixes the colours.
        quantity: name of the total, "log-odds" or "score".
        pale: terms whose bars are drawn pale.

    Returns:
        titles of the rows, the total last; steps of each decision, (n, rows - 1); marker of the bars.
    """
    shown, rest = select_shown_terms(decisions)
    terms = list(shown)
    if "" in decisions[0]:
        terms.insert(0, "")
    names = [term_title(term) for term in terms]
    steps = [[own[term] for term in terms] for own in decisions]
    if rest:
        names.append(rest_title(len(rest)))
        terms.append("+".join(modalities))
        for row, own in zip(steps, decisions, strict=True):
            row.append(sum(own[term] for term in rest))
    names.append(f"<b>{quantity}</b>")
    hues = [term_colour(term, modalities) for term in terms]
    hues.append(INK)
    joint = [len(split_term(term)) > 1 for term in terms]
    joint.append(False)
    marker = bar_pattern(hues, joint)
    if pale:
        marker["opacity"] = [*(PALE if term in pale else 1.0 for term in terms), 1.0]
    return names, np.array(steps, dtype=float), marker


def bar_pattern(hues: Sequence[str], joint: Sequence[bool], *, rim: float = 1.5) -> Attributes:
    """Return the marker of bars of terms in their hues; bars of joint terms are hatched."""
    colours = []
    for hue, is_joint in zip(hues, joint, strict=True):
        colours.append(fade_colour(hue, 0.55) if is_joint else hue)
    return {
        "color": colours,
        "line": {"color": hues, "width": rim},
        "pattern": {
            "shape": ["/" if is_joint else "" for is_joint in joint],
            "fgcolor": hues,
            "bgcolor": PAPER,
            "solidity": 0.4,
            "size": 7,
        },
    }


def padded_range(values: Sequence[float], share: float) -> list[float]:
    """Return a range that holds all values, wider by a share of their spread (at least 0.1) at both ends."""
    low = float(np.min(values))
    high = float(np.max(values))
    pad = share * max(high - low, 0.1)
    return [low - pad, high + pad]


def range_with_labels(
    values: Sequence[float], steps: Sequence[float], ends: Sequence[float], share: float
) -> list[float]:
    """Return the range of `padded_range`, wider on the sides where it would leave a label less than `LABEL_SHARE`.

    Args:
        values: what the axis shows. steps, ends: as of `rows_free_of_labels`. share: of `padded_range`.
    """
    low, high = padded_range(values, share)
    left = min((end for step, end in zip(steps, ends, strict=True) if step < 0), default=high)
    right = max((end for step, end in zip(steps, ends, strict=True) if step >= 0), default=low)
    for _ in range(
        30
    ):  # room on one side widens the range, and with it the room that the other side needs
        room = LABEL_SHARE * (high - low)
        low = min(low, left - room)
        high = max(high, right + room)
    return [low, high]


@checks_arrays()
def shapley_bars(
    shapley: Mapping[str, float],
    shares: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
) -> Figure:
    """Draw the Shapley value of every modality as a bar, labelled with its share of the absolute total.

    Args:
        shapley: by modality, in units of the output.
        shares: by modality, adding up to 1.
        modalities: in the model's order; fixes the colours.
    """
    values = np.array([shapley[name] for name in modalities], dtype=float)
    reach = 1.7 * max(float(np.abs(values).max(initial=0)), 0.05)
    texts = [
        f"{format_signed(value)}  ({shares[name]:.0%})"
        for name, value in zip(modalities, values, strict=True)
    ]
    figure = base_figure(
        60 + 36 * len(modalities),
        left=10,
        top=6,
        bottom=44,
        x_title=title_with_unit("Shapley value", unit),
        x_axis={"range": [-reach, reach]},
        y_axis={"autorange": "reversed", "showline": False, "ticks": ""},
    )
    add_row_bars(
        figure,
        values,
        {"color": [term_colour(name, modalities) for name in modalities]},
        y=[label(name) for name in modalities],
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        **outside_texts(texts),
    )
    figure.add_vline(x=0, line={"color": LINE, "width": 1})
    return figure


@checks_arrays()
def target_scale(
    truth: float | None,
    prediction: float,
    low: float,
    high: float,
    *,
    unit: str = "score",
    name: str = "prediction",
) -> Figure:
    """Draw truth and prediction as marks on the range of the target, with a line for the error between them.

    Args:
        truth: annotated value; None if it is not known.
        low, high: range of the target.
        name: of the prediction, such as "votes".
    """
    form = "+.2f" if name == "prediction" else ".2f"
    marks = {name: prediction} if truth is None else {"truth": truth, name: prediction}
    ends = list(marks.values())
    figure = base_figure(
        116,
        left=10,
        right=10,
        top=46,
        bottom=40,
        x_title=label(unit),
        y_axis={"visible": False, "range": [-1, 1]},
    )
    add_line(figure, ends, [0] * len(ends), QUIET, 3, hoverinfo="skip")
    symbols = {"truth": "diamond-open", name: "circle"}
    shifts = {"truth": 31, name: 16}
    for mark, value in marks.items():
        add_marks(
            figure,
            [value],
            [0],
            INK,
            14,
            symbol=symbols[mark],
            rim=2,
            name=mark,
            hovertemplate=true_minus(f"{mark} {value:{form}}<extra></extra>"),
        )
        add_note(figure, true_minus(f"{mark} {value:{form}}"), value, 0, yshift=shifts[mark])
    shown = [low, high, *ends]
    if low < 0:
        # Zero stands in the middle of a scale with both signs.
        shown += [-value for value in shown]
    room = 0.04 * (max(shown) - min(shown))
    figure.update_xaxes(range=[min(shown) - room, max(shown) + room])
    return figure


@checks_arrays()
def term_bars(
    values: Mapping[str, float],
    errors: Mapping[str, float],
    before: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
) -> Figure:
    """Draw every term but the baseline as a bar with its standard error; its exact value is a hollow diamond.

    Args:
        values, errors: noisy value and standard error of every coalition, in units of the output.
        before: exact value of every coalition.
        modalities: in the model's order; fixes the colours.
    """
    both = [{term: own[term] for term in values if term} for own in (values, before)]
    shown, rest = select_shown_terms(both)
    names, (noisy, exact), look = waterfall_steps(both, modalities)
    rows = list(range(len(noisy)))
    bar_errors: list[float | None] = [errors[term] for term in shown]
    if rest:
        bar_errors.append(None)  # the error of a sum does not follow from those of its terms
    figure = base_figure(
        70 + 30 * len(rows),
        left=10,
        top=8,
        bottom=42,
        legend=True,
        rows=names[:-1],
        x_title=title_with_unit("contribution", unit),
    )
    add_row_bars(
        figure,
        noisy,
        {
            "color": look["color"][:-1],
            "line": {"color": look["line"]["color"][:-1], "width": 1.5},
        },
        name="with noise",
        error_x=error_bars(bar_errors, QUIET),
        hovertemplate="%{x:+.3f}<extra></extra>",
    )
    add_marks(
        figure,
        exact,
        rows,
        INK,
        9,
        symbol="diamond-open",
        rim=2,
        name="exact",
        hovertemplate="exact: %{x:+.3f}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": LINE, "width": 1})
    return figure
