"""A server with login and quotas under siege: what its doors cost, and how long a reader who is in waits meanwhile.

    python scripts/siege.py [--seconds 15]

Login is by a provider of OpenID Connect on this machine, a proxy with a password stands before the server, which lets
two readers in and takes a megabyte of uploads of each. Every attack is made by eight threads for so many seconds, while
one reader opens page after page. Prints a row an attack; exits with 1 when the reader's page took longer than three
seconds, or somebody got what the quotas do not give. Linux.
"""

from __future__ import annotations

import argparse
import http.client
import os
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from websockets.exceptions import InvalidStatus, WebSocketException  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from qfusion import _limits  # noqa: E402
from scripts import serving  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402
from tests.support.served_app import Place, file, served  # noqa: E402

THREADS, PAGES = 8, ("glossary", "data", "leaderboard")
PATIENCE = 3.0  # seconds that a page may take


class Attack(NamedTuple):
    """What eight threads do again and again; each time it says what came of it."""

    name: str
    once: Callable[[Place, int], str]
    allowed: frozenset[str]


def foreign_page(place: Place, number: int) -> str:
    """A page of another site opens a websocket."""
    return refused(place, origin=f"https://evil-{number}.example")


def rebound_name(place: Place, number: int) -> str:
    """A name of another site leads to this machine."""
    door = http.client.HTTPConnection(urlsplit(place.server.url).netloc, timeout=20)
    door.request("GET", "/lab/glossary", headers={"Host": f"evil-{number}.example"})
    return str(door.getresponse().status)


def unfinished_message(place: Place, number: int) -> str:
    """Somebody who has not logged in begins a message of 100 MB, and never ends it."""
    with connect(stream(place)) as door:
        door.socket.sendall(bytes([0x82, 0xFF]) + struct.pack("!Q", 100 * _limits.MIB) + bytes(4))
        with suppress(OSError):
            for _ in range(100):
                door.socket.sendall(bytes(_limits.MIB))
        try:
            door.recv(10)
        except (WebSocketException, OSError) as ended:
            return f"ended {getattr(getattr(ended, 'rcvd', None), 'code', '')}".strip()
        return "heard"


def one_reader_more(place: Place, number: int) -> str:
    """Readers who have logged in come to a server that is full."""
    with place.visitor() as visitor:
        seen = visitor.open("glossary")
        return "full" if "This server is full" in seen.words() or len(seen.elements) < 10 else "in"


def upload_without_place(place: Place, number: int) -> str:
    """Uploads for sessions that are not in."""
    return str(place.send(f"/lab/_stcore/upload_file/nobody-{number}/1", file(900_000))[0])


def refused(place: Place, **words: str) -> str:
    """The status with which a connection is refused."""
    try:
        with connect(stream(place), **words):
            return "connected"
    except InvalidStatus as error:
        return str(error.response.status_code)


def stream(place: Place) -> str:
    """Where websockets are opened."""
    return place.server.url.replace("http", "ws", 1) + "/_stcore/stream"


ATTACKS = (
    Attack("pages of other sites", foreign_page, frozenset({"403"})),
    Attack("names that lead here", rebound_name, frozenset({"421"})),
    Attack("messages without an end", unfinished_message, frozenset({"ended 1009", "ended"})),
    Attack("readers of a full server", one_reader_more, frozenset({"full"})),
    Attack(
        "uploads of nobody",
        upload_without_place,
        frozenset({"403", "ConnectionResetError", "RemoteDisconnected", "URLError"}),  # hung up
    ),
)


class Row(NamedTuple):
    """What an attack cost."""

    name: str
    answers: Counter[str]
    cpu: float  # processors
    peak: int  # bytes
    waits: list[float]  # seconds of the reader's pages


def besiege(place: Place, attack: Attack | None, reader: Visitor, seconds: float) -> Row:
    """Makes an attack, or none, while a reader goes from page to page."""
    answers, until = Counter[str](), time.monotonic() + seconds

    def again(number: int) -> None:
        while attack is not None and time.monotonic() < until:
            try:
                answers[attack.once(place, number)] += 1
            except (OSError, WebSocketException) as error:
                answers[type(error).__name__] += 1

    threads = [threading.Thread(target=again, args=(number,)) for number in range(THREADS)]
    began, cpu, waits, peak = time.monotonic(), processors(place.server.pid), list[float](), 0
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        waits.append(reader.go(PAGES[len(waits) % len(PAGES)]).seconds)
        peak = max(peak, serving.resident(place.server.pid))
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    spent = (processors(place.server.pid) - cpu) / (time.monotonic() - began)
    return Row(attack.name if attack else "none", answers, spent, peak, waits)


def processors(pid: int) -> float:
    """Seconds that a process has computed."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Besieges; returns 1 when the reader waited too long, or somebody got more than there is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=15.0)
    seconds = parser.parse_args().seconds
    wrong = False
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as place:
        place.log_in()
        with place.visitor() as reader, place.visitor() as second:
            second.open("glossary")
            reader.open("glossary")
            for page in PAGES:  # what is worked out for the first reader is not waited for again
                reader.go(page)
            for attack in (None, *ATTACKS):
                row = besiege(place, attack, reader, seconds)
                more = set(row.answers) - (attack.allowed if attack else frozenset())
                wrong |= bool(more) or max(row.waits) > PATIENCE
                said = ", ".join(f"{count:,} x {words}" for words, count in row.answers.items())
                waits = sorted(row.waits)
                print(
                    f"{row.name}: {said or '-'}; {row.cpu:.2f} processors, {row.peak / _limits.MIB:,.0f} MB; "
                    f"page {waits[len(waits) // 2]:.2f} s, at most {waits[-1]:.2f} s ({len(waits)} pages)",
                    flush=True,
                )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
