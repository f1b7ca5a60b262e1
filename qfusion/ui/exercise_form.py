"""Share as exercise: a teacher writes a task, chooses conditions with the present values filled in, and gets a link.

The page as it is, is the start; it must not meet the goal. Nothing is stored: the exercise is in the link.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from zlib import crc32

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._checks import check
from qfusion._sentences import capitalise, true_minus
from qfusion.analysis import exercise_goals, text
from qfusion.analysis.exercise_goals import (
    COMPARISONS,
    CURSOR,
    END,
    IS,
    IS_NOT,
    MAX_CONDITIONS,
    ONLY,
    WITHIN,
    Condition,
)
from qfusion.analysis.exercise_quantities import (
    FREE_PARTS,
    QUANTITIES,
    Situation,
    changed_knobs,
    knob_group,
)
from qfusion.analysis.exercises import (
    MAX_HINT,
    MAX_TASK,
    Exercise,
    check_exercise,
    make_exercise,
)
from qfusion.errors import QFusionError
from qfusion.panels import exercise_links, rendering
from qfusion.panels.exercise_situations import has_sample, open_situation
from qfusion.ui import page_params, page_runs
from qfusion.wording import exercises as words

LONGEST_LINK = 8_000  # characters; servers, proxies and mail programs commonly take no more
MAX_PARTS = 60  # of a quantity that the list offers, such as its terms
_TASK, _HINT, _CHOSEN = "_exercise_task", "_exercise_hint", "_exercise_conditions"
_MORE, _SOLUTION = "_exercise_more", "_exercise_solution_link"
_START_WITH = ("leader", "verdict", "decision", "class", "sign", "changes", "changed", "sample")
_ABOUT = (
    "The page as it is now is the start. Readers get a card with the task, and see for every condition whether it is "
    "met. Nothing is stored: the exercise is in the link."
)


@dataclass(frozen=True)
class Offer:
    """A quantity that a condition can be on.

    Attributes:
        quantity: key of `QUANTITIES`.
        part: what it is of; empty for the whole.
    """

    quantity: str
    part: str = ""

    @property
    def label(self) -> str:
        """Text of the list."""
        return capitalise(words.name_quantity(self.quantity, self.part))


def exercise_form() -> None:
    """Draw the form: the body of the dialog."""
    with page_runs.guard():
        view = page_params.current()
        check(
            has_sample(view),
            "An exercise begins on a page with a sample. Open such a page, Samples or Dynamics, first.",
        )
        here = open_situation(view)
        check(
            not here.sample.is_own,
            "This sample of your own is in your session alone, so a link cannot open it. Choose one of the data set.",
        )
        st.markdown(_ABOUT)
        task = st.text_area(
            "Task",
            max_chars=MAX_TASK,
            key=_TASK,
            height=90,
            placeholder="Weaken one coupling so that the picture leads.",
        )
        hint = st.text_input("Hint (optional)", max_chars=MAX_HINT, key=_HINT)
        conditions = [*_chosen_conditions(here), *_written_conditions()]
        solution = st.text_input(
            "Link of a solved state (optional)",
            key=_SOLUTION,
            help="Solve the exercise, copy the link, and paste it here. It is checked, and readers can look at it.",
        )
        if task.strip() and conditions:
            _draw_link(task, hint, conditions, solution, here)
        else:
            st.caption("Write a task and choose at least one condition to get the link.")


def offers(here: Situation) -> Iterator[Offer]:
    """Yield the quantities that a situation has, the usual ones first."""
    for name in sorted(QUANTITIES, key=lambda name: name not in _START_WITH):
        spec = QUANTITIES[name]
        if name in FREE_PARTS or not spec.fits(here):
            continue
        parts = ("",) if spec.parts is None else spec.parts(here)
        yield from (Offer(name, part) for part in list(parts)[:MAX_PARTS])


def _chosen_conditions(here: Situation) -> list[Condition]:
    """Draw the list of quantities, and for each that is chosen a line; return the conditions."""
    known = {offer.label: offer for offer in offers(here)}
    labels = st.multiselect(
        "Conditions",
        list(known),
        key=_CHOSEN,
        max_selections=MAX_CONDITIONS,
        placeholder="Choose what is checked",
    )
    conditions = []
    for label in labels:
        if label not in known:  # the model has another one by now
            continue
        condition = _draw_condition(known[label], here)
        if condition is not None:
            conditions.append(condition)
    return conditions


def _draw_condition(offer: Offer, here: Situation) -> Condition | None:
    """Draw the line of a condition, with the present value filled in. Return None where it does not fit."""
    key = f"_exercise.{offer.quantity}.{offer.part}"
    spec = QUANTITIES[offer.quantity]
    with st.container(border=True, key=f"exercise-line-{crc32(key.encode())}", gap="xsmall"):
        st.markdown(f"**{text.escape_markdown(offer.label)}**")
        columns = st.columns([1, 1.4, 1], vertical_alignment="bottom")
        time = END
        if spec.timed:
            time = columns[2].selectbox(
                "Time",
                [END, CURSOR],
                format_func={END: "at the end", CURSOR: "at the time cursor"}.__getitem__,
                key=f"{key}.time",
            )
        seen = _measure(offer, time, here)
        operator = columns[0].selectbox(
            "Comparison",
            _operators(offer),
            format_func=lambda word: words.COMPARED.get(word, word),
            key=f"{key}.operator",
        )
        value = _draw_value(offer, seen, here, columns[1], f"{key}.value")
        try:
            condition = exercise_goals.parse_condition(
                str(Condition(offer.quantity, operator, value, offer.part, time))
            )
        except QFusionError as error:
            st.error(text.message(error), icon=":material/error:")
            return None
        st.caption(_describe_now(condition, here))
    return condition


def _operators(offer: Offer) -> list[str]:
    if offer.quantity == ONLY:
        return [WITHIN]
    if QUANTITIES[offer.quantity].is_number:
        usual = "<=" if offer.quantity in words.SIZES else ">="
        return [usual, *(word for word in COMPARISONS if word != usual)]
    return [IS, IS_NOT]


def _measure(offer: Offer, time: str, here: Situation) -> float | str | None:
    share = here.cursor if time == CURSOR else 1.0
    try:
        return QUANTITIES[offer.quantity].measure(here, offer.part, share)
    except QFusionError:
        return None


def _draw_value(
    offer: Offer, seen: float | str | None, here: Situation, place: DeltaGenerator, key: str
) -> float | str:
    """Draw the field of the bound or the word, filled in with the present value."""
    spec = QUANTITIES[offer.quantity]
    if spec.is_number:
        start = 0.0 if seen is None else float(f"{float(seen):.3g}")
        number = place.number_input("Bound", value=start, step=None, format="%.6g", key=key)
        return float(number or 0.0)
    if offer.quantity == ONLY:
        groups = list(dict.fromkeys(map(knob_group, changed_knobs(here)))) or ["H"]
        return str(
            place.text_input(
                "Allowed",
                value=",".join(groups),
                key=key,
                help="H: couplings; D: dissipation; T: the duration; tables; network; or single ones such as "
                "H.text-audio, separated by commas.",
            )
        )
    if spec.options is not None:
        options = list(spec.options(here))
        place_of = options.index(seen) if seen in options else 0
        return str(place.selectbox("Value", options, index=place_of, key=key))
    return str(place.text_input("Value", value=str(seen or ""), key=key))


def _describe_now(condition: Condition, here: Situation) -> str:
    """Return the condition as a sentence, and whether the page meets it now."""
    checked = exercise_goals.check_condition(condition, here)
    status = "met now" if checked.met else "not met now"
    sentence = f"{words.describe_condition(condition)}: {status} ({words.describe_seen(checked)})."
    return true_minus(text.escape_markdown(sentence))


def _written_conditions() -> list[Condition]:
    """Draw the field of conditions as text, one a line, and return those that fit."""
    with st.expander("Conditions as text", icon=":material/edit:"):
        written = st.text_area(
            "One condition a line",
            key=_MORE,
            height=70,
            max_chars=2_000,
            placeholder="score <= 4\nnegativity[left] at 0.5 <= 0.1",
            help="See the list of quantities in the documentation, docs/course.md.",
        )
    conditions = []
    for line in filter(str.strip, written.splitlines()):
        try:
            conditions.append(exercise_goals.parse_condition(line.strip()))
        except QFusionError as error:
            st.error(text.message(error), icon=":material/error:")
    return conditions


def _draw_link(
    task: str, hint: str, conditions: Sequence[Condition], solution: str, here: Situation
) -> None:
    """Draw whether start and solution are as they should be, and the link if they are."""
    exercise = make_exercise(task, [str(condition) for condition in conditions], hint=hint)
    outcome = check_exercise(exercise, here)
    if outcome.solved:
        st.warning(
            "The page meets the goal already. Change a condition, or go back to where readers begin.",
            icon=":material/warning:",
        )
        return
    st.success(
        f"The start does not meet the goal: {words.describe_outcome(outcome)}",
        icon=":material/check:",
    )
    if solution.strip():
        solved = _solution_text(exercise, solution.strip())
        if not solved:
            return
        exercise = replace(exercise, solution=solved)
    page = page_params.current().page
    link = exercise_links.link_text(page, page_params.shown_address(), exercise)
    address = f"{_root(page)}{link}"
    if len(address) > LONGEST_LINK:
        st.warning(
            f"The link has {len(address):,} characters. Many servers and mail programs cut links at {LONGEST_LINK:,}. "
            "Shorten the task, or reset choices that the exercise does not need.",
            icon=":material/warning:",
        )
    st.code(address, language=None, wrap_lines=True)
    st.caption("The button in the corner of the box copies the link. Open it once yourself.")


def _solution_text(exercise: Exercise, link: str) -> str:
    """Return the state of a link that meets the goal; empty where it does not, which is said."""
    try:
        page, query = rendering.parse_link(link)
        outcome = exercise_links.check_link(link, exercise)
        solved = exercise_links.state_text(page, query)
        exercise_links.parse_state(solved)
    except QFusionError as error:
        st.error(f"Solution: {text.message(error)}", icon=":material/error:")
        return ""
    if outcome.solved:
        st.success("The solution meets the goal.", icon=":material/check:")
        return solved
    missing = [
        f"{words.describe_condition(one.condition)} (now: {words.describe_seen(one)})"
        for one in outcome.conditions
        if not one.met
    ]
    st.error(
        text.escape_markdown(f"The solution does not meet the goal: {'; '.join(missing)}.", 1_000),
        icon=":material/error:",
    )
    return ""


def _root(page: str) -> str:
    """Return the address of the app, up to the path of a page; empty where no browser says it."""
    parts = urlsplit(st.context.url or "")
    path = parts.path.removesuffix("/").removesuffix(rendering.page_path(page))
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix('/')}/" if parts.netloc else ""
