"""A sweep in Chromium: it is started, watched and read."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import serving, visits
from tests.support.browser import sideways
from tests.support.browser_forms import field

pytestmark = pytest.mark.browser


def test_a_sweep_is_begun_watched_and_read(page: Any, server: serving.Server) -> None:
    page.set_default_timeout(120_000)
    page.goto(server.url + "/sweeps?sweep.data=parity&sweep.kind=linear")
    form = page.locator(".st-key-box-new-sweep details").first  # open as long as there is no sweep
    form.wait_for()
    visits.still(page)
    if form.get_attribute("open") is None:
        form.locator("summary").first.click()
    for label, value in (("Trials", "2"), ("Max epochs", "1"), ("Name", "seen")):
        field(page, label, value)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("2 of 2 trials have ended").first.wait_for(timeout=240_000)
    visits.still(page)
    assert "train --data parity --model linear" in page.inner_text("body")
    page.locator(
        ".st-key-panel-sweep-history .js-plotly-plot"
    ).wait_for()  # exactly one: more would raise
    assert sideways(page) <= 0
    page.set_viewport_size({"width": 800, "height": 900})
    for view in ("Settings against value", "All settings at once", "Trials"):
        page.get_by_role("tab", name=view).click()
        visits.still(page)
        page.wait_for_selector(".js-plotly-plot .main-svg")
        assert sideways(page) <= 0
