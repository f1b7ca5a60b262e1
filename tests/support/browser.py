"""Actions in Chromium, and waiting for what they change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from qfusion.study.text import BESIDE
from scripts import visits

FIGURE = '[data-testid="stMain"] .js-plotly-plot'
SIDEWAYS = """() => { const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth - main.clientWidth; }"""
# The point farthest from all others, so that no other lies on top of it: its place on the screen, and its sample. Of a
# trace of that name, or of all that name samples.
LONELY = """([panel, name]) => {
  const plot = document.querySelector(panel + ' .js-plotly-plot'), layout = plot._fullLayout;
  plot.scrollIntoView({block: 'center'});
  const corner = plot.getBoundingClientRect();
  const traces = plot.calcdata.filter(points => points[0].trace.customdata && (!name || points[0].trace.name === name));
  const all = traces.flatMap(points => points.map(point => [
    corner.x + layout.xaxis._offset + layout.xaxis.c2p(point.x),
    corner.y + layout.yaxis._offset + layout.yaxis.c2p(point.y),
    points[0].trace.customdata[point.i]]));
  const room = all.map((a, i) => Math.min(
    ...all.map((b, j) => i === j ? 1e9 : Math.hypot(a[0] - b[0], a[1] - b[1]))));
  return all[room.indexOf(Math.max(...room))];
}"""
# Whether a figure knows which of its points lies under the pointer: without one, a click does nothing.
UNPOINTED = (
    "() => document.querySelectorAll('.js-plotly-plot').forEach(plot => delete plot._hoverdata)"
)
POINTED = (
    "() => [...document.querySelectorAll('.js-plotly-plot')].some(plot => plot._hoverdata?.length)"
)


@pytest.fixture
def visit(page: Any, server: Any) -> Callable[[str], Any]:
    """Opens an address, of `qj-planted` where it names neither model nor data, and waits until the page has stopped
    changing; the page must show no exception."""

    def open_address(address: str) -> Any:
        if not re.search("(model|data|tour)=", address):
            address += ("&" if "?" in address else "?") + "model=qj-planted"
        page.goto(server.url + address)
        settle(page)
        return page

    return open_address


def chosen(page: Any, key: str) -> str:
    """Returns the id that the picker of the model or of the data shows, without its title."""
    behind = key == "data"
    if behind:
        open_more(page)
    words: str = page.locator(f".st-key-{key} input").first.input_value()
    if behind:
        page.keyboard.press("Escape")
    return words.split()[-1].strip("()")


def open_more(page: Any) -> None:
    """Opens what is behind the button of the bar: data, explained output and background."""
    page.locator(".st-key-bar-more button").first.click()
    page.locator(".st-key-data input").first.wait_for()


def chosen_sample(page: Any, key: str = "sample") -> str:
    """Returns the id that a picker of samples shows, without the words of the sample beside it."""
    if key == "contrast":
        open_more(page)
    words: str = page.locator(f".st-key-{key} input").input_value()
    if key == "contrast":
        page.keyboard.press("Escape")
    return words.split(BESIDE)[0]


def wait_for_sample(page: Any, wanted: str) -> None:
    """Waits until the picker of the sample shows an id."""
    page.wait_for_function(
        "([id, beside]) => document.querySelector('.st-key-sample input').value.split(beside)[0] === id",
        arg=[wanted, BESIDE],
    )


def settle(page: Any) -> None:
    """Waits until the script has ended and figures are there, and checks that nothing failed."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000
    )
    page.wait_for_selector(FIGURE, timeout=60_000)
    visits.still(page)
    assert not page.evaluate("() => document.body.textContent.includes('Traceback')")


def wait_for_words(page: Any, words: str) -> None:
    """Waits until words stand on the page, without having it laid out again and again."""
    page.wait_for_function(
        "words => document.querySelector('[data-testid=stMain]')?.textContent.includes(words)",
        arg=words,
    )


def follow(page: Any, title: str) -> None:
    """Goes to another page by its link in the sidebar."""
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name=title).first.click()
    page.wait_for_selector(f"h1:has-text('{title}')")
    settle(page)


def sideways(page: Any) -> int:
    """By how many pixels the page is wider than its window, at most 0 where it fits."""
    return int(page.evaluate(SIDEWAYS))


def metric(page: Any, label: str) -> str:
    """The number under a label."""
    cell = page.locator('[data-testid="stMetric"]').filter(has_text=label).first
    return str(cell.locator('[data-testid="stMetricValue"]').inner_text())


def lonely_point(page: Any, panel: str, trace: str = "") -> tuple[tuple[float, float], str]:
    """Where the point of a panel's scatter lies that is farthest from all others, and its sample."""
    x, y, sample = page.evaluate(LONELY, [panel, trace])
    return (float(x), float(y)), str(sample)


def click_point(page: Any, place: tuple[float, float]) -> None:
    """Clicks a point of a figure once the figure has seen the pointer there."""
    page.evaluate(UNPOINTED)
    page.mouse.move(*place)
    page.wait_for_function(POINTED)
    page.mouse.click(*place)


def pick(page: Any, key: str, option: str) -> None:
    """Types an option of a select box and takes it."""
    box = page.locator(f".st-key-{key} input").first
    box.click()
    page.keyboard.type(option)
    page.get_by_role("option", name=option).first.wait_for()
    page.keyboard.press("Enter")


def draw_seven(page: Any, place: int = 0) -> None:
    """Draws a 7 by the mouse."""
    canvas = page.locator(".qf-canvas canvas").nth(place)
    canvas.scroll_into_view_if_needed()
    visits.still(page)
    box = canvas.bounding_box()

    def at(right: float, down: float) -> tuple[float, float]:
        return box["x"] + right * box["width"], box["y"] + down * box["height"]

    page.mouse.move(*at(0.3, 0.25))
    page.mouse.down()
    page.mouse.move(*at(0.7, 0.25), steps=8)
    page.mouse.move(*at(0.45, 0.8), steps=10)
    page.mouse.up()


def ready(page: Any) -> None:
    """Waits until the script has ended."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=120_000
    )
