"""The dashboard in Chromium: the first page after a start, a change of page, of sample and of a slider.

    python benchmarks/browser.py [cold page sample slider] [--rival CHECKOUT] [--moves 15] [--dry]

The clock runs in the page: from the click or the release to the last change of the page, seen by a MutationObserver,
after which nothing changes for half a second; of a sample also until its first screen is drawn. A first page is counted
from the request, in a browser with a fresh profile, at once after the server answers and three seconds later. Another
checkout is measured move by move in turn, and printed beside. Without one, writes the table `browser` of
docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from scripts import serving, visits  # noqa: E402

KEPT = ROOT / "benchmarks" / "runs" / "browser.json"
QUIET = 500  # milliseconds without any change to the page that end a measurement
VISITED = (
    "Samples",
    "Dynamics",
    "Circuit",
    "What if",
    "Decision operators",
    "Cohorts",
    "Compare",
    "Faithfulness",
)
# Arms one measurement: resolves with the milliseconds from `event` to the last change of what stands on the first
# screen in the end, and of all; an attribute alone changes nothing but in a figure.
ARM = """([event, quiet, figures]) => {
  const main = document.querySelector('[data-testid=stMain]'), changed = new Map();
  let began = null, last = null;
  document.addEventListener(event, () => { began = performance.now(); }, {once: true, capture: true});
  const observer = new MutationObserver(changes => {
    if (began === null) return;
    last = performance.now();
    for (const {type, target} of changes) {
      const figure = target.closest?.('.qf-figure');
      if (figure || type !== 'attributes') changed.set(figure || target, last);
    }
  });
  const seen = element => {
    const place = (element.nodeType === 1 ? element : element.parentElement)?.getBoundingClientRect();
    return element.isConnected && place.height > 0 && place.top < window.innerHeight && place.bottom > 0;
  };
  observer.observe(main, {subtree: true, childList: true, characterData: true, attributes: true});
  window.measured = new Promise((resolve, reject) => {
    const limit = performance.now() + 30000;
    const look = () => {
      const now = performance.now(), drawn = [...changed.keys()].filter(e => e.matches?.('.qf-figure')).length;
      if (last !== null && drawn >= figures && now - last > quiet) {
        observer.disconnect();
        const first = [...changed].filter(([element, _]) => seen(element)).map(([_, time]) => time);
        resolve([Math.max(began, ...first) - began, last - began]);
      } else if (now > limit) reject(new Error(`no redraw: ${drawn} figures changed`));
      else setTimeout(look, 50);
    };
    look();
  });
}"""


def timed(
    page: Any, event: str, act: Callable[[], object], figures: int = 1
) -> tuple[float, float]:
    """Seconds from an event of the page, which `act` brings about, until its first screen and until all is drawn, which
    must change so many figures."""
    page.evaluate(ARM, [event, QUIET, figures])
    act()
    first, last = page.evaluate("() => window.measured")
    visits.still(page, whole=True)
    return first / 1000, last / 1000


def drag(page: Any, slider: Any, share: float) -> None:
    """Drags the thumb of `slider` to `share` (0 to 1) of its track and lets go."""
    track = slider.locator('[role="group"] > div').bounding_box()
    knob = slider.locator('input[type="range"]')
    low, high = float(knob.get_attribute("min") or 0), float(knob.get_attribute("max"))
    at = (float(knob.input_value()) - low) / (high - low)
    x, y = track["x"] + at * track["width"], track["y"] + track["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], y, steps=4)
    page.mouse.up()


class App:
    """A running app, and a page of a browser on it."""

    def __init__(self, folder: Path, playwright: Any, place: Path = ROOT):
        folder.mkdir(exist_ok=True)
        self.folder, self.playwright, self.place = folder, playwright, place
        self.own = serving.own_places(folder)

    def serve(self) -> Any:
        """The app, while the block lasts."""
        return serving.serve(self.folder, self.own, place=self.place)

    def page(self, address: str) -> Any:
        """A page of a browser with a fresh profile, opened, quiet for two seconds."""
        page = serving.launch(self.playwright).new_page(viewport={"width": 1440, "height": 900})
        visits.open_page(page, address, whole=True)
        page.wait_for_timeout(2000)
        return page


Found = Iterator[dict[str, float]]  # what a move took, by what is told of it


def _both(name: str, seconds: tuple[float, float]) -> dict[str, float]:
    return dict(zip((f"{name}, first screen", f"{name}, all"), seconds, strict=True))


def cold(app: App, moves: int) -> Found:
    """The first page after a start: everything new but the packages' bytecode."""
    for wait, words in ((0, "at once"), (3, "three seconds after the start")):
        for _ in range(max(3, moves // 5)):
            with tempfile.TemporaryDirectory() as folder:
                other = App(Path(folder), app.playwright, app.place)
                with other.serve() as server:
                    time.sleep(wait)
                    browser = serving.launch(app.playwright)
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    began = time.perf_counter()
                    page.goto(server.url, wait_until="commit")
                    page.wait_for_selector("h1")
                    page.wait_for_selector(visits.STILL)
                    page.wait_for_function(visits.DRAWN)
                    yield {f"first page, {words}": time.perf_counter() - began}
                    browser.close()


def page_changes(app: App, moves: int) -> Found:
    """A click on another page, each page having been seen once."""
    with app.serve() as server:
        page = app.page(server.url)
        for turn in range(1 + max(2, moves // 5)):
            for title in VISITED:
                link = page.locator('[data-testid="stSidebar"]').get_by_role(
                    "link", name=title, exact=True
                )
                seconds = timed(page, "click", link.click, 0)
                if turn:
                    yield _both("change of page", seconds)
        page.context.browser.close()


def samples(app: App, moves: int) -> Found:
    """A step to the next sample on Samples and on Dynamics."""
    with app.serve() as server:
        for title in ("Samples", "Dynamics"):
            page = app.page(f"{server.url}/{title.lower()}")
            for move in range(moves + 2):
                seconds = timed(
                    page, "click", page.locator(".st-key-_next button:visible").first.click
                )
                if move > 1:  # the first two warm up
                    yield _both(f"next sample on {title}", seconds)
            page.context.browser.close()


def sliders(app: App, moves: int) -> Found:
    """A coupling's slider on Dynamics, released, of models of D = 64."""
    with app.serve() as server:
        for model, D in (("qj-parity", 16), ("qj-planted", 64)):
            page = app.page(f"{server.url}/dynamics?model={model}")
            slider = page.locator('[class*="st-key-pair-knobs"] [data-testid="stSlider"]').first
            slider.scroll_into_view_if_needed()
            for move in range(moves + 1):
                seconds = timed(
                    page,
                    "pointerup",
                    partial(drag, page, slider, 0.08 + 0.84 * (move * 0.618034 % 1)),
                )
                if move:
                    yield _both(f"slider at D = {D}", seconds)
            page.context.browser.close()


CASES = {
    "cold": cold,
    "page": page_changes,
    "sample": samples,
    "slider": sliders,
}


def rested(found: Found) -> Found:
    """Waits after each move until a server has done what it does ahead of the next, beside which nothing is timed."""
    for move in found:
        time.sleep(2)
        yield move


def row(name: str, values: Sequence[float], rival: Sequence[float] = ()) -> list[str]:
    """A line of the table, in seconds: what, how often, median, 95th percentile, range; with a rival its median, and
    the ratio to it."""
    many = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else values
    middle = statistics.median(values)
    cells = [f"{middle:.2f}", f"{many[-1]:.2f}", f"{min(values):.2f}-{max(values):.2f}"]
    if rival:
        cells.append(f"{statistics.median(rival):.2f}")
    cells = [name, str(len(values)), *(f"{cell} s" for cell in cells)]
    return [*cells, f"{middle / statistics.median(rival):.2f}"] if rival else cells


def main() -> None:
    """Measures, prints and writes."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default all")
    parser.add_argument("--rival", type=Path, help="another checkout, printed beside")
    parser.add_argument("--moves", type=int, default=15)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in asked.cases or CASES:
            places = [ROOT, *([asked.rival.resolve()] if asked.rival else [])]
            found: list[dict[str, list[float]]] = [{} for _ in places]
            sides = [
                rested(CASES[name](App(Path(folder) / str(n), playwright, place), asked.moves))
                for n, place in enumerate(places)
            ]
            for turn in zip(*sides, strict=True):
                for values, side in zip(turn, found, strict=True):
                    for what, value in values.items():
                        side.setdefault(what, []).append(value)
            kept[name] = [row(what, *(side[what] for side in found)) for what in found[0]]
            print("\n".join("  ".join(each) for each in kept[name]), flush=True)
    if not (asked.dry or asked.rival):
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        lines = [each for name in CASES for each in kept.get(name, [])]
        tables.write(
            "browser",
            tables.markdown(("what", "n", "median", "late", "range"), lines)
            + "\n\n"
            + tables.provenance("browser.py"),
        )


if __name__ == "__main__":
    main()
