"""The Sweeps page in Chromium: a sweep is begun, watched until its trials have ended, and read; nothing is wider than
the window."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import serving

pytestmark = pytest.mark.browser
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def quiet(page: Any) -> None:
    page.wait_for_timeout(300)
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=120_000
    )
    assert page.locator('[data-testid="stException"]').count() == 0


def test_a_sweep_is_begun_watched_and_read(page: Any, server: serving.Server) -> None:
    page.set_default_timeout(120_000)
    page.goto(server.url + "/sweeps?sweep.data=parity&sweep.kind=linear")
    form = page.locator(".st-key-box-new-sweep details").first  # open as long as there is no sweep
    form.wait_for()
    quiet(page)
    if form.get_attribute("open") is None:
        form.locator("summary").first.click()
    for label, value in (("Trials", "2"), ("Max epochs", "1"), ("Name", "seen")):
        box = page.locator(f"input[aria-label='{label}']")
        box.fill(value)
        box.press("Enter")
        quiet(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("2 of 2 trials have ended").first.wait_for(timeout=240_000)
    quiet(page)
    assert "train --data parity --model linear" in page.inner_text("body")
    page.locator(
        ".st-key-panel-sweep-history .js-plotly-plot"
    ).wait_for()  # exactly one: more would raise
    assert page.evaluate(EXCESS) <= 0
    page.set_viewport_size({"width": 800, "height": 900})
    for view in ("Settings against value", "All settings at once", "Trials"):
        page.get_by_role("tab", name=view).click()
        quiet(page)
        page.wait_for_selector(".js-plotly-plot .main-svg")
        assert page.evaluate(EXCESS) <= 0
