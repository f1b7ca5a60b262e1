"""A story as one HTML page that plays by itself, without a server and without a network."""

from qfusion import _assets
from qfusion.figures.html_page import script_digest
from qfusion.figures.style import INK, PAPER, QUIET, Theme
from qfusion.report.plain_text import clean
from qfusion.report.story import Act, Story
from qfusion.report.story_acts import render_svg_act
from qfusion.report.story_frames import HOLD
from qfusion.report.story_svg import animate_clip, draw_cursor
from qfusion.report.templates import environment

PLOT = (860, 430)  # pixels of a page's plot
_THEMES: tuple[Theme, ...] = ("light", "dark")


def render_page(story: Story, seconds: float) -> bytes:
    """Return a story as an HTML page with a drawing of each act in both themes, and a script that uncovers them."""
    script = _assets.asset_text("story.js")
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
        colours={"INK": INK, "PAPER": PAPER, "QUIET": QUIET},
        script=script,
        policy=script_digest(script),
    ).encode()


def _drawings(act: Act, place: int) -> list[tuple[Theme, str]]:
    """Return the drawings of an act by theme."""
    drawings = []
    for theme in _THEMES:
        inside, box = render_svg_act(act, theme, f"grows-{theme}-{place}", PLOT)
        drawings.append((theme, animate_clip(inside) + draw_cursor(box, theme)))
    return drawings
