"""Readers at a time, and servers behind nginx for them (`qfusion app --workers N`): seconds of an answer as calculated
from what one reader's actions take, and as measured.

    python benchmarks/workers.py [--workers 1 2 4] [--readers 4 16] [--cores 0-1 0-7] [--more 8] [--moves 60]
        [--measured FILE] [--bare]

A reader speaks the app's protocol (`scripts/visitor.py`): steps to the next sample, moves a slider or changes the page,
waits two to four seconds, and goes on for a minute. Measured on the processors that this machine has, of which the
servers get `--cores` (all, or a range as taskset has it) and readers the others, if any are left.

Calculated: one reader does `--moves` such things without waiting; each takes a server some seconds of one processor
until the answer is whole. With these seconds, drawn at random, readers take turns at their servers: a server works on
all that it is asked for at a time, on one processor at most (its pages hold one lock), and where more servers work than
there are processors, they share these. What nginx and readers take is left out, and so is what a server prepares while
nobody asks, which makes what few readers ask for next quicker. With `--more` it is also calculated for so many
processors, with the most servers, and four times as many readers as the most.

With `--bare`, the most readers also read a plain Streamlit app with about as many parts (`bare/app.py`), before and
after ours on one server in the same run, and the ratios are printed.

`--measured FILE` keeps what was measured as JSON beside what it held; `--cores` alone measures nothing. Writes the
table `workers` of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from scripts import serving  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402

CORES = os.sched_getaffinity(0)
MINUTE, THINKS = 60.0, (2.0, 4.0)  # seconds
MODEL = "qj-planted"  # that is read
SLIDER, BARE_SLIDER = "H.text-audio", "strength-0"  # that readers move, by key
BARE = Path(__file__).parent / "bare"
SLOT, LONG = 0.01, 1200.0  # seconds of the calculation


class Reader(threading.Thread):
    """A reader who does something, waits, and goes on: for a minute, or without waiting for so many `moves`."""

    def __init__(self, url: str, number: int, moves: int = 0, slider: str = SLIDER):
        super().__init__()
        self.visitor, self.number, self.moves = Visitor(url), number, moves
        self.slider = slider
        self.seconds: list[float] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        """Reads, and notes what went wrong."""
        try:
            self._read()
        except Exception as error:  # else the reader ends, and the others wait for less
            self.wrong.append(repr(error))

    def _read(self) -> None:
        chance = random.Random(self.number)
        with self.visitor:
            self.visitor.open("dynamics", model=MODEL, sample=f"p{100 * self.number:04d}")
            began = time.monotonic()
            while len(self.seconds) < self.moves or time.monotonic() - began < MINUTE:
                time.sleep(0 if self.moves else chance.uniform(*THINKS))
                seen = chance.choice(
                    [
                        lambda: self.visitor.set("_next", True),
                        lambda: self.visitor.go(chance.choice(("samples", "circuit", "what_if"))),
                        lambda: self._slide(chance.uniform(0.1, 1.9)),
                    ]
                )()
                self.seconds.append(seen.seconds)
                self.wrong += seen.exceptions
                if self.moves and len(self.seconds) == self.moves:
                    return

    def _slide(self, value: float) -> Any:
        if self.visitor.page != "dynamics":
            return self.visitor.go("dynamics")
        return self.visitor.set(self.slider, round(value, 2))


@contextmanager
def serve(workers: int, cores: str, place: Path = ROOT) -> Iterator[str]:
    """The app with so many servers on some processors, what is shared worked out once; gives its address. `place` may
    be another app, on one server.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = serving.own_places(Path(folder))
        several = (sys.executable, "-m", "qfusion", "app", "--workers", str(workers))
        command = several if workers > 1 else serving.STREAMLIT
        taskset = ("taskset", "-c", cores, *command)
        with serving.serve(Path(folder), own, 240, taskset, place=place) as server:
            for _ in range(workers):  # the next comes to the server with the fewest readers
                with Visitor(server.url, 240) as visitor:
                    for page in ("dynamics", "samples", "circuit", "what_if"):
                        visitor.open(page, model=MODEL, sample="p0001")
            yield server.url


def read(url: str, count: int, moves: int = 0, slider: str = SLIDER) -> list[float]:
    """Seconds that so many readers at a time waited for their answers.

    Raises:
        RuntimeError: where a page said that something went wrong.
    """
    readers = [Reader(url, 1 + number, moves, slider) for number in range(count)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if wrong := [said for reader in readers for said in reader.wrong]:
        raise RuntimeError(f"{len(wrong)} answers of {count} readers failed: {wrong[0]}")
    return [seconds for reader in readers for seconds in reader.seconds]


def calculated(
    parts: Sequence[float], workers: int, readers: int, cores: int, seed: int = 0
) -> list[float]:
    """Seconds that readers wait for answers which take some of `parts` each, alone; see the module's words."""
    chance = random.Random(seed)
    thinks = [chance.uniform(*THINKS) for _ in range(readers)]
    left, waits, answers = [0.0] * readers, [0.0] * readers, list[float]()
    for _ in range(int(LONG / SLOT)):
        working = [0] * workers  # answers that each server is at
        for reader, seconds in enumerate(left):
            working[reader % workers] += seconds > 0
        busy = sum(map(bool, working))
        rate = SLOT * min(1.0, cores / busy) if busy else 0.0
        for reader in range(readers):
            if left[reader] > 0:
                waits[reader] += SLOT
                left[reader] -= rate / working[reader % workers]
                if left[reader] <= 0:
                    answers.append(waits[reader])
                    thinks[reader], waits[reader] = chance.uniform(*THINKS), 0.0
            else:
                thinks[reader] -= SLOT
                if thinks[reader] <= 0:
                    left[reader] = chance.choice(parts)
    return answers


def median_and_late(seconds: Sequence[float]) -> str:
    """The median and the 95th percentile, as words."""
    late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    return f"{statistics.median(seconds):.2f} / {late:.2f}"


def compare_with_bare(cores: str, readers: int) -> str:
    """Return how long so many readers wait for our app and for a plain one, in turn, as words."""
    own = core_numbers(cores)
    os.sched_setaffinity(0, CORES - own or CORES)
    waits: dict[str, list[float]] = {"plain": [], "ours": []}
    for name in ("plain", "ours", "plain", "ours"):
        place, slider = (ROOT, SLIDER) if name == "ours" else (BARE, BARE_SLIDER)
        with serve(1, cores, place) as url:
            waits[name] += read(url, readers, slider=slider)
        print(name, readers, median_and_late(waits[name]), flush=True)
    ratios = [
        statistics.quantiles(waits["ours"], n=20, method="inclusive")[at]
        / statistics.quantiles(waits["plain"], n=20, method="inclusive")[at]
        for at in (9, 18)  # the median and the 95th percentile
    ]
    return (
        f"{readers} readers of one server: {median_and_late(waits['ours'])} s; of a plain Streamlit app with as many "
        f"parts {median_and_late(waits['plain'])} s; ratios {ratios[0]:.2f} and {ratios[1]:.2f}."
    )


def core_numbers(cores: str) -> set[int]:
    """Return the numbers in a range of processors as taskset has it."""
    return {
        core
        for part in cores.split(",")
        for core in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)
    }


def measured(
    found: dict[str, Any], cores: str, workers: Sequence[int], readers: Sequence[int], moves: int
) -> Iterator[None]:
    """Adds to `found` what is measured on some processors: the parts, and seconds by servers and readers, one after
    the other."""
    own = core_numbers(cores)
    os.sched_setaffinity(0, CORES - own or CORES)  # of this process, which reads
    found |= {"cores": len(own), "machine": os.cpu_count(), "waits": {}}
    with serve(1, cores) as url:
        found["parts"] = read(url, 1, moves)
    for number in workers:
        for many in readers:
            with serve(number, cores) as url:
                found["waits"][f"{number} {many}"] = read(url, many)
            print(cores, number, many, median_and_late(found["waits"][f"{number} {many}"]))
            yield


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--readers", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--cores", nargs="*", default=[f"0-{(os.cpu_count() or 1) - 1}"])
    parser.add_argument("--more", type=int, default=8)
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--measured", type=Path, help="keeps all, beside what it held")
    parser.add_argument("--bare", action="store_true", help="a plain Streamlit app beside it")
    parser.add_argument("--dry", action="store_true", help="print and write no table")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    beside = compare_with_bare(asked.cores[0], max(asked.readers)) if asked.bare else ""
    if beside:
        print(beside, flush=True)
    kept = asked.measured
    every = json.loads(kept.read_text()) if kept and kept.exists() else []
    for cores in asked.cores:
        every.append({})
        for _ in measured(every[-1], cores, asked.workers, asked.readers, asked.moves):
            if kept:
                kept.write_text(json.dumps(every))
    rows = [
        [
            f"{found['cores']} of {found['machine']}",
            *pair.split(),
            median_and_late(calculated(found["parts"], *map(int, pair.split()), found["cores"])),
            median_and_late(waits),
            str(len(waits)),
        ]
        for found in every
        for pair, waits in found["waits"].items()
    ]
    workers, most = max(asked.workers), max(asked.readers)
    for many in (most, 4 * most):
        late = median_and_late(calculated(every[0]["parts"], workers, many, asked.more))
        rows.append([str(asked.more), str(workers), str(many), late, "–", "–"])
    header = ("processors", "servers", "readers", "calculated, s", "measured, s", "answers")
    alone = ", ".join(
        f"{median_and_late(found['parts'])} s on {found['cores']} of {found['machine']}"
        for found in every
    )
    text = (
        f"{tables.markdown(header, rows)}\n\nMedian / 95th percentile of an answer. Alone and without a pause "
        f"an answer took {alone} processors.{' ' * bool(beside)}{beside}\n\n{tables.provenance('workers.py')}"
    )
    if asked.dry:
        print(text)
    else:
        tables.write("workers", text)


if __name__ == "__main__":
    main()
