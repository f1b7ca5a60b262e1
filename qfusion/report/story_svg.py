"""A story as an animated SVG (SMIL)."""

import re
from collections.abc import Sequence
from html import escape

from qfusion.figures.style import PAPER, QUIET, Theme
from qfusion.report.blocks import png_address
from qfusion.report.plain_text import clean
from qfusion.report.story import Story
from qfusion.report.story_acts import (
    EDGE,
    INNER,
    SIZE,
    Box,
    FramedAct,
    fit_picture,
    frame_acts,
    picture_positions,
    render_svg_act,
)
from qfusion.report.story_frames import HOLD


def render_svg(story: Story, theme: Theme, seconds: float) -> bytes:
    """Return a story as an SVG in which the acts lie on top of each other and are shown in turn."""
    acts = [
        _svg_group(story, framed, place, theme, seconds)
        for place, framed in enumerate(frame_acts(story))
    ]
    width, height = (side * 0.75 for side in SIZE)
    says = clean(" ".join([story.says, *(act.says for act in story.acts), story.made_from]))
    edge = EDGE * 0.75
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'viewBox="{-edge:g} {-edge:g} {width:g} {height:g}"><title>{escape(clean(story.title))}</title>'
        f"<desc>{escape(says)}</desc>"
        f'<rect x="{-edge:g}" y="{-edge:g}" width="{width:g}" height="{height:g}" fill="{PAPER[theme]}"/>'
        f"{''.join(acts)}</svg>"
    ).encode()


def _svg_group(story: Story, framed: FramedAct, place: int, theme: Theme, seconds: float) -> str:
    """Return the group of an act, which is visible in its own part of the time only."""
    count = len(story.acts)
    inside, box = render_svg_act(framed.act, theme, f"grows-{place}", INNER, **framed.texts)
    begin, end = place / count, (place + 1) / count
    visibility = (
        "hidden" if place else "visible",
        "visible",
        "hidden" if end < 1 else "visible",
    )
    shows = _animate("visibility", visibility, (0, begin, end), "discrete", seconds)
    times = (0.0, begin, end - HOLD / count, 1.0)
    right = box.x + box.width
    uncovers = _animate("width", (0, 0, box.width, box.width), times, "linear", seconds)
    moves = _animate("x", (box.x, box.x, right, right), times, "linear", seconds)
    return (
        f'<g visibility="{visibility[0]}">{shows}{animate_clip(inside, uncovers)}'
        f"{_pictures(story, box)}{draw_cursor(box, theme, moves)}</g>"
    )


def _animate(
    name: str, values: Sequence[object], times: Sequence[float], mode: str, seconds: float
) -> str:
    """Return the SMIL element that animates an attribute."""
    key_times = ";".join(f"{time:.5g}" for time in times)
    return (
        f'<animate attributeName="{name}" values="{";".join(map(str, values))}" '
        f'keyTimes="{key_times}" calcMode="{mode}" dur="{seconds:g}s" repeatCount="indefinite"/>'
    )


def _pictures(story: Story, box: Box) -> str:
    """Return the sample's pictures as SVG images."""
    positions = picture_positions(story, box)
    return "".join(
        f'<image x="{x:.2f}" y="{y:.2f}" width="{side:.2f}" height="{side:.2f}" '
        f'href="{png_address(fit_picture(picture, 256))}"/>'
        for picture, (x, y, side) in zip(story.pictures.values(), positions, strict=True)
    )


def animate_clip(inside: str, animation: str = "") -> str:
    """Return a drawing whose clip path has the class "grows" and the given animation."""
    return re.sub(
        r'(<clipPath id="[\w-]+">\s*<rect [^>]*)/>', rf'\1 class="grows">{animation}</rect>', inside
    )


def draw_cursor(box: Box, theme: Theme, animation: str = "") -> str:
    """Return the cursor at the right edge of a plot as an SVG rectangle."""
    return (
        f'<rect class="cursor" x="{box.x + box.width:g}" y="{box.y:g}" width="1.5" height="{box.height:g}" '
        f'fill="{QUIET[theme]}">{animation}</rect>'
    )
