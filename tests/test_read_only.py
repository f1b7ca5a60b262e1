"""A server that others reach takes no files: who may write, what is refused, and that no request changes a file."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

from qfusion import _read_only, cli, model_export, runs
from qfusion.app import requests, server as app_server
from qfusion.data import importing, registry
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from qfusion.runs import plans
from qfusion.training import checkpoint
from scripts import serving
from tests.support import sharing

PAGES = sorted(path.stem for path in app_server.PAGES.glob("*.py"))
WRITES: dict[str, Callable[[], Any]] = {
    "train a model": lambda: runs.create_run(
        plans.make_plan("planted", "concatenation", {}), name="visitor"
    ),
    "train models": lambda: plans.start_runs(
        {"visitor": plans.make_plan("planted", "concatenation", {})}
    ),
    "stop a training": lambda: runs.Run(Path("x")).send_request("stop"),
    "delete a run": lambda: runs.Run(Path("x")).delete(),
    "start a process": lambda: plans.start_process(["-V"], Path("x.txt")),
    "import data": lambda: importing.import_set([Path("x.csv")], "x"),
    "remove data": lambda: manifest.remove_imported("x"),
    "download data": lambda: registry.download("digits"),
    "keep a model": lambda: model_export.add_to_own_models(Any, "", Any, "x"),
    "remove a model": lambda: checkpoint.remove("x"),
}


@pytest.mark.parametrize("what", WRITES)
def test_every_function_that_writes_refuses(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUNS", "MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name))
    monkeypatch.setattr(_read_only, "is_read_only", lambda: True)
    with pytest.raises(InvalidInput, match="This server is read-only: it does not "):
        WRITES[what]()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def options() -> Iterator[None]:
    """Streamlit's options as they were, afterwards."""
    names = ("server.address", "server.allowedHosts", "server.corsAllowedOrigins")
    before = {name: config.get_option(name) for name in names}
    yield
    for name, value in before.items():
        config.set_option(name, value)


@pytest.mark.usefixtures("options")
@pytest.mark.parametrize(
    ("address", "headers", "may"),
    [
        ("127.0.0.1", {"Host": "127.0.0.1:8501"}, True),
        ("localhost", {"Host": "[::1]:8501"}, True),
        ("::1", {"Host": "localhost"}, True),
        ("0.0.0.0", {"Host": "localhost"}, False),
        ("192.0.2.1", {"Host": "localhost"}, False),
        (None, {"Host": "localhost"}, False),
        ("127.0.0.1", {}, False),  # of a reader who has left
        ("127.0.0.1", {"Host": "[::1"}, False),
        ("127.0.0.1", {"Host": "qfusion.example.org"}, False),
        ("127.0.0.1", {"Host": "localhost.example.org"}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}, False),
        ("127.0.0.1", {"Host": "localhost", "Forwarded": "for=192.0.2.7"}, False),
    ],
)
def test_only_readers_of_the_same_machine_may_write(
    address: str | None, headers: dict[str, str], may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.set_option("server.address", address)
    monkeypatch.delenv(requests.ALLOW_UPLOADS, raising=False)
    assert requests.may_write(headers) is may
    monkeypatch.setenv(requests.ALLOW_UPLOADS, "1")
    assert requests.may_write(headers)


def test_invalid_value_of_the_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requests.ALLOW_UPLOADS, "perhaps")
    with pytest.raises(SystemExit, match="QFUSION_ALLOW_UPLOADS must be 1 or 0, but is 'perhaps'"):
        app_server.check_settings()


def test_command_names_the_server_and_lifts_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(app_server, "serve", given.extend)
    monkeypatch.setenv(requests.ALLOW_UPLOADS, "0")
    command = ["app", "--address", "0.0.0.0", "--host", "lab.example.org", "--theme.base", "dark"]
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(command)
    names = [
        given[place + 1] for place, word in enumerate(given) if word == "--server.allowedHosts"
    ]
    assert names == ["lab.example.org", *requests.LOOPBACK, "0.0.0.0"]
    # else Streamlit asks others for the public address of a machine that listens on all of its own
    assert given[given.index("--browser.serverAddress") + 1] == "lab.example.org"
    assert given[-2:] == ["--theme.base", "dark"]
    assert not requests.allows_uploads()
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main([*command, "--allow-uploads"])
    assert requests.allows_uploads()


@pytest.fixture
def client(options: None) -> TestClient:
    """A server of one own name and one page of others that may use it; it has no address that it answers."""
    config.set_option("server.address", "127.0.0.1")
    config.set_option("server.allowedHosts", ["localhost", "lab.example.org"])
    config.set_option("server.corsAllowedOrigins", ["https://notes.example.org"])
    return TestClient(Starlette(middleware=[Middleware(requests.RequestChecks)]))


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:8501", None, 404),
        ("localhost:8501", "http://localhost:8501", 404),
        ("lab.example.org", "https://lab.example.org", 404),  # behind a proxy with TLS
        ("lab.example.org", "https://notes.example.org", 404),
        ("evil.example", None, 403),
        ("localhost.evil.example", None, 403),
        ("", None, 403),
        ("localhost:8501", "https://evil.example", 403),
        ("localhost:8501", "http://localhost:3000", 403),  # another program of this machine
        ("localhost:8501", "null", 403),
        ("localhost:8501", "http://[::1", 403),
    ],
)
def test_requests_by_foreign_names_or_pages_are_refused(
    host: str, origin: str | None, status: int, client: TestClient
) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    assert client.get("/recordings/x", headers=headers).status_code == status


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[serving.Server, Path]]:
    """A server that listens on all addresses, and the folder of all that it could write."""
    folder = tmp_path_factory.mktemp("reached")
    own = serving.own_places(folder)
    command = (*sharing.APP, "--server.fileWatcherType", "none")
    with serving.serve(folder, own, limit=240, command=command, address="0.0.0.0") as running:
        yield running, folder


def written(folder: Path) -> list[Path]:
    """What lies in the folders of runs, models and imported sets."""
    return [
        path
        for name in ("runs", "models", "imported")
        for path in (folder / name).rglob("*")
        if path.is_file()
    ]


def answer(
    server: serving.Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, str]:
    """What the server answers to a request."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request(method, path, body=b"x" * 1000, headers=headers)
    response = connection.getresponse()
    return response.status, response.read().decode(errors="replace")


def status_of(server: serving.Server, lines: list[str]) -> int:
    """With which status a server answers a request of these lines."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(64).split()[1])


def drawn(
    server: serving.Server, page: str, pressed: tuple[str, ...] = (), **headers: str
) -> list[Any]:
    """What a page draws in a new session, once buttons of these keys were pressed."""
    asked, elements = BackMsg(), []
    asked.rerun_script.page_name = page
    for key in pressed:
        name = f"$$ID-0123456789abcdef0123456789abcdef-{key}"
        asked.rerun_script.widget_states.widgets.append(WidgetState(id=name, trigger_value=True))
    address = server.url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(address, additional_headers=headers, max_size=None, open_timeout=60) as reader:
        reader.send(asked.SerializeToString())
        message = ForwardMsg()
        while message.WhichOneof("type") != "script_finished" or message.script_finished == 2:
            message = ForwardMsg.FromString(reader.recv(120))  # type: ignore[arg-type]
            if message.HasField("delta"):
                elements.append(message.delta.new_element)
    return elements


def kinds(elements: list[Any]) -> set[str]:
    return {str(element.WhichOneof("type")) for element in elements}


BUTTONS = (
    "_start",
    "_delete",
    "_stop",
    "_keep_model",
    "_remove_set",
)


def test_no_request_changes_a_file(reached: tuple[serving.Server, Path]) -> None:
    server, folder = reached
    for page in ("", *PAGES):
        elements = drawn(server, page, BUTTONS)
        assert "exception" not in kinds(elements), page
        assert "file_uploader" not in kinds(elements), page
    for route in app_server.routes():
        path = route.path.replace("{name}", "x").replace("{stage}", "x")
        assert answer(server, path)[0] in (200, 204, 404), path
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert answer(server, path, method) == (
                403,
                "This server is read-only and takes no files.",
            )
    assert not written(folder)


def test_uploads_are_refused_in_one_sentence(
    reached: tuple[serving.Server, Path], server: serving.Server
) -> None:
    path = "/_stcore/upload_file/some/thing"
    refused = (403, "This server is read-only and takes no files.")
    assert answer(reached[0], path, "PUT") == refused
    assert answer(server, path, "PUT", **{"X-Forwarded-For": "192.0.2.7"}) == refused
    assert answer(server, path, "PUT") != refused


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [({}, False), ({"X-Forwarded-For": "192.0.2.7"}, True), ({"Forwarded": "for=_x"}, True)],
)
def test_behind_a_proxy_of_the_same_machine_pages_are_read_only(
    headers: Mapping[str, str], is_refused: bool, server: serving.Server
) -> None:
    elements = drawn(server, "data", **headers)
    words = " ".join(element.alert.body for element in elements)
    assert ("read-only and does not import data" in words) is is_refused
    assert ("file_uploader" not in kinds(elements)) is is_refused


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
def test_foreign_pages_reach_neither_routes_nor_websockets(
    headers: dict[str, str], server: serving.Server
) -> None:
    for path in ("/", "/samples", "/_stcore/health", "/knobs/x/y"):
        status, words = answer(server, path, **headers)
        assert status == 403
        assert "evil.example" in words or "localhost:3000" in words
    lines = [
        f"{name}: {value}"
        for name, value in {"Host": urlsplit(server.url).netloc, **headers}.items()
    ]
    shake = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    shake.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert status_of(server, ["GET /_stcore/stream HTTP/1.1", *lines, *shake]) == 403
