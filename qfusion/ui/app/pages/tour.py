"""Guided tour: its steps, and where it begins."""

from qfusion.ui.frame import tour
from qfusion.ui.frame.shell import FILES, PAGES, frame, guard, link


def page() -> None:
    """Draws the page."""
    frame("Guided tour")
    with guard():
        tour.contents(
            link, FILES, {title: icon for pages in PAGES.values() for _, title, icon in pages}
        )


if __name__ == "__main__":  # as Streamlit runs it
    page()
