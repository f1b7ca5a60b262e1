"""What if, in Chromium: the answer within three clicks, live edits that can be heard and seen, and words
in their patches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browser import follow, settle, visit, wait_for_words

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture


def prediction(page: Any) -> float:
    cell = page.locator('[data-testid="stMetric"]').filter(has_text="Prediction").first
    return float(cell.locator('[data-testid="stMetricValue"]').inner_text().replace("−", "-"))


def test_what_would_flip_it_is_answered_in_one_click_applied_in_two_and_taken_back_by_another_sample(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/?sample=p0014")
    follow(page, "What if")
    assert re.search(
        r"What would flip it\? A change of audio alone by [\d.]+ rad", page.inner_text("body")
    )
    before = prediction(page)
    page.locator(".st-key-_flip-audio button").click()
    page.wait_for_selector("h4:has-text('flips the decision')")
    settle(page)
    assert before * prediction(page) <= 0
    assert "Changing audio" in page.inner_text("body")
    assert page.url.partition("do.audio=")[2]
    page.locator(".st-key-sample input").click()
    page.keyboard.type("p0031")
    page.get_by_role("option", name="p0031").wait_for()
    page.keyboard.press("Enter")
    wait_for_words(page, "Change a modality to see")
    settle(page)
    assert not page.url.partition("do.audio=")[2]


def test_an_edited_sentence_is_heard_out_a_wrong_one_named_and_every_word_lies_in_its_patch(
    visit: Callable[[str], Any],
) -> None:
    page = visit(
        "/what_if?model=qj-planted&sample=p0014&"
        + "&".join(f"do.{name}=edit%20the%20raw%20input" for name in ("text", "audio", "vision"))
    )
    assert page.locator('[data-testid="stMain"] audio').count() == 1
    assert page.locator('[data-testid="stMain"] [data-testid="stImage"] img').count() == 1
    box = page.locator(".st-key-say input")
    box.fill("the plot was superb")
    box.press("Enter")
    page.wait_for_function(
        "() => document.body.innerText.includes('keeps the decision') || document.body.innerText.includes('flips the')"
    )
    settle(page)
    assert "say=" in page.url
    box.fill("the plot was superbb")
    box.press("Enter")
    page.get_by_text("is not in the vocabulary").first.wait_for()
    assert "superb" in page.locator('[data-testid="stAlert"]').first.inner_text()
    settle(page)
    follow(page, "Samples")
    page.locator("summary", has_text="Inside a modality").click()
    page.wait_for_selector(".st-key-panel-inside .js-plotly-plot .annotation-text")
    settle(page)
    every_word_lies_inside_its_patch(page)


def every_word_lies_inside_its_patch(page: Any) -> None:
    # Patches and words come in one order, values between the words.
    over = page.evaluate("""() => {
      const plot = document.querySelector('.st-key-panel-inside .js-plotly-plot');
      const boxes = [...plot.querySelectorAll('.shapelayer path')].map(each => each.getBoundingClientRect());
      const words = [...plot.querySelectorAll('.annotation-text')].filter((_, i) => i % 2 === 0)
        .map(each => each.getBoundingClientRect());
      return [boxes.length, words.length,
              ...words.map((w, i) => Math.max(boxes[i].left - w.left, w.right - boxes[i].right))];
    }""")
    assert over[0] == over[1] > 3
    assert max(over[2:]) < 1
