"""Links into the dashboard: a page that opens reads its link, or goes back to the address that Back or Forward leads
to. Links also carry what a reader keeps across pages: saved cohorts and the pinned view."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import streamlit as st

from qfusion._checks import check
from qfusion.app import state, streamlit_internals
from qfusion.app.state import get, notice, put
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.study import text
from qfusion.views.pages.address import DATA, FREE, LINKED, MODEL, SAMPLE, models, own_data
from qfusion.views.pages.page_state import parse_pin
from qfusion.views.pages.params import ParamRule, validate

_ALIASES = "_aliases"
_HANDLED = ("tour",)  # read by `navigation`


def restore_from_url(title: str) -> None:
    """Begin a run of a page.

    A page that is new in the session reads its link. The values that the pickers had on the last page stay, unless the
    link names others by one of `LINKED`.

    Args:
        title: of the page.
    """
    query = state.query()
    is_new = st.session_state.get(state.PAGE) != title
    st.session_state[state.PAGE] = title
    if is_new:
        st.session_state.pop(state.DRAWER, None)  # a dialog of the last page is closed
    params = state.open_params()
    params.begin()
    if streamlit_internals.take_history_navigation():
        _restore(params, query)
    elif is_new:
        _read_link(params, query)
    if is_new:
        for key, value in st.session_state.get(state.PICKED, {}).items():
            state.put(key, value)
    read_saved()
    if st.session_state.get("words") is not None:  # a parameter of all pages
        state.put("words", st.session_state["words"])
    _apply_aliases(query, is_new)
    st.session_state[state.WAITING] = set()


def _read_link(params: state.PageParams, query: Mapping[str, list[str]]) -> None:
    """Apply the values of a link. They take precedence over those of the session, except for the values of the pickers.

    Links inside the app name the pickers' values as well, so that they can be opened in a new tab, but a sample may
    have been chosen since they were drawn.
    """
    picked = st.session_state.get(state.PICKED, {})
    link = {key: texts for key, texts in params.link.items() if key not in st.session_state}
    for key, texts in query.items():
        if key in LINKED or key in _HANDLED:
            continue
        if key in st.session_state:
            if key in picked or key in SAVED:
                if key == PIN:
                    link[key] = texts
                continue
            del st.session_state[key]
        link[key] = texts
    params.link = link


def _restore(params: state.PageParams, query: Mapping[str, list[str]]) -> None:
    """Restore the page under the address that Back or Forward leads to.

    Saved cohorts and the pin stay as they are. An address that names no model, data or sample leaves the pickers, too.
    """
    link = {
        key: list(texts)
        for key, texts in query.items()
        if key not in (*SAVED, *_HANDLED) and not key.startswith("_")
    }
    for key in link:
        st.session_state.pop(key, None)
    if {MODEL.key, DATA.key, SAMPLE.key} & {*link}:
        for key in st.session_state.pop(state.PICKED, {}):
            st.session_state.pop(key, None)
        # An address leaves out the default model, which may not be the one that was picked last.
        model = link.setdefault(MODEL.key, [models()[0]])[-1]
        if model in models():
            link.setdefault(DATA.key, [own_data(model)])
    params.link = link


def _apply_aliases(query: Mapping[str, list[str]], is_new: bool) -> None:
    """Set the parameters that a link names by one of `LINKED`.

    The browser may send the address of a link again before it has got the new one: a value counts once.
    """
    before = {} if is_new else st.session_state.get(_ALIASES, {})
    aliases = {alias: query[alias][-1] for alias in LINKED if query.get(alias)}
    for alias, value in aliases.items():
        if before.get(alias) != value:
            state.put(LINKED[alias], value)
    st.session_state[_ALIASES] = aliases


def drop_invalid(rules: Mapping[str, ParamRule]) -> None:
    """Remove invalid values from the link and add a notice for each parameter.

    Args:
        rules: by parameter.
    """
    link = state.open_params().link
    texts = {key: link[key] for key in rules if key in link and key not in st.session_state}
    problems = validate(texts, rules)
    for problem in problems.values():
        state.notice(problem.message)
    state.drop_link({key: problem.valid for key, problem in problems.items()})


def drop_unknown(known: Iterable[str]) -> None:
    """Remove parameters from the link that neither the frame nor this page has, and names them in one notice."""
    allowed = {*known, *st.session_state}
    link = state.open_params().link
    unknown = [key for key in link if key not in allowed and not key.startswith(FREE)]
    if not unknown:
        return
    names = text.quote_names([key[:80] for key in unknown[: state.MAX_NOTICES]])
    if len(unknown) > state.MAX_NOTICES:
        names += f" and {len(unknown) - state.MAX_NOTICES:,} more"
    if len(unknown) > 1:
        words = "this page has no such settings, or not for this model. They are ignored."
    else:
        words = "this page has no such setting, or not for this model. It is ignored."
    state.notice(f"In the link, {names}: {words}")
    state.drop_link(dict.fromkeys(unknown, ()))


T = TypeVar("T")
COHORTS, PIN = "cohort", "pin"
SAVED = (COHORTS, PIN)


def read_saved() -> None:
    """Take cohorts from the link with which a session begins, and a pin from any link.

    Values that do not fit are named in a notice and ignored.
    """
    if get(COHORTS) is None:
        texts = state.pop_linked(COHORTS) or []
        if len(texts) > cohort_filters.MAX_SAVED:
            notice(
                f"In the link, `{COHORTS}`: {len(texts)} cohorts are named, and the first "
                f"{cohort_filters.MAX_SAVED} are "
                "kept."
            )
            texts = texts[: cohort_filters.MAX_SAVED]
        fitting = _parse(COHORTS, cohort_filters.parse_saved, texts, "It is ignored.")
        by_name = {cohort.name: cohort for cohort in fitting}
        put(COHORTS, list(by_name.values()) or None)
    texts = state.open_params().link.pop(PIN, [])
    pins = _parse(PIN, parse_pin, [text for text in texts[-1:] if text], "Nothing is pinned.")
    put(PIN, pins[0] if pins else get(PIN))
    put(COHORTS, get(COHORTS))


def _parse(key: str, parse: Callable[[str], T], written: list[str], fallback_text: str) -> list[T]:
    """Return the values of a parameter that can be parsed. Add a notice for each of the others."""
    values = []
    for value in written:
        try:
            values.append(parse(value))
        except QFusionError as error:
            notice(f"In the link, `{key}`: {error} {fallback_text}")
    return values


def saved_cohorts() -> list[cohort_filters.Cohort]:
    """Return the cohorts that the reader has saved."""
    return list(get(COHORTS) or [])


def save_cohort(cohort: cohort_filters.Cohort) -> None:
    """Save a cohort in place of one of the same name.

    Raises:
        InvalidInput: when as many are saved as an address can hold.
    """
    others = [other for other in saved_cohorts() if other.name != cohort.name]
    check(
        len(others) < cohort_filters.MAX_SAVED,
        f"{cohort_filters.MAX_SAVED} cohorts are saved, as many as an address holds. Delete one first.",
    )
    put(COHORTS, [*others, cohort])


def delete_cohort(name: str) -> None:
    """Delete a saved cohort."""
    put(COHORTS, [cohort for cohort in saved_cohorts() if cohort.name != name] or None)
