"""Pages of analysis in Chromium: Dynamics, What if, Decision operators, Cohorts and Compare; what a click
changes stands on the page and in its link."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts import serving, visits
from tests.support.browser import (
    chosen_sample,
    click_point,
    follow,
    lonely_point,
    metric,
    pick,
    settle,
    sideways,
    visit,
    wait_for_sample,
    wait_for_words,
)

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture


# What the server says reaches the page `qfLate` milliseconds later.
LATE = """(() => {
  const on = 'message', late = act => event => window.qfLate ? setTimeout(() => act(event), window.qfLate) : act(event);
  window.WebSocket = class extends WebSocket {
    addEventListener(kind, act, ...more) { super.addEventListener(kind, kind === on ? late(act) : act, ...more); }
    set onmessage(act) { super.onmessage = late(act); }
  };
})();"""


def test_a_cold_link_restores_the_view_and_a_slider_changes_prediction_metrics_and_link(
    visit: Callable[[str], Any], page: Any
) -> None:
    # what this adds goes with it: later tests share the page
    late = page.context.new_cdp_session(page)
    late.send("Page.enable")  # without it Chromium ignores the script
    late.send("Page.addScriptToEvaluateOnNewDocument", {"source": LATE})
    visit(
        "/dynamics?model=qj-planted&sample=p0031&H.text-audio=0.5&D.text=2&T=0.5&view=Correlations"
    )
    late.detach()
    assert chosen_sample(page) == "p0031"
    assert page.locator(".st-key-H-text-audio input").input_value() == "0.5"
    assert page.locator(".st-key-D-text input").input_value() == "2"
    assert page.locator('[role="tab"][aria-selected="true"]').inner_text() == "Correlations"
    assert "Changed: H: text+audio × 0.5" in page.inner_text("body").replace(
        "text + audio", "text+audio"
    )
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)
    a_slider_moved_before_the_server_answers_keeps_its_value(page)
    before = metric(page, "Score (truth"), metric(page, "MAE")
    knob = page.locator(".st-key-T input")
    knob.focus()
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    wait_for_words(page, "Changed: T = 0.6.")
    settle(page)
    after = metric(page, "Score (truth"), metric(page, "MAE")
    assert after[0] != before[0]
    assert after[1] != before[1]
    page.wait_for_url("**T=0.6**")
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)
    assert (metric(page, "Score (truth"), metric(page, "MAE")) == before


def a_slider_moved_before_the_server_answers_keeps_its_value(page: Any) -> None:
    """What the server sends of an older value arrives after the browser wrote the newer one."""
    page.evaluate("() => { window.qfLate = 900; }")
    page.locator(".st-key-T input").focus()
    for _ in range(45):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(10)  # as a key that is held down
    wait_for_words(page, "Changed: T = 0.55")
    settle(page)
    page.wait_for_timeout(2000)  # the late messages of the server have come
    assert "T=0.55&" in page.url + "&"
    page.evaluate("() => { window.qfLate = 0; }")
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)


def prediction(page: Any) -> float:
    return float(metric(page, "Score").replace("−", "-"))


def test_what_would_flip_it_is_answered_in_one_click_applied_in_two_and_taken_back_by_another_sample(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/?sample=p0014")
    follow(page, "What if")
    assert re.search(
        r"What would flip it\? .* of one modality, .* of audio by [\d.]+ rad",
        page.inner_text("body"),
    )
    before = prediction(page)
    page.locator(".st-key-_flip-audio button").click()
    page.wait_for_selector("h4:has-text('flips the decision')")
    settle(page)
    assert before * prediction(page) <= 0
    assert "Changing audio" in page.inner_text("body")
    assert page.url.partition("do.audio=")[2]
    pick(page, "sample", "p0031")
    page.wait_for_selector("h4:has-text('flips the decision')", state="detached")
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


def test_from_a_group_to_the_nearest_sample_to_when_not_to_trust_it(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/operators?model=qj-planted&sample=p0031")
    page.get_by_role("radio", name="text + audio", exact=True).click()
    wait_for_words(page, "eigenstates of text and audio argue")
    settle(page)
    assert "votes=text+%2B+audio" in page.url
    place, wanted = lonely_point(page, ".st-key-panel-along", "samples")
    click_point(page, place)
    wait_for_sample(page, wanted)
    settle(page)
    follow(page, "Faithfulness")
    assert "exceeds its spread over training seeds" in page.inner_text("body")
    assert "our order beats every one of 10 random orders" in page.inner_text("body")
    page.get_by_role("tab", name="Truth").click()
    wait_for_words(page, "Rank correlations with the truth")
    settle(page)
    for width in (1440, 800):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page)
        assert sideways(page) <= 0


def place(page: Any, panel: str, trace: str, point: int) -> tuple[float, float]:
    """Where a point or bar of a named trace is on the screen."""
    visits.come(page, panel)
    x, y = page.evaluate(
        """([panel, name, i]) => {
      const plot = document.querySelector(panel + ' .js-plotly-plot'), layout = plot._fullLayout;
      const corner = plot.getBoundingClientRect();
      const found = plot.calcdata.find(
        points => (points[0].trace.name || '').startsWith(name) && points[0].trace.customdata)[i];
      const bar = found.s !== undefined;
      return [corner.x + layout.xaxis._offset + layout.xaxis.c2p(bar ? found.s / 2 : found.x),
              corner.y + layout.yaxis._offset + layout.yaxis.c2p(bar ? found.p : found.y)];
    }""",
        [f".st-key-panel-{panel}", trace, point],
    )
    return float(x), float(y)


def test_a_cohort_is_made_and_kept_a_view_is_pinned_and_compared_and_a_point_opens_its_sample(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/cohorts?model=qj-planted&sample=p0031")
    click_point(page, place(page, "types", "all of test", 4))
    page.wait_for_function(
        "() => document.querySelector('.st-key-filter input').value === 'relation=conflict'"
    )
    settle(page)
    page.locator('[data-testid="stPopoverButton"]', has_text="Save").click()
    page.locator(".st-key-_cohort_name input").fill("at odds")
    page.locator(".st-key-_cohort_name input").press("Enter")
    settle(page)
    page.get_by_role("button", name="Save in the link").click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('cohort=at+odds:relation=conflict')"
    )
    settle(page)
    follow(page, "Samples")
    assert "cohort=at+odds" in page.url
    a_view_is_pinned_tweaked_compared_and_swapped(page)
    follow(page, "Cohorts")
    assert page.locator(".st-key-filter input").input_value() == "relation=conflict"
    page.get_by_role("tab", name="Entanglement").click()
    visits.come(page, "entanglement")
    assert "cohort ‘at odds’" in page.inner_text(".st-key-panel-entanglement")
    page.locator(".st-key-filter input").fill("error>0.45")
    page.locator(".st-key-filter input").press("Enter")
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('filter=error>0.45')"
    )
    settle(page)
    a_point_opens_its_sample_and_another_grouping_is_drawn(page)


def a_point_opens_its_sample_and_another_grouping_is_drawn(page: Any) -> None:
    visits.come(page, "entanglement")
    where, wanted = lonely_point(page, ".st-key-panel-entanglement")
    click_point(page, where)
    wait_for_sample(page, wanted)
    settle(page)
    assert f"sample={wanted}" in page.url
    assert f"; {wanted} is" in page.inner_text(".st-key-box-cohort")
    page.get_by_role("tab", name="Contributions").click()
    visits.come(page, "dividends")
    page.locator(".st-key-by input").scroll_into_view_if_needed()
    visits.still(page)  # a list that opens while the page still scrolls closes at once
    page.locator(".st-key-by input").click()
    page.get_by_role("option", name="planted type").click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-panel-dividends .js-plotly-plot')?.data?.some(t => t.type === 'box')"
    )
    settle(page)
    assert "by=planted+type" in page.url or "by=planted%20type" in page.url


def a_view_is_pinned_tweaked_compared_and_swapped(page: Any) -> None:
    page.get_by_role("button", name="Pin", exact=True).click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('pin=qj-planted/planted/p0031')"
    )
    page.locator(".st-key-_unpin").wait_for()
    follow(page, "Compare")
    assert "No term differs by 0.01 or more between A and B" in page.inner_text("body")
    page.get_by_text("Tweak B: couplings").click()
    knob = page.locator(".st-key-T input")
    knob.focus()
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    wait_for_words(page, "T=0.6")
    settle(page)
    title = page.locator(".st-key-panel-differences h4").inner_text()
    assert title.startswith("B's score is")
    page.get_by_role("button", name="Swap").click()
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('pin=qj-planted/planted/p0031/T=0.6')"
    )
    settle(page)
    assert page.locator(".st-key-T input").input_value() == "1"
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => !location.search.includes('pin=')")


def wait_for_filter(page: Any, start: str) -> str:
    """Waits until the address names a filter that begins so, and returns it."""
    page.wait_for_function(
        "start => new URLSearchParams(location.search).get('filter')?.startsWith(start)", arg=start
    )
    visits.still(page)
    return parse_qs(urlsplit(page.url).query)["filter"][-1]


def drag(page: Any, panel: str, corners: list[tuple[float, float]]) -> None:
    """Draws with the pointer on a panel's figure, in parts of its plotting area."""
    visits.come(page, panel)
    area = page.locator(f".st-key-panel-{panel} .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_a_lasso_on_the_map_is_a_cohort_and_a_slice_narrows_it(
    page: Any, server: serving.Server
) -> None:
    visits.open_page(page, f"{server.url}/cohorts?model=qj-planted&cohorts.view=Errors", whole=True)
    drag(page, "sample-map", [(0.1, 0.1), (0.6, 0.1), (0.6, 0.8), (0.1, 0.8), (0.1, 0.12)])
    lasso = wait_for_filter(page, "pca[states]@")
    words = page.locator(".st-key-box-cohort").inner_text()
    count = int(words.split(" of 600")[0].split()[-1])
    assert 0 < count < 600
    visits.come(page, "slices")
    page.locator(".st-key-panel-slices path.point").first.click(force=True)
    narrowed = wait_for_filter(page, "relation=")
    assert narrowed.endswith(lasso)


def test_a_cell_of_the_confusions_is_a_cohort(page: Any, server: serving.Server) -> None:
    # the whole of it: what a tab holds has no panel's name, so nobody can wait for it where it is drawn already
    visits.open_page(page, f"{server.url}/cohorts?model=qj-parity&cohorts.view=Quality", whole=True)
    visits.come(page, "confusions")
    cell = page.locator(".st-key-panel-confusions path.point").first
    cell.scroll_into_view_if_needed()
    cell.click(force=True)
    assert wait_for_filter(page, "truth=") == "truth=even; prediction=even"
