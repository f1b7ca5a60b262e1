"""Five questions, in Chromium: from Overview each is answered in plain words within three clicks, for both systems."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from qfusion.analysis import questions
from tests.test_browser import settle, visit

pytestmark = pytest.mark.browser
QUESTIONS = list(questions.QUESTIONS)
__all__ = ["visit"]  # a fixture
# Page and tab that a question's link opens, of a model with time and of a network.
WHERE = {"Which modality decided this?": ("Samples", "Samples"), "Did the modalities conflict?": ("Samples", "Samples"),
         "What would flip it?": ("What if", "What if"), "When did it happen?": ("Dynamics", "Circuit"),
         "What did the dynamics add?": ("Dynamics", "Circuit")}
EXCESS = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }"
TABS = {"Dynamics": "Decision", "Circuit": "Entropies"}


def answers(page: Any) -> dict[str, str]:
    """What the Overview page answers, by question."""
    cells = page.locator(".st-key-pair-questions [data-testid=stColumn]")
    cells.nth(4).locator("a").wait_for()
    cells.nth(2).locator("a").wait_for()  # the last to be worked out
    found = {}
    for cell in cells.all():
        question, _, answer = cell.locator("p").first.inner_text().partition("\n")
        found[question] = answer.strip()
    return found


@pytest.mark.parametrize(("source", "sample"), [("planted", "p0031"), ("digits", "digit-0787")])
def test_each_question_is_answered_on_overview_and_proven_one_click_further(visit: Callable[[str], Any], source: str,
                                                                            sample: str) -> None:
    page = visit(f"/?data={source}&sample={sample}")
    said = answers(page)
    assert f"Five questions about sample {sample}" in page.inner_text("body")
    for width in (800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(EXCESS) <= 0
    for question in QUESTIONS[1:]:  # the first two open the same page
        page.locator(".st-key-pair-questions [data-testid=stColumn]").nth(QUESTIONS.index(question)).locator(
            "a").click()
        title = WHERE[question][source == "digits"]
        page.wait_for_selector(f"h1:has-text('{title}')")
        settle(page)
        assert page.locator('[data-testid="stAlert"]').count() == 0
        assert page.locator(".st-key-sample input").input_value() == sample
        if title in TABS:
            assert page.locator('[role="tab"][aria-selected="true"]').first.inner_text() == TABS[title]
        words = page.inner_text("body")
        assert all(said[each].rstrip(".") in words for each in QUESTIONS if WHERE[each] == WHERE[question])
        if question != QUESTIONS[-1]:
            page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Overview").click()
            answers(page)
    assert re.search(r"carries most of this decision, \d+% of it", said[QUESTIONS[0]])
    assert re.match(r"(Yes|No): ", said[QUESTIONS[1]])
    assert re.search(r"A change of \w+ alone by [\d.]+ rad would flip it to|No change of a single modality",
                     said[QUESTIONS[2]])
    assert re.match(r"The decision is .+ (from the start|for good from)", said[QUESTIONS[3]])
    every = r"Every joint term: .* makes \d+% of its size joint"
    some = r"Joint terms are \d+% of the decision's size before"
    assert re.search(f"{every}|{some}", said[QUESTIONS[4]])


@pytest.mark.parametrize(("address", "page_title"), [
    ("/what_if?model=qj-planted&sample=p0014&knobs=true", "Dynamics"), ("/what_if?data=digits&knobs=true", "Circuit")])
def test_a_knob_that_flips_is_set_with_one_click(visit: Callable[[str], Any], address: str, page_title: str) -> None:
    page = visit(address)
    link = page.locator(".st-key-set-knobs a").first
    link.wait_for(timeout=60_000)
    settle(page)
    title = page.locator(".st-key-panel-knob-flips h4").inner_text()
    decided = re.search(r"flips it to (\S+);", title).group(1)  # type: ignore[union-attr]
    value = re.search(r"to (-?[\d.]+) (rad )?on", link.inner_text()).group(1)  # type: ignore[union-attr]
    link.click()
    page.wait_for_selector(f"h1:has-text('{page_title}')")
    settle(page)
    words = page.inner_text("body")
    assert page.locator('[data-testid="stAlert"]').count() == 0
    if page_title == "Dynamics":
        assert value in words.partition("Changed: ")[2]
        assert f"The decision is {decided}" in words
    else:
        assert f"={value}" in page.locator(".st-key-phi input").input_value()
        assert re.search(rf"The edit turns the decision from ‘.+’ to {decided}", words)
