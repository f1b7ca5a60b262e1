"""Streamlit's scripts, styles and fonts, sent from memory.

A fresh browser fetches about eighty of them before it draws anything. Streamlit reads each file anew in a thread for
every piece that it sends, which takes the processor that the page's first run needs.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qfusion.ui.server_addresses import address_below

# Scripts that a page asks for once its first run has begun, before it can draw what it has.
FIRST_SCRIPTS = ("Html", "Button", "ButtonGroup", "Selectbox", "PageLink", "BidiComponent")

# the name of a file holds its digest
_FOR_GOOD = {"Cache-Control": "public, immutable, max-age=31536000"}
_IMPORT = re.compile(r"""(?:from|import)\s*["`']\./([\w.-]+\.js)["`']""")


class FrontendFiles:
    """Middleware that answers requests for the files below `static` of Streamlit's page. All others are passed on."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._base = address_below("static/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = None
        if scope["type"] == "http" and scope["path"].startswith(self._base):
            path = _paths().get(scope["path"].removeprefix(self._base))
        if path is None or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        await Response(_read(path), media_type=kind, headers=_FOR_GOOD)(scope, receive, send)


@lru_cache(maxsize=1)
def preload_links() -> str:
    """Return the links by which a page has a browser fetch the `FIRST_SCRIPTS`, and what these import, at once.
    Those that the page names itself are left out.
    """
    page = (_folder().parent / "index.html").read_text()
    first = [
        name
        for wanted in FIRST_SCRIPTS
        for name in _scripts()
        if re.fullmatch(rf"{wanted}\.[\w-]+\.js", name)
    ]
    return "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">'
        for name in _with_imports(first)
        if f"/{name}" not in page
    )


def _with_imports(names: list[str]) -> list[str]:
    """Return scripts and all that they import at their start."""
    wanted = list(names)
    for name in wanted:  # which grows meanwhile
        text = _read(_scripts()[name]).decode()
        wanted += sorted(
            {other for other in _IMPORT.findall(text) if other in _scripts()} - set(wanted)
        )
    return wanted


@lru_cache(maxsize=1)
def _paths() -> Mapping[str, Path]:
    """Files by their path below `static`."""
    return {
        path.relative_to(_folder()).as_posix(): path
        for path in _folder().rglob("*")
        if path.is_file()
    }


@lru_cache(maxsize=1)
def _scripts() -> Mapping[str, Path]:
    return {path.name: path for name, path in _paths().items() if name.startswith("js/")}


@lru_cache(maxsize=1)
def _folder() -> Path:
    return Path(str(distribution("streamlit").locate_file("streamlit/static/static")))


@lru_cache(maxsize=512)
def _read(path: Path) -> bytes:
    return path.read_bytes()
