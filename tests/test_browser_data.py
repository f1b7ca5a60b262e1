"""Own data and models in Chromium: files are uploaded, examined, repaired and saved, a sample is drawn, and a recording
is played."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import cli
from qfusion.analysis.opening import open_sample
from qfusion.panels import timelines
from scripts import serving, visits
from tests.support import browser, importable, recordings
from tests.support.browser import draw_seven, follow, ready, settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture


@pytest.fixture(scope="module")
def own_places(server: serving.Server) -> Iterator[None]:
    """Commands of this file keep sets, models and runs where the running app looks for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED", "RUNS", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(server.log.parent / name.lower()))
        yield


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


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


# Recordings.

NAME, MODEL = "seen-and-heard", "seen-and-heard-model"
STRIP = ".st-key-figure-strip .qf-figure"
READY = "() => document.querySelector('[data-testid=stVideo]')?.readyState >= 2"
STATE = """() => {
  const player = document.querySelector('[data-testid=stVideo]'), head = document.querySelector('.qf-playhead');
  return [player.currentTime, player.paused, head ? Number(head.dataset.time) : null, head && head.offsetLeft];
}"""
AT = f"""seconds => {{
  const figure = document.querySelector('{STRIP}'), layout = figure._fullLayout;
  figure.scrollIntoView({{block: 'center'}});
  const box = figure.getBoundingClientRect();
  return [box.left + layout.xaxis._offset + layout.xaxis.d2p(seconds), box.top + layout._size.t + layout._size.h - 20];
}}"""


@pytest.fixture(scope="module")
def clips(own_places: None, tmp_path_factory: pytest.TempPathFactory) -> list[recordings.Recording]:
    """Twelve clips and their features, imported, joined and trained on by the command line for the running app."""
    folder = tmp_path_factory.mktemp("clips")
    made = recordings.make(folder, 12, seconds=2.0)
    features = folder.with_suffix(".pkl")
    importable.write_mmsa(features, recordings.mmsa(made, {"audio": 10.0, "vision": 6.0}))
    run(
        *("data", "import", str(features), f"--name={NAME}", "--replace"),
        *("--rate=audio=10", "--rate=vision=6"),
    )
    run("data", "media", NAME, str(folder))
    run(
        *("train", f"--data={NAME}", f"--name={MODEL}", "--set=pooling=attention"),
        *("--set=dims=2", "--set=jumps=1", "--set=epochs=1"),
    )
    return made


def test_a_recording_is_played_from_the_peaks_of_its_strip(
    page: Any, server: Any, clips: list[recordings.Recording]
) -> None:
    one = next(one for one in reversed(clips) if len(one.moments) == 3)
    lanes = timelines.open_timeline(open_sample(MODEL, one.id, NAME))[0].lanes
    peaks = [f"{lane.modality}, {lane.starts[lane.peak]:.2f} s" for lane in lanes]
    visits.open_page(page, f"{server.url}/samples?model={MODEL}&data={NAME}&sample={one.id}")
    visits.come(page, "strip")
    page.wait_for_selector(f"{STRIP} .xtick text")
    page.wait_for_function(READY)
    buttons = page.locator(".qf-peaks button")
    assert buttons.all_inner_texts() == peaks
    for number in range(3):
        buttons.nth(number).click()
        page.wait_for_function("() => !document.querySelector('[data-testid=stVideo]').seeking")
        page.evaluate("() => document.querySelector('[data-testid=stVideo]').pause()")
        moment = float(peaks[number].partition(", ")[2].removesuffix(" s"))
        now = page.evaluate("() => document.querySelector('[data-testid=stVideo]').currentTime")
        assert moment - 0.01 <= now < moment + 0.6
    it_is_played_and_sought_on_its_strip(page, one)
    page.set_viewport_size({"width": 800, "height": 900})
    visits.still(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "() => document.querySelector('[data-testid=stVideo]').clientWidth <= innerWidth"
    )


def test_a_part_of_a_recording_is_played_from_its_start(
    page: Any, server: Any, clips: list[recordings.Recording], tmp_path: Path
) -> None:
    table = tmp_path / "parts.csv"
    rows = [f"{clip.id},{clip.path.name},1.25,{clip.seconds}" for clip in clips]
    table.write_text("\n".join(["id,path,start,end", *rows]))
    run("data", "media", NAME, str(clips[0].path.parent), "--table", str(table))
    visits.open_page(page, f"{server.url}/samples?model={MODEL}&data={NAME}&sample={clips[0].id}")
    visits.come(page, "strip")
    page.wait_for_selector(f"{STRIP} .xtick text")
    page.wait_for_function(READY)
    assert page.evaluate(STATE)[0] == pytest.approx(1.0)  # a whole second
    page.mouse.click(*page.evaluate(AT, 0.5))
    page.wait_for_function("() => document.querySelector('.qf-playhead').dataset.time > 0.55")
    page.evaluate("() => document.querySelector('[data-testid=stVideo]').pause()")
    now, _, shown, _ = page.evaluate(STATE)
    assert now > 1.75
    assert shown == pytest.approx(now - 1.25, abs=0.2)


def it_is_played_and_sought_on_its_strip(page: Any, one: recordings.Recording) -> None:
    """By the mouse and by a key."""
    length = page.evaluate("() => document.querySelector('[data-testid=stVideo]').duration")
    assert length == pytest.approx(one.seconds, abs=0.15)
    page.mouse.click(*page.evaluate(AT, 1.5))
    page.wait_for_function("() => document.querySelector('.qf-playhead').dataset.time > 1.55")
    now, paused, shown, left = page.evaluate(STATE)
    assert not paused
    assert 1.5 < now < one.seconds
    assert shown == pytest.approx(now, abs=0.2)
    page.wait_for_function(f"() => document.querySelector('.qf-playhead').offsetLeft > {left + 5}")
    words = page.locator('[data-testid="stMain"]').inner_text()
    assert "The recording, which was linked to it" in words
    assert "no raw content" not in words
    page.evaluate("() => document.querySelector('[data-testid=stVideo]').pause()")
    button = page.locator(".qf-peaks button").first
    button.focus()
    page.keyboard.press("Enter")  # without a mouse
    moment = float(button.inner_text().rpartition(", ")[2].removesuffix(" s"))
    page.wait_for_function(
        f"() => Math.abs(document.querySelector('[data-testid=stVideo]').currentTime - {moment}) < 0.6"
    )
