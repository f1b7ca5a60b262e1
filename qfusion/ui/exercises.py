"""The exercise of a session: read from a link, kept in the address of every page, opened at its start or its solution.

An exercise begins with a clean page: whatever the session holds gives way to what the link says. From then on the
reader's changes count, so that the link of a half-solved state continues there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion.analysis.exercises import Exercise, Outcome
from qfusion.errors import QFusionError
from qfusion.panels import exercise_links
from qfusion.panels.exercise_links import SOLUTION, START
from qfusion.panels.guides import EXERCISE_GO, EXERCISE_GOAL, EXERCISE_KEYS, is_guide
from qfusion.ui import page_params, state

_CURRENT, _SOLVED = "_exercise", "_exercises_solved"
_READ = "_exercise_read"  # what the last address named: an exercise and where in it to go
_CLOSED = "_exercise_closed"  # the exercise that was closed while the address still named it
_CHANGES = "_exercise_changes"
WITHOUT = "The page is shown without the exercise."


def current_exercise() -> Exercise | None:
    """Return the exercise of this session, or None."""
    exercise: Exercise | None = state.get(_CURRENT)
    return exercise


def arrive(title: str) -> None:
    """Begin an exercise that the address names, before `arrival.arrive` reads the page's own parameters.

    Args:
        title: of the page.
    """
    query = page_params.query()
    if not exercise_links.has_exercise(query):
        state.put(_READ, None)
        state.put(_CLOSED, None)
        return
    try:
        exercise = exercise_links.read_exercise(query)
    except QFusionError as error:
        state.notice(f"{error} {WITHOUT}")
        return
    assert exercise is not None  # the address has one
    go = "".join(query.get(EXERCISE_GO, [""])[-1:])
    request = (_without_start(exercise), go)
    # The browser may send an address again before it has got the new one: each counts once.
    if request == state.get(_READ) or (not go and request[0] == state.get(_CLOSED)):
        return
    state.put(_READ, request)
    current = current_exercise()
    if not go and current is not None and request[0] == _without_start(current):
        return
    try:
        _begin(exercise, go, query, title)
    except QFusionError as error:
        state.notice(f"In the link, the exercise: {error} {WITHOUT}")


def _without_start(exercise: Exercise) -> Exercise:
    """Return an exercise as its link names it: the app adds the start of a teacher's."""
    return exercise if exercise.name else replace(exercise, start="")


def _begin(exercise: Exercise, go: str, query: Mapping[str, list[str]], title: str) -> None:
    """Make an exercise the one of this session, and open its state on a clean page.

    Raises:
        NotFound, InvalidInput: when a teacher's exercise is opened on a page without a sample, or its link is too long.
    """
    values: Mapping[str, list[str]] | None = None
    target = {START: exercise.start, SOLUTION: exercise.solution}.get(go, "")
    own = {key: texts for key, texts in query.items() if not is_guide(key)}
    if not target and not own:
        target = exercise.start
    if target:
        page, there = exercise_links.parse_state(target)
        values = there if page == title.lower() else None
    if not exercise.start:
        start = own if values is None else values
        exercise = replace(exercise, start=exercise_links.state_text(title.lower(), start))
        exercise_links.parse_state(exercise.start)
    state.put(_CURRENT, exercise)
    page_params.open_anew(title, values)


def keep() -> None:
    """Keep the exercise in the address of the open page."""
    exercise = current_exercise()
    query = {} if exercise is None else exercise_links.exercise_query(exercise)
    for key in EXERCISE_KEYS:
        texts = query.get(key)
        if texts:
            state.put(key, texts if key == EXERCISE_GOAL else texts[-1])
        elif key in st.session_state:
            state.forget(key)


def close() -> None:
    """Leave the exercise. The page stays as it is. For callbacks."""
    exercise = current_exercise()
    state.put(_CLOSED, None if exercise is None else _without_start(exercise))
    state.put(_CURRENT, None)
    for key in EXERCISE_KEYS:
        state.forget(key)


def note_outcome(outcome: Outcome) -> None:
    """Remember an exercise of the course that is solved."""
    name = outcome.exercise.name
    if outcome.solved and name and name not in solved_names():
        state.put(_SOLVED, (*solved_names(), name))


def solved_names() -> tuple[str, ...]:
    """Return the exercises of the course that were solved in this session."""
    names: tuple[str, ...] = state.get(_SOLVED, ())
    return names


def mark_change() -> None:
    """Mark that a part of the page has been drawn anew by itself, so that `frame.js` has the card drawn anew."""
    if current_exercise() is None:
        return
    state.put(_CHANGES, change_number() + 1)
    with st.container(key=f"exercise-changed-{change_number()}"):
        st.html(f'<i class="qf-exercise-changed" data-changed="{change_number()}"></i>')


def change_number() -> int:
    """Return how often a part of a page has been drawn by itself in this session."""
    return int(state.get(_CHANGES, 0))


def link_query(exercise: Exercise, go: str = "") -> dict[str, Any]:
    """Return the query of a link to an exercise.

    Args:
        exercise: where the link leads.
        go: "start" or "solution"; empty for the state in which its page is.
    """
    query: dict[str, Any] = dict(exercise_links.exercise_query(exercise))
    return query | ({EXERCISE_GO: go} if go else {})
