"""Figures as files for print: our plotly figures drawn by matplotlib as vectors, without a browser and without a
screen.

    from qfusion.renderer import render
    data = render(drawn, "pdf", width_mm=89, height_mm=None, font_pt=7, title="", caption="", metadata="{}")

Plotly's pixels become points by one scale, such that its usual letters have `font_pt`; margins are as wide as what
stands in them. The same input gives the same bytes in every process. Letters are DejaVu Sans or STIX General, which
matplotlib brings along; text stays text in the file. What of plotly is not drawn is refused by name (`known.py`), never
left out.
"""

from __future__ import annotations

import plotly.graph_objects as go

from qfusion._checks import check, require_number
from qfusion.renderer import paper, reading, tikz
from qfusion.renderer.colours import rgba
from qfusion.renderer.hand import SMALLEST, Hand
from qfusion.renderer.layout import Layout
from qfusion.renderer.words import UNPRINTABLE, printable

KINDS = ("svg", "pdf", "png", "tikz")
MM = paper.MM
WIDTHS, FONTS, DPI = (20.0, 2000.0), (5.0, 120.0), (36, 1200)
MAX_PIXELS = 120_000_000


def render(drawn: go.Figure, kind: str, width_mm: float, height_mm: float | None, font_pt: float, *, title: str = "",
           caption: str = "", metadata: str = "{}", dpi: int = 300, serif: bool = False, lines: float = 1.0) -> bytes:
    """The figure as a file, its letters as text where the format has text.

    Args:
        drawn: a plotly figure. kind: "svg", "pdf", "png", or "tikz" for a tikzpicture of LaTeX.
        width_mm, height_mm: of the page; a height of None follows from the figure.
        font_pt: size of the letters in print; labels that plotly draws smaller are smaller, none is below 5 points.
        title, caption: plain text above and below the drawing; markup in it is shown as it is.
        metadata: text that is embedded, such as the figure's recipe: in an SVG's `<metadata>`, in a PDF's information
            as `Keywords`, in a PNG's text chunk `qfusion`, in comments of a tikzpicture.
        dpi: pixels an inch of a PNG.
        serif: letters are STIX General, with the widths of Times, instead of DejaVu Sans.
        lines: how much thicker lines are than plotly's, in proportion to the letters.

    Raises:
        InvalidInput: when a size is out of range, the figure does not fit, or it uses something that is not drawn.
    """
    check(kind in KINDS,
          f"Argument `kind` must be one of {', '.join(KINDS)}, but is {str(kind)[:40]!r}. Choose one of them.")
    dpi = int(require_number("dpi", dpi, *DPI)) if kind == "png" else 72
    width = MM * require_number("width_mm", width_mm, *WIDTHS)
    height = None if height_mm is None else MM * require_number("height_mm", height_mm, *WIDTHS)
    size = require_number("font_pt", font_pt, *FONTS)
    check(not UNPRINTABLE.search(metadata),
          "Argument `metadata` must be text that every format can hold, but has control characters. Write it with "
          "`json.dumps`.")
    figure = reading.plain(drawn)
    layout = figure["layout"]
    font = layout.get("font", {})
    pixels = float(font.get("size", 12))
    paper_colour = rgba(str(layout.get("paper_bgcolor", "#fff")))
    hand = Hand(size / pixels, rgba(str(font.get("color", "#444"))), paper_colour, pixels, serif=serif, lines=lines)
    page = Layout(figure, hand, width, height, title, caption).page()
    if kind == "png":
        check(page.width * page.height * (dpi / 72) ** 2 <= MAX_PIXELS,
              f"A picture of {page.width / MM:.0f} x {page.height / MM:.0f} mm at {dpi} dpi would have too many "
              "pixels. Choose fewer dpi, a smaller size, or a vector format.")
    name = printable(" ".join(title.split()))
    if kind == "tikz":
        return tikz.write(page.scene.ordered(), (page.width, page.height), paper_colour, metadata, name)
    return paper.write(kind, page.scene.ordered(), (page.width, page.height), paper_colour, metadata, name, dpi)


__all__ = ["SMALLEST", "render"]
