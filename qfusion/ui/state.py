"""What a session remembers: typed keys, what the URL may say, and what is said when it says something else; what is
selected by clicks; cohorts and pins that are kept across pages.

Widgets carry `key=`, `bind="query-params"` and `persist_state="session"`, so their values live in the URL and survive
page changes. Streamlit silently takes the default for a value that does not fit, or the nearest one that does; `audit`
names it first.

A key that begins with an underscore is of the session alone; every other one is a parameter of the address.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.panels.address import ALIASES, FREE, SAMPLE, Pin, parse_pin, value_now, values_now
from qfusion.panels.control import Allowed, Problem, audit

T = TypeVar("T")
VIEW = "view"
NOTICES, PAGE, KEPT, DRAWER = "_notices", "_page", "_kept", "_drawer"
DRAWN, ELSEWHERE = "_drawn", "_elsewhere"
DECIDING = ("new.data", "new.kind", "board")  # parameters of which others depend
EVERYWHERE = ("words",)  # parameters of all pages
MAX_NOTICES = 12


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


def drop_invalid(allowed: Mapping[str, Allowed]) -> None:
    """Takes invalid parameters out of the URL, leaves a notice for each, and lets the rest apply: the page begins again
    without them.

    Once a widget is in the session, the URL follows it and not the other way round, so only the others are looked at. A
    bound widget writes its option's *label* into the URL: options here are their own labels.
    """
    _drop(
        audit(
            {key: values for key, values in address().items() if key not in st.session_state},
            allowed,
        )
    )


def drop_unknown(known: Iterable[str]) -> None:
    """Takes parameters out of the URL that neither the frame nor this page has, and names them."""
    allowed = {*known, *st.session_state}
    strange = [key for key in address() if key not in allowed and not key.startswith(FREE)]
    if not strange:
        return
    several = len(strange) > 1
    names = text.named([key[:80] for key in strange[:MAX_NOTICES]])
    if len(strange) > MAX_NOTICES:
        names += f" and {len(strange) - MAX_NOTICES:,} more"
    message = (
        f"In the link, {names}: this page has no such setting{'s' if several else ''}, or not for this model. "
        f"{'They are' if several else 'It is'} ignored."
    )
    if len(strange) <= MAX_NOTICES:
        _drop({key: Problem(message) for key in strange})
    else:
        notice(message)
        gone = {*strange}
        with contextlib.suppress(
            StreamlitAPIException
        ):  # all in one: for each that goes, Streamlit sends the others
            st.query_params.from_dict(
                {key: values for key, values in address().items() if key not in gone}
            )
            st.rerun()


def settle_address() -> None:
    """Tells the browser the address as it is now; the last that every run of a page or a fragment does.

    Streamlit's browser writes what a widget holds into the address by itself, and its server tells it the address as it
    was when a run began: what comes late, where a slider is moved on meanwhile, takes the newer value out again, for
    good. The run of the newer value says it once more; a browser that is told what it knows does nothing.
    """
    context = get_script_run_ctx()
    now = {key: written(st.session_state[key]) for key in address() if key in st.session_state}
    if context is not None and now:
        with context.session_state.query_params() as params:
            params._query_params.update(now)
            params._send_query_param_msg()


def address_now() -> dict[str, list[str]]:
    """The address, with what the reader has chosen since of that on which other parameters depend."""
    return address() | {
        key: written(st.session_state[key]) for key in DECIDING if st.session_state.get(key)
    }


def rename(key: str, now: str) -> None:
    """Gives a parameter of the URL the name that it has today: the page begins again with it."""
    st.query_params[now] = st.query_params.get_all(key)
    del st.query_params[key]
    st.rerun()


def _drop(problems: Mapping[str, Problem]) -> None:
    """Names problems and mends the URL. Widgets take their first value from the address with which a run began, so it
    begins again."""
    mended = False
    for key, problem in problems.items():
        notice(problem.words)
        with contextlib.suppress(StreamlitAPIException):
            if problem.left:
                st.query_params[key] = list(problem.left)
            else:
                del st.query_params[key]
            mended = True
    if mended:
        st.rerun()


def arrive(page: str) -> None:
    """On a fresh page, takes over the pickers of the last one and what a link asked for by one of `ALIASES`.

    Streamlit keeps bound values across pages when a person or the first address set them, but not when the program did;
    it drops parameters of the last page's widgets from a link inside the app (those in `ALIASES` get through), and
    `st.switch_page` refuses to run while any is bound. So what is to be kept is kept here.
    """
    if st.session_state.get(PAGE) != page:
        st.session_state.pop(DRAWER, None)  # an open figure drawer stays behind
        _unpack(page)
        everywhere = {
            key: st.session_state[key]
            for key in EVERYWHERE
            if st.session_state.get(key) is not None
        }
        for key, value in (everywhere | st.session_state.get(KEPT, {})).items():
            put(key, value)
    _rename_values()
    for alias, key in ALIASES.items():
        if alias in st.query_params:
            wanted = value_now(key, st.query_params[alias])
            del st.query_params[alias]
            put(key, wanted)
    st.session_state[PAGE] = page
    st.session_state.setdefault(DRAWN, {})[page] = set()


def _rename_values() -> None:
    """Gives the choices that a link of old names the names that they have today: the page begins again with them."""
    then = address()
    now = {key: values_now(key, values) for key, values in then.items()}
    if now != then:
        st.query_params.from_dict(now)
        st.rerun()


def _unpack(page: str) -> None:
    """Puts into the address what a loaded session holds of a page that is opened for the first time."""
    waiting = st.session_state.get(ELSEWHERE, {}).pop(page, {})
    fresh = {
        key: values
        for key, values in waiting.items()
        if key not in st.session_state and key not in st.query_params
    }
    if fresh:
        st.query_params.update(fresh)
        st.rerun()


def put(key: str, value: Any) -> None:
    """Sets a value of this session, and of the address unless the key begins with an underscore.

    Of a widget only before it is drawn, or in a callback. A widget that is on the page writes its own parameter; one
    that is drawn for the first time with a value of ours would not.
    """
    st.session_state[key] = value
    if not key.startswith("_"):
        # Refused while a widget drawn before holds the parameter; it then follows that widget.
        with contextlib.suppress(StreamlitAPIException):
            if value is not None:
                st.query_params[key] = written(value)
            elif key in st.query_params:
                del st.query_params[key]


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
    with contextlib.suppress(StreamlitAPIException):
        if key in st.query_params:
            del st.query_params[key]


def choose_sample(sample_id: str) -> None:
    """Makes a sample the current one (for callbacks)."""
    put(SAMPLE.key, sample_id)


# What a reader chooses by a click in a figure or a table, by its key; whatever the browser sends, only what can be
# chosen.

_PAGE = "_page_again"


def selection(key: str) -> Mapping[str, list[Any]]:
    """What is chosen in the figure or table of a key: "points", and "box" and "lasso" around them, or "rows"."""
    value = get(key)
    chosen = value.get("selection") if isinstance(value, Mapping) else None
    if not isinstance(chosen, Mapping):
        return {}
    return {name: items for name, items in chosen.items() if isinstance(items, list)}


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


def choose_selected_sample(key: str) -> bool:
    """Makes the sample that the first chosen point stands for the current one, for callbacks; whether there is one."""
    values = selected_values(key)
    if values:
        choose_sample(str(values[0]))
    return bool(values)


def open_sample(sample_id: str) -> None:
    """Makes a sample the current one on the whole page, for callbacks in a fragment."""
    choose_sample(sample_id)
    page_again()


def open_selected(key: str, ids: Sequence[str]) -> None:
    """Opens the sample whose point is chosen, of those that a figure draws in this order, for callbacks in a
    fragment."""
    place = place_of(selected_point(key).get("point_index"), len(ids))
    if place is not None:
        open_sample(ids[place])


def page_again() -> None:
    """Has the whole page drawn anew by the fragment that is drawn next, for callbacks in one: what they change stands
    outside of it."""
    put(_PAGE, True)


def settle_clicks() -> None:
    """Draws the whole page anew where a callback asked for it; the first that a fragment does."""
    if get(_PAGE):
        put(_PAGE, False)
        st.rerun()


# What a reader keeps across pages: saved cohorts and the pinned view. In the session, and in the address as `cohort`
# and `pin`.
#
# No widget carries them. The first run of a session takes them from the address; from then on the address follows the
# session.

COHORTS, PIN = "cohort", "pin"
STORED = (COHORTS, PIN)
_COHORTS, _PIN = "_cohorts", "_pin"


def settle_stored() -> None:
    """Once a session reads the address, names what does not fit and drops it; after that writes what is kept into the
    address."""
    if _COHORTS not in st.session_state:
        texts = st.query_params.get_all(COHORTS)
        if len(texts) > cohorts.MAX_SAVED:
            notice(
                f"In the link, `{COHORTS}`: {len(texts)} cohorts are named, and the first {cohorts.MAX_SAVED} are "
                "kept."
            )
        fitting = _read(COHORTS, cohorts.parse_saved, texts[: cohorts.MAX_SAVED], "It is ignored.")
        put(_COHORTS, list({cohort.name: cohort for cohort in fitting}.values()))
        pins = [value for value in st.query_params.get_all(PIN)[-1:] if value]
        put(_PIN, next(iter(_read(PIN, parse_pin, pins, "Nothing is pinned.")), None))
    _write()


def _read(key: str, parse: Callable[[str], T], texts: list[str], instead: str) -> list[T]:
    """What the values of a parameter say; those that do not fit are named."""
    values = []
    for value in texts:
        try:
            values.append(parse(value))
        except QFusionError as error:
            notice(f"In the link, `{key}`: {error} {instead}")
    return values


def _write() -> None:
    now = stored_query()
    for key in STORED:
        if st.query_params.get_all(key) != now.get(key, []):
            if key in now:
                st.query_params[key] = now[key]
            else:
                st.query_params.pop(key, None)


def saved_cohorts() -> list[cohorts.Cohort]:
    """The cohorts that the reader has saved."""
    return list(get(_COHORTS, []))


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
    put(_COHORTS, [*others, cohort])
    _write()


def delete_cohort(name: str) -> None:
    """Forgets a cohort."""
    put(_COHORTS, [cohort for cohort in saved_cohorts() if cohort.name != name])
    _write()


def pinned() -> Pin | None:
    """The pinned view."""
    return get(_PIN)


def pin(view: Pin | None) -> None:
    """Pins a view, or none."""
    put(_PIN, view)
    _write()


def stored_query() -> dict[str, list[str]]:
    """What the address says of them, in links inside the app too, so that these can be opened in a new tab."""
    values = {
        COHORTS: [str(cohort) for cohort in saved_cohorts()],
        PIN: [str(pinned())] if pinned() else [],
    }
    return {key: texts for key, texts in values.items() if texts}
