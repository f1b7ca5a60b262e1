"""The sidebar's "Copy link", and sessions saved to and loaded from a file. Drawn by the frame of every page.

The link is the address that the browser shows, in the order of its parameters, with the names of model, data and sample
also where they are the usual ones: another machine may have other models. The browser copies it by itself; a click does
not come here.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from qfusion import _assets
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.figures.recipe import ExportStyle
from qfusion.ui.bar import notes
from qfusion.ui.door import access
from qfusion.ui.frame import cache, runs, sessions, state
from qfusion.ui.frame.sessions import Session

MAX_LINK = 8_000  # characters; servers, proxies and mail programs commonly take no more
LOAD = "load"
_FILE, _OFFERED = "_session_file", "_session_offered"
_KEPT, _MINUTES = 32, 10  # sessions that wait to be opened, and for how long
_waiting: OrderedDict[str, tuple[float, Session, tuple[str, ...]]] = OrderedDict()
_lock = threading.Lock()


def draw(place: Any, pages: Mapping[str, str], made_from: Mapping[str, Mapping[str, str]]) -> None:
    """Draws the button that copies the link and the one of session files.

    Args:
        place: the container for them. pages: files by title. made_from: name and digest of the model and of the data
            that the page shows.
    """
    with place, st.container(key="share", gap="xsmall"):
        st.html(
            '<button type="button" id="qf-copy" class="qf-button">'
            '<span class="qf-label">Copy link</span></button>'
        )
        _button(dict(pages), dict(made_from))
        _output()


def _output() -> None:
    """Where the browser says what became of the click; the script is the same on every page and knows nothing of the
    reader."""
    kept: Mapping[str, str] = state.get(state.KEPT, {})
    always = (
        {key: kept[key] for key in (state.MODEL, state.DATA, state.SAMPLE) if kept.get(key)}
        if _has_pickers()
        else {}
    )
    link = json.dumps({"always": always, "longest": MAX_LINK})
    st.html(
        f'<div id="qf-link" data-link="{html.escape(link)}"><p id="qf-said" role="status" hidden></p>'
        '<input id="qf-field" type="text" readonly hidden aria-label="Link to this view" spellcheck="false"></div>'
        f"<script>{_SCRIPT}</script>",
        unsafe_allow_javascript=True,
    )


def _has_pickers() -> bool:
    return state.MODEL in st.session_state


_SCRIPT = _assets.text("share.js")


@st.fragment
def _button(pages: dict[str, str], made_from: dict[str, Mapping[str, str]]) -> None:
    """Opens the dialog; a fragment, so that the page is not drawn anew for it."""
    runs.begin()
    if (
        st.button("Session", icon=":material/save:", key="_session_open", width="stretch")
        and not runs.has_dialog()
    ):
        _dialog(pages, made_from)


@st.dialog("Session")
def _dialog(pages: dict[str, str], made_from: dict[str, Mapping[str, str]]) -> None:
    st.markdown(
        "Everything you have set, on all pages, with pins, cohorts, and names and digests of model and data; not the "
        "data."
    )
    saved = Session(
        str(state.get(state.PAGE)), state.everything(), _settings(), made_from, notes=notes.kept()
    )
    name = f"qfusion-session-{_stem(pages[saved.page]) or 'overview'}.json"
    st.download_button(
        "Save session",
        saved.text(),
        name,
        "application/json",
        on_click="ignore",
        icon=":material/save:",
        key="_save_session",
        width="stretch",
    )
    if access.says_read_only("take files"):
        return
    given = st.file_uploader("Load session", type="json", max_upload_size=1, key=_FILE)
    if given is not None:
        try:
            _offer(sessions.read(given.getvalue(), pages, _check_setting), given.file_id, pages)
        except QFusionError as error:
            st.error(text.message(error), icon=":material/error:")


def _settings() -> dict[str, Any]:
    """Settings of exported figures; not what draws them, which another machine may not have."""
    return {
        str(key): value
        for key, value in st.session_state.items()
        if str(key).startswith(sessions.PREFIX)
        and key != "figure.engine"
        and isinstance(value, str | bool | int | float)
    }


def _check_setting(key: str, value: Any) -> None:
    name, _, size = key.removeprefix(sessions.PREFIX).partition(".")
    ExportStyle.parse({name: value} | ({"size": size} if size else {}))


def _offer(session: Session, given: str, pages: Mapping[str, str]) -> None:
    """What is in a file, what of it does not fit, and the way there: a fresh session, so that nothing of this one stays
    behind."""
    said = (*session.said, *sessions.changes(session, _digest))
    count = sum(len(parameters) for parameters in session.address.values())
    st.markdown(
        f"A session saved on **{text.plain(session.page)}**, with {count} settings on {len(session.address)} "
        f"page{'s' if len(session.address) != 1 else ''}."
    )
    for words in said[: state.MAX_NOTICES]:
        st.warning(text.message(words), icon=":material/link_off:")
    token = (
        state.get(_OFFERED, ("", ""))[1]
        if state.get(_OFFERED, ("",))[0] == given
        else wait(session, said)
    )
    state.put(_OFFERED, (given, token))
    st.html(
        f'<a class="qf-button" href="./{_stem(pages[session.page])}?{LOAD}={token}">Open it instead of what you have '
        "here</a>"
    )


def _stem(file: str) -> str:
    return "" if file == "app.py" else Path(file).stem


def _digest(what: str, name: str) -> str | None:
    """Digest of a model or a data set on this machine."""
    try:
        return (
            str(cache.loaded(name).card["weights_sha256"])
            if what == "model"
            else str(cache.dataset(name).digest)
        )
    except QFusionError:
        return None


def wait(session: Session, said: tuple[str, ...] = ()) -> str:
    """Keeps a session until it is opened; returns the word to open it by, which cannot be guessed."""
    token = secrets.token_urlsafe(16)
    with _lock:
        while _waiting and (
            len(_waiting) >= _KEPT or next(iter(_waiting.values()))[0] < time.monotonic()
        ):
            _waiting.popitem(last=False)
        _waiting[token] = (time.monotonic() + 60 * _MINUTES, session, said)
    return token


def open_loaded() -> None:
    """In a session that an address begins with `load=`, puts what that file holds into the address and begins again: as
    by a link."""
    token = st.query_params.get(LOAD)
    if token is None:
        return
    with _lock:
        until, session, said = _waiting.get(token, (0.0, Session(""), ()))
    if until < time.monotonic():
        state.notice(
            "The session file that this address opens is no longer at hand. Load it again."
        )
        del st.query_params[LOAD]
        return
    for words in said:
        state.notice(words)
    for key, value in session.figure.items():
        st.session_state[key] = float(value) if key.startswith("figure.font") else value
    notes.put(session.notes)
    rest = {page: dict(parameters) for page, parameters in session.address.items()}
    here = rest.pop(session.page, {})
    state.put(state.ELSEWHERE, rest)
    st.query_params.from_dict(here)
    st.rerun()
