"""A digit is drawn by the mouse and spoken in Chromium, with a file in the place of the microphone."""

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
from tests.support.browser import draw_seven, ready

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
