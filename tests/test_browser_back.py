"""The browser's Back and Forward lead to views as they were left."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import visits

pytestmark = pytest.mark.browser


def shown(page: Any) -> list[str]:
    return [page.locator(f".st-key-{key} input").first.input_value() for key in ("model", "data")]


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
    page.get_by_role("option", name="qj-planted").click()
    page.wait_for_function("() => !location.search.includes('model=qj-parity')")
    visits.still(page)
    assert shown(page) == ["qj-planted", "planted"]
    page.go_back()
    page.wait_for_selector("h1:has-text('Dynamics')")
    page.wait_for_function("() => location.search.includes('sample=pair-6932')")
    visits.still(page)
    assert shown(page) == ["qj-parity", "parity"]
    assert "T=0.5" in page.url
    assert page.get_by_text("Changed: T = 0.5").first.is_visible()
    page.go_forward()
    page.wait_for_selector("h1:has-text('Decision operators')")
    page.wait_for_function("() => location.search.includes('model=qj-planted')")
    visits.still(page)
    assert shown(page) == ["qj-planted", "planted"]
    # from a page without a model, which another page has changed meanwhile
    sidebar.get_by_role("link", name="Leaderboard", exact=True).click()
    page.wait_for_selector("h1:has-text('Leaderboard')")
    visits.still(page)
    sidebar.get_by_role("link", name="What if", exact=True).click()
    page.wait_for_selector("h1:has-text('What if')")
    visits.still(page)
    page.locator(".st-key-model input").click()
    page.get_by_role("option", name="qj-parity").click()
    page.wait_for_function("() => location.search.includes('model=qj-parity')")
    visits.still(page)
    for title in ("Leaderboard", "Decision operators"):
        page.go_back()
        page.wait_for_selector(f"h1:has-text('{title}')")
        visits.still(page)
    assert shown(page) == ["qj-planted", "planted"]
    # the words of a figure lead to the glossary the same way: nothing that was picked is lost by it
    page.locator(".qf-about").first.click()
    page.locator(".qf-words:popover-open a.qf-page").click()
    page.wait_for_selector("h1:has-text('Glossary')")
    visits.still(page)
    page.go_back()
    page.wait_for_selector("h1:has-text('Decision operators')")
    visits.still(page)
    assert shown(page) == ["qj-planted", "planted"]
