"""The raw content of a sample: text, sound, pictures, curves, recordings; and transforms that turn it into features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class Text:
    """Text: a plain string (never markup), and its words if there is one per step.

    Attributes:
        text: the whole text.
        words: one a step.
    """

    text: str
    words: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Audio:
    """A waveform: float32 samples (n,) in [-1, 1] at `rate` samples a second."""

    samples: np.ndarray
    rate: int


@dataclass(frozen=True, eq=False)
class Image:
    """A picture: uint8 pixels (h, w) or (h, w, 3)."""

    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Series:
    """A curve: float64 values (n,) over `x` (n,), with labels of the axes."""

    values: np.ndarray
    x: np.ndarray
    x_label: str
    y_label: str


@dataclass(frozen=True, eq=False)
class Film:
    """A film without sound: uint8 frames (T, h, w) or (T, h, w, 3), at `rate` frames a second."""

    frames: np.ndarray
    rate: float


Content = Text | Audio | Image | Series | Film


class Word(NamedTuple):
    """A word and its time, in seconds from the begin of its sample."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, eq=False)
class Preview:
    """The pictures and sounds of a sample in a strip of time.

    Attributes:
        seconds: from its begin that are shown: all of it, or the first `media_files.MAX_SECONDS`.
        thumbs: uint8 (n, h, w, 3), each from the middle of its nth of these seconds; None without pictures.
        poster: uint8 (h, w, 3), the picture in the middle, larger; None without pictures.
        envelope: least and largest sample of every bin, float32 (`media_pictures.BINS`, 2); None without sound.
        spectrogram: decibels below the loudest cell, float32 (`media_pictures.BANDS`, about `media_pictures.COLUMNS`),
            lowest band first; None without sound.
    """

    seconds: float
    thumbs: np.ndarray | None = None
    poster: np.ndarray | None = None
    envelope: np.ndarray | None = None
    spectrogram: np.ndarray | None = None


@dataclass(frozen=True)
class Clip(ABC):
    """The recording of a sample: a file, or a part of it.

    Attributes:
        path: of the file.
        kind: "video", "audio" or "image".
        start: begin of the sample in the file, in seconds.
        end: end of the sample in the file, in seconds; None for the end of the file.
        words: with their times, if they are known.
    """

    path: Path
    kind: str
    start: float = 0.0
    end: float | None = None
    words: tuple[Word, ...] = ()

    @abstractmethod
    def preview(self) -> Preview:
        """Return the pictures and the sound of the recording.

        Raises:
            QFusionError: when the file cannot be read.
        """


def no_clip(row: int) -> Clip | None:
    """Return the recording of a row, for data sets without recordings: None."""
    return None


@dataclass(frozen=True)
class FeatureTransform:
    """Function that makes features of a modality from a visitor's input, in the same way as those of the training data.

    Attributes:
        kind: of the input. "drawing": uint8 pixels (h, w, 3), white on black unless `hint` says otherwise;
            "recording": an `Audio` of one channel; "sentence": a str; "clip": the path of a checked video or sound
            file.
        hint: the input in a few words: "one digit". Modalities whose transforms have the same kind and hint share one
            input.
        make: returns the features, (F,) or (T, F), in the form of `Modality.values`, and the content to show.
    """

    kind: str
    hint: str
    make: Callable[[Any], tuple[np.ndarray, Content]]


def no_content(row: int) -> dict[str, Content]:
    """Return the content of a row, for data sets of features only: none."""
    return {}
