"""Requests are answered for allowed hosts and origins only, and the server contacts nobody."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import requests
from starlette.datastructures import Headers
from streamlit import config
from streamlit.web import bootstrap
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from qfusion import _limits, _read_only
from qfusion.errors import InvalidInput
from qfusion.ui import access, gate, origins, permissions
from scripts import serving
from scripts.visitor import Visitor
from tests.support import sharing


@dataclass
class Silent:
    """A proxy that takes connections and never answers, as a network does that swallows packets."""

    url: str
    asked: list[bytes] = field(default_factory=list)


@pytest.fixture(scope="module")
def silent() -> Iterator[Silent]:
    """The only way out of this machine for the server under test."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        found = Silent(f"http://127.0.0.1:{door.getsockname()[1]}")
        kept: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                kept.append(connection)
                found.asked.append(connection.recv(2000))

        threading.Thread(target=take, daemon=True).start()
        yield found
        for connection in kept:
            connection.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, silent: Silent) -> Iterator[serving.Server]:
    """A server on the loopback address, whose packets to others are swallowed."""
    folder = tmp_path_factory.mktemp("origins")
    out = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), silent.url)
    places = serving.own_places(folder) | {"no_proxy": "", "NO_PROXY": ""}
    with serving.serve(folder, out | places, limit=240, command=sharing.APP) as found:
        yield found


def answer(
    server: serving.Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, str]:
    """What the server answers, by whatever name it is called."""
    asked = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    asked.request(method, path, headers=headers)
    found = asked.getresponse()
    return found.status, found.read().decode(errors="replace")


def stream(server: serving.Server) -> str:
    return server.url.replace("http", "ws", 1) + "/_stcore/stream"


# ---- pages of other sites


FOREIGN = (
    "https://evil.example",
    "http://localhost:3000",  # another program of this machine
    "http://127.0.0.1",
    "https://127.0.0.1",
    "null",
    "file://",
    "http://[::1",
)


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_sites_are_refused(origin: str, running: serving.Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(stream(running), origin=origin)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    status, words = answer(running, "/_stcore/health", Origin=origin)
    assert status == 403
    assert repr(origin) in words
    assert answer(running, "/_stcore/upload_file/a/b", "PUT", Origin=origin)[0] == 403


def test_other_sites_do_not_stop_the_server(running: serving.Server, silent: Silent) -> None:
    """Streamlit looked up this machine's public address for each, and all readers waited."""

    def come(origin: str) -> None:
        with pytest.raises(InvalidStatus):
            connect(stream(running), origin=origin)  # type: ignore[arg-type]

    others = [threading.Thread(target=come, args=(origin,)) for origin in FOREIGN[:5]]
    for other in others:
        other.start()
    began = time.monotonic()
    for _ in range(20):
        assert answer(running, "/_stcore/health")[0] == 200
    assert time.monotonic() - began < 3
    for other in others:
        other.join()
    assert not silent.asked


def test_own_pages_and_programs_are_answered(running: serving.Server) -> None:
    with Visitor(running.url, headers={"Origin": running.url}) as visitor:
        assert not visitor.open("glossary").exceptions
    with Visitor(running.url) as program:  # which sends no origin
        assert not program.open("glossary").exceptions
    port = urlsplit(running.url).port
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert answer(running, "/_stcore/health", **own)[0] == 200


def test_server_starts_without_looking_up_its_public_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: None
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(requests, "get", lambda url, **_: asked.append(url))
    monkeypatch.setattr(origins.net_util, "get_external_ip", origins.net_util.get_external_ip)
    config.set_option("server.address", "0.0.0.0")
    config.set_option("server.headless", True)
    origins.stay_here()
    bootstrap._print_url(False)
    assert "Local URL" in capsys.readouterr().out
    assert not asked


# ---- names


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8501", "localhost.evil.example", ""]
)
def test_foreign_host_name_is_refused(name: str, running: serving.Server) -> None:
    for path in ("/", "/samples", "/_stcore/health", "/recordings/a"):
        status, words = answer(running, path, Host=name)
        assert status == 421
        assert "server.allowedHosts" in words
    with pytest.raises(InvalidStatus) as refused:
        connect(
            stream(running).replace("127.0.0.1", "localhost"),
            additional_headers={"Host": name},
            origin=f"http://{name}",  # type: ignore[arg-type]
        )
    assert refused.value.response.status_code in (400, 421)  # two names are no request


@pytest.fixture
def options() -> Iterator[None]:
    """Streamlit's options as they were, afterwards."""
    names = (
        "server.address",
        "server.headless",
        "server.allowedHosts",
        "server.corsAllowedOrigins",
        "server.enableCORS",
    )
    before = {name: config.get_option(name) for name in names}
    yield
    for name, value in before.items():
        config.set_option(name, value)


def status(host: str, origin: str = "", path: str = "/", **more: str) -> int:
    """With which status a request is refused; 200 where it is not."""
    headers = {"host": host, **({"origin": origin} if origin else {}), **more}
    found = origins.refusal(path, Headers(headers))
    return 200 if found is None else found[0]


@pytest.mark.parametrize(
    ("address", "named", "answered", "refused"),
    [
        (
            "127.0.0.1",
            [],
            ["localhost", "127.0.0.1:80", "[::1]:8501", "LOCALHOST."],
            ["lab.example"],
        ),
        ("127.0.0.7", [], ["127.0.0.7:8501", "localhost"], ["lab.example", "127.0.0.7.example"]),
        ("localhost", ["lab.example"], ["lab.example:8443", "localhost"], ["a.lab.example"]),
        (
            "::1",
            ["*.example.org"],
            ["a.example.org", "a.b.example.org"],
            ["example.org", "xexample.org"],
        ),
        ("0.0.0.0", [], ["lab.example", "10.0.0.1:8501", "localhost"], []),
        (
            "0.0.0.0",
            ["lab.example"],
            ["lab.example", "127.0.0.1"],
            ["10.0.0.1", "a@lab.example", "lab.example:x"],
        ),
        ("127.0.0.1", ["*"], ["lab.example", "localhost"], []),
    ],
)
@pytest.mark.usefixtures("options")
def test_allowed_host_names(
    address: str, named: list[str], answered: list[str], refused: list[str]
) -> None:
    config.set_option("server.address", address)
    config.set_option("server.allowedHosts", named)
    origins.settle_names()
    assert [status(name) for name in answered] == [200] * len(answered)
    assert [status(name) for name in refused] == [421] * len(refused)


@pytest.mark.usefixtures("options")
def test_login_redirect_is_an_allowed_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        access, "auth", lambda: {"redirect_uri": "https://lab.example.org/lab/oauth2callback"}
    )
    config.set_option("server.address", "127.0.0.1")
    config.set_option("server.allowedHosts", [])
    origins.settle_names()
    assert status("lab.example.org", "https://lab.example.org") == 200
    assert status("example.org") == 421


@pytest.mark.parametrize(
    ("host", "origin", "wanted"),
    [
        ("lab.example", "https://lab.example", 200),  # TLS ends at a proxy
        ("lab.example", "https://lab.example:443", 200),
        ("lab.example:80", "http://lab.example", 200),
        ("lab.example:8443", "https://lab.example:8443", 200),
        ("LAB.example", "https://lab.example", 200),
        ("[::1]:8501", "http://[::1]:8501", 200),
        ("lab.example", "https://lab.example:8443", 403),  # the proxy left its port out
        ("lab.example:8501", "http://lab.example:8502", 403),
        ("lab.example", "https://other.example", 403),
        ("lab.example", "https://lab.example.evil", 403),
        ("lab.example", "https://evil@lab.example", 403),
        ("lab.example", "https://lab.example:99999", 403),
    ],
)
@pytest.mark.usefixtures("options")
def test_allowed_origins(host: str, origin: str, wanted: int) -> None:
    config.set_option("server.allowedHosts", [])
    assert status(host, origin) == wanted


@pytest.mark.usefixtures("options")
def test_configured_origins_are_allowed() -> None:
    config.set_option("server.allowedHosts", [])
    config.set_option("server.corsAllowedOrigins", ["https://a.example", "http://localhost:3000"])
    assert status("lab.example", "https://a.example") == 200
    assert status("localhost:8501", "http://localhost:3000") == 200
    assert status("localhost:8501", "http://localhost:3001") == 403
    assert status("lab.example", "http://a.example") == 403
    config.set_option("server.enableCORS", False)
    assert status("lab.example", "https://b.example") == 200


# ---- what else is closed


def test_metrics_endpoint_is_closed(running: serving.Server) -> None:
    for path in ("/_stcore/metrics", "/_stcore/metrics/", "/_stcore/metrics?families=x"):
        found, words = answer(running, path)
        assert found == 404
        assert "session" not in words
    assert origins.refusal("/lab/_stcore/metrics", Headers({"host": "localhost"}))


@pytest.mark.usefixtures("options")
def test_proxy_without_forwarded_headers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.set_option("server.allowedHosts", [])
    assert status("localhost") == 200
    monkeypatch.setenv(access.PROXY, "yes")
    for path in ("/", "/samples", "/_stcore/stream", "/_stcore/upload_file/a/b"):
        assert status("localhost", path=path) == 403
        assert status("localhost", path=path, **{"x-forwarded-for": "192.0.2.7"}) == 200
    assert (
        status("localhost", path="/lab/_stcore/health") == 200
    )  # which watchers of the machine ask
    monkeypatch.setenv(access.PROXY, "perhaps")
    with pytest.raises(InvalidInput, match="QFUSION_PROXY must be yes or no, but is 'perhaps'"):
        permissions.check_variables()


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PROPFIND", "TRACE"])
def test_read_only_server_accepts_get_and_head_only(method: str) -> None:
    import asyncio

    answers: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        answers.append(message)

    _read_only.begin_read_only()
    try:
        scope = {"type": "http", "method": method, "path": "/_stcore/health", "headers": []}
        asyncio.run(gate.Guard(None)(scope, None, send))  # type: ignore[arg-type]
    finally:
        _read_only.begin_read_only(False)
    assert answers[0]["status"] == 403


# ---- messages that do not end


def frame(code: int, size: int, last: bool) -> bytes:
    """The head of a websocket's frame, masked by zeros."""
    return bytes([code | (0x80 if last else 0), 0x80 | 127]) + struct.pack("!Q", size) + bytes(4)


UNFINISHED = {
    "one frame that claims 100 MB": [frame(2, 100 * _limits.MIB, True), bytes(2000)],
    "text that goes on": [frame(1, _limits.MIB, False), bytes(_limits.MIB)]
    + [frame(0, _limits.MIB, False), bytes(_limits.MIB)] * 2,
    "parts that never end": [frame(2, 500_000, False), bytes(500_000)]
    + [frame(0, 500_000, False), bytes(500_000)] * 5,
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_oversized_message_ends_its_connection(kind: str, running: serving.Server) -> None:
    with connect(stream(running)) as reader:
        for part in UNFINISHED[kind]:
            reader.socket.sendall(part)
        with pytest.raises(ConnectionClosed) as ended:
            reader.recv(10)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1009


def test_message_of_maximal_size_is_accepted(running: serving.Server) -> None:
    def is_heard() -> bool:
        with connect(stream(running)) as reader:
            reader.send(bytes(gate.MESSAGE))
            return reader.ping().wait(20)

    # a busy machine may miss the server's own pings, by which it closes a connection that was heard
    assert any(is_heard() for _ in range(3))
