"""Own data and models in Chromium: files are uploaded, examined, repaired and saved, and a sample is
drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import browser, importable
from tests.support.browser import draw_seven, follow, ready, settle, visit

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
    browser.open_more(page)
    page.locator(".st-key-data input").click()
    page.get_by_role("option", name="my-mosi").wait_for()


# Try your own: strokes of the mouse.


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
