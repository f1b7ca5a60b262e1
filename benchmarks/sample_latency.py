"""Seconds from the click on "next sample" to the redraw, in Chromium, on the Samples and the Dynamics page.

Twice: until the first screen shows the new sample (the last new text or node, or change of a figure on it), and until
nothing changes any more (figures below the first screen are drawn last, and Streamlit marks every element as done).

    python benchmarks/sample_latency.py [--moves 15] [--model qj-planted] [--url http://127.0.0.1:8501]

Starts the app unless `--url` names a running one. The clock runs in the page: from the click to the last change of the
page, which must have included a figure, seen by a MutationObserver; nothing changes for half a second after it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from slider_latency import QUIET, running  # noqa: E402

from scripts import serving, visits  # noqa: E402

PAGES = {"Samples": "/samples?model={model}", "Dynamics": "/dynamics?model={model}"}
ARM = """quiet => {
  const main = document.querySelector('[data-testid=stMain]');
  const below = new Set([...document.querySelectorAll('.qf-figure')].filter(e => !e.seen));
  let began = null, first = null, last = null, drawn = 0;
  document.addEventListener('click', () => { began = performance.now(); }, {once: true, capture: true});
  const observer = new MutationObserver(changes => {
    if (began === null) return;
    last = performance.now();
    for (const {type, target} of changes.filter(({target}) => target.isConnected)) {
      const figure = target.closest?.('.qf-figure');
      if (figure) drawn++;
      if (figure ? !below.has(figure) : type !== 'attributes') first = last;
    }
  });
  observer.observe(main, {subtree: true, childList: true, characterData: true, attributes: true});
  window.measured = new Promise((resolve, reject) => {
    const limit = performance.now() + 30000;
    const look = () => {
      const now = performance.now();
      if (began !== null && drawn > 0 && now - last > quiet) {
        observer.disconnect();
        resolve([first - began, last - began]);
      } else if (now > limit) reject(new Error(`no redraw: ${drawn} changes of figures`));
      else setTimeout(look, 50);
    };
    look();
  });
}"""


def measure(address: str, moves: int) -> list[list[float]]:
    """Returns the seconds until the first screen and until all is drawn, of each step to the next sample; the first
    two, which warm up, are left out."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = serving.launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        visits.open_page(page, address)
        page.wait_for_timeout(2000)
        seconds = []
        for _ in range(moves + 2):
            page.evaluate(ARM, QUIET)
            page.locator(".st-key-_next button:visible").first.click()
            seconds.append([each / 1000 for each in page.evaluate("() => window.measured")])
            visits.still(page)
        browser.close()
    return seconds[2:]


def main() -> None:
    """Measures and prints median, spread and range of every page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=15)
    parser.add_argument("--model", default="qj-planted")
    parser.add_argument("--url")
    asked = parser.parse_args()
    with running(asked.url) as url:
        for title, address in PAGES.items():
            found = measure(url + address.format(model=asked.model), asked.moves)
            for what, seconds in zip(("first screen", "all"), map(sorted, zip(*found, strict=True)), strict=True):
                low, _, high = statistics.quantiles(seconds, n=4)
                print(f"next sample on {title}, {asked.model}, {what}, n = {len(seconds)}: median "
                      f"{statistics.median(seconds):.3f} s, quartiles {low:.3f} to {high:.3f} s, range "
                      f"{seconds[0]:.3f} to {seconds[-1]:.3f} s", flush=True)


if __name__ == "__main__":
    main()
