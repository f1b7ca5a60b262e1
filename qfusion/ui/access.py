"""Who may use the server, what they may do, and the queue of their long computations.

Before any page who has to log in does, and no more readers come in than there is room for.
"""

import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError

from qfusion import _limits, _shared_limits
from qfusion.ui.calculation_queue import QUEUE
from qfusion.ui.streamlit_internals import session_id

LOGIN, PROXY = "QFUSION_LOGIN", "QFUSION_PROXY"
_seats: dict[str, str] = {}  # by id of the sessions that are in, why the last upload was not taken
_guard = threading.Lock()


def demands_login() -> bool:
    """Return whether readers log in. They do if [auth] of `.streamlit/secrets.toml` names a provider, unless
    QFUSION_LOGIN=no.
    """
    login = os.environ.get(LOGIN, "")
    return login == "yes" or (login != "no" and bool(auth()))


def demands_proxy() -> bool:
    """Whether readers come through a proxy that says so (`X-Forwarded-For`): where QFUSION_PROXY is yes."""
    return os.environ.get(PROXY, "") == "yes"


def enter() -> None:
    """Let the reader in or end the page. The page ends with a way to log in, or with a message that the server is
    full.
    """
    if demands_login() and not getattr(st.user, "is_logged_in", False):
        _ask()
        st.stop()
    if session_id() and st.runtime.exists() and not _take_seat(session_id()):
        _wait()
        st.stop()


def has_seat(session: str) -> bool:
    """Whether a session is in; who is not may upload nothing."""
    return session in _seats


def refuse(session: str, words: str) -> None:
    """Store the reason why an upload of a session was refused. Streamlit shows its reader a red mark and no reason."""
    with _guard:
        if session in _seats:
            _seats[session] = words


def refusal() -> str:
    """Return the reason why this reader's last upload was refused, once, or an empty string if none was."""
    who = session_id()
    with _guard:
        words = _seats.get(who, "")
        if words:
            _seats[who] = ""
    return words


def account() -> None:
    """Draw the name of the logged-in reader and the button to log out."""
    if demands_login():
        name = next(
            (str(st.user[key]) for key in ("name", "email", "sub") if st.user.get(key)), "somebody"
        )
        st.text(f"Logged in: {name[:60]}")  # as text, never as markdown
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="_logout")


def auth() -> Mapping[str, Any]:
    """Return the login provider: [auth] of `.streamlit/secrets.toml`, or an empty mapping if there is none."""
    return dict(st.secrets.get("auth", {})) if st.secrets.load_if_toml_exists() else {}


def readers() -> int:
    """Return the number of readers that are in."""
    with _guard:
        _leave()
        return len(_seats)


def _take_seat(session: str) -> bool:
    with _guard:
        _leave()
        if session not in _seats and _shared_limits.reserve("QFUSION_SESSIONS", len(_seats), 1):
            _seats[session] = ""
        return session in _seats


def _leave() -> None:
    for entry in [seat for seat in _seats if not st.runtime.get_instance().is_active_session(seat)]:
        del _seats[entry]


def note() -> None:
    """Record this server's current sessions and computations, for the servers that run beside it."""
    with _guard:
        _leave()
        _shared_limits.reserve("QFUSION_SESSIONS", len(_seats))
    QUEUE.note()


def _ask() -> None:
    settings = auth()
    named = [
        name
        for name, entry in settings.items()
        if isinstance(entry, Mapping) and "client_id" in entry
    ]
    with st.container(key="box-entrance"):
        st.title("qfusion", anchor=False)
        st.markdown(
            "Explore multimodal models that fuse by open quantum dynamics. This server requires a login."
        )
        for provider in (None, *named) if "client_id" in settings else named:
            if st.button(
                "Log in" if provider is None else f"Log in with {provider}",
                type="primary",
                icon=":material/login:",
                key=f"_login-{provider or ''}",
            ):
                try:
                    st.login(provider)
                except StreamlitAuthError as error:  # also where Authlib is not installed
                    logging.getLogger(__name__).warning("Login is not set up: %s", error)
                    st.error("Login is not set up on this server. See its log for the reason.")
        if not named and "client_id" not in settings:
            st.error(
                "Login is not set up on this server: [auth] of secrets.toml names no provider."
            )


def _wait() -> None:
    with st.container(key="box-entrance"):
        st.title("This server is full", anchor=False)
        st.markdown(
            f"The maximum number of readers ({_limits.limit('QFUSION_SESSIONS'):,}, counting every open "
            "tab) is reached. Keep this page open: it continues as soon as somebody leaves."
        )
    st.fragment(_look, run_every=5.0)()  # seconds between two looks for room


def _look() -> None:
    if _take_seat(session_id()):
        st.rerun()
