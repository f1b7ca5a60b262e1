"""Every page in Chromium: axe-core in both themes, charts with words, controls that the mouse hits in wide and narrow
windows, a way through by the keyboard alone, no request in vain, and no jump of what is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qfusion.figures import style
from scripts import axe, page_measures, visits
from tests.support import browser, readable
from tests.support.browser import settle, sideways, visit, wait_for_words

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
ROOT = Path(__file__).resolve().parents[1]
# `python scripts/axe.py` looks at every view of both systems in both themes, all rules.
# Where each walk begins, and whence it goes on by the sidebar, which costs less than to load the app anew. What is
# pinned there is so on all pages of the light walk: in its wide window it takes the bar no second line.
BEGIN = {
    "light": "/compare?model=qj-planted&sample=p0031&pin=qj-planted/planted/p1671/H.text=0.3",
    "dark": "/compare?model=qcnn-parity&data=parity&pin=qcnn-parity/parity/pair-0003/all:and",
}
# Pages that show a model, by the names of their links.
OF_A_MODEL = (
    "Compare",
    "Overview",
    "Samples",
    "Dynamics",
    "Circuit",
    "What if",
    "Decision operators",
    "Faithfulness",
    "Cohorts",
)
# The others look the same whatever is chosen: the first walk sees them in both themes.
OF_NONE = ("Data", "Train", "Glossary", "Guided tour")
LOOKED_AT = {
    "light": (*OF_A_MODEL, "Errors", "Entanglement", *OF_NONE),
    "dark": (*OF_A_MODEL[:5], "Fusion rules", *OF_A_MODEL[5:], "Quality"),
}
# What is looked at as well once a click has opened it, and what else a click opens there.
TABS = ("Fusion rules", "Errors", "Entanglement", "Quality")
OPENED = {name: f'[role="tab"]:has-text("{name}")' for name in TABS}
WIDTHS = {
    "light": (1440, 800),
    "dark": (800, 1440),
}  # the page is looked at in the first
# What is hit in both windows in one walk: pages that are one thing with time and another as a network, and those that
# the other walk does not see. All others are hit in one window with time, in the other as a network.
NETWORK = ("Circuit", "Fusion rules")  # what a phone shows of the network alone
PHONE = 390  # pixels of a window in which the bar is moved sideways
IN_BOTH = {"light": ("Samples", "Dynamics", *OF_NONE), "dark": ("Circuit", "Fusion rules")}
# Of the first figure, where there is one.
PAPER = """() => document.querySelector('[data-testid=stMain] .js-plotly-plot')?._fullLayout.paper_bgcolor ?? null"""
LEAST_WORDS = 6
CHARTS = """() => [...document.querySelectorAll('.qf-figure')]
  .map(e => e.getAttribute('aria-label') || '')"""
# What answers a click and no key: controls out of the order of the keyboard, unless arrow keys lead there from one in
# it, or they clear what a key clears; whatever else shows the hand of a click. Points of figures are in lists too.
UNREACHED = """() => {
  const controls = 'button, a[href], input, select, textarea, summary, [role="button"], [role="tab"], [role="radio"], '
    + '[role="checkbox"], [role="switch"], [role="slider"], [role="combobox"]';
  const shown = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})
    && e.getBoundingClientRect().width > 2;
  const group = e => e.closest('[role="tablist"], [role="radiogroup"], [role="group"]');
  const led = e => group(e) && [...group(e).querySelectorAll(controls)].some(other => other.tabIndex >= 0);
  const held = e => e.closest('[role="combobox"], [data-testid="stSelectbox"], [data-testid="stMultiSelect"], '
    + '[data-testid="stNumberInput"], [data-testid="stDateInput"]')?.querySelector('input:not([tabindex="-1"])');
  const found = [];
  for (const e of document.querySelectorAll('[data-testid="stMain"] *, [data-testid="stSidebar"] *')) {
    if (!shown(e) || e.closest('.js-plotly-plot, [data-testid="stDataFrame"], [aria-hidden="true"], [inert]')) continue;
    const control = e.matches(controls);
    if (e.matches('[data-testid="stWidgetLabel"] [data-testid="stTooltipIcon"] button')) continue;  // F1 leads there
    if (control ? e.disabled || e.tabIndex >= 0 || led(e) || held(e)
                : getComputedStyle(e).cursor !== 'pointer' || e.closest(controls + ', label, [tabindex]') || held(e)
                  || e.querySelector(controls)) continue;
    found.push(`${e.tagName} ${e.className.toString().slice(0, 60)} ${e.textContent.trim().slice(0, 40)}`);
  }
  return found.slice(0, 5);
}"""
# Scrolled into view, the middle of every control that is shown belongs to the control itself, or to its label. What a
# page gives to screen readers alone is left out, and the inside of figures, of which each counts as one control.
MISSED = """() => {
  const controls = 'button, a[href], input, select, textarea, summary, .js-plotly-plot, [data-testid="stDataFrame"], '
    + ['button', 'tab', 'radio', 'checkbox', 'switch', 'slider', 'combobox'].map(role => `[role="${role}"]`).join();
  const shown = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const unclipped = e => !e || getComputedStyle(e).clipPath === 'none' && unclipped(e.parentElement);
  const words = e => `${e.tagName} ${e.getAttribute('aria-label') || e.textContent.trim().slice(0, 40)}`;
  const missed = [];
  let count = 0;
  for (const e of document.querySelectorAll(controls)) {
    const aside = e.matches('.js-plotly-plot *, [data-testid="stSkipToContent"]');
    if (e.disabled || aside || !shown(e) || !unclipped(e)) continue;
    const size = e.getBoundingClientRect();
    if (size.width <= 2 || size.height <= 2) continue;
    if (e.closest('[data-testid="stSidebar"]')?.getBoundingClientRect().right <= 0) continue;  // it is closed
    count += 1;
    e.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});
    const box = e.getBoundingClientRect();
    const middle = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;  // of what is in view
    const hit = document.elementFromPoint(middle, box.top + box.height / 2);
    const own = [e, e.closest('label'), ...(e.labels || [])];
    if (!own.some(part => part?.contains(hit)) && !(hit?.contains(e) && hit.closest(controls)))
      missed.push(`${words(e)}: ${hit ? words(hit) + ' lies over it' : 'outside of the window'}`);
  }
  document.querySelector('[data-testid=stMain]').scrollTop = 0;
  return [count, missed];
}"""
# Titles that run under the buttons of their panel.
COVERED = """() => [...document.querySelectorAll('[class*="st-key-panel-"] h4')].filter(title => {
  const range = document.createRange();
  range.selectNodeContents(title);
  const lines = [...range.getClientRects()];
  return [...title.closest('[class*="st-key-panel-"]').querySelectorAll('button')].some(button => {
    const b = button.getBoundingClientRect();
    return lines.some(a => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                           && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3);
  });
}).map(title => title.textContent)"""
SHOW_TOOLS = """() => {
  const shown = new CSSStyleSheet();
  shown.replaceSync('.qf-tools, [class*="st-key-about-"], [class*="st-key-csv-"] { opacity: 1 !important; }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, shown];
}"""
# Buttons whose name is that of an icon, such as "chevron_left icon", or empty.
NAMELESS = r"- button(?!\s*\")|- button \"[a-z0-9_]* icon\""
CUT = """() => [...document.querySelectorAll('.qf-closed > *')].filter(e => e.checkVisibility()
  && (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight + 1)).map(e => e.textContent)"""
OUTSIDE = """() => [...document.querySelectorAll('.st-key-context :is(button, a, input)')].filter(e => {
  const b = e.getBoundingClientRect();
  return b.width > 2 && (b.left < 0 || b.right > innerWidth);
}).map(e => e.getAttribute('aria-label') || e.textContent)"""


def paper_in(theme: str) -> str:
    """The colour of the paper of figures in a theme."""
    return style.DARK[style.PAPER] if theme == "dark" else style.PAPER


def look_at(page: Any, url: str, name: str, theme: str) -> None:
    """Opens a page of the app and waits until it is drawn. All buttons of its panels are shown, as under the mouse."""
    if name == LOOKED_AT[theme][0]:
        visits.open_page(page, url + BEGIN[theme])
        page.evaluate(SHOW_TOOLS)
    elif name in (*OF_A_MODEL, *OF_NONE):
        link = page.locator('[data-testid="stSidebar"]').get_by_role("link", name=name, exact=True)
        link.click()
        page.wait_for_selector(f"h1:has-text('{name}')")
        visits.still(page, whole=True)
    for place in (OPENED[name],) if name in TABS else ():
        opened = page.locator(place)
        if opened.count():
            opened.first.click()
            page.wait_for_timeout(200)
            visits.still(page, whole=True)
    assert name != "Fusion rules" or page.locator(".st-key-panel-tables").count()


def in_window(page: Any, width: int) -> None:
    """Waits until the page is drawn in a window of that width, the mouse where nothing says what it is under it."""
    page.mouse.move(1, 899)
    if page.viewport_size["width"] != width:
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page, whole=True)


def unhit(page: Any, width: int) -> list[str]:
    """What does not answer the mouse in a window of that width."""
    in_window(page, width)
    count, missed = page.evaluate(MISSED)
    assert count > 20
    return [
        *missed,
        *(f"a button lies over '{words}'" for words in page.evaluate(COVERED)),
        *(f"'{words}' of the bar is cut off" for words in page.evaluate(OUTSIDE) if width > PHONE),
        *(f"'{words}' is cut in its box" for words in page.evaluate(CUT)),
    ]


def poor_on_a_phone(page: Any) -> list[str]:
    """What cannot be pressed or read in the window of a phone."""
    missed = unhit(page, PHONE)
    readable.wait_for_figures(page)
    found = [*missed, *readable.unreadable(page), *readable.overlaps(page)]
    return [*found, "the page moves sideways"] if sideways(page) > 0 else found


def nameless_buttons(page: Any) -> list[str]:
    """The buttons that a screen reader calls by the name of an icon, or not at all."""
    snapshot = page.locator("body").aria_snapshot()
    return [line.strip() for line in snapshot.splitlines() if re.search(NAMELESS, line)]


def poor_charts(page: Any) -> list[str]:
    """The alternative texts that do not say with numbers what a chart shows."""
    return [
        text
        for text in page.evaluate(CHARTS)
        if len(text.split()) < LEAST_WORDS or not re.search(r"\d", text)
    ]


@pytest.mark.parametrize("theme", axe.THEMES)
def test_no_page_has_a_serious_violation_in_either_theme(
    page: Any, server: Any, theme: str
) -> None:
    """A theme changes colours, and nothing else: all other rules look at a page in one theme.

    In the light theme it is a model with time on a wide window, in the dark one the network on a narrow window; each
    page opens by a click in the sidebar, without a warning, on the data chosen, the keyboard reaches all that a click
    does, what can be pressed answers the mouse (in both windows, see `IN_BOTH`), nothing scrolls sideways, the answer
    is on the first screen, there is no hole, and the server refuses nothing that a page asks for. Pages without a model
    are asked that in the light walk, in both themes and windows. On a phone all can be pressed and every word be read.
    """
    bad, poor, wide, warned, unreached, faults, missed = [], [], [], [], [], [], []
    refused: list[str] = []
    nameless: list[str] = []

    def note(answer: Any) -> None:
        if answer.status >= 400:
            refused.append(f"{answer.status} {answer.url}")

    page.on("response", note)
    model, data = {"light": ("qj-planted", "planted"), "dark": ("qcnn-parity", "parity")}[theme]
    first, second = WIDTHS[theme]
    page.set_viewport_size({"width": first, "height": 900})
    page.emulate_media(color_scheme=theme)
    shown = theme

    def laid_out(name: str) -> None:
        nonlocal wide, faults
        wide += [name] if sideways(page) > 0 else []
        faults += [
            f"{name}: {fault}" for fault in page_measures.faults(page_measures.as_it_stands(page))
        ]

    for number, name in enumerate(LOOKED_AT[theme]):
        look_at(page, server.url, name, theme)
        if not number:
            assert page.evaluate(PAPER) == paper_in(theme)
        # one that is hit in both may open in the second window, and is hit there before
        opened_in_second = page.viewport_size["width"] == second
        both = name in IN_BOTH[theme]
        if opened_in_second and both:
            missed += [f"{name}, {second} px: {words}" for words in unhit(page, second)]
            if name in OF_NONE:
                laid_out(name)
        in_window(page, first)
        assert page.locator("#qf-theme").get_attribute("data-theme") == shown
        # all rules on a network's samples too, which are drawn otherwise
        every = theme == "light" or name == "Samples"
        found = axe.violations(page, rules=None if every else ("color-contrast",))
        if name in OF_NONE:  # the next of them opens in the theme that this one ends in
            shown = next(other for other in axe.THEMES if other != shown)
            visits.show_in(page, shown)
            assert page.evaluate(PAPER) in (paper_in(shown), None)
            found += axe.violations(page, rules=("color-contrast",))
        bad += [f"{name}:\n{axe.lines(found)}"] if found else []
        poor += [f"{name}: {text!r}" for text in poor_charts(page)]
        unreached += [f"{name}: {control}" for control in page.evaluate(UNREACHED)]
        laid_out(name)
        nameless += [f"{name}: {line}" for line in nameless_buttons(page)]
        for width in (first, second) if both and not opened_in_second else (first,):
            missed += [f"{name}, {width} px: {words}" for words in unhit(page, width)]
        if name in OF_NONE and not opened_in_second:
            laid_out(name)
        if theme == "light" or name in NETWORK:
            missed += [f"{name}, {PHONE} px: {words}" for words in poor_on_a_phone(page)]
            in_window(page, first)
        if (
            not number and theme == "dark"
        ):  # in a narrow window what is pinned takes a line of its own
            page.locator(".st-key-_unpin button:visible").first.click()
            page.wait_for_function("() => !location.search.includes('pin=')")
        if name in OF_A_MODEL[1:6]:
            assert browser.chosen(page, "data") == data
            assert browser.chosen(page, "model") == model
            warned += [name] if page.locator('[data-testid="stAlert"]').count() else []
    page.remove_listener("response", note)
    assert not refused, "\n".join(refused)
    assert not bad, "\n".join(bad)
    assert not poor, "\n".join(poor)
    assert not unreached, "\n".join(unreached)
    assert not nameless, "\n".join(nameless)
    assert not [*faults, *missed], "\n".join([*faults, *missed])
    assert not wide
    assert not warned


def test_the_keyboard_reaches_the_words_the_drawer_and_the_next_step_of_the_tour(
    page: Any, server: Any
) -> None:
    visits.open_page(page, server.url + "/dynamics?tour=5")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => !!document.activeElement.closest('[data-testid=stMain]')")
    terms = page.locator(".st-key-figure-decision-over-time .qf-about").first
    terms.focus()
    assert page.evaluate(
        "() => getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        " || getComputedStyle(document.activeElement).boxShadow !== 'none'"
    )
    page.keyboard.press("Enter")
    page.wait_for_selector(".qf-words:popover-open math")
    assert "Logarithmic negativity" in page.inner_text(".qf-words:popover-open")
    assert not axe.violations(page), axe.lines(axe.violations(page))
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('.qf-words:popover-open')")
    assert terms.evaluate("each => each === document.activeElement")
    page.locator(".st-key-figure-decision-over-time .qf-export").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector('[role="dialog"]')
    visits.still(page)
    assert not axe.violations(page), axe.lines(axe.violations(page))
    page.keyboard.press("Escape")
    page.wait_for_selector('[role="dialog"]', state="detached")
    visits.still(page)
    page.locator(".st-key-tour-links").get_by_role("link", name="Next").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.body.innerText.includes('step 6 of')")
    page.wait_for_selector("h1:has-text('Circuit')")
    visits.still(page)
    assert browser.chosen(page, "model") == "qcnn-digits"
    page.locator(".st-key-tour-links").get_by_role("link", name="Next").press("Enter")
    page.wait_for_selector("h1:has-text('What if')")
    visits.still(page)
    assert browser.chosen(page, "model") == "qj-planted"
    page.locator(".st-key-tour-links").get_by_role("link", name="End the tour").press("Enter")
    # the tour began on a link of its own, so there is no page to go back to
    page.wait_for_selector("h1:has-text('Overview')")
    page.wait_for_function("() => !location.search.includes('tour=')")
    visits.still(page)
    assert page.locator(".st-key-tour").count() == 0


def test_a_key_leads_to_the_help_of_a_field(page: Any, server: Any) -> None:
    visits.open_page(page, server.url + "/glossary")
    field = page.get_by_label("Search", exact=True).first
    field.focus()
    page.keyboard.press("F1")
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Help for Search"
    page.keyboard.press("Tab")
    assert field.evaluate("each => each === document.activeElement")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("() => document.activeElement.ariaLabel") != "Help for Search"


def test_in_a_narrow_window_sliders_wait_behind_a_line_that_a_key_opens(
    page: Any, server: Any
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    visits.open_page(page, server.url + "/dynamics?model=qj-parity")
    slider, line = (
        page.locator('.st-key-pair-knobs [data-testid="stSlider"]').first,
        page.locator(".qf-fold summary"),
    )
    assert not slider.is_visible()
    line.focus()
    page.keyboard.press("Enter")
    assert slider.is_visible()
    assert not axe.violations(page), axe.lines(axe.violations(page))
    thumb = slider.get_by_role("slider")
    thumb.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => /[?&]H[.]/.test(location.search)")
    visits.still(page)
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => !/[?&]H[.]/.test(location.search)")
    visits.still(page)
    assert slider.is_visible()  # opened by hand, it stays open
    page.set_viewport_size({"width": 1440, "height": 900})
    assert slider.is_visible()
    assert not line.is_visible()
    page.set_viewport_size({"width": 800, "height": 900})
    visits.open_page(page, server.url + "/dynamics?model=qj-parity&H.left=0.5")
    assert slider.is_visible()  # a link that sets one shows it


def requests_in_vain(page: Any, url: str, words: str) -> list[str]:
    """Opens an address as a browser does that was never there, until it shows some words; the addresses below the
    server's that were refused or missing meanwhile."""
    seen: list[tuple[int, str]] = []

    def note(answer: Any) -> None:
        seen.append((answer.status, answer.url))

    page.on("response", note)
    page.goto(url)
    page.get_by_text(words).first.wait_for()
    page.remove_listener("response", note)
    assert any("_stcore/health" in address for _, address in seen)
    return [address for status, address in seen if status >= 400]


@pytest.mark.parametrize(("path", "words"), [("/glossary", "Dividend"), ("/", "qfusion")])
def test_a_cold_page_asks_nothing_in_vain(path: str, words: str, page: Any, server: Any) -> None:
    assert not requests_in_vain(page, server.url + path, words)
    assert urlsplit(page.url).path == urlsplit(path).path


# Cumulative layout shift: of shifts that do not follow the reader's input, those within a window of at most five
# seconds whose gaps are shorter than one; the largest window counts, and 0.1 is good.
SHIFTS = """window.qfShift = 0;
let first = -Infinity, last = -Infinity, sum = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) {
    if (shift.hadRecentInput) continue;
    const begins = shift.startTime - last > 1000 || shift.startTime - first > 5000;
    if (begins) [first, sum] = [shift.startTime, 0];
    last = shift.startTime;
    sum += shift.value;
    window.qfShift = Math.max(window.qfShift, sum);
  }
}).observe({ type: "layout-shift", buffered: true });"""


def test_nothing_jumps_while_a_page_opens_nor_after_a_slider(
    visit: Callable[[str], Any], page: Any
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Page.enable")  # without it Chromium ignores the script
    session.send("Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS})
    visit("/?model=qj-planted")
    assert page.evaluate("() => window.qfShift") < 0.1
    visit("/dynamics?model=qj-planted&sample=p0031")
    session.detach()
    wait_for_words(page, "The model as it was learned.")
    settle(page)
    top = "() => document.querySelector('.st-key-cursor').getBoundingClientRect().top"
    before = page.evaluate(top)
    page.evaluate("() => { window.qfShift = 0; }")
    page.locator(".st-key-pair-knobs input").first.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "() => !/as it was learned/.test(document.querySelector('.st-key-tweak-line')?.innerText)"
    )
    settle(page)
    assert abs(page.evaluate(top) - before) <= 2
    assert page.evaluate("() => window.qfShift") < 0.1
