"""Sensitivity, in Chromium: from the page to the term by clicks."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest

from tests.support.browser import settle

pytestmark = pytest.mark.browser


def test_a_term_that_did_it_is_found_by_clicks_and_stands_in_the_link(
    page: Any, server: Any
) -> None:
    page.goto(f"{server.url}/dynamics?model=qj-planted&sample=p0031")
    settle(page)
    page.get_by_role("tab", name="Sensitivity").click()
    page.wait_for_selector(".st-key-panel-tornado .js-plotly-plot")
    settle(page)
    heading = page.locator(".st-key-panel-tornado h4").inner_text()
    assert re.match(r".+ matters most: without it the score is .+ (higher|lower)", heading)
    picker = page.locator(".st-key-term input")
    way = page.locator(".st-key-panel-way h4:has-text('issipation: audio–vision')")
    lost = pytest.importorskip("playwright.sync_api").TimeoutError
    for _ in range(
        4
    ):  # what is typed while a busy page still draws is lost: typed again, as somebody would
        with contextlib.suppress(lost):
            picker.click()
            picker.press_sequentially("dissipation: audio–vision")
            page.get_by_role("option", name="dissipation: audio–vision").click(timeout=5000)
            way.wait_for(timeout=8000)
            break
    way.wait_for()
    settle(page)
    assert "term=dissipation" in page.url
    assert page.locator(".st-key-panel-tornado h4").inner_text() == heading
    assert picker.input_value() == "dissipation: audio–vision"
    assert page.locator('[data-testid="stAlert"]').count() == 0


def test_the_circuit_page_has_it_too_and_nothing_scrolls_sideways(page: Any, server: Any) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(f"{server.url}/circuit?model=qcnn-parity&data=parity&part=Sensitivity&terms=fusion")
    settle(page)
    page.wait_for_selector(".st-key-panel-tornado .js-plotly-plot")
    names = page.locator(".st-key-panel-tornado .ytick text").all_text_contents()
    assert names
    assert all(name.startswith("fusion of ") for name in names), names
    assert (
        page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]'); "
            "return m.scrollWidth - m.clientWidth; }"
        )
        <= 0
    )
