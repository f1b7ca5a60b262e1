"""The leaderboard: means with intervals, results against model size, agreement with planted truth, robustness."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import checks_arrays
from qfusion.figures.lines import place_labels
from qfusion.figures.style import (
    BLUE,
    DASHES,
    GREEN,
    GREY,
    INK,
    LINE,
    PAPER,
    QUIET,
    VERMILLION,
    axis,
    base_figure,
    cell_annotations,
    fade_colour,
    label,
    log_ticks,
    row_axis,
)

ROW = 27  # pixels a model
DARK_ENDS = -0.6, 0.75  # of the signed scale: beyond them bright letters are easier to read
NAME = 15  # pixels of a name beside a line
ABSENT = {"absent": "absent", "swapped": "another's"}
PUBLISHED = "published"  # role of a result that others published


class Entry(NamedTuple):
    """One model on one data set: its name, its role and family ("qj", "qcnn", "neighbour" or ""), and its numbers.

    `x` is what they are drawn against.
    """

    name: str
    role: str
    family: str
    mean: float
    low: float
    high: float
    values: Sequence[float]
    x: float


def family_colour(family: str) -> str:
    """Return the colour of a family: our systems and their ablations each have one, so have the neighbours, baselines
    are grey.
    """
    return {"qj": BLUE, "qcnn": VERMILLION, "neighbour": GREEN}.get(family, GREY)


def role_symbol(role: str) -> str:
    """Return the marker of a role, so that nothing rests on hue alone."""
    symbols = {
        "system": "diamond",
        "ablation": "circle-open",
        "neighbour": "triangle-up",
        PUBLISHED: "star-open",
    }
    return symbols.get(role, "square")


def _name_in_legend(entries: Sequence[Entry], entry: Entry) -> dict[str, Any]:
    """Return the attributes of the mark of a model that name its role in the legend, once a role."""
    first = next(other for other in entries if other.role == entry.role)
    return {"name": entry.role, "showlegend": entry is first}


@checks_arrays("entries", entries="N+")
def result_dots(entries: Sequence[Entry], metric: str) -> go.Figure:
    """Draw the means with 95% intervals, one row per model in the given order, with the best on top.

    Small dots are single seeds. Published results have neither seeds nor intervals.
    """
    figure = base_figure(
        64 + round(min(ROW, max(16, 414 / len(entries))) * len(entries)),
        left=10,
        right=14,
        top=6,
        bottom=44,
        legend=True,
    )
    for place, entry in enumerate(entries):
        colour = family_colour(entry.family)
        if np.isfinite([entry.low, entry.high]).all():
            figure.add_scatter(
                x=[entry.low, entry.high],
                y=[place, place],
                mode="lines",
                line={"color": colour, "width": 3},
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=list(entry.values),
            y=[place] * len(entry.values),
            mode="markers",
            marker={"size": 4, "color": fade_colour(INK, 0.45)},
            showlegend=False,
            hovertemplate=f"{label(entry.name)}, one seed: %{{x:.4f}}<extra></extra>",
        )
        figure.add_scatter(
            x=[entry.mean],
            y=[place],
            mode="markers",
            marker={
                "size": 11,
                "symbol": role_symbol(entry.role),
                "color": colour,
                "line": {"width": 2 if entry.role == "ablation" else 1, "color": colour},
            },
            **_name_in_legend(entries, entry),
            hovertemplate=f"{label(entry.name)}: %{{x:.4f}} [{entry.low:.4f}, {entry.high:.4f}]<extra></extra>",
        )
    figure.update_xaxes(title={"text": label(metric)}, nticks=7)
    figure.update_yaxes(
        **row_axis(
            [
                f"<b>{label(entry.name)}</b>" if entry.role == "system" else label(entry.name)
                for entry in entries
            ],
            0.4,
            0.6,
        )
    )
    return figure


@checks_arrays("entries", entries="N+")
def result_scatter(
    entries: Sequence[Entry],
    metric: str,
    title: str,
    log: bool = True,
    marked: tuple[float, str] | None = None,
) -> go.Figure:
    """Draw the result against parameters, time or joint share.

    Args:
        entries: models with what they are drawn against.
        metric, title: of the axes.
        log: whether x is logarithmic, from 1: nothing is drawn at 1. Else it is a share, in percent.
        marked: a value of x to mark by a line, and its name.
    """
    top = 22 if marked else 10
    figure = base_figure(380, right=20, top=top, legend=True)
    if log:
        places = np.array([max(entry.x, 1.0) for entry in entries])
        middle = np.sqrt(places.min() * places.max())
    else:
        places = np.array([entry.x for entry in entries])
        middle = (places.min() + places.max()) / 2
    means = [entry.mean for entry in entries]
    half = np.mean([min(means), max(means)])
    positions = np.log10(places) if log else places
    systems = [at for entry, at in zip(entries, positions, strict=True) if entry.role == "system"]
    for entry, x in zip(entries, places, strict=True):
        amount = f"{entry.x:,.0f}" if log else f"{entry.x:.1f}%"
        named = _name_in_legend(entries, entry)
        _add_result(figure, entry, x, f"{label(title)} {amount}", named)
        if entry.role != "system":
            continue
        # Names are apart from their marks, towards the middle: others crowd around them. That of a system with
        # another one near in this direction is straight above or below its mark, so that their lines do not cross.
        drawn = np.log10(x) if log else x
        across = -48 if x > middle else 48
        away = 42
        if any(
            0 < np.sign(across) * (other - drawn) < 0.3 * np.ptp(positions) for other in systems
        ):
            across = 0
            away = 68
        down = -away if entry.mean < half else away
        figure.add_annotation(
            x=drawn,
            y=entry.mean,
            text=label(entry.name),
            ax=across,
            ay=down,
            font={"size": 12, "color": INK},
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=QUIET,
            standoff=7,
        )
    if log:
        spread = np.log10([places.min(), places.max()])
        figure.update_xaxes(
            type="log", range=[spread[0] - 0.2, spread[1] + 0.35], **log_ticks(places)
        )
    else:
        ends = list(places)
        if marked:
            ends.append(marked[0])
        room = max(0.06 * np.ptp(ends), 0.5)  # for marks at the edges
        figure.update_xaxes(range=[min(ends) - room, max(ends) + room], nticks=7)
    if marked:
        figure.add_vline(x=marked[0], line={"color": QUIET, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=marked[0],
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=label(marked[1]),
            font={"size": 12, "color": QUIET},
        )
    figure.update_xaxes(title={"text": label(title)})
    figure.update_yaxes(title={"text": label(metric)}, nticks=6)
    return figure


def _add_result(
    figure: go.Figure, entry: Entry, x: float, amount: str, legend: Mapping[str, Any]
) -> None:
    """Add the mean of a model as a mark, with its interval where it has one.

    Args:
        amount: the value of x in words, for the tip.
        legend: attributes of the mark in the legend.
    """
    colour = family_colour(entry.family)
    interval = None
    if np.isfinite([entry.low, entry.high]).all():
        interval = {
            "type": "data",
            "symmetric": False,
            "array": [entry.high - entry.mean],
            "arrayminus": [entry.mean - entry.low],
            "color": fade_colour(colour, 0.6),
            "thickness": 1.4,
            "width": 0,
        }
    size = 12 if entry.role == "system" else 10
    rim = 2 if entry.role == "ablation" else 1
    figure.add_scatter(
        x=[x],
        y=[entry.mean],
        mode="markers",
        error_y=interval,
        cliponaxis=False,
        **legend,
        marker={
            "size": size,
            "symbol": role_symbol(entry.role),
            "color": colour,
            "line": {"width": rim, "color": colour},
        },
        hovertemplate=f"{label(entry.name)}: {amount}, %{{y:.4f}}<extra></extra>",
    )


@checks_arrays("values", models="M+", parts="P+", values="M+ P+")
def planted_agreement(models: Sequence[str], parts: Sequence[str], values: np.ndarray) -> go.Figure:
    """Draw the correlations, one row per model in the given order and one column per combination of modalities.

    Args:
        models, parts: names of rows and columns.
        values: (models, parts), from -1 to 1.
    """
    figure = base_figure(84 + ROW * len(models), left=10, right=14, top=6, bottom=64)
    figure.add_heatmap(
        z=values,
        x=list(range(len(parts))),
        y=list(range(len(models))),
        zmin=-1,
        zmax=1,
        colorscale=SIGNED_SCALE,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        customdata=[[[label(model), label(part)] for part in parts] for model in models],
        hovertemplate="%{customdata[0]}, %{customdata[1]}: %{z:.3f}<extra></extra>",
    )
    low, high = DARK_ENDS
    bright = np.where((values < low) | (values > high), 0.0, 1.0)
    cell_annotations(figure, values, bright, "{:.2f}")
    figure.update_xaxes(
        tickvals=list(range(len(parts))),
        ticktext=[label(part).replace("+", " +<br>") for part in parts],
        ticks="",
        showline=False,
        tickangle=0,
    )
    figure.update_yaxes(
        **row_axis([label(model) for model in models]),
    )
    return figure


@checks_arrays()
def robustness(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, Mapping[str, float]]],
    families: Mapping[str, tuple[str, str]],
    metric: str,
    what: str,
) -> go.Figure:
    """Draw a line a model over the noise level.

    On the right, the same models without the modality and with another sample's.

    Args:
        curves: by name of the model: levels (K,), values (K,), and the values of `ABSENT` where they were measured.
        families: by name, role and family.
        metric, what: names of the result and of what is noisy.
    """
    check(len(curves) > 0, "Argument `curves` must hold at least one model, but is empty.")
    ends = [kind for kind in ABSENT if any(kind in at for _, _, at in curves.values())]
    height = max(400, 90 + NAME * len(curves))
    figure = base_figure(height, right=10, top=10)
    used: dict[str, int] = {}
    for place, (name, (levels, values, at)) in enumerate(curves.items()):
        role, family = families[name]
        colour = family_colour(family)
        number = used.get(family, 0)
        used[family] = number + 1
        figure.add_scatter(
            x=levels,
            y=values,
            mode="lines+markers",
            name=label(name),
            line={
                "color": colour,
                "width": 3 if role == "system" else 1.6,
                "dash": DASHES[number % len(DASHES)] if family else "solid",
            },
            marker={"size": 6, "symbol": role_symbol(role), "color": colour},
            showlegend=False,
            hovertemplate=f"{label(name)}, noise %{{x}}: %{{y:.3f}}<extra></extra>",
        )
        shift = ((place + 0.5) / len(curves) - 0.5) * 0.8
        if ends:
            figure.add_scatter(
                x=[ends.index(kind) + shift for kind in ends if kind in at],
                y=[at[kind] for kind in ends if kind in at],
                xaxis="x2",
                mode="markers",
                showlegend=False,
                marker={
                    "size": 10,
                    "symbol": role_symbol(role),
                    "color": colour,
                    "line": {"width": 1.5, "color": colour},
                },
                hovertemplate=f"{label(name)}: %{{y:.3f}}<extra></extra>",
            )
    _name_lines(figure, curves, families, height)
    figure.update_xaxes(title={"text": f"noise on {label(what)}, standard deviations"})
    figure.update_yaxes(title={"text": label(metric)})
    if ends:
        figure.update_layout(
            xaxis={"domain": [0, 0.76]},
            xaxis2=axis()
            | {
                "domain": [0.79, 1],
                "range": [-0.6, len(ends) - 0.4],
                "tickvals": list(range(len(ends))),
                "ticktext": [ABSENT[kind] for kind in ends],
                "tickangle": 0,
                "anchor": "y",
                "title": {
                    "text": label(what),
                    "font": {"size": 13, "color": QUIET},
                    "standoff": 8,
                },
            },
        )
        for border in range(1, len(ends)):
            figure.add_vline(
                x=border - 0.5, xref="x2", line={"color": LINE, "width": 1, "dash": "dot"}
            )
    figure.update_layout(plot_bgcolor=PAPER)
    return figure


def _name_lines(
    figure: go.Figure,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, Mapping[str, float]]],
    families: Mapping[str, tuple[str, str]],
    height: int,
) -> None:
    """Write the name of every line beside its end, apart from the other names, and make room for them."""
    every = np.concatenate([[*values, *at.values()] for _, values, at in curves.values()])
    span = max(float(np.ptp(every)), 1e-9)
    low, high = every.min() - 0.05 * span, every.max() + 0.05 * span
    gap = NAME / (height - 60) * (high - low)
    heights = place_labels(
        [values[-1] for _, values, _ in curves.values()], gap, low + gap / 2, high
    )
    drawn = np.concatenate([levels for levels, _, _ in curves.values()]).tolist()
    last = max(drawn)
    for (name, (levels, values, _)), at in zip(curves.items(), heights, strict=True):
        figure.add_annotation(
            x=float(levels[-1]),
            y=float(values[-1]),
            ax=1.05 * last,
            ay=at,
            axref="x",
            ayref="y",
            text=label(name),
            xanchor="left",
            font={"size": 12, "color": INK if families[name][0] == "system" else QUIET},
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=LINE,
            standoff=4,
        )
    figure.update_xaxes(range=[-0.03 * last, 1.55 * last], tickvals=sorted({*drawn}))
    figure.update_yaxes(range=[low, high])
