"""Files for print."""

from dataclasses import dataclass

import plotly.graph_objects as go

from plotly_print import latex, paper, reading
from plotly_print.layout import Layout
from plotly_print.letters import Letter
from plotly_print.scene import Hand, Mark
from plotly_print.values import RGBA, check, require_number, rgba
from plotly_print.words import UNPRINTABLE, printable

FORMATS = ("svg", "pdf", "png", "tikz")
MM = paper.MM
WIDTHS, FONTS, DPI = (20.0, 2000.0), (5.0, 120.0), (36, 1200)
MAX_PIXELS = 120_000_000


@dataclass(frozen=True)
class Style:
    """How figures are set in print.

    Attributes:
        width_mm, height_mm: of the page; a height of None follows from the figure.
        font_pt: size of the letters in print; labels that plotly draws smaller are smaller, none
            is below 5 points.
        dpi: pixels an inch of a PNG.
        serif: letters are STIX General, with the widths of Times, instead of Arimo.
        lines: how much thicker lines are than plotly's, in proportion to the letters.
        large: whether the letters of panels are larger than the others.
        creator: letters A to Z that name the program in the file, and what it keeps there.
    """

    width_mm: float = 89.0
    height_mm: float | None = None
    font_pt: float = 7.0
    dpi: int = 300
    serif: bool = False
    lines: float = 1.0
    large: bool = False
    creator: str = "plotlyprint"


def render(
    figure: go.Figure,
    format: str,
    style: Style,
    *,
    title: str = "",
    caption: str = "",
    letter: Letter | None = None,
    metadata: str = "{}",
) -> bytes:
    """The figure as a file, its letters as text where the format has text.

    Args:
        figure: a plotly figure.
        format: "svg", "pdf", "png", or "tikz" for a tikzpicture of LaTeX.
        style: size of page and letters, and what else is set in print.
        title, caption: plain text above and below the drawing; markup in it is shown as it is.
        letter: what is written at each plot of a figure of several, such as "(a)" for 0, in the
            order of reading; None for no letters.
        metadata: text that is embedded: in an SVG's `<metadata>`, in a PDF's information as
            `Keywords`, in a PNG's text chunk of the creator's name, in comments of a tikzpicture.

    Raises:
        PrintError: when a size is out of range, the figure does not fit, or it uses something
            that is not drawn.
    """
    width, height, size = _checked(format, style, metadata)
    layout = _layout(figure, style, width, height, size, title, caption, letter)
    scene, tall = layout.page()
    return _file(format, scene.ordered(), (width, tall), layout.hand.paper, style, title, metadata)


def _checked(format: str, style: Style, metadata: str) -> tuple[float, float | None, float]:
    """Width and height of the page, and size of the letters, in points."""
    check(
        format in FORMATS,
        f"Argument `format` must be one of {', '.join(FORMATS)}, but is {str(format)[:40]!r}. "
        "Choose one of them.",
    )
    check(
        style.creator.isascii() and style.creator.isalpha(),
        f"Argument `creator` must be letters from A to Z, but is {style.creator[:40]!r}. Write the "
        "program's name without spaces and digits.",
    )
    if format == "png":
        require_number("dpi", style.dpi, *DPI)
    check(
        not UNPRINTABLE.search(metadata),
        "Argument `metadata` must be text that every format can hold, but has control characters. "
        "Write it with `json.dumps`.",
    )
    width = MM * require_number("width_mm", style.width_mm, *WIDTHS)
    given = style.height_mm
    height = None if given is None else MM * require_number("height_mm", given, *WIDTHS)
    return width, height, require_number("font_pt", style.font_pt, *FONTS)


def _layout(
    figure: go.Figure,
    style: Style,
    width: float,
    height: float | None,
    size: float,
    title: str,
    caption: str,
    letter: Letter | None,
) -> Layout:
    """The layout of a figure on a page of width and height, with letters of a size, in points."""
    settings = reading.plain(figure)
    font = settings["layout"].get("font", {})
    pixels = float(font.get("size", 12))
    return Layout(
        settings,
        Hand(
            size / pixels,
            rgba(str(font.get("color", "#444"))),
            rgba(str(settings["layout"].get("paper_bgcolor", "#fff"))),
            pixels,
            serif=style.serif,
            lines=style.lines,
        ),
        width,
        height,
        title,
        caption,
        letter,
        style.large,
    )


def _file(
    format: str,
    marks: list[Mark],
    size: tuple[float, float],
    background: RGBA,
    style: Style,
    title: str,
    metadata: str,
) -> bytes:
    width, height = size
    dpi = int(style.dpi) if format == "png" else 72
    check(
        format != "png" or width * height * (dpi / 72) ** 2 <= MAX_PIXELS,
        f"A picture of {width / MM:.0f} x {height / MM:.0f} mm at {dpi} dpi would have too many "
        "pixels. Choose fewer dpi, a smaller size, or a vector format.",
    )
    name = printable(" ".join(title.split()))
    if format == "tikz":
        return latex.write(marks, size, background, metadata, name, style.creator)
    return paper.write(format, marks, size, background, metadata, name, style.creator, dpi)
