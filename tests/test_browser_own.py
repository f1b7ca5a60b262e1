"""Try your own in Chromium: real strokes of the mouse, a file in the place of the microphone, and the decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from qfusion import data
from tests.support import alone

pytestmark = pytest.mark.browser
SLOWEST = 20.0  # seconds of a busy machine, libraries of sound read first; alone it answers in half a second
SAMPLES = "/samples?model=qcnn-avparity&data=avparity&own=true"


@pytest.fixture
def spoken(real_data: Path) -> Iterator[None]:
    """What the microphone hears is a digit of the test recordings with silence around it."""
    digits = data.load("avdigits")
    row = next(row for row in digits.rows("test") if digits.y[row] == 7)
    piece = digits.content(int(row))["audio"]
    assert isinstance(piece, data.Audio)
    sound = 1e-3 * np.random.default_rng(0).standard_normal(6 * piece.rate)
    sound[piece.rate : piece.rate + len(piece.samples)] += piece.samples
    soundfile.write(alone.HEARD, sound, piece.rate)
    yield
    alone.HEARD.unlink()


def draw_seven(page: Any, place: int = 0) -> None:
    """Draws a 7 by the mouse."""
    canvas = page.locator(".qf-canvas canvas").nth(place)
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = canvas.bounding_box()

    def at(right: float, down: float) -> tuple[float, float]:
        return box["x"] + right * box["width"], box["y"] + down * box["height"]

    page.mouse.move(*at(0.3, 0.25))
    page.mouse.down()
    page.mouse.move(*at(0.7, 0.25), steps=8)
    page.mouse.move(*at(0.45, 0.8), steps=10)
    page.mouse.up()


def ready(page: Any) -> None:
    """Waits until the script has ended."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=120_000
    )


def seconds(wait: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.monotonic()
    wait()
    return time.monotonic() - began


@pytest.mark.usefixtures("spoken")
def test_a_digit_is_drawn_and_spoken_and_decided(page: Any, server: Any) -> None:
    """Both of them a 7: their sum is even. Then it is a sample like any other, and stays when it is loaded again."""
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(server.url + SAMPLES)
    page.wait_for_selector(".qf-canvas canvas", timeout=120_000)
    ready(page)
    draw_seven(page)
    answer = page.locator(".st-key-own-answer")
    assert seconds(lambda: answer.locator("h4").wait_for()) < SLOWEST
    assert "Not given: audio" in answer.inner_text()
    ready(page)
    page.get_by_role("button", name="Record").click()
    page.wait_for_timeout(2600)
    page.get_by_role("button", name="Stop recording").click()
    given = "() => document.querySelector('.st-key-own-answer')?.innerText.includes('log-mel')"
    both = f"{given} && !document.querySelector('.st-key-own-answer').innerText.includes('Not')"
    assert seconds(lambda: page.wait_for_function(both)) < SLOWEST
    assert "decides: ‘even’" in answer.inner_text()
    page.wait_for_function(
        "() => document.querySelector('.st-key-own-answer').innerText.includes('of the test samples')"
    )
    page.get_by_role("button", name="Explain it").click()
    page.wait_for_selector("h3:has-text('Sample own-')")
    ready(page)
    assert "sample=own-" in page.url
    words = page.locator('[data-testid="stMain"]').inner_text()
    assert "no truth is known" in words
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Circuit").first.click()
    page.wait_for_selector("h1:has-text('Circuit')")
    ready(page)
    assert "sample=own-" in page.url
    assert not page.locator('[data-testid="stAlert"]').all_inner_texts()


def test_strokes_are_undone_and_wiped(page: Any, server: Any) -> None:
    """And what nobody drew is no sample; at 800 pixels the canvas fits."""
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(server.url + "/samples?model=qj-parity&data=parity&own=true")
    page.wait_for_selector(".qf-canvas canvas", timeout=60_000)
    ready(page)
    undo = page.get_by_role("button", name="Undo", exact=True).nth(1)
    assert undo.is_disabled()
    draw_seven(page, 1)
    page.wait_for_selector(".st-key-own-answer h4")
    assert "Not given: left" in page.locator(".st-key-own-answer").inner_text()
    undo.click()
    page.wait_for_selector(".st-key-own-answer", state="detached")
    draw_seven(page, 1)
    page.wait_for_selector(".st-key-own-answer h4")
    page.get_by_role("button", name="Clear", exact=True).nth(1).click()
    page.wait_for_selector(".st-key-own-answer", state="detached")
    box = page.locator(".qf-canvas canvas").nth(1).bounding_box()
    assert box["x"] + box["width"] <= 800
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
