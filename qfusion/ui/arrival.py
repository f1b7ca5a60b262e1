"""The start of a run: a page that opens reads its link, or goes back to the address that Back or Forward leads to.

What a link says that does not fit is named in a notice and ignored; the rest applies.
"""

from collections.abc import Iterable, Mapping

import streamlit as st

from qfusion.analysis import text
from qfusion.ui import page_params, saved, state, streamlit_internals
from qfusion.views.pages.address import DATA, FREE, LINKED, MODEL, SAMPLE, models, own_data
from qfusion.views.pages.params import ParamRule, validate

_ALIASES = "_aliases"
_HANDLED = ("tour",)  # read by `guided_tour`


def arrive(title: str) -> None:
    """Begin a run of a page.

    A page that is new in the session reads its link. The values that the pickers had on the last page stay, unless the
    link names others by one of `LINKED`.

    Args:
        title: of the page.
    """
    query = page_params.query()
    is_new = st.session_state.get(page_params.PAGE) != title
    st.session_state[page_params.PAGE] = title
    if is_new:
        st.session_state.pop(state.DRAWER, None)  # a dialog of the last page is closed
    params = page_params.open_params()
    params.begin()
    if streamlit_internals.take_history_navigation():
        _restore(params, query)
    elif is_new:
        _read_link(params, query)
    if is_new:
        for key, value in st.session_state.get(page_params.PICKED, {}).items():
            state.put(key, value)
    saved.arrive()
    if st.session_state.get("words") is not None:  # a parameter of all pages
        state.put("words", st.session_state["words"])
    _apply_aliases(query, is_new)
    st.session_state[state.WAITING] = set()


def _read_link(params: page_params.PageParams, query: Mapping[str, list[str]]) -> None:
    """Apply the values of a link. They take precedence over those of the session, except for the values of the pickers.

    Links inside the app name the pickers' values as well, so that they can be opened in a new tab, but a sample may
    have been chosen since they were drawn.
    """
    picked = st.session_state.get(page_params.PICKED, {})
    link = {key: texts for key, texts in params.link.items() if key not in st.session_state}
    for key, texts in query.items():
        if key in LINKED or key in _HANDLED:
            continue
        if key in st.session_state:
            if key in picked or key in saved.SAVED:
                if key == saved.PIN:
                    link[key] = texts
                continue
            del st.session_state[key]
        link[key] = texts
    params.link = link


def _restore(params: page_params.PageParams, query: Mapping[str, list[str]]) -> None:
    """Restore the page under the address that Back or Forward leads to.

    Saved cohorts and the pin stay as they are. An address that names no model, data or sample leaves the pickers, too.
    """
    link = {
        key: list(texts)
        for key, texts in query.items()
        if key not in (*saved.SAVED, *_HANDLED) and not key.startswith("_")
    }
    for key in link:
        st.session_state.pop(key, None)
    if {MODEL.key, DATA.key, SAMPLE.key} & {*link}:
        for key in st.session_state.pop(page_params.PICKED, {}):
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
    link = page_params.open_params().link
    texts = {key: link[key] for key in rules if key in link and key not in st.session_state}
    problems = validate(texts, rules)
    for problem in problems.values():
        state.notice(problem.message)
    page_params.drop_link({key: problem.valid for key, problem in problems.items()})


def drop_unknown(known: Iterable[str]) -> None:
    """Remove parameters from the link that neither the frame nor this page has, and names them in one notice."""
    allowed = {*known, *st.session_state}
    link = page_params.open_params().link
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
    page_params.drop_link(dict.fromkeys(unknown, ()))
