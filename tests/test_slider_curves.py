"""Curves along one slider equal what the page computes at any value of it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from qfusion.errors import NotFound
from qfusion.explain import path_attribution
from qfusion.models.tweak import Tweak, learned_values
from qfusion.study import evolution, sliders
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.views import decision

MODELS = ("qj-parity", "qj-planted")
PIXEL = 1 / 250  # of an axis


def sample_of(model: str, tweak: str = "") -> Sample:
    study = open_study(model)
    row = int(study.dataset.rows("test")[3])
    return Sample(study, row, int(study.predicted[row]), tweak)


def turned(sample: Sample, key: str, value: float) -> Sample:
    numbers = sample.tweak.numbers() | {key: value}
    return replace(sample, tweak=Tweak.of(numbers.items(), sample.study.model))


def cases() -> list[tuple[str, str]]:
    """The strongest coupling, dissipation and the duration of two models."""
    keys = {"qj-parity": "left-right", "qj-planted": "text-audio-vision"}
    return [(name, key) for name in MODELS for key in (f"H.{keys[name]}", f"D.{keys[name]}", "T")]


@pytest.mark.parametrize(("model", "key"), cases())
def test_decision_along_a_slider_equals_the_page(model: str, key: str) -> None:
    sample = sample_of(model)
    curves = sliders.decision_curves(sample, key)
    scores = sliders.score_curves(sample, key)
    final = sliders.final_curves(sample, key)
    assert curves.error <= sliders.TOLERANCE
    for value in np.random.default_rng(0).uniform(curves.low, curves.high, 5):
        exact = turned(sample, key, float(value))
        along = np.stack(list(exact.path_dividends.values()))
        shapley = np.stack(list(exact.path_shapley.values()))
        got = curves.values(float(value))
        largest = np.abs(along).max()
        assert np.abs(got["dividends"] - along).max() < 2e-3 * largest
        assert np.abs(got["shapley"] - shapley).max() < 2e-3 * largest
        assert np.abs(got["scores"] - exact.scores).max() < 2e-3 * largest
        assert np.abs(scores.values(float(value))["scores"] - exact.scores).max() < 2e-3 * largest
        at_end = final.values(float(value))
        assert np.abs(at_end["dividends"] - along[:, -1]).max() < 2e-3 * largest
        assert np.abs(at_end["scores"] - exact.scores).max() < 2e-3 * largest


@pytest.mark.parametrize("above", decision.ABOVE)
@pytest.mark.parametrize(("model", "key"), cases())
def test_measures_along_a_slider_equal_those_tracked_by_qutip(
    model: str, key: str, above: str
) -> None:
    sample = sample_of(model, "H.text=0.7" if model == "qj-planted" else "")
    kind, parts = decision.upper_series(sample, above)
    curves = sliders.measure_curves(sample, key, kind, parts)
    places = np.linspace(curves.low, curves.high, 50)
    axis = max(float(curves.values(float(place))["values"].max()) for place in places)
    for value in np.random.default_rng(1).uniform(curves.low, curves.high, 3):
        exact = turned(sample, key, float(value))
        if above == decision.PAIRS:
            shared = exact.track().measures.by_part("mutual_information")
            series = {part: shared[tuple(part.split("+"))] for part in parts}
        else:
            series = decision.upper_curves(exact, above)[0]
        wanted = np.stack([series[part] for part in parts])
        # a measure with a kink is not followed where its estimated error is above a pixel
        most = max(PIXEL, 2 * curves.error) * axis
        assert np.abs(curves.values(float(value))["values"] - wanted).max() < most


def test_what_each_term_built_along_a_slider_equals_path_attribution() -> None:
    sample = sample_of("qj-parity")
    curves = sliders.attribution_curves(sample, "H.left-right")
    exact = turned(sample, "H.left-right", 1.37)
    wanted = path_attribution.aumann_shapley(
        exact.model, exact.inputs, exact.background, exact.output
    )
    got = curves.values(1.37)
    assert np.abs(got["parts"] - wanted.parts).max() < 1e-3 * np.abs(wanted.parts).max()
    assert np.abs(got["end"] - wanted.end).max() < 1e-3 * np.abs(wanted.end).max()


def test_curves_do_not_depend_on_where_their_own_slider_stands() -> None:
    sample = sample_of("qj-planted")
    moved = turned(sample, "H.text", 0.3)
    assert sliders.decision_curves(sample, "H.text") is sliders.decision_curves(moved, "H.text")
    assert sliders.decision_curves(moved, "T") is not sliders.decision_curves(sample, "T")


def test_metrics_along_a_slider_equal_those_of_the_page_at_every_value_it_takes() -> None:
    study = open_study("qj-planted")
    key = "D.text-audio-vision"
    places, values = sliders.metric_curves(study, Tweak(), key)
    assert len(places) == 2 * sliders.STEPS + 1
    for place in (0, 37, 120, 200):
        tweak = Tweak.of([(key, float(places[place]))], study.model)
        wanted = evolution.tweaked_metrics(study, tweak)
        for name, curve in values.items():
            assert curve[place] == pytest.approx(wanted[name], abs=2e-3), name


def test_the_decision_changes_where_the_scores_say_so() -> None:
    study = open_study("qj-parity")
    changed = 0
    for row in study.dataset.rows("test")[:12]:
        sample = Sample(study, int(row), int(study.predicted[row]))
        for key in ("H.left-right", "T"):
            for place in sliders.decision_changes(sample, key):
                before = turned(sample, key, place - 0.01).scores
                after = turned(sample, key, place + 0.01).scores
                assert before.argmax() != after.argmax()
                changed += 1
    assert changed


def test_an_unknown_slider_is_refused() -> None:
    with pytest.raises(NotFound, match=r"H\.nothing"):
        sliders.decision_curves(sample_of("qj-parity"), "H.nothing")
    assert "H.left-right" in learned_values(open_study("qj-parity").model)


def test_interpolation_is_exact_for_polynomials_and_estimates_its_error() -> None:
    def cubic(x: float) -> dict[str, np.ndarray]:
        return {"y": np.array([x**3 - x, 2.0])}

    fit = sliders.interpolate(cubic, -1.0, 3.0)
    assert fit.evaluations <= 9
    assert np.allclose(fit.values(2.2)["y"], cubic(2.2)["y"], atol=1e-10)
    kink = sliders.interpolate(lambda x: {"y": np.array(abs(x - 0.3))}, 0.0, 1.0)
    assert kink.evaluations == sliders.COUNTS[-1]
    assert kink.error > sliders.TOLERANCE


def test_interpolation_in_the_root_suits_entropies() -> None:
    def mixing(x: float) -> dict[str, np.ndarray]:
        return {"y": np.array(x * np.log(x) if x else 0.0)}

    root = sliders.interpolate(mixing, 0.0, 1.0, tolerance=0.0, of_root=True)
    plain = sliders.interpolate(mixing, 0.0, 1.0, tolerance=0.0)
    x = np.linspace(0.001, 1, 200)
    errors = [np.abs(fit.values(x)["y"] - x * np.log(x)).max() for fit in (root, plain)]
    assert errors[0] < errors[1] / 5


def test_evaluations_stop_when_nobody_waits() -> None:
    event = threading.Event()
    count = 0

    def evaluate(x: float) -> dict[str, np.ndarray]:
        nonlocal count
        count += 1
        if count == 3:
            event.set()
        return {"y": np.array(abs(x))}

    with sliders.stopped_by(event), pytest.raises(sliders.Stopped):
        sliders.interpolate(evaluate, -1.0, 1.0)
    assert count == 3
