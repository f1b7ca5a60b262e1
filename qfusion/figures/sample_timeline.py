"""One sample over its seconds: words, frames, sound and attributions on a common time axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from qfusion._checks import check
from qfusion.analysis import recording_strip
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.sample_content import Word
from qfusion.figures.decision_charts import bar_pattern
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    UNSIGNED_SCALE,
    Theme,
    axis,
    base_figure,
    label,
    term_colour,
    term_title,
)

# A sample over its seconds: all rows on one axis of time.

# a modality, the starts and ends of its steps in seconds (T,), by term what they added (T,), and their names (T,)
Lane = tuple[str, np.ndarray, np.ndarray, Mapping[str, np.ndarray], Sequence[str]]
_THUMB = 56  # pixels of a thumbnail's height
_HUES = 96  # colours of all thumbnails together
# Widths in pixels that decide whether a word fits.
_LETTER = 6.4
_ROOM = 620  # of the whole axis
_GAP = 9  # pixels between rows
_WORD_ROWS = 3


def draw_timeline(
    result: recording_strip.Strip, modalities: Sequence[str], unit: str, theme: Theme = "light"
) -> go.Figure:
    """What `analysis.recording_strip.strip` gives, drawn by `timeline`."""
    preview = result.preview
    return timeline(
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


@checks_arrays()
def timeline(
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
    figure = base_figure(theme, inner + above + 46, left=78, right=12, top=above, bottom=46)
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
    figure.update_layout(
        barmode="relative",
        showlegend=bool(lanes),
        legend={"traceorder": "normal"},
        xaxis={"range": [0, seconds], "anchor": f"y{len(drawn)}", "nticks": 9},
        xaxis_title_text="time (s)",
    )
    return figure


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
    ends = [-1.0] * _WORD_ROWS
    placed = list[tuple[Word, int | None]]()
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
    every = coalition_names(modalities)  # else it is the whole output
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": (starts + ends) / 2,
            "width": ends - starts,
            "y": np.asarray(values, float),
            "name": term_title(term if term in every else name),
            "legendgroup": term if term in every else name,
            "marker": bar_pattern(
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
