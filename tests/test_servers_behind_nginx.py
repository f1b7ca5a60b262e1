"""Several servers behind nginx: its configuration, shared limits, and a killed server."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qfusion import _shared_limits
from qfusion.errors import InvalidInput
from qfusion.ui import calculation_queue, workers
from scripts import serving
from scripts.visitor import Visitor

NGINX = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@NGINX
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_nginx_accepts_settings_and_forwards_remote_addresses(tmp_path: Path, address: str) -> None:
    place = tmp_path / "nginx.conf"
    words = workers.configuration(tmp_path, address, serving.free_port(), [8601, 8602, 8603])
    place.write_text(words)
    done = subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-p", tmp_path, "-c", place], capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    assert ("X-Forwarded-For" in words) == (address == "0.0.0.0")


def test_limits_are_shared_by_all_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_SESSIONS", "3")
    assert _shared_limits.reserve("QFUSION_SESSIONS", 2, 1)
    assert not _shared_limits.reserve("QFUSION_SESSIONS", 3, 1)
    monkeypatch.setenv(_shared_limits.SHARED, str(tmp_path))

    def fits(worker: str, taken: int, more: int = 1) -> bool:
        monkeypatch.setenv(_shared_limits.WORKER, worker)
        return _shared_limits.reserve("QFUSION_SESSIONS", taken, more)

    assert fits("0", 0)
    assert fits("1", 0)
    assert fits("1", 1)
    assert not fits("0", 1)
    assert not fits("2", 0)
    assert json.loads((tmp_path / "QFUSION_SESSIONS").read_text()) == {"0": 1, "1": 2, "2": 0}
    fits("1", 1, 0)  # one has left
    assert fits("2", 0)
    assert not fits("0", 1)
    _shared_limits.release_worker(1)  # it was killed
    assert fits("0", 1)
    (tmp_path / "QFUSION_SESSIONS").write_text("{")  # cut short: each counts alone
    assert fits("0", 2)
    assert not fits("0", 3)


def test_long_calculations_take_turns_across_servers() -> None:
    others, places = [1], list[int]()
    line = calculation_queue.Queue(
        lambda: 2, lambda busy, more: not more or busy + more + others[0] <= 2
    )

    def waits(place: int) -> None:
        places.append(place)
        others[0] = 1

    with line.turn("a", waits):
        assert not places
    others[0] = 2
    with line.turn("a", waits):
        assert places == [1]


@pytest.mark.parametrize(
    ("address", "given", "wanted"),
    [
        ("127.0.0.1", ["--theme.base", "dark"], ["--theme.base", "dark"]),
        ("0.0.0.0", [], ["--server.allowedHosts", "*"]),
        ("10.0.0.7", ["--server.allowedHosts", "lab"], ["--server.allowedHosts", "lab"]),
        ("::", ["--server.allowedHosts=lab"], ["--server.allowedHosts=lab"]),
    ],
)
def test_servers_have_the_host_names_of_nginx(
    address: str, given: list[str], wanted: list[str]
) -> None:
    assert workers.worker_options(address, given) == wanted


@NGINX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_port_is_free_after_nginx_ends(tmp_path: Path, kill: signal.Signals) -> None:
    port = serving.free_port()
    command = (sys.executable, "-m", "qfusion", "app", "--workers", "2", "--port", str(port))
    with (tmp_path / "log").open("wb") as log:
        app = subprocess.Popen(command, cwd=serving.ROOT, stdout=log, stderr=subprocess.STDOUT)
    until = time.monotonic() + 60
    try:
        while not (
            parts := [part for one in _children(app.pid, "nginx") for part in _children(one)]
        ):
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)
        os.kill(_children(app.pid, "nginx")[0], kill)
        assert app.wait(30)
    finally:
        app.kill()
    assert "nginx has ended" in (tmp_path / "log").read_text()
    assert not any(Path(f"/proc/{part}/exe").exists() for part in parts)
    with socket.create_server(("127.0.0.1", port)):
        pass


def _children(parent: int, name: str = "") -> list[int]:
    """The processes that a process has begun, with a word in their command."""
    begun = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(one) for one in begun if name in Path(f"/proc/{one}/cmdline").read_text()]


def test_missing_nginx_gives_install_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidInput, match=r"need nginx before them.*apt install nginx"):
        workers.serve(2, "127.0.0.1", 8501, ())


@NGINX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_readers_of_a_killed_server_keep_their_page(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "qfusion", "app", "--workers", "2")
    with (
        serving.serve(tmp_path, limit=240, command=command) as server,
        Visitor(server.url) as first,
        Visitor(server.url) as second,
    ):
        address = {"model": "qj-parity", "sample": "pair-0003", "H.left-right": 0.4}
        for visitor in (first, second):
            assert not visitor.open("dynamics", **address).exceptions
        cookies = [visitor.cookies[workers.COOKIE] for visitor in (first, second)]
        assert sorted(cookies) == ["0", "1"]  # the one with fewer connections is chosen
        before = first.seen.words()
        processes = _servers(server.pid)
        os.kill(processes[cookies[0]], signal.SIGKILL)
        after = first.reconnect()
        assert first.cookies[workers.COOKIE] == cookies[1]
        assert not after.exceptions
        assert after.words() == before
        assert not first.set("_next", True).exceptions
        assert first.go("data").exceptions == []
        assert first.seen.title.startswith("Data")
        # more than nginx lets pass unless it is told: the file arrives whole, at the server of its reader
        voice = "id,pitch\n" + "".join(f"s{n},{n % 7}.{'0' * 600}\n" for n in range(3217))
        labels = "id,split,label\n" + "".join(
            f"s{n},{('train', 'valid', 'test')[n % 3]},{n % 2}\n" for n in range(3217)
        )
        assert len(voice) > 1_500_000
        first.upload("_import_files", {"voice.csv": voice.encode(), "labels.csv": labels.encode()})
        assert "3,217" in first.set("Examine", True).words()
        until = time.monotonic() + 60
        while _servers(server.pid).keys() != processes.keys():
            assert time.monotonic() < until, server.log.read_text()
            time.sleep(0.5)
        assert "started anew" in server.log.read_text()
        left = [*_servers(server.pid).values()]
    assert not any(Path(f"/proc/{process}").exists() for process in left)


def _servers(parent: int) -> dict[str, int]:
    """The servers that a process has begun, by their number."""
    result = {}
    for process in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
            result |= {
                word.split("=")[1]: int(process)
                for word in words
                if word.startswith(_shared_limits.WORKER)
            }
    return result
