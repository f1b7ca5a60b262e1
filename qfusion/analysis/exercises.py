"""Exercises: a page to begin on, a task in words, and a goal that is checked from the numbers of the reader's state.

Those of the course ship in `assets/exercises.toml`; teachers write others, which are links and nothing else (see
`panels.exercise_links`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from qfusion import _assets
from qfusion._checks import check, choose
from qfusion.analysis.exercise_goals import CheckedCondition, Condition, check_goal, parse_goal
from qfusion.analysis.exercise_quantities import Situation

MAX_TASK = 1_000  # characters
MAX_HINT = 600


@dataclass(frozen=True)
class Exercise:
    """A task and its goal.

    Attributes:
        task: what the reader is to do.
        goal: the conditions, all of which are to be met.
        hint: a help; empty for none.
        start, solution: page and parameters as a link has them, `dynamics?model=...`; empty where they are not known.
        name: of one of the course; empty of a teacher's own.
        title, about, lesson: of one of the course: its title, what is done in one line, and what it shows.
        minutes: that it takes about.
    """

    task: str
    goal: tuple[Condition, ...]
    hint: str = ""
    start: str = ""
    solution: str = ""
    name: str = ""
    title: str = ""
    about: str = ""
    lesson: str = ""
    minutes: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a state makes of an exercise.

    Attributes:
        exercise: the exercise.
        conditions: its conditions, in order, with what was seen.
    """

    exercise: Exercise
    conditions: tuple[CheckedCondition, ...]

    @property
    def solved(self) -> bool:
        """Whether all conditions are met."""
        return all(condition.met for condition in self.conditions)


def make_exercise(
    task: str, goal: Sequence[str], *, hint: str = "", start: str = "", solution: str = ""
) -> Exercise:
    """Return an exercise of a teacher.

    Args:
        task, hint: plain text.
        goal: conditions as text, see `exercise_goals`.
        start, solution: links without a host.

    Raises:
        InvalidInput, NotFound: when a text is empty or too long, or a condition does not fit.
    """
    words, help = " ".join(task.split()), " ".join(hint.split())
    check(bool(words), "An exercise must have a task. Write what is to be done.")
    _check_length("task", words, MAX_TASK)
    _check_length("hint", help, MAX_HINT)
    return Exercise(words, parse_goal(goal), help, start, solution)


def _check_length(name: str, text: str, most: int) -> None:
    check(
        len(text) <= most,
        f"The {name} of an exercise must have at most {most:,} characters, but has {len(text):,}. Shorten it.",
    )


def check_exercise(exercise: Exercise, here: Situation) -> Outcome:
    """Return which conditions of an exercise a situation meets."""
    return Outcome(exercise, tuple(check_goal(exercise.goal, here)))


@lru_cache(maxsize=1)
def course() -> tuple[Exercise, ...]:
    """Return the exercises that ship, in the order of the course."""
    records = tomllib.loads(_assets.asset_text("exercises.toml"))["exercise"]
    return tuple(Exercise(**{**record, "goal": parse_goal(record["goal"])}) for record in records)


def course_exercise(name: str) -> Exercise:
    """Return an exercise of the course.

    Raises:
        NotFound: when there is none of this name.
    """
    known = {exercise.name: exercise for exercise in course()}
    return known[choose("Exercise", name, known)]
