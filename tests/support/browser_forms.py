"""Fields of forms in Chromium."""

from __future__ import annotations

from typing import Any

from scripts import visits


def field(page: Any, name: str, value: str) -> None:
    """Types a value into a field, and waits until the page has taken it."""
    box = page.get_by_label(name, exact=True)
    box.fill(value)
    box.press("Enter")
    visits.still(page)


def quiet(page: Any) -> None:
    """Waits until no script runs."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=90_000
    )
    assert page.locator('[data-testid="stException"]').count() == 0
