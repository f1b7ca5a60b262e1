"""What follows a drag in the map of two sliders: exact at random places, small, and refused where it is unknown."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import chebyshev
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qfusion.analysis import slider_pairs
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.models.tweak import Tweak
from qfusion.panels import pickers
from qfusion.ui import knob_addresses, server

MOST_BYTES = 200_000
MOST = 1e-4  # of the largest score
PAIRS = [
    ("qj-parity", "T", "H.left-right"),
    ("qj-parity", "D.left-right", "T"),
    ("qj-planted", "H.text", "D.text-audio-vision"),
]


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=server.routes()))


def sample_of(model: str) -> Sample:
    study = open_study(model)
    row = study.dataset.row(pickers.default_sample(study))
    return Sample(study, row, int(study.predicted[row]))


def turned(sample: Sample, values: dict[str, float]) -> Sample:
    return replace(sample, tweak=Tweak.of(values.items(), sample.study.model))


@pytest.mark.parametrize(("model", "across", "up"), PAIRS)
def test_scores_and_contributions_equal_those_under_both_sliders(
    model: str, across: str, up: str
) -> None:
    sample = sample_of(model)
    pair = slider_pairs.slider_map(sample, across, up)
    largest = np.abs(pair.scores).max()
    rng = np.random.default_rng(0)
    for _ in range(4):
        x, y = rng.uniform(0, pair.x[-1]), rng.uniform(0, pair.y[-1])
        exact = turned(sample, {across: float(x), up: float(y)})
        got = pair.at(x, y)
        assert np.abs(got["scores"] - exact.scores).max() < MOST * largest
        terms = np.array(list(exact.dividends.values()))
        assert np.abs(got["dividends"] - terms).max() < MOST * largest


def test_a_map_of_the_same_sliders_the_other_way_round_is_transposed() -> None:
    sample = sample_of("qj-parity")
    one = slider_pairs.slider_map(sample, "T", "H.left-right")
    other = slider_pairs.slider_map(sample, "H.left-right", "T")
    assert (one.across, one.up, one.now) == (other.up, other.across, other.now[::-1])
    assert np.array_equal(one.scores, other.scores.swapaxes(0, 1))
    assert np.allclose(one.at(1.2, 0.3)["scores"], other.at(0.3, 1.2)["scores"])


def numbers(group: dict[str, Any], x: float, y: float) -> np.ndarray:
    """The series of an answer at a place, as the browser evaluates them."""
    values = np.frombuffer(base64.b64decode(group["numbers"]), "<f4").astype(float)
    columns, rows = group["counts"]
    values = values.reshape(rows, columns, len(group["names"]), group["length"])
    u, v = 2 * (np.array([x, y]) - group["low"]) / np.subtract(group["high"], group["low"]) - 1
    return np.asarray(chebyshev.chebval(u, chebyshev.chebval(v, values)))


@pytest.mark.parametrize(("model", "across", "up"), PAIRS)
def test_the_answer_holds_both_and_is_small(
    client: TestClient, model: str, across: str, up: str
) -> None:
    sample = sample_of(model)
    address = knob_addresses.knobs_address(
        knob_addresses.FollowedPair(sample, across, up, metrics=True)
    )
    reply = client.get(f"{address}/pair", params={"knob": "pair"})
    assert reply.status_code == 200
    assert len(reply.content) < MOST_BYTES
    assert reply.json()["late"] == ["test metrics"]
    groups = reply.json()["groups"]
    pair = slider_pairs.slider_map(sample, across, up)
    x, y = 0.63 * pair.x[-1], 0.21 * pair.y[-1]
    wanted = pair.at(x, y)
    largest = np.abs(pair.scores).max()
    assert np.allclose(numbers(groups["scores"], x, y)[0], wanted["scores"], atol=1e-4 * largest)
    assert np.allclose(
        numbers(groups["final"], x, y)[:, 0], wanted["dividends"], atol=1e-4 * largest
    )


def test_bad_requests_are_refused(client: TestClient) -> None:
    sample = sample_of("qj-parity")
    address = knob_addresses.knobs_address(
        knob_addresses.FollowedPair(sample, "T", "H.left-right", metrics=False)
    )
    for stage in ("decision", "responses", "nothing"):
        assert client.get(f"{address}/{stage}", params={"knob": "pair"}).status_code == 404
    for knob in ("", "T", "__class__", "p" * 10_000):
        reply = client.get(f"{address}/pair", params={"knob": knob})
        assert reply.status_code == 404
        assert len(reply.text) < 1000
    for across, up, status in (("T", "T", 422), ("H.nothing", "T", 404)):
        wrong = knob_addresses.FollowedPair(sample, across, up, metrics=False)
        reply = client.get(f"{knob_addresses.knobs_address(wrong)}/pair", params={"knob": "pair"})
        assert reply.status_code == status
