"""The picker of what decisions are compared with, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browser import follow, settle, visit  # noqa: F401 - `visit` is a fixture

pytestmark = pytest.mark.browser


def choose(page: Any, key: str, option: str) -> None:
    """Picks an option of a select box in the sidebar."""
    box = page.locator(f".st-key-{key} input")
    box.click()
    box.fill(option)
    page.locator('[role="option"]').filter(has_text=option).first.click()
    page.wait_for_timeout(400)
    settle(page)


def test_why_this_rather_than_that(visit: Callable[[str], Any]) -> None:  # noqa: F811
    """The picker names what is compared with, in the link too, and goes along to the next page; for both systems,
    without a browser, in tests/test_app_background_choice.py."""
    page, other = visit("/samples?model=qj-parity&words=full"), "pair-0007"
    usual = page.locator('[class*="st-key-panel-waterfall"]').first.inner_text()
    assert "training samples" in usual
    choose(page, "background", "one other sample")
    choose(page, "contrast", other)
    panel = page.locator('[class*="st-key-panel-waterfall"]').first
    assert f"Baseline: the score of sample {other}" in panel.inner_text()
    assert f"contrast={other}" in page.url
    follow(page, "Dynamics")
    assert page.locator(".st-key-contrast input").input_value() == other
    assert f"contrast={other}" in page.url
    assert page.locator('[data-testid="stAlert"]').count() == 0
