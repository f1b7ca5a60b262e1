"""Titles about the terms of the generator: their effect on contributions, and the number that suffices."""

from qfusion._sentences import share
from qfusion.explain.path_attribution import Course, CourseSummary, PathAttribution, summarise

# Effect of the dynamics on the contributions.
COURSE_TITLES: dict[Course, str] = {
    Course.NO_TERMS: "No evolution: contributions do not change",
    Course.UNCHANGED: "The dynamics do not change the {quantity}",
    Course.CHANGED: "The dynamics take the {quantity} from {start:.2f} to {end:.2f}: {terms}",
}
JOINT, OWN = "joint contributions", "contribution"
LARGEST_TERM = "{share} of the change by {term}"
SECOND_TERM = "{share} by {term}"
MAX_TERMS = 2  # that a title names
LEAST_SHARE = 0.01  # of a second term that is named


def describe_building(result: PathAttribution) -> str:
    """Return which terms of the dynamics changed the joint contributions most, as a title."""
    return describe_course(summarise(result))


def describe_course(summary: CourseSummary) -> str:
    """Return how the dynamics changed the contributions, as a title."""
    terms = [
        (SECOND_TERM if place else LARGEST_TERM).format(share=share(part), term=term)
        for place, (term, part) in enumerate(summary.shares.items())
        if place == 0 or (place < MAX_TERMS and part >= LEAST_SHARE)
    ]
    return COURSE_TITLES[summary.kind].format(
        quantity=JOINT if summary.joint else OWN,
        start=summary.start,
        end=summary.end,
        terms=", ".join(terms),
    )
