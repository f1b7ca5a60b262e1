"""One sample over its seconds on a common time axis, and small pictures of samples for lists."""

import base64
import io
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from PIL import Image as Pictures

from qfusion._checks import check
from qfusion._memory_cache import CACHE
from qfusion.data import Audio, Content, DataSet, Image, Series
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.media_pictures import EDGES, read_picture
from qfusion.data.sample_content import Film, Word
from qfusion.errors import default_on_error
from qfusion.figures.colours import PICTURE_STOPS
from qfusion.figures.decision_charts import bar_pattern
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    UNSIGNED_SCALE,
    Attributes,
    axis,
    base_figure,
    label,
    term_colour,
    term_title,
)
from qfusion.study import recording_strip, text

# Traces of a row, and the settings of its y axis.
Row = tuple[list[Attributes], Attributes]
_THUMB = 56  # pixels of a thumbnail's height
_HUES = 96  # colours of all thumbnails together
# Widths in pixels that decide whether a word fits.
_LETTER = 6.4
_ROOM = 620  # of the whole axis
_GAP = 9  # pixels between rows
_WORD_ROWS = 3


@checks_arrays()
def timeline(strip: recording_strip.Strip, modalities: Sequence[str], unit: str) -> Figure:
    """Draw a recording in rows over one axis of time: pictures, waveform, spectrogram, words, contributions of steps.

    Each modality with steps has a row of bars; those of joint terms are hatched.

    Args:
        strip: of `study.recording_strip.strip`.
        modalities: of the model, in its order; fixes the colours.
        unit: of the contributions.
    """
    preview = strip.preview
    seconds = preview.seconds
    check(seconds > 0, f"Argument `seconds` must be above 0, but is {seconds:g}. Give what lasts.")
    rows: list[tuple[int, Row]] = []  # height in pixels, and content
    if preview.thumbs is not None:
        rows.append((_THUMB, _thumbs(preview.thumbs, seconds)))
    if preview.envelope is not None:
        rows.append((40, _wave(preview.envelope, seconds)))
    if preview.spectrogram is not None:
        rows.append((54, _spectrum(preview.spectrogram, seconds)))
    if strip.words:
        rows.append(_words(strip.words, seconds))
    for lane in strip.lanes:
        rows.append((74, _lane(lane, modalities, unit)))

    inner = sum(height for height, _ in rows) + _GAP * (len(rows) - 1)
    terms = {term for lane in strip.lanes for term in lane.terms}
    legend_lines = -(-len(terms) // 3)
    above = 8 + 20 * legend_lines
    figure = base_figure(inner + above + 46, left=78, right=12, top=above, bottom=46)
    in_legend = {None}
    top = inner
    for number, (height, (traces, settings)) in enumerate(rows, 1):
        for trace in traces:
            group = trace.get("legendgroup")
            is_new = group not in in_legend
            in_legend.add(group)
            figure.add_trace({**trace, "showlegend": is_new, "xaxis": "x", "yaxis": f"y{number}"})
        look = {
            "domain": [max(0.0, (top - height) / inner), min(1.0, top / inner)],
            "showline": False,
            "ticks": "",
            "tickfont": {"size": 11, "color": QUIET},
            "automargin": False,
        }
        figure.update_layout({f"yaxis{number}": axis() | look | settings})
        top -= height + _GAP
    figure.update_layout(
        barmode="relative",
        showlegend=bool(strip.lanes),
        legend={"traceorder": "normal"},
        xaxis={"range": [0, seconds], "anchor": f"y{len(rows)}", "nticks": 9},
        xaxis_title_text="time (s)",
    )
    return figure


def _row(name: str, low: float, high: float) -> Attributes:
    """Return the settings of a y axis with a name in its middle."""
    return {"range": [low, high], "tickvals": [(low + high) / 2], "ticktext": [name]}


def _thumbs(thumbs: np.ndarray, seconds: float) -> Row:
    """Return pictures side by side, as a heat map of numbered colours, which print draws too."""
    small = []
    for picture in thumbs:
        wide = max(1, round(_THUMB * picture.shape[1] / picture.shape[0]))
        resized = Pictures.fromarray(picture).resize((wide, _THUMB), Pictures.Resampling.LANCZOS)
        small.append(np.asarray(resized))
    numbers, scale = number_colours(np.concatenate(small, 1), _HUES)
    height, width = numbers.shape
    trace = {
        "type": "heatmap",
        "z": numbers[::-1],
        "x0": seconds / width / 2,
        "dx": seconds / width,
        "y0": 0.5,
        "dy": 1,
        "zmin": 0,
        "zmax": len(scale) - 1,
        "colorscale": scale,
        "showscale": False,
        "hoverinfo": "skip",
    }
    return [trace], _row("seen", 0, height)


def _wave(envelope: np.ndarray, seconds: float) -> Row:
    """Return the outline of a waveform."""
    reach = max(float(np.abs(envelope).max()) * 1.05, 1e-3)
    middles = (np.arange(len(envelope)) + 0.5) * seconds / len(envelope)
    trace = {
        "type": "scatter",
        "x": np.repeat(middles, 2),
        "y": np.asarray(envelope, float).ravel(),
        "mode": "lines",
        "hoverinfo": "skip",
        "line": {"color": INK, "width": 0.8},
    }
    return [trace], _row("heard", -reach, reach)


def _spectrum(decibels: np.ndarray, seconds: float) -> Row:
    """Return a spectrogram with bands of equal height and ticks in hertz."""
    bands, columns = decibels.shape
    trace = {
        "type": "heatmap",
        "z": np.round(np.asarray(decibels, float), 1),
        "x": np.linspace(0, seconds, columns + 1),
        "y": np.arange(bands + 1),
        "colorscale": UNSIGNED_SCALE,
        "showscale": False,
        "hovertemplate": "%{x:.2f} s: %{z:.0f} dB<extra></extra>",
    }
    tick_names = {100: "100 Hz", 1000: "1 kHz", 5000: "5 kHz"}
    marks = [mark for mark in tick_names if EDGES[0] <= mark <= EDGES[-1]]
    heights = np.interp(np.log(marks), np.log(EDGES), np.arange(bands + 1))
    return [trace], {
        "range": [0, bands],
        "tickvals": heights.tolist(),
        "ticktext": [tick_names[mark] for mark in marks],
    }


def _words(words: Sequence[Word], seconds: float) -> tuple[int, Row]:
    """Return the height in pixels and the words, at the middle of their times, in rows where they do not overlap.

    A word for which no row has room is left out.
    """
    ends = [-1.0] * _WORD_ROWS
    used = 1
    middles = []
    heights = []
    labels = []
    tips = []
    for word in words:
        wide = seconds * _LETTER * (min(len(word.text), 20) + 1) / _ROOM
        middle = (word.start + min(word.end, seconds)) / 2
        free = [row for row in range(_WORD_ROWS) if ends[row] <= middle - wide / 2]
        if not free:
            continue
        row = free[0]
        ends[row] = middle + wide / 2
        used = max(used, row + 1)
        middles.append((word.start + word.end) / 2)
        heights.append(-row)
        labels.append(label(word.text, 20))
        tips.append([label(word.text), f"{word.start:.2f}", f"{word.end:.2f}"])
    trace = {
        "type": "scatter",
        "x": middles,
        "y": heights,
        "mode": "text",
        "text": labels,
        "textfont": {"size": 12, "color": INK},
        "customdata": tips,
        "hovertemplate": "‘%{customdata[0]}’, %{customdata[1]} to %{customdata[2]} s<extra></extra>",
        "cliponaxis": False,
    }
    return 16 * used + 6, ([trace], _row("spoken", 0.5 - used, 0.5))


def _lane(lane: recording_strip.Steps, modalities: Sequence[str], unit: str) -> Row:
    """Return the contributions of each step of a modality as bars, stacked by term."""
    ups = sum(np.maximum(values, 0) for values in lane.terms.values())
    downs = sum(np.minimum(values, 0) for values in lane.terms.values())
    reach = max(float(np.max(ups)), -float(np.min(downs)), 1e-9) * 1.08
    coalitions = coalition_names(modalities)
    steps = [
        [label(step), f"{a:.2f}", f"{b:.2f}"]
        for step, a, b in zip(lane.names, lane.starts, lane.ends, strict=True)
    ]
    traces: list[Attributes] = []
    for term, values in lane.terms.items():
        # A term that is no coalition is the whole output; it has the colour of the modality.
        owner = term if term in coalitions else lane.modality
        hues = [term_colour(owner, modalities)] * len(values)
        is_joint = ["+" in term] * len(values)
        traces.append(
            {
                "type": "bar",
                "x": (lane.starts + lane.ends) / 2,
                "width": lane.ends - lane.starts,
                "y": np.asarray(values, float),
                "name": term_title(owner),
                "legendgroup": owner,
                "marker": bar_pattern(hues, is_joint, rim=0.6),
                "customdata": steps,
                "hovertemplate": f"{label(lane.modality)}, %{{customdata[0]}}, "
                "%{customdata[1]} to %{customdata[2]} s<br>"
                f"{label(term, 40)}: %{{y:+.4f}} {label(unit)}<extra></extra>",
            }
        )
    return traces, {
        "range": [-reach, reach],
        "tickvals": [0],
        "ticktext": [f"{label(lane.modality, 14)}<br>±{reach / 1.08:.2g}"],
        "zeroline": True,
        "zerolinecolor": LINE,
    }


Numbered = tuple[np.ndarray, list[list[Any]]]


def number_colours(pixels: np.ndarray, hues: int = PICTURE_STOPS) -> Numbered:
    """Return a picture with numbered colours: numbers (h, w) from 0 to `hues` - 1, and a colour scale over them.

    Args:
        pixels: uint8 (h, w, 3).
        hues: number of colours, at least `PICTURE_STOPS`; those that are not needed repeat the last one.
    """
    picture = Pictures.fromarray(pixels).quantize(hues, dither=Pictures.Dither.NONE)
    numbers = np.asarray(picture)
    palette = np.asarray(picture.getpalette(), int).reshape(-1, 3)[: numbers.max() + 1]
    stops = [palette[min(number, len(palette) - 1)] for number in range(hues)]
    scale: list[list[Any]] = [
        [number / (hues - 1), f"rgb({r},{g},{b})"] for number, (r, g, b) in enumerate(stops)
    ]
    return numbers, scale


def picture_trace(pixels: np.ndarray, width: float, height: float) -> Attributes:
    """Return a trace that draws a picture with its rows downwards over `width` by `height` units, from -0.5 on.

    Args:
        pixels: uint8 (h, w, 3).
    """
    numbers, scale = number_colours(pixels)
    h, w = numbers.shape
    return {
        "type": "heatmap",
        "z": numbers,
        "x0": width / w / 2 - 0.5,
        "dx": width / w,
        "y0": height / h / 2 - 0.5,
        "dy": height / h,
        "zmin": 0,
        "zmax": len(scale) - 1,
        "colorscale": scale,
        "showscale": False,
        "hoverinfo": "skip",
    }


SIDE = 48  # pixels of a thumbnail's height, and of the width of each part at most
MOST = 4_000  # addresses that are kept
_THUMBNAIL_HUES = 32  # colours of a picture
_INK, _PAPER = 90, 255  # grey levels of a line and of what is around it
_BINS = 2 * SIDE  # columns of a line before it is made smaller


def sample_picture_address(dataset: DataSet, row: int) -> str | None:
    """Return the address of a small picture of a sample, `data:image/png;base64,...`; None if there is nothing to draw.

    It is of `pictured_modality`, or else the picture that was joined to the sample. Addresses are cached, except those
    of a visitor's samples.
    """
    if dataset.is_own(row):
        return _draw_address(dataset, row)
    key = dataset.identity, row
    address = CACHE.get_or_compute(
        sample_picture_address, key, lambda: _draw_address(dataset, row), MOST
    )
    return cast("str | None", address)


def pictured_modality(dataset: DataSet, row: int) -> str:
    """Return the first modality of a sample with a picture or film, or else with a sound or curve; empty if there is
    none."""
    contents = text.read_content(dataset, row)
    kinds = ((Image, Film), (Audio, Series))
    shown = [name for kind in kinds for name, part in contents.items() if isinstance(part, kind)]
    return shown[0] if shown else ""


def draw_sample(dataset: DataSet, row: int) -> np.ndarray | None:
    """Return a small picture of a sample, uint8 (h, w, 3), or None; see `sample_picture_address`."""
    name = pictured_modality(dataset, row)
    if not name:
        return _draw_joined_picture(dataset, row)
    return draw_thumbnail(text.read_content(dataset, row)[name])


def picture_address(pixels: np.ndarray) -> str:
    """Return a picture as an address that holds it, in at most `_HUES` colours."""
    file = io.BytesIO()
    picture = Pictures.fromarray(pixels).quantize(_THUMBNAIL_HUES, dither=Pictures.Dither.NONE)
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def draw_thumbnail(content: Content) -> np.ndarray | None:
    """Return a small picture of the content of a modality, uint8 (h, w, 3) of at most `SIDE` pixels; None for text."""
    match content:
        case Image():
            return _shrink(content.pixels)
        case Film():
            return _shrink(content.frames[len(content.frames) // 2])
        case Audio():
            return _draw_wave(content.samples)
        case Series():
            return _draw_curve(content.values)
    return None


def _draw_address(dataset: DataSet, row: int) -> str | None:
    pixels = draw_sample(dataset, row)
    return None if pixels is None else picture_address(pixels)


@default_on_error(None)
def _draw_joined_picture(dataset: DataSet, row: int) -> np.ndarray | None:
    clip = dataset.clip_of(row)
    if clip is None or clip.kind != "image":
        return None
    return _shrink(read_picture(clip.path, SIDE))


def _shrink(pixels: np.ndarray) -> np.ndarray:
    picture = Pictures.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def _draw_wave(samples: np.ndarray) -> np.ndarray:
    """Return a waveform: in each column from its least to its largest sample."""
    bins = np.array_split(np.asarray(samples, dtype=float), _BINS)
    low = np.array([part.min(initial=0) for part in bins])
    high = np.array([part.max(initial=0) for part in bins])
    reach = max(float(np.abs([low, high]).max()), 1e-9)
    return _fill_columns(low / reach, high / reach)


def _draw_curve(values: np.ndarray) -> np.ndarray:
    """Return a curve, from its least to its largest value."""
    places = np.linspace(0, len(values) - 1, _BINS)
    line = np.interp(places, np.arange(len(values)), values)
    spread = max(float(np.ptp(line)), 1e-9)
    height = 2 * (line - line.min()) / spread - 1
    before = np.append(height[:1], height[:-1])
    return _fill_columns(np.minimum(height, before), np.maximum(height, before))


def _fill_columns(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return a picture whose columns are dark between two heights, each from -1 to 1."""
    heights = np.linspace(1, -1, _BINS)[:, None]
    half = 1.5 / _BINS
    is_ink = (heights >= low - half) & (heights <= high + half)
    grey = np.where(is_ink, _INK, _PAPER).astype(np.uint8)
    return _shrink(np.repeat(grey[:, :, None], 3, 2))
