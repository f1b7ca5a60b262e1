"""Exercises in links: the parameters that hold them, and the check of a link.

    exercise=NAME                  an exercise of the course
    exercise.task=TEXT             or one of a teacher: its task, a condition each, and what else there is
    exercise.goal=CONDITION        (repeated, see `analysis.exercise_goals`)
    exercise.hint=TEXT
    exercise.start=PAGE?...        the state in which the link was opened first
    exercise.solution=PAGE?...     a state that meets the goal
    exercise.go=start|solution     where a link inside the app leads; it leaves the address at once

All else in the link is the state of the page, as in any other link. Nothing is stored anywhere else. A link is
untrusted: its texts are limited, its conditions belong to a closed vocabulary, and pages that it names are ours.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from qfusion._checks import check, choose
from qfusion.analysis.exercises import (
    Exercise,
    Outcome,
    check_exercise,
    course_exercise,
    make_exercise,
)
from qfusion.errors import InvalidInput, QFusionError
from qfusion.panels import pages
from qfusion.panels.address import Values, naming
from qfusion.panels.exercise_situations import SAMPLE_PAGES, open_situation
from qfusion.panels.guides import (
    EXERCISE,
    EXERCISE_GOAL,
    EXERCISE_HINT,
    EXERCISE_KEYS,
    EXERCISE_SOLUTION,
    EXERCISE_START,
    EXERCISE_TASK,
    is_guide,
)
from qfusion.panels.rendering import page_path, parse_link

START, SOLUTION = "start", "solution"
MAX_STATE = 8_000  # characters of a start or a solution
_PARTS = {
    "hint": EXERCISE_HINT,
    "start": EXERCISE_START,
    "solution": EXERCISE_SOLUTION,
}
Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class CheckedLink:
    """A link of a reader's state and what it makes of an exercise.

    Attributes:
        link: as it was given.
        outcome: the conditions; None where the link could not be opened.
        problem: why not.
    """

    link: str
    outcome: Outcome | None
    problem: str = ""

    @property
    def solved(self) -> bool:
        """Whether all conditions are met."""
        return self.outcome is not None and self.outcome.solved


def has_exercise(query: Query) -> bool:
    """Return whether an address names an exercise, of the course or of a teacher."""
    return EXERCISE in query or EXERCISE_TASK in query or EXERCISE_GOAL in query


def read_exercise(query: Query) -> Exercise | None:
    """Return the exercise of an address, or None if it has none.

    Raises:
        NotFound: when the course has no such exercise.
        InvalidInput: when a parameter of the exercise does not fit; the message names it.
    """
    if not has_exercise(query):
        return None
    values = {key: [text for text in query.get(key, ()) if text] for key in EXERCISE_KEYS}
    if values[EXERCISE]:
        with naming(f"In the link, `{EXERCISE}`"):
            return course_exercise(values[EXERCISE][-1])
    with naming(f"In the link, `{EXERCISE_TASK}` and `{EXERCISE_GOAL}`"):
        exercise = make_exercise(
            "".join(values[EXERCISE_TASK][-1:]),
            values[EXERCISE_GOAL],
            **{name: "".join(values[key][-1:]) for name, key in _PARTS.items()},
        )
    for key, text in ((EXERCISE_START, exercise.start), (EXERCISE_SOLUTION, exercise.solution)):
        if text:
            with naming(f"In the link, `{key}`"):
                parse_state(text)
    return exercise


def exercise_query(exercise: Exercise) -> dict[str, list[str]]:
    """Return the parameters that hold an exercise, see `read_exercise`."""
    if exercise.name:
        return {EXERCISE: [exercise.name]}
    query = {
        EXERCISE_TASK: [exercise.task],
        EXERCISE_GOAL: [str(condition) for condition in exercise.goal],
        **{key: [getattr(exercise, name)] for name, key in _PARTS.items()},
    }
    return {key: texts for key, texts in query.items() if texts != [""]}


def parse_state(text: str) -> tuple[str, Values]:
    """Return the page, in lower case, and the parameters of a start or a solution, without those of an exercise.

    Raises:
        InvalidInput, NotFound: when it is no link to a page with a sample.
    """
    check(
        len(text) <= MAX_STATE,
        f"A state must have at most {MAX_STATE:,} characters, but has {len(text):,}. Copy a shorter link.",
    )
    path = text.partition("?")[0]
    check(
        set(path) <= {*string.ascii_lowercase, "_"},
        f"A state must begin with a page of ours, such as `dynamics?`, but begins with {path[:60]!r}. "
        "Leave the host out.",
    )
    page, query = parse_link(text)
    choose("Page", page, SAMPLE_PAGES)
    return page, {key: query[key] for key in query if not (is_guide(key) or key.startswith("_"))}


def state_text(page: str, query: Query) -> str:
    """Return the text of a state, which `parse_state` reads."""
    values = {key: list(query[key]) for key in sorted(query) if not is_guide(key)}
    return f"{page_path(page)}?{urlencode(values, doseq=True, quote_via=quote)}"


def link_text(page: str, query: Query, exercise: Exercise) -> str:
    """Return a link, without a host, that opens a state with an exercise.

    A start of its own is not needed: the link itself is the start.
    """
    guides = exercise_query(exercise if exercise.name else replace(exercise, start=""))
    words = urlencode(guides, doseq=True, quote_via=quote)
    return f"{state_text(page, query)}&{words}"


def check_link(link: str, exercise: Exercise | None = None) -> Outcome:
    """Return which conditions of an exercise the state of a link meets.

    Args:
        link: as a reader copies it.
        exercise: that is checked; the one in the link unless given. Give it where the link comes from somebody who
            could have changed the goal in it.

    Raises:
        InvalidInput: when the link has no exercise and none is given.
        NotFound, InvalidInput: when a part of the link does not fit.
    """
    page, query = parse_link(link)
    wanted = exercise or read_exercise(query)
    if wanted is None:
        raise InvalidInput(
            "The link holds no exercise. Name one of the course, or give the link that the teacher shared."
        )
    check(
        page in SAMPLE_PAGES,
        f"Page '{page}' shows no sample. Copy the link on the page of the exercise.",
    )
    view = pages.open_page(page, _with_start(query, wanted, page)).view
    return check_exercise(wanted, open_situation(view))


def try_link(link: str, exercise: Exercise | None = None) -> CheckedLink:
    """Return the check of a link, with the problem in place of an error; arguments as of `check_link`."""
    try:
        return CheckedLink(link, check_link(link, exercise))
    except QFusionError as error:
        return CheckedLink(link, None, str(error))


def _with_start(query: Query, exercise: Exercise, page: str) -> Values:
    """Return the state of a link; that of the exercise where the link names an exercise and no state."""
    state = {key: list(values) for key, values in query.items() if not is_guide(key)}
    if state or not exercise.start:
        return state
    started, values = parse_state(exercise.start)
    return values if started == page else state


def check_state(exercise: Exercise, text: str) -> Outcome:
    """Return which conditions an exercise's start or solution meets; arguments and errors as of `parse_state`."""
    page, query = parse_state(text)
    return check_exercise(exercise, open_situation(pages.open_page(page, query).view))
