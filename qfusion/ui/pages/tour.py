"""Guided tour: its steps, and where it begins."""

from qfusion.ui import guidance
from qfusion.ui.frame import FILES, PAGES, frame, guard, link, run


@guard()
def page() -> None:
    """Draws the page."""
    frame("Guided tour")
    guidance.tour_contents(
        link, FILES, {title: icon for pages in PAGES.values() for _, title, icon in pages}
    )


run(__file__, __name__)
