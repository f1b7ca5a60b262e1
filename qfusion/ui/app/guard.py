"""What stands between the network and the dashboard: headers that tell a browser to be strict, and a server for
visitors that takes nothing.

A Starlette middleware; nothing here is slow to import.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from qfusion import _assets, _read_only
from qfusion.ui.frame import web

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_TAKING = ("POST", "PUT", "PATCH", "DELETE")


@lru_cache(maxsize=2)
def policy(strict: bool) -> str:
    """The content security policy: scripts are files of this server, or one of four texts that are known by their
    digests. Nothing that comes with data can run.

    Streamlit writes styles into elements, hands the scripts of components to the browser as `blob:`, and reads pictures
    as `data:`. Plotly compiles what it draws on the graphics card, which a `strict` policy does not let it.
    """
    compiling = "" if strict else " 'unsafe-eval'"
    scripts = " ".join(f"'sha256-{_digest(text)}'" for text in inline_scripts())
    return "; ".join([
        "default-src 'self'", f"script-src 'self' blob:{compiling} {scripts}",
        "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "media-src 'self' data: blob:",
        "font-src 'self' data:", "connect-src 'self' ws: wss: blob: data:", "worker-src 'self' blob:",
        "frame-src 'self' blob: data:", "object-src 'none'", "base-uri 'self'", "form-action 'self'",
        "frame-ancestors 'self'"])


def inline_scripts() -> list[str]:
    """The scripts that stand in a page as text: Streamlit's own, and those of `frame`, `share` and `figure`."""
    index = distribution("streamlit").locate_file("streamlit/static/index.html")
    own = re.findall(r"<script>(.*?)</script>", Path(str(index)).read_text(encoding="utf-8"), re.DOTALL)
    return [*own, web.loading(), _assets.text("frame.js"), _assets.text("share.js")]


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def headers() -> dict[str, str]:
    """What every answer carries."""
    return {"Content-Security-Policy": policy(_read_only.is_on()), "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()"}


class Guard:
    """Adds `headers` to every answer, and refuses what a read-only server does not take."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        more = [(name.lower().encode(), value.encode()) for name, value in headers().items()]
        if _read_only.is_on() and scope["method"] in _TAKING:
            words = b"This server is read-only: it takes no files."
            await send({"type": "http.response.start", "status": 403,
                        "headers": [*more, (b"content-type", b"text/plain; charset=utf-8"),
                                    (b"content-length", str(len(words)).encode())]})
            await send({"type": "http.response.body", "body": words})
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in more}
                kept = [each for each in message.get("headers", []) if bytes(each[0]).lower() not in known]
                message = {**message, "headers": [*kept, *more]}
            await send(message)

        await self.app(scope, receive, with_headers)
