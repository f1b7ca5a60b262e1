"""The first screen in Chromium: evolution, slider and decision stand on it in few words, and the slider moves both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts import dragging, visits
from tests.support.browser import visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
PLACES = (
    ".st-key-panel-decision-over-time .js-plotly-plot",
    ".st-key-strongest",
    ".st-key-panel-waterfall .js-plotly-plot",
)
MOST_WORDS = 140
# Words that are seen of the main part: neither in figures, nor icons, nor for screen readers alone.
WORDS = """() => {
  const main = document.querySelector('[data-testid="stMain"]'), found = [];
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  const hidden = e => e && (/inset\\(50/.test(getComputedStyle(e).clipPath) || hidden(e.parentElement));
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!text || e.closest('svg, style, script, .qf-tools, [data-testid="stIconMaterial"]')) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.top < 0 || box.bottom > innerHeight) continue;
    if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true}) || hidden(e)) continue;
    found.push(text);
  }
  return found;
}"""
BARS = """() => document.querySelector('.st-key-panel-waterfall .js-plotly-plot').data[0].x.map(Number)"""


def test_the_first_screen_is_the_machine_at_work(visit: Callable[[str], Any]) -> None:
    page = visit("/?sample=p2924")
    page.set_viewport_size({"width": 1440, "height": 900})
    visits.still(page)
    for place in PLACES:
        box = page.locator(place).first.bounding_box()
        assert box["y"] >= 0, place
        assert box["y"] + box["height"] <= 900, place
    words = " ".join(page.evaluate(WORDS)).split()
    assert len(words) <= MOST_WORDS, " ".join(words)
    said = " ".join(words)
    assert "quantum states" in said
    assert "learned Hamiltonian with quantum jumps" in said


def test_the_slider_moves_curves_bars_and_score(visit: Callable[[str], Any]) -> None:
    page = visit("/?sample=p2924")
    before = page.evaluate(BARS)
    slider = dragging.Slider(page, "H.text-audio-vision")
    slider.hold()
    slider.move(0.1)
    dragging.wait_until_followed(page, ("scores", "upper"))
    dragging.wait_until_drawn(page)
    live = page.locator(".st-key-pair-metrics .qf-live").first.inner_text()
    slider.release()
    visits.still(page)
    assert page.evaluate(BARS) != before
    shown = page.locator('.st-key-pair-metrics [data-testid="stMetricValue"]').inner_text()
    assert live.split()[0] == shown
    assert "H.text-audio-vision=" in page.url
