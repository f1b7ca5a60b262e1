"""Fields of forms in Chromium."""

from __future__ import annotations

from typing import Any


def field(page: Any, name: str, value: str) -> None:
    box = page.get_by_label(name, exact=True)
    box.fill(value)
    box.press("Enter")
    page.wait_for_timeout(300)
    quiet(page)


def quiet(page: Any) -> None:
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=90_000
    )
    assert page.locator('[data-testid="stException"]').count() == 0
