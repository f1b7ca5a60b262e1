"""Figures on a page: changed in place, as large as their panel, the buttons above them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion.analysis.sample import open_sample
from qfusion.panels import samples
from scripts import visits

pytestmark = pytest.mark.browser
ROOMS = """() => [...document.querySelectorAll('.qf-figure')].map(e => {
  const room = e.getBoundingClientRect(), drawn = e.querySelector('.main-svg').getBoundingClientRect();
  return [room.width - drawn.width, room.height - drawn.height]; })"""
# By how much a legend stands in its plot.
LEGENDS = """() => Math.max(...[...document.querySelectorAll('.qf-figure')].filter(e => e.querySelector('.legend')).map(
  e => e.querySelector('.legend').getBoundingClientRect().bottom - e.getBoundingClientRect().top
    - e._fullLayout._size.t))"""


def test_a_figure_stays_and_only_its_numbers_change(page: Any, server: Any) -> None:
    address = "/samples?model=qj-parity&sample=pair-0003&data=parity"
    visits.open_page(page, server.url + address, whole=True)
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
    assert told == samples.verdict(sample).alt
    page.set_viewport_size({"width": 1100, "height": 900})
    link = page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Decision operators")
    link.click()
    page.wait_for_selector("h1:has-text('Decision operators')")
    for width in (1100, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page, whole=True)
        page.wait_for_timeout(500)
        assert np.abs(page.evaluate(ROOMS)).max() < 1
        assert page.evaluate(LEGENDS) <= 1


def test_the_numbers_are_saved_once_the_drawer_opens_and_the_making_of_a_zip_can_be_cancelled(
    page: Any, server: Any, tmp_path: Path
) -> None:
    visits.open_page(page, server.url + "/samples?model=qj-planted&sample=p0031&data=planted")
    with page.expect_download() as download:
        page.locator(".st-key-figure-verdict .qf-numbers").click()
    assert download.value.suggested_filename == "qfusion-verdict.csv"
    target = tmp_path / "verdict.csv"
    download.value.save_as(target)
    wanted = samples.verdict(open_sample("qj-planted", "p0031", "planted")).table()
    assert target.read_text().splitlines()[0].split(",")[0] == wanted.columns[0]
    seen: list[Any] = []
    page.on("download", lambda file: seen.append(file))
    page.locator(
        ".st-key-_next button:visible"
    ).first.click()  # draws the figure again, saves nothing
    visits.still(page)
    page.locator(".st-key-figure-verdict .qf-export").click()
    page.get_by_role("dialog").get_by_role("button", name="Download SVG").wait_for()
    assert not seen
    the_making_of_a_zip_can_be_cancelled(page)


def the_making_of_a_zip_can_be_cancelled(page: Any) -> None:
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("Many as a zip").click()
    drawer.get_by_text("This figure for every sample of a cohort").click()
    drawer.get_by_role("button", name="Make the zip").click()
    drawer.get_by_role("button", name="Cancel").click()
    drawer.get_by_role("button", name="Cancel").wait_for(state="detached")
    visits.still(page)
    page.wait_for_timeout(1500)
    assert not drawer.get_by_role("button", name="figures, ").count()
    assert drawer.get_by_role("button", name="Make the zip").is_enabled()
