"""What the dashboard's server does beside showing pages: it is started, loads what all pages need while the browser
still starts, hands Plotly.js out as a file that a browser keeps, and recordings piece by piece, and stands between the
network and the pages.

Nothing here is slow to import: the server answers first.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import gzip
import hashlib
import importlib
import math
import os
import re
import secrets
import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qfusion import _files, _limits
from qfusion.errors import InvalidInput, QFusionError, translate_errors
from qfusion.ui import access, origins, streamlit_internals

if TYPE_CHECKING:  # the server answers before these are loaded
    from qfusion.data.sample_content import Clip


def serve(options: Sequence[str]) -> None:
    """Serves the dashboard until the process is stopped.

    Args:
        options: of `streamlit run`, as on its command line; they count more than those of `.streamlit/config.toml`.

    Raises:
        InvalidInput: when Streamlit knows no such option, or not such a value of it.
    """
    origins.stay_here()  # also when Streamlit prints at which addresses it can be reached
    with translate_errors(
        "Streamlit does not take these options",
        "`streamlit run --help` lists them.",
        streamlit_internals.option_error(),
        why="{words}",
    ):
        # beside it stand the pages, and Streamlit's options in `.streamlit`
        script = Path(__file__).with_name("app.py").resolve()
        streamlit_internals.run_script(script, options)


# What the dashboard's server does beside showing pages: it loads what all of them need while the browser still starts,
# and hands Plotly.js out as a file that a browser keeps.
#
# Nothing here is slow to import: the server answers first.

_loaded = threading.Event()
_loaded.set()  # unless a server has begun
_gzipped: list[bytes] = []  # Plotly.js, once it is compressed


@lru_cache(maxsize=1)
def plotly_address() -> str:
    """Address of Plotly.js, the one that comes with the Python package, on this server."""
    return _below(f"plotly-{distribution('plotly').version}.min.js")


def _below(name: str) -> str:
    """An address on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/{name}"


@lru_cache(maxsize=1)
def plotly_script() -> str:
    """The script that begins to load Plotly.js, for the first moment of a page."""
    return f"{_files.asset_text('plotly.js')} qfusionPlotly('{plotly_address()}')"


def routes() -> list[Route]:
    """What is answered beside Streamlit's own addresses."""
    pages = sorted(Path(__file__).with_name("pages").glob("[!_]*.py"))
    names = ["", *(page.stem for page in pages)]
    return [
        *(Route(_below(name), _answer_page) for name in names),
        Route(plotly_address(), _answer_plotly),
        Route(_below("recordings/{name}"), _answer_recording),
        Route(_below("drawn/{name}"), _answer_drawn),
    ]


def _answer_page(_: Request) -> Response:
    return HTMLResponse(_page(), headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _page() -> str:
    """Streamlit's page, which is told where the server's addresses begin: it asked below the page's own address first,
    twice in vain, before anything of it was drawn."""
    script = f"<head><script>{_files.asset_text('root.js')}</script>"
    page = _shipped("streamlit", "streamlit/static/index.html").decode()
    return page.replace("<head>", script, 1)


def check_settings() -> None:
    """Ends the process with one line where a variable of the environment holds what it cannot."""
    try:
        _limits.wants_read_only()
        _limits.check_variables()
        access.check_variables()
    except InvalidInput as error:
        sys.exit(str(error))


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Begins to load when the server does; what it loads stays for as long as the process."""
    _limits.begin_read_only(_limits.wants_read_only())
    _limits.bind()
    origins.stay_here()
    origins.settle_names()
    _bound_messages()
    streamlit_internals.keep_downloads()
    streamlit_internals.refuse_other_types()
    streamlit_internals.silence_default_warning()
    _share_memory()
    _loaded.clear()
    threading.Thread(target=_load, daemon=True).start()
    if _limits.SHARED in os.environ:
        threading.Thread(target=_note, daemon=True).start()
    yield


def _note() -> None:
    """Tells the servers beside this one again and again what it has given."""
    while True:
        time.sleep(2.0)
        access.note()
        used = sum(_held().values()) + _arriving.total()
        _limits.fits("QFUSION_ALL_UPLOADS_MB", used, unit=_limits.MIB)


def _share_memory() -> None:
    """Has all threads take memory from two stocks, where glibc would keep one for each of some: every run of a page is
    a new thread, and what one has freed no other takes. With sixteen readers that is a sixth of the memory."""
    with suppress(OSError, AttributeError):  # another library than glibc
        ctypes.CDLL("libc.so.6").mallopt(-8, 2)  # M_ARENA_MAX of malloc.h


def _bound_messages() -> None:
    """Has a connection end as soon as its message is longer than `MESSAGE`, also one that never ends. Streamlit's own
    bound is that of what it sends: 200 MB would be kept for every connection, before any page."""
    import uvicorn

    bound = property(lambda config: MESSAGE, lambda config, size: None)
    uvicorn.Config.ws_max_size = bound


def wait() -> None:
    """Waits until what is loaded first is: two threads should not import the same at a time."""
    _loaded.wait()


def _load() -> None:
    try:
        for name in ("torch", "pandas", "plotly.graph_objects", "qfusion.ui.overview"):
            importlib.import_module(name)
    finally:
        _loaded.set()
    from qfusion.analysis.opening import open_study
    from qfusion.panels import pickers
    from qfusion.ui import reruns

    with suppress(QFusionError):  # the page says so
        reruns.shown.add(pickers.models()[0])
        pickers.default_sample(open_study(pickers.models()[0]))
    _gzipped.append(gzip.compress(_read_plotly(), 6))
    time.sleep(10)  # in which the first page is drawn
    importlib.import_module("sklearn.metrics")  # which the first slider needs


@lru_cache(maxsize=1)
def _read_plotly() -> bytes:
    return _shipped("plotly", "plotly/package_data/plotly.min.js")


def _shipped(package: str, file: str) -> bytes:
    """A file of an installed package."""
    return Path(str(distribution(package).locate_file(file))).read_bytes()


def _answer_plotly(request: Request) -> Response:
    zipped = _gzipped and "gzip" in request.headers.get("Accept-Encoding", "")
    return Response(
        _gzipped[0] if zipped else _read_plotly(),
        media_type="text/javascript",
        headers={
            # for good: its version is in its name
            "Cache-Control": "public, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
            "Content-Encoding": "gzip" if zipped else "identity",
            "X-Content-Type-Options": "nosniff",
        },
    )


# What a page shows first: a browser asks for an address of its own once it has drawn that.

_awaited: WeakValueDictionary[str, threading.Event] = WeakValueDictionary()


def expect_drawing() -> tuple[str, threading.Event]:
    """Returns an address, and what is set once it is asked for."""
    name, drawn = secrets.token_urlsafe(16), threading.Event()
    _awaited[name] = drawn
    return _below(f"drawn/{name}"), drawn


def _answer_drawn(request: Request) -> Response:
    if drawn := _awaited.get(request.path_params["name"]):
        drawn.set()
    return Response(status_code=204)


# Recordings: the address at which a browser fetches a sample's, piece by piece, from the disk.
#
# An address is given for a recording when a page of its set draws it, and cannot be guessed. What lies there is the
# file as it was joined, or, of a part of a file and of kinds that browsers do not play, a copy of that part.

_MOST = 4096  # addresses that are good at a time
_given: OrderedDict[Clip, str] = OrderedDict()  # the ends of their addresses
_guard = threading.Lock()


def clip_address(clip: Clip) -> str:
    """Returns where a browser fetches a recording, good until `_MOST` others were given since."""
    with _guard:
        name = _given.setdefault(clip, secrets.token_urlsafe(24))
        _given.move_to_end(clip)
        while len(_given) > _MOST:
            _given.popitem(last=False)
        return _below(f"recordings/{name}")


async def _answer_recording(request: Request) -> Response:
    from qfusion.data import clips, media
    from qfusion.ui import recordings

    with _guard:
        given = {name: clip for clip, name in _given.items()}
    clip = given.get(request.path_params["name"])
    if clip is None or not await asyncio.to_thread(clips.is_unchanged, clip):
        return PlainTextResponse("Open the sample's page again.", 404)
    try:
        path = await recordings.file_of(clip, request.is_disconnected)
    except QFusionError as error:
        return PlainTextResponse(str(error), 422)
    return FileResponse(
        path,
        media_type=media.TYPES[path.suffix.lower()],
        headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )


# What stands between the network and the dashboard: headers that tell a browser to be strict, and a server for
# visitors that takes nothing, or no more than it has room for.
#
# A Starlette middleware; nothing here is slow to import.

# Of a message about a page: bytes, widgets or values of one, files at once. Files themselves come otherwise.
MESSAGE, VALUES, FILES = 2 * _limits.MIB, 2000, 200
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
    """The scripts that stand in a page as text: those of the page itself, and those of `frame`, `share` and
    `figure`."""
    return [
        *re.findall(r"<script>(.*?)</script>", _page(), re.DOTALL),
        plotly_script(),
        _files.asset_text("frame.js"),
        _files.asset_text("share.js"),
    ]


def headers() -> dict[str, str]:
    """What every answer carries."""
    return {
        "Content-Security-Policy": policy(_limits.is_read_only()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
    }


_arriving: Counter[str] = Counter()  # bytes of uploads under way, by session


def _held() -> dict[str, int]:
    """Bytes of uploads that Streamlit holds in memory, by session."""
    return {
        name: sum(len(file.data) for file in list(files.values()))
        for name, files in list(
            getattr(st.runtime.get_instance().uploaded_file_mgr, "file_storage", {}).items()
        )
    }


class Guard:
    """Adds `headers` to every answer, refuses what a read-only server does not take, and counts connections and
    uploads."""

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
            await _refused(*problem)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif _limits.is_read_only() and scope["method"] not in ("GET", "HEAD"):
            await _refused(403, "This server is read-only: it takes no files.")(
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
        if self._connected >= _limits.get("QFUSION_SESSIONS") + WAITING:
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": 1013, "reason": "This server is full."})
            return

        async def sound() -> Message:
            while True:
                message = await receive()
                code = (
                    _refusal(message.get("bytes") or b"")
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
            while access.is_in(session) and (await receive()).get("more_body"):
                pass  # to its end, kept nowhere: a browser that still sends does not hear the answer
            await _refused(*problem)(scope, receive, send)
            return
        _arriving[session] += int(text)
        try:
            await self.app(scope, receive, send)
        finally:
            _arriving[session] -= int(text)
            if not _arriving[session]:
                del _arriving[session]

    def _problem(self, session: str, size: int) -> tuple[int, str] | None:
        """Why an upload is not taken, with its status."""
        if not access.is_in(session):
            return 403, "Uploads are taken from readers who have opened a page."
        held = _held()
        own, used = held.get(session, 0) + _arriving[session], sum(held.values())
        used += _arriving.total()
        fits = own + size <= _limits.get("QFUSION_UPLOADS_MB") * _limits.MIB
        if fits and _limits.fits("QFUSION_ALL_UPLOADS_MB", used, size, _limits.MIB):
            return None
        variable = "QFUSION_ALL_UPLOADS_MB" if fits else "QFUSION_UPLOADS_MB"
        return 413, (
            f"{size / _limits.MIB:,.1f} MB more do not fit into the {_limits.get(variable):,} "
            f"{_limits.LIMITS[variable].says} ({(used if fits else own) / _limits.MIB:,.1f} are there). Remove "
            f"files from the page, or have {variable} raised."
        )


def _refusal(message: bytes) -> int:
    """Of a message about a page, 0 where a browser could send it; else why the connection ends, as a code of
    websockets, or `IGNORED`. Streamlit reads messages in the thread that all readers wait for, whatever is in them."""
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


def _refused(status: int, words: str) -> Response:
    return Response(words, status, headers(), "text/plain")
