"""Actions in Chromium, and waiting for what they change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from scripts import visits

FIGURE = '[data-testid="stMain"] .js-plotly-plot'


@pytest.fixture
def visit(page: Any, server: Any) -> Callable[[str], Any]:
    """Opens an address, of `qj-planted` where it names neither model nor data, and waits until the page has stopped
    changing; the page must show no exception."""

    def open_address(address: str) -> Any:
        if not re.search("(model|data|tour)=", address):
            address += ("&" if "?" in address else "?") + "model=qj-planted"
        page.goto(server.url + address)
        settle(page)
        return page

    return open_address


def settle(page: Any) -> None:
    """Waits until the script has ended and figures are there, and checks that nothing failed."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000
    )
    page.wait_for_selector(FIGURE, timeout=60_000)
    visits.still(page)
    assert not page.evaluate("() => document.body.textContent.includes('Traceback')")


def wait_for_words(page: Any, words: str) -> None:
    """Waits until words stand on the page, without having it laid out again and again."""
    page.wait_for_function(
        "words => document.querySelector('[data-testid=stMain]')?.textContent.includes(words)",
        arg=words,
    )


def follow(page: Any, title: str) -> None:
    """Goes to another page by its link in the sidebar."""
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name=title).first.click()
    page.wait_for_selector(f"h1:has-text('{title}')")
    settle(page)
