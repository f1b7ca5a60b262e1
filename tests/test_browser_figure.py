"""Figures on a page: changed in place, as large as their panel, the buttons above them; those below the screen."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion.analysis.opening import open_sample
from qfusion.panels import sample_decision
from scripts import visits

pytestmark = pytest.mark.browser
ROOMS = """() => [...document.querySelectorAll('.qf-figure')].map(e => {
  const room = e.getBoundingClientRect(), drawn = e.querySelector('.main-svg').getBoundingClientRect();
  return [room.width - drawn.width, room.height - drawn.height]; })"""
# By how much a legend stands in its plot.
LEGENDS = """() => Math.max(...[...document.querySelectorAll('.qf-figure')].filter(e => e.querySelector('.legend')).map(
  e => e.querySelector('.legend').getBoundingClientRect().bottom - e.getBoundingClientRect().top
    - e._fullLayout._size.t))"""


# Of the parts that wait below the screen.
PLACES = """() => [...document.querySelectorAll('[class*="st-key-later-"]')].map(
  place => /st-key-later-(\\S+)/.exec(place.className)[1])"""

# What stands on the page when a browser says that the first figure is drawn; with #mute that does not get through.
ASKS = """(() => {
  const send = window.fetch;
  let figure;
  const place = () => { const {x, y} = figure.getBoundingClientRect(); return [x, y]; };
  window.placeOfFirst = place;
  window.asks = [];
  window.entries = history.length;
  window.fetch = (at, ...more) => {
    if (!String(at).includes('/drawn/')) return send(at, ...more);
    figure = document.querySelector('.qf-figure');
    window.asks.push([document.querySelectorAll('[data-testid="stSidebar"] a').length, ...place()]);
    return location.hash === '#mute' ? new Promise(() => {}) : send(at, ...more);
  };
})()"""


def test_the_first_figure_comes_before_the_frame_where_it_stays_and_the_rest_comes_whatever_a_browser_says(
    page: Any, server: Any
) -> None:
    page.add_init_script(ASKS)
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&data=parity"
    )  # so that it has been shown
    for address in ("/samples?model=qj-parity", "/what_if#mute"):
        for _ in range(4):  # a browser that shares its cores may take longer than is waited for
            page.goto("about:blank")
            visits.open_page(page, server.url + address)
            if page.evaluate("asks"):
                break
        assert page.url == server.url + address  # nobody chose what is shown
        assert page.evaluate("history.length - entries") == 0  # one press of Back leaves it
        [(links, *place)] = page.evaluate("asks")
        assert links == 0
        assert page.evaluate("placeOfFirst()") == pytest.approx(place, abs=2)
        assert page.locator('[data-testid="stSidebar"] a').count() > 10
        assert page.locator(".st-key-model input, .st-key-model [role=combobox]").count()
    page.goto("about:blank")
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&words=full"
    )  # more than is shown at once
    assert page.evaluate("asks") == []
    with urllib.request.urlopen(server.url + "/drawn/nobody", timeout=10) as answer:
        assert answer.status == 204


def test_a_figure_stays_its_numbers_are_saved_a_zip_is_cancelled_and_what_waits_is_drawn_as_it_comes(
    page: Any, server: Any, tmp_path: Path
) -> None:
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&sample=pair-0003&data=parity", whole=True
    )
    the_numbers_are_saved(page, tmp_path)
    seen: list[Any] = []
    page.on("download", lambda file: seen.append(file))
    a_figure_stays_and_only_its_numbers_change(page)
    page.locator(".st-key-figure-verdict .qf-export").click()
    page.get_by_role("dialog").get_by_role("button", name="Download SVG").wait_for()
    assert not seen  # though the figure was drawn again, and the drawer has opened
    the_making_of_a_zip_can_be_cancelled(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    figures_are_as_large_as_their_panels(page)
    scrolling_draws_what_comes_near_in_the_place_kept_for_it(page)


def the_numbers_are_saved(page: Any, folder: Path) -> None:
    with page.expect_download() as download:
        page.locator(".st-key-figure-verdict .qf-numbers").click()
    assert download.value.suggested_filename == "qfusion-verdict.csv"
    download.value.save_as(folder / "verdict.csv")
    wanted = sample_decision.verdict(open_sample("qj-parity", "pair-0003", "parity")).table()
    first = (folder / "verdict.csv").read_text().splitlines()[0]
    assert first.split(",")[0] == wanted.columns[0]


def a_figure_stays_and_only_its_numbers_change(page: Any) -> None:
    page.wait_for_selector(".st-key-figure-similar .main-svg")
    page.wait_for_function("() => !document.querySelector('.qf-figure[aria-busy]')")
    page.evaluate(
        "() => document.querySelectorAll('.qf-figure').forEach(e => { e.was = e.data; e.marked = true; })"
    )
    page.locator(".st-key-_next button:visible").first.click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-figure-similar .qf-figure').was"
        " !== document.querySelector('.st-key-figure-similar .qf-figure').data"
    )
    visits.still(page, whole=True)
    assert page.evaluate("() => [...document.querySelectorAll('.qf-figure')].every(e => e.marked)")
    after = page.locator(".st-key-sample input").input_value()
    assert after != "pair-0003"
    sample = open_sample("qj-parity", after, "parity")
    told = page.evaluate(
        "() => document.querySelector('.st-key-figure-verdict .qf-figure').ariaLabel"
    )
    assert told == sample_decision.verdict(sample).alt


def the_making_of_a_zip_can_be_cancelled(page: Any) -> None:
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("Several as a zip file").click()
    drawer.get_by_text("This figure for every sample of a cohort").click()
    drawer.get_by_role("button", name="Create the zip file").click()
    drawer.get_by_role("button", name="Cancel").click()
    drawer.get_by_role("button", name="Cancel").wait_for(state="detached")
    visits.still(page)
    page.wait_for_timeout(1500)
    assert not drawer.get_by_role("button", name="figures, ").count()
    assert drawer.get_by_role("button", name="Create the zip file").is_enabled()


def lead(page: Any, title: str) -> None:
    link = page.locator('[data-testid="stSidebar"]').get_by_role("link", name=title)
    link.click()
    page.wait_for_selector(f"h1:has-text('{title}')")


def figures_are_as_large_as_their_panels(page: Any) -> None:
    page.set_viewport_size({"width": 1100, "height": 900})
    lead(page, "Decision operators")
    for width in (1100, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page, whole=True)
        page.wait_for_timeout(500)
        assert np.abs(page.evaluate(ROOMS)).max() < 1
        assert page.evaluate(LEGENDS) <= 1


def scrolling_draws_what_comes_near_in_the_place_kept_for_it(page: Any) -> None:
    lead(page, "Dynamics")
    visits.still(page)
    assert "built" in page.evaluate(PLACES)
    assert page.locator(".st-key-figure-decision-over-time .main-svg").count()
    page.locator(".st-key-later-built").scroll_into_view_if_needed()
    page.wait_for_selector(".st-key-figure-built .main-svg")
    visits.still(page)
    # far from it again, another sample: its place is as high as it was
    height = page.locator(".st-key-panel-built").bounding_box()["height"]
    page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.evaluate("() => qfusionWhole()")  # as before printing
    assert page.evaluate(PLACES) == []
    page.locator(".st-key-_next button:visible").first.click()
    visits.still(page)
    assert page.locator(".st-key-panel-built").bounding_box()["height"] == pytest.approx(
        height, abs=40
    )
    # a place may stand on the page before its button does
    page.evaluate(
        """() => {
      const place = document.createElement('div');
      place.className = 'st-key-later-late';
      place.style.height = '10px';
      document.querySelector('[data-testid=stMain] h1').append(place);
      setTimeout(() => {
        const button = document.createElement('button');
        button.onclick = () => { window.late = true; place.remove(); };
        place.append(button);
      }, 500);
    }"""
    )
    page.wait_for_function("() => window.late")


# Counts what is changed in a figure from now on: attributes, and parts that come or go.
WATCH = """name => {
  const host = document.querySelector(`.st-key-figure-${name} .qf-figure`);
  window.changes = 0;
  new MutationObserver(seen => { window.changes += seen.length; }).observe(
    host, {subtree: true, childList: true, attributes: true}); }"""
# Shapes and points in their order, and texts.
STANDS = """name => {
  const all = part => [...document.querySelectorAll(`.st-key-figure-${name} .qf-figure ${part}`)].map(
    e => [e.dataset.index, e.getAttribute('d'), e.getAttribute('style'), e.textContent].join());
  return [...all('.shapelayer path'), ...all('.points path'), ...all('.annotation-text').sort()]; }"""


@pytest.mark.parametrize(
    ("address", "name", "share"),
    [
        # a ring moves over the points of all samples: as a trace of its own all of them were drawn anew
        ("/samples?model=qj-parity&data=parity&sample=pair-6601", "scatter", 0.2),
        # a step through hundreds of shapes and texts
        ("/circuit?model=qcnn-scenes&data=scenes&gate=9", "circuit", 1.0),
    ],
)
def test_what_stays_in_a_figure_is_not_drawn_anew_and_what_moves_is_as_drawn_at_once(
    page: Any, server: Any, address: str, name: str, share: float
) -> None:
    visits.open_page(page, server.url + address)
    before = page.evaluate(STANDS, name)
    page.evaluate(WATCH, name)
    if name == "scatter":
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**sample=pair-6602**")
    else:
        page.locator('[data-testid="stSlider"]:visible input').first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**gate=10**")
    visits.still(page)
    changed = page.evaluate(STANDS, name)
    assert changed != before
    assert 0 < page.evaluate("changes") < share * len(before)
    page.reload()
    visits.still(page)
    assert page.evaluate(STANDS, name) == changed
