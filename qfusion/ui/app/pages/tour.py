"""Guided tour: its steps, and where it begins."""

from qfusion.ui.frame import tour
from qfusion.ui.frame.shell import FILES, frame, guard, link


def page() -> None:
    """Draws the page."""
    frame("Guided tour")
    with guard():
        tour.contents(link, FILES)


if __name__ == "__main__":  # as Streamlit runs it
    page()
