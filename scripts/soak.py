"""Sixteen readers who do everything for two hours: does the server stay as it was?

    python scripts/soak.py [--minutes 120] [--sessions 16] [--seed 0] [--pause 6]

Each reader opens pages of both systems, goes through samples, turns sliders, writes notes, exports figures and
reports, loses the connection and comes back, uploads, keeps and removes a data set, starts, stops and deletes
trainings, and begins sweeps; between two of these it reads for a moment. Every minute a line tells memory (the median
of looks every two seconds: a page may take some hundred megabytes for a moment), threads, child processes and open
files of the server, the median seconds of an interaction, and the processor seconds it took, which do not depend on
what else the machine does.

Exits with 1 when a page shows an exception, memory grows by 5 % or more after the first third, an interaction takes
longer at the end than after the first third (by 30 % on the clock and 15 % of the processor), or threads, processes or
files are left when all have gone. Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from scripts import kills, serving  # noqa: E402
from scripts.visitor import Seen, Visitor  # noqa: E402

JUMP, NETWORK = dict(model="qj-planted"), dict(model="qcnn-digits", data="digits")
SAMPLES = [f"p{number:04d}" for number in range(15, 2400, 60)]
DIGITS = [f"digit-{number:04d}" for number in range(20, 1700, 80)]
PAGES = (
    "",
    "samples",
    "dynamics",
    "circuit",
    "what_if",
    "operators",
    "cohorts",
    "compare",
    "faithfulness",
    "why_fuse",
    "data",
    "train",
    "sweeps",
    "leaderboard",
    "glossary",
    "tour",
)
GROWTH, SLOWER, COSTLIER = 1.05, 1.3, 1.15
LEFT = (
    130  # seconds after which the server has let go of all sessions: Streamlit keeps them for 120
)
LOOK = 2.0  # seconds between two looks
# More than before that pools and bounded caches may hold in the end: threads of asyncio, fonts that Matplotlib opens
# for each thread, arrays of sets that were removed. One a session would be hundreds.
MORE = {"threads": 12, "children": 0, "files": 80}


@dataclass(frozen=True)
class Moment:
    """The server at a time: seconds since the beginning, memory in MB, threads, child processes, open files, seconds of
    the processor so far."""

    at: float
    memory: float
    threads: int
    children: int
    files: int
    busy: float


def look(pid: int, began: float) -> Moment:
    """The server now."""
    status = Path(f"/proc/{pid}/status").read_text()
    threads = int(status.split("Threads:")[1].split()[0])
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = sum(_parent(each) == pid for each in Path("/proc").glob("[0-9]*"))
    return Moment(
        time.monotonic() - began,
        serving.resident(pid) / 1e6,
        threads,
        children,
        len(os.listdir(f"/proc/{pid}/fd")),
        (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
    )


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


class Reader(threading.Thread):
    """One of them.

    Args:
        number: of this one. url: of the server. until: when it leaves. pause: mean seconds of reading between two
            interactions. files: a data set to upload, by name.
    """

    def __init__(
        self,
        number: int,
        url: str,
        until: float,
        pause: float,
        files: dict[str, bytes],
        seed: int = 0,
    ):
        super().__init__(daemon=True)
        self.number, self.until, self.pause, self.files = number, until, pause, files
        self.chance, self.visitor = random.Random(1000 * seed + number), Visitor(url, 600)
        self.took: list[tuple[float, float]] = []  # when, and seconds
        self.did, self.problems = Counter[str](), Counter[str]()
        self.turn = 0
        self.acts: dict[Callable[[], None], int] = {
            self.visit: 10,
            self.samples: 8,
            self.sliders: 10,
            self.note: 4,
            self.lost: 3,
            self.figure: 4,
            self.report: 1,
            self.data: 2,
            self.train: 2,
            self.sweep: 1,
        }

    def run(self) -> None:
        """Reads until the time is over."""
        with self.visitor:
            while time.monotonic() < self.until:
                act = self.chance.choices(list(self.acts), list(self.acts.values()))[0]
                try:
                    act()
                    self.did[act.__name__] += 1
                except Exception as error:
                    self.problems[
                        f"{act.__name__}: {type(error).__name__}: {str(error)[:100]}"
                    ] += 1

    def seen(self, seen: Seen) -> Seen:
        """Notes what an interaction took and whether it went well, and reads for a moment."""
        self.took.append((time.monotonic(), seen.seconds))
        for each in seen.exceptions:
            self.problems[f"{self.visitor.page}: {each[:100]}"] += 1
        time.sleep(self.chance.uniform(0, 2 * self.pause))
        return seen

    def open(self, page: str, **query: object) -> Seen:
        """Opens a page."""
        self.visitor.open(page, **query)
        return self.seen(self.visitor.whole())

    def set(self, key: str, value: object) -> Seen:
        """Sets a widget."""
        return self.seen(self.visitor.set(key, value))

    def which(self) -> dict[str, str]:
        """A model and a sample of it."""
        network = self.chance.random() < 0.3
        return {
            **(NETWORK if network else JUMP),
            "sample": self.chance.choice(DIGITS if network else SAMPLES),
        }

    def visit(self) -> None:
        """A page of either system, then another in the same session."""
        self.open(self.chance.choice(PAGES), **self.which())
        self.seen(self.visitor.go(self.chance.choice(PAGES)))

    def samples(self) -> None:
        """Samples one after the other."""
        self.open("samples", **self.which())
        for _ in range(3):
            self.set("_next", True)

    def sliders(self) -> None:
        """A tweak by sliders, and the page of changes."""
        self.open("dynamics", **JUMP, sample=self.chance.choice(SAMPLES))
        for _ in range(4):
            slider = self.chance.choice(("H.text", "H.audio", "D.text-audio", "T"))
            self.set(slider, round(self.chance.uniform(0.2, 1.5), 2))
        self.seen(self.visitor.go("what_if"))

    def note(self) -> None:
        """A note, written and dropped."""
        self.open("samples", **self.which())
        self.set("_note_text", "seen")
        self.set("_note_keep", True)
        self.set("_note_drop_0", True)

    def lost(self) -> None:
        """A connection that is lost while a page is worked out."""
        self.open("dynamics", **JUMP, sample=self.chance.choice(SAMPLES))
        self.visitor.begin("H.text", round(self.chance.uniform(0.2, 1.5), 2))
        self.visitor.lose()
        if self.chance.random() < 0.7:
            self.seen(self.visitor.reconnect())

    def figure(self) -> None:
        """Files of a figure."""
        self.open("dynamics", **JUMP, sample=self.chance.choice(SAMPLES))
        self.set("figure-decision-over-time", "export")
        for key in ("drawer-figure", "drawer.csv", "drawer-recipe.json"):
            self.visitor.download(key)

    def report(self) -> None:
        """A report."""
        self.open("samples", **JUMP, sample=self.chance.choice(SAMPLES))
        self.visitor.download(self.chance.choice(("report.html", "report.pdf")))

    def data(self) -> None:
        """A data set: uploaded, kept, looked at, removed; or left lying."""
        name = f"reader-{self.number}-{self.turn}"
        self.turn += 1
        self.open("data")
        self.seen(self.visitor.upload("_import_files", self.files))
        self.set("Examine", True)
        if self.chance.random() < 0.3:
            return
        self.set("_import_name", name)
        self.set("_import_keep", True)
        self.open("data", set=name)
        self.set("_remove_set", True)

    def train(self) -> None:
        """A training: begun, watched, stopped, deleted."""
        name = f"reader-{self.number}-{self.turn}"
        self.turn += 1
        self.open(
            "train",
            **{
                "new.data": "planted",
                "new.kind": "quantum-jump",
                "new.quantum-jump.planted.epochs": self.chance.choice((1, 2, 40)),
            },
        )
        self.set("_new.name", name)
        self.set("_start", True)
        for _ in range(30):
            self.open("train", run=name)
            if self.visitor.has("_delete") or time.monotonic() > self.until:
                break
            if self.visitor.has("_stop"):
                self.set("_stop", True)
        if self.visitor.has("_delete"):
            self.set("_delete", True)

    def sweep(self) -> None:
        """A sweep, begun and stopped."""
        name = f"reader-{self.number}-{self.turn}"
        self.turn += 1
        self.open("sweeps", **{"sweep.data": "planted", "sweep.kind": "concatenation"})
        for key, value in (("_sweep.trials", 2), ("_sweep.epochs", 1), ("_sweep.name", name)):
            self.set(key, value)
        self.set("_sweep_start", True)
        self.open("sweeps", sweep=name)
        if self.visitor.has("_sweep_stop"):
            self.set("_sweep_stop", True)


def medians(
    moments: list[Moment], took: list[tuple[float, float]], low: float, high: float
) -> tuple[float, ...]:
    """Memory, seconds and processor seconds of an interaction between two times: medians, and a mean of the last."""
    inside = [each for each in moments if low <= each.at <= high]
    those = [seconds for at, seconds in took if low <= at <= high]
    busy = inside[-1].busy - inside[0].busy
    count = sum(inside[0].at <= at <= inside[-1].at for at, _ in took)
    return (
        statistics.median(each.memory for each in inside),
        statistics.median(those or [0.0]),
        busy / max(1, count),
    )


def soak(
    minutes: float, sessions: int, pause: float, seed: int = 0, every: float = 60.0
) -> list[str]:
    """Lets readers at a server, and returns what is wrong.

    Args:
        minutes: in all. sessions: readers. pause, seed: see `Reader`. every: seconds between two lines.
    """
    with tempfile.TemporaryDirectory(prefix="qfusion-soak-") as place:
        folder = Path(place)
        own = serving.own_places(folder, "RUNS", "MODELS", "IMPORTED")
        files = {
            path.name: path.read_bytes() for path in kills.tables(folder / "tables", 0).iterdir()
        }
        with serving.serve(folder, {**own, "QFUSION_SLOTS": "1"}, limit=240) as server:
            return _watched(server, minutes, sessions, pause, seed, every, files)


def _watched(
    server: serving.Server,
    minutes: float,
    sessions: int,
    pause: float,
    seed: int,
    every: float,
    files: dict[str, bytes],
) -> list[str]:
    first = Reader(sessions, server.url, time.monotonic() + 300, 0, files)
    with first.visitor:
        for page in PAGES:  # what is loaded once
            first.open(page)
        for act in first.acts:
            act()
    _let_go(server)
    began = time.monotonic()
    moments, end = [look(server.pid, began)], began + 60 * minutes
    readers = [Reader(number, server.url, end, pause, files, seed) for number in range(sessions)]
    for each in readers:
        each.start()
    print(
        " min   done   median s   processor s   memory MB   threads   children   files", flush=True
    )
    lines = [0]
    while any(each.is_alive() for each in readers):
        time.sleep(LOOK)
        moments.append(look(server.pid, began))
        if min(moments[-1].at, 60 * minutes) - moments[lines[-1]].at >= every:
            lines.append(len(moments) - 1)
            _tell(moments[lines[-2] :], readers, began)
    took = sorted((at - began, seconds) for each in readers for at, seconds in each.took)
    last = 60 * minutes
    _let_go(server)
    gone = look(server.pid, began)
    did, problems = (
        sum((each.did for each in readers), Counter()),
        sum((each.problems for each in readers), Counter()),
    )
    print(f"{len(took):,} interactions of {sessions} readers: {dict(did)}")
    print(
        f"afterwards: {gone.memory:.0f} MB, {gone.threads} threads ({moments[0].threads} before), {gone.children} "
        f"children, {gone.files} files ({moments[0].files} before)"
    )
    early, late = (
        medians(moments, took, last / 3, last * 2 / 3),
        medians(moments, took, last * 2 / 3, last),
    )
    print(
        f"second third against the last: memory {early[0]:.0f} -> {late[0]:.0f} MB ({late[0] / early[0] - 1:+.1%}), "
        f"median {early[1]:.2f} -> {late[1]:.2f} s, processor {early[2]:.2f} -> {late[2]:.2f} s an interaction"
    )
    wrong = [f"{words} ({count} times)" for words, count in problems.most_common(20)]
    if late[0] > GROWTH * early[0]:
        wrong.append(f"memory grows by {late[0] / early[0] - 1:.1%}")
    if late[1] > SLOWER * early[1] and late[2] > COSTLIER * early[2]:
        wrong.append(f"an interaction takes {late[1] / early[1]:.2f} times as long")
    for name in MORE:
        if getattr(gone, name) > getattr(moments[0], name) + MORE[name]:
            wrong.append(
                f"{name} are left: {getattr(moments[0], name)} before, {getattr(gone, name)} after"
            )
    return wrong


def _let_go(server: serving.Server) -> None:
    """Waits until the server has let go of all sessions: what one leaves goes when a later one comes and leaves."""
    time.sleep(LEFT)
    for _ in range(2):
        with Visitor(server.url, 600) as visitor:
            visitor.open("glossary")
        time.sleep(2)


def _tell(moments: list[Moment], readers: list[Reader], began: float) -> None:
    before, now = moments[0], moments[-1]
    took = [
        seconds
        for each in readers
        for at, seconds in list(each.took)
        if before.at < at - began <= now.at
    ]
    done = sum(len(each.took) for each in readers)
    memory = statistics.median(each.memory for each in moments)
    print(
        f"{now.at / 60:4.0f} {done:6,} {statistics.median(took or [0.0]):10.2f} "
        f"{(now.busy - before.busy) / max(1, len(took)):13.2f} {memory:11.0f} {now.threads:9} {now.children:10} "
        f"{now.files:7}",
        flush=True,
    )


def main() -> int:
    """Soaks; returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pause", type=float, default=6.0, help="mean seconds of reading between two interactions"
    )
    asked = parser.parse_args()
    wrong = soak(asked.minutes, asked.sessions, asked.pause, asked.seed)
    for each in wrong:
        print(f"WRONG {each}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
