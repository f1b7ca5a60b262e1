"""Guided tour: its steps, and where it begins."""

from qfusion.app import frame, navigation, page_runs


@page_runs.show_errors()
def page() -> None:
    """Draw the page."""
    frame.begin_page("Guided tour")
    navigation.tour_contents()


page_runs.run_page(__file__, __name__)
