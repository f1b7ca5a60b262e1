"""A story as a file: MP4, WebM, GIF, animated SVG, or one HTML page."""

from qfusion._checks import check, choose, require_number
from qfusion.figures.style import Theme
from qfusion.report.story import Story
from qfusion.report.story_gif import render_gif
from qfusion.report.story_page import render_page
from qfusion.report.story_svg import render_svg

KINDS = {
    ".html": "text/html",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}
SECONDS = 10.0
RATE = 30.0  # frames a second
GIF_RATE = 20.0  # frames a second; a GIF counts hundredths of a second
MAX_SECONDS, MAX_RATE, MAX_FRAMES = 120.0, 60.0, 1800
VIDEO_DPI = 96.0


def render_story(
    story: Story,
    suffix: str,
    theme: Theme = "light",
    seconds: float = SECONDS,
    rate: float = RATE,
) -> bytes:
    """Return a story as a file. Equal stories give equal bytes, except for videos by different versions of FFmpeg.

    Args:
        story: the story.
        suffix: one of `KINDS`.
        theme: theme of moving pictures. A page follows the theme of its reader.
        seconds: duration.
        rate: frames a second of a video, and at most of a GIF.

    Raises:
        InvalidInput: when a number is out of range, or there are too many frames.
        NotFound: when there is no such kind of file.
    """
    choose("Kind of a story", suffix, KINDS)
    check_length(seconds, rate, suffix)
    if suffix == ".html":
        return render_page(story, seconds)
    if suffix == ".svg":
        return render_svg(story, theme, seconds)
    return render_gif(story, theme, seconds, min(rate, GIF_RATE))


def check_length(seconds: float, rate: float, suffix: str) -> None:
    """Raise InvalidInput if a story is too long or its moving picture has too many frames."""
    require_number("seconds", seconds, 1.0, MAX_SECONDS)
    require_number("fps", rate, 1.0, MAX_RATE)
    if suffix == ".gif":
        rate = min(rate, GIF_RATE)
    check(
        seconds * rate <= MAX_FRAMES or suffix in (".html", ".svg"),
        f"A story has at most {MAX_FRAMES:,} frames, but {seconds:g} s at {rate:g} frames a second are "
        f"{seconds * rate:,.0f}. Make it shorter, or take fewer frames a second.",
    )
