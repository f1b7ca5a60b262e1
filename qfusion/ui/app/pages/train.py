"""Train: new models on any data set, watched while they learn; they go on when the page is closed."""

from qfusion.ui.frame.shell import frame, guard
from qfusion.ui.pages.train import train_view


def page() -> None:
    """Draws the page."""
    theme = frame("Train", "How does a model learn, when does it start to use each modality, and which settings are better?",
                  train_view.allowed)
    with guard():
        train_view.page(theme)


if __name__ == "__main__":  # as Streamlit runs it
    page()
