"""What a session remembers: typed keys, what the URL may say, and what is said when it says something else.

Widgets carry `key=`, `bind="query-params"` and `persist_state="session"`, so their values live in the URL and survive page
changes. Streamlit silently takes the default for a value that does not fit; `audit` names it first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import streamlit as st
from streamlit.errors import StreamlitAPIException

from qfusion import _checks
from qfusion.errors import QFusionError

MODEL, DATA, SAMPLE, OUTPUT, FORMAT, DURATION = "model", "data", "sample", "output", "export", "T"
BACKGROUND, CONTRAST, MEMBERS = "background", "contrast", "members"
VIEW = "view"
NOTICES, TABLE_TURN, PAGE, KEPT = "_notices", "_table_turn", "_page", "_kept"
ALIASES = {"open": SAMPLE, "show": VIEW, "rules": "part", "edits": "phi", "explore": MODEL, "on": DATA, "train": "new.data"}


class Bound(TypedDict):
    """The keyword arguments that tie a widget to the URL and the session."""

    key: str
    bind: Literal["query-params"]
    persist_state: Literal["session"]


def bound(key: str) -> Bound:
    """Keyword arguments of a widget whose value is kept in the URL and in the session under `key`."""
    return {"key": key, "bind": "query-params", "persist_state": "session"}


def coupling_key(term: str) -> str:
    """Key of the slider that scales H_S: `"text+audio"` -> `"H.text-audio"` (a plus sign would be escaped in a URL)."""
    return "H." + term.replace("+", "-")


def rate_key(channel: int) -> str:
    """Key of the slider of jump operator `channel`, counted from 0 in code and from 1 on the page."""
    return f"rate.{channel + 1}"


@dataclass(frozen=True)
class Allowed:
    """What one query parameter may hold: `test` raises a QFusionError that names a value that does not fit."""

    test: Callable[[str], object]
    instead: str


def options(name: str, values: Iterable[str], instead: str) -> Allowed:
    """A parameter that is one of `values`."""
    known = list(values)
    return Allowed(lambda value: _checks.choose(name, value, known), instead)


def number(name: str, low: float, high: float, instead: str) -> Allowed:
    """A parameter that is a number in [low, high]."""
    return Allowed(lambda value: _checks.require_number(name, value, low, high), instead)


def audit(query: Mapping[str, str], allowed: Mapping[str, Allowed]) -> dict[str, str]:
    """Returns a message for every parameter in `query` whose value does not fit, keyed by parameter."""
    problems = {}
    for key, rule in allowed.items():
        if key not in query:
            continue
        try:
            rule.test(query[key])
        except QFusionError as error:
            problems[key] = f"In the link, `{key}`: {error} {rule.instead}"
    return problems


def drop_invalid(allowed: Mapping[str, Allowed]) -> None:
    """Takes invalid parameters out of the URL, leaves a notice for each, and lets the rest apply.

    Once a widget is in the session, the URL follows it and not the other way round, so only the others are looked at. A
    bound widget writes its option's *label* into the URL: options here are their own labels.
    """
    query = {key: value for key, value in st.query_params.to_dict().items() if key not in st.session_state}
    for key, message in audit(query, allowed).items():
        notice(message)
        del st.query_params[key]


def arrive(page: str) -> None:
    """On a fresh page, takes over the pickers of the last one and what a link asked for by one of `ALIASES`.

    Streamlit keeps bound values across pages when a person or the first address set them, but not when the program did;
    it drops parameters of the last page's widgets from a link inside the app (those in `ALIASES` get through), and
    `st.switch_page` refuses to run while any is bound. So what is to be kept is kept here.
    """
    if st.session_state.get(PAGE) != page:
        for key, value in st.session_state.get(KEPT, {}).items():
            impose(key, value)
    for alias, key in ALIASES.items():
        if alias in st.query_params:
            wanted = st.query_params[alias]
            del st.query_params[alias]
            impose(key, wanted)
    st.session_state[PAGE] = page


def keep(**values: str) -> None:
    """Remembers the pickers for the next page."""
    st.session_state[KEPT] = values


def impose(key: str, value: str) -> None:
    """Sets a widget before it is drawn, in the session and in the address."""
    st.session_state[key] = value
    # Refused while a widget drawn before holds the parameter; it then follows that widget.
    with contextlib.suppress(StreamlitAPIException):
        st.query_params[key] = value


def notice(message: str) -> None:
    """Keeps a message to show on top of the page until the reader closes it."""
    kept: list[str] = st.session_state.setdefault(NOTICES, [])
    if message not in kept:
        kept.append(message)


def notices() -> list[str]:
    """The messages kept so far."""
    return list(st.session_state.get(NOTICES, []))


def close_notices() -> None:
    """Forgets the messages."""
    st.session_state[NOTICES] = []


def get(key: str, default: Any = None) -> Any:
    """A value of this session."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Sets a value of this session; of a widget only before it is drawn, or in a callback."""
    st.session_state[key] = value


def forget(key: str) -> None:
    """Drops a value of this session, so that its widget takes its default; only before it is drawn."""
    st.session_state.pop(key, None)
    with contextlib.suppress(StreamlitAPIException):
        if key in st.query_params:
            del st.query_params[key]


def choose_sample(sample_id: str) -> None:
    """Makes a sample the current one (for callbacks) and clears the table's selection."""
    put(SAMPLE, sample_id)
    put(TABLE_TURN, get(TABLE_TURN, 0) + 1)
