"""Guided tour: its steps, and where it begins."""

from qfusion.ui import exercise_card, frame, guidance, guided_tour, navigation, page_runs

ABOUT_COURSE = (
    "Each exercise opens a page with a task. A card shows which conditions are met and follows every change. Hint and "
    "solution are in the card. A link contains the exercise and your state; **Share as exercise** in the sidebar makes "
    "your own."
)


@page_runs.guard()
def page() -> None:
    """Draw the page."""
    frame.begin_page("Guided tour")
    guided_tour.tour_contents(
        navigation.link,
        navigation.FILES,
        {title: icon for pages in navigation.PAGES.values() for _, title, icon in pages},
    )
    guidance.title("Course of exercises", ABOUT_COURSE)
    exercise_card.draw_course()


page_runs.run_page(__file__, __name__)
