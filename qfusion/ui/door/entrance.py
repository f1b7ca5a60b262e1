"""Before any page: who has to log in does, and no more readers come in than there is room for."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion import _limits
from qfusion._checks import check

LOGIN = "QFUSION_LOGIN"
_log = logging.getLogger(__name__)
_AGAIN = 5.0  # seconds between two looks for room
_seats: set[str] = set()  # ids of the sessions that are in
_refused: dict[str, str] = {}  # why an upload was not taken, by session
_guard = threading.Lock()


def check_variables() -> None:
    """Raises InvalidInput when QFUSION_LOGIN is neither yes nor no, or there is nobody to log in with."""
    said = os.environ.get(LOGIN, "")
    check(said in ("", "yes", "no"), f"{LOGIN} must be yes or no, but is {said[:40]!r}.")
    check(
        said != "yes" or bool(_auth()),
        f"{LOGIN} is yes, but .streamlit/secrets.toml has no section [auth] that says with whom, or cannot be "
        "read. Add it as docs/serving.md shows, or leave the variable out.",
    )


def demands_login() -> bool:
    """Whether readers log in: wherever [auth] of `.streamlit/secrets.toml` says with whom, unless QFUSION_LOGIN=no."""
    said = os.environ.get(LOGIN, "")
    return said == "yes" or (said != "no" and bool(_auth()))


def enter() -> None:
    """Lets the reader in, or ends the page with a way to log in, or with word that the server is full."""
    if demands_login() and not getattr(st.user, "is_logged_in", False):
        _ask()
        st.stop()
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and runtime.exists() and not _seated(context.session_id):
        _wait()
        st.stop()


def is_in(session: str) -> bool:
    """Whether a session is in; who is not may upload nothing."""
    with _guard:
        return session in _seats


def refuse(session: str, words: str) -> None:
    """Keeps why an upload of a session was not taken: Streamlit shows its reader a red mark and no reason."""
    with _guard:
        if session in _seats:
            _refused[session] = words


def refusal() -> str:
    """Why this reader's last upload was not taken, once; empty when none was refused."""
    context = get_script_run_ctx(suppress_warning=True)
    with _guard:
        return _refused.pop(context.session_id, "") if context is not None else ""


def draw() -> None:
    """Who is logged in, and the way out."""
    if demands_login():
        name = next(
            (str(st.user[key]) for key in ("name", "email", "sub") if st.user.get(key)), "somebody"
        )
        st.text(f"Logged in: {name[:60]}")  # as text, never as markdown
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="_logout")


def _auth() -> Mapping[str, Any]:
    return dict(st.secrets.get("auth", {})) if st.secrets.load_if_toml_exists() else {}


def _seated(session: str) -> bool:
    with _guard:
        for each in [each for each in _seats if not runtime.get_instance().is_active_session(each)]:
            _seats.discard(each)
            _refused.pop(each, None)
        if session in _seats or len(_seats) < _limits.get("QFUSION_SESSIONS"):
            _seats.add(session)
        return session in _seats


def _ask() -> None:
    auth = _auth()
    named = [
        name for name, each in auth.items() if isinstance(each, Mapping) and "client_id" in each
    ]
    with st.container(key="box-entrance"):
        st.title("qfusion", anchor=False)
        st.markdown(
            "Multimodal models that fuse by open quantum dynamics, opened up. This server asks who you are."
        )
        for provider in (None, *named) if "client_id" in auth else named:
            words = "Log in" if provider is None else f"Log in with {provider}"
            if st.button(
                words, type="primary", icon=":material/login:", key=f"_login-{provider or ''}"
            ):
                try:
                    st.login(provider)
                except StreamlitAuthError as error:  # also where Authlib is not installed
                    _log.warning("Login is not set up: %s", error)
                    st.error("Login is not set up on this server; its log says why.")
        if not named and "client_id" not in auth:
            st.error(
                "Login is not set up on this server: [auth] of secrets.toml names nobody to log in with."
            )


def _wait() -> None:
    with st.container(key="box-entrance"):
        st.title("This server is full", anchor=False)
        st.markdown(
            "As many people read here as there is room for "
            f"({_limits.get('QFUSION_SESSIONS'):,}; every open tab counts). Keep this page open: it goes on by "
            "itself as soon as somebody leaves."
        )
    st.fragment(_look, run_every=_AGAIN)()


def _look() -> None:
    context = get_script_run_ctx()
    if context is not None and _seated(context.session_id):
        st.rerun()
