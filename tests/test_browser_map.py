"""A drag in the map of two sliders in Chromium: numbers follow both, and the exact page shows the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browser import settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
MAP = "/dynamics?model=qj-parity&view=Sensitivity&mapx=T&mapy=H.left-right"
TILES = ".st-key-pair-metrics [data-testid=stMetric]"
QUIET = "() => !document.querySelector('.qf-live')"


def open_map(visit: Callable[[str], Any], address: str) -> Any:
    page = visit(address)
    page.set_viewport_size({"width": 1440, "height": 2200})
    page.locator(".qf-ring").wait_for(state="attached", timeout=60_000)
    settle(page)
    return page


def place(page: Any, across: float, up: float) -> tuple[float, float]:
    """Where a place of the map, in shares of both sliders, stands on the screen."""
    box = page.locator(".st-key-figure-slider-map .nsewdrag").first.bounding_box()
    return box["x"] + box["width"] * across, box["y"] + box["height"] * (1 - up)


def test_both_sliders_follow_a_drag_and_the_exact_page_shows_the_same(
    visit: Callable[[str], Any],
) -> None:
    page = open_map(visit, MAP)
    page.mouse.move(*place(page, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*place(page, 0.4, 0.4), steps=4)
    page.wait_for_function("() => document.querySelectorAll('.qf-live').length > 1")
    for across, up in ((0.8, 0.7), (0.3, 0.25)):
        page.mouse.move(*place(page, across, up), steps=6)
        page.wait_for_timeout(50)
        page.wait_for_function("() => window.qfusionKnobs.settled")
    words = page.inner_text(".st-key-tweak-line .qf-live")
    assert words == page.inner_text(".qf-pair")
    assert "test metrics when you let go" in words
    T, factor = re.search(r"Duration T = (\S+), H: left \+ right × (\S+):", words).groups()
    live = page.locator(f"{TILES} .qf-live > span").first.inner_text()
    page.mouse.up()
    page.wait_for_function(QUIET)
    settle(page)
    assert page.locator(f"{TILES} [data-testid=stMetricValue]").first.inner_text().strip() == live
    chosen = re.search(r"H.left-right=([\d.]+)&T=([\d.]+)", page.url)
    assert [float(number) for number in chosen.groups()] == pytest.approx(
        [float(factor), float(T)], abs=5.1e-3
    )
    assert not page.locator("[data-knob], [data-follows], [data-moves], .qf-pair").count()


def test_a_click_and_arrow_keys_set_both(visit: Callable[[str], Any]) -> None:
    page = open_map(visit, MAP)
    sample = page.locator(".st-key-sample input").input_value()
    page.mouse.click(*place(page, 0.7, 0.6))
    page.wait_for_function("() => /H.left-right=1.2/.test(location.search)")
    settle(page)
    assert "T=2.1" in page.url
    ring = page.locator(".qf-ring")
    ring.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("() => document.querySelector('.qf-live')")
    page.wait_for_function(QUIET, timeout=20_000)
    settle(page)
    assert "H.left-right=1.21" in page.url
    assert "T=2&" in page.url
    assert page.locator(".st-key-sample input").input_value() == sample
    assert "× 1.21" in ring.get_attribute("aria-valuetext")


def test_a_drag_back_to_where_both_stand_leaves_no_trace(visit: Callable[[str], Any]) -> None:
    page = open_map(visit, f"{MAP}&H.left-right=1.2&T=1.5")
    address = page.url
    page.mouse.move(*place(page, 0.5, 0.6))
    page.mouse.down()
    page.mouse.move(*place(page, 0.2, 0.4), steps=4)
    page.wait_for_function("() => document.querySelector('.qf-live')")
    page.mouse.move(*place(page, 0.5, 0.6), steps=4)
    page.wait_for_timeout(200)
    page.mouse.up()
    page.wait_for_function(QUIET)
    settle(page)
    assert page.url == address
