"""Frames of a story as moving pictures.

Everything that does not move is drawn once for each act. Frames differ in how far the lines are uncovered, and in the
position of the cursor.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from qfusion._sentences import progress_over
from qfusion.figures.style import PAPER, Theme
from qfusion.report.story import Act, Story
from qfusion.report.story_acts import (
    EDGE,
    INNER,
    SIZE,
    Box,
    FramedAct,
    fit_picture,
    frame_acts,
    hide_lines,
    picture_positions,
    render_act,
    render_svg_act,
)

HOLD = 0.15  # share of an act's time in which all of it is visible


class Pixels(NamedTuple):
    """An act at its beginning and at its end, (H, W, 3) or colour indices (H, W), and the area where its lines grow."""

    begin: np.ndarray
    end: np.ndarray
    box: Box


def frames(acts: Sequence[Pixels], count: int, cursor: Any) -> Iterator[np.ndarray]:
    """Yield `count` frames, distributed evenly over the acts; `cursor` is the colour of the cursor."""
    bounds = [count * place // len(acts) for place in range(len(acts) + 1)]
    for (begin, end, box), share in progress_over(
        _shares(acts, bounds), "Drawing the frames", count
    ):
        edge = round(box.x + share * box.width)
        frame = begin.copy()
        frame[:, :edge] = end[:, :edge]
        frame[round(box.y) : round(box.y + box.height), edge - 1 : edge + 1] = cursor
        yield frame


def _shares(acts: Sequence[Pixels], bounds: Sequence[int]) -> Iterator[tuple[Pixels, float]]:
    """Yield the act of each frame and the share of its plot that is uncovered."""
    for act, start, end in zip(acts, bounds, bounds[1:], strict=False):
        growing = max(1.0, (end - start) * (1 - HOLD))
        for frame in range(end - start):
            yield act, min(1.0, (frame + 1) / growing)


def draw_acts(story: Story, theme: Theme, dpi: float) -> list[Pixels]:
    """Return the first and the last frame of each act, with the sample's pictures."""
    edge = round(EDGE * dpi / 96)
    drawn = []
    for framed in frame_acts(story):
        in_points = render_svg_act(framed.act, theme, "", INNER, **framed.texts)[1]
        box = Box(*(value * dpi / 72 for value in in_points))
        begin = _draw_frame(story, framed, hide_lines(framed.act), theme, dpi, box)
        end = _draw_frame(story, framed, framed.act, theme, dpi, box)
        drawn.append(Pixels(begin, end, box._replace(x=box.x + edge, y=box.y + edge)))
    return drawn


def _draw_frame(
    story: Story, framed: FramedAct, act: Act, theme: Theme, dpi: float, box: Box
) -> np.ndarray:
    """Return the pixels (H, W, 3) of a frame: the texts of `framed`, the figure of `act`, the sample's pictures."""
    edge = round(EDGE * dpi / 96)
    width, height = (round(side * dpi / 96) for side in SIZE)
    paper = Image.new("RGB", (width, height), PAPER[theme])
    png = render_act(act, "png", theme, INNER, dpi, **framed.texts)
    paper.paste(Image.open(io.BytesIO(png)), (edge, edge))
    positions = picture_positions(story, box)
    for picture, (x, y, side) in zip(story.pictures.values(), positions, strict=True):
        paper.paste(fit_picture(picture, round(side)), (edge + round(x), edge + round(y)))
    return np.asarray(paper)
