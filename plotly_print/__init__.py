"""Figures as files for print: plotly figures drawn by matplotlib as vectors, without a browser and
without a screen.

    from plotly_print import Style, render
    data = render(figure, "pdf", Style(width_mm=89, font_pt=7))

Plotly's pixels become points by one scale, such that its usual letters have `font_pt`; margins are
as wide as what stands in them. The same input gives the same bytes in every process. Letters are
Arimo, which comes along, or STIX General, which matplotlib brings along; text stays text in the file. What of
plotly is not drawn is refused by name (`reading`), never left out.
"""

from plotly_print.page import Style, render
from plotly_print.values import PrintError

__all__ = ["PrintError", "Style", "render"]
