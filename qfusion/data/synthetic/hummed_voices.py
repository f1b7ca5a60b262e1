"""Voices made from a latent: hummed sentences of a few syllables whose melody, loudness and tempo follow it.

The source is a sum of harmonics shaped by three formants (additive synthesis from one period in a table), with a
gliding pitch, a small vibrato and jitter, an accent and a loudness bump per syllable, breath, and a burst of noise at
every onset. The higher the latent a, the higher, livelier and more rising the melody, the louder and brighter the
voice, the faster the syllables. Speakers differ in pitch, vocal tract, tempo, loudness and breath, so that a shows in
the shape of the melody, not in its height alone.

Per-sample arithmetic uses only additions and products of rounded numbers, and the result is 16-bit: the same on any
machine.

Prosody measured from a waveform: pitch by autocorrelation, voicing, energy and spectral centroid, frame by frame.

The pitch method is that of Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", in its simple form: the autocorrelation of the windowed frame, divided by
that of the window, has its highest peak at the period; a parabola through the peak refines it. The transforms are
SciPy's.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

PROSODY_RATE = 8000
FRAME = 640  # samples: 80 ms, six periods of the deepest voice
LOWEST, HIGHEST = 65.0, 420.0  # Hz searched for the pitch
SILENT = 1e-4  # RMS below which a frame has no pitch and no centroid

PROSODY_FEATURES = (
    "pitch (octaves re 150 Hz)",
    "pitch re median (octaves)",
    "pitch change (octaves)",
    "voicing",
    "energy (20 dB)",
    "energy change (20 dB)",
    "spectral centroid (kHz)",
)


def autocorrelation_pitch(
    power: np.ndarray, window: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz and height of the autocorrelation peak, from power spectra (..., size // 2 + 1)."""
    from scipy import fft

    shortest, longest = int(PROSODY_RATE / HIGHEST), int(PROSODY_RATE / LOWEST) + 1
    lags = np.arange(shortest - 1, longest + 2)
    own = fft.irfft(np.abs(fft.rfft(window, size)) ** 2, size)
    raw = fft.irfft(power, size)
    level = raw[..., lags] / np.maximum(raw[..., :1], 1e-12) / (own[lags] / own[0])
    # A slight preference for short lags keeps the search from settling an octave too low.
    best = (
        np.argmax((level - 0.1 * np.log2(lags * LOWEST / PROSODY_RATE))[..., 1:-1], axis=-1)[
            ..., None
        ]
        + 1
    )
    left, peak, right = (
        np.take_along_axis(level, best + shift, -1)[..., 0] for shift in (-1, 0, 1)
    )
    curvature = left - 2 * peak + right
    shift = np.where(
        np.abs(curvature) > 1e-9, (left - right) / (2 * np.where(curvature == 0, 1, curvature)), 0.0
    )
    return PROSODY_RATE / (lags[best[..., 0]] + np.clip(shift, -0.5, 0.5)), np.clip(peak, 0, 1)


def _fill_gaps(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace unknown steps (N, T) by the last known one, or by the first known one at the beginning; 0 if none is."""
    steps = pd.DataFrame(np.where(known, values, np.nan))
    return steps.ffill(axis=1).bfill(axis=1).fillna(0.0).to_numpy()


def _change(values: np.ndarray) -> np.ndarray:
    return np.diff(values, axis=1, prepend=values[:, :1])


def prosody_features(waves: np.ndarray, duration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the prosody of recordings.

    Args:
        waves: 16-bit samples (N, n) at RATE, n a multiple of FRAME.
        duration: seconds of each that are speech, (N,).

    Returns:
        Features (N, n / FRAME, 7), float64, zero beyond each recording's frames, and the number of frames (N,).
        An unvoiced frame takes the pitch of the last voiced one.
    """
    from scipy import (
        fft,  # on demand: it takes longer to import than all else that a list of data sets needs
    )

    sound = waves.reshape(len(waves), -1, FRAME) / 32768.0
    window = np.hanning(FRAME + 2)[1:-1]
    size = fft.next_fast_len(FRAME + int(PROSODY_RATE / LOWEST) + 3, real=True)
    power = np.abs(fft.rfft(sound * window, size)) ** 2
    hertz, voicing = autocorrelation_pitch(power, window, size)
    rms = np.sqrt((sound**2).mean(axis=-1))
    lengths = np.floor(np.asarray(duration) * PROSODY_RATE / FRAME + 1e-9).astype(int)
    real = np.arange(sound.shape[1]) < lengths[:, None]
    heard = real & (rms > SILENT)
    # a frame counts as voiced from this height of the peak on
    pitch = _fill_gaps(np.log2(hertz / 150), heard & (voicing > 0.5))
    median = np.nanmedian(np.where(real, pitch, np.nan), axis=1, keepdims=True)
    energy = np.log10(np.maximum(rms, SILENT)) + 1
    centroid = (power @ (np.arange(power.shape[-1]) * (PROSODY_RATE / size / 1000))) / np.maximum(
        power.sum(-1), 1e-12
    )
    features = np.stack(
        [
            pitch,
            pitch - median,
            _change(pitch),
            np.where(heard, voicing, 0),
            energy,
            _change(energy),
            np.where(heard, centroid, 0),
        ],
        axis=-1,
    )
    return features * real[..., None], lengths


RATE = 8000  # samples a second
STEP = 40  # samples between control points: 5 ms
MAX_SECONDS = 1.76  # seconds; a whole number of prosody frames
SAMPLES = int(MAX_SECONDS * RATE)
MIN_SECONDS = 1.0
SPEAKERS = 24
_TABLE = 512
_NOISE = 1 << 16

# First three formants (Hz) of five vowels, Peterson and Barney (1952), men's averages, rounded.
_VOWELS = np.array(
    [(730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240)],
    float,
)


_WIDTHS = np.array([80.0, 110.0, 160.0])

Parameters = Mapping[str, np.ndarray]  # what samples are made from, by name: an entry (or row) each


def select_parameters(p: Parameters, rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """Return the parameters of some samples."""
    return {name: values[rows] for name, values in p.items()}


def draw_voices(rng: np.random.Generator, a: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parameters of recordings that express the latents `a` (N,), each by one of SPEAKERS speakers.

    Returns:
        speaker: number of the speaker.
        pitch: the speaker's base pitch in Hz.
        tract: factor on the formants; short tracts have high ones.
        loudness: factor on the amplitude.
        breath: share of noise in the voice.
        duration: seconds.
        syllables: how many.
        level: shift of the melody in octaves; higher for higher latents.
        slope: rise of the melody from beginning to end, in octaves.
        accent: rise of pitch within each syllable, in octaves.
        tilt: fall of the harmonics, as an exponent of their number.
        vowels: (N, 2), the two vowels that alternate.
        phase: of the vibrato, in turns.
        jitter: (N, 32) small random pitch deviations along the recording, in octaves.
        noise_at: where in the noise bank its noise begins.
    """
    count = len(a)
    habits = {
        "pitch": 95 * (225 / 95) ** np.linspace(0, 1, SPEAKERS),
        "tract": rng.uniform(-0.06, 0.06, SPEAKERS) + np.linspace(0.92, 1.14, SPEAKERS),
        "tempo": rng.uniform(3.8, 4.8, SPEAKERS),
        "loudness": rng.uniform(-2, 2, SPEAKERS),
        "breath": rng.uniform(0.01, 0.04, SPEAKERS),
        "tilt": rng.uniform(0.9, 1.3, SPEAKERS),
    }
    who = rng.integers(0, SPEAKERS, count)
    wobble = rng.standard_normal((5, count))
    tempo = habits["tempo"][who] * (1 + 0.15 * a + 0.03 * wobble[0])
    syllables = np.clip(np.round(tempo * rng.uniform(1.15, 1.5, count)), 4, 8).astype(int)
    return dict(
        speaker=who,
        pitch=habits["pitch"][who],
        tract=habits["tract"][who],
        breath=habits["breath"][who],
        loudness=0.2 * 10 ** ((habits["loudness"][who] + 3.5 * a + 0.5 * wobble[1]) / 20),
        duration=np.clip(np.round(syllables / tempo, 3), MIN_SECONDS, MAX_SECONDS - 0.01),
        syllables=syllables,
        level=0.12 * a + 0.03 * wobble[2],
        slope=0.42 * a + 0.03 * wobble[3],
        accent=0.07 + 0.05 * a,
        tilt=habits["tilt"][who] - 0.15 * a + 0.03 * wobble[4],
        vowels=rng.integers(0, len(_VOWELS), (count, 2)),
        phase=rng.random(count),
        jitter=0.006 * rng.standard_normal((count, 32)),
        noise_at=rng.integers(0, _NOISE, count),
    )


def _periods(p: Parameters) -> np.ndarray:
    """Return one period of both vowels, (N, 2, _TABLE), with unit RMS. The harmonics are weighted by the formants
    they fall on.
    """
    harmonics = np.arange(1, 25)
    hertz = p["pitch"][:, None] * harmonics
    formants = _VOWELS[p["vowels"]] * p["tract"][:, None, None]
    # Resonances as Lorentzian lines; the small constant keeps the harmonics between formants audible.
    gain = (
        1 / (1 + ((hertz[:, None, :, None] - formants[:, :, None, :]) / (2 * _WIDTHS)) ** 2)
    ).sum(-1) + 0.05
    gain = gain * harmonics ** -p["tilt"][:, None, None] * (hertz[:, None] < 0.6 * RATE / 2)
    period = gain @ np.sin(
        2 * np.pi * np.outer(harmonics, np.arange(_TABLE) / _TABLE) + harmonics[:, None] ** 2
    )  # spread phases: lower peaks
    return np.round(period / np.sqrt((period**2).mean(-1, keepdims=True)), 5)


def contours(p: Parameters) -> dict[str, np.ndarray]:
    """Return control curves, each (N, SAMPLES / STEP + 1): "pitch" (Hz), "voice" and "noise" (amplitudes), "blend".

    They are given every STEP samples and zero in amplitude after the recording's end.
    """
    seconds = np.arange(SAMPLES // STEP + 1) * (STEP / RATE)
    along = seconds / p["duration"][:, None]  # 0 at the beginning, 1 at the end
    syllable = np.clip(along, 0, 1) * p["syllables"][:, None]
    within = syllable - np.floor(syllable)
    bump = np.sin(np.pi * within) ** 2
    jitter = np.stack(
        [
            np.interp(row, np.linspace(0, 1, len(values)), values)
            for row, values in zip(along, p["jitter"], strict=True)
        ]
    )
    vibrato = 0.008 * np.sin(2 * np.pi * (5.5 * seconds + p["phase"][:, None]))
    octaves = (
        p["level"][:, None]
        + (p["slope"][:, None] - 0.08) * (np.clip(along, 0, 1) - 0.5)
        + p["accent"][:, None] * (bump - 0.5)
        + vibrato
        + jitter
    )
    fade = np.minimum(1, np.minimum(along, 1 - along) * 12) * ((along > 0) & (along < 1))
    burst = np.exp(-((within * p["duration"][:, None] / p["syllables"][:, None] / 0.02) ** 2))
    voice = p["loudness"][:, None] * fade * (0.35 + 0.65 * bump)
    noise = fade * (p["breath"][:, None] * voice + 0.12 * p["loudness"][:, None] * burst)
    return {
        "pitch": np.round(p["pitch"][:, None] * 2**octaves, 4),
        "voice": np.round(voice, 6),
        "noise": np.round(noise, 6),
        "blend": np.round(0.5 + 0.5 * np.sin(np.pi * syllable), 6),
    }


def _upsample(curve: np.ndarray) -> np.ndarray:
    """Linear interpolation of control points (N, c + 1) to samples (N, c * STEP), float32."""
    points = curve.astype(np.float32)
    rise = np.diff(points)[..., None] * (np.arange(STEP) / np.float32(STEP)).astype(np.float32)
    return (points[:, :-1, None] + rise).reshape(len(points), -1)


def synthesise(p: Parameters) -> np.ndarray:
    """Return the recordings as 16-bit samples (N, SAMPLES) at RATE; zero after each recording's duration."""
    curves = contours(p)
    pitch = curves["pitch"]
    # Phase in samples: exact trapezoids at the control points, a parabola between them.
    starts = np.zeros_like(pitch)
    np.cumsum((pitch[:, 1:] + pitch[:, :-1]) * (STEP / 2), axis=1, out=starts[:, 1:])
    k = np.arange(STEP)
    phase = (
        starts[:, :-1, None]
        + pitch[:, :-1, None] * k
        + (pitch[:, 1:, None] - pitch[:, :-1, None]) * (k * k / (2 * STEP))
    )
    index = (phase * (_TABLE / RATE)).astype(np.int32).reshape(len(pitch), -1) & (_TABLE - 1)
    index += (np.arange(len(pitch), dtype=np.int32) * _TABLE)[:, None]
    periods = _periods(p).astype(np.float32)
    first, second = periods[:, 0].ravel().take(index), periods[:, 1].ravel().take(index)
    sound = (first + (second - first) * _upsample(curves["blend"])) * _upsample(curves["voice"])
    noise = np.round(np.random.default_rng(7).standard_normal(_NOISE), 4).astype(np.float32)
    bank = np.resize(noise, _NOISE + SAMPLES)
    sound += _upsample(curves["noise"]) * np.stack(
        [bank[at : at + SAMPLES] for at in p["noise_at"]]
    )
    return np.rint(np.clip(sound, -1, 1) * np.float32(32767)).astype(np.int16)
