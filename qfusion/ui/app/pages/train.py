"""Train: new models on any data set, watched while they learn; they go on when the page is closed."""

from qfusion.ui.frame.shell import frame, guard
from qfusion.ui.pages.train import train_view


def page() -> None:
    """Draws the page."""
    theme = frame("Train")
    with guard():
        train_view.page(theme)


if __name__ == "__main__":  # as Streamlit runs it
    page()
