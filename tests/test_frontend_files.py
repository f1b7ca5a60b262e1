"""Streamlit's files that the server sends from memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from qfusion.ui import frontend_files, shipped_files

FOLDER = Path(str(distribution("streamlit").locate_file("streamlit/static/static")))


async def beneath(_: Request) -> PlainTextResponse:
    """What answers when the middleware does not."""
    return PlainTextResponse("beneath")


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = Starlette(
        routes=[Route("/{path:path}", beneath, methods=["GET", "POST"])],
        middleware=[Middleware(frontend_files.FrontendFiles)],
    )
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("kind", ["js", "css", "media"])
def test_files_are_sent_as_they_are_and_kept_for_good(client: TestClient, kind: str) -> None:
    path = next(path for path in sorted((FOLDER / kind).iterdir()) if path.is_file())
    reply = client.get(f"/static/{kind}/{path.name}")
    assert reply.content == path.read_bytes()
    assert "immutable" in reply.headers["cache-control"]
    head = client.head(f"/static/{kind}/{path.name}")
    assert head.headers["content-length"] == str(path.stat().st_size)


def test_scripts_have_the_type_that_modules_need(client: TestClient) -> None:
    name = next(path.name for path in (FOLDER / "js").glob("index.*.js"))
    assert "javascript" in client.get(f"/static/js/{name}").headers["content-type"]


@pytest.mark.parametrize(
    "path",
    ["/static/js/none.js", "/static/../index.html", "/static/%2e%2e/index.html", "/static/", "/"],
)
def test_other_addresses_are_passed_on(client: TestClient, path: str) -> None:
    assert client.get(path).text == "beneath"


def test_a_file_is_only_read(client: TestClient) -> None:
    name = next(path.name for path in (FOLDER / "js").glob("index.*.js"))
    assert client.post(f"/static/js/{name}").text == "beneath"


def test_a_page_names_scripts_that_exist_once(client: TestClient) -> None:
    page = shipped_files.page_html()
    names = re.findall(r'(?:href|src)="\./static/js/([^"]+)"', page)
    assert len(names) == len(set(names))
    assert all((FOLDER / "js" / name).is_file() for name in names)
    for wanted in frontend_files.FIRST_SCRIPTS:
        assert any(re.fullmatch(rf"{wanted}\.[\w-]+\.js", name) for name in names), wanted
