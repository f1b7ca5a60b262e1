"""What a session remembers: typed keys, what the URL may say, and what is said when it says something else; what is
selected by clicks; cohorts and pins that are kept across pages.

Widgets carry `key=`, `bind="query-params"` and `persist_state="session"`, so their values live in the URL and survive
page changes. Streamlit silently takes the default for a value that does not fit, or the nearest one that does; `audit`
names it first.

A key that begins with an underscore is of the session alone; every other one is a parameter of the address.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state_proxy import get_session_state

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.panels.address import FREE, LINKED
from qfusion.panels.params import ParamRule, validate
from qfusion.panels.pickers import DATA, MODEL, SAMPLE, models, own_data
from qfusion.panels.pins import parse_pin

T = TypeVar("T")
NOTICES, PAGE, KEPT, DRAWER = "_notices", "_page", "_kept", "_drawer"
DRAWN, ELSEWHERE = "_drawn", "_elsewhere"
# since when figures may begin, when Play was pressed, of which cursor, its stops, and the seconds that it takes
PLAYS = "_plays"
WAITING = "_waiting"  # of this page's panels those that are below the screen
MAX_NOTICES = 12
_ADDRESS, _WHEN, _USUAL = "_address_told", "_address_when", "_address_usual"
_SENT = (
    "_address_sent"  # the address as it was told last, and when one was that was new to the browser
)


def bound(key: str) -> dict[str, Any]:
    """Keyword arguments of a widget whose value is kept in the URL and in the session under `key`."""
    _note(key)
    return {"key": key, "bind": "query-params", "persist_state": "session"}


def one_of(label: str, options: Sequence[T], *, default: T | None = None, **words: Any) -> T:
    """Draws a segmented control of which one is always chosen; where a message says none, which no browser sends, it is
    the default or the first.

    Args:
        label, options, default, words: as of `st.segmented_control`.
    """
    chosen = st.segmented_control(label, options, default=default, required=True, **words)
    return chosen if chosen is not None else default if default is not None else options[0]


def opened(key: str) -> dict[str, Any]:
    """Keyword arguments of tabs or an expander of which the URL says under `key` what is open."""
    _note(key)
    return {"key": key, "on_change": "rerun", "bind": "query-params"}


def shown(key: str, views: Sequence[str]) -> str:
    """Which of some views is open, before their tabs are drawn."""
    value = st.session_state.get(key, st.query_params.get(key))
    return value if value in views else views[0]


def _note(key: str) -> None:
    """Remembers that the page draws a widget of this key, for session files."""
    st.session_state.setdefault(DRAWN, {}).setdefault(st.session_state.get(PAGE, ""), set()).add(
        key
    )


def address() -> dict[str, list[str]]:
    """What the address says; Streamlit has a parameter without a name, too, and lets nobody ask for it."""
    return {key: st.query_params.get_all(key) for key in st.query_params if key}


def drop_invalid(allowed: Mapping[str, ParamRule]) -> None:
    """Takes invalid parameters out of the URL, leaves a notice for each, and lets the rest apply: the page begins again
    without them.

    Once a widget is in the session, the URL follows it and not the other way round, so only the others are looked at. A
    bound widget writes its option's *label* into the URL: options here are their own labels.
    """
    problems = validate(
        {key: values for key, values in address().items() if key not in st.session_state}, allowed
    )
    for problem in problems.values():
        notice(problem.message)
    begin_again({key: problem.valid for key, problem in problems.items()})


def drop_unknown(known: Iterable[str]) -> None:
    """Takes parameters out of the URL that neither the frame nor this page has, and names them."""
    allowed = {*known, *st.session_state}
    strange = [key for key in address() if key not in allowed and not key.startswith(FREE)]
    if strange:
        several = len(strange) > 1
        names = text.named([key[:80] for key in strange[:MAX_NOTICES]])
        if len(strange) > MAX_NOTICES:
            names += f" and {len(strange) - MAX_NOTICES:,} more"
        notice(
            f"In the link, {names}: this page has no such setting{'s' if several else ''}, or not for this model. "
            f"{'They are' if several else 'It is'} ignored."
        )
        begin_again(dict.fromkeys(strange, ()))


def tell(changes: Mapping[str, Sequence[str]], *, bound: bool = False) -> bool:
    """Gives parameters of the address other values, or none, in one message; whether any has other ones now.

    A widget that is on the page writes its own parameter, and what it is `bound` to is left to it unless told.
    """
    with get_session_state().query_params() as params:
        now = {
            key: list(values)
            for key, values in changes.items()
            if params.get_all(key) != list(values) and (bound or not params.is_bound(key))
        }
        for key, values in now.items():
            params.set_with_no_forward_msg(key, values)
            if not values:
                params.discard_param_no_forward_msg(key)
        if now:
            params._send_query_param_msg()
    return bool(now)


def begin_again(changes: Mapping[str, Sequence[str]]) -> None:
    """Mends the address, and has the page begin again where that was needed: widgets take their first value from the
    address with which a run began."""
    if tell(changes):
        st.rerun()


def begin_address() -> tuple[float, dict[str, list[str]]]:
    """When a run of the page begins, by `time.monotonic`, and with which address."""
    return time.monotonic(), address()


def settle_address(start: tuple[float, dict[str, list[str]]]) -> None:
    """Tells the browser the address again where a slider was moved on while the last one was on its way.

    Streamlit's browser writes what a widget holds into the address by itself, and its server tells it the address as it
    was when a run of the page began: what comes late takes the newer value out again, for good.

    Args:
        start: of the run of the page, see `begin_address`.
    """
    (began, first), query = start, address()
    held = {
        key: written(value)
        for key in {*query, *st.session_state.get(_USUAL, ()), *st.session_state.get(_ADDRESS, ())}
        if (value := st.session_state.get(key)) is not None
    }
    # what a parameter held when it left the address is what is usual: set to anything else since, it belongs there
    usual = st.session_state.setdefault(_USUAL, {})
    usual |= {
        key: held[key]
        for key in st.session_state.get(_ADDRESS, ())
        if key in held and key not in query
    }
    if query != st.session_state.get(_ADDRESS):  # in this run, or in one that this one has ended
        st.session_state[_ADDRESS], st.session_state[_WHEN] = query, time.monotonic()
    with get_session_state().query_params() as params:
        stale = {
            key: now
            for key, now in held.items()
            if now != (query[key] if key in query else usual.get(key, now))
            and (key in query or params.is_bound(key))
        }
    # a busy browser reads what it is told within 120 s; told what it knows, it does nothing
    sent, when = st.session_state.get(_SENT, (query, -math.inf))
    if began - st.session_state[_WHEN] < 120.0 and tell(stale, bound=True):
        st.session_state[_ADDRESS], st.session_state[_WHEN] = address(), time.monotonic()
    elif query != sent and began - when < 120.0:
        # both crossed: the browser wrote a newer value, and then it was told the one before
        with get_session_state().query_params() as params:
            params._send_query_param_msg()
        st.session_state[_SENT] = query, when
    if address() != first:  # told in this run, here or by a widget
        st.session_state[_SENT] = address(), time.monotonic()


def address_now() -> dict[str, list[str]]:
    """The address, with what the reader has chosen since of that on which other parameters depend."""
    return address() | {
        key: written(st.session_state[key])
        for key in ("new.data", "new.kind", "board")
        if st.session_state.get(key)
    }


def arrive(page: str) -> None:
    """On a fresh page, takes over the pickers of the last one and what a link asked for by one of `LINKED`.

    Streamlit keeps bound values across pages when a person or the first address set them, but not when the program did;
    it drops parameters of the last page's widgets from a link inside the app (those in `LINKED` get through), and
    `st.switch_page` refuses to run while any is bound. So what is to be kept is kept here.
    """
    if st.session_state.get(PAGE) != page:
        st.session_state.pop(DRAWER, None)  # an open dialog stays behind
        _come_back()
        # what a loaded session holds of a page that is opened for the first time
        begin_again(
            {
                key: values
                for key, values in st.session_state.get(ELSEWHERE, {}).pop(page, {}).items()
                if key not in st.session_state and key not in st.query_params
            }
        )
        for key, value in st.session_state.get(KEPT, {}).items():
            put(key, value)
        if COHORTS in st.session_state:  # a link inside the app may pin
            put(PIN, _pinned(get(PIN)))
        if st.session_state.get("words") is not None:  # a parameter of all pages
            put("words", st.session_state["words"])
    for linked, key in LINKED.items():
        if linked in st.query_params:
            put(key, st.query_params[linked])
            tell({linked: ()})
    st.session_state[PAGE] = page
    st.session_state.setdefault(DRAWN, {})[page] = set()
    st.session_state[WAITING] = set()


def _come_back() -> None:
    """Where the browser's Back or Forward led here, has the page begin again under the address that it had; where that
    names no model, data or sample, those picked last stay.

    Streamlit takes what was bound on the page that is left out of that address, and would take for the default
    whatever the address lacks.
    """
    ctx = get_script_run_ctx()
    if ctx is None or not ctx.is_history_navigation:
        return
    known = parse_qs(ctx.query_string, keep_blank_values=True)
    there = {  # what is kept in the session alone stays, as do cohorts and pin
        key: values
        for key, values in known.items()
        if key not in STORED and key[:1] not in ("", "_")
    }
    ctx.is_history_navigation = False
    if {MODEL.key, DATA.key, SAMPLE.key} & {*there}:
        for key in {*st.session_state.pop(KEPT, {}), *there}:
            forget(key)
        # an address leaves out what is usual, which is another than what was picked last
        model = there.setdefault(MODEL.key, [models()[0]])[-1]
        if model in models():
            there.setdefault(DATA.key, [own_data(model)])
    begin_again(there)


def put(key: str, value: Any) -> None:
    """Sets a value of this session, and of the address unless the key begins with an underscore.

    Of a widget only before it is drawn, or in a callback. A widget that is on the page writes its own parameter; one
    that is drawn for the first time with a value of ours would not.
    """
    st.session_state[key] = value
    if not key.startswith("_"):
        tell({key: () if value is None else written(value)})


def written(value: Any) -> list[str]:
    """A widget's value as it stands in an address."""
    if isinstance(value, list | tuple):
        return [part for entry in value for part in written(entry)] or [""]
    if isinstance(value, bool):
        return [str(value).lower()]
    return [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)]


def everything() -> dict[str, dict[str, list[str]]]:
    """What the pages of this session show, as their addresses would say it: values by parameter by page, this page's
    among them."""
    here = st.session_state.get(PAGE, "")
    lines = {page: dict(waiting) for page, waiting in st.session_state.get(ELSEWHERE, {}).items()}
    lines |= {
        page: {
            key: written(st.session_state[key])
            for key in sorted(keys)
            if st.session_state.get(key) is not None
        }
        for page, keys in st.session_state.get(DRAWN, {}).items()
    }
    lines[here] = (
        address()
        | lines.get(here, {})
        | {key: [value] for key, value in st.session_state.get(KEPT, {}).items()}
    )
    return lines


def notice(message: str) -> None:
    """Keeps a message to show on top of the page until the reader closes it."""
    lines: list[str] = st.session_state.setdefault(NOTICES, [])
    if message not in lines and len(lines) <= MAX_NOTICES:
        lines.append(
            message
            if len(lines) < MAX_NOTICES
            else "More parts of the link do not fit. They are ignored."
        )


def get(key: str, default: Any = None) -> Any:
    """A value of this session."""
    return st.session_state.get(key, default)


def take(key: str) -> Any:
    """A value of this session alone, which is forgotten with it; None where there is none."""
    return st.session_state.pop(key, None)


def forget(key: str) -> None:
    """Drops a value of this session, so that its widget takes its default; only before it is drawn."""
    st.session_state.pop(key, None)
    tell({key: ()})


def choose_sample(sample_id: str) -> None:
    """Makes a sample the current one on the whole page, for callbacks."""
    put(SAMPLE.key, sample_id)
    page_again()


# What a reader chooses by a click in a figure or a table, by its key; whatever the browser sends, only what can be
# chosen.

AGAIN = "_page_again"


def selection(key: str) -> Mapping[str, list[Any]]:
    """What is chosen in the figure or table of a key: "points", and "box" and "lasso" around them, or "rows"."""
    value = get(key)
    chosen = value.get("selection") if isinstance(value, Mapping) else None
    parts = chosen.items() if isinstance(chosen, Mapping) else ()
    return {name: items for name, items in parts if isinstance(items, list)}


def selected_rows(key: str, size: int) -> list[int]:
    """The rows that are ticked in a table of so many."""
    return [row for row in selection(key).get("rows", []) if type(row) is int and 0 <= row < size]


def selected_point(key: str) -> Mapping[str, Any]:
    """The first point that is chosen, as the figure says it; empty if there is none."""
    point = next(iter(selection(key).get("points", [])), None)
    return point if isinstance(point, Mapping) else {}


def place_of(number: Any, size: int) -> int | None:
    """Which of `size` things a number stands for; None for whatever else."""
    return int(number) if isinstance(number, int | float) and 0 <= number < size else None


def selected_values(key: str) -> list[Any]:
    """What the first point that is chosen stands for; empty if it says nothing, or there is none."""
    value = selected_point(key).get("customdata")
    return value if isinstance(value, list) else [] if value is None or value == "" else [value]


def choose_selected_sample(key: str) -> None:
    """Makes the sample that the first chosen point stands for the current one, for callbacks."""
    if values := selected_values(key):
        choose_sample(str(values[0]))


def open_selected(key: str, ids: Sequence[str]) -> None:
    """Opens the sample whose point is chosen, of those that a figure draws in this order, for callbacks."""
    place = place_of(selected_point(key).get("point_index"), len(ids))
    if place is not None:
        choose_sample(ids[place])


def page_again() -> None:
    """Has the whole page drawn anew by the fragment that is drawn next, for callbacks in one: what they change stands
    outside of it."""
    put(AGAIN, True)


# What a reader keeps across pages: saved cohorts and the pinned view. In the session, and in the address as `cohort`
# and `pin`.
#
# No widget carries them. The first run of a session takes them from the address; from then on the address follows the
# session.

COHORTS, PIN = "cohort", "pin"
STORED = (COHORTS, PIN)


def settle_stored() -> None:
    """Once a session reads the address, names what does not fit and drops it; after that writes what is kept into the
    address."""
    if COHORTS not in st.session_state:
        texts = st.query_params.get_all(COHORTS)
        if len(texts) > cohorts.MAX_SAVED:
            notice(
                f"In the link, `{COHORTS}`: {len(texts)} cohorts are named, and the first {cohorts.MAX_SAVED} are "
                "kept."
            )
        fitting = _read(COHORTS, cohorts.parse_saved, texts[: cohorts.MAX_SAVED], "It is ignored.")
        put(COHORTS, list({cohort.name: cohort for cohort in fitting}.values()) or None)
        put(PIN, _pinned(None))
    for key in STORED:
        put(key, get(key))


def _pinned(other: Any) -> Any:
    """What the address pins; where it pins nothing, or what does not fit, the other."""
    pins = [value for value in st.query_params.get_all(PIN)[-1:] if value]
    return next(iter(_read(PIN, parse_pin, pins, "Nothing is pinned.")), other)


def _read(key: str, parse: Callable[[str], T], texts: list[str], instead: str) -> list[T]:
    """What the values of a parameter say; those that do not fit are named."""
    values = []
    for value in texts:
        try:
            values.append(parse(value))
        except QFusionError as error:
            notice(f"In the link, `{key}`: {error} {instead}")
    return values


def saved_cohorts() -> list[cohorts.Cohort]:
    """The cohorts that the reader has saved."""
    return list(get(COHORTS) or [])


def save_cohort(cohort: cohorts.Cohort) -> None:
    """Keeps a cohort; one of the same name is replaced.

    Raises:
        InvalidInput: when as many as fit in an address are kept already.
    """
    others = [other for other in saved_cohorts() if other.name != cohort.name]
    check(
        len(others) < cohorts.MAX_SAVED,
        f"{cohorts.MAX_SAVED} cohorts are saved, as many as an address holds. Delete one first.",
    )
    put(COHORTS, [*others, cohort])


def delete_cohort(name: str) -> None:
    """Forgets a cohort."""
    put(COHORTS, [cohort for cohort in saved_cohorts() if cohort.name != name] or None)
