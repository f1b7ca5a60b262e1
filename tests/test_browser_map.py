"""What a pointer does on the map of samples, on slices and on the confusion matrix, in Chromium."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts import serving, visits

pytestmark = pytest.mark.browser


def said(page: Any, key: str) -> str:
    return parse_qs(urlsplit(page.url).query).get(key, [""])[-1]


def until(page: Any, key: str, start: str) -> str:
    for _ in range(60):
        if said(page, key).startswith(start):
            break
        page.wait_for_timeout(500)
    visits.still(page)
    return said(page, key)


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
    visits.open_page(page, f"{server.url}/cohorts?model=qj-planted&slice=regime", whole=True)
    drag(page, "sample-map", [(0.1, 0.1), (0.6, 0.1), (0.6, 0.8), (0.1, 0.8), (0.1, 0.12)])
    lasso = until(page, "filter", "pca[states]@")
    assert lasso.startswith("pca[states]@")
    words = page.locator(".st-key-box-cohort").inner_text()
    count = int(words.split(" of 600")[0].split()[-1])
    assert 0 < count < 600
    visits.come(page, "slices")
    page.locator(".st-key-panel-slices path.point").first.click(force=True)
    narrowed = until(page, "filter", "regime=")
    assert narrowed.endswith(lasso)


def test_a_cell_of_the_confusions_is_a_cohort(page: Any, server: serving.Server) -> None:
    # the whole of it: what a tab holds has no panel's name, so nobody can wait for it where it is drawn already
    visits.open_page(page, f"{server.url}/cohorts?model=qj-parity&cohorts.view=Quality", whole=True)
    visits.come(page, "confusions")
    cell = page.locator(".st-key-panel-confusions path.point").first
    cell.scroll_into_view_if_needed()
    cell.click(force=True)
    assert until(page, "filter", "truth=") == "truth=even; prediction=even"
