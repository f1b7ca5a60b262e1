"""The Leaderboard in Chromium: another data set and metric, and a corrupted modality."""

from __future__ import annotations

from typing import Any

import pytest

from qfusion.analysis import benchmark_board
from tests.support.browser import settle, visit, wait_for_words

MEASURED = benchmark_board.BOARD_FILE.is_file() and "planted" in benchmark_board.read_board().names
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not MEASURED, reason="the leaderboard has not been measured here"),
]
__all__ = ["visit"]  # a fixture
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def test_from_one_board_to_another_and_the_link_says_which(visit: Any) -> None:
    page = visit("/leaderboard")
    assert "The papers' claims, tested" in page.inner_text("body")
    page.locator(".st-key-board input").first.click()
    page.get_by_role("option", name="planted", exact=True).click()
    wait_for_words(page, "leads on Planted opinions")
    settle(page)
    page.get_by_role("radio", name="audio", exact=True).click()
    wait_for_words(page, "noise on audio")
    settle(page)
    assert "board=planted" in page.url
    assert "board.of=audio" in page.url
    assert "leads on Planted opinions" in page.inner_text("body")
    assert "With the most noise on audio" in page.inner_text("body")
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate(EXCESS) <= 0
