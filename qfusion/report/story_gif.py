"""A story as an animated GIF."""

import io

import numpy as np
from PIL import Image

from qfusion.figures.style import QUIET, Theme, rgb_channels
from qfusion.report.plain_text import clean
from qfusion.report.story import Story
from qfusion.report.story_frames import Pixels, draw_acts, frames

GIF_DPI = 72.0  # a GIF has 960 x 540 pixels


def render_gif(story: Story, theme: Theme, seconds: float, rate: float) -> bytes:
    """Return a story as a GIF of `rate` frames a second. All acts share one palette of 255 colours."""
    acts = draw_acts(story, theme, GIF_DPI)
    palette = _palette(acts)
    indexed = [
        Pixels(_index_colours(act.begin, palette), _index_colours(act.end, palette), act.box)
        for act in acts
    ]
    quiet = np.full((1, 1, 3), rgb_channels(QUIET[theme]), np.uint8)
    cursor = _index_colours(quiet, palette)[0, 0]
    pause = round(100 / rate)  # hundredths of a second
    pictures = []
    for frame in frames(indexed, max(1, round(100 * seconds / pause)), cursor):
        picture = Image.fromarray(frame, "P")
        picture.putpalette(palette.getpalette())  # type: ignore[arg-type]
        pictures.append(picture)
    out = io.BytesIO()
    pictures[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=10 * pause,
        loop=0,
        comment=clean(f"{story.title}. {story.made_from}").encode()[:250],
    )
    return out.getvalue()


def _palette(acts: list[Pixels]) -> Image.Image:
    """Return an image whose palette fits the last frames of all acts."""
    ends = Image.fromarray(np.concatenate([act.end for act in acts]))
    return ends.quantize(255, dither=Image.Dither.NONE)


def _index_colours(pixels: np.ndarray, palette: Image.Image) -> np.ndarray:
    """Return the numbers (H, W) of a palette's colours that are nearest to the pixels (H, W, 3)."""
    indexed = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
    return np.asarray(indexed)
