"""What a browser fetches for a slider of noise: sizes, stages, bad requests."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from starlette.applications import Starlette
from starlette.testclient import TestClient

import qfusion
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.panels import device_noise, pickers
from qfusion.ui import knob_addresses, server
from tests.support import own_models

MOST_BYTES = 200_000
KEY = "noise.damping"
CHANNELS = {"noise.depolarising": "depolarising", KEY: "damping", "noise.readout": "readout"}


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=server.routes()))


def followed(sample: Sample) -> knob_addresses.FollowedNoise:
    return knob_addresses.FollowedNoise(sample, (0.02, 0.0, 0.01), 400, CHANNELS, ("accuracy",))


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(pickers.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


def numbers(group: dict[str, Any], x: float) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(group["numbers"]), "<f4")
    values = values.reshape(group["count"], len(group["names"]), group["length"])
    share = (x - group["low"]) / (group["high"] - group["low"])
    if group["table"]:
        return np.asarray(values[round(share * (len(values) - 1))])
    return np.asarray(chebyshev.chebval(2 * share - 1, values.astype(float)))


def test_answers_hold_the_noisy_decision_and_are_small(client: TestClient) -> None:
    sample = sample_of("qcnn-houston")
    address = knob_addresses.knobs_address(followed(sample))
    groups: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for stage in knob_addresses.NOISE_STAGES:
        reply = client.get(f"{address}/{stage}", params={"knob": KEY})
        assert reply.status_code == 200
        assert len(reply.content) < MOST_BYTES
        assert not reply.json()["late"]
        groups |= reply.json()["groups"]
        metrics |= reply.json().get("metrics", {})
    exact = device_noise.noisy_outcome(sample, 0.02, 0.37, 0.01, 400)
    largest = np.abs(exact.scores).max()
    assert np.allclose(numbers(groups["scores"], 0.37)[0], exact.scores, atol=1e-4 * largest)
    assert np.allclose(numbers(groups["classes"], 0.37)[:, 0], exact.scores, atol=1e-4 * largest)
    terms = exact.dividends[:, sample.output]
    assert np.allclose(numbers(groups["noisy"], 0.37)[:, 0], terms, atol=1e-4 * largest)
    errors = exact.dividend_errors[:, sample.output]
    assert np.allclose(numbers(groups["noisy errors"], 0.37)[:, 0], errors, rtol=1e-2)
    assert np.allclose(numbers(groups["scores errors"], 0.37)[0], exact.errors, rtol=1e-2)
    assert metrics["accuracy"]["values"][37] == pytest.approx(exact.metrics["accuracy"], abs=2e-3)


def test_errors_that_are_estimated_from_runs_come_late(client: TestClient) -> None:
    study = qfusion.open(own_models.angle_classifier(), own_models.two_modalities(rows=30))
    address = knob_addresses.knobs_address(followed(Sample(study, 7, int(study.predicted[7]))))
    for stage, late in (("decision", []), ("terms", ["standard errors"]), ("errors", [])):
        reply = client.get(f"{address}/{stage}", params={"knob": KEY})
        assert reply.status_code == 200
        assert reply.json()["late"] == late


def test_bad_requests_are_refused(client: TestClient) -> None:
    address = knob_addresses.knobs_address(followed(sample_of("qcnn-parity")))
    for stage in ("measures", "built", "nothing", knob_addresses.RESPONSES):
        assert client.get(f"{address}/{stage}", params={"knob": KEY}).status_code == 404
    for stage in knob_addresses.NOISE_STAGES:
        for knob in ("", "noise.heat", "damping", "__class__", "n" * 10_000):
            reply = client.get(f"{address}/{stage}", params={"knob": knob})
            assert reply.status_code == 404, (stage, knob)
            assert len(reply.text) < 1000


def test_each_strength_number_of_shots_and_sample_has_an_address_of_its_own() -> None:
    sample = sample_of("qcnn-parity")
    first = knob_addresses.knobs_address(followed(sample))
    assert first == knob_addresses.knobs_address(followed(sample))
    for strengths, shots in (((0.02, 0.1, 0.01), 400), ((0.02, 0.0, 0.01), 500)):
        other = knob_addresses.FollowedNoise(sample, strengths, shots, CHANNELS, ("accuracy",))
        assert first != knob_addresses.knobs_address(other)
