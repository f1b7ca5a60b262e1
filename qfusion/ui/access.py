"""Who may use the server: everybody, or who has logged in where `.streamlit/secrets.toml` names a provider."""

import logging
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError


def demands_login() -> bool:
    """Return whether readers log in: where [auth] of `.streamlit/secrets.toml` names a provider."""
    return bool(_auth())


def enter() -> None:
    """Let the reader in, or end the page with a way to log in."""
    if demands_login() and not getattr(st.user, "is_logged_in", False):
        _ask()
        st.stop()


def account() -> None:
    """Draw the name of the logged-in reader and the button to log out."""
    if demands_login():
        name = next(
            (str(st.user[key]) for key in ("name", "email", "sub") if st.user.get(key)), "somebody"
        )
        st.text(f"Logged in: {name[:60]}")  # as text, never as markdown
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="_logout")


def _auth() -> Mapping[str, Any]:
    return dict(st.secrets.get("auth", {})) if st.secrets.load_if_toml_exists() else {}


def _ask() -> None:
    settings = _auth()
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
