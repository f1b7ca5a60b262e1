"""What plays in Chromium: figures that follow a cursor, a story in a file of its own; and a task that is counted there.

Their other tests lie beside what they are of. These are here, as files of this name share one browser and one server:
a process of its own starts both, and compiles Streamlit's scripts anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tasks

from qfusion.analysis.opening import open_sample
from qfusion.panels import decision_story
from qfusion.report.story_files import render_story
from scripts import serving, visits

pytestmark = pytest.mark.browser


def test_figures_follow_the_cursor_in_the_browser(page: Any, server: Any) -> None:
    """All figures of the view begin at once and move; then they stand where the cursor does, as before."""
    visits.open_page(page, server.url + "/dynamics?model=qj-parity&data=parity&view=State")
    drawn = (
        "() => JSON.stringify(document.querySelector('.st-key-figure-populations .qf-figure').data)"
    )
    before = page.evaluate(drawn)
    page.get_by_role("button", name="Play").first.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.qf-moment')].some(e => /^t = 0[.]/.test(e.textContent))"
    )
    moment = page.locator(".st-key-figure-populations .qf-moment")
    first = moment.text_content()
    on_the_way = page.evaluate(drawn)
    assert on_the_way != before
    faint = "() => getComputedStyle(document.querySelector('.st-key-panel-populations h4')).opacity"
    assert page.evaluate(faint) == "0.3"  # the title speaks of where the cursor stands
    page.wait_for_function(
        "first => document.querySelector('.st-key-figure-populations .qf-moment').textContent > first",
        arg=first,
    )
    page.wait_for_function("() => !document.querySelector('.qf-moment')")
    page.wait_for_function("() => !document.querySelector('.qf-figure[aria-busy]')")
    assert page.evaluate(drawn) == before
    assert page.evaluate(faint) == "1"
    assert "t=" not in page.url.partition("?")[2].replace("data=", "")


def test_a_task_is_counted_and_ends_in_its_sentence(
    page: Any, server: serving.Server, tmp_path: Path
) -> None:
    visits.open_page(page, server.url)
    walk = tasks.Walk(page, tmp_path, server.url)
    assert "joint terms sum to" in tasks.TASKS["why"][1](walk)
    assert (walk.clicks, len(walk.log)) == (1, 1)
    assert walk.clicks <= tasks.MOST
    assert walk.seconds > 0


def test_page_plays_from_a_file(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    story = decision_story.build_story(open_sample("qj-parity", "pair-6601"))
    (tmp_path / "story.html").write_bytes(render_story(story, ".html", seconds=2.0))
    page = page.context.new_page()  # a file has another process: that of the app stays for the next
    page.goto((tmp_path / "story.html").as_uri())
    button, slider = page.locator("#play"), page.locator("#at")
    expect(button).to_have_text("Play again", timeout=30_000)  # plays by itself, to its end
    assert slider.input_value() == "2"
    slider.fill("0.4")
    wide = "() => Number(document.querySelector('.act:not([hidden]) .grows').getAttribute('width'))"
    assert page.locator(".act:visible").count() == 1
    assert page.evaluate(wide) > 0
    assert page.locator(".says[aria-current]").inner_text().startswith("As learned.")
    button.click()
    expect(slider).not_to_have_value("0.4")
    button.click()
    held = slider.input_value()
    page.wait_for_timeout(100)
    assert slider.input_value() == held
    page.close()
