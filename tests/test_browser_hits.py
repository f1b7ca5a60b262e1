"""What can be pressed answers the mouse: on every page, in wide and narrow windows, in both themes."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import axe, visits

pytestmark = pytest.mark.browser
WIDTHS = (1440, 800)
PAGES = (
    "Samples",
    "Dynamics",
    "Circuit",
    "What if",
    "Decision operators",
    "Cohorts",
    "Compare",
    "Faithfulness",
    "Data",
    "Train",
    "Sweeps",
    "Leaderboard",
    "Guided tour",
    "Glossary",
)
START = {
    "light": "/?model=qj-planted&data=planted",
    "dark": "/?model=qcnn-digits&data=digits&pin=qj-planted/planted/p1671",
}
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
    if (e.disabled || e.matches('.js-plotly-plot *, .qf-skip') || !shown(e) || !unclipped(e)) continue;
    const size = e.getBoundingClientRect();
    if (size.width <= 2 || size.height <= 2) continue;
    count += 1;
    e.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});
    const box = e.getBoundingClientRect();
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
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
OUTSIDE = """() => [...document.querySelectorAll('.st-key-context :is(button, a, input)')].filter(e => {
  const b = e.getBoundingClientRect();
  return b.width > 2 && (b.left < 0 || b.right > innerWidth);
}).map(e => e.getAttribute('aria-label') || e.textContent)"""


@pytest.mark.parametrize("theme", axe.THEMES)
def test_every_control_of_every_page_is_hit_by_the_mouse(
    page: Any, server: Any, theme: str
) -> None:
    """In the light theme with a model that evolves in time, in the dark one with the network and something pinned."""
    page.emulate_media(color_scheme=theme)
    visits.open_page(page, server.url + START[theme])
    faults: list[str] = []
    for name in ("Overview", *PAGES):
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.locator('[data-testid="stSidebar"]').get_by_role("link", name=name, exact=True).click()
        page.mouse.move(1, 899)  # where nothing says what it is under the mouse
        page.wait_for_selector(f"h1:has-text('{name}')")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            visits.still(page)
            count, missed = page.evaluate(MISSED)
            assert count > 20
            faults += [f"{name}, {width} px: {words}" for words in missed]
            faults += [
                f"{name}, {width} px: a button lies over '{words}'"
                for words in page.evaluate(COVERED)
            ]
            faults += [
                f"{name}, {width} px: '{words}' of the bar is cut off"
                for words in page.evaluate(OUTSIDE)
            ]
    assert page.locator("#qf-theme").get_attribute("data-theme") == theme
    assert not faults, "\n".join(faults)
