"""What training gave: runs side by side over epochs, sweeps of settings and how much each one matters, and the
leaderboard."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    QUIET,
    SKY,
    VERMILLION,
    Theme,
    axis,
    base,
    faded,
    in_rows,
    label,
    log_ticks,
    panes,
    term_colour,
    term_dash,
    term_title,
)
from qfusion.figures.themes import DASHES, SIGNED_SCALE

HUES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
Curve = tuple[np.ndarray, np.ndarray]  # epochs and values, (N,) each


def hue_of(place: int) -> str:
    """Colour of the run at a place among those shown."""
    return HUES[place % len(HUES)]


@drawing()
def curves(
    solid: Mapping[str, Curve],
    dashed: Mapping[str, Curve] | None = None,
    *,
    hues: Mapping[str, str],
    y_title: str,
    kinds: tuple[str, str] = ("", ""),
    best_epochs: Mapping[str, int] | None = None,
    log: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """One line a run over the epochs.

    Args:
        solid, dashed: epochs and values by run. hues: by run.
        y_title: what goes up, with its unit.
        kinds: what solid and dashed lines are, for the legend, where there are both.
        best_epochs: the epoch whose weights a run keeps: ringed on its solid line.
        log: a logarithmic axis; values that are not positive are left out.
    """
    figure = base(theme, 320, legend=True, left=56, right=12)
    for lines, dash, kind in (
        (dashed or {}, "dot", kinds[1] or "dashed"),
        (solid, "solid", kinds[0]),
    ):
        for name, (epochs, values) in lines.items():
            check(
                np.shape(epochs) == np.shape(values) and np.ndim(epochs) == 1,
                f"The curve of {name!r} must have as many values as epochs, but has shapes {np.shape(values)} and "
                f"{np.shape(epochs)}.",
            )
            figure.add_scatter(
                x=epochs,
                y=np.where(np.asarray(values) > 0, values, np.nan) if log else values,
                mode="lines" if len(epochs) > 1 else "markers",
                name=label(name, 40),
                connectgaps=False,
                line={"color": hues[name], "width": 2.2 if dash == "solid" else 1.8, "dash": dash},
                marker={"color": hues[name], "size": 7},
                showlegend=dash == "solid",
                hovertemplate=f"{label(name)}{', ' + kind if kind else ''}<br>epoch %{{x}}: "
                "%{y:.4g}<extra></extra>",
            )
            at = np.flatnonzero(epochs == (best_epochs or {}).get(name, -1))
            if dash == "solid" and len(at):
                figure.add_scatter(
                    x=epochs[at],
                    y=values[at],
                    mode="markers",
                    showlegend=False,
                    marker={
                        "size": 11,
                        "symbol": "circle",
                        "color": PAPER[theme],
                        "line": {"width": 2.5, "color": hues[name]},
                    },
                    hovertemplate=f"{label(name)}: epoch %{{x}} is kept, %{{y:.4g}}<extra></extra>",
                )
    return (
        figure.add_traces(
            [
                {
                    "type": "scatter",
                    "x": [None],
                    "y": [None],
                    "mode": "lines",
                    "name": kind,
                    "line": {"color": QUIET[theme], "dash": dash, "width": 2},
                }
                for kind, dash in (zip(kinds, ("solid", "dot"), strict=True) if all(kinds) else ())
            ]
        )
        .update_layout(uirevision="zoom")  # a reader's zoom outlives the next epoch
        .update_xaxes(title={"text": "epoch"}, **_epochs([epochs for epochs, _ in solid.values()]))
        .update_yaxes(
            title={"text": label(y_title)},
            **({"type": "log", "exponentformat": "power", "nticks": 6} if log else {}),
        )
    )


@drawing()
def by_modality(
    runs: Mapping[str, Mapping[str, Curve]],
    modalities: Mapping[str, Sequence[str]],
    *,
    y_title: str,
    columns: int = 2,
    marks: Mapping[str, float] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """One plot a run: a line for each modality or coalition, in its colour and dash, all plots on one scale.

    Args:
        runs: by run, then by coalition: epochs and values.
        modalities: of each run, in their order.
        y_title: what goes up, with its unit.
        marks: a level of each run that is drawn as a dotted line.
    """
    names = [name for name, terms in runs.items() if terms]
    check(bool(names), "Argument `runs` must hold a run with at least one curve, but is empty.")
    down = -(-len(names) // min(columns, len(names)))
    figure = base(theme, 330 * down, legend=True, left=56, right=8)
    titles = [f"<b>{label(name, 40)}</b>" for name in names]
    places = panes(figure, titles, columns, theme, x_title="epoch", y_title=label(y_title))
    top = max(
        float(values.max()) for name in names for _, values in runs[name].values() if len(values)
    )
    lines: set[tuple[str, str]] = set()
    for name, place in zip(names, places, strict=True):
        for term, (epochs, values) in runs[name].items():
            hue = term_colour(term, modalities[name])
            figure.add_scatter(
                x=epochs,
                y=values,
                mode="lines+markers",
                name=term_title(term),
                legendgroup=term_title(term),
                **place,
                showlegend=(term_title(term), hue) not in lines,
                marker={"size": 5, "color": hue},
                line={"color": hue, "width": 2, "dash": term_dash(term)},
                hovertemplate=f"{term_title(term)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            )
            lines.add((term_title(term), hue))
        figure.layout[place["xaxis"].replace("x", "xaxis")].update(
            _epochs([epochs for epochs, _ in runs[name].values()])
        )
        if marks and name in marks:
            figure.add_shape(
                type="line",
                x0=0,
                x1=1,
                xref=f"{place['xaxis']} domain",
                y0=marks[name],
                y1=marks[name],
                yref=place["yaxis"],
                line={"color": QUIET[theme], "dash": "dot", "width": 1},
            )
    return figure.update_layout(uirevision="zoom").update_yaxes(
        range=[min(0.0, -0.02 * top), 1.08 * max(top, 1e-9)], nticks=5
    )


def _epochs(all_epochs: Sequence[np.ndarray]) -> dict[str, object]:
    """An axis of whole epochs from the first."""
    last = max([float(epochs[-1]) for epochs in all_epochs if len(epochs)], default=1.0)
    pad = 0.03 * max(last - 1, 1)
    return {
        "range": [1 - pad, max(last, 2) + pad],
        "tickformat": "d",
        "nticks": 8,
        **({"dtick": 1} if last <= 8 else {}),
    }


class Measured(NamedTuple):
    """A metric on test samples: what it is called, mean and standard deviation over training seeds (0 of one seed),
    the number of the seed that is loaded (nan where it is not known), and whether it lies in [0, 1]."""

    name: str
    mean: float
    std: float
    own: float
    is_share: bool


@drawing(rows="N+")
def test_metrics(rows: Sequence[Measured], theme: Theme = "light") -> go.Figure:
    """Metrics, one a row: mean over seeds as a dot, its standard deviation as a bar, the loaded seed as a ring.

    Args:
        rows: the metrics, the first on top; those outside of [0, 1] are written only.
        theme: of the figure.
    """
    shares = [row for row in rows if row.is_share]
    low = min(
        [row.mean - row.std for row in shares] + [row.own for row in shares if row.own == row.own],
        default=0,
    )
    figure = base(theme, 52 + 25 * len(rows), left=10, right=118, top=6, bottom=40)
    for place, row in enumerate(rows):
        text = f"{row.mean:.3f}" + (f" ± {row.std:.3f}" if row.std else "")
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            xshift=12,
            y=place,
            yanchor="middle",
            text=text,
            showarrow=False,
            font={"size": 12, "color": INK[theme]},
        )
        if row.is_share:
            figure.add_scatter(
                x=[row.mean - row.std, row.mean + row.std],
                y=[place, place],
                mode="lines",
                line={"color": BLUE, "width": 3},
                hoverinfo="skip",
            ).add_scatter(
                x=[row.mean],
                y=[place],
                mode="markers",
                marker={"size": 9, "color": BLUE},
                hovertemplate=f"{label(row.name)}: {text}<extra></extra>",
            ).add_scatter(
                x=[row.own],
                y=[place],
                mode="markers",
                marker={
                    "size": 13,
                    "symbol": "circle-open",
                    "color": INK[theme],
                    "line": {"width": 1.5},
                },
                hovertemplate=f"{label(row.name)}, this model: %{{x:.3f}}<extra></extra>",
            )
    # from the half below the lowest, so that differences are seen; never below -1, where correlations end
    return figure.update_xaxes(
        range=[max(-1.0, min(0.5, low - 0.05) if low > 0.5 else low - 0.1), 1.005], nticks=6
    ).update_yaxes(
        **in_rows([label(row.name) for row in rows], 0.4, 0.6),
    )


# A sweep of settings: values over trials, value against each setting, all settings side by side, and how much each one
# matters.

WIDE = 20.0  # largest over smallest value from which their axis is logarithmic


@drawing(numbers="N+", values="N+", pruned="N+")
def history(
    numbers: Sequence[int],
    values: np.ndarray,
    pruned: np.ndarray,
    *,
    smaller: bool = True,
    y_title: str = "value",
    theme: Theme = "light",
) -> go.Figure:
    """The value of each trial, and the best of those finished so far as a line.

    Args:
        numbers: of the trials, ascending, (n,). values: (n,).
        pruned: which of them were stopped early, (n,); their value is that of their last epoch.
        smaller: whether smaller values are better.
    """
    done = np.where(pruned, np.inf if smaller else -np.inf, values)
    best = np.minimum.accumulate(done) if smaller else np.maximum.accumulate(done)
    return (
        base(theme, 300, legend=True, left=64, right=12)
        .add_scatter(
            x=list(numbers),
            y=np.where(np.isfinite(best), best, np.nan),
            mode="lines",
            name="best so far",
            connectgaps=False,
            hoverinfo="skip",
            line={"color": ORANGE, "width": 2, "shape": "hv"},
        )
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": np.asarray(numbers)[pruned == stopped],
                    "y": values[pruned == stopped],
                    "mode": "markers",
                    "name": name,
                    "marker": marker,
                    "hovertemplate": f"trial %{{x}}, {name}: %{{y:.4g}}<extra></extra>",
                }
                for stopped, name, marker in (
                    (False, "finished", {"color": BLUE, "size": 8}),
                    (
                        True,
                        "stopped early",
                        {"color": GREY, "size": 8, "symbol": "circle-open", "line": {"width": 1.6}},
                    ),
                )
                if (pruned == stopped).any()
            ]
        )
        .update_layout(uirevision="zoom")
        .update_xaxes(
            title={"text": "trial"},
            tickformat="d",
            nticks=10,
            **({"dtick": 1} if max(numbers) < 10 else {}),
        )
        .update_yaxes(title={"text": label(y_title)}, **_scale(values))
    )


@drawing()
def slices(
    values: np.ndarray,
    pruned: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    best: int = -1,
    y_title: str = "value",
    columns: int = 3,
    theme: Theme = "light",
) -> go.Figure:
    """A plot a setting: the value of each trial against what was tried, all on one scale.

    Args:
        values, pruned: see `history`.
        tried: what each trial tried, (n,), by setting; numbers, or words for choices; None where it is not known.
        logarithmic: settings with a logarithmic axis.
        best: place of the trial to mark, -1 for none.
    """
    check(len(tried) > 0, "Argument `tried` must name a setting, but is empty.")
    figure = base(theme, 60 + 240 * -(-len(tried) // columns), left=64, right=12, top=8)
    titles = [f"<b>{label(name)}</b>" for name in tried]
    places = panes(
        figure, titles, columns, theme, x_title="value of the setting", y_title=label(y_title)
    )
    for (name, given), place in zip(tried.items(), places, strict=True):
        words = any(isinstance(value, (str, bool)) for value in given)
        xs = [label(value, 20) if words and value is not None else value for value in given]
        for stopped in (True, False):
            here = [n for n in range(len(values)) if pruned[n] == stopped and xs[n] is not None]
            figure.add_scatter(
                x=[xs[n] for n in here],
                y=values[here],
                mode="markers",
                **place,
                customdata=here,
                marker={
                    "color": GREY if stopped else BLUE,
                    "size": 7,
                    "symbol": "circle-open" if stopped else "circle",
                },
                hovertemplate=f"{label(name)} = %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        if best >= 0:
            figure.add_scatter(
                x=[xs[best]],
                y=[values[best]],
                mode="markers",
                **place,
                marker={
                    "color": PAPER[theme],
                    "size": 11,
                    "line": {"color": VERMILLION, "width": 2.5},
                },
                hovertemplate=f"best: {label(name)} = %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        kind: dict[str, Any] = (
            {"type": "category", "categoryorder": "category ascending"} if words else {}
        )
        if name in logarithmic:
            kind = {
                "type": "log",
                **log_ticks(np.array([x for x in xs if x is not None], dtype=float)),
            }
        figure.layout[place["xaxis"].replace("x", "xaxis")].update(nticks=5, **kind)
    others = {f"yaxis{n}": {"matches": "y2"} for n in range(3, len(tried) + 2)}
    return figure.update_layout(others, uirevision="zoom").update_yaxes(**_scale(values))


@drawing()
def parallel(
    values: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    smaller: bool = True,
    y_title: str = "value",
    theme: Theme = "light",
) -> go.Figure:
    """All settings side by side: a line a finished trial, the redder the better its value, which is the last axis.

    Args:
        values: (n,). tried: see `slices`; every trial must have all of them.
    """
    dimensions: list[dict[str, Any]] = []
    for name, given in tried.items():
        if any(isinstance(value, (str, bool)) for value in given):
            known = sorted({str(value) for value in given})
            dimensions.append(
                {
                    "label": label(name, 20),
                    "values": [known.index(str(value)) for value in given],
                    "tickvals": list(range(len(known))),
                    "ticktext": [label(word, 14) for word in known],
                    "range": [-0.2, len(known) - 0.8],
                }
            )
        else:
            numbers = np.asarray(given, dtype=float)
            dimensions.append(
                {"label": label(name, 20), "values": numbers}
                if name not in logarithmic
                else _logarithmic(name, numbers)
            )
    log = bool(_scale(values))
    dimensions.append(
        _logarithmic(y_title, values) if log else {"label": label(y_title, 20), "values": values}
    )
    return base(theme, 340, left=60, right=60, top=44, bottom=20).add_trace(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": np.log10(values) if log else values,
                "reversescale": smaller,
                "colorscale": [[0.0, LINE[theme]], [0.6, ORANGE], [1.0, VERMILLION]],
            },
            labelfont={"color": INK[theme], "size": 12},
            tickfont={"color": INK[theme], "size": 11},
            rangefont={"color": PAPER[theme], "size": 1},
            unselected={"line": {"color": LINE[theme], "opacity": 0.25}},
        )
    )


@drawing()
def importance(names: Sequence[str], shares: np.ndarray, theme: Theme = "light") -> go.Figure:
    """A bar a setting, the most important on top.

    Args:
        names: of the settings. shares: of each in the differences between trials, (n,), 0 to 1.
    """
    order = np.argsort(shares)
    return (
        base(theme, 70 + 30 * len(names), left=10, right=40)
        .add_bar(
            x=np.asarray(shares)[order],
            y=[label(names[n], 24) for n in order],
            orientation="h",
            marker={"color": BLUE},
            width=0.6,
            text=[f"{shares[n]:.0%}" for n in order],
            textposition="outside",
            cliponaxis=False,
            textfont={"size": 12, "color": INK[theme]},
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
        .update_xaxes(
            title={"text": "importance"},
            tickformat=".0%",
            range=[0, 1.12 * max(float(np.max(shares)), 1e-9)],
        )
        .update_yaxes(showline=False, ticks="")
    )


def _scale(values: np.ndarray) -> dict[str, Any]:
    """A logarithmic axis where values are positive and far apart."""
    return (
        {"type": "log", **log_ticks(values)}
        if (
            len(values) > 0
            and float(np.min(values)) > 0
            and float(np.max(values)) > WIDE * float(np.min(values))
        )
        else {}
    )


def _logarithmic(name: str, numbers: np.ndarray) -> dict[str, Any]:
    logs = np.log10(numbers)
    marks = np.log10(np.asarray(log_ticks(numbers)["tickvals"], dtype=float))
    inside = (marks >= logs.min() - 1e-9) & (marks <= logs.max() + 1e-9)
    shown = marks[inside] if inside.sum() > 1 else np.array([logs.min(), logs.max()])
    return {
        "label": label(name, 20),
        "values": logs,
        "tickvals": shown,
        "ticktext": [f"{10**mark:.2g}" for mark in shown],
    }


# The leaderboard drawn: means with intervals, results against parameters, time or joint share, agreement with planted
# truth, curves over noise.

ROW = 27  # pixels a model
ABSENT = {"absent": "absent", "swapped": "another's"}


class Entry(NamedTuple):
    """A model on one data set: what it is called, its role and family ("qj", "qcnn", "neighbour" or ""), and its
    numbers; `x` is what they are drawn against."""

    name: str
    role: str
    family: str
    mean: float
    low: float
    high: float
    values: Sequence[float]
    x: float


def hue(family: str) -> str:
    """Colour of a family: our systems and their ablations each have one, so have the neighbours, baselines are grey."""
    return {"qj": BLUE, "qcnn": VERMILLION, "neighbour": GREEN}.get(family, GREY)


def symbol(role: str) -> str:
    """Marker of a role, so that nothing rests on hue alone."""
    return {"system": "diamond", "ablation": "circle-open", "neighbour": "triangle-up"}.get(
        role, "square"
    )


@drawing("entries", entries="N+")
def dots(entries: Sequence[Entry], metric: str, theme: Theme = "light") -> go.Figure:
    """Means with 95 % intervals, a row a model in the order given, the best on top; small dots are single seeds."""
    figure = base(
        theme,
        64 + round(min(ROW, max(20, 440 / len(entries))) * len(entries)),
        left=10,
        right=14,
        top=6,
        bottom=44,
    )
    for place, entry in enumerate(entries):
        colour = hue(entry.family)
        if np.isfinite([entry.low, entry.high]).all():
            figure.add_scatter(
                x=[entry.low, entry.high],
                y=[place, place],
                mode="lines",
                line={"color": colour, "width": 3},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=list(entry.values),
            y=[place] * len(entry.values),
            mode="markers",
            marker={"size": 4, "color": faded(INK[theme], 0.45)},
            hovertemplate=f"{label(entry.name)}, one seed: %{{x:.4f}}<extra></extra>",
        ).add_scatter(
            x=[entry.mean],
            y=[place],
            mode="markers",
            marker={
                "size": 11,
                "symbol": symbol(entry.role),
                "color": colour,
                "line": {"width": 2 if entry.role == "ablation" else 1, "color": colour},
            },
            hovertemplate=f"{label(entry.name)}: %{{x:.4f}} [{entry.low:.4f}, {entry.high:.4f}]<extra></extra>",
        )
    return figure.update_xaxes(title={"text": label(metric)}, nticks=7).update_yaxes(
        **in_rows(
            [
                f"<b>{label(entry.name)}</b>" if entry.role == "system" else label(entry.name)
                for entry in entries
            ],
            0.4,
            0.6,
        )
    )


@drawing("entries", entries="N+")
def against(
    entries: Sequence[Entry],
    metric: str,
    title: str,
    theme: Theme = "light",
    log: bool = True,
    marked: tuple[float, str] | None = None,
) -> go.Figure:
    """The result against parameters, time or joint share.

    Args:
        entries: models with what they are drawn against.
        metric, title: of the axes.
        theme: of the figure.
        log: whether x is logarithmic, from 1: nothing is drawn at 1. Else it is a share, in percent.
        marked: a value of x to mark by a line, and its name.
    """
    figure = base(theme, 380, right=20, top=22 if marked else 10)
    places = np.array([max(entry.x, 1.0) if log else entry.x for entry in entries])
    middle = np.sqrt(places.min() * places.max()) if log else (places.min() + places.max()) / 2
    half = np.mean([min(entry.mean for entry in entries), max(entry.mean for entry in entries)])
    systems = [entry.name for entry in entries if entry.role == "system"]
    for entry, x in zip(entries, places, strict=True):
        colour = hue(entry.family)
        amount = f"{entry.x:,.0f}" if log else f"{entry.x:.1f} %"
        figure.add_scatter(
            x=[x],
            y=[entry.mean],
            mode="markers",
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [entry.high - entry.mean],
                "arrayminus": [entry.mean - entry.low],
                "color": faded(colour, 0.6),
                "thickness": 1.4,
                "width": 0,
            }
            if np.isfinite([entry.low, entry.high]).all()
            else None,
            cliponaxis=False,
            marker={
                "size": 12 if entry.role == "system" else 10,
                "symbol": symbol(entry.role),
                "color": colour,
                "line": {"width": 2 if entry.role == "ablation" else 1, "color": colour},
            },
            hovertemplate=f"{label(entry.name)}: {label(title)} {amount}, %{{y:.4f}}<extra></extra>",
        )
        # the names of both systems stand apart, towards the middle: others crowd around them
        if entry.role == "system":
            away = 42 + 26 * systems.index(entry.name)
            figure.add_annotation(
                x=np.log10(x) if log else x,
                y=entry.mean,
                text=label(entry.name),
                ax=-48 if x > middle else 48,
                ay=-away if entry.mean < half else away,
                font={"size": 12, "color": INK[theme]},
                arrowhead=0,
                arrowwidth=1,
                arrowcolor=QUIET[theme],
                standoff=7,
            )
    if log:
        spread = np.log10([places.min(), places.max()])
        figure.update_xaxes(
            type="log", range=[spread[0] - 0.2, spread[1] + 0.35], **log_ticks(places)
        )
    else:
        ends = [*places, *(marked[:1] if marked else ())]
        room = max(0.06 * np.ptp(ends), 0.5)  # for marks at the edges
        figure.update_xaxes(range=[min(ends) - room, max(ends) + room], nticks=7)
    if marked:
        figure.add_vline(
            x=marked[0], line={"color": QUIET[theme], "width": 1.5, "dash": "dash"}
        ).add_annotation(
            x=marked[0],
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=label(marked[1]),
            font={"size": 12, "color": QUIET[theme]},
        )
    return figure.update_xaxes(title={"text": label(title)}).update_yaxes(
        title={"text": label(metric)}, nticks=6
    )


@drawing("values", models="M+", parts="P+", values="M+ P+")
def agreement(
    models: Sequence[str], parts: Sequence[str], values: np.ndarray, theme: Theme = "light"
) -> go.Figure:
    """Correlations, a row a model in the order given, a column a combination of modalities.

    Args:
        models, parts: names of rows and columns.
        values: (models, parts), from -1 to 1.
        theme: of the figure.
    """
    return (
        base(theme, 84 + ROW * len(models), left=10, right=14, top=6, bottom=64)
        .add_heatmap(
            z=values,
            x=list(range(len(parts))),
            y=list(range(len(models))),
            zmin=-1,
            zmax=1,
            colorscale=SIGNED_SCALE[theme],
            showscale=False,
            xgap=2,
            ygap=2,
            texttemplate="%{z:.2f}",
            textfont={"size": 11},
            hoverongaps=False,
            customdata=[[[label(model), label(part)] for part in parts] for model in models],
            hovertemplate="%{customdata[0]}, %{customdata[1]}: %{z:.3f}<extra></extra>",
        )
        .update_xaxes(
            tickvals=list(range(len(parts))),
            ticktext=[label(part).replace("+", "+<br>") for part in parts],
            ticks="",
            showline=False,
            tickangle=0,
        )
        .update_yaxes(
            **in_rows([label(model) for model in models]),
        )
    )


@drawing()
def robustness(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, Mapping[str, float]]],
    families: Mapping[str, tuple[str, str]],
    metric: str,
    what: str,
    theme: Theme = "light",
) -> go.Figure:
    """A line a model over the noise level; on the right, the same models without the modality and with another
    sample's.

    Args:
        curves: by name of the model: levels (K,), values (K,), and the values of `ABSENT` where they were measured.
        families: by name, role and family.
        metric, what: names of the result and of what is noisy.
    """
    check(len(curves) > 0, "Argument `curves` must hold at least one model, but is empty.")
    ends = [kind for kind in ABSENT if any(kind in at for _, _, at in curves.values())]
    figure = base(theme, 400, right=10, top=10, legend=True)
    used: dict[str, int] = {}
    for place, (name, (levels, values, at)) in enumerate(curves.items()):
        role, family = families[name]
        colour, number = hue(family), used.get(family, 0)
        used[family] = number + 1
        figure.add_scatter(
            x=levels,
            y=values,
            mode="lines+markers",
            name=label(name),
            line={
                "color": colour,
                "width": 3 if role == "system" else 1.6,
                "dash": DASHES[number % len(DASHES)],
            },
            legendgroup=name,
            marker={"size": 6, "symbol": symbol(role), "color": colour},
            hovertemplate=f"{label(name)}, noise %{{x:g}}: %{{y:.3f}}<extra></extra>",
        )
        shift = ((place + 0.5) / len(curves) - 0.5) * 0.8
        if ends:
            figure.add_scatter(
                x=[ends.index(kind) + shift for kind in ends if kind in at],
                y=[at[kind] for kind in ends if kind in at],
                xaxis="x2",
                mode="markers",
                showlegend=False,
                legendgroup=name,
                marker={
                    "size": 10,
                    "symbol": symbol(role),
                    "color": colour,
                    "line": {"width": 1.5, "color": colour},
                },
                hovertemplate=f"{label(name)}: %{{y:.3f}}<extra></extra>",
            )
    figure.update_xaxes(
        title={"text": f"noise on {label(what)}, standard deviations"}
    ).update_yaxes(title={"text": label(metric)})
    if ends:
        figure.update_layout(
            xaxis={"domain": [0, 0.74]},
            xaxis2=axis(theme)
            | {
                "domain": [0.79, 1],
                "range": [-0.6, len(ends) - 0.4],
                "tickvals": list(range(len(ends))),
                "ticktext": [ABSENT[kind] for kind in ends],
                "tickangle": 0,
                "anchor": "y",
                "title": {
                    "text": label(what),
                    "font": {"size": 13, "color": QUIET[theme]},
                    "standoff": 8,
                },
            },
        )
        for border in range(1, len(ends)):
            figure.add_vline(
                x=border - 0.5, xref="x2", line={"color": LINE[theme], "width": 1, "dash": "dot"}
            )
    return figure.update_layout(plot_bgcolor=PAPER[theme])
