"""Cohorts and Compare in Chromium: clicks, links that hold the whole view, pins across pages, no sideways scrolling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts import visits
from tests.support.browser import follow, settle, visit, wait_for_words

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture


def place(page: Any, panel: str, trace: str, point: int) -> tuple[float, float]:
    """Where a point or bar of a named trace is on the screen."""
    visits.come(page, panel)
    x, y = page.evaluate(
        """([panel, name, i]) => {
      const plot = document.querySelector(panel + ' .js-plotly-plot'), layout = plot._fullLayout;
      const corner = plot.getBoundingClientRect();
      const found = plot.calcdata.find(
        points => (points[0].trace.name || '').startsWith(name) && points[0].trace.customdata)[i];
      const bar = found.s !== undefined;
      return [corner.x + layout.xaxis._offset + layout.xaxis.c2p(bar ? found.s / 2 : found.x),
              corner.y + layout.yaxis._offset + layout.yaxis.c2p(bar ? found.p : found.y)];
    }""",
        [f".st-key-panel-{panel}", trace, point],
    )
    return float(x), float(y)


def lonely(page: Any, panel: str) -> tuple[float, float, str]:
    """Where the point lies that is farthest from all others, and its sample."""
    visits.come(page, panel)
    x, y, name = page.evaluate(
        """panel => {
      const plot = document.querySelector(panel + ' .js-plotly-plot'), layout = plot._fullLayout;
      const corner = plot.getBoundingClientRect();
      const all = plot.calcdata.filter(points => points[0].trace.customdata).flatMap(points => points.map(point => [
        corner.x + layout.xaxis._offset + layout.xaxis.c2p(point.x),
        corner.y + layout.yaxis._offset + layout.yaxis.c2p(point.y),
        points[0].trace.customdata[point.i]]));
      const room = all.map((a, i) => Math.min(
        ...all.map((b, j) => i === j ? 1e9 : Math.hypot(a[0] - b[0], a[1] - b[1]))));
      return all[room.indexOf(Math.max(...room))];
    }""",
        f".st-key-panel-{panel}",
    )
    return float(x), float(y), str(name)


def click(page: Any, where: tuple[float, float]) -> None:
    page.mouse.move(*where)
    page.wait_for_timeout(300)
    page.mouse.click(*where)


def test_a_cohort_is_made_and_kept_a_view_is_pinned_and_compared_and_a_point_opens_its_sample(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/cohorts?model=qj-planted&sample=p0031")
    click(page, place(page, "types", "all of test", 3))
    page.wait_for_function(
        "() => document.querySelector('.st-key-filter input').value === 'relation=conflict'"
    )
    settle(page)
    page.locator('[data-testid="stPopoverButton"]', has_text="Save").click()
    page.locator(".st-key-_cohort_name input").fill("at odds")
    page.locator(".st-key-_cohort_name input").press("Enter")
    settle(page)
    page.get_by_role("button", name="Save in the link").click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('cohort=at+odds:relation=conflict')"
    )
    settle(page)
    follow(page, "Samples")
    assert "cohort=at+odds" in page.url
    a_view_is_pinned_tweaked_compared_and_swapped(page)
    follow(page, "Cohorts")
    assert page.locator(".st-key-filter input").input_value() == "relation=conflict"
    page.get_by_role("tab", name="Entanglement").click()
    visits.come(page, "entanglement")
    assert "cohort ‘at odds’" in page.inner_text(".st-key-panel-entanglement")
    page.locator(".st-key-filter input").fill("error>0.45")
    page.locator(".st-key-filter input").press("Enter")
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('filter=error>0.45')"
    )
    settle(page)
    a_point_opens_its_sample_and_another_grouping_is_drawn(page)


def a_point_opens_its_sample_and_another_grouping_is_drawn(page: Any) -> None:
    x, y, wanted = lonely(page, "entanglement")
    click(page, (x, y))
    page.wait_for_function(
        "wanted => document.querySelector('.st-key-sample input').value === wanted", arg=wanted
    )
    settle(page)
    assert f"sample={wanted}" in page.url
    assert f"; {wanted} is" in page.inner_text(".st-key-box-cohort")
    page.get_by_role("tab", name="Contributions").click()
    visits.come(page, "dividends")
    page.locator(".st-key-by input").scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list that opens while the page still scrolls closes at once
    page.locator(".st-key-by input").click()
    page.get_by_role("option", name="planted type").click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-panel-dividends .js-plotly-plot')?.data?.some(t => t.type === 'box')"
    )
    settle(page)
    assert "by=planted+type" in page.url or "by=planted%20type" in page.url


def a_view_is_pinned_tweaked_compared_and_swapped(page: Any) -> None:
    page.get_by_role("button", name="Pin", exact=True).click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('pin=qj-planted/planted/p0031')"
    )
    page.locator(".st-key-_unpin").wait_for()
    follow(page, "Compare")
    assert "No term differs by 0.01 or more between A and B" in page.inner_text("body")
    page.get_by_text("Tweak B: couplings").click()
    knob = page.locator(".st-key-T input")
    knob.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    wait_for_words(page, "T=0.6")
    settle(page)
    said = page.locator(".st-key-panel-differences h4").inner_text()
    assert said.startswith("B's score is")
    page.get_by_role("button", name="Swap").click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('pin=qj-planted/planted/p0031/T=0.6')"
    )
    settle(page)
    assert page.locator(".st-key-T input").input_value() == "1"
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => !location.search.includes('pin=')")
