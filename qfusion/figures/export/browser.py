"""A Chrome or Chromium for figures: found, started through kaleido when the first figure asks for it, kept a while,
bounded in time."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import sys
import threading
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from qfusion.errors import DataUnavailable, QFusionError

BROWSERS = ("google-chrome", "google-chrome-stable", "chrome", "chromium", "chromium-browser")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# seconds to wait for the browser and for a figure; how long it is kept for the next one
CHROME_START, CHROME_DRAW, CHROME_IDLE = 40.0, 30.0, 120.0
CHROME_FRESH = (
    200  # drawings on one page before it is loaded again, so that what it keeps is bounded
)
# a proxy that refuses: without it, a browser waits long for its maker's hosts where the network is closed
_NOWHERE = "127.0.0.1:9"


def chrome() -> str | None:
    """The path of Chrome or Chromium; None where there is none or kaleido is not installed, and figures are drawn by
    qfusion alone."""
    return _find(os.environ.get("PATH", ""))


@lru_cache(maxsize=8)
def _find(path: str) -> str | None:
    if importlib.util.find_spec("kaleido") is None:
        return None
    found = next((place for name in BROWSERS if (place := shutil.which(name, path=path))), None)
    return found or next(
        (place for place in _MAC if sys.platform == "darwin" and os.access(place, os.X_OK)), None
    )


def _keeping() -> type[Any]:
    """kaleido's browser, that keeps its page from figure to figure: to load plotly's script again costs thrice as much
    as to draw. A drawing that fails ends the browser, see `export`."""
    import kaleido

    class Keeping(kaleido.Kaleido):
        drawn = 0

        async def _return_kaleido_tab(self, tab: Any) -> None:
            self.drawn += 1
            if self.drawn % CHROME_FRESH:
                await self.tabs_ready.put(tab)
            else:
                await super()._return_kaleido_tab(tab)

    return Keeping


class _Browser:
    """A Chrome in a thread of its own."""

    def __init__(self, path: str) -> None:
        import kaleido

        # it writes a traceback for the browser's last word
        logging.getLogger("choreographer").setLevel(logging.CRITICAL)
        self.path = path
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="qfusion-chrome").start()
        self.kaleido: Any = None
        self.started = False

        # A page without margins: to Chrome's own, kaleido's PDF would be shrunk.
        bare = kaleido.PageGenerator(mathjax=False)
        bare.header = bare.header.replace("<head>", "<head><style>@page { margin: 0 }</style>")

        async def start() -> None:
            self.kaleido = _keeping()(
                path=path,
                page_generator=bare,
                timeout=CHROME_DRAW,
                proxy_server=_NOWHERE,
                enable_extensions=False,
            )
            await self.kaleido.open()

        try:
            self.call(start(), CHROME_START)
            self.started = True
        except BaseException:
            self.stop()
            raise

    def call(self, work: Any, limit: float) -> Any:
        """What a coroutine returns in the browser's thread, within so many seconds."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(limit)

    def draw(self, figure: dict[str, Any], options: dict[str, Any]) -> bytes:
        """The figure's file, see `kaleido.calc_fig`."""
        return bytes(self.call(self.kaleido.calc_fig(figure, opts=options), CHROME_DRAW + 5))

    def stop(self) -> None:
        """Ends it, kindly if it answers."""
        process = getattr(self.kaleido, "subprocess", None)
        if self.started:
            with contextlib.suppress(Exception):
                self.call(self.kaleido.close(), 5)
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError, AttributeError):
                os.killpg(process.pid, signal.SIGKILL)
        self.loop.call_soon_threadsafe(self.loop.stop)


_LOCK = threading.Lock()
_browser: _Browser | None = None
_timer: threading.Timer | None = None


def export(figure: go.Figure, kind: str, scale: float) -> bytes:
    """The figure as kaleido gives it: an SVG, PDF or PNG.

    Raises:
        DataUnavailable: when there is no Chrome or no kaleido; names what was looked for.
        QFusionError: when Chrome does not answer, or cannot draw the figure.
    """
    global _browser, _timer
    path = chrome()
    if path is None:
        reason = (
            "kaleido is not installed"
            if importlib.util.find_spec("kaleido") is None
            else f"no Chrome or Chromium was found (looked for {', '.join(BROWSERS)})"
        )
        raise DataUnavailable(
            f"The engine 'chrome' cannot draw: {reason}. Install Debian's package `chromium` or Google Chrome and "
            "`pip install kaleido`, or choose the engine 'qfusion', which needs neither."
        )
    options = {
        "format": kind,
        "width": figure.layout.width,
        "height": figure.layout.height,
        "scale": scale,
    }
    with _LOCK:
        if _timer is not None:
            _timer.cancel()
        try:
            if _browser is None or _browser.path != path:
                _browser = _Browser(path)
            found = _browser.draw(figure.to_dict(), options)
        except Exception as error:
            _stop()
            said = (
                "did not answer in time"
                if isinstance(error, TimeoutError)
                else f"failed ({str(error)[:200]})"
            )
            raise QFusionError(
                f"{path} {said} while it drew the figure. Try again, or choose the engine 'qfusion', which needs no "
                "browser."
            ) from error
        _timer = threading.Timer(CHROME_IDLE, stop)
        _timer.daemon = True
        _timer.start()
    return found


def _stop() -> None:
    global _browser
    if _browser is not None:
        _browser.stop()
        _browser = None


@atexit.register
def stop() -> None:
    """Ends the browser that waits for the next figure, if there is one."""
    with _LOCK:
        _stop()
