"""What the dashboard's server does beside showing pages: it loads what all of them need while the browser still starts,
and hands Plotly.js out as a file that a browser keeps.

Nothing here is slow to import: the server answers first.
"""

from __future__ import annotations

import ctypes
import gzip
import importlib
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qfusion import _assets, _limits, _read_only
from qfusion.errors import InvalidInput, QFusionError
from qfusion.ui.door import access, entrance

_FOR_GOOD = "public, max-age=31536000, immutable"  # its version is in its name
_LOADED_FIRST = ("torch", "pandas", "plotly.graph_objects", "qfusion.ui.app.overview")
_ARENAS = -8  # M_ARENA_MAX of malloc.h
_FETCHED = 60.0  # seconds that a browser has to fetch what was made for it
_loaded = threading.Event()
_loaded.set()  # unless a server has begun
_plotly: dict[str, bytes] = {}  # by encoding


@lru_cache(maxsize=1)
def plotly_address() -> str:
    """Address of Plotly.js, the one that comes with the Python package, on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/plotly-{distribution('plotly').version}.min.js"


@lru_cache(maxsize=1)
def loading() -> str:
    """The script that begins to load Plotly.js, for the first moment of a page."""
    return f"{_assets.text('plotly.js')} qfusionPlotly('{plotly_address()}')"


def routes() -> list[Route]:
    """What is answered beside Streamlit's own addresses."""
    return [Route(plotly_address(), _answer_plotly)]


def check_settings() -> None:
    """Ends the process with one line where a variable of the environment holds what it cannot."""
    try:
        _read_only.asked()
        _limits.check_variables()
        access.check_variables()
        entrance.check_variables()
    except InvalidInput as error:
        sys.exit(str(error))


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Begins to load when the server does; what it loads stays for as long as the process."""
    _read_only.begin(_read_only.asked())
    _limits.bind()
    _keep_downloads()
    _share_memory()
    _loaded.clear()
    threading.Thread(target=_load, daemon=True).start()
    yield


def _share_memory() -> None:
    """Has all threads take memory from two stocks, where glibc would keep one for each of some: every run of a page is
    a new thread, and what one has freed no other takes. With sixteen readers that is a sixth of the memory."""
    with suppress(OSError, AttributeError):  # another library than glibc
        ctypes.CDLL("libc.so.6").mallopt(_ARENAS, 2)


def _keep_downloads() -> None:
    """Keeps a file that a reader has asked for a minute. Streamlit takes it away once two pages have been drawn since,
    anybody's: with sixteen readers, one download of twenty-five was gone before it was fetched."""
    from streamlit.runtime import media_file_manager as files

    class Lasting(files.MediaFileMetadata):
        def __init__(self, kind: files.MediaFileKind = files.MediaFileKind.MEDIA):
            super().__init__(kind)
            self.until = time.monotonic() + _FETCHED

        def mark_for_delete(self) -> None:
            if time.monotonic() > self.until:
                super().mark_for_delete()

    files.MediaFileMetadata = Lasting  # type: ignore[misc]


def wait() -> None:
    """Waits until what is loaded first is: two threads should not import the same at a time."""
    _loaded.wait()


def _load() -> None:
    try:
        for name in _LOADED_FIRST:
            importlib.import_module(name)
    finally:
        _loaded.set()
    from qfusion.analysis.sample import open_work
    from qfusion.panels import address

    with suppress(QFusionError):  # the page says so
        address.default_sample(open_work(address.models()[0]))
    importlib.import_module("sklearn.metrics")  # which the first slider needs
    _plotly["gzip"] = gzip.compress(_read_plotly(), 6)


def _read_plotly() -> bytes:
    if "identity" not in _plotly:
        file = distribution("plotly").locate_file("plotly/package_data/plotly.min.js")
        _plotly["identity"] = Path(str(file)).read_bytes()
    return _plotly["identity"]


def _answer_plotly(request: Request) -> Response:
    encoding = (
        "gzip"
        if "gzip" in _plotly and "gzip" in request.headers.get("Accept-Encoding", "")
        else "identity"
    )
    headers = {
        "Cache-Control": _FOR_GOOD,
        "Vary": "Accept-Encoding",
        "Content-Encoding": encoding,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(
        _plotly[encoding] if encoding == "gzip" else _read_plotly(),
        media_type="text/javascript",
        headers=headers,
    )
