"""Recordings that were joined to a set are played in Chromium, from their start and from the peaks of the strip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfusion import cli
from qfusion.study.opening import open_sample
from qfusion.views import samples
from scripts import serving, visits
from tests.support import importable, recordings

pytestmark = pytest.mark.browser
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
    lanes = samples.open_strip(open_sample(MODEL, one.id, NAME))[0].lanes
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
