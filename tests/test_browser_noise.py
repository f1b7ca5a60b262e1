"""Sliders of noise in Chromium: bars, error bars and numbers follow a drag and equal the exact page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qfusion.analysis.opening import open_study
from qfusion.panels import device_noise, pickers
from scripts import dragging, visits
from tests.support.browser import settle, visit

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture
PLACES = 12
NOISE = "/circuit?model=qcnn-parity&part=Noise%20and%20shots"
GROUPS = ("scores", "noisy", "noisy errors")
# The values and error bars of both figures, in units of the axis, and the size of a pixel.
BARS = """() => [...document.querySelectorAll('.qf-figure')].flatMap(host => {
  const n = host.data?.findIndex(({meta}) => meta?.bars) ?? -1;
  if (n < 0) return [];
  const axis = host._fullLayout.xaxis;
  const values = [...host.querySelectorAll('.barlayer .point path')].map(
    path => axis.p2d(Number(/H(-?[\\d.]+)/.exec(path.getAttribute('d'))[1])));
  const errors = [...host.querySelectorAll('.barlayer .errorbar .xerror')].map(path => {
    const [, high, low] = /^M(-?[\\d.]+).*H(-?[\\d.]+)/.exec(path.getAttribute('d'));
    return (axis.p2d(Number(high)) - axis.p2d(Number(low))) / 2;
  });
  return [{...host.data[n].meta, values, errors, pixel: Math.abs(axis.p2d(1) - axis.p2d(0))}];
})"""


@pytest.mark.parametrize("channel", ["depolarising", "damping"])
def test_every_picture_of_a_drag_equals_the_exact_page(
    visit: Callable[[str], Any], channel: str
) -> None:
    study = open_study("qcnn-parity")
    sample = study.sample(pickers.default_sample(study))
    page = visit(NOISE)
    page.set_viewport_size({"width": 1440, "height": 1400})
    visits.still(page)
    slider = dragging.Slider(page, f"noise.{channel}")
    slider.hold()
    slider.move(0.5)
    dragging.wait_until_followed(page, GROUPS)
    worst = 0.0
    for share in np.random.default_rng(0).uniform(0.02, 1, PLACES):
        slider.move(float(share))
        dragging.wait_until_drawn(page)
        exact = device_noise.noisy_outcome(sample, **{channel: slider.value})
        scores, terms = page.evaluate(BARS)
        places = [int(name) for (name,) in scores["bars"]]
        coalitions = [study.coalitions.index(name) for (name,) in terms["bars"]]
        for shown, values, errors in (
            (scores, exact.scores[places], exact.errors[places]),
            (
                terms,
                exact.dividends[coalitions, sample.output],
                exact.dividend_errors[coalitions, sample.output],
            ),
        ):
            worst = max(worst, np.abs(values - shown["values"]).max() / shown["pixel"])
            worst = max(worst, np.abs(errors - shown["errors"]).max() / shown["pixel"])
    assert worst <= 1.0, f"{worst} pixels"
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)


def test_numbers_follow_arrow_keys_and_the_exact_page_shows_the_same(
    visit: Callable[[str], Any],
) -> None:
    page = visit(NOISE)
    tiles = ".st-key-pair-metrics [data-testid=stMetric]"
    place = "each => each.getBoundingClientRect().height"
    height = page.locator(tiles).first.evaluate(place)
    slider = dragging.Slider(page, "noise.readout")
    slider.hold()
    slider.move(0.3, steps=4)
    dragging.wait_until_followed(page, ("scores", "scores errors"))
    page.wait_for_function("() => document.querySelectorAll('.qf-live').length > 2")
    slider.move(0.25, steps=4)
    dragging.wait_until_drawn(page)
    live = page.locator(f"{tiles} .qf-live > span").all_inner_texts()
    assert "±" in live[0]
    assert "Read-out = " in page.inner_text(".st-key-angle-line")
    assert page.locator(tiles).first.evaluate(place) == pytest.approx(height, abs=1)
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    values = page.locator(f"{tiles} [data-testid=stMetricValue]").all_inner_texts()
    assert [value.strip() for value in values][: len(live)] == live
    page.locator(f"{slider.place} input[type=range]").focus()
    dragging.wait_until_followed(page, ("scores",))
    before = slider.value
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.qf-live')")
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    settle(page)
    assert slider.value == pytest.approx(before + 0.01)
    assert not page.locator("[data-knob], [data-follows], [data-live]").count()
