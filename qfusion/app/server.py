"""The dashboard's server: its start, and the addresses it answers beside Streamlit's own.

Nothing here is slow to import: the server answers first.
"""

from __future__ import annotations

import gzip
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from qfusion import _lazy, _user_folders
from qfusion._memory_cache import find_result, memo
from qfusion.app import requests, streamlit_internals
from qfusion.app.models.slider_requests import answer_knob
from qfusion.app.requests import (
    RequestChecks,
    address_below,
    answer_drawn,
    page_html,
    plotly_address,
    read_plotly,
)
from qfusion.errors import InvalidInput, QFusionError, translate_errors


def serve(options: Sequence[str]) -> None:
    """Serve the dashboard until the process is stopped.

    Args:
        options: of `streamlit run`, as on its command line; they count more than those of `.streamlit/config.toml`.

    Raises:
        InvalidInput: when Streamlit knows no such option, or not such a value of it.
    """
    with translate_errors(
        "Streamlit does not take these options",
        "`streamlit run --help` lists them.",
        streamlit_internals.option_error(),
        why="{words}",
    ):
        # beside it stand the pages, and Streamlit's options in `.streamlit`
        script = PAGES.with_name("app.py").resolve()
        streamlit_internals.run_script(script, options)


# at the top of a checkout, or in this package once it is installed
PAGES = next(
    folder / "pages"
    for folder in (Path(__file__).parent, Path(__file__).parents[2])
    if (folder / "pages").is_dir()
)

_loaded = threading.Event()
_loaded.set()  # unless a server has begun


def routes() -> list[Route]:
    """Return the routes that are answered in addition to Streamlit's own addresses."""
    pages = sorted(PAGES.glob("*.py"))
    names = ["", *(page.stem for page in pages)]
    return [
        *(Route(address_below(name), _answer_page) for name in names),
        Route(plotly_address(), _answer_plotly),
        Route(address_below("drawn/{name}"), answer_drawn),
        Route(address_below("knobs/{name}/{stage}"), answer_knob),
    ]


def middleware() -> list[Middleware]:
    """Return what every request passes before it is answered."""
    return [Middleware(RequestChecks)]


def _answer_page(request: Request) -> Response:
    if _loaded.is_set():
        from qfusion.app.page_context import open_ahead

        open_ahead(request.url.path.rsplit("/", 1)[-1], request.query_params)
    return HTMLResponse(page_html(), headers={"Cache-Control": "no-cache"})


def check_settings() -> None:
    """End the process with a one-line message if the environment variable on uploads has an invalid value."""
    try:
        requests.allows_uploads()
    except InvalidInput as error:
        sys.exit(str(error))


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Begins to load when the server does; what it loads stays for as long as the process.

    Two threads of its own do so, and follow the owner: the executor of long work is not loaded yet, and would never end
    while one of its threads follows the owner.
    """
    requests.begin_rule()
    streamlit_internals.silence_default_warning()
    _loaded.clear()
    threading.Thread(target=_load, daemon=True).start()
    if _user_folders.OWNER in os.environ:
        threading.Thread(target=_follow_owner, daemon=True).start()
    yield


OPENING = 60.0  # seconds in which a Python process opens its model
OWNER_WAIT = "QFUSION_OWNER_WAIT"  # seconds without owner and readers after which a server ends


def _follow_owner() -> None:
    """End this server when the Python process that it belongs to has ended and nobody looks at it."""
    owner = int(os.environ[_user_folders.OWNER])
    patience = float(os.environ.get(OWNER_WAIT, 60))
    alone_since: float | None = None
    while True:
        time.sleep(0.5)
        if process_runs(owner) or streamlit_internals.has_readers():
            alone_since = None
            continue
        alone_since = alone_since or time.monotonic()
        if time.monotonic() - alone_since >= patience:
            os.kill(os.getpid(), signal.SIGTERM)
            return


def process_runs(number: int) -> bool:
    """Return whether there is a process of this number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of somebody else
        return True
    return True


def wait() -> None:
    """Wait until the first imports are done. Two threads should not import the same module at the same time."""
    _loaded.wait()


def _load() -> None:
    try:
        with _lazy.without_collection():
            for name in ("torch", "pandas", "plotly.graph_objects", "qfusion.app.overview"):
                importlib.import_module(name)
            from qfusion.app import page_runs

            page_runs.prepare_process()
        if first := _first_model():
            page_runs.shown_models.add(first)  # so that its first figure comes before all else
    finally:
        _loaded.set()
    from qfusion.study.opening import open_study
    from qfusion.views.pages import address

    with suppress(QFusionError):  # the page says so
        if not first:  # else its page names a sample, and opens it
            first = address.models()[0]
            page_runs.shown_models.add(first)
            address.default_sample(open_study(first))
    _compressed_plotly()
    time.sleep(10)  # in which the first page is drawn
    importlib.import_module("sklearn.metrics")  # which the first slider needs


def _first_model() -> str:
    """Return the name of the model of the Python process that this server belongs to, once it has been written; empty
    for other servers.
    """
    from qfusion.training import checkpoint_cards

    if _user_folders.OWNER not in os.environ:
        return ""
    name, _ = checkpoint_cards.locate_card(_user_folders.opened_places()[-1])
    until = time.monotonic() + OPENING
    while name not in checkpoint_cards.available() and time.monotonic() < until:
        time.sleep(0.1)
    return name if name in checkpoint_cards.available() else ""


@memo(1)
def _compressed_plotly() -> bytes:
    return gzip.compress(read_plotly(), 6)


def _answer_plotly(request: Request) -> Response:
    takes_zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    zipped = find_result(_compressed_plotly) if takes_zipped else None
    return Response(
        zipped or read_plotly(),
        media_type="text/javascript",
        headers={
            # for good: its version is in its name
            "Cache-Control": "public, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
            "Content-Encoding": "gzip" if zipped else "identity",
            "X-Content-Type-Options": "nosniff",
        },
    )
