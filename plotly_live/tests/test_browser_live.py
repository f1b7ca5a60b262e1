"""Figures in Chromium: what stays is not drawn anew, what the reader does is reported, sliders are followed."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]
# Counts changes in the marks of each trace from now on.
WATCH = """() => {
  window.changes = [0, 0];
  document.querySelectorAll('.scatterlayer .trace').forEach((trace, n) => new MutationObserver(seen => {
    window.changes[n] += seen.length;
  }).observe(trace, {subtree: true, childList: true, attributes: true}));
  document.querySelector('.plotly-live').stays = true; }"""
# What is drawn, in units of the axes: the line, the markers and the ends of the bars.
SHOWN = """() => {
  const host = document.querySelector('.plotly-live'), {yaxis, yaxis2} = host._fullLayout;
  const ends = [...host.querySelectorAll('.barlayer .point > path')].map(path => {
    const [from, to] = [/,(-?[\\d.]+)V/, /V(-?[\\d.]+)/].map(
      part => yaxis2.p2d(Number(part.exec(path.getAttribute('d'))[1])));
    return Math.abs(from) > Math.abs(to) ? from : to;
  });
  const line = host.querySelector('.js-line').getAttribute('d').slice(1).split('L').map(
    point => yaxis.p2d(Number(point.split(',')[1])));
  const marks = [...host.querySelectorAll('.scatterlayer .trace:nth-child(2) .points path')].map(
    mark => yaxis.p2d(Number(/,(-?[\\d.]+)/.exec(mark.getAttribute('transform'))[1])));
  const pixel = axis => Math.abs(axis.p2d(1) - axis.p2d(0));
  return {line, marks, ends, pixels: [yaxis, yaxis, yaxis2].map(pixel)}; }"""

# The middle of a slider's thumb, of the words above it.
THUMB = """words => { const {x, y, width, height} = words.parentElement.getBoundingClientRect();
  return [x + width / 2, y + height / 2]; }"""


def settle(page: Any) -> None:
    """Waits until the script has run and the figures are drawn."""
    page.wait_for_timeout(150)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("() => !document.querySelector('.plotly-live[aria-busy]')")
    page.wait_for_timeout(100)


def place(page: Any, x: float, y: float) -> tuple[float, float]:
    """The place on the screen of a point of the first figure."""
    left, top = page.evaluate(
        """([x, y]) => { const host = document.querySelector('.plotly-live'), {xaxis, yaxis} = host._fullLayout;
        const box = host.getBoundingClientRect();
        return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)]; }""",
        [x, y],
    )
    return left, top


def click(page: Any, x: float, y: float) -> None:
    """Clicks on a point of the first figure, once the figure knows that the mouse is over it."""
    page.mouse.move(*place(page, x, y))
    page.wait_for_function("() => document.querySelector('.plotly-live')._hoverdata?.length")
    page.mouse.down()
    page.mouse.up()


def drag(page: Any, *points: tuple[float, float]) -> None:
    """Drags the mouse over points of the first figure."""
    first, *others = [place(page, *point) for point in points]
    page.mouse.move(*first)
    page.mouse.down()
    for other in others:
        page.mouse.move(*other, steps=4)
    page.mouse.up()


def reported(page: Any) -> dict[str, Any]:
    """The last choice that the app has got."""
    page.wait_for_function("() => document.querySelector('[data-testid=stCode]')?.innerText.trim()")
    settle(page)
    return dict(json.loads(page.inner_text("[data-testid=stCode]")))


def test_unchanged_traces_are_not_drawn_anew(visit: Visit) -> None:
    page = visit("changes")
    page.evaluate(WATCH)
    before = place(page, 4, 2)
    page.get_by_role("button", name="Move").click()
    page.wait_for_function("() => document.querySelector('.plotly-live').data[1].y[0] === 2")
    settle(page)
    assert page.evaluate("() => document.querySelector('.plotly-live').stays")
    still, moved = page.evaluate("() => window.changes")
    assert still == 0
    assert moved > 0
    assert place(page, 4, 2) == before


def test_a_click_is_reported_once(visit: Visit) -> None:
    page = visit("pan")
    click(page, 2, 2)
    choice = reported(page)
    assert choice["points"] == [
        {"curve_number": 0, "point_index": 1, "x": 2, "y": 2, "customdata": "b"}
    ]
    assert choice["box"] is choice["lasso"] is None
    assert choice["zoom"] == {}


def test_a_box_is_reported_and_leaves_no_mark(visit: Visit) -> None:
    page = visit("select")
    drag(page, (0.5, 0.5), (2.5, 2.5))
    choice = reported(page)
    assert [point["customdata"] for point in choice["points"]] == ["a", "b"]
    assert np.allclose(choice["box"]["x"], [0.5, 2.5], atol=0.05)
    page.wait_for_function("() => !document.querySelector('.selectionlayer path')")
    faint = "e => [...e.querySelectorAll('.point')].every(point => getComputedStyle(point).opacity === '1')"
    assert page.locator(".plotly-live").evaluate(faint)


def test_a_lasso_is_reported(visit: Visit) -> None:
    page = visit("lasso")
    drag(page, (1.5, 1.5), (3.5, 1.5), (3.5, 3.5), (1.5, 3.5), (1.5, 1.5))
    choice = reported(page)
    assert [point["customdata"] for point in choice["points"]] == ["b", "c"]
    assert len(choice["lasso"]["x"]) == len(choice["lasso"]["y"]) > 3


def test_a_zoom_is_reported_and_stays_and_a_double_click_ends_it(visit: Visit) -> None:
    page = visit("zoom")
    drag(page, (1, 1), (3, 4))
    zoom = reported(page)["zoom"]
    assert np.allclose(zoom["xaxis"], [1, 3], atol=0.05)
    assert np.allclose(zoom["yaxis"], [1, 4], atol=0.05)
    page.set_viewport_size({"width": 1000, "height": 900})  # drawn anew at another size
    settle(page)
    page.wait_for_timeout(300)
    ranges = page.evaluate("() => document.querySelector('.plotly-live')._fullLayout.xaxis.range")
    assert np.allclose(ranges, zoom["xaxis"])
    page.mouse.dblclick(*place(page, 2, 2))
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stCode]').innerText.includes('[0, 5]')"
    )


def test_a_callback_is_given_the_choice(visit: Visit) -> None:
    page = visit("calls")
    click(page, 3, 3)
    assert reported_text(page) == "1"


def reported_text(page: Any) -> str:
    """What the app has written."""
    page.wait_for_function("() => document.querySelector('[data-testid=stCode]')?.innerText.trim()")
    return str(page.inner_text("[data-testid=stCode]")).strip()


def curve(x: float) -> list[np.ndarray]:
    """What app.py shows at x: the line, the markers and the bars."""
    times = np.linspace(0, 1, 60)
    line = 3 * x * np.sin(5 * times * x)
    return [line, np.array([x, -x, 2 * x]), np.array([x**2, 1, -x])]


def deviation(page: Any, x: float) -> float:
    """By how many pixels the figure differs from the exact one."""
    shown = page.evaluate(SHOWN)
    drawn = [shown["line"], shown["marks"], shown["ends"]]
    return max(
        float(np.abs(np.array(have) - want).max() / pixel)
        for have, want, pixel in zip(drawn, curve(x), shown["pixels"], strict=True)
    )


def test_a_dragged_slider_is_followed_within_a_pixel_and_then_drawn_exactly(visit: Visit) -> None:
    page = visit("follows")
    assert deviation(page, 0.25) < 1
    slider = page.locator("input[type=range]")
    box = page.locator("[data-testid=stSlider] [role=group] > div").bounding_box()
    thumb = page.locator("[data-testid=stSliderThumbValue]").evaluate(THUMB)
    page.mouse.move(*thumb)
    page.mouse.down()
    for share in np.random.default_rng(0).uniform(0, 1, 12):
        page.mouse.move(box["x"] + box["width"] * share, thumb[1])
        page.wait_for_timeout(120)
        assert deviation(page, float(slider.input_value())) < 1
        assert cursor(page) == pytest.approx(float(slider.input_value()), abs=0.01)
    last = slider.input_value()
    assert page.inner_text("[data-testid=stCode]").strip() == "0.25"  # the server has not run
    page.mouse.up()
    page.wait_for_function(
        "last => Number(document.querySelector('[data-testid=stCode]').innerText) === Number(last)",
        arg=last,
    )
    settle(page)
    page.wait_for_timeout(400)
    assert deviation(page, float(last)) < 1
    assert cursor(page) == pytest.approx(float(last), abs=0.01)


def cursor(page: Any) -> float:
    """Where the cursor stands, in units of the first axis."""
    return float(
        page.evaluate(
            """() => { const host = document.querySelector('.plotly-live:has(.plotly-live-cursor)');
            const line = host.querySelector('.plotly-live-cursor'), {xaxis} = host._fullLayout;
            return line.hidden ? NaN : xaxis.p2d(parseFloat(line.style.left) - xaxis._offset); }"""
        )
    )


def test_a_slider_that_is_moved_back_leaves_the_figure_as_it_was(visit: Visit) -> None:
    page = visit("follows")
    before = page.evaluate(SHOWN)
    thumb = page.locator("[data-testid=stSliderThumbValue]").evaluate(THUMB)
    page.mouse.move(*thumb)
    page.mouse.down()
    page.mouse.move(thumb[0] + 200, thumb[1], steps=4)
    page.wait_for_timeout(150)
    assert page.evaluate(SHOWN) != before
    page.mouse.move(*thumb, steps=4)
    page.mouse.up()
    page.wait_for_timeout(600)
    settle(page)
    assert page.evaluate(SHOWN) == before


def test_two_figures_and_hostile_words_stand_on_one_page(visit: Visit) -> None:
    page = visit("pair")
    assert page.locator(".plotly-live").count() == 2
    assert page.evaluate("() => window.hacked") is None
    assert page.locator(".plotly-live").first.get_attribute("aria-label") == "Bars"
    fill = page.locator(".st-key-one .barlayer path").first.evaluate("e => e.style.fill")
    theme = page.locator(".st-key-one .plotly-live").evaluate(
        "e => getComputedStyle(e).getPropertyValue('--st-chart-categorical-colors').split(',')[0]"
    )
    channels = ", ".join(str(int(theme[n : n + 2], 16)) for n in (1, 3, 5))
    assert fill == f"rgb({channels})"  # of the theme, as st.plotly_chart draws it
    plot = page.locator(".st-key-two .nsewdrag").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_timeout(100)
    assert 1.4 < cursor(page) < 1.6
    page.locator(".st-key-one .barlayer path").first.scroll_into_view_if_needed()
    bar = page.locator(".st-key-one .barlayer path").first.bounding_box()
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    page.wait_for_function(
        "() => document.querySelector('.st-key-one .plotly-live')._hoverdata?.length"
    )
    page.mouse.down()
    page.mouse.up()
    assert reported(page)["points"][0]["x"] == "a"


def test_a_narrow_figure_keeps_long_words_inside(visit: Visit) -> None:
    page = visit("pair", width=390)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('.plotly-live')].map(host => [host.clientWidth, host.scrollWidth])"""
    )
    assert all(inner <= width for width, inner in boxes)


def test_a_script_of_the_app_extends_the_figure(visit: Visit) -> None:
    page = visit("extended")
    page.wait_for_selector(".plotly-live.mine[data-drawn=yes]")
    assert page.locator(".legend").count() == 1
    page.get_by_role("button", name="Press me").click()
    assert reported_text(page) == "True"
