"""Seconds from the release of a slider on the Dynamics page to the completed redraw, in Chromium.

    python benchmarks/slider_latency.py [--moves 15] [--model qj-planted] [--url http://127.0.0.1:8501]

Starts the app unless `--url` names a running one. A real mouse drags a coupling's slider to a new place each time. The
clock runs in the page: from the pointer's release to the last change of the page (figures redrawn, the last line saying
the new factor), seen by a MutationObserver. Streamlit itself waits 200 ms after a slider's last move.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import serving

QUIET = 500  # milliseconds without any change to the page that end a measurement
# Arms one measurement: resolves with the milliseconds from the pointer's release to the last change of the page, which
# must have included a figure and the last line.
ARM = """quiet => {
  const main = document.querySelector('[data-testid=stMain]');
  const tail = () => [...main.querySelectorAll('[data-testid=stCaptionContainer]')].pop().innerText;
  const before = tail();
  let released = null, last = null, drawn = 0;
  document.addEventListener('pointerup', () => { released = performance.now(); }, {once: true, capture: true});
  const observer = new MutationObserver(changes => {
    if (released === null) return;
    last = performance.now();
    drawn += changes.some(change => change.target.closest && change.target.closest('.js-plotly-plot')) ? 1 : 0;
  });
  observer.observe(main, {subtree: true, childList: true, characterData: true, attributes: true});
  window.measured = new Promise((resolve, reject) => {
    const limit = performance.now() + 20000;
    const look = () => {
      const now = performance.now();
      if (released !== null && drawn > 0 && tail() !== before && now - last > quiet) {
        observer.disconnect();
        resolve(last - released);
      } else if (now > limit) reject(new Error(`no redraw: ${drawn} changes of figures, line ${tail() !== before}`));
      else requestAnimationFrame(look);
    };
    look();
  });
}"""


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


def measure(address: str, ready: str, slider_class: str, moves: int) -> list[float]:
    """Returns the seconds of each move.

    Args:
        address: of the page; ready: selector of a figure that shows when it is complete; slider_class: CSS class of the
            slider.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = serving.launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector(ready, timeout=90_000)
        page.wait_for_timeout(3000)
        slider = page.locator(f".{slider_class}")
        slider.scroll_into_view_if_needed()
        seconds = []
        for move in range(moves + 1):
            page.evaluate(ARM, QUIET)
            drag(page, slider, 0.08 + 0.84 * ((move * 0.618034) % 1))
            seconds.append(page.evaluate("() => window.measured") / 1000)
            page.wait_for_timeout(300)
        browser.close()
    return seconds[1:]  # the first move warms up


@contextlib.contextmanager
def running(url: str | None) -> Iterator[str]:
    """Yields the address of a running app, started here unless given."""
    if url:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder, serving.serve(Path(folder)) as server:
        yield server.url


def report(what: str, address: str, ready: str, slider_class: str, default: str) -> None:
    """Reads the command line, measures and prints median, spread and range.

    Args:
        what: is measured; address: after the app's, with `{model}` in it; the others as of `measure`. default: the
            model.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--moves", type=int, default=15)
    parser.add_argument("--model", default=default)
    parser.add_argument("--url")
    options = parser.parse_args()
    with running(options.url) as url:
        seconds = sorted(measure(url + address.format(model=options.model), ready, slider_class, options.moves))
    quarters = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else [seconds[0]] * 3
    print(f"{what}, {options.model}, n = {len(seconds)}: median {statistics.median(seconds):.3f} s, "
          f"quartiles {quarters[0]:.3f} to {quarters[2]:.3f} s, range {seconds[0]:.3f} to {seconds[-1]:.3f} s")


if __name__ == "__main__":
    report("slider to redrawn page", "/dynamics?model={model}", '[class*="st-key-panel-waterfall-now"] .js-plotly-plot',
           "st-key-H-text-audio", "qj-planted")
