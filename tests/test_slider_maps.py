"""The map of two sliders equals the scores under both, and its panel sets them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qfusion.analysis import slider_pairs
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.errors import InvalidInput, NotFound
from qfusion.models.tweak import Tweak
from qfusion.panels import pickers, slider_maps
from tests.support.app import visit


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(pickers.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


@pytest.mark.parametrize(
    ("model", "across", "up"),
    [("qj-parity", "T", "H.left-right"), ("qj-planted", "H.text", "D.text-audio-vision")],
)
def test_map_equals_the_scores_under_both_sliders(model: str, across: str, up: str) -> None:
    sample = replace(sample_of(model), tweak="" if model == "qj-parity" else "H.audio=0.4")
    pair = slider_pairs.slider_map(sample, across, up)
    assert pair.scores.shape == (len(pair.y), len(pair.x), len(sample.model.outputs))
    largest = np.abs(pair.scores).max()
    rng = np.random.default_rng(0)
    for i, j in rng.integers(0, slider_pairs.POINTS, (6, 2)):
        numbers = sample.tweak.numbers() | {across: pair.x[j], up: pair.y[i]}
        tweak = Tweak.of(
            [(key, float(value)) for key, value in numbers.items()], sample.study.model
        )
        exact = replace(sample, tweak=tweak).scores
        assert np.abs(pair.scores[i, j] - exact).max() < 4e-3 * largest
    assert len(pair.frame(sample.output)) == slider_pairs.POINTS**2


def test_margin_is_zero_where_the_decision_changes() -> None:
    sample = sample_of("qj-parity")
    pair = slider_pairs.slider_map(sample, *slider_pairs.strongest_pair(sample))
    decided = pair.decisions(sample.study.decides_by_sign)
    assert np.array_equal(decided == sample.output, pair.margin(sample.output) > 0)


def test_same_or_unknown_sliders_are_refused() -> None:
    sample = sample_of("qj-parity")
    with pytest.raises(InvalidInput, match="two different sliders"):
        slider_pairs.slider_map(sample, "T", "T")
    with pytest.raises(NotFound):
        slider_maps.slider_map(sample, across="H.nothing")


def test_the_page_draws_the_map_of_the_sliders_in_the_link() -> None:
    page = visit("Dynamics", model="qj-parity", view="Sensitivity", mapx="H.left", mapy="T")
    words = " ".join(element.value for element in page.markdown)
    assert "H: left and duration T" in words
    assert page.selectbox("mapx").value == "H.left"
    page = visit("Dynamics", model="qj-parity", view="Sensitivity", mapx="nothing", mapy="T")
    assert page.selectbox("mapy").value == "T"
