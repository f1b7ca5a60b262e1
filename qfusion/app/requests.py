"""Requests to the server: which it answers, at which addresses, and who may log in, bring files, train and delete.

Nothing here is slow to import: the server answers first.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import threading
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.errors import StreamlitAuthError

from plotly_live.scripts import script_text
from qfusion import _read_only, plugin
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.app import streamlit_internals
from qfusion.app.streamlit_internals import session_id

ALLOW_UPLOADS = "QFUSION_ALLOW_UPLOADS"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def allows_uploads() -> bool:
    """Return whether the environment variable lifts the rule for all readers.

    Raises:
        InvalidInput: when it is neither 1 nor 0.
    """
    value = os.environ.get(ALLOW_UPLOADS) or "0"
    check(value in ("0", "1"), f"{ALLOW_UPLOADS} must be 1 or 0, but is {value[:40]!r}.")
    return value == "1"


def may_write(headers: Mapping[str, str]) -> bool:
    """Return whether a request with these headers may bring files, train and delete."""
    return allows_uploads() or is_local(headers)


def is_local(headers: Mapping[str, str]) -> bool:
    """Return whether a request with these headers came from the server's own machine, as far as can be determined."""
    address = st.get_option("server.address") or ""
    with contextlib.suppress(ValueError):
        called = urlsplit(f"//{headers.get('Host', '')}").hostname
        forwarded = any(name in headers for name in _FORWARDED)
        return is_loopback(address) and called in LOOPBACK and not forwarded
    return False  # a name that is none


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from its own machine alone."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


def begin_rule() -> None:
    """Make this process read-only for all readers who may not write. The server calls it when it starts."""
    _read_only.set_rule(_is_read_only)


def _is_read_only() -> bool:
    # a reader who has left has no headers; work that no page does is the server's own
    headers = st.context.headers if session_id() else {"Host": "localhost"}
    return not may_write(headers)


def says_read_only(action: str) -> bool:
    """Return whether the server is read-only for this reader. If so, say that it does not `action`."""
    if _read_only.is_read_only():
        st.info(
            f"This server is read-only and does not {action}. Run qfusion on your own machine for that.",
            icon=":material/lock:",
        )
    return _read_only.is_read_only()


class RequestChecks:
    """Middleware that refuses requests by foreign names or of foreign pages, and what a reader sends who may not write.

    Streamlit checks only websockets, and admits pages of other programs of the machine.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        problem = refusal(scope) if scope["type"] in ("http", "websocket") else ""
        if problem:
            await PlainTextResponse(problem, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def refusal(scope: Scope) -> str:
    """Return the reason for refusing a request, or an empty string if it is answered."""
    headers = Headers(scope=scope)
    host, origin = headers.get("Host", ""), headers.get("Origin")
    if not streamlit_internals.is_host_allowed(host):
        return f"This server is not called {host[:80]!r}. Start it with `qfusion app --host NAME` to add a name."
    others = st.get_option("server.corsAllowedOrigins")
    if origin is not None and origin.partition("://")[2] != host and origin not in others:
        return f"Pages of {origin[:80]!r} may not use this server, which is called {host[:80]!r}."
    reads = scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD")
    return "" if reads or may_write(headers) else "This server is read-only and takes no files."


def demands_login() -> bool:
    """Return whether readers log in: where [auth] of `.streamlit/secrets.toml` names a provider."""
    return bool(_auth())


def require_login() -> None:
    """Let the reader in, or end the page with a way to log in."""
    if demands_login() and not getattr(st.user, "is_logged_in", False):
        _ask()
        st.stop()


def draw_account() -> None:
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


def save_upload(file: Any, folder: Path, otherwise: str) -> Path:
    """Write an upload into a folder, under a name that leads nowhere else, and return where it is; `otherwise` is it
    called where nothing is left of its name."""
    name = re.sub(r"[^\w.\- ]", "_", Path(file.name.replace("\\", "/")).name)[-100:].lstrip(".")
    path = folder / (name or otherwise)
    check(not path.exists(), f"Two files are called {path.name!r}. Rename one.")
    path.write_bytes(file.getbuffer())
    return path


PLOTLY_WAITS = 350  # milliseconds


@memo(1)
def plotly_address() -> str:
    """Return the address on this server of Plotly.js, in the version that comes with the Python package."""
    return address_below(f"plotly-{distribution('plotly').version}.min.js")


def address_below(name: str) -> str:
    """An address on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/{name}"


def plotly_script() -> str:
    """Return the script that starts to load Plotly.js, for the first moment of a page.

    Nothing else is drawn for a second and more while a browser executes Plotly.js. Titles and numbers that come within
    `PLOTLY_WAITS` are drawn before; the first figure loads it at once.
    """
    return f"{script_text('load')} setTimeout(() => plotlyLiveLibrary('{plotly_address()}'), {PLOTLY_WAITS})"


FIRST_STYLES = ("app.css", "phone.css", "first.css")


def page_html() -> str:
    """Return Streamlit's page with the base of the server's addresses, a link to Plotly.js and our style added to it.
    Without the base, the page first asked below its own address, twice in vain, before anything was drawn.
    Without the style, everything moved when it came with the first run of the script.
    """
    script = f"<head><script>{plugin.asset_text('root.js')}</script>"
    plotly = f'<link rel="preload" as="script" fetchpriority="low" href="{plotly_address()}">'
    style = "".join(plugin.asset_text("theme", name) for name in FIRST_STYLES)
    page = shipped_file("streamlit", "streamlit/static/index.html").decode()
    page = page.replace("<head>", script, 1)
    page = page.replace("</head>", f"{plotly}</head>", 1)
    # at the end, so that it counts more than the rules that Streamlit's script adds to the head
    return page.replace("</body>", f"<style>{style}</style></body>", 1)


def read_plotly() -> bytes:
    """Return the script of plotly that its package ships."""
    return shipped_file("plotly", "plotly/package_data/plotly.min.js")


def shipped_file(package: str, file: str) -> bytes:
    """A file of an installed package."""
    return Path(str(distribution(package).locate_file(file))).read_bytes()


# by address, for as long as a page waits for its browser to ask for it; no result that could be made again
_awaited: WeakValueDictionary[str, threading.Event] = WeakValueDictionary()


def expect_drawing() -> tuple[str, threading.Event]:
    """Return an address, and an event that is set once the address is requested."""
    name, drawn = secrets.token_urlsafe(16), threading.Event()
    _awaited[name] = drawn
    return address_below(f"drawn/{name}"), drawn


def answer_drawn(request: Request) -> Response:
    """Answer the browser's message that the first figure is drawn."""
    if drawn := _awaited.get(request.path_params["name"]):
        drawn.set()
    return Response(status_code=204)
