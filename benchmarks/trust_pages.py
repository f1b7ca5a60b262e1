"""Faithfulness and Why fuse of every shipped model: seconds until a browser shows the first finding, and all panels.

    python benchmarks/trust_pages.py [MODEL ...] [--pages faithfulness why_fuse] [--rival CHECKOUT] [--rounds 1] [--dry]

Each page is opened first thing in a server that has just started and has loaded its libraries, in a browser with a
fresh profile. The clock starts with the navigation. The first finding is the first caution, or the first title of a
panel. All is drawn when the panels below the screen have been asked for too, nothing runs and no placeholder is left.
Data sets and outputs of encoders are in the disk cache, which is filled before. Another checkout is
measured in turn and printed beside. Without one, writes the table `trust-pages` of docs/results.md. Models whose data
are not on this machine are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from scripts import serving, ship_results, visits  # noqa: E402

PAGES = {"faithfulness": "Faithfulness", "why_fuse": "Why fuse"}
LOADING = 25.0  # seconds in which a server loads libraries
LIMIT = 180_000  # milliseconds of a page
HELD = 0.3  # seconds of rest that end a visit, see `visits.still`
# Notes when the first title of a panel is shown, in milliseconds since the navigation.
WATCH = """(() => {
  const look = () => {
    const title = document.querySelector(
      '[class*="st-key-panel-"]:not(.st-key-panel-cautions) h4, [class*="st-key-caution-"] p');
    if (title && title.checkVisibility()) window.firstFinding ??= performance.now();
  };
  new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
})();"""


def visit(playwright: Any, place: Path, folder: Path, page: str, model: str) -> tuple[float, float]:
    """Return the seconds from the navigation to a page until its first finding is shown, and until all is drawn.

    Args:
        place: the checkout that serves. folder: of its disk cache. page: address. model: name.
    """
    with serving.serve(folder, serving.own_places(folder), place=place) as server:
        time.sleep(LOADING)
        browser = serving.launch(playwright)
        try:
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.add_init_script(WATCH)
            tab.goto(f"{server.url}/{page}?model={model}", wait_until="commit")
            visits.still(tab, LIMIT, whole=True)
            first, last = tab.evaluate("[window.firstFinding, performance.now()]")
            return first / 1000, last / 1000 - HELD
        finally:
            browser.close()


def row(model: str, page: str, seconds: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    """Return a line of the table: medians of first finding and of all, of each checkout."""
    cells = [
        f"{statistics.median(values):.1f}" for side in seconds for values in zip(*side, strict=True)
    ]
    return [model, PAGES[page], *cells]


def main() -> None:
    """Visit all pages, print and write."""
    from playwright.sync_api import sync_playwright

    from qfusion.study.opening import open_study

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*")
    parser.add_argument("--pages", nargs="+", choices=list(PAGES), default=list(PAGES))
    parser.add_argument("--rival", "--other", type=Path, help="another checkout, printed beside")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    places = [ROOT, *([options.rival.resolve()] if options.rival else [])]
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ |= serving.own_places(Path(folder))
        for model in options.models or ship_results.shipped_models():
            open_study(model)  # which fills the disk cache
            for page in options.pages:
                seconds: list[list[tuple[float, float]]] = [[] for _ in places]
                for _ in range(options.rounds):
                    for side, place in zip(seconds, places, strict=True):
                        side.append(visit(playwright, place, Path(folder), page, model))
                rows.append(row(model, page, seconds))
                print("  ".join(rows[-1]), flush=True)
    if not (options.dry or options.rival):
        heads = ("Model", "Page", "First finding, seconds", "All, seconds")
        tables.write(
            "trust-pages",
            tables.markdown(heads, rows) + "\n\n" + tables.provenance("trust_pages.py"),
        )


if __name__ == "__main__":
    main()
