"""Previews of a recording for a strip of time: small pictures, an envelope and a spectrogram of the sound."""

from dataclasses import dataclass

import numpy as np

from qfusion._memory_cache import memo
from qfusion.data import (
    frame_reader,
    media_files,
    media_probe,
    picture_reader,
    sound_reader,
)
from qfusion.data.sample_content import Audio, Clip, Film

THUMBS, THUMB, POSTER = (
    8,
    120,
    480,
)  # pictures of a strip, pixels of their longer side, and of the poster's
BINS = 600  # of an envelope
BANDS, COLUMNS = 48, 240  # of a spectrogram
HEARD = 16_000  # samples a second that are looked at
LOWEST, RANGE = 60.0, 70.0  # Hz of the lowest band; decibels below the loudest that are shown


@dataclass(frozen=True, eq=False)
class Preview:
    """The pictures and sounds of a sample in a strip of time.

    Attributes:
        seconds: from its begin that are shown: all of it, or the first MAX_SECONDS.
        thumbs: uint8 (n, h, w, 3), each from the middle of its nth of these seconds; None without pictures.
        poster: uint8 (h, w, 3), the picture in the middle, larger; None without pictures.
        envelope: least and largest sample of every bin, float32 (BINS, 2); None without sound.
        spectrogram: decibels below the loudest cell, float32 (BANDS, about COLUMNS), lowest band first; None without
            sound.
        edges: Hz between the bands, (BANDS + 1,).
    """

    seconds: float
    thumbs: np.ndarray | None = None
    poster: np.ndarray | None = None
    envelope: np.ndarray | None = None
    spectrogram: np.ndarray | None = None
    edges = np.geomspace(LOWEST, HEARD / 2, BANDS + 1)


@memo(32)
def preview(clip: Clip) -> Preview:
    """Return the preview of a recording on a time strip.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read, see `media`.
    """
    if clip.kind == "image":
        return Preview(0.0, poster=picture_reader.read_picture(clip.path, POSTER))
    facts = media_probe.probe(clip.path)
    end = min(clip.end or facts.seconds, clip.start + media_files.MAX_SECONDS)
    seconds = end - clip.start
    part = clip.path, clip.start, end
    film = audio = poster = None
    if facts.size is not None:
        middles = ((np.arange(THUMBS) + 0.5) * seconds / THUMBS).tolist()
        thumbs = [*frame_reader.read_frames(*part, times=middles, side=THUMB)]
        film = Film(np.stack(thumbs), THUMBS / seconds)
        (poster,) = frame_reader.read_frames(*part, times=[seconds / 2], side=POSTER)
    if facts.sound is not None:
        audio = sound_reader.read_sound(*part, HEARD)
    return Preview(seconds, poster=poster, **find_strip(film, audio))


def find_strip(film: Film | None, audio: Audio | None) -> dict[str, np.ndarray]:
    """Return the arrays of a `Preview` that are made from pictures, as many as there are up to THUMBS, and sound."""
    result = dict[str, np.ndarray]()
    if film is not None:
        count = min(THUMBS, len(film.frames))
        chosen = ((np.arange(count) + 0.5) * len(film.frames) / count).astype(int)
        result["thumbs"] = repeat_grey(film.frames[chosen])
    if audio is not None and len(audio.samples):
        samples = np.asarray(audio.samples, np.float32)
        parts = np.array_split(samples, min(BINS, len(samples)))
        result["envelope"] = np.array([(part.min(), part.max()) for part in parts], np.float32)
        result["spectrogram"] = _spectrogram(samples, audio.rate)
    return result


def _spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the power in bands of equal frequency ratio, in decibels below the loudest cell. Bands that the
    sampling rate does not reach have the least value.
    """
    from scipy import signal

    size = 2 ** max(6, round(np.log2(0.032 * rate)))
    hop = max(1, len(samples) // COLUMNS, size // COLUMNS)
    transform = signal.ShortTimeFFT(np.hanning(size), hop, rate)
    power = transform.spectrogram(np.pad(samples, (0, max(0, size - len(samples)))))
    edges = Preview.edges
    middles = np.sqrt(edges[1:] * edges[:-1])[:, None]
    ratios = np.log(np.maximum(transform.f, 1) / middles) / np.log(edges[1] / edges[0])
    weights = np.exp(-(ratios**2)) * (middles < rate / 2)
    bands = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9) @ power
    quiet = 10 ** (-RANGE / 10)
    return 10 * np.log10(np.maximum(bands / max(bands.max(), 1e-12), quiet)).astype(np.float32)


def repeat_grey(frames: np.ndarray) -> np.ndarray:
    """Pictures (T, h, w, 3), also of grey ones (T, h, w)."""
    return frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, -1)
