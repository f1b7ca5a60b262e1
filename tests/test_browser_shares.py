"""The share of another sample's state in Chromium: numbers and figures follow it, and the exact page shows the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scripts import dragging
from tests.support.browser import settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
TILES = ".st-key-pair-metrics [data-testid=stMetric]"


@pytest.mark.parametrize("model", ["qj-parity", "qcnn-parity"])
def test_numbers_and_figures_follow_the_share(visit: Callable[[str], Any], model: str) -> None:
    page = visit(f"/what_if?model={model}&do.left=another%20sample%27s")
    page.set_viewport_size({"width": 1440, "height": 2400})
    settle(page)
    slider = dragging.Slider(page, "mix.left")
    slider.hold()
    slider.move(0.5, steps=4)
    dragging.wait_until_followed(page, ("scores", "final"))
    slider.move(0.4, steps=4)
    dragging.wait_until_drawn(page)
    followed = dragging.shown_series(page)
    assert {"rows", "classes"} <= {name for one in followed for name in one}
    live = page.locator(f"{TILES} .qf-live > span").all_inner_texts()
    assert len(live) > 1
    words = page.inner_text(".st-key-mix-line")
    assert "Share of the other state of left = " in words
    assert "states and differences when you let go" in words
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    values = page.locator(f"{TILES} [data-testid=stMetricValue]").all_inner_texts()
    assert live[-1] in [value.strip() for value in values]
    exact = dragging.shown_series(page)
    assert len(exact) == len(followed)
    for was, now in zip(followed, exact, strict=True):
        pixel = max(was["pixel"], now["pixel"])
        assert np.allclose(
            was["values"], now["values"], atol=2 / min(was["pixel"], now["pixel"])
        ), pixel
