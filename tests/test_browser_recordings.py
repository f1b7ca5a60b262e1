"""A sample's recording in Chromium: it plays, a click on the strip plays from there, the playhead follows; what else
lies in the folder is not to be had."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import cli
from qfusion.analysis.opening import open_sample
from qfusion.panels import timelines
from scripts import serving, visits
from tests.support import recordings

pytestmark = pytest.mark.browser
NAME, MODEL = "seen-and-heard", "seen-and-heard-model"
STRIP = ".st-key-figure-strip .qf-figure"
READY = "() => document.querySelector('.qf-player video')?.readyState >= 2"
STATE = """() => {
  const player = document.querySelector('.qf-player video'), head = document.querySelector('.qf-playhead');
  return [player.currentTime, player.paused, head ? Number(head.dataset.time) : null, head && head.offsetLeft];
}"""
AT = f"""seconds => {{
  const figure = document.querySelector('{STRIP}'), layout = figure._fullLayout;
  figure.scrollIntoView({{block: 'center'}});
  const box = figure.getBoundingClientRect();
  return [box.left + layout.xaxis._offset + layout.xaxis.d2p(seconds), box.top + layout._size.t + layout._size.h - 20];
}}"""


EXTRACTED = (
    "--words=ngrams:size=32",
    "--voice=spectrum:rate=10,bands=16,coefficients=4",
    "--face=hog:grid=1,rate=6",
)
SETTINGS = (
    *("pooling=attention", "dims=3", "jumps=2", "measurements=9", "hidden=16", "dropout=0.1"),
    *("input_dropout=0.2", "epochs=75", "batch=8", "rate=0.01", "average=0.9", "patience=0"),
    *("loss=mse", "noise=0.3", "encoder_decay=0.1"),
)
# seconds that a step reaches beyond its begin, with what is rounded on a button
STEP = {"text": 0.01, "audio": 0.11, "vision": 0.01}


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


@pytest.fixture(scope="module")
def made(
    server: serving.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[recordings.Recording]]:
    """Forty clips, extracted and trained on by the command line where the running app looks for sets and models."""
    folder, theirs = tmp_path_factory.mktemp("clips"), server.log.parent
    made = recordings.make(folder, 40, seconds=2.0)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED", "RUNS", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(theirs / name.lower()))
        run(
            *("data", "extract", str(folder), f"--name={NAME}", "--replace", "--processes=1"),
            *EXTRACTED,
        )
        run("train", f"--data={NAME}", f"--name={MODEL}", *(f"--set={one}" for one in SETTINGS))
        yield made


def test_planted_moments_are_the_peaks_and_the_page_plays_from_them(
    page: Any, server: Any, made: list[recordings.Recording], tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED", "RUNS", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(server.log.parent / name.lower()))
        hits, said = [], {}
        for one in [one for one in made if len(one.moments) == 3][-10:]:
            lanes = timelines.open_timeline(open_sample(MODEL, one.id, NAME))[0].lanes
            times = {lane.modality: float(lane.starts[lane.peak]) for lane in lanes}
            said[one.id] = [f"{modality}, {time:.2f} s" for modality, time in times.items()]
            for modality, moment in one.moments.items():
                end = moment + one.lasting[modality] - 0.01
                hits.append(moment - STEP[modality] < times[modality] < end)
    assert len(hits) == 30
    assert np.mean(hits) >= 0.9
    last = next(one for one in reversed(made) if one.id in said)
    ranges: list[str] = []

    def note(answer: Any) -> None:
        if "/recordings/" in answer.url:
            ranges.append(answer.headers.get("content-range", ""))

    page.on("response", note)
    visits.open_page(page, f"{server.url}/samples?model={MODEL}&data={NAME}&sample={last.id}")
    visits.come(page, "strip")
    page.wait_for_selector(f"{STRIP} .xtick text")
    page.wait_for_function(READY)
    assert any(part.startswith("bytes 0-") for part in ranges)
    page.remove_listener("response", note)
    buttons = page.locator(".qf-peaks button")
    assert buttons.all_inner_texts() == said[last.id]
    for number in range(3):
        buttons.nth(number).click()
        page.wait_for_function("() => !document.querySelector('.qf-player video').seeking")
        page.evaluate("() => document.querySelector('.qf-player video').pause()")
        time = float(buttons.nth(number).inner_text().partition(", ")[2].removesuffix(" s"))
        now = page.evaluate("() => document.querySelector('.qf-player video').currentTime")
        assert time - 0.01 <= now < time + 0.6
    it_is_played_and_sought_on_its_strip(page, last)
    only_what_the_page_has_drawn_is_sent(page, server, made)
    a_session_file_opens_the_same_recording_elsewhere(page, server, last, tmp_path)
    page.set_viewport_size({"width": 800, "height": 900})
    visits.still(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "() => document.querySelector('.qf-player video').clientWidth <= innerWidth"
    )


def it_is_played_and_sought_on_its_strip(page: Any, one: recordings.Recording) -> None:
    """By the mouse and by a key."""
    length = page.evaluate("() => document.querySelector('.qf-player video').duration")
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
    page.evaluate("() => document.querySelector('.qf-player video').pause()")
    button = page.locator(".qf-peaks button").first
    button.focus()
    page.keyboard.press("Enter")  # without a mouse
    moment = float(button.inner_text().rpartition(", ")[2].removesuffix(" s"))
    page.wait_for_function(
        f"() => Math.abs(document.querySelector('.qf-player video').currentTime - {moment}) < 0.6"
    )


def only_what_the_page_has_drawn_is_sent(
    page: Any, server: Any, made: list[recordings.Recording]
) -> None:
    address = page.evaluate("() => document.querySelector('.qf-player video').src")
    request = urllib.request.Request(address, headers={"Range": "bytes=10-19"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, len(answer.read())) == (206, 10)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "video/mp4"
    for path in (
        "/recordings/x",
        "/recordings/..%2f..%2fetc%2fpasswd",
        f"/recordings/{made[0].path.name}",
    ):
        with pytest.raises(urllib.error.HTTPError, match=r"40[04]"):
            urllib.request.urlopen(server.url + path)


def a_session_file_opens_the_same_recording_elsewhere(
    page: Any, server: Any, one: recordings.Recording, tmp_path: Path
) -> None:
    wanted = page.locator(".qf-peaks").inner_text()
    page.get_by_role("button", name="Session", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save session").click()
    download.value.save_as(tmp_path / "mine.json")
    # media are named by what they are joined to: nothing in the file says where they lie
    assert one.path.parent.name not in (tmp_path / "mine.json").read_text()
    # nothing of this reader is left in the browser, and the server begins another session
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.context.clear_cookies()
    visits.open_page(page, f"{server.url}/glossary")
    page.get_by_role("button", name="Session", exact=True).click()
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(
        tmp_path / "mine.json"
    )
    page.get_by_role("link", name=re.compile("^Open it")).click()
    page.wait_for_function(READY, timeout=120_000)
    visits.come(page, "strip")
    assert page.locator(".qf-peaks").inner_text() == wanted
    length = page.evaluate("() => document.querySelector('.qf-player video').duration")
    assert length == pytest.approx(one.seconds, abs=0.15)
