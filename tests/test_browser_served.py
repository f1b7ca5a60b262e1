"""Pages as they are served, in Chromium: nothing is asked in vain, also below a path and behind a proxy."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qfusion.ui import access
from scripts import serving
from tests.support.browser import settle

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[1]
NGINX = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


def asked_in_vain(page: Any, url: str, words: str) -> list[str]:
    """Opens an address as a browser does that was never there, until it shows some words; the addresses below the
    server's that were refused or missing meanwhile."""
    seen: list[tuple[int, str]] = []

    def note(answer: Any) -> None:
        seen.append((answer.status, answer.url))

    page.on("response", note)
    page.goto(url)
    page.get_by_text(words).first.wait_for()
    page.remove_listener("response", note)
    assert any("_stcore/health" in address for _, address in seen)
    return [address for status, address in seen if status >= 400]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/glossary", "Dividend"),
        ("/", "qfusion"),
        ("/leaderboard?board=planted", "Planted"),
        ("/data", "Data"),
    ],
)
def test_a_cold_page_asks_nothing_in_vain(path: str, words: str, page: Any, server: Any) -> None:
    assert not asked_in_vain(page, server.url + path, words)
    assert urlsplit(page.url).path == urlsplit(path).path


def test_from_page_to_page_and_back_the_address_is_right(page: Any, server: Any) -> None:
    page.goto(f"{server.url}/glossary")
    page.get_by_role("link", name="Data", exact=True).first.click()
    page.wait_for_url("**/data*")
    settle(page)
    page.go_back()
    page.wait_for_url("**/glossary*")
    page.reload()
    page.get_by_text("Dividend").first.wait_for()
    assert urlsplit(page.url).path == "/glossary"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server below a path, behind nginx as docs/serving.md writes it, but for its password."""
    folder, port = tmp_path_factory.mktemp("proxied"), serving.free_port()
    block = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/serving.md").read_text(), re.DOTALL)[0]
    block = re.sub(r" *auth_basic .*\n", "", block)
    command = (sys.executable, "-m", "qfusion", "app", "--server.baseUrlPath", "lab")
    own = serving.own_places(folder) | {access.PROXY: "yes"}
    with serving.serve(folder, own, limit=240, command=command, path="/lab") as server:
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        block = block.replace("127.0.0.1:8501", urlsplit(server.url).netloc)
        (folder / "nginx.conf").write_text(
            f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
            f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
            f"server {{ listen 127.0.0.1:{port};\n{block} }} }}\n"
        )
        nginx = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")])
        until = time.monotonic() + 20
        while not serving.answers(f"http://127.0.0.1:{port}/lab"):
            assert nginx.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab"
        nginx.terminate()
        nginx.wait(10)


@NGINX
@pytest.mark.parametrize(
    ("path", "words"),
    [("/glossary", "Dividend"), ("/", "qfusion"), ("/data", "Available data sets")],
)
def test_behind_the_proxy_of_the_docs_too(path: str, words: str, page: Any, proxied: str) -> None:
    assert not asked_in_vain(page, proxied + path, words)
    assert urlsplit(page.url).path == f"/lab{path}"


def test_tables_offer_no_file_of_streamlits(page: Any, server: Any) -> None:
    page.goto(f"{server.url}/data")
    table = page.locator("[data-testid=stDataFrame]").first
    table.wait_for()
    table.hover()
    tools = page.locator("[data-testid=stElementToolbar]").first
    tools.wait_for()
    assert tools.get_by_label("Fullscreen").count()
    assert not tools.get_by_label("Download as CSV").count()
