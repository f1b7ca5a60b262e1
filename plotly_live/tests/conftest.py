"""An app on a server of its own, and Chromium, which a thread of its own drives: the tests of other packages in this
process may have a browser too."""

import contextlib
import inspect
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)
THREAD = ThreadPoolExecutor(1, thread_name_prefix="browser")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a test of the browser in the thread that drives it."""
    if pyfuncitem.get_closest_marker("browser") is None:
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    THREAD.submit(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}).result()
    return True


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running app of these tests, app.py."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
    words = [word for name, value in options.items() for word in (f"--server.{name}", str(value))]
    words += ["--browser.gatherUsageStats", "false"]
    log = tmp_path_factory.mktemp("app") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(HERE / "app.py"), *words],
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            stdout=out,
            stderr=out,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield url
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; skipped without one unless QFUSION_DEMAND_BROWSER=1, which makes that a failure."""
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if path is None:
        assert os.environ.get("QFUSION_DEMAND_BROWSER") != "1", "no Chromium on this machine"
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    driver = THREAD.submit(sync_playwright().start).result()
    launched = THREAD.submit(
        driver.chromium.launch, executable_path=path, args=list(FLAGS)
    ).result()
    yield launched
    THREAD.submit(launched.close).result()
    THREAD.submit(driver.stop).result()


@pytest.fixture
def visit(browser: Any, app: str) -> Iterator[Callable[[str], Any]]:
    """Opens a scene of app.py in a new page and waits until its figures are drawn. The test fails if the browser
    complains."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def visit(scene: str, width: int = 1200) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 1000})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.goto(f"{app}/?scene={scene}")
        page.wait_for_selector(".plotly-live .main-svg")
        settle(page)
        return page

    yield visit
    for context in contexts:
        THREAD.submit(context.close).result()
    assert complaints == []


def settle(page: Any) -> None:
    """Waits until the script has run and the figures are drawn."""
    page.wait_for_timeout(100)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("() => !document.querySelector('.plotly-live[aria-busy]')")
    page.wait_for_timeout(100)
