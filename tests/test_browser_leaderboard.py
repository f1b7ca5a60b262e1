"""The Leaderboard in Chromium: another data set and metric, a corrupted modality, and back by the link."""

from __future__ import annotations

from typing import Any

import pytest

from qfusion.analysis.learning import standings
from tests.test_browser import settle, visit

MEASURED = standings.FILE.is_file() and "planted" in standings.read().names
pytestmark = [pytest.mark.browser,
              pytest.mark.skipif(not MEASURED, reason="the leaderboard has not been measured here")]
__all__ = ["visit"]  # a fixture
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def test_from_one_board_to_another_and_back_by_the_link(visit: Any) -> None:
    page = visit("/leaderboard")
    assert "What becomes of the papers' claims" in page.inner_text("body")
    page.get_by_role("radio", name="planted", exact=True).click()
    page.wait_for_function("() => document.body.innerText.includes('leads on Planted opinions')")
    settle(page)
    page.get_by_role("radio", name="audio", exact=True).click()
    page.wait_for_function("() => document.body.innerText.includes('noise on audio')")
    settle(page)
    assert "board=planted" in page.url
    assert "board.of=audio" in page.url
    link = page.url
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate(EXCESS) <= 0
    page.goto(link)
    settle(page)
    assert "leads on Planted opinions" in page.inner_text("body")
    assert "With the most noise on audio" in page.inner_text("body")
