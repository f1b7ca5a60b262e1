"""The leaderboard in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qfusion.plugins.papers import benchmark_board
from scripts import visits
from tests.support.browser import settle, sideways, visit, wait_for_words

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
MEASURED = benchmark_board.BOARD_FILE.is_file() and "planted" in benchmark_board.read_board().names


@pytest.mark.skipif(not MEASURED, reason="the leaderboard has not been measured here")
def test_from_one_board_to_another_and_the_link_says_which(visit: Callable[[str], Any]) -> None:
    page = visit("/leaderboard?model=qcnn-digits&data=digits")
    page.locator(".st-key-board input").first.click()
    page.get_by_role("option", name="(planted)").click()
    wait_for_words(page, "leads on Planted opinions")
    assert "leads on Planted opinions" in page.inner_text("body")
    page.get_by_role("tab", name="Noise", exact=True).click()
    wait_for_words(page, "With the most noise")
    settle(page)
    page.get_by_role("radio", name="audio", exact=True).click()
    wait_for_words(page, "noise on audio")
    settle(page)
    assert "board=planted" in page.url
    assert "board.of=audio" in page.url
    assert "board.view=Noise" in page.url
    assert "With the most noise on audio" in page.inner_text("body")
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page)
        assert sideways(page) <= 0
