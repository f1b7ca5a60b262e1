"""Memory of a session that drags sliders, in the server and in the browser.

    python benchmarks/drag_memory.py [MODEL] [--minutes 10] [--seed 0]

A reader opens Dynamics in Chromium and drags one slider after another with real moves of the mouse, lets it go, and
goes on, as fast as the page follows. Prints, a minute each: interactions, bytes that the server process holds, and the
heap of the browser's scripts after a collection.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from qfusion.analysis.opening import open_study  # noqa: E402
from qfusion.models.tweak import learned_values  # noqa: E402
from qfusion.panels import pickers  # noqa: E402
from scripts import dragging, serving, visits  # noqa: E402

MEGABYTE = 1_000_000


def drag(page: Any, key: str, rng: random.Random) -> None:
    """Drag a slider to several places, and let it go."""
    slider = dragging.Slider(page, key)
    slider.hold()
    for _ in range(5):
        slider.move(rng.random(), steps=15)
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')", timeout=20_000)


def heap(page: Any) -> int:
    """Return the bytes of the heap of a page's scripts after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = int(session.send("Runtime.getHeapUsage")["usedSize"])
    session.detach()
    return used


def main() -> None:
    """Drag and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", nargs="?", default="qj-planted")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    study = open_study(options.model)
    keys = list(learned_values(study.model))
    address = f"dynamics?model={options.model}&sample={pickers.default_sample(study)}"
    with (
        tempfile.TemporaryDirectory() as folder,
        visits.browsing(Path(folder)) as (server, browser),
    ):
        page = browser.new_page()
        page.set_viewport_size({"width": 1440, "height": 900})
        visits.open_page(page, f"{server.url}/{address}")
        for key in keys[:2]:  # what the first drags load is not of the session
            drag(page, key, rng)
        interactions = 0
        print("minute  interactions  server MB  scripts MB")
        for minute in range(options.minutes + 1):
            end = time.monotonic() + (60 if minute else 0)
            while time.monotonic() < end:
                drag(page, rng.choice(keys), rng)
                interactions += 1
            held, used = serving.resident(server.pid), heap(page)
            print(
                f"{minute:6} {interactions:13} {held / MEGABYTE:10.1f} {used / MEGABYTE:11.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
