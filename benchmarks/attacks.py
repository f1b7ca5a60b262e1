"""What hostile recordings, pictures and texts take from a server, and how long another reader waits meanwhile.

    python benchmarks/attacks.py [--attacks picture index ...] [--visitors 4]

The files are made from code. A server runs with a door for this program alone: `--visitors` of its threads hand it the
same file at once, as pages do for as many visitors. Beside them a reader opens the glossary again and again. Printed
are the seconds of the attack, of the processor (the server's and its processes'), the memory that they take more than
before, and how long the reader waits; first of a server that is not attacked.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from tests.support import hostile_media  # noqa: E402

PATIENCE = 300.0  # seconds after which an attack is not waited for


def picture(folder: Path) -> None:
    """A JPEG of 5,000 scans, sent as what was drawn."""
    from qfusion import data
    from qfusion.data import own_inputs, own_samples

    given = own_inputs.OwnInput("drawing", (folder / "scans.jpg").read_bytes(), ".jpg")
    own_samples.make_sample(data.load("parity"), {"left": given}, "pair-0001")


def index(folder: Path) -> None:
    """An MP4 of 599 bytes that declares 85 million samples, looked into."""
    from qfusion.data import media_probe

    media_probe.probe(folder / "index.mp4")


def timeless(folder: Path) -> None:
    """Fifteen thousand pieces of sound that all begin at 0 s, read as a recording is."""
    from qfusion.data import own_inputs

    own_inputs.read_recording(folder / "timeless.webm")


def digits(folder: Path) -> None:
    """Subtitles of 50 kB of digits."""
    from qfusion.data import timed_words

    timed_words.read_words(folder / "digits.srt")


def tiers(folder: Path) -> None:
    """A TextGrid of 800 tiers that declare the same 18,000 words."""
    from qfusion.data import timed_words

    timed_words.read_words(folder / "tiers.TextGrid")


def film(folder: Path) -> None:
    """A clip of large black pictures, of which a copy is made for the browser."""
    from qfusion.data import clip_copies
    from qfusion.data.sample_content import Clip

    clip_copies.make_copy(Clip(folder / "film.mp4", "video", 0.5, 19.0))


ATTACKS: dict[str, Callable[[Path], None]] = {
    one.__name__: one for one in (picture, index, timeless, digits, tiers, film)
}


def write_files(folder: Path) -> None:
    """Writes what the attacks need."""
    (folder / "scans.jpg").write_bytes(hostile_media.scans(5000, 2048))
    (folder / "index.mp4").write_bytes(hostile_media.index(85_000_000))
    hostile_media.timeless(folder / "timeless.webm", 15_000)
    (folder / "digits.srt").write_text("1" * 50_000)
    (folder / "tiers.TextGrid").write_text(hostile_media.tiers(800, 18_000))
    hostile_media.black(folder / "film.mp4", (3840, 2160), 600)


# The server, with a door by which threads of it are handed a file.


class Door(BaseHTTPRequestHandler):
    """Answers once all visitors have had their answer."""

    def do_GET(self) -> None:
        """Runs an attack: `/NAME?visitors=N&folder=PLACE`."""
        address = urllib.parse.urlsplit(self.path)
        given = dict(urllib.parse.parse_qsl(address.query))
        attack, folder = ATTACKS[address.path[1:]], Path(given["folder"])
        words = list[str]()

        def visit() -> None:
            try:
                attack(folder)
            except Exception as error:
                words.append(f"{type(error).__name__}: {error}")

        threads = [threading.Thread(target=visit) for _ in range(int(given["visitors"]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.send_response(200)
        self.end_headers()
        self.wfile.write((words[0] if words else "taken").encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


def serve(port: int, door: int) -> None:
    """Runs the app on a port, and the door on another."""
    from qfusion.ui import server

    doors = ThreadingHTTPServer(("127.0.0.1", door), Door)
    threading.Thread(target=doors.serve_forever, daemon=True).start()
    server.serve(["--server.port", str(port), "--server.headless", "true"])


# Who measures.


@dataclass
class Measured:
    """What was seen while something lasted."""

    waits: list[float] = field(default_factory=list)
    most: float = 0.0  # bytes
    done: threading.Event = field(default_factory=threading.Event)

    def read(self, url: str) -> None:
        """Opens a small page until it is done."""
        from scripts.visitor import Visitor

        with Visitor(url, limit=PATIENCE) as visitor:
            while not self.done.is_set() or not self.waits:
                began = time.monotonic()
                with suppress(TimeoutError):
                    visitor.open("glossary")
                self.waits.append(time.monotonic() - began)

    def watch(self, process: psutil.Process) -> None:
        """Looks at the memory of a process and its children."""
        while not self.done.wait(0.05):
            self.most = max(self.most, memory(process))


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and those that it has begun."""
    return [process, *process.children(recursive=True)]


def memory(process: psutil.Process) -> float:
    """Bytes that a process and its children take of their own."""
    total = 0.0
    for one in family(process):
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total


def spent(process: psutil.Process) -> float:
    """Seconds of the processor that a process and its children have taken, also those that have ended."""
    total = 0.0
    for one in family(process):
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(
    name: str, url: str, door: str, process: psutil.Process, folder: Path, visitors: int
) -> None:
    """Prints what an attack takes; of no attack where the name is empty."""
    seen, before, at_first = Measured(), spent(process), memory(process)
    threads = [
        threading.Thread(target=seen.read, args=(url,)),
        threading.Thread(target=seen.watch, args=(process,)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    began, words = time.monotonic(), ""
    if name:
        query = urllib.parse.urlencode({"visitors": visitors, "folder": folder})
        try:
            with urllib.request.urlopen(f"{door}/{name}?{query}", timeout=PATIENCE) as answer:
                words = answer.read().decode()
        except TimeoutError:
            words = f"not answered within {PATIENCE:g} s"
    else:
        time.sleep(10.0)
    seconds = time.monotonic() - began
    seen.done.set()
    for thread in threads:
        thread.join()
    grown = max(0.0, seen.most - at_first) / 2**20
    print(
        f"| {name or 'none'} | {seconds:.1f} | {spent(process) - before:.1f} | {grown:,.0f} | "
        f"{statistics.median(seen.waits):.2f} | {max(seen.waits):.2f} | {words[:90]} |",
        flush=True,
    )


def main() -> None:
    """Measures, or serves where it is told so."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=list(ATTACKS))
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(*chosen.serve)
        return
    from scripts import serving

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        os.environ["QFUSION_CACHE"] = str(folder / "cache")
        port, door = serving.free_port(), serving.free_port()
        command = [sys.executable, __file__, "--serve", str(port), str(door)]
        process = psutil.Popen(command, stdout=-3, stderr=-3)
        try:
            url = f"http://127.0.0.1:{port}"
            wait(url)
            print(
                "| attack | seconds | of the processor | MiB more | reader, median (s) | slowest (s) | answer |"
            )
            print("| --- | --: | --: | --: | --: | --: | --- |")
            for attack in ["", *chosen.attacks]:
                measure(attack, url, f"http://127.0.0.1:{door}", process, folder, chosen.visitors)
        finally:
            process.terminate()
            process.wait(20)


def wait(url: str) -> None:
    """Waits until a server answers, and has drawn a page."""
    from scripts.visitor import Visitor

    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).close()
            break
        except OSError:
            time.sleep(0.2)
    with Visitor(url, limit=PATIENCE) as visitor:
        visitor.open("glossary")


if __name__ == "__main__":
    main()
