"""Sliders in Chromium: figures and numbers follow a drag, equal the exact page within a pixel, and give way to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qfusion.models.network import gate_angles
from qfusion.study.opening import open_sample, open_study
from qfusion.views import circuit
from qfusion.views.pages.address import default_sample
from scripts import dragging, visits
from tests.support.browser import settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
PLACES = 20
OUTCOMES = {"qcnn-digits": "outcome=000", "qcnn-parity": "outcome=11"}


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("qj-planted", "H.text-audio-vision"),
        ("qj-planted", "D.text-audio-vision"),
        ("qj-parity", "T"),
        ("qj-scenes", "H.picture-question"),
        ("qj-mosi", "T"),
    ],
)
def test_every_picture_of_a_drag_equals_the_exact_page_within_a_pixel(
    visit: Callable[[str], Any],
    model: str,
    key: str,
    request: pytest.FixtureRequest,
) -> None:
    if model == "qj-mosi":
        request.getfixturevalue("real_data")
    sample_id = default_sample(open_study(model))
    sample = open_sample(model, sample_id)
    page = visit(f"/dynamics?model={model}&sample={sample_id}")
    page.set_viewport_size({"width": 1440, "height": 2600})  # all figures on the screen
    visits.come(page, "built", "waterfall-now")
    slider = dragging.Slider(page, key)
    slider.hold()
    slider.move(0.45)
    dragging.wait_until_followed(page, ("scores", "upper", "built"))
    rng = np.random.default_rng(0)
    worst = 0.0
    for share in rng.uniform(0, 1, PLACES):
        slider.move(float(share))
        dragging.wait_until_drawn(page)
        off = dragging.deviations(page, dragging.turned(sample, key, slider.value))
        assert len(off) >= 2 + 2 * len(sample.modalities)  # lines of both plots and the bars
        worst = max(worst, *off)
    assert worst <= 1.0, f"{worst} pixels"
    slider.release()
    settle(page)


@pytest.mark.parametrize(
    ("model", "key"), [("qcnn-digits", "_phi.0.0.0"), ("qcnn-parity", "_phi.0.0.3")]
)
def test_every_picture_of_a_drag_of_an_angle_equals_the_exact_page(
    visit: Callable[[str], Any], model: str, key: str
) -> None:
    study = open_study(model)
    sample = study.sample(default_sample(study))
    page = visit(f"/circuit?model={model}&sample={sample.id}&part=Fusion%20rules&{OUTCOMES[model]}")
    page.set_viewport_size({"width": 1440, "height": 2000})
    visits.still(page)
    slider = dragging.Slider(page, key)
    place = map(int, key.removeprefix("_phi.").split("."))
    angle = gate_angles.edit_key(gate_angles.table_shape(study.model), *place)
    slider.hold()
    slider.move(0.5)
    dragging.wait_until_followed(page, ("scores", "final"))
    worst = 0.0
    for share in np.random.default_rng(0).uniform(0, 1, PLACES):
        slider.move(float(share))
        dragging.wait_until_drawn(page)
        exact = replace(sample, tweak=f"{angle}={slider.value!r}")
        off = dragging.deviations(page, exact)
        assert len(off) == 2  # bars of the contributions, and of the classes
        worst = max(worst, *off)
    assert worst <= 1.0, f"{worst} pixels"
    live = page.locator(".st-key-pair-metrics .qf-live > span").first.inner_text()
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    tile = page.locator(".st-key-pair-metrics [data-testid=stMetricValue]").first
    assert tile.inner_text().strip() == live


@pytest.mark.parametrize(
    ("model", "place", "gate"), [("qcnn-parity", "0.0.3", 3), ("qcnn-digits", "1.0.0", 8)]
)
def test_the_circuit_follows_an_angle_and_what_does_not_is_dimmed(
    visit: Callable[[str], Any], model: str, place: str, gate: int
) -> None:
    study = open_study(model)
    sample = study.sample(default_sample(study))
    edit = gate_angles.edit_key(gate_angles.table_shape(study.model), *map(int, place.split(".")))
    address = f"/circuit?model={model}&sample={sample.id}&gate={gate}&outcome={edit.split('.')[-1]}"
    page = visit(address)
    page.set_viewport_size({"width": 1440, "height": 2000})
    visits.still(page)
    before = page.locator(f".st-key-_number-{place.replace('.', '-')} input").input_value()
    slider = dragging.Slider(page, f"_phi.{place}")
    start = slider.value
    slider.hold()
    for share in (0.3, 0.8, 0.62):
        slider.move(share)
        dragging.wait_until_followed(page, ("scores", "states", "ends", "outcomes"))
        dragging.wait_until_drawn(page)
        walk = circuit.replay(replace(sample, tweak=f"{edit}={slider.value!r}"))
        rows = list(walk.followed)
        words = page.locator(".st-key-panel-circuit .annotation-text").all_text_contents()
        assert [f"{(1 - z) / 2:.2f}" for z in walk.bloch[gate, rows, 2]] == [
            word for word in words if re.fullmatch(r"[01]\.\d\d", word)
        ]
        words = page.locator(".st-key-panel-qubits .annotation-text").all_text_contents()
        assert [f"{abs(entropy):.2f} nats" for entropy in walk.entropy[gate][rows]] == [
            word for word in words if word.endswith(" nats")
        ]
        number = page.locator(f".st-key-_number-{place.replace('.', '-')} input")
        assert number.input_value() == f"{slider.value:.4f}"
        assert f"{edit.split('.')[-1]} = {slider.value:.3f}" in page.inner_text(
            ".st-key-gate-values"
        )
    shade = "each => getComputedStyle(each).opacity"
    for name, clear in (("circuit", 1), ("qubits", 1), ("before-after", 1), ("matrix-after", 0)):
        opacity = float(page.locator(f".st-key-panel-{name}").evaluate(shade))
        assert (opacity == 1) == bool(clear), name
    assert float(page.locator(".st-key-gate-says").evaluate(shade)) < 1
    slider.move((start + 1.57) / 6.28)  # back where it was
    assert slider.value == start
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    assert number.input_value() == before
    settle(page)
    assert not page.locator("[data-knob], [data-follows], [data-live]").count()


def test_numbers_follow_and_the_exact_page_shows_the_same(visit: Callable[[str], Any]) -> None:
    page = visit("/dynamics?model=qj-planted&sample=p0031")
    tiles = ".st-key-pair-metrics [data-testid=stMetric]"
    place = "each => each.getBoundingClientRect().height"
    height = page.locator(tiles).first.evaluate(place)
    slider = dragging.Slider(page, "H.text-audio-vision")
    slider.hold()
    slider.move(0.3, steps=5)
    dragging.wait_until_followed(page)
    page.wait_for_function("() => document.querySelectorAll('.qf-live').length > 3")
    slider.move(0.2, steps=5)
    page.wait_for_timeout(300)
    assert page.locator(tiles).first.evaluate(place) == pytest.approx(height, abs=1)
    live = page.locator(f"{tiles} .qf-live > span").all_inner_texts()
    assert "H: text + audio + vision × " in page.inner_text(".st-key-tweak-line")
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    values = page.locator(f"{tiles} [data-testid=stMetricValue]").all_inner_texts()
    assert [value.strip() for value in values] == live
    assert not page.locator("[data-knob], [data-follows], [data-live]").count()


def test_a_slider_that_is_moved_back_leaves_no_trace(visit: Callable[[str], Any]) -> None:
    page = visit("/dynamics?model=qj-parity")
    before = dragging.shown_series(page)
    slider = dragging.Slider(page, "H.left-right")
    slider.hold()
    slider.move(0.2, steps=4)
    dragging.wait_until_followed(page)
    page.wait_for_function("() => document.querySelector('.qf-live')")
    slider.move(0.5, steps=6)
    assert slider.value == 1
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    after = dragging.shown_series(page)
    for was, now in zip(before, after, strict=True):
        assert np.allclose(was["values"], now["values"], atol=2 * was["pixel"])


def test_arrow_keys_are_followed_and_a_mark_sets_its_slider(visit: Callable[[str], Any]) -> None:
    page = visit("/dynamics?model=qj-parity&sample=pair-6604")
    slider = dragging.Slider(page, "H.left-right")
    page.locator(f"{slider.place} input[type=range]").focus()
    dragging.wait_until_followed(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('.qf-live')")
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    assert "H.left-right=0.99" in page.url
    mark = page.locator(".st-key-T .qf-flip").first
    mark.wait_for(timeout=20_000)
    words = mark.get_attribute("title")
    mark.click()
    page.wait_for_function("() => /[?&]T=/.test(location.search)")
    settle(page)
    place = float(re.search(r"changes at (\d+\.\d+)", words)[1])
    assert slider_value(page) == pytest.approx(place, abs=0.02)


def slider_value(page: Any) -> float:
    return dragging.Slider(page, "T").value


# The least opacity of what is seen on the page, looked at once a frame.
WATCH_PALE = """() => {
  window.palest = 1;
  const look = () => {
    for (const e of document.querySelectorAll('[data-testid=stMain] .stElementContainer'))
      if (e.checkVisibility()) palest = Math.min(palest, Number(getComputedStyle(e).opacity));
    requestAnimationFrame(look);
  };
  look();
}"""


def test_play_moves_the_time_cursor_until_it_is_paused_and_greys_nothing(
    visit: Callable[[str], Any],
) -> None:
    page = visit("/dynamics?model=qj-planted&sample=p2924")
    thumb = page.locator(".st-key-cursor input[type=range]")
    button = page.locator(".st-key-play button")
    line = page.locator(".st-key-figure-decision-over-time .plotly-live-cursor")
    page.wait_for_selector(".st-key-figure-decision-over-time .js-plotly-plot .xtitle")
    page.evaluate(WATCH_PALE)
    assert (thumb.input_value(), button.inner_text(), line.count()) == ("1", "Play", 0)
    button.click()
    page.wait_for_function(
        "() => { const at = document.querySelector('.st-key-cursor input[type=range]').value;"
        " return at > 0.1 && at < 1; }"
    )
    assert button.inner_text() == "Pause"
    first = line.bounding_box()["x"]
    page.wait_for_function(
        "from => document.querySelector('.plotly-live-cursor').getBoundingClientRect().x > from + 20",
        arg=first,
    )
    assert "t=" not in page.url  # the browser alone moves it
    assert page.evaluate("palest") == 1
    button.click()
    stopped = float(thumb.input_value())
    assert 0.1 < stopped < 1
    page.wait_for_function(f"() => location.search.includes('t={stopped:g}')")
    settle(page)
    assert (float(thumb.input_value()), button.inner_text()) == (stopped, "Play")
    assert line.count() == 0  # the figure has a cursor of its own there
    assert f"At t = {stopped:.2f}" in page.inner_text(".st-key-cursor-values")
    button.click()  # on to the end, where it stops by itself
    page.wait_for_function(
        "() => document.querySelector('.st-key-play button').textContent === 'Play'",
        timeout=15_000,
    )
    assert thumb.input_value() == "1"
