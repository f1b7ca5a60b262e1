"""Digits that a visitor draws and speaks: features as those of `avdigits`, and invalid input."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from qfusion import data
from qfusion.data import own_samples
from qfusion.data.own_samples import OwnInput
from qfusion.errors import InvalidInput
from qfusion.plugins.sets import digit_features
from qfusion.training import checkpoint
from tests.support.own_samples import picture, pixels_of, stroke


def recording(values: np.ndarray, rate: int, kind: str = "WAV") -> OwnInput:
    """A recording as a browser sends it."""
    file = io.BytesIO()
    soundfile.write(file, values, rate, format=kind)
    return OwnInput("recording", file.getvalue(), f".{kind.lower()}")


@pytest.fixture(scope="module")
def avdigits(real_data: Path) -> data.DataSet:
    """Digits seen and heard."""
    return data.load("avdigits")


def test_inputs_like_the_data_have_their_features_and_decisions(
    avdigits: data.DataSet,
) -> None:
    """50 held-out images through the canvas' way and 50 recordings through the microphone's are the set's."""
    made, rows = [], avdigits.rows("test")[::12]
    for row in rows:
        piece = avdigits.content(row)["audio"]
        assert isinstance(piece, data.Audio)
        seen, usps = (avdigits.features(name, row)[0][0] for name in ("mnist", "usps"))
        given = {
            "mnist": picture(seen.reshape(28, 28) * 255),
            "audio": recording(piece.samples, piece.rate),
        }
        made.append(own_samples.make_sample(avdigits, given, str(avdigits.ids[0])))
        for name in ("mnist", "audio"):
            kept = avdigits.features(name, row)[0][0]
            assert np.abs(made[-1].features[name] - kept).max() < 1e-3, (name, row)
        drawn = own_samples.make_sample(
            avdigits, {"mnist": picture(usps.reshape(16, 16) * 255, 7)}, "0_george_46"
        )
        assert np.abs(drawn.features["usps"] - usps).max() < 1e-6
        made[-1] = replace(made[-1], features=made[-1].features | {"usps": usps})
    assert len(made) == 50
    both = own_samples.append_samples(avdigits, made)
    model: Any = checkpoint.load("qcnn-avdigits").model
    with torch.no_grad():
        theirs, mine = (
            model(both.inputs(some, torch.float64)).argmax(1)
            for some in (rows, np.arange(50) + len(avdigits))
        )
    assert torch.equal(theirs, mine)


def test_drawings_are_centred_and_scaled() -> None:
    """As MNIST and USPS are, wherever and however large they are drawn, on whatever ground."""
    pixels = pixels_of(stroke())
    image = digit_features.mnist_digit(pixels)
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    assert len(rows) == 20
    assert len(columns) <= 4
    assert image.max() == 255
    centre = (image.sum(0) @ np.arange(28)) / image.sum()
    assert 13 < centre < 15
    large = pixels_of(stroke(560, 44))
    assert digit_features.mnist_digit(large[:, ::-1]).shape == (28, 28)
    paper = np.full((300, 200, 3), 230, np.uint8)
    paper[50:250, 90:110] = 40
    paper[::7, ::11] = 225
    onpaper = digit_features.mnist_digit(paper)
    assert onpaper[0].max() == 0
    assert onpaper.max() == 255
    assert digit_features.usps_digit(pixels)[:, 8].min() > 0


def test_a_spoken_digit_is_trimmed_and_resampled() -> None:
    """Of a microphone at 48 kHz: silence and what is quiet go, one piece of it stays."""
    rate = 48_000
    time = np.arange(int(3.0 * rate)) / rate
    voice = np.where((time > 1.2) & (time < 1.7), 0.3 * np.sin(2 * np.pi * 440 * time), 0)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(time))
    digit = digit_features.trim_digit(data.Audio(voice + noise, rate))
    assert digit.rate == 8000
    assert 0.5 < len(digit.samples) / 8000 < 0.6


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: recording(np.zeros(8000), 8000), "silent"),
        (lambda: recording(np.zeros(48000), 16000), "silent"),
        (lambda: recording(np.full(40, 0.5), 8000), "shorter than"),
        (
            lambda: recording(np.random.default_rng(0).uniform(-1, 1, 4_000_000), 8000, "FLAC"),
            "at most 30 s|1 to",
        ),
        (lambda: recording(np.zeros(600 * 4000), 4000), "at most 30 s"),
        (lambda: recording(np.sin(np.arange(16000 * 6)), 16000), "steady noise|Say one digit"),
        (lambda: OwnInput("recording", stroke().data), "has no sound"),
        (lambda: OwnInput("recording", b"RIFF\0\0\0\0WAVE"), "cannot be read"),
    ],
)
def test_invalid_recordings_are_refused(
    avdigits: data.DataSet, given: Callable[[], OwnInput], words: str
) -> None:
    """Silence, ten minutes, and what is no sound."""
    with pytest.raises(InvalidInput, match=words):
        own_samples.make_sample(avdigits, {"audio": given()}, str(avdigits.ids[0]))
