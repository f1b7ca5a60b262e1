"""Sweeps: which settings are best, tried in many trainings that share what they find."""

from qfusion.ui.frame.shell import frame, guard
from qfusion.ui.pages.sweeps import sweep_view


def page() -> None:
    """Draws the page."""
    theme = frame("Sweeps")
    with guard():
        sweep_view.page(theme)


if __name__ == "__main__":  # as Streamlit runs it
    page()
