"""The gate between the network and the dashboard: strict headers, and limits on what visitors may send."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections import Counter
from functools import lru_cache

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qfusion import _assets, _limits, _read_only, _shared_limits
from qfusion.ui import access, origins, streamlit_internals
from qfusion.ui.server_addresses import plotly_script
from qfusion.ui.shipped_files import page_html

# Of a message about a page: bytes, widgets or values of one, files at once. Files themselves come otherwise.
MESSAGE = 2 * _limits.MIB  # bytes
VALUES = 2000
FILES = 200
ASKED = (
    "rerun_script",
    "stop_script",
    "app_heartbeat",
    "backend_operation_request",
    "file_urls_request",
)
IGNORED = -1
WAITING = 32  # connections beyond the readers that are in: those who wait for room, or log in


@lru_cache(maxsize=2)
def policy(strict: bool) -> str:
    """The content security policy: scripts are files of this server, or one of five texts that are known by their
    digests. Nothing that comes with data can run.

    Streamlit writes styles into elements, hands the scripts of components to the browser as `blob:`, and reads pictures
    as `data:`. Plotly compiles what it draws on the graphics card, which a `strict` policy does not let it.
    """
    compiling = "" if strict else " 'unsafe-eval'"
    scripts = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in inline_scripts()
    )
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' blob:{compiling} {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' ws: wss: blob: data:",
            "worker-src 'self' blob:",
            "frame-src 'self' blob: data:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


def inline_scripts() -> list[str]:
    """Return the scripts that a page contains as text: those of the page itself, and those of `frame`, `share` and
    `figure`.
    """
    return [
        *re.findall(r"<script>(.*?)</script>", page_html(), re.DOTALL),
        plotly_script(),
        _assets.asset_text("frame.js"),
        _assets.asset_text("share.js"),
    ]


def headers() -> dict[str, str]:
    """Return the headers of every response."""
    return {
        "Content-Security-Policy": policy(_read_only.is_read_only()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
    }


arriving: Counter[str] = Counter()  # bytes of uploads under way, by session


def held_bytes() -> dict[str, int]:
    """Bytes of uploads that Streamlit holds in memory, by session."""
    return {
        name: sum(len(file.data) for file in list(files.values()))
        for name, files in list(
            getattr(st.runtime.get_instance().uploaded_file_mgr, "file_storage", {}).items()
        )
    }


class Guard:
    """Middleware that adds `headers` to every answer, refuses requests that a read-only server does not take, and
    counts connections and uploads.
    """

    def __init__(self, app: ASGIApp):
        self.app = app
        self._connected = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        problem = origins.refusal(scope["path"], Headers(scope=scope))
        if problem is not None:
            await _refusal_response(*problem)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif _read_only.is_read_only() and scope["method"] not in ("GET", "HEAD"):
            await _refusal_response(403, "This server is read-only and accepts no files.")(
                scope, receive, send
            )
        else:

            async def with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message.setdefault("headers", [])
                    MutableHeaders(scope=message).update(headers())
                await send(message)

            match = re.search(r"/_stcore/upload_file/(?P<session>[^/]*)", scope["path"])
            if match is not None and scope["method"] in ("POST", "PUT", "PATCH"):
                await self._upload(match["session"], scope, receive, with_headers)
            else:
                await self.app(scope, receive, with_headers)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes as many connections as there are readers, and some more, who are told that the server is full."""
        if self._connected >= _limits.limit("QFUSION_SESSIONS") + WAITING:
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": 1013, "reason": "This server is full."})
            return

        async def sound() -> Message:
            while True:
                message = await receive()
                code = (
                    close_code(message.get("bytes") or b"")
                    if message["type"] == "websocket.receive"
                    else 0
                )
                if code != IGNORED:
                    return {"type": "websocket.disconnect", "code": code} if code else message

        self._connected += 1
        try:
            await self.app(scope, sound, send)
        finally:
            self._connected -= 1

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes an upload that says how long it is, of a session that is in, as long as there is room for it."""
        text = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        problem = (
            self._problem(session, int(text))
            # chunks end where they end, whatever a length beside them is
            if text.isdigit()
            and len(text) < 16
            and b"transfer-encoding" not in dict(scope["headers"])
            else (411, "An upload must say how long it is (Content-Length).")
        )
        if problem is not None:
            access.refuse(session, problem[1])
            while access.has_seat(session) and (await receive()).get("more_body"):
                pass  # to its end, kept nowhere: a browser that still sends does not hear the answer
            await _refusal_response(*problem)(scope, receive, send)
            return
        arriving[session] += int(text)
        try:
            await self.app(scope, receive, send)
        finally:
            arriving[session] -= int(text)
            if not arriving[session]:
                del arriving[session]

    def _problem(self, session: str, size: int) -> tuple[int, str] | None:
        """Return the status and the reason for refusing an upload, or None if it is accepted."""
        if not access.has_seat(session):
            return 403, "Uploads are accepted only after a page was opened."
        held = held_bytes()
        own, used = held.get(session, 0) + arriving[session], sum(held.values())
        used += arriving.total()
        fits = own + size <= _limits.limit("QFUSION_UPLOADS_MB") * _limits.MIB
        if fits and _shared_limits.reserve("QFUSION_ALL_UPLOADS_MB", used, size, _limits.MIB):
            return None
        variable = "QFUSION_ALL_UPLOADS_MB" if fits else "QFUSION_UPLOADS_MB"
        return 413, (
            f"{size / _limits.MIB:,.1f} MB more do not fit into the {_limits.limit(variable):,} "
            f"{_limits.LIMITS[variable].description} ({(used if fits else own) / _limits.MIB:,.1f} are there). Remove "
            f"files from the page, or have {variable} raised."
        )


def close_code(message: bytes) -> int:
    """Return 0 if a browser could have sent this message about a page, or else the reason why the connection ends.
    The reason is a close code of websockets, or `IGNORED`. Streamlit reads messages in the thread that all readers
    wait for, whatever they contain.
    """
    if len(message) > MESSAGE:
        return 1009  # too big
    try:
        wanted = streamlit_internals.parse_message(message)
    except Exception:  # protobuf's DecodeError: Streamlit refuses such a message
        return 0
    if wanted.WhichOneof("type") not in ASKED:
        return IGNORED  # such as to empty everybody's caches, or to run git
    widgets = wanted.rerun_script.widget_states.widgets
    lists = [
        values
        for widget in widgets
        for values in (
            widget.double_array_value.data,
            widget.int_array_value.data,
            widget.string_array_value.data,
        )
    ]
    if (
        max(map(len, [widgets, *lists])) > VALUES
        or len(wanted.file_urls_request.file_names) > FILES
    ):
        return 1009
    finite = all(
        math.isfinite(number)
        for widget in widgets
        for number in (widget.double_value, *widget.double_array_value.data)
    )
    return 0 if finite else 1007  # no data of its kind


def _refusal_response(status: int, words: str) -> Response:
    return Response(words, status, headers(), "text/plain")
