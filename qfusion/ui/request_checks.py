"""Which requests the server answers: those by one of its own names, from its own pages.

A browser says by which name it calls (the header `Host`) and whose page asks (`Origin`). A page of another site can
have its own name lead to this machine, or open a websocket to it.
"""

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from qfusion.ui import permissions, streamlit_internals


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
    return (
        ""
        if reads or permissions.may_write(headers)
        else "This server is read-only and takes no files."
    )
