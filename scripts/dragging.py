"""Sliders of the Dynamics page dragged in a browser: real moves of the mouse, and what the figures show meanwhile."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from qfusion.models.tweak import Tweak  # noqa: E402
from qfusion.study.sample import Sample  # noqa: E402
from qfusion.views.decision import upper_curves  # noqa: E402

# What followed figures on the screen show, in units of their axes: lines by group and names, and the ends of the bars.
_SHOWN = """() => [...document.querySelectorAll('.qf-figure')].filter(host => host._fullLayout && host.seen)
  .flatMap(host =>
  host._fullData.flatMap((trace, n) => {
    const meta = host.data[n]?.meta;
    if (!meta?.group && !meta?.classes || meta.part) return [];
    const axis = name => host._fullLayout[`${name[0]}axis${name.slice(1)}`];
    if (meta.rows || meta.classes) {
      const x = axis(trace.xaxis), ends = [...host.querySelectorAll('.barlayer .trace.bars .point path')].map(
        path => x.p2d(Number(/H(-?[\\d.]+)/.exec(path.getAttribute('d'))[1])));
      return [{...meta, values: ends, pixel: Math.abs(x.p2d(1) - x.p2d(0))}];
    }
    const y = axis(trace.yaxis), path = host.querySelector(`.trace${trace.uid} .js-line`);
    if (!path) return [];
    const points = path.getAttribute('d').slice(1).split('L').map(point => y.p2d(Number(point.split(',')[1])));
    return [{group: meta.group, names: meta.names, values: points, pixel: Math.abs(y.p2d(1) - y.p2d(0)),
      axis: Math.abs(y.range[1] - y.range[0])}];
  }))"""
_MATRIX = """() => [...document.querySelectorAll('.st-key-figure-built .textpoint text')].map(
  text => text.textContent)"""
# Notes when the decision first follows a slider, and the pictures of the first followed figure while it is dragged.
_COUNT = """() => {
  window.qfShown = [];
  window.qfDecision = 0;
  const decision = new MutationObserver(() => {
    if (!document.querySelector('.qf-live')) return;
    window.qfDecision = performance.now();
    decision.disconnect();
  });
  decision.observe(document.body, {subtree: true, childList: true});
  const press = () => { window.qfPressed = performance.now(); };
  document.addEventListener('pointerdown', press, {once: true, capture: true});
  const host = document.querySelector('.st-key-figure-decision-over-time .js-line')
    ?? document.querySelector('.st-key-figure-probabilities .barlayer .point path');
  const observer = new MutationObserver(() => window.qfShown.push(performance.now()));
  observer.observe(host, {attributes: true, attributeFilter: ['d']});
}"""


@dataclass
class Slider:
    """A slider of the page.

    Args:
        page: of Playwright, with the Dynamics page. key: of the slider, such as "H.text" or "T".
    """

    page: Any
    key: str

    @property
    def place(self) -> str:
        """Selector of its element."""
        return f".st-key-{re.sub('[^a-zA-Z0-9_-]', '-', self.key)}"

    @property
    def value(self) -> float:
        """Value that its thumb shows."""
        return float(self.page.locator(f"{self.place} input[type=range]").input_value())

    def track(self) -> tuple[float, float, float]:
        """Left and right end of its track, and its height on the screen."""
        self.page.locator(self.place).scroll_into_view_if_needed()
        box = self.page.locator(f"{self.place} [role=group] > div").bounding_box()
        thumb = self.page.locator(f"{self.place} [data-testid=stSliderThumbValue]").evaluate(
            "each => { const {y, height} = each.parentElement.getBoundingClientRect(); return y + height / 2; }"
        )
        return box["x"], box["x"] + box["width"], thumb

    def hold(self) -> None:
        """Press the mouse on its thumb."""
        left, right, y = self.track()
        field = self.page.locator(f"{self.place} input[type=range]")
        low, high = (float(field.get_attribute(name)) for name in ("min", "max"))
        self.page.mouse.move(left + (right - left) * (self.value - low) / (high - low), y)
        self.page.mouse.down()

    def move(self, share: float, steps: int = 1) -> None:
        """Move the mouse, which holds it, to a share of its track."""
        left, right, y = self.track()
        self.page.mouse.move(left + (right - left) * share, y, steps=steps)

    def release(self) -> None:
        """Let go."""
        self.page.mouse.up()


def wait_until_followed(page: Any, groups: tuple[str, ...] = ("scores", "upper")) -> None:
    """Wait until the browser has the polynomials of some groups of series, and has drawn a picture from them."""
    page.wait_for_function(
        "groups => groups.every(name => window.qfusionKnobs?.groups[name])", arg=list(groups)
    )


def wait_until_drawn(page: Any) -> None:
    """Wait until the last picture shows the slider where it is."""
    page.wait_for_timeout(30)  # in which a move of the mouse comes to the slider
    page.wait_for_function("() => window.qfusionKnobs.settled")


def shown_series(page: Any) -> list[dict[str, Any]]:
    """Return what followed figures show: `group`, `names` or `rows`, `values` in units of the axis, and `pixel`, the
    size of a pixel in these units.
    """
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    shown: list[dict[str, Any]] = page.evaluate(_SHOWN)
    return shown


def exact_series(sample: Sample, shown: dict[str, Any]) -> np.ndarray:
    """Return what a line, or the bars, of `shown_series` show of a sample under its tweak."""
    if "classes" in shown:
        return sample.probabilities[shown["classes"]]
    group = shown["group"]
    if group == "final":
        dividends = sample.dividends
        ends = np.cumsum([sum(dividends[name] for name in row) for row in shown["rows"]])
        return np.r_[ends, ends[-1]]
    if group == "terms":
        along = sample.path_dividends
        return np.sum([along[name] for name in shown["names"]], axis=0)
    return np.asarray(upper_curves(sample)[0][shown["names"][0]])


def turned(sample: Sample, key: str, value: float) -> Sample:
    """Return a sample under another value of one slider of the Dynamics page."""
    return replace(sample, tweak=Tweak.of([(key, value)], sample.study.model))


def deviations(page: Any, exact: Sample) -> list[float]:
    """Return by how many pixels each series that is shown differs from the exact one.

    Args:
        page: with the figures. exact: the sample under the value of the slider that was moved.
    """
    return [
        float(np.abs(np.array(shown["values"]) - exact_series(exact, shown)).max() / shown["pixel"])
        for shown in shown_series(page)
    ]


def matrix_texts(page: Any) -> list[str]:
    """Return the numbers in the matrix of what each term built, row by row."""
    texts: list[str] = page.evaluate(_MATRIX)
    return texts


def count_pictures(page: Any) -> None:
    """Begin to count the pictures of the first figure; see `picture_times`."""
    page.evaluate(_COUNT)


def first_times(page: Any) -> tuple[float, float]:
    """Return the milliseconds from pressing the thumb until the decision, in the tiles, follows, and until the first
    figure does.
    """
    pressed, decision, figure = page.evaluate(
        "() => [window.qfPressed, window.qfDecision, window.qfShown[0]]"
    )
    return decision - pressed, figure - pressed


def picture_times(page: Any) -> list[float]:
    """Return when pictures came, in milliseconds; several changes of one frame count once."""
    times: list[float] = page.evaluate("() => window.qfShown")
    return [time for n, time in enumerate(times) if n == 0 or time - times[n - 1] > 2]
