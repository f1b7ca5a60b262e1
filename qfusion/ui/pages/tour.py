"""Guided tour: its steps, and where it begins."""

from qfusion.ui import frame, guidance


@frame.guard()
def page() -> None:
    """Draws the page."""
    frame.begin_page("Guided tour")
    guidance.tour_contents(
        frame.link,
        frame.FILES,
        {title: icon for pages in frame.PAGES.values() for _, title, icon in pages},
    )


frame.run_page(__file__, __name__)
