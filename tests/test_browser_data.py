"""Own data and models in Chromium: files are uploaded, examined, repaired and saved, a sample is
drawn and spoken."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from qfusion import data
from scripts import visits
from tests.support import alone, browser, importable
from tests.support.browser import follow, settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture


# Data sets.


def upload(page: Any, *paths: Path) -> None:
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(
        [str(path) for path in paths]
    )
    page.get_by_text(paths[0].name).first.wait_for()  # what is brought is examined at once


def test_what_cannot_be_read_is_refused_in_words_and_the_page_goes_on_to_keep_a_pickle(
    visit: Callable[[str], Any], tmp_path: Path
) -> None:
    page = visit("/data")
    a_table_offers_no_file_of_streamlits(page)
    a_file_of_three_gigabytes_is_refused(page, tmp_path)
    drop(page)
    a_hostile_file_is_refused_by_name(page, tmp_path)
    drop(page)
    the_columns_of_one_table_are_assigned(page, tmp_path)
    drop(page)
    a_pickle_is_examined_repaired_and_kept(page, tmp_path)


def a_table_offers_no_file_of_streamlits(page: Any) -> None:
    table = page.locator("[data-testid=stDataFrame]").first
    table.wait_for()
    table.hover()
    tools = page.locator("[data-testid=stElementToolbar]").first
    tools.wait_for()
    assert tools.get_by_label("Fullscreen").count()
    assert not tools.get_by_label("Download as CSV").count()


def drop(page: Any) -> None:
    """Takes the file away that was chosen."""
    button = page.locator('[data-testid="stFileUploader"]').get_by_role(
        "button", name=re.compile("^Remove ")
    )
    button.click()
    button.wait_for(state="detached")
    settle(page)


def a_file_of_three_gigabytes_is_refused(page: Any, tmp_path: Path) -> None:
    large = tmp_path / "large.pkl"
    with large.open("wb") as file:
        file.truncate(3 * 1024**3)  # a hole: it takes no room
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(large))
    page.get_by_text("File must be 200").wait_for()
    page.get_by_role("button", name="Examine").click()
    page.get_by_text("There is nothing to examine yet").wait_for()
    settle(page)


def a_hostile_file_is_refused_by_name(page: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(b"cposix\nsystem\n(S'touch /tmp/never'\ntR.")
    upload(page, bad)
    page.get_by_text("posix.system").wait_for()
    assert "only NumPy arrays, plain containers" in page.inner_text("body")
    settle(page)
    assert page.locator(".st-key-import-report").count() == 0


def the_columns_of_one_table_are_assigned(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    importable.single_table().rename(columns={"label": "q1"}).to_csv(path, index=False)
    upload(page, path)
    form = page.locator(".st-key-import-columns")
    form.get_by_text("none is called so").wait_for()
    form.locator(".st-key-_import_label input").click()
    page.get_by_role("option", name="q1").click()
    settle(page)
    columns = form.locator(".st-key-_import_modality_columns_1 input")
    columns.fill("audio.*, text_1")
    columns.press("Enter")
    form.get_by_text("2 columns:").wait_for()
    settle(page)
    page.get_by_role("button", name="Examine").click()
    page.wait_for_selector(".st-key-import-report", timeout=60_000)
    settle(page)
    assert "60 samples (36 train, 12 valid, 12 test)" in page.inner_text(".st-key-import-report")
    page.get_by_role("button", name="Discard").click()
    page.locator(".st-key-import-report").wait_for(state="detached")


def a_pickle_is_examined_repaired_and_kept(page: Any, tmp_path: Path) -> None:
    content = importable.mmsa()
    content["train"]["audio"][2, 0, 1] = -np.inf
    upload(page, importable.write_mmsa(tmp_path / "unaligned_50.pkl", content))
    page.wait_for_selector(".st-key-import-report", timeout=60_000)
    settle(page)
    report = page.inner_text(".st-key-import-report")
    assert "70 samples (40 train, 10 valid, 20 test)" in report
    assert "0 values are NaN and 1 infinite, in 1 of 70 samples and 1 of 5 features" in report
    assert "Sequences of" in report
    page.locator(".st-key-_import_name input").fill("my-mosi")
    page.locator(".st-key-_import_name input").press("Enter")
    settle(page)
    page.get_by_role("button", name="Save data set").click()
    page.get_by_text("The set cannot be imported as it is").wait_for()
    page.locator(".st-key-_repair_fill-zero label").click()
    settle(page)
    page.get_by_role("button", name="Save data set").click()
    page.get_by_text("with 70 samples. It can now be chosen").wait_for()
    settle(page)
    assert browser.chosen(page, "set") == "my-mosi"
    assert "set=my-mosi" in page.url
    assert "40 / 10 / 20" in page.inner_text("body")
    assert page.locator(".st-key-import-report").count() == 0
    follow(page, "Samples")
    page.locator(".st-key-data input").click()
    page.get_by_role("option", name="my-mosi").wait_for()


# Try your own: strokes of the mouse, and a file in the place of the microphone.

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
    visits.still(page)
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
