"""Five questions, in Chromium: Overview answers them in plain words, and a click opens the figure behind an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qfusion.wording import answers as questions
from tests.support.browser import follow, settle, visit

pytestmark = pytest.mark.browser
QUESTIONS = list(questions.QUESTIONS)
__all__ = ["visit"]  # a fixture
SAMPLE = "p0031"
CELLS = '[class*="st-key-question-"]'
PROVEN = {"Did the modalities conflict?": "Samples", "What did the dynamics add?": "Dynamics"}
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"


def answers(page: Any) -> dict[str, str]:
    """What the Overview page answers, by question."""
    cells = page.locator(CELLS)
    cells.nth(4).locator("a").wait_for()
    cells.nth(2).locator("a").wait_for()  # the last to be worked out
    found = {}
    for cell in cells.all():
        question, _, answer = cell.locator("p").first.inner_text().partition("\n")
        found[question] = answer.strip()
    return found


def test_a_question_is_answered_on_overview_and_proven_one_click_further(
    visit: Callable[[str], Any], page: Any
) -> None:
    """Every question and both systems, without a browser, in tests/test_app_questions.py."""
    page.set_viewport_size({"width": 800, "height": 900})
    visit(f"/?sample={SAMPLE}&words=full")
    said = answers(page)
    assert f"Five questions about sample {SAMPLE}" in page.inner_text("body")
    assert page.evaluate(EXCESS) <= 0
    for question, title in PROVEN.items():
        page.locator(CELLS).nth(QUESTIONS.index(question)).locator("a").click()
        page.wait_for_selector(f"h1:has-text('{title}')")
        settle(page)
        assert page.locator('[data-testid="stAlert"]').count() == 0
        assert page.locator(".st-key-sample input").input_value() == SAMPLE
        if title == "Dynamics":
            assert (
                page.locator('[role="tab"][aria-selected="true"]').first.inner_text() == "Decision"
            )
        assert said[question].rstrip(".") in page.inner_text("body")
        if question != list(PROVEN)[-1]:
            follow(page, "Overview")
            answers(page)
