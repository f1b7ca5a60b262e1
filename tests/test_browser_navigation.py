"""Ways through the app in Chromium: links opened by another reader, Back and Forward, answers that lead to
their figures, and three walks from a cold start."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import tasks

from qfusion.views import overview
from scripts import serving, visits
from tests.support import browser, importable
from tests.support.browser import follow, pick, settle, sideways, visit
from tests.support.browser_forms import field, quiet

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture

# What a reader sees of a page: its words, what is set, what is chosen, and the numbers behind every figure.
SEEN = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  const all = (where, of) => [...where.querySelectorAll(of)];
  return JSON.stringify({
    words: main.innerText.replace(/\\d+(\\.\\d+)? (ms|s)\\b/g, 'TIME'),
    set: all(document, '[data-testid="stApp"] input:not(#qf-field)').filter(i => !i.closest('[class*="st-key-_"]'))
      .map(i => [i.getAttribute('aria-label'), i.type === 'checkbox' ? i.checked : i.value]),
    chosen: all(document, '[role=tab][aria-selected=true], [role=radio][aria-checked=true], [aria-pressed=true], '
      + 'details[open] > summary').map(each => each.innerText),
    figures: all(main, '.js-plotly-plot').filter(each => each.offsetParent).map(each => each.data)});
}"""


@pytest.fixture
def reader(page: Any, server: serving.Server) -> Iterator[Any]:
    """A page whose reader may write to the clipboard. Every address that is opened begins a session."""
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.set_default_timeout(60_000)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    yield page
    page.context.clear_permissions()


def leave(page: Any, server: serving.Server) -> None:
    """Gives the page to another reader, who may not write to the clipboard: nothing of this one is left in the browser.
    A browser of one's own would cost three times as much."""
    page.goto(server.url + "/_stcore/health")
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.context.clear_cookies()
    page.context.clear_permissions()


def seen(page: Any) -> dict[str, Any]:
    page.mouse.move(0, 0)  # under the pointer a folded part shows another sign
    return dict(json.loads(page.evaluate(SEEN)))


def steady(page: Any) -> dict[str, Any]:
    """What is seen once it has stopped to change: a busy machine begins a run late."""
    found = seen(page)
    for _ in range(20):
        page.wait_for_timeout(400)
        visits.still(page, whole=True)
        before, found = found, seen(page)
        if found == before:
            break
    return found


def copied(page: Any) -> str:
    page.locator("#qf-copy").click()
    page.wait_for_function("() => document.getElementById('qf-said').textContent.startsWith('Cop')")
    link = str(page.evaluate("() => navigator.clipboard.readText()"))
    words, query = page.inner_text("#qf-said"), dict(parse_qsl(urlsplit(link).query))
    of = f" of sample {query['sample']} by {query['model']}" if "sample" in query else ""
    assert words == f"Copied: it opens this view{of}."
    return link


Step = Callable[[Any], None]


def radio(name: str) -> Step:
    return lambda page: (
        page.locator('[data-testid="stMain"]')
        .get_by_role("radio", name=name, exact=True)
        .first.click()
    )


def press(name: str) -> Step:
    return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def tab(name: str) -> Step:
    return lambda page: page.get_by_role("tab", name=name, exact=True).click()


def move(key: str, times: int) -> Step:
    def step(page: Any) -> None:
        knob = page.locator(f".st-key-{key} input").first
        knob.focus()
        for _ in range(abs(times)):
            page.keyboard.press("ArrowRight" if times > 0 else "ArrowLeft")

    return step


def choose(key: str, value: str) -> Step:
    return lambda page: pick(page, key, value)


def write(key: str, value: str) -> Step:
    def step(page: Any) -> None:
        box = page.locator(f".st-key-{key} input").first
        box.fill(value)
        box.press("Enter")

    return step


def fold(words: str) -> Step:
    return lambda page: page.locator("summary", has_text=words).click()


# Each way to click that is not a widget's alone; the others, without a browser, in tests/test_app_links.py. Of two
# modalities: what is worked out behind a click takes a tenth of the time.
SAMPLES = [radio("valid"), write("find", "pair-"), choose("x", "error"), fold("Inside a modality")]
CORRELATIONS = [press("Pin"), press("No dissipation"), tab("Correlations"), move("t", -2)]


def clicked(page: Any, address: str, steps: list[Step]) -> tuple[str, dict[str, Any]]:
    """Opens an address and clicks; returns the link of what stands there then, and what is seen."""
    visits.open_page(page, address)
    before = seen(page)
    for step in steps:
        step(page)
        visits.still(page)
    visits.still(page, whole=True)
    wanted = steady(page)
    assert wanted != before
    return copied(page), wanted


def opens_elsewhere(page: Any, link: str, wanted: dict[str, Any]) -> None:
    """Checks that a link opened by another reader shows the same, without a word, and is the link of what it opens."""
    page.goto(link)
    same(page, wanted)
    assert page.locator(".st-key-notices").count() == 0
    assert set(parse_qsl(urlsplit(copied_by_hand(page)).query)) <= set(
        parse_qsl(urlsplit(link).query)
    )


def test_a_copied_link_shows_the_same_elsewhere(reader: Any, server: serving.Server) -> None:
    link, wanted = clicked(reader, server.url + "/samples?model=qj-parity", SAMPLES)
    leave(reader, server)
    opens_elsewhere(reader, link, wanted)


def test_a_link_goes_on_elsewhere(reader: Any, server: serving.Server) -> None:
    """Of what was clicked together on Dynamics, with a cohort."""
    link, wanted = clicked(
        reader,
        server.url
        + "/dynamics?model=qj-parity&sample=pair-0003&T=0.5&t=0.5&cohort=torn:error%3E0.5",
        CORRELATIONS,
    )
    leave(reader, server)
    opens_elsewhere(reader, link, wanted)


def same(page: Any, wanted: dict[str, Any]) -> None:
    """Checks that a page shows the same; figures take a moment to be drawn."""
    for _ in range(20):
        visits.still(page, whole=True)
        if seen(page) == wanted:
            return
        page.wait_for_timeout(400)
    found = seen(page)
    for key in ("set", "chosen", "words", "figures"):
        assert found[key] == wanted[key], page.url


def copied_by_hand(page: Any) -> str:
    """The link of a page whose clipboard is closed: in the field below the button, marked."""
    page.locator("#qf-copy").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.getElementById('qf-field').hidden")
    return str(page.locator("#qf-field").input_value())


def test_a_link_that_is_too_long_or_hostile_is_answered_in_words(
    reader: Any, server: serving.Server
) -> None:
    page = reader
    page.goto(
        server.url
        + "/circuit?model=qcnn-parity&part=Fusion+rules&phi="
        + ",".join(["all:and"] * 1100)
    )
    visits.still(page)
    assert "Fused by edited tables" in page.inner_text("body")
    page.locator("#qf-copy").click()
    page.wait_for_function(
        "() => document.getElementById('qf-said').textContent.includes('so it is not copied')"
    )
    assert not page.locator("#qf-field").is_visible()
    hostile = "<img src=x onerror=window.hacked=1>=1&x=" + "=1%2B1|" * 1500
    page.goto(server.url + f"/samples?model=qj-parity&sample=pair-0003&find=%3Cb%3E&{hostile}")
    visits.still(page)
    notices = page.locator(".st-key-notices").inner_text()
    assert "this page has no such setting" in notices
    assert "`" not in notices
    assert len(notices) < 1000
    assert page.evaluate("() => window.hacked") is None
    assert browser.chosen_sample(page) == "pair-0003"
    assert "x=" not in page.url.replace("sample=", "")
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false; }"
    )
    page.locator("#qf-copy").click()
    page.wait_for_function(
        "() => document.getElementById('qf-said').textContent.includes('Copy the marked link yourself')"
    )
    assert page.evaluate(
        "() => document.getSelection().toString() || document.activeElement.value"
    ).startswith(server.url)


def shown(page: Any) -> list[str]:
    return [browser.chosen(page, key) for key in ("model", "data")]


def test_back_and_forward_lead_to_views_as_they_were_left(page: Any, server: Any) -> None:
    """One press a page, whatever was told to the address of a page meanwhile."""
    visits.open_page(
        page, server.url + "/dynamics?model=qj-parity&data=parity&sample=pair-6932&T=0.5"
    )
    sidebar = page.locator('[data-testid="stSidebar"]')
    sidebar.get_by_role("link", name="Decision operators", exact=True).click()
    page.wait_for_selector("h1:has-text('Decision operators')")
    visits.still(page)
    page.locator(".st-key-_next button").first.click()
    page.wait_for_function("() => location.search.includes('sample=pair-6933')")
    visits.still(page)
    page.locator(".st-key-model input").click()
    page.get_by_role("option", name="qj-scenes").click()
    page.wait_for_function("() => !location.search.includes('model=qj-parity')")
    visits.still(page)
    assert shown(page) == ["qj-scenes", "scenes"]
    page.go_back()
    page.wait_for_selector("h1:has-text('Dynamics')")
    page.wait_for_function("() => location.search.includes('sample=pair-6932')")
    visits.still(page)
    assert shown(page) == ["qj-parity", "parity"]
    assert "T=0.5" in page.url
    assert page.get_by_text("Changed: T = 0.5").first.is_visible()
    page.go_forward()
    page.wait_for_selector("h1:has-text('Decision operators')")
    page.wait_for_function("() => location.search.includes('model=qj-scenes')")
    visits.still(page)
    assert shown(page) == ["qj-scenes", "scenes"]
    # from a page without a model, which another page has changed meanwhile
    sidebar.get_by_role("link", name="Data", exact=True).click()
    page.wait_for_selector("h1:has-text('Data')")
    visits.still(page)
    sidebar.get_by_role("link", name="What if", exact=True).click()
    page.wait_for_selector("h1:has-text('What if')")
    visits.still(page)
    page.locator(".st-key-model input").click()
    page.get_by_role("option", name="qj-parity").click()
    page.wait_for_function("() => location.search.includes('model=qj-parity')")
    visits.still(page)
    for title in ("Data", "Decision operators"):
        page.go_back()
        page.wait_for_selector(f"h1:has-text('{title}')")
        visits.still(page)
    assert shown(page) == ["qj-scenes", "scenes"]
    # the words of a figure lead to the glossary the same way: nothing that was picked is lost by it
    page.locator(".qf-about").first.click()
    page.locator(".qf-words:popover-open a.qf-page").click()
    page.wait_for_selector("h1:has-text('Glossary')")
    visits.still(page)
    page.go_back()
    page.wait_for_selector("h1:has-text('Decision operators')")
    visits.still(page)
    assert shown(page) == ["qj-scenes", "scenes"]
    # a page reached by Forward is found again under its address
    page.go_forward()
    page.wait_for_url("**/glossary*")
    page.reload()
    page.get_by_text("Dividend").first.wait_for()
    assert urlsplit(page.url).path == "/glossary"


def test_back_leads_to_the_default_model(page: Any, server: Any) -> None:
    visits.open_page(page, server.url + "/dynamics")
    page.wait_for_function("() => location.search.includes('model=qj-planted')")
    page.locator('[data-testid="stSidebar"]').get_by_role(
        "link", name="Circuit", exact=True
    ).click()
    page.wait_for_selector("h1:has-text('Circuit')")
    visits.still(page)
    page.locator(".st-key-model input").click()
    page.get_by_role("option", name="qj-parity").click()
    page.wait_for_function("() => location.search.includes('model=qj-parity')")
    visits.still(page)
    page.go_back()
    page.wait_for_selector("h1:has-text('Dynamics')")
    visits.still(page)
    assert shown(page) == ["qj-planted", "planted"]


QUESTIONS = list(overview.QUESTIONS)
QUESTION_CELLS = '[class*="st-key-question-"]'
# Where the figures behind two of the answers are.
PROVEN = {"Did the modalities conflict?": "Samples", "What did the dynamics add?": "Dynamics"}


def answers_by_question(page: Any) -> dict[str, str]:
    """What the Overview page answers, by question."""
    cells = page.locator(QUESTION_CELLS)
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
    visit("/?sample=p0031&words=full")
    shown_answers = answers_by_question(page)
    assert "Five questions about p0031" in page.inner_text("body")
    assert sideways(page) <= 0
    for question, title in PROVEN.items():
        page.locator(QUESTION_CELLS).nth(QUESTIONS.index(question)).locator("a").click()
        page.wait_for_selector(f"h1:has-text('{title}')")
        settle(page)
        assert page.locator('[data-testid="stAlert"]').count() == 0
        assert browser.chosen_sample(page) == "p0031"
        if title == "Dynamics":
            assert (
                page.locator('[role="tab"][aria-selected="true"]').first.inner_text() == "Decision"
            )
        assert shown_answers[question].rstrip(".") in page.inner_text("body")
        if question != list(PROVEN)[-1]:
            follow(page, "Overview")
            answers_by_question(page)


def choose_background(page: Any, key: str, option: str) -> None:
    """Picks an option of a select box in the sidebar, and waits until the address has it."""
    box = page.locator(f".st-key-{key} input")
    if not box.is_visible():
        browser.open_more(page)
    box.click()
    box.fill(option)
    page.locator('[role="option"]').filter(has_text=option).first.click()
    page.wait_for_url(f"**{key}=**")
    settle(page)


def test_why_this_rather_than_that(visit: Callable[[str], Any]) -> None:
    """The picker names what is compared with, in the link too, and goes along to the next page; for both systems,
    without a browser, in tests/test_app_background_choice.py."""
    page, other = visit("/samples?model=qj-parity&words=full"), "pair-0007"
    usual = page.locator('[class*="st-key-panel-waterfall"]').first.inner_text()
    assert "training samples" in usual
    choose_background(page, "background", "one other sample")
    choose_background(page, "contrast", other)
    panel = page.locator('[class*="st-key-panel-waterfall"]').first
    assert f"Baseline: the score of sample {other}" in panel.inner_text()
    assert f"contrast={other}" in page.url
    follow(page, "Dynamics")
    assert browser.chosen_sample(page, "contrast") == other
    assert f"contrast={other}" in page.url
    assert page.locator('[data-testid="stAlert"]').count() == 0


def test_a_task_is_counted_and_ends_in_its_sentence(
    page: Any, server: serving.Server, tmp_path: Path
) -> None:
    visits.open_page(page, server.url)
    walk = tasks.Walk(page, tmp_path, server.url)
    assert "joint terms sum to" in tasks.TASKS["why"][1](walk)
    assert (walk.clicks, len(walk.log)) == (1, 1)
    assert walk.clicks <= tasks.MOST
    assert walk.seconds > 0


# Three walks from a cold start, each by at most so many clicks.
MOST = 12


class Walk:
    """A reader who counts clicks; typing into a field that has been clicked is none, choosing a file is one."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks = page, 0

    def click(self, what: Any, settles: bool = True) -> None:
        """Clicks, and waits until nothing moves."""
        self.clicks += 1
        what.click()
        if settles:
            settle(self.page)
        else:
            quiet(self.page)

    def link(self, name: str, title: str) -> None:
        """Clicks a link of the page and waits for the page that it leads to."""
        self.clicks += 1
        self.page.locator('[data-testid="stMain"]').get_by_role("link", name=name).first.click()
        self.page.wait_for_selector(f"h1:has-text('{title}')")
        quiet(self.page)

    def option(self, key: str, name: str) -> None:
        """Picks an option of a select box: two clicks."""
        self.click(self.page.locator(f".st-key-{key} input").first)
        self.click(self.page.get_by_role("option", name=name).first)


@pytest.fixture
def walk(page: Any, server: serving.Server) -> Walk:
    page.set_default_timeout(30_000)
    page.goto(server.url)
    settle(page)
    return Walk(page)


def test_a_figure_for_a_paper_of_a_sample_that_speaks_only_jointly(
    walk: Walk, tmp_path: Path
) -> None:
    page = walk.page
    walk.option("model", "qj-parity")
    visits.come(page, "samples-to-start-with")
    walk.click(page.locator(".st-key-telling-synergy").get_by_role("link").last)
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    walk.click(page.locator(".st-key-figure-waterfall .qf-export").first)
    page.wait_for_selector('[role="dialog"]')
    walk.option("figure-size", "APS, one column")
    walk.click(page.get_by_role("dialog").get_by_role("radio", name="PDF"))
    with page.expect_download() as given:
        walk.click(page.locator(".st-key-drawer-figure button").first)
    given.value.save_as(tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert walk.clicks <= MOST


def test_own_data_to_an_explained_sample(walk: Walk, tmp_path: Path) -> None:
    page = walk.page
    walk.link("Import my data", "Data")
    files = importable.write_mmsa(
        tmp_path / "unaligned_50.pkl", counts={"train": 20, "valid": 8, "test": 8}
    )
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(files))
    walk.clicks += 1
    page.get_by_text(files.name).first.wait_for()
    walk.click(page.get_by_role("button", name="Examine"))
    page.wait_for_selector(".st-key-import-report")
    settle(page)
    walk.click(page.locator(".st-key-_import_name input"))
    name = f"walked-{uuid.uuid4().hex[:6]}"  # the server outlives a test that is tried again
    field(page, "Name", name)
    walk.click(page.get_by_role("button", name="Save data set"))
    page.wait_for_selector(".st-key-import-report", state="detached")
    walk.link("Train a model on it", "Train")
    walk.click(page.get_by_label("Max epochs", exact=True), settles=False)
    field(page, "Max epochs", "1")
    walk.click(page.locator(".st-key-_start button").first, settles=False)
    # the page may still show the run of an attempt before
    explore = page.locator(f'a[href*="{name}"]', has_text="Explore samples of")
    explore.wait_for()
    walk.clicks += 1
    explore.click()
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    page.wait_for_selector(".st-key-panel-waterfall .js-plotly-plot")
    assert browser.chosen(page, "data") == name
    assert walk.clicks <= MOST


def test_which_coupling_decides(walk: Walk) -> None:
    page = walk.page
    walk.link("Understand the physics", "Dynamics")
    settle(page)
    visits.come(page, "built")
    page.wait_for_selector(".st-key-panel-built h4")
    assert re.search(
        r"% of the change by (H|dissipation):", page.inner_text(".st-key-panel-built h4")
    )
    walk.click(page.get_by_role("tab", name="Sensitivity"))
    page.wait_for_selector(".st-key-panel-tornado .js-plotly-plot")
    settle(page)
    assert walk.clicks <= MOST
    a_term_is_picked_and_stands_in_the_link(page)


def a_term_is_picked_and_stands_in_the_link(page: Any) -> None:
    heading = page.locator(".st-key-panel-tornado h4").inner_text()
    assert re.match(
        r".+ matters most: without it the (score is|log-odds are) .+ (higher|lower)", heading
    )
    visits.come(page, "way")
    picker = page.locator(".st-key-term input")
    way = page.locator(".st-key-panel-way h4:has-text('issipation: vision')")
    lost = pytest.importorskip("playwright.sync_api").TimeoutError
    for _ in range(
        4
    ):  # what is typed while a busy page still draws is lost: typed again, as somebody would
        with contextlib.suppress(lost):
            picker.click()
            picker.press_sequentially("dissipation: vision")
            page.get_by_role("option", name="dissipation: vision").click(timeout=5000)
            way.wait_for(timeout=8000)
            break
    way.wait_for()
    settle(page)
    assert "term=dissipation" in page.url
    assert page.locator(".st-key-panel-tornado h4").inner_text() == heading
    assert picker.input_value() == "dissipation: vision"
    assert page.locator('[data-testid="stAlert"]').count() == 0
