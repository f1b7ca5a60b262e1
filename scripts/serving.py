"""Starts the app and a browser: shared by the browser tests, the benchmarks and the screenshot script."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STREAMLIT = (sys.executable, "-m", "streamlit", "run", "app.py")
# The first has no windows, and takes a tenth less of the processors for the same pages.
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
# Without these, Chromium looks its maker's hosts up at every start, and those calls hang where the network is closed.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)

# For pages of tests: nothing fades in or turns. While a page waited for its server, it was drawn sixty times a second.
STILL = """(() => {
  const still = new CSSStyleSheet();
  still.replaceSync('*, *::before, *::after { animation: none !important; transition: none !important; }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
})();"""


@dataclass(frozen=True)
class Server:
    """A running app: its address, the seconds until it answered, the file that holds what it printed, its process."""

    url: str
    seconds: float
    log: Path
    pid: int


def chromium_path() -> str | None:
    """Returns the path of the installed Chromium or Chrome, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def launch(playwright: Any, *flags: str) -> Any:
    """Returns a headless browser with a fresh profile, started with more `flags`.

    Raises:
        RuntimeError: when no Chromium is installed.
    """
    path = chromium_path()
    if path is None:
        raise RuntimeError(
            f"No browser found (looked for {', '.join(BROWSERS)}). Install Debian's package `chromium`."
        )
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])


def free_port() -> int:
    """Returns a port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident(pid: int) -> int:
    """Returns the bytes that a process holds in memory now (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def answers(url: str) -> bool:
    """Whether the app answers there."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, limit: float) -> float:
    started = time.monotonic()
    while not answers(url):
        waited = time.monotonic() - started
        if process.poll() is not None or waited > limit:
            raise RuntimeError(
                f"The app did not answer within {waited:.0f} s:\n{log.read_text()[-2000:]}"
            )
        time.sleep(0.1)
    return time.monotonic() - started


def own_places(folder: Path, *names: str) -> dict[str, str]:
    """Variables of the environment by which what the app keeps lies in `folder`: of these names, or all of it."""
    names = names or ("CACHE", "RUNS", "MODELS", "IMPORTED")
    return {f"QFUSION_{name}": str(folder / name.lower()) for name in names}


@contextlib.contextmanager
def serve(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    limit: float = 60,
    command: Sequence[str | Path] = STREAMLIT,
    place: Path = ROOT,
    address: str = "127.0.0.1",
) -> Iterator[Server]:
    """Runs the app on a free port while the block lasts.

    Args:
        folder: where the log goes.
        environment: variables set on top of the present ones.
        limit: seconds to wait for the server to answer.
        command: that starts it, without its options.
        place: the folder that it runs in.
        address: that it listens on.

    Raises:
        RuntimeError: when it does not answer in time; the message ends with what it printed.
    """
    port, log = free_port(), folder / "server.log"
    url = f"http://127.0.0.1:{port}"
    options = [
        "--server.port",
        str(port),
        "--server.address",
        address,
        "--server.headless",
        "true",
        "--server.fileWatcherType",
        "none",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *options],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            yield Server(url, _wait(process, url, log, limit), log, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
