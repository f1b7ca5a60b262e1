"""Prosody measured from a waveform: pitch by autocorrelation, voicing, energy and spectral centroid, frame by frame.

The pitch method is that of Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", in its simple form: the autocorrelation of the windowed frame, divided by
that of the window, has its highest peak at the period; a parabola through the peak refines it. The transforms are
SciPy's.
"""

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
