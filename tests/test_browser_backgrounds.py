"""The picker of what decisions are compared with, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.test_browser import settle, visit  # noqa: F401 - `visit` is a fixture

pytestmark = pytest.mark.browser


def choose(page: Any, key: str, option: str) -> None:
    """Picks an option of a select box in the sidebar."""
    box = page.locator(f".st-key-{key} input")
    box.click()
    box.fill(option)
    page.locator('[role="option"]').filter(has_text=option).first.click()
    page.wait_for_timeout(400)
    settle(page)


@pytest.mark.parametrize(("source", "other"), [("planted", "p0007"), ("digits", "digit-0005")])
def test_why_this_rather_than_that(visit: Callable[[str], Any], source: str, other: str) -> None:  # noqa: F811
    """The picker changes the numbers, names what is compared with, and travels to the next page, to a link and back."""
    page = visit(f"/samples?data={source}")
    usual = page.locator('[class*="st-key-panel-waterfall"]').first.inner_text()
    assert "training samples" in usual
    choose(page, "background", "one other sample")
    choose(page, "contrast", other)
    panel = page.locator('[class*="st-key-panel-waterfall"]').first
    assert f"Baseline: the score of sample {other}" in panel.inner_text()
    title = panel.locator("h4").inner_text()
    assert f"contrast={other}" in page.url
    page.reload()
    settle(page)
    assert page.locator('[class*="st-key-panel-waterfall"] h4').first.inner_text() == title
    target = "Dynamics" if source == "planted" else "Circuit"
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name=target).click()
    page.wait_for_selector(f"h1:has-text('{target}')")
    settle(page)
    assert page.locator(".st-key-contrast input").input_value() == other
    choose(page, "background", "training set")
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Samples").click()
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    assert "training samples" in page.locator('[class*="st-key-panel-waterfall"]').first.inner_text()
    assert page.locator('[data-testid="stAlert"]').count() == 0
