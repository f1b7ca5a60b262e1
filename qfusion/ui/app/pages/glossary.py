"""Glossary: the words of the pages in plain sentences, with their formulas."""

from qfusion.ui.frame.shell import frame, guard
from qfusion.ui.pages.glossary import glossary_view


def page() -> None:
    """Draws the page."""
    frame("Glossary", glossary_view.allowed())
    with guard():
        glossary_view.page()


if __name__ == "__main__":  # as Streamlit runs it
    page()
