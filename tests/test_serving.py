"""The app in deployment: container (unprivileged, read-only but one folder), login, path prefix, proxy with a
password."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from qfusion.ui import gate, permissions
from scripts import contained
from scripts.contained import COMMAND, ENV, said
from scripts.visitor import Visitor
from tests.support import oidc
from tests.support.served_app import MARK, Place, file, served

ROOT = Path(__file__).resolve().parents[1]


def test_container_is_not_root_and_downloads_nothing() -> None:
    assert said("USER") == ["10001:10001"]
    assert said("EXPOSE") == ["8501"]
    assert said("VOLUME") == ["/data"]
    assert not said("ADD")
    assert "slim" in said("FROM")[0]
    assert all((ROOT / name).exists() for line in said("COPY") for name in line.split()[:-1])
    # Python's packages by hash, but for a CPU build of torch that its builder asks for
    installs = re.findall("pip install [^;&]*", said("RUN")[0])
    assert [words for words in installs if "--require-hashes" not in words] == [
        words
        for words in installs
        if '--index-url "$TORCH_INDEX"' in words and "--no-deps" in words
    ]
    assert sum("--require-hashes -r requirements" in words for words in installs) == 2
    assert COMMAND == ["python", "-m", "qfusion", "app", "--address", "0.0.0.0"]
    ours = {name for name in ENV if name.startswith("QFUSION_")}
    sources = ("qfusion/_user_folders.py", "qfusion/_files.py", "qfusion/data/files.py")
    known = "".join((ROOT / name).read_text() for name in sources)
    assert all(name in known for name in ours)
    assert all(
        value.startswith("/data/")
        for name, value in ENV.items()
        if name in ours or name.endswith("DIR")
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One of them for all tests."""
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


def test_pages_need_a_login(place: Place) -> None:
    for page in ("", "train", "data", "samples", "glossary"):
        with Visitor(place.server.url) as visitor:
            seen = visitor.open(page)
            assert [each.label for each in seen.of("button")] == ["Log in"]
            assert {each.WhichOneof("type") for each in seen.elements.values()} <= {
                "markdown",
                "heading",
                "button",
                "html",
            }
            assert "requires a login" in seen.words()
    with Visitor(place.server.url) as visitor:  # nor is anything taken
        session = visitor.open("data").session
        asked = urllib.request.Request(
            f"{place.server.url}/_stcore/upload_file/{session}/1", b"x", method="PUT"
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        assert (refused.value.code, refused.value.read()) == (
            403,
            b"Uploads are accepted only after a page was opened.",
        )


def test_proxy_needs_its_password(place: Place) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{place.proxied}/lab/", timeout=10)
    with pytest.raises(InvalidStatus, match="401"), Visitor(f"{place.proxied}/lab") as visitor:
        visitor.open()


def test_logged_in_reader_is_remote_and_reads_below_the_path(place: Place) -> None:
    assert b'<div id="root">' in place.get("/lab/")
    place.get("/lab/_stcore/health")  # the cookie against forged requests
    with place.visitor() as visitor:
        seen = visitor.open("train")
        assert [each.label for each in seen.of("button")] == ["Log in"]
        seen = visitor.set("_login-", True)
        assert seen.redirect.startswith("/lab/auth/login?provider=")
    assert b'<div id="root">' in place.get(seen.redirect)  # to the provider and back
    with place.visitor() as visitor:
        seen = visitor.open("train")
        assert not seen.exceptions
        assert f"Logged in: {oidc.USER['name']}" in seen.words()
        assert permissions.TRAIN in seen.words()
        assert "Start" not in [each.label for each in seen.of("button")]
        assert visitor.go("data").words().count(permissions.VARIABLE) == 1
        assert len(visitor.go("glossary").elements) > 100
    with Visitor(place.server.url) as other:  # somebody else still has to
        assert [each.label for each in other.open("train").of("button")] == ["Log in"]


def test_uploads_per_session_are_limited(place: Place) -> None:
    with place.visitor() as visitor:
        at = f"/lab/_stcore/upload_file/{visitor.open('glossary').session}"
        assert place.send(f"{at}/1", file(600_000))[0] == 204
        status, words = place.send(f"{at}/2", file(600_000))
        assert status == 413
        assert words == (
            "0.6 MB more do not fit into the 1 megabytes of uploads that one session holds (0.6 are "
            "there). Remove files from the page, or have QFUSION_UPLOADS_MB raised."
        )
        assert place.send(f"{at}/2", file(300_000))[0] == 204
        assert place.send(f"{at}/3", iter([file(10)]))[0] == 411
        assert place.send("/lab/_stcore/upload_file/somebody-else/1", file(10))[0] == 403


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ([(b"content-length", b"1")], 403),  # of nobody who is in
        ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 411),
        ([], 411),
    ],
)
def test_uploads_need_a_content_length(named: list[tuple[bytes, bytes]], status: int) -> None:
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/_stcore/upload_file/somebody/1",
        "headers": named,
    }
    asyncio.run(gate.Guard(None)(scope, None, send))  # type: ignore[arg-type]
    assert answers[0]["status"] == status


def test_excess_connection_waits_and_is_admitted(place: Place) -> None:
    with place.visitor() as first, place.visitor() as second, place.visitor() as third:
        for visitor in (first, second):
            assert len(visitor.open("glossary").elements) > 100
        seen = third.open("glossary")
        assert "This server is full" in [each.body for each in seen.of("heading")]
        assert len(seen.elements) < 10
        assert len(second.go("glossary").elements) > 100  # who is in goes on
        first.close()
        until = time.monotonic() + 10
        while len(third.go("glossary").elements) < 100 and time.monotonic() < until:
            time.sleep(0.1)
        assert len(third.seen.elements) > 100


def test_waiting_connections_are_limited(place: Place) -> None:
    with contextlib.ExitStack() as stack:
        address = place.server.url.replace("http", "ws", 1) + "/_stcore/stream"
        time.sleep(0.3)  # those of the last test have gone
        for _ in range(2 + gate.WAITING):
            stack.enter_context(connect(address))
        with pytest.raises(InvalidStatus, match="403"):
            connect(address)


def test_log_contains_no_secret_and_the_process_is_unprivileged(place: Place) -> None:
    log = place.server.log.read_text()
    assert "Traceback" not in log
    assert len(place.provider.issued) >= 3
    for secret in [
        MARK.decode(),
        "secret-name",
        *place.provider.issued,
        oidc.SECRET,
        "c" * 40,
        oidc.USER["email"],
        *(str(each.value) for each in place.cookies if "user" in each.name),
    ]:
        assert secret not in log
    if contained.can_seal():
        assert (
            Path(f"/proc/{place.server.pid}/status").read_text().split("Uid:")[1].split()[0]
            == "65534"
        )
