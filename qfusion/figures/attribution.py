"""What the parts inside a modality did: words, frames, pixels and features in the colour of their value; and a sample
over its seconds, thumbnails, waveform, spectrogram and words above what the steps of each modality did."""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from qfusion._checks import check
from qfusion.analysis import inside
from qfusion.data.spec import Word, coalitions
from qfusion.figures.decision import hatched
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    UNSIGNED_SCALE,
    Theme,
    axis,
    bare_axis,
    base,
    in_rows,
    in_unit,
    label,
    term_colour,
    term_title,
)
from qfusion.figures.themes import SIGNED_SCALE, signed_colour

_LINE = 52  # characters of a line of words


def _reach(values: np.ndarray) -> float:
    return max(float(np.abs(values).max(initial=0)), 1e-12)


def _scale(values: np.ndarray, unit: str, theme: Theme) -> dict[str, Any]:
    """A signed colour scale, neutral at zero."""
    reach = _reach(values)
    return {
        "colorscale": SIGNED_SCALE[theme],
        "cmin": -reach,
        "cmax": reach,
        "colorbar": {
            "title": {"text": label(unit, 40), "side": "right", "font": {"size": 12}},
            "thickness": 10,
            "outlinewidth": 0,
            "len": 1.0,
            "tickformat": "+.2g",
            "nticks": 5,
        },
    }


def _hue(value: float, reach: float, theme: Theme) -> str:
    return signed_colour(0.5 + 0.5 * float(np.clip(value / reach, -1, 1)), theme)


@drawing(spoken="T", values="T")
def words(
    spoken: Sequence[str], values: np.ndarray, *, unit: str = "score", theme: Theme = "light"
) -> go.Figure:
    """The words in reading order, each on a patch in the colour of its value, with the value below it.

    Args:
        spoken: T words. values: (T,) in units of the output.
    """
    places, x, line = [], 0.0, 0
    for word in spoken:
        shown = word if len(word) <= 20 else word[:19] + "…"
        width = (
            max(
                len(label(word, 20))
                + 0.8 * sum(east_asian_width(letter) in "WF" for letter in shown),
                5,
            )
            + 1.6
        )
        if x and x + width > _LINE:
            x, line = 0.0, line + 1
        places.append((x, line, width))
        x += width + 0.5
    reach = _reach(values)
    dark = (np.abs(values) > 0.6 * reach) == (theme == "light")
    return (
        base(theme, 34 + 62 * (line + 1), left=6, right=6, top=6, bottom=6)
        .update_layout(
            shapes=[
                {
                    "type": "rect",
                    "x0": left,
                    "x1": left + width,
                    "y0": row - 0.3,
                    "y1": row + 0.2,
                    "layer": "below",
                    "fillcolor": _hue(float(value), reach, theme),
                    "line": {"width": 0.5, "color": LINE[theme]},
                }
                for value, (left, row, width) in zip(values, places, strict=True)
            ],
            annotations=[
                {
                    "x": left + width / 2,
                    "y": row + below,
                    "text": text,
                    "showarrow": False,
                    "font": font,
                }
                for n, (left, row, width) in enumerate(places)
                for below, text, font in (
                    (
                        -0.05,
                        label(spoken[n], 20),
                        {"size": 15, "color": ON_DARK if dark[n] else ON_BRIGHT},
                    ),
                    (0.38, f"{values[n]:+.3f}", {"size": 11, "color": QUIET[theme]}),
                )
            ],
        )
        .add_scatter(
            x=[left + width / 2 for left, _, width in places],
            y=[row for _, row, _ in places],
            mode="markers",
            marker={"opacity": 0, "size": 24},
            customdata=[[label(w), f"{v:+.4f}"] for w, v in zip(spoken, values, strict=True)],
            hovertemplate="‘%{customdata[0]}’: %{customdata[1]} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(bare_axis(), range=[-0.5, _LINE + 8])
        .update_yaxes(bare_axis(), range=[line + 0.6, -0.5])
    )


@drawing()
def waveform(
    samples: np.ndarray,
    rate: int,
    values: np.ndarray,
    step: float,
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The waveform over time, each frame shaded in the colour of its value.

    Args:
        samples: (n,) in [-1, 1] at `rate` a second. values: (T,), of frames of `step` seconds.
    """
    size = max(1, len(samples) // 700)  # samples a bin, of which hundreds are drawn
    bins = np.asarray(samples)[: len(samples) // size * size].reshape(-1, size)
    reach = max(float(np.abs(samples).max(initial=0)) * 1.08, 1e-3)
    scale = _scale(values, unit, theme)
    return (
        base(theme, 230, left=56, right=10, top=8, bottom=44)
        .add_trace(
            go.Heatmap(
                z=np.asarray(values)[None],
                x=(np.arange(len(values)) + 0.5) * step,
                y=[0.0],
                x0=0,
                dy=2 * reach,
                zmin=scale["cmin"],
                zmax=scale["cmax"],
                colorscale=SIGNED_SCALE[theme],
                colorbar=scale["colorbar"],
                hovertemplate="%{x:.2f} s: %{z:+.4f} " + label(unit) + "<extra></extra>",
            )
        )
        .add_scatter(
            x=np.repeat((np.arange(len(bins)) + 0.5) * size / rate, 2),
            y=np.stack([bins.min(1), bins.max(1)], 1).ravel(),
            mode="lines",
            hoverinfo="skip",
            line={"color": INK[theme], "width": 0.8},
        )
        .update_xaxes(
            title={"text": "time (s)"}, range=[0, max(len(samples) / rate, step * len(values))]
        )
        .update_yaxes(title={"text": "amplitude"}, range=[-reach, reach])
    )


@drawing()
def timeline(
    lanes: Sequence[tuple[str, np.ndarray, float, Sequence[str]]],
    *,
    seconds: bool,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The steps of several modalities on one axis, a lane each, in the colour of what they added. In each lane the
    colours run to its own largest step, which stands below its name.

    Args:
        lanes: for each modality its name, the values (T,) of its steps, the width of a step on the axis, the names
            (T,) of the steps. seconds: whether the axis is time in seconds, else percent.
    """
    figure = base(theme, 64 + 58 * len(lanes), left=86, right=16, top=8, bottom=44)
    ticks = []
    for place, (name, values, width, names) in enumerate(lanes):
        check(
            len(values) == len(names),
            f"Argument `lanes` must name each step, but '{name}' has {len(values)} steps and {len(names)} names.",
        )
        reach = _reach(values)
        ticks.append(f"{label(name, 24)}<br>±{reach:.2g}")
        figure.add_trace(
            go.Heatmap(
                z=np.asarray(values, dtype=float)[None],
                x=np.arange(len(values) + 1) * width,
                y=[place - 0.36, place + 0.36],
                zmin=-reach,
                zmax=reach,
                colorscale=SIGNED_SCALE[theme],
                showscale=False,
                customdata=[
                    [
                        [label(entry), f"{value:+.4f}"]
                        for entry, value in zip(names, values, strict=True)
                    ]
                ],
                hovertemplate=f"{label(name)}, %{{customdata[0]}}, %{{x:.2f}} {'s' if seconds else '%'}: "
                f"%{{customdata[1]}} {label(unit)}<extra></extra>",
            )
        )
    return figure.update_xaxes(
        title={"text": "time (s)" if seconds else "share of the sample's length (%)"},
        range=[0, max((len(values) * width for _, values, width, _ in lanes), default=1.0)],
    ).update_yaxes(range=[len(lanes) - 0.5, -0.5], tickvals=list(range(len(lanes))), ticktext=ticks)


@drawing(pixels="h w", values="h w")
def picture(
    pixels: np.ndarray,
    values: np.ndarray,
    *,
    unit: str = "score",
    spectrogram: bool = False,
    seen: str = "what the model sees",
    theme: Theme = "light",
) -> go.Figure:
    """What the model sees in grey, and beside it the same, faint, under the value of every pixel.

    Args:
        pixels, values: (h, w). spectrogram: rows are frequency bands, low ones at the bottom, columns frames.
        seen: the first picture's title.
    """
    h, w = pixels.shape
    low, high = float(pixels.min()), float(pixels.max())
    grey = {
        "zmin": low,
        "zmax": max(high, low + 1e-9),
        "colorscale": "Gray",
        "showscale": False,
        "hoverinfo": "skip",
    }
    scale = _scale(values, unit, theme)
    figure = (
        base(theme, 300, left=34, right=10, top=24, bottom=30)
        .add_trace(go.Heatmap(z=pixels, xaxis="x", yaxis="y", **grey))
        .add_trace(go.Heatmap(z=pixels, xaxis="x2", yaxis="y2", **grey))
    )
    what = ("band", "frame") if spectrogram else ("row", "column")
    figure.add_trace(
        go.Heatmap(
            z=values,
            xaxis="x2",
            yaxis="y2",
            zmin=scale["cmin"],
            zmax=scale["cmax"],
            colorscale=SIGNED_SCALE[theme],
            opacity=0.72,
            colorbar=scale["colorbar"],
            hovertemplate=f"{what[0]} %{{y}}, {what[1]} %{{x}}: %{{z:+.4f}} "
            f"{label(unit)}<extra></extra>",
        )
    )
    plain = {"showline": False, "ticks": "", "constrain": "domain", "showticklabels": False}
    titled = {"size": 12, "color": QUIET[theme]}
    up = plain | {"range": [-0.5, h - 0.5] if spectrogram else [h - 0.5, -0.5]}
    return figure.update_layout(
        xaxis=plain | {"domain": [0, 0.46], "title": {"text": what[1], "font": titled}},
        xaxis2=plain | {"domain": [0.5, 0.96]},
        yaxis=up | {"scaleanchor": "x", "title": {"text": what[0], "font": titled}},
        yaxis2=up | {"scaleanchor": "x2", "anchor": "x2"},
        annotations=[
            {
                "text": words_,
                "x": x,
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "center",
                "yanchor": "bottom",
                "showarrow": False,
                "font": titled,
            }
            for words_, x in (
                (seen, 0.23),
                (f"what each {'cell' if spectrogram else 'pixel'} added", 0.73),
            )
        ],
    ).update_xaxes(range=[-0.5, w - 0.5])


@drawing(x="F", y="F", values="F")
def curve(
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    *,
    x_label: str,
    y_label: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """A spectrum or profile whose points have the colour of their value.

    Args:
        x, y, values: (F,).
    """
    return (
        base(theme, 260, left=60, right=10, top=8, bottom=46)
        .add_scatter(
            x=x, y=y, mode="lines", line={"color": LINE[theme], "width": 1.5}, hoverinfo="skip"
        )
        .add_scatter(
            x=x,
            y=y,
            mode="markers",
            customdata=np.asarray(values),
            marker={
                "color": values,
                "size": 8,
                "line": {"color": QUIET[theme], "width": 0.6},
                **_scale(values, unit, theme),
            },
            hovertemplate="%{x}: %{customdata:+.4f} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(title={"text": label(x_label, 90)})
        .update_yaxes(title={"text": label(y_label)})
    )


@drawing(names="F", values="F")
def bars(
    names: Sequence[str],
    values: np.ndarray,
    *,
    most: int = 12,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The features of largest value as bars, largest first, the rest added up in the last one."""
    order = np.argsort(-np.abs(values), kind="stable")
    shown, rest = order[:most], order[most:]
    titles = [label(names[i], 34) for i in shown] + ([f"{len(rest)} others"] if len(rest) else [])
    heights = np.r_[values[shown], [values[rest].sum()] if len(rest) else []]
    reach = _reach(heights)
    return (
        base(theme, 62 + 22 * len(titles), left=10, right=16, top=6, bottom=42)
        .add_bar(
            x=heights,
            y=list(range(len(titles))),
            orientation="h",
            width=0.66,
            marker={
                "color": [_hue(float(v), reach, theme) for v in heights],
                "line": {"color": QUIET[theme], "width": 0.8},
            },
            text=[f"{v:+.3f}" for v in heights],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate="%{x:+.4f}<extra></extra>",
        )
        .update_yaxes(
            **in_rows(titles),
        )
        .update_xaxes(
            title={"text": in_unit("added to the term", unit)},
            range=[-1.35 * reach, 1.35 * reach],
        )
        .add_vline(x=0, line={"color": LINE[theme], "width": 1})
        .update_layout(plot_bgcolor=PAPER[theme])
    )


# A sample over its seconds: all rows on one axis of time.

# a modality, the starts and ends of its steps in seconds (T,), by term what they added (T,), and their names (T,)
Lane = tuple[str, np.ndarray, np.ndarray, Mapping[str, np.ndarray], Sequence[str]]
_THUMB = 56  # pixels of a thumbnail's height
_HUES = 96  # colours of all thumbnails together
_LETTER, _ROOM = 6.4, 620  # pixels of a letter, and of the axis, by which words find room
_GAP = 9  # pixels between rows
_WORD_ROWS = 3


def of_sample(
    result: inside.Strip, modalities: Sequence[str], unit: str, theme: Theme = "light"
) -> go.Figure:
    """What `analysis.inside.strip` gives, drawn by `strip`."""
    preview = result.preview
    return strip(
        preview.seconds,
        [(lane.modality, lane.starts, lane.ends, lane.terms, lane.names) for lane in result.lanes],
        modalities,
        thumbs=preview.thumbs,
        envelope=preview.envelope,
        spectrogram=preview.spectrogram,
        hertz=preview.edges,
        words=result.words,
        unit=unit,
        theme=theme,
    )


@drawing()
def strip(
    seconds: float,
    lanes: Sequence[Lane],
    modalities: Sequence[str],
    *,
    thumbs: np.ndarray | None = None,
    envelope: np.ndarray | None = None,
    spectrogram: np.ndarray | None = None,
    hertz: np.ndarray | None = None,
    words: Sequence[Word] = (),
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Rows over one axis of time: what is seen, heard and said, and below it bars of what each step added, a row a
    modality, the joint terms hatched.

    Args:
        seconds: of the axis. lanes: of modalities with steps. modalities: all of them, for their hues.
        thumbs: uint8 (n, h, w, 3), each of its nth of the seconds.
        envelope: least and largest sample of equal parts, (bins, 2).
        spectrogram: decibels (bands, columns), lowest band first. hertz: between bands, (bands + 1,).
        words: with their times.
    """
    check(seconds > 0, f"Argument `seconds` must be above 0, but is {seconds:g}. Give what lasts.")
    placed, used = _word_rows(words, seconds)
    rows = [
        (_THUMB, _thumbs, (thumbs, seconds)) if thumbs is not None else None,
        (40, _wave, (envelope, seconds, theme)) if envelope is not None else None,
        (54, _spectrum, (spectrogram, hertz, seconds)) if spectrogram is not None else None,
        (16 * used + 6, _words, (placed, used, theme)) if words else None,
        *((74, _lane, (lane, modalities, unit, theme)) for lane in lanes),
    ]
    drawn = [row for row in rows if row is not None]
    inner = sum(height for height, _, _ in drawn) + _GAP * (len(drawn) - 1)
    above = 8 + 20 * -(-len({term for lane in lanes for term in lane[3]}) // 3)
    figure = base(theme, inner + above + 46, left=78, right=12, top=above, bottom=46)
    top = inner
    for number, (height, draw, given) in enumerate(drawn, 1):
        traces, settings = draw(*given)
        for trace in traces:
            fresh = trace.get("legendgroup") not in {
                None,
                *(one.legendgroup for one in figure.data),
            }
            figure.add_trace({**trace, "showlegend": fresh, "xaxis": "x", "yaxis": f"y{number}"})
        figure.update_layout(
            {
                f"yaxis{number}": axis(theme)
                | {
                    "domain": [max(0.0, (top - height) / inner), min(1.0, top / inner)],
                    "showline": False,
                    "ticks": "",
                    "tickfont": {"size": 11, "color": QUIET[theme]},
                    "automargin": False,
                }
                | settings
            }
        )
        top -= height + _GAP
    return figure.update_layout(
        barmode="relative",
        showlegend=bool(lanes),
        legend={"traceorder": "normal"},
        xaxis={"range": [0, seconds], "anchor": f"y{len(drawn)}", "nticks": 9},
        xaxis_title_text="time (s)",
    )


def _row(name: str, low: float, high: float) -> dict[str, Any]:
    """An upright axis with a name in its middle."""
    return {"range": [low, high], "tickvals": [(low + high) / 2], "ticktext": [name]}


def _thumbs(thumbs: np.ndarray, seconds: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Pictures side by side, as a heat map of numbered colours: what print draws too."""
    sizes = [(max(1, round(_THUMB * one.shape[1] / one.shape[0])), _THUMB) for one in thumbs]
    small = [  # as high as the row
        np.asarray(Image.fromarray(one).resize(size, Image.Resampling.LANCZOS))
        for one, size in zip(thumbs, sizes, strict=True)
    ]
    whole = Image.fromarray(np.concatenate(small, 1)).quantize(_HUES, dither=Image.Dither.NONE)
    numbers = np.asarray(whole)
    palette = np.asarray(whole.getpalette(), int).reshape(-1, 3)[: numbers.max() + 1]
    colours = [f"rgb({r},{g},{b})" for r, g, b in palette]
    top = max(1, len(colours) - 1)
    height, width = numbers.shape
    return [
        {
            "type": "heatmap",
            "z": numbers[::-1],
            "x0": seconds / width / 2,
            "dx": seconds / width,
            "y0": 0.5,
            "dy": 1,
            "zmin": 0,
            "zmax": top,
            "colorscale": [[i / top, colour] for i, colour in enumerate(colours)]
            if len(colours) > 1
            else [[0, colours[0]], [1, colours[0]]],
            "showscale": False,
            "hoverinfo": "skip",
        }
    ], _row("seen", 0, height)


def _wave(
    envelope: np.ndarray, seconds: float, theme: Theme
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    reach = max(float(np.abs(envelope).max()) * 1.05, 1e-3)
    return [
        {
            "type": "scatter",
            "x": np.repeat((np.arange(len(envelope)) + 0.5) * seconds / len(envelope), 2),
            "y": np.asarray(envelope, float).ravel(),
            "mode": "lines",
            "hoverinfo": "skip",
            "line": {"color": INK[theme], "width": 0.8},
        }
    ], _row("heard", -reach, reach)


def _spectrum(
    decibels: np.ndarray, hertz: np.ndarray, seconds: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    bands, columns = decibels.shape
    marks = [mark for mark in (100, 1000, 5000) if hertz[0] <= mark <= hertz[-1]]
    return [
        {
            "type": "heatmap",
            "z": np.round(np.asarray(decibels, float), 1),
            "x": np.linspace(0, seconds, columns + 1),
            "y": np.arange(bands + 1),
            "colorscale": UNSIGNED_SCALE,
            "showscale": False,
            "hovertemplate": "%{x:.2f} s: %{z:.0f} dB<extra></extra>",
        }
    ], {
        "range": [0, bands],
        "tickvals": np.interp(np.log(marks), np.log(hertz), np.arange(bands + 1)).tolist(),
        "ticktext": [f"{mark} Hz" if mark < 1000 else f"{mark // 1000} kHz" for mark in marks],
    }


def _word_rows(words: Sequence[Word], seconds: float) -> tuple[list[tuple[Word, int | None]], int]:
    """Words with the row in which each finds room, None where there is none, and how many rows are used."""
    ends, placed = [-1.0] * _WORD_ROWS, list[tuple[Word, int | None]]()
    for word in words:
        wide = seconds * _LETTER * (min(len(word.text), 20) + 1) / _ROOM
        middle = (word.start + min(word.end, seconds)) / 2
        free = [row for row in range(_WORD_ROWS) if ends[row] <= middle - wide / 2]
        placed.append((word, free[0] if free else None))
        if free:
            ends[free[0]] = middle + wide / 2
    return placed, 1 + max([row for _, row in placed if row is not None], default=0)


def _words(
    placed: Sequence[tuple[Word, int | None]], used: int, theme: Theme
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    shown = [(word, row) for word, row in placed if row is not None]
    return [
        {
            "type": "scatter",
            "x": [(word.start + word.end) / 2 for word, _ in shown],
            "y": [-row for _, row in shown],
            "mode": "text",
            "text": [label(word.text, 20) for word, _ in shown],
            "textfont": {"size": 12, "color": INK[theme]},
            "customdata": [
                [label(word.text), f"{word.start:.2f}", f"{word.end:.2f}"] for word, _ in shown
            ],
            "hovertemplate": "‘%{customdata[0]}’, %{customdata[1]} to %{customdata[2]} s<extra></extra>",
            "cliponaxis": False,
        }
    ], _row("spoken", 0.5 - used, 0.5)


def _lane(
    lane: Lane, modalities: Sequence[str], unit: str, theme: Theme
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    name, starts, ends, terms, names = lane
    ups = sum(np.maximum(values, 0) for values in terms.values())
    downs = sum(np.minimum(values, 0) for values in terms.values())
    reach = max(float(np.max(ups)), -float(np.min(downs)), 1e-9) * 1.08
    every = coalitions(modalities)  # else it is the whole output
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": (starts + ends) / 2,
            "width": ends - starts,
            "y": np.asarray(values, float),
            "name": term_title(term if term in every else name),
            "legendgroup": term if term in every else name,
            "marker": hatched(
                [term_colour(term if term in every else name, modalities)] * len(values),
                ["+" in term] * len(values),
                theme,
                rim=0.6,
            ),
            "customdata": [
                [label(step), f"{a:.2f}", f"{b:.2f}"]
                for step, a, b in zip(names, starts, ends, strict=True)
            ],
            "hovertemplate": f"{label(name)}, %{{customdata[0]}}, %{{customdata[1]}} to %{{customdata[2]}} s<br>"
            f"{label(term, 40)}: %{{y:+.4f}} {label(unit)}<extra></extra>",
        }
        for term, values in terms.items()
    ]
    return traces, {
        "range": [-reach, reach],
        "tickvals": [0],
        "ticktext": [f"{label(name, 14)}<br>±{reach / 1.08:.2g}"],
        "zeroline": True,
        "zerolinecolor": LINE[theme],
    }
