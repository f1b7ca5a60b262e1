"""The card of an exercise on top of a page: the task, whether each condition is met, hint, solution, the next one."""

from html import escape
from typing import Any

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import text
from qfusion.analysis.exercises import MAX_HINT, MAX_TASK, Exercise, Outcome, check_exercise, course
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.panels import exercise_links
from qfusion.panels.exercise_links import SOLUTION, START
from qfusion.panels.exercise_situations import has_sample, open_situation
from qfusion.ui import exercises, navigation, page_params, reruns
from qfusion.wording import exercises as words

_REFRESH = "_exercise_refresh"
PAGES = {title.lower(): (title, file) for title, file in navigation.FILES.items()}
MET = ":green-badge[:material/check: met]"
NOT_MET = ":gray-badge[:material/radio_button_unchecked: not met]"
NO_SAMPLE = "This page shows no sample. The status is shown on the page of the exercise."


def exercise_card(title: str) -> None:
    """Draw the card of the session's exercise; nothing without one.

    Args:
        title: of the page.
    """
    exercise = exercises.current_exercise()
    if exercise is None:
        return
    with st.container(border=True, key="exercise", gap="xsmall"):
        st.markdown(_heading(exercise))
        _draw_status(title)


def _heading(exercise: Exercise) -> str:
    """Return the title and the task as markdown; a teacher's text as it is written."""
    if not exercise.name:
        return f"**Exercise**  \n{text.escape_markdown(exercise.task, MAX_TASK)}"
    names = [one.name for one in course()]
    number = names.index(exercise.name) + 1
    return f"**Exercise {number} of {len(names)}: {exercise.title}**  \n{exercise.task}"


@st.fragment
def _draw_status(title: str) -> None:
    """Draw which conditions the page meets now, and the ways on: a fragment, which the hidden button draws anew.

    `frame.js` presses it when a part of the page has changed by itself, see `exercises.mark_change`.
    """
    reruns.begin_run()
    exercise = exercises.current_exercise()
    if exercise is None:  # it has just been closed
        st.rerun()
    with st.container(key="exercise-status", gap="xsmall"):
        _draw_conditions(exercise)
    _draw_ways(exercise, title)
    with st.container(key="exercise-refresh"):
        st.html(f'<i id="qf-exercise" data-drawn="{exercises.change_number()}"></i>')
        st.button("Check again", key=_REFRESH)


def _draw_conditions(exercise: Exercise) -> None:
    view = page_params.current()
    if not has_sample(view):
        st.caption(NO_SAMPLE)
        return
    try:
        with translate_system_errors():
            outcome = check_exercise(exercise, open_situation(view))
    except QFusionError as error:
        st.caption(f"The status cannot be shown: {text.message(error)}")
        return
    exercises.note_outcome(outcome)
    st.markdown(_conditions(outcome))
    sentence = escape(true_minus(words.describe_outcome(outcome)))
    st.html(f'<p class="qf-outcome" role="status">{sentence}</p>')


def _conditions(outcome: Outcome) -> str:
    """Return the conditions as a list in markdown."""
    lines = []
    for checked in outcome.conditions:
        requirement = text.escape_markdown(true_minus(words.describe_condition(checked.condition)))
        seen = text.escape_markdown(true_minus(words.describe_seen(checked)))
        line = f"- {MET if checked.met else NOT_MET} {requirement}"
        if not checked.met:
            line += f" — now: **{seen}**" if not checked.problem else f" — {seen}"
        lines.append(line)
    return "\n".join(lines)


def _draw_ways(exercise: Exercise, title: str) -> None:
    """Draw the hint, the solution, the start, the next exercise, and the way out."""
    with st.container(horizontal=True, vertical_alignment="center", key="exercise-ways"):
        following = _next(exercise)
        if following is not None and exercise.name in exercises.solved_names():
            _link(following, START, "Next exercise", ":material/arrow_forward:")
        page = exercise_links.parse_state(exercise.start)[0]
        if page != title.lower():
            _link(exercise, "", f"Return to {PAGES[page][0]}", ":material/undo:")
        if exercise.hint:
            with st.popover("Hint", icon=":material/lightbulb:"):
                hint = exercise.hint
                st.markdown(hint if exercise.name else text.escape_markdown(hint, MAX_HINT))
        if exercise.solution:
            _link(exercise, SOLUTION, "Show a solution", ":material/visibility:")
        _link(exercise, START, "Start again", ":material/restart_alt:")
        if following is not None and exercise.name not in exercises.solved_names():
            _link(following, START, "Skip to the next", ":material/skip_next:")
        st.button(
            "Close the exercise",
            icon=":material/close:",
            key="_exercise_close",
            on_click=exercises.close,
        )


def _next(exercise: Exercise) -> Exercise | None:
    """Return the exercise of the course after one of it."""
    following = dict(zip([one.name for one in course()], course()[1:], strict=False))
    return following.get(exercise.name)


def _link(exercise: Exercise, go: str, label: str, icon: str) -> None:
    """Draw a link to an exercise: to a state of it, or to its page as that is."""
    target = exercise.solution if go == SOLUTION else exercise.start
    page = exercise_links.parse_state(target)[0]
    query: dict[str, Any] = exercises.link_query(exercise, go)
    if not go:
        query = navigation.link_query() | query
    st.page_link(PAGES[page][1], label=label, icon=icon, query_params=query)


def draw_course() -> None:
    """Draw the exercises of the course, with those that were solved in this session."""
    solved = exercises.solved_names()
    minutes = sum(exercise.minutes for exercise in course())
    with st.container(key="course-steps"):
        with st.container(border=True, key="course-step-0", gap="xsmall", height="stretch"):
            st.markdown(f"**{len(course())} exercises, about {minutes} minutes**")
            st.markdown(
                f"Tasks that are checked while you work. {words.describe_progress(solved, len(course()))}."
            )
            start = next((one for one in course() if one.name not in solved), course()[0])
            label = "Continue the course" if solved else "Start the course"
            _link(start, START, label, ":material/school:")
        for number, exercise in enumerate(course(), 1):
            page = exercise_links.parse_state(exercise.start)[0]
            with st.container(
                border=True, key=f"course-step-{number}", gap="xsmall", height="stretch"
            ):
                done = " :green-badge[:material/check: solved]" if exercise.name in solved else ""
                st.markdown(f"**{number}. {exercise.title}**{done}")
                st.markdown(f"{PAGES[page][0]}, {exercise.minutes} minutes: {exercise.about}")
                _link(exercise, START, f"Start exercise {number}", ":material/arrow_forward:")
