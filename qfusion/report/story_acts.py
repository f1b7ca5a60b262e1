"""An act of a story, drawn as SVG or PNG, with the sample's card on its left."""

import re
import textwrap
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageOps

from qfusion.figures.export_style import CREATOR, plotly_print, printing
from qfusion.figures.style import Theme, label
from qfusion.figures.themes import apply_theme
from qfusion.report.plain_text import clean
from qfusion.report.story import Act, Story

SIZE = (1280, 720)  # pixels of a frame, at 96 dots an inch
EDGE = 20  # pixels around the drawing
INNER = (SIZE[0] - 2 * EDGE, SIZE[1] - 2 * EDGE)  # pixels of the drawing
FONT = 17.0  # points
CARD = 0.28  # share of a frame's width for the sample
CARD_TEXT = CARD - 0.07  # the same without the gap to the plot
LINE = 22  # letters in a line of the card
# Lines of the card that have room, and lines of each text in it, without and with pictures.
CARD_LINES, TEXT_LINES = 17, 10
CARD_LINES_BELOW_PICTURES, TEXT_LINES_BELOW_PICTURES = 9, 4
MOST_TITLE, MOST_SAYS = 90, 520  # letters above and below a frame's plot; a page has all of them


class Box(NamedTuple):
    """Area of a plot in which lines grow: upper left corner and size, in the units of the drawing that contains it."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class FramedAct:
    """An act with the sample's card on its left, and the text above and below its plot.

    Attributes:
        act: the act with the card.
        title: text above the plot.
        caption: text below the plot.
    """

    act: Act
    title: str
    caption: str

    @property
    def texts(self) -> dict[str, str]:
        """The texts as arguments of the renderer."""
        return {"title": self.title, "caption": self.caption}


def frame_acts(story: Story) -> list[FramedAct]:
    """Return the acts of a story in frames. Short captions are padded with empty lines, so that all plots have the
    same height.
    """
    title = clean(story.title, MOST_TITLE)
    framed = [
        FramedAct(add_card(story, act), title, clean(act.says, MOST_SAYS)) for act in story.acts
    ]
    heights = [_plot_height(act) for act in framed]
    for _ in range(8):
        highest = int(np.argmax(heights))
        if heights[highest] - min(heights) < 1:
            break
        padded = framed[highest].caption + "\n\u00a0"
        framed[highest] = replace(framed[highest], caption=padded)
        heights[highest] = _plot_height(framed[highest])
    return framed


def _plot_height(framed: FramedAct) -> float:
    return render_svg_act(framed.act, "light", "", INNER, **framed.texts)[1].height


def add_card(story: Story, act: Act) -> Act:
    """Return an act with the sample's card on the left of its plot."""
    figure = go.Figure(act.figure).update_layout(xaxis_domain=[CARD, 1.0])
    count = len(story.pictures)
    for place, name in enumerate(story.pictures):
        figure.add_annotation(
            text=label(name, LINE // count),
            x=(place + 0.5) / count * CARD_TEXT,
            y=0.6,
            xref="paper",
            yref="paper",
            xanchor="center",
            yanchor="top",
            showarrow=False,
        )
    figure.add_annotation(
        text="<br>".join(_card_lines(story)),
        x=0.0,
        y=0.5 if count else 1.0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        align="left",
        showarrow=False,
    )
    return replace(act, figure=figure)


def _card_lines(story: Story) -> list[str]:
    """Return the lines of the card that have room: texts of the sample, then facts about it."""
    most, most_of_text = CARD_LINES, TEXT_LINES
    if story.pictures:
        most, most_of_text = CARD_LINES_BELOW_PICTURES, TEXT_LINES_BELOW_PICTURES
    lines: list[str] = []
    for name, words in story.words.items():
        lines += [f"{label(name, LINE)}:", *_wrap(words, most_of_text), ""]
    for fact in story.facts:
        lines += _wrap(fact, 4)
    return lines[:most]


def _wrap(words: str, most: int) -> list[str]:
    """Return a text in at most `most` lines of the card."""
    return [
        label(line) for line in textwrap.wrap(clean(words), LINE, max_lines=most, placeholder=" …")
    ]


def hide_lines(act: Act) -> Act:
    """Return an act at its beginning: its figure without the lines that grow."""
    figure = go.Figure(act.figure)
    for trace in figure.data[act.standing :]:
        trace.update(x=[None], y=[None])
    return replace(act, figure=figure)


def render_act(
    act: Act, kind: str, theme: Theme, size: tuple[float, float], dpi: float = 96.0, **texts: Any
) -> bytes:
    """Return an act as a file.

    Args:
        act: the act.
        kind: "svg" or "png".
        theme: theme of the figure.
        size: width and height in pixels, at 96 dots an inch.
        dpi: dots an inch of a PNG.
        texts: `title` and `caption`.
    """
    width, height = (pixels * 25.4 / 96 for pixels in size)
    style = plotly_print.Style(width, height, FONT, round(dpi), creator=CREATOR)
    with printing():
        return plotly_print.render(apply_theme(act.figure, theme), kind, style, **texts)


def render_svg_act(
    act: Act, theme: Theme, key: str, size: tuple[float, float], **texts: Any
) -> tuple[str, Box]:
    """Return the content of an SVG of an act, in points, and the area where its lines grow. The clip path that
    uncovers the lines has the id `key`.
    """
    svg = render_act(act, "svg", theme, size, **texts).decode()
    inside = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    clip = re.search(
        r'<clipPath id="(\w+)">\s*<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"/>',
        inside,
    )
    assert clip is not None, "plotly_print clips lines to their plot"
    inside = inside.replace(f' clip-path="url(#{clip[1]})"', "", act.standing)
    inside = inside.replace(clip[1], "qf-kept").replace("<title>", "<desc>")
    inside = re.sub(r' id="(?!qf-kept)[^"]*"', "", inside).replace("qf-kept", key)
    return inside, Box(*map(float, clip.groups()[1:]))


def picture_positions(story: Story, box: Box) -> list[tuple[float, float, float]]:
    """Return the positions of the pictures in a frame, each with the side length of its square."""
    count = len(story.pictures)
    full = box.width / (1 - CARD)
    left = box.x + box.width - full
    width = full * CARD_TEXT
    side = min(width / max(1, count) * 0.94, 0.38 * box.height)
    y = box.y + 0.39 * box.height - side
    return [(left + (place + 0.5) / count * width - side / 2, y, side) for place in range(count)]


def fit_picture(pixels: np.ndarray, side: int) -> Any:
    """Return a picture in a square of `side` pixels. Pixels of a smaller picture become squares."""
    picture = Image.fromarray(np.asarray(pixels)).convert("RGB")
    if max(picture.size) < side:
        method = Image.Resampling.NEAREST
    else:
        method = Image.Resampling.LANCZOS
    corner: Any = picture.getpixel((0, 0))
    return ImageOps.pad(picture, (side, side), method, corner)
