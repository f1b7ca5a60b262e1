"""Several servers of the dashboard behind one address: nginx keeps every reader with one server, and a server that dies
or hangs is restarted.

Runs, imported sets, models and caches lie in the same folders for all servers. Amounts that count for all readers
together are in a folder of their own (`_shared_limits.reserve`), which is removed at the end. Everything runs as the
user who began it.
"""

import argparse
import contextlib
import ctypes
import getpass
import ipaddress
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import jinja2

from qfusion import _assets, _shared_limits
from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.ui import permissions

COOKIE = "qfusion_worker"
PATIENCE = 120.0  # seconds without an answer after which a server is started anew
BEGINNING = 600.0  # the same before its first answer: many begin at once, on a busy machine
STARTS = 5  # of one server within `PATIENCE`: after that all end
_LOOK = 0.5


def serve(count: int, address: str, port: int, options: Sequence[str]) -> None:
    """Serve the dashboard by several processes until this one is stopped.

    Args:
        count: of servers. address, port: that nginx listens on, unless the options name others. options: of `streamlit
            run`, for each server.

    Raises:
        InvalidInput: when nginx is missing.
        QFusionError: when nginx ends, or a server does again and again.
    """
    check(
        shutil.which("nginx") is not None,
        "Several servers need nginx before them, which is not installed. Install it (Debian: `apt install nginx`), or "
        "leave `--workers` out.",
    )
    parser = argparse.ArgumentParser(prog="qfusion app", add_help=False, allow_abbrev=False)
    parser.add_argument("--server.port", dest="port", type=int, default=port)
    parser.add_argument("--server.address", dest="address", default=address)
    own, options = parser.parse_known_args(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="qfusion-workers-") as name:
        folder = Path(name)
        os.environ |= {
            _shared_limits.SHARED: name,
            # what one server has signed for a browser, another believes
            "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(32),
        }
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
        options = worker_options(own.address, options)
        workers = [_Worker(number, options) for number in range(count)]
        (folder / "nginx.conf").write_text(
            configuration(folder, own.address, own.port, [worker.port for worker in workers]),
            encoding="utf-8",
        )
        nginx = _begin(
            ["nginx", "-e", "stderr", "-p", name, "-c", str(folder / "nginx.conf")], group=0
        )
        print(f"\n  {count} servers at http://{_format_host(own.address)}:{own.port}\n", flush=True)
        try:
            while nginx.poll() is None:
                time.sleep(_LOOK)
                for worker in workers:
                    worker.look()
            raise QFusionError("nginx has ended; what it said stands above.")
        except KeyboardInterrupt:
            pass
        finally:
            _end([nginx, *(worker.process for worker in workers)])
            _end_group(nginx)


def worker_options(address: str, options: Sequence[str]) -> list[str]:
    """Return the options of each server: it listens on the loopback address, but readers call it as they call nginx.

    Args:
        address: that nginx listens on. options: that were asked for.
    """
    named = any(option.startswith("--server.allowedHosts") for option in options)
    if named or permissions.is_loopback(address):
        return list(options)
    return [*options, "--server.allowedHosts", "*"]


def configuration(folder: Path, address: str, port: int, ports: Sequence[int]) -> str:
    """Return the settings of nginx.

    Args:
        folder: its own. address, port: that it listens on. ports: of the servers, on the loopback address.
    """
    return jinja2.Template(
        _assets.asset_text("nginx.conf"), undefined=jinja2.StrictUndefined
    ).render(
        folder=folder,
        user=f"user {getpass.getuser()};" if os.geteuid() == 0 else "",
        listen=f"{_format_host(address)}:{port}",
        ports=ports,
        cookie=COOKIE,
        local=permissions.is_loopback(address),
    )


class _Worker:
    """One server, always at the same port."""

    def __init__(self, number: int, options: Sequence[str]):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._number, self._options, self._starts = number, options, list[float]()
        self._start()

    def _start(self) -> None:
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < PATIENCE] + [now]
        if len(self._starts) > STARTS:
            raise QFusionError(f"A server has ended {STARTS} times; what it said stands above.")
        self._due = now + BEGINNING
        self.process = _begin(
            [
                *(sys.executable, "-m", "qfusion", "app", "--port", str(self.port)),
                *("--server.headless", "true", *self._options),
            ],
            {_shared_limits.WORKER: str(self._number)},
            stdout=subprocess.DEVNULL,  # where it stands, which is of no use to readers
        )

    def look(self) -> None:
        """Start the server anew when it has ended, or does not answer."""
        if self.process.poll() is None:
            if self._answers():
                self._due = time.monotonic() + PATIENCE
            elif time.monotonic() > self._due:
                self.process.kill()
            return
        _shared_limits.release_worker(self._number)
        print(f"  A server has ended ({self.process.returncode}), and is started anew.", flush=True)
        self._start()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2)
        except urllib.error.HTTPError:  # its addresses may begin otherwise
            return True
        except OSError:
            return False
        return True


def _begin(
    command: Sequence[str],
    more: dict[str, str] | None = None,
    stdout: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that ends when this one ends, for whatever reason (Linux).

    Args:
        more: variables of its environment. group: of processes; 0 begins one of its own.
    """

    def follow() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        env={**os.environ, **(more or {})},
        process_group=group,
        preexec_fn=follow if sys.platform == "linux" else None,
    )


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the remains of an ended process. If nginx was killed, this is the part that still holds the port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _format_host(address: str) -> str:
    """Return an address as it is written before a port."""
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address
