"""Curves along the strength of noise equal what the Noise tab computes at any strength; what a browser fetches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qfusion
from qfusion.analysis import noise_curves
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.errors import InvalidInput, NotFound
from qfusion.panels import device_noise, pickers
from tests.support import own_models

STRENGTHS = (0.02, 0.01, 0.05)
SHOTS = 500
NETWORKS = ("qcnn-parity", "qcnn-houston")
MOST = 1e-4  # of an axis


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(pickers.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


def own_sample() -> Sample:
    study = qfusion.open(own_models.angle_classifier(), own_models.two_modalities())
    return Sample(study, 7, int(study.predicted[7]))


def exact(sample: Sample, channel: str, value: float) -> Any:
    noise = dict(zip(noise_curves.CHANNELS, STRENGTHS, strict=True)) | {channel: value}
    return device_noise.noisy_outcome(sample, **noise, shots=SHOTS)


@pytest.mark.parametrize(
    ("model", "channel"),
    [
        *((model, channel) for model in NETWORKS for channel in noise_curves.CHANNELS),
        ("own", "damping"),
    ],
)
def test_curves_equal_the_noisy_circuit(model: str, channel: str) -> None:
    sample = own_sample() if model == "own" else sample_of(model)
    scores = noise_curves.score_curves(sample, STRENGTHS, channel)
    terms = noise_curves.term_curves(sample, STRENGTHS, channel)
    metrics = noise_curves.metric_table(sample, STRENGTHS, channel)
    values = noise_curves.slider_values()
    axis = np.abs(scores.values(values)["scores"]).max()
    axis_of_terms = np.abs(terms.values(values)["dividends"]).max()
    for place in np.random.default_rng(0).choice(101, 1 if model == "own" else 4, replace=False):
        result = exact(sample, channel, float(values[place]))
        got = scores.values(float(values[place]))["scores"]
        assert np.abs(got - result.scores).max() < MOST * axis
        got = terms.values(float(values[place]))["dividends"]
        assert np.abs(got - result.dividends[:, sample.output]).max() < MOST * axis_of_terms
        for name, wanted in result.metrics.items():
            assert metrics[name][place] == pytest.approx(wanted, abs=2e-3), name


@pytest.mark.parametrize("channel", noise_curves.CHANNELS)
def test_errors_equal_those_of_the_noisy_circuit(channel: str) -> None:
    sample = sample_of("qcnn-parity")
    errors = noise_curves.error_table(sample, STRENGTHS, channel, SHOTS)
    for place in (0, 3, 50, 100):
        result = exact(sample, channel, place / 100)
        axis = max(result.errors.max(), 1e-3)
        assert np.abs(errors.scores[place] - result.errors).max() < 1e-3 * axis
        assert np.abs(errors.dividends[place] - result.dividend_errors).max() < 1e-3 * axis


def test_curves_do_not_depend_on_where_their_own_slider_stands() -> None:
    sample = sample_of("qcnn-parity")
    one = noise_curves.score_curves(sample, (0.3, 0.01, 0.05), "depolarising")
    assert one is noise_curves.score_curves(sample, (0.7, 0.01, 0.05), "depolarising")
    assert one is not noise_curves.score_curves(sample, (0.3, 0.02, 0.05), "depolarising")


def test_bad_strengths_channels_and_shots_are_refused() -> None:
    sample = sample_of("qcnn-parity")
    with pytest.raises(NotFound, match="heat"):
        noise_curves.score_curves(sample, STRENGTHS, "heat")
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidInput, match="damping"):
            noise_curves.score_curves(sample, (0.0, bad, 0.0), "readout")
    with pytest.raises(InvalidInput, match="`shots` must be at least 1"):
        noise_curves.error_table(sample, STRENGTHS, "damping", 0)
    with pytest.raises(InvalidInput, match="simulated runs"):
        noise_curves.error_table(own_sample(), STRENGTHS, "damping", 100)
