"""A story of one decision, to show to others: its terms grow before one's eyes, as learned and under one lever; as MP4,
WebM, GIF, animated SVG, and as one HTML page that plays by itself, without a server and without a network.

What does not move is drawn once an act. Frames differ in how far its lines are uncovered, and in where the cursor
stands.
"""

import io
import re
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageOps

from qfusion import _assets
from qfusion._checks import check, choose, require_number
from qfusion._sentences import progress_over
from qfusion.data import clip_copies
from qfusion.figures.export_style import CREATOR, plotly_print, printing
from qfusion.figures.html_page import script_digest
from qfusion.figures.style import INK, PAPER, QUIET, Theme, label, rgb_channels
from qfusion.figures.themes import apply_theme
from qfusion.report.blocks import Block, png_address
from qfusion.report.plain_text import clean
from qfusion.report.templates import environment

KINDS = {
    ".html": "text/html",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
SECONDS, RATE, GIF_RATE = 10.0, 30.0, 20.0  # frames a second; a GIF counts hundredths of a second
MAX_SECONDS, MAX_RATE, MAX_FRAMES = 120.0, 60.0, 1800
HOLD = 0.15  # of an act's time, in which all of it stands
SIZE, EDGE, FONT = (1280, 720), 20, 17.0  # pixels of a frame and around its drawing; points
INNER = (SIZE[0] - 2 * EDGE, SIZE[1] - 2 * EDGE)  # of the drawing
GIF_DPI = 72.0  # a GIF has 960 x 540 pixels
CARD = 0.28  # of a frame's width, for the sample
LINE = 22  # letters of a line of the card
MOST_TITLE, MOST_SAYS = 90, 520  # letters above and below a frame's plot; a page has all of them


@dataclass(frozen=True, eq=False)
class Act:
    """A part of a story in which lines grow from left to right.

    Attributes:
        name: what it shows in a few words. says: its sentences. figure: all of it, in the light theme.
        standing: so many lines, the first ones, stand from its begin.
    """

    name: str
    says: str
    figure: go.Figure
    standing: int = 0


@dataclass(frozen=True, eq=False)
class Story:
    """A story, ready to be written; all its texts are words, and never markup.

    Attributes:
        title: what is asked. says: the decision in sentences. acts: in their order.
        facts: of the sample, a line each. words: by modality, what was said. pictures: by modality, uint8 (h, w) or
            (h, w, 3). media: by modality, what a page shows and plays, as of `blocks.picture`.
        made_from: a sentence on model, data and versions. command: that makes it again, "" of a visitor's own.
    """

    title: str
    says: str
    acts: tuple[Act, ...]
    facts: tuple[str, ...]
    words: Mapping[str, str]
    pictures: Mapping[str, np.ndarray]
    media: Mapping[str, Block]
    made_from: str
    command: str

    def written(
        self, suffix: str, theme: Theme = "light", seconds: float = SECONDS, rate: float = RATE
    ) -> bytes:
        """Return the story as a file; the same bytes for the same story, but for a video by another FFmpeg.

        Args:
            suffix: of `KINDS`. theme: of moving pictures; a page follows its reader's.
            seconds: that it lasts. rate: frames a second of a video, and at most of a GIF.

        Raises:
            InvalidInput, NotFound: when there is no such kind, a number is out of range, or there are too many frames.
        """
        choose("Kind of a story", suffix, KINDS)
        check_length(seconds, rate, suffix)
        if suffix == ".html":
            return _page(self, seconds)
        if suffix == ".svg":
            return _animated(self, theme, seconds)
        if suffix == ".gif":
            return _gif(self, theme, seconds, min(rate, GIF_RATE))
        shown = frames(
            _pixels(self, theme, 96.0), round(seconds * rate), np.array(rgb_channels(QUIET[theme]))
        )
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, f"story{suffix}")
            clip_copies.encode(place, shown, rate, comment=f"{self.title}. {self.made_from}")
            return place.read_bytes()


def check_length(seconds: float, rate: float, suffix: str) -> None:
    """Raise InvalidInput where a story would be too long, or a moving picture have too many frames."""
    require_number("seconds", seconds, 1.0, MAX_SECONDS)
    require_number("fps", rate, 1.0, MAX_RATE)
    rate = min(rate, GIF_RATE) if suffix == ".gif" else rate
    check(
        seconds * rate <= MAX_FRAMES or suffix in (".html", ".svg"),
        f"A story has at most {MAX_FRAMES:,} frames, but {seconds:g} s at {rate:g} frames a second are "
        f"{seconds * rate:,.0f}. Make it shorter, or take fewer frames a second.",
    )


class Box(NamedTuple):
    """Area of a plot in which lines grow. It holds the upper left corner of the plot and its size, in the units of
    the drawing that contains it.
    """

    x: float
    y: float
    width: float
    height: float


class Pixels(NamedTuple):
    """An act at its beginning and at its end, (H, W, 3) or colour indices (H, W), and the area where its lines grow."""

    begin: np.ndarray
    end: np.ndarray
    box: Box


def frames(drawn: Sequence[Pixels], count: int, cursor: Any) -> Iterator[np.ndarray]:
    """Yield `count` frames, shared evenly by the acts; `cursor` is its colour."""
    bounds = [count * place // len(drawn) for place in range(len(drawn) + 1)]
    growing = (
        (act, min(1.0, (frame + 1) / max(1.0, (end - start) * (1 - HOLD))))
        for act, start, end in zip(drawn, bounds, bounds[1:], strict=False)
        for frame in range(end - start)
    )
    for (begin, end, box), share in progress_over(growing, "Drawing the frames", count):
        edge = round(box.x + share * box.width)
        frame = begin.copy()
        frame[:, :edge] = end[:, :edge]
        frame[round(box.y) : round(box.y + box.height), edge - 1 : edge + 1] = cursor
        yield frame


# An act, drawn: beside its plot stands the sample's card.


def _drawn(
    act: Act, kind: str, theme: Theme, size: tuple[float, float], dpi: float = 96.0, **more: Any
) -> bytes:
    width, height = (pixels * 25.4 / 96 for pixels in size)
    style = plotly_print.Style(width, height, FONT, round(dpi), creator=CREATOR)
    with printing():
        return plotly_print.render(apply_theme(act.figure, theme), kind, style, **more)


def _framed(story: Story, act: Act, has_lines: bool = True) -> Act:
    """Return an act in a frame, with the card on its left, at its end or at its beginning."""
    figure = go.Figure(act.figure).update_layout(xaxis_domain=[CARD, 1.0])
    for trace in () if has_lines else figure.data[act.standing :]:
        trace.update(x=[None], y=[None])
    count, wide = len(story.pictures), CARD - 0.07
    most, most_said = (9, 4) if count else (17, 10)  # lines that have room
    lines: list[str] = []
    for name, words in story.words.items():
        wrapped = textwrap.wrap(clean(words), LINE, max_lines=most_said, placeholder=" …")
        lines += [f"{label(name, LINE)}:", *map(label, wrapped), ""]
    for fact in story.facts:
        lines += map(label, textwrap.wrap(clean(fact), LINE, max_lines=4, placeholder=" …"))
    for place, name in enumerate(story.pictures):
        figure.add_annotation(
            text=label(name, LINE // count),
            x=(place + 0.5) / count * wide,
            y=0.6,
            xref="paper",
            yref="paper",
            xanchor="center",
            yanchor="top",
            showarrow=False,
        )
    figure.add_annotation(
        text="<br>".join(lines[:most]),
        x=0.0,
        y=0.5 if count else 1.0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        align="left",
        showarrow=False,
    )
    return Act(act.name, act.says, figure, act.standing)


def _svg(
    act: Act, theme: Theme, key: str, size: tuple[float, float], **more: Any
) -> tuple[str, Box]:
    """Return a drawing as the inside of an SVG, in points, and the area where its lines grow. The clip path that
    uncovers the lines has the id `key`.
    """
    svg = _drawn(act, "svg", theme, size, **more).decode()
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


def _titled(story: Story) -> list[tuple[Act, dict[str, str]]]:
    """Return the acts in frames, with the text above and below each. Short texts are padded with empty lines, so
    that all plots have the same height.
    """
    framed = [
        (
            _framed(story, act),
            {"title": clean(story.title, MOST_TITLE), "caption": clean(act.says, MOST_SAYS)},
        )
        for act in story.acts
    ]

    def height(place: int) -> float:
        act, words = framed[place]
        return _svg(act, "light", "", INNER, **words)[1].height

    heights = [height(place) for place in range(len(framed))]
    for _ in range(8):
        highest = int(np.argmax(heights))
        if heights[highest] - min(heights) < 1:
            break
        framed[highest][1]["caption"] += "\n\u00a0"
        heights[highest] = height(highest)
    return framed


def _pixels(story: Story, theme: Theme, dpi: float) -> list[Pixels]:
    """The acts' frames, with the pictures pasted in."""
    edge, drawn = round(EDGE * dpi / 96), []
    for act, (framed, words) in zip(story.acts, _titled(story), strict=True):
        points = _svg(framed, theme, "", INNER, **words)[1]
        box = Box(*(value * dpi / 72 for value in points))

        def pixels(shown: Act, words: dict[str, str] = words, box: Box = box) -> np.ndarray:
            paper = Image.new(
                "RGB", (round(SIZE[0] * dpi / 96), round(SIZE[1] * dpi / 96)), PAPER[theme]
            )
            png = _drawn(shown, "png", theme, INNER, dpi, **words)
            paper.paste(Image.open(io.BytesIO(png)), (edge, edge))
            for picture, (x, y, side) in zip(
                story.pictures.values(), _places(story, box), strict=True
            ):
                paper.paste(_fitted(picture, round(side)), (edge + round(x), edge + round(y)))
            return np.asarray(paper)

        drawn.append(
            Pixels(
                pixels(_framed(story, act, has_lines=False)),
                pixels(framed),
                box._replace(x=box.x + edge, y=box.y + edge),
            )
        )
    return drawn


def _places(story: Story, box: Box) -> list[tuple[float, float, float]]:
    """Return the positions of the pictures in a frame, each with the side length of its square."""
    count, full = len(story.pictures), box.width / (1 - CARD)
    left, wide = box.x + box.width - full, full * (CARD - 0.07)
    side = min(wide / max(1, count) * 0.94, 0.38 * box.height)
    return [
        (left + (place + 0.5) / count * wide - side / 2, box.y + 0.39 * box.height - side, side)
        for place in range(count)
    ]


def _fitted(pixels: np.ndarray, side: int) -> Any:
    """A picture in a square, its pixels as squares where it is small."""
    picture = Image.fromarray(np.asarray(pixels)).convert("RGB")
    way = Image.Resampling.NEAREST if max(picture.size) < side else Image.Resampling.LANCZOS
    corner: Any = picture.getpixel((0, 0))
    return ImageOps.pad(picture, (side, side), way, corner)


# The files.


def _gif(story: Story, theme: Theme, seconds: float, rate: float) -> bytes:
    """Frames of numbers of colours, which are chosen once for all acts."""
    drawn = _pixels(story, theme, GIF_DPI)
    palette = Image.fromarray(np.concatenate([act.end for act in drawn])).quantize(
        255, dither=Image.Dither.NONE
    )

    def numbered(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(
            Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
        )

    chosen = [Pixels(numbered(act.begin), numbered(act.end), act.box) for act in drawn]
    cursor = numbered(np.full((1, 1, 3), rgb_channels(QUIET[theme]), np.uint8))[0, 0]
    pause = round(100 / rate)  # hundredths of a second
    pictures = []
    for frame in frames(chosen, max(1, round(100 * seconds / pause)), cursor):
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


def _animated(story: Story, theme: Theme, seconds: float) -> bytes:
    """Acts as vectors one upon the other, which whatever shows the file uncovers in turn (SMIL)."""

    def moves(name: str, values: Sequence[object], times: Sequence[float], mode: str) -> str:
        return (
            f'<animate attributeName="{name}" values="{";".join(map(str, values))}" '
            f'keyTimes="{";".join(f"{time:.5g}" for time in times)}" calcMode="{mode}" '
            f'dur="{seconds:g}s" repeatCount="indefinite"/>'
        )

    count, parts = len(story.acts), []
    for place, (act, words) in enumerate(_titled(story)):
        inside, box = _svg(act, theme, f"grows-{place}", INNER, **words)
        begin, end = place / count, (place + 1) / count
        times = (0.0, begin, end - HOLD / count, 1.0)
        shown = ("hidden" if place else "visible", "visible", "hidden" if end < 1 else "visible")
        uncovers = moves("width", (0, 0, box.width, box.width), times, "linear")
        goes = moves("x", (box.x, box.x, box.x + box.width, box.x + box.width), times, "linear")
        images = "".join(
            f'<image x="{x:.2f}" y="{y:.2f}" width="{side:.2f}" height="{side:.2f}" '
            f'href="{png_address(_fitted(picture, 256))}"/>'
            for picture, (x, y, side) in zip(
                story.pictures.values(), _places(story, box), strict=True
            )
        )
        parts.append(
            f'<g visibility="{shown[0]}">{moves("visibility", shown, (0, begin, end), "discrete")}'
            f"{_growing(inside, uncovers)}{images}{_cursor(box, theme, goes)}</g>"
        )
    width, height = (side * 0.75 for side in SIZE)
    says = clean(" ".join([story.says, *(act.says for act in story.acts), story.made_from]))
    edge = EDGE * 0.75
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'viewBox="{-edge:g} {-edge:g} {width:g} {height:g}"><title>{escape(clean(story.title))}</title>'
        f"<desc>{escape(says)}</desc>"
        f'<rect x="{-edge:g}" y="{-edge:g}" width="{width:g}" height="{height:g}" fill="{PAPER[theme]}"/>'
        f"{''.join(parts)}</svg>"
    ).encode()


def _growing(inside: str, uncovers: str = "") -> str:
    """Return a drawing whose clip path can be animated."""
    return re.sub(
        r'(<clipPath id="[\w-]+">\s*<rect [^>]*)/>', rf'\1 class="grows">{uncovers}</rect>', inside
    )


def _cursor(box: Box, theme: Theme, goes: str = "") -> str:
    return (
        f'<rect class="cursor" x="{box.x + box.width:g}" y="{box.y:g}" width="1.5" height="{box.height:g}" '
        f'fill="{QUIET[theme]}">{goes}</rect>'
    )


PLOT = (860, 430)  # pixels of a page's plot
_THEMES: tuple[Theme, ...] = ("light", "dark")


def _page(story: Story, seconds: float) -> bytes:
    """Words as words, plots as drawings in both themes, and a script that uncovers them."""
    acts = []
    for place, act in enumerate(story.acts):
        drawings = []
        for theme in _THEMES:
            inside, box = _svg(act, theme, f"grows-{theme}-{place}", PLOT)
            drawings.append((theme, _growing(inside) + _cursor(box, theme)))
        acts.append({"name": clean(act.name), "says": clean(act.says), "drawings": drawings})
    script = _assets.asset_text("story.js")
    return (
        environment()
        .get_template("story.html")
        .render(
            title=clean(story.title),
            says=clean(story.says),
            facts=[clean(fact) for fact in story.facts],
            words={clean(name): clean(words) for name, words in story.words.items()},
            media={clean(name): block for name, block in story.media.items()},
            made_from=clean(story.made_from),
            command=story.command,
            acts=acts,
            seconds=seconds,
            hold=HOLD,
            size=[side * 0.75 for side in PLOT],
            colours={"INK": INK, "PAPER": PAPER, "QUIET": QUIET},
            script=script,
            policy=script_digest(script),
        )
        .encode()
    )
