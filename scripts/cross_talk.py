"""Sixteen readers at once, each with tweaks of its own: does anybody see what is another's?

    python scripts/cross_talk.py [--readers 16] [--interactions 10000] [--seed 0] [--workers 1]

First one reader alone opens every state of a list: pages, models, samples, tweaks, cohorts, views. What is then on the
page, every word and every number of every figure, is the truth of that state. Then all readers wander among the states
at random, each in sessions of its own, by opening addresses and by turning sliders and picking samples, and what each
gets is compared with that truth. The server's memory is printed along the way. Exits with 1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from scripts import serving  # noqa: E402
from scripts.visitor import Seen, Visitor  # noqa: E402

State = tuple[str, tuple[tuple[str, str], ...]]
_OWN = re.compile(
    r"[0-9a-f]{32,}|\$\$ID-[^\"' ]*|knobs/[\w-]+"
)  # what differs from session to session: ids of elements and files, addresses of sliders


def states() -> list[State]:
    """Pages with what an address says of them."""
    found: list[State] = []
    samples = ("p0031", "p0017", "p2924", "p1671")
    for sample, factor in itertools.product(samples, ("0.2", "0.7", "1.4")):
        found.append(
            ("dynamics", (("model", "qj-planted"), ("sample", sample), ("H.text", factor)))
        )
    for sample in samples:
        found.append(("samples", (("model", "qj-planted"), ("sample", sample))))
        found.append(("", (("model", "qj-planted"), ("sample", sample), ("D.text-audio", "2"))))
        found.append(("what_if", (("model", "qj-planted"), ("sample", sample), ("T", "1.5"))))
    for sample, table in itertools.product(("digit-0003", "digit-0040"), ("and", "or")):
        found.append(
            (
                "circuit",
                (
                    ("model", "qcnn-digits"),
                    ("data", "digits"),
                    ("sample", sample),
                    ("edits", table),
                ),
            )
        )
    for asked in ("relation=conflict", "error>0.3"):
        found.append(("cohorts", (("model", "qj-planted"), ("filter", asked))))
    return found


def shown(seen: Seen) -> dict[str, str]:
    """What stands on a page, by place, without what belongs to a session."""
    found = {}
    for place, element in seen.elements.items():
        kind = element.WhichOneof("type")
        if kind in (None, "skeleton", "spinner", "file_uploader", "progress"):
            continue
        found[f"{'.'.join(map(str, place))} {kind}"] = hashlib.sha256(
            _OWN.sub("", str(element)).encode()
        ).hexdigest()[:16]
    return found


def differences(truth: dict[str, str], now: dict[str, str]) -> list[str]:
    """Places where a page is not what it should be."""
    return sorted(
        place for place in truth.keys() | now.keys() if truth.get(place) != now.get(place)
    )


def figures(page: dict[str, str]) -> dict[str, str]:
    """What is drawn: that does not depend on how a reader came to a state."""
    return {place: each for place, each in page.items() if place.endswith("component")}


def opened(visitor: Visitor, state: State) -> dict[str, str]:
    """What a page shows, with what waits below the screen."""
    visitor.open(state[0], **dict(state[1]))
    return shown(visitor.whole())


def main() -> int:
    """Runs the readers; returns 1 when one of them saw something else."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--interactions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="servers behind nginx")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    own = serving.own_places(folder)
    every, wrong, done, lock = states(), Counter[str](), Counter[str](), threading.Lock()
    several = (sys.executable, "-m", "qfusion", "app", "--workers", str(asked.workers))
    command = several if asked.workers > 1 else serving.STREAMLIT
    with serving.serve(folder, own, limit=240, command=command) as server:
        truths: dict[State, dict[str, str]] = {}
        for _ in range(2):  # what is worked out for the first time says so
            for state in every:
                with Visitor(server.url, 600) as visitor:
                    truths[state] = opened(visitor, state)
        steady = {}
        for state in every:
            with Visitor(server.url, 600) as visitor:
                steady[state] = not differences(truths[state], opened(visitor, state))
        print(
            f"{len(every)} states, {sum(len(each) for each in truths.values()):,} elements; "
            f"{sum(steady.values())} are the same twice",
            flush=True,
        )
        every = [state for state in every if steady[state]]
        begun, first = time.monotonic(), serving.resident(server.pid)

        def read(number: int) -> None:
            rng = random.Random(1000 * asked.seed + number)
            while True:
                with lock:
                    if done["all"] >= asked.interactions:
                        return
                state = rng.choice(every)
                try:
                    with Visitor(server.url, 600) as visitor:
                        off = differences(truths[state], opened(visitor, state))
                        for _ in range(
                            rng.randrange(3) if state[0] == "dynamics" else 0
                        ):  # the session goes on
                            other = rng.choice(
                                [
                                    each
                                    for each in every
                                    if each[0] == "dynamics"
                                    and dict(each[1])["sample"] == dict(state[1])["sample"]
                                ]
                            )
                            now = shown(visitor.set("H.text", float(dict(other[1])["H.text"])))
                            off += differences(figures(truths[other]), figures(now))
                            with lock:
                                done["all"] += 1
                except Exception as error:
                    off = [f"{type(error).__name__}: {str(error)[:80]}"]
                with lock:
                    done["all"] += 1
                    wrong.update(f"{state[0]}: {each}" for each in off)
                    if done["all"] % 500 < 2:
                        print(
                            f"{done['all']:,} interactions, {sum(wrong.values())} differences, "
                            f"{serving.resident(server.pid) / 1e6:,.0f} MB, {time.monotonic() - begun:.0f} s",
                            flush=True,
                        )

        threads = [threading.Thread(target=read, args=(number,)) for number in range(asked.readers)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        last = serving.resident(server.pid)
    print(json.dumps(dict(wrong.most_common(20)), indent=1))
    print(
        f"{done['all']:,} checked interactions of {asked.readers} readers, {sum(wrong.values())} differences; memory "
        f"{first / 1e6:,.0f} -> {last / 1e6:,.0f} MB"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
