"""Charts of attributions inside a modality: words, waveforms, pictures, curves and features, coloured by value."""

from collections.abc import Sequence
from unicodedata import east_asian_width

import numpy as np

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.figures.colours import SIGNED_SCALE, signed_colour
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_head,
    add_line,
    add_row_bars,
    note,
    outside_texts,
    rectangle,
    side_colour_bar,
)
from qfusion.figures.sample_charts import picture_trace
from qfusion.figures.style import (
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    Attributes,
    bare_axis,
    base_figure,
    label,
    title_with_unit,
)

MOST_BARS = 12  # features with a bar of their own
_LINE = 52  # characters of a line of words


FAINT = 0.1  # of the largest value: pixels below have no colour


_LONGEST = 20  # characters of a word that is written in full


def _reach(values: np.ndarray) -> float:
    """Return the largest absolute value; at least 1e-12, so that it can divide."""
    return max(float(np.abs(values).max(initial=0)), 1e-12)


def _cell_scale(values: np.ndarray, unit: str) -> Attributes:
    """Return the attributes of a heat map with a signed colour scale that is neutral at zero."""
    reach = _reach(values)
    return {
        "colorscale": SIGNED_SCALE,
        "zmin": -reach,
        "zmax": reach,
        "colorbar": side_colour_bar(label(unit, 40), len=1.0, tickformat="+.2g", nticks=5),
    }


def _hue(value: float, reach: float) -> str:
    """Return the colour of a value on a signed scale from -`reach` to `reach`."""
    return signed_colour(0.5 + 0.5 * float(np.clip(value / reach, -1, 1)))


def _word_width(word: str) -> float:
    """Return the width of a word's patch in characters; East Asian wide characters count 1.8."""
    shown = word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…"
    wide = sum(east_asian_width(letter) in "WF" for letter in shown)
    return max(len(label(word, _LONGEST)) + 0.8 * wide, 5) + 1.6


def _set_words(spoken: Sequence[str]) -> list[tuple[float, int, float]]:
    """Set words in lines of `_LINE` characters.

    Returns:
        left edge, line and width of each word.
    """
    places = []
    left = 0.0
    line = 0
    for word in spoken:
        width = _word_width(word)
        if left and left + width > _LINE:
            left = 0.0
            line += 1
        places.append((left, line, width))
        left += width + 0.5
    return places


@checks_arrays(spoken="T", values="T")
def words(spoken: Sequence[str], values: np.ndarray, *, unit: str = "score") -> Figure:
    """Draw the words in reading order, each on a patch in the colour of its value, with the value below it.

    Args:
        spoken: T words.
        values: (T,) in units of the output.
    """
    places = _set_words(spoken)
    last_line = places[-1][1] if places else 0
    reach = _reach(values)
    is_dark = np.abs(values) > 0.6 * reach
    patches = []
    texts = []
    for word, value, dark, (left, line, width) in zip(spoken, values, is_dark, places, strict=True):
        patches.append(
            rectangle(
                (left, left + width),
                (line - 0.3, line + 0.2),
                _hue(float(value), reach),
                hue=LINE,
                width=0.5,
                layer="below",
            )
        )
        middle = left + width / 2
        ink = ON_DARK if dark else ON_BRIGHT
        texts.append(note(label(word, _LONGEST), middle, line - 0.05, size=15, hue=ink))
        amount = true_minus(f"{value:+.3f}")
        texts.append(note(amount, middle, line + 0.38, size=11, hue=QUIET))

    figure = base_figure(34 + 62 * (last_line + 1), left=6, right=6, top=6, bottom=6)
    figure.update_layout(shapes=patches, annotations=texts)
    figure.add_scatter(
        x=[left + width / 2 for left, _, width in places],
        y=[line for _, line, _ in places],
        mode="markers",
        marker={"opacity": 0, "size": 24},
        customdata=[
            [label(w), true_minus(f"{v:+.4f}")] for w, v in zip(spoken, values, strict=True)
        ],
        hovertemplate="‘%{customdata[0]}’: %{customdata[1]} " + label(unit) + "<extra></extra>",
    )
    figure.update_xaxes(bare_axis(), range=[-0.5, _LINE + 8])
    figure.update_yaxes(bare_axis(), range=[last_line + 0.6, -0.5])
    return figure


@checks_arrays()
def waveform(
    samples: np.ndarray, rate: int, values: np.ndarray, step: float, *, unit: str = "score"
) -> Figure:
    """Draw the waveform over time, each frame shaded in the colour of its value.

    Args:
        samples: (n,) in [-1, 1].
        rate: samples per second.
        values: (T,), one value per frame.
        step: duration of a frame in seconds.
    """
    size = max(1, len(samples) // 700)  # samples per bin: about 700 bins are drawn
    bins = np.asarray(samples)[: len(samples) // size * size].reshape(-1, size)
    reach = max(float(np.abs(samples).max(initial=0)) * 1.08, 1e-3)
    figure = base_figure(
        230,
        left=56,
        right=10,
        top=8,
        bottom=44,
        x_title="time (s)",
        y_title="amplitude",
        x_axis={"range": [0, max(len(samples) / rate, step * len(values))]},
        y_axis={"range": [-reach, reach]},
    )
    figure.add_heatmap(
        z=np.asarray(values)[None],
        x=(np.arange(len(values)) + 0.5) * step,
        y=[-reach, reach],
        **_cell_scale(values, unit),
        hovertemplate="%{x:.2f} s: %{z:+.4f} " + label(unit) + "<extra></extra>",
    )
    add_line(
        figure,
        np.repeat((np.arange(len(bins)) + 0.5) * size / rate, 2),
        np.stack([bins.min(1), bins.max(1)], 1).ravel(),
        INK,
        0.8,
        hoverinfo="skip",
    )
    return figure


@checks_arrays()
def timeline(
    lanes: Sequence[tuple[str, np.ndarray, float, Sequence[str]]],
    *,
    seconds: bool,
    unit: str = "score",
) -> Figure:
    """Draw the steps of several modalities on one axis, one lane per modality, coloured by their contributions.

    The colours of a lane span its own largest step, which is written below its name.

    Args:
        lanes: for each modality its name, the values (T,) of its steps, the width of a step on the axis, the names
            (T,) of the steps.
        seconds: whether the axis is time in seconds, else percent.
    """
    if seconds:
        axis_title = "time (s)"
        axis_unit = "s"
    else:
        axis_title = "share of the sample's length (%)"
        axis_unit = "%"
    figure = base_figure(64 + 58 * len(lanes), left=86, top=8, bottom=44, x_title=axis_title)
    ticks = []
    for row, (name, values, width, names) in enumerate(lanes):
        check(
            len(values) == len(names),
            f"Argument `lanes` must name each step, but '{name}' has {len(values)} steps and {len(names)} names.",
        )
        reach = _reach(values)
        ticks.append(f"{label(name, 24)}<br>±{reach:.2g}")
        steps = [
            [label(step), true_minus(f"{value:+.4f}")]
            for step, value in zip(names, values, strict=True)
        ]
        figure.add_heatmap(
            z=np.asarray(values, dtype=float)[None],
            x=np.arange(len(values) + 1) * width,
            y=[row - 0.36, row + 0.36],
            zmin=-reach,
            zmax=reach,
            colorscale=SIGNED_SCALE,
            showscale=False,
            customdata=[steps],
            hovertemplate=f"{label(name)}, %{{customdata[0]}}, %{{x:.2f}} {axis_unit}: "
            f"%{{customdata[1]}} {label(unit)}<extra></extra>",
        )
    longest = max((len(values) * width for _, values, width, _ in lanes), default=1.0)
    figure.update_xaxes(range=[0, longest])
    figure.update_yaxes(
        range=[len(lanes) - 0.5, -0.5], tickvals=list(range(len(lanes))), ticktext=ticks
    )
    return figure


@checks_arrays(values="h w")
def picture(pixels: np.ndarray, values: np.ndarray, *, unit: str = "score") -> Figure:
    """Draw a picture in its colours, and beside it the same, faint, under the values of the model's pixels.

    Values below `FAINT` times the largest have no colour, so that the picture is seen there.

    Args:
        pixels: uint8 (H, W, 3), of the same extent as the values.
        values: (h, w), one for each pixel of the model's input.
    """
    h, w = values.shape
    drawn = picture_trace(pixels, w, h)
    scale = _cell_scale(values, unit)
    heat = {
        "x0": 0,
        "dx": 1,
        "y0": 0,
        "dy": 1,
        "xaxis": "x2",
        "yaxis": "y2",
    }
    is_faint = np.abs(values) < FAINT * _reach(values)

    figure = base_figure(300, left=10, right=10, top=24, bottom=10)
    figure.add_trace({**drawn, "xaxis": "x", "yaxis": "y"})
    figure.add_trace({**drawn, "xaxis": "x2", "yaxis": "y2", "opacity": 0.5})
    figure.add_trace(
        {
            "type": "heatmap",
            "z": np.where(is_faint, np.nan, values),
            "hoverongaps": False,
            "opacity": 0.85,
            "hoverinfo": "skip",
            **heat,
            **scale,
        }
    )
    # All values, for the pointer.
    figure.add_trace(
        {
            "type": "heatmap",
            "z": values,
            "opacity": 0,
            "showscale": False,
            "customdata": np.moveaxis(np.indices((h, w)), 0, -1) + 1,
            "hovertemplate": "row %{customdata[0]}, column %{customdata[1]}: %{z:+.4f} "
            f"{label(unit)}<extra></extra>",
            **heat,
            **scale,
            "colorbar": None,
        }
    )
    _lay_out_pair(figure, [h - 0.5, -0.5], [-0.5, w - 0.5])
    _head_pair(figure, "the picture", "what each pixel added")
    return figure


@checks_arrays(cells="h w", values="h w")
def spectrogram(cells: np.ndarray, values: np.ndarray, *, unit: str = "score") -> Figure:
    """Draw a spectrogram in grey, and beside it the same, faint, under the value of every cell.

    Args:
        cells, values: (h, w). Rows are frequency bands, low ones at the bottom, columns are frames.
    """
    h, w = cells.shape
    low = float(cells.min())
    high = float(cells.max())
    grey = {
        "zmin": low,
        "zmax": max(high, low + 1e-9),
        "colorscale": "Gray",
        "showscale": False,
        "hoverinfo": "skip",
    }

    figure = base_figure(300, left=34, right=10, top=24, bottom=30)
    figure.add_heatmap(z=cells, xaxis="x", yaxis="y", **grey)
    figure.add_heatmap(z=cells, xaxis="x2", yaxis="y2", **grey)
    figure.add_heatmap(
        z=values,
        xaxis="x2",
        yaxis="y2",
        opacity=0.72,
        **_cell_scale(values, unit),
        hovertemplate=f"band %{{y}}, frame %{{x}}: %{{z:+.4f}} {label(unit)}<extra></extra>",
    )
    _lay_out_pair(figure, [-0.5, h - 0.5], [-0.5, w - 0.5])
    small = {"size": 12, "color": QUIET}
    figure.update_layout(
        xaxis_title={"text": "frame", "font": small}, yaxis_title={"text": "band", "font": small}
    )
    _head_pair(figure, "what the model sees", "what each cell added")
    return figure


def _lay_out_pair(figure: Figure, rows: Sequence[float], columns: Sequence[float]) -> None:
    """Lay out two pictures of the same extent side by side, with square cells and without ticks."""
    plain = {
        "showline": False,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "constrain": "domain",
        "showticklabels": False,
    }
    across = plain | {"range": columns}
    upright = plain | {"range": rows}
    figure.update_layout(
        xaxis=across | {"domain": [0, 0.46]},
        xaxis2=across | {"domain": [0.5, 0.96]},
        yaxis=upright | {"scaleanchor": "x"},
        yaxis2=upright | {"scaleanchor": "x2", "anchor": "x2"},
    )


def _head_pair(figure: Figure, left: str, right: str) -> None:
    """Write a heading above each of two pictures."""
    for heading, x in ((left, 0.23), (right, 0.73)):
        add_head(figure, heading, x, hue=QUIET, xref="paper", xanchor="center")


@checks_arrays(x="F", y="F", values="F")
def curve(
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    *,
    x_label: str,
    y_label: str,
    unit: str = "score",
) -> Figure:
    """Draw a spectrum or profile with each point coloured by its value.

    Args:
        x, y, values: (F,).
    """
    figure = base_figure(
        260, right=10, top=8, bottom=46, x_title=label(x_label, 90), y_title=label(y_label)
    )
    scale = _cell_scale(values, unit)
    add_line(figure, x, y, LINE, 1.5, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        customdata=np.asarray(values),
        marker={
            "color": values,
            "size": 8,
            "line": {"color": QUIET, "width": 0.6},
            "colorscale": SIGNED_SCALE,
            "cmin": scale["zmin"],
            "cmax": scale["zmax"],
            "colorbar": scale["colorbar"],
        },
        hovertemplate="%{x}: %{customdata:+.4f} " + label(unit) + "<extra></extra>",
    )
    return figure


@checks_arrays(names="F", values="F")
def bars(names: Sequence[str], values: np.ndarray, *, unit: str = "score") -> Figure:
    """Draw the features of largest absolute value as bars, largest first; the last bar is the sum of the others.

    Args:
        names, values: (F,).
    """
    order = np.argsort(-np.abs(values), kind="stable")
    shown = order[:MOST_BARS]
    others = order[MOST_BARS:]
    titles = [label(names[i], 34) for i in shown]
    lengths = np.asarray(values[shown], dtype=float)
    if len(others):
        titles.append(f"{len(others)} others")
        lengths = np.append(lengths, values[others].sum())
    reach = _reach(lengths)

    figure = base_figure(
        62 + 22 * len(titles),
        left=10,
        top=6,
        bottom=42,
        rows=titles,
        x_title=title_with_unit("added to the term", unit),
        x_axis={"range": [-1.35 * reach, 1.35 * reach]},
    )
    add_row_bars(
        figure,
        lengths,
        {
            "color": [_hue(float(v), reach) for v in lengths],
            "line": {"color": QUIET, "width": 0.8},
        },
        width=0.66,
        hovertemplate="%{x:+.4f}<extra></extra>",
        **outside_texts([true_minus(f"{v:+.3f}") for v in lengths], size=11),
    )
    figure.add_vline(x=0, line={"color": LINE, "width": 1})
    figure.update_layout(plot_bgcolor=PAPER)
    return figure
