"""Links in Chromium: a state is reached by clicking, its link copied, and opened cold by another reader.

The same words, settings, numbers and figures must stand there. Then links that are too long or hostile, and a session
in a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from scripts import serving, visits

pytestmark = pytest.mark.browser
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


def quiet(page: Any) -> None:
    """Waits until the script has ended for a while, a click may begin another run, and the whole page is drawn."""
    visits.still(page, whole=True)


def seen(page: Any) -> dict[str, Any]:
    page.mouse.move(0, 0)  # under the pointer a folded part shows another sign
    return dict(json.loads(page.evaluate(SEEN)))


def steady(page: Any) -> dict[str, Any]:
    """What is seen once it has stopped to change: a busy machine begins a run late."""
    found = seen(page)
    for _ in range(20):
        page.wait_for_timeout(400)
        quiet(page)
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


def pick(key: str, value: str) -> Step:
    def step(page: Any) -> None:
        page.locator(f".st-key-{key} input").first.click()
        page.keyboard.type(value)
        page.get_by_role("option", name=value, exact=True).first.wait_for()
        page.keyboard.press("Enter")

    return step


def say(key: str, value: str) -> Step:
    def step(page: Any) -> None:
        box = page.locator(f".st-key-{key} input").first
        box.fill(value)
        box.press("Enter")

    return step


def fold(words: str) -> Step:
    return lambda page: page.locator("summary", has_text=words).click()


# Each way to click that is not a widget's alone; the others, without a browser, in tests/test_app_links.py. Of two
# modalities: what is worked out behind a click takes a tenth of the time.
SAMPLES = [radio("valid"), say("find", "pair-"), pick("x", "error"), fold("Inside a modality")]
CORRELATIONS = [press("Pin"), press("No dissipation"), tab("Correlations"), move("t", -2)]


def clicked(page: Any, address: str, steps: list[Step]) -> tuple[str, dict[str, Any]]:
    """Opens an address and clicks; returns the link of what stands there then, and what is seen."""
    visits.open_page(page, address)
    before = seen(page)
    for step in steps:
        step(page)
        visits.still(page)
    quiet(page)
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


def test_a_link_and_a_saved_session_go_on_elsewhere(
    reader: Any, server: serving.Server, tmp_path: Path
) -> None:
    """Both of what was clicked together on Dynamics; the session also of what was chosen on another page since."""
    here = elsewhere = reader
    link, wanted = clicked(
        here,
        server.url
        + "/dynamics?model=qj-parity&sample=pair-0003&T=0.5&t=0.5&cohort=torn:error%3E0.5",
        CORRELATIONS,
    )
    here.locator('[data-testid="stSidebar"]').get_by_role("link", name="Samples").click()
    here.wait_for_selector("h1:has-text('Samples')")
    visits.still(here)
    radio("valid")(here)
    quiet(here)
    last = seen(here)
    here.get_by_role("button", name="Session", exact=True).click()
    here.get_by_role("button", name="Save session").wait_for()
    with here.expect_download() as download:
        here.get_by_role("button", name="Save session").click()
    download.value.save_as(tmp_path / "mine.json")
    leave(here, server)
    opens_elsewhere(elsewhere, link, wanted)
    leave(elsewhere, server)
    visits.open_page(elsewhere, server.url + "/leaderboard?cohort=other:error%3E1")
    elsewhere.get_by_role("button", name="Session", exact=True).click()
    elsewhere.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(
        tmp_path / "mine.json"
    )
    elsewhere.get_by_role("link", name=re.compile("^Open it")).click()
    elsewhere.wait_for_selector("h1:has-text('Samples')")
    same(elsewhere, last)
    elsewhere.locator('[data-testid="stSidebar"]').get_by_role("link", name="Dynamics").click()
    elsewhere.wait_for_selector("h1:has-text('Dynamics')")
    same(elsewhere, wanted)
    assert "other:error" not in elsewhere.url


def same(page: Any, wanted: dict[str, Any]) -> None:
    """Checks that a page shows the same; figures take a moment to be drawn."""
    for _ in range(20):
        quiet(page)
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
        "() => document.getElementById('qf-said').textContent.includes('Save the session as a file instead')"
    )
    assert not page.locator("#qf-field").is_visible()
    hostile = "<img src=x onerror=window.hacked=1>=1&x=" + "=1%2B1|" * 1500
    page.goto(server.url + f"/samples?model=qj-parity&sample=pair-0003&find=%3Cb%3E&{hostile}")
    visits.still(page)
    said = page.locator(".st-key-notices").inner_text()
    assert "this page has no such setting" in said
    assert "`" not in said
    assert len(said) < 1000
    assert page.evaluate("() => window.hacked") is None
    assert page.locator(".st-key-sample input").input_value() == "pair-0003"
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
