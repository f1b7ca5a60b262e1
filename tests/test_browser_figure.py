"""Figures on a page: changed in place, as large as their panel, drawn on the screen first; the page ahead is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion.analysis.sample import open_sample
from qfusion.panels import samples
from qfusion.panels.core.panel import Panel, kept
from qfusion.panels.core.view import View
from qfusion.ui.frame import ahead
from qfusion.ui.frame.shell import Here
from scripts import visits

ROOMS = """() => [...document.querySelectorAll('.qf-figure')].map(e => {
  const room = e.getBoundingClientRect(), drawn = e.querySelector('.main-svg').getBoundingClientRect();
  return [room.width - drawn.width, room.height - drawn.height]; })"""

# By how much a legend stands in its plot.
LEGENDS = """() => Math.max(...[...document.querySelectorAll('.qf-figure')].filter(e => e.querySelector('.legend')).map(
  e => e.querySelector('.legend').getBoundingClientRect().bottom - e.getBoundingClientRect().top
    - e._fullLayout._size.t))"""


@pytest.mark.browser
def test_a_figure_stays_and_only_its_numbers_change(page: Any, server: Any) -> None:
    visits.open_page(page, server.url + "/samples?model=qj-planted&sample=p0031&data=planted")
    page.wait_for_selector(".st-key-figure-similar .main-svg")
    page.wait_for_function("() => !document.querySelector('.qf-figure[aria-busy]')")
    page.evaluate("() => document.querySelectorAll('.qf-figure').forEach(e => { e.was = e.data; e.marked = true; })")
    page.locator(".st-key-_next button:visible").first.click()
    page.wait_for_function("() => document.querySelector('.st-key-figure-similar .qf-figure').was"
                           " !== document.querySelector('.st-key-figure-similar .qf-figure').data")
    visits.still(page)
    assert page.evaluate("() => [...document.querySelectorAll('.qf-figure')].every(e => e.marked)")
    sample = open_sample("qj-planted", "p0032", "planted")
    told = page.evaluate("() => document.querySelector('.st-key-figure-verdict .qf-figure').ariaLabel")
    assert told == samples.verdict(sample).alt
    page.set_viewport_size({"width": 1100, "height": 900})
    visits.open_page(page, server.url + "/operators?model=qj-planted&data=planted")
    for width in (1100, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page)
        page.wait_for_timeout(500)
        assert np.abs(page.evaluate(ROOMS)).max() < 1
        assert page.evaluate(LEGENDS) <= 1


@pytest.mark.browser
def test_the_numbers_are_saved_once_and_the_drawer_opens(page: Any, server: Any, tmp_path: Path) -> None:
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
    page.locator(".st-key-_next button:visible").first.click()  # draws the figure again, saves nothing
    visits.still(page)
    page.locator(".st-key-figure-verdict .qf-export").click()
    page.get_by_role("dialog").get_by_role("button", name="Download SVG").wait_for()
    assert not seen


def test_the_samples_beside_one_are_drawn_meanwhile(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    assert samples.PANELS["waterfall"].is_kept
    assert not samples.PANELS["scatter"].is_kept

    @kept
    def counted(sample: Any, theme: Any = "light") -> Any:
        made.append(sample.row)
        return samples.waterfall(sample, theme)

    monkeypatch.setitem(samples.PANELS, "waterfall", Panel(counted))
    monkeypatch.setattr(ahead, "_CALM", 0.0)
    monkeypatch.setattr(ahead.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    sample = open_sample("qj-planted", "p0031", "planted")
    view = View("samples", {"model": "qj-planted", "data": "planted"})
    monkeypatch.setattr(ahead, "_LONG", 1e9)
    drawing = ahead.prepare(Here(sample.work, sample.row, "light"), view)
    assert drawing is not None
    drawing.result(60)
    assert sorted(made) == [sample.row - 1, sample.row + 1]
    beside = Here(sample.work, sample.row + 1, "light").subject()
    again = samples.PANELS["waterfall"].build(beside, "light")
    assert len(made) == 2
    assert json.loads(again.spec)["data"]
    monkeypatch.setattr(ahead.os, "getloadavg", lambda: (1e3, 0.0, 0.0))
    assert ahead.prepare(Here(sample.work, sample.row, "light"), view) is None
