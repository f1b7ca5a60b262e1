"""A story as one HTML page that plays by itself, without a server and without a network."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from qfusion import plugin
from qfusion._checks import require_number
from qfusion.figures.colours import apply_theme
from qfusion.figures.files.export import script_digest
from qfusion.figures.files.export_style import CREATOR, plotly_print, printing
from qfusion.figures.style import DARK, INK, PAPER, QUIET, Theme
from qfusion.report.blocks import Block, clean, environment

SECONDS, MAX_SECONDS = 10.0, 120.0
PLOT = (860, 430)  # pixels of the plot, at 96 dots an inch
FONT = 17.0  # points
HOLD = 0.15  # share of an act's time in which all of it is visible
_THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass(frozen=True, eq=False)
class Act:
    """A part of a story in which lines grow from left to right.

    Attributes:
        name: title of a few words.
        says: description in sentences.
        figure: the complete figure, in the light theme.
        standing: number of lines, counted from the first, that are visible from the start.
    """

    name: str
    says: str
    figure: go.Figure
    standing: int = 0


@dataclass(frozen=True, eq=False)
class Story:
    """A story of one decision. All its texts are plain text, never markup.

    Attributes:
        title: the question.
        says: the decision in sentences.
        acts: its parts, in order.
        facts: about the sample, one line each.
        words: text of the sample, by modality.
        media: blocks of pictures, films and sounds that a page shows, by modality; see `report.blocks`.
        made_from: a sentence on model, data and versions.
        command: command that writes the story again; empty for a reader's own sample.
    """

    title: str
    says: str
    acts: tuple[Act, ...]
    facts: tuple[str, ...]
    words: Mapping[str, str]
    media: Mapping[str, Block]
    made_from: str
    command: str


def render_page(story: Story, seconds: float = SECONDS) -> bytes:
    """Return a story as an HTML page with a drawing of each act in both themes, and a script that uncovers them.

    Args:
        story: the story. seconds: duration, 1 to 120.

    Raises:
        InvalidInput: when it is shorter or longer.
    """
    require_number("seconds", seconds, 1.0, MAX_SECONDS)
    script = plugin.asset_text("story.js")
    acts = [
        {"name": clean(act.name), "says": clean(act.says), "drawings": _drawings(act, place)}
        for place, act in enumerate(story.acts)
    ]
    facts = [clean(fact) for fact in story.facts]
    words = {clean(name): clean(description) for name, description in story.words.items()}
    media = {clean(name): block for name, block in story.media.items()}
    size = [side * 0.75 for side in PLOT]
    page = environment().get_template("story.html")
    return page.render(
        title=clean(story.title),
        says=clean(story.says),
        facts=facts,
        words=words,
        media=media,
        made_from=clean(story.made_from),
        command=story.command,
        acts=acts,
        seconds=seconds,
        hold=HOLD,
        size=size,
        colours={
            name: {"light": colour, "dark": DARK[colour]}
            for name, colour in (("INK", INK), ("PAPER", PAPER), ("QUIET", QUIET))
        },
        script=script,
        policy=script_digest(script),
    ).encode()


def _drawings(act: Act, place: int) -> list[tuple[Theme, str]]:
    """Return the drawings of an act by theme."""
    return [(theme, _draw_act(act, theme, f"grows-{theme}-{place}")) for theme in _THEMES]


def _draw_act(act: Act, theme: Theme, key: str) -> str:
    """Return the content of an SVG of an act, in points.

    The clip path that uncovers its growing lines has the id `key` and the class "grows"; a cursor stands at its right
    edge.
    """
    style = plotly_print.Style(*(side * 25.4 / 96 for side in PLOT), FONT, 96, creator=CREATOR)
    with printing():
        svg = plotly_print.render(apply_theme(act.figure, theme), "svg", style).decode()
    inside = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    clip = re.search(
        r'<clipPath id="(\w+)">\s*<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"/>',
        inside,
    )
    assert clip is not None, "plotly_print clips lines to their plot"
    x, y, width, height = map(float, clip.groups()[1:])
    inside = inside.replace(f' clip-path="url(#{clip[1]})"', "", act.standing)
    inside = inside.replace(clip[1], "qf-kept").replace("<title>", "<desc>")
    inside = re.sub(r' id="(?!qf-kept)[^"]*"', "", inside).replace("qf-kept", key)
    inside = re.sub(
        r'(<clipPath id="[\w-]+">\s*<rect [^>]*)/>', r'\1 class="grows"></rect>', inside
    )
    quiet = DARK[QUIET] if theme == "dark" else QUIET
    return (
        f'{inside}<rect class="cursor" x="{x + width:g}" y="{y:g}" width="1.5" height="{height:g}" '
        f'fill="{quiet}"></rect>'
    )
