"""Features of a drawn or spoken digit, made as those of `avdigits`: as MNIST, as USPS, and log-mel spectrograms.

Input that has the form of the data already, a picture of the set's size or the same with every pixel enlarged, or a
recording of its rate and length, is not changed, so that a sample of the set keeps its features.
"""

import math

import numpy as np

from qfusion._checks import check
from qfusion._lazy import load
from qfusion.data.sample_content import Audio
from qfusion.data.sources.digits import INKED, center_ink, crop_ink, extract_ink, fit_ink, place_ink

RATE, WINDOW, HOP, FFT, BANDS, FRAMES = 8000, 256, 64, 512, 32, 32
LOWEST, FLOOR = 60.0, 1e-8  # hertz of the first band; power that is added before the logarithm
LONGEST = 2.5  # seconds of a spoken digit
STEP, QUIET, SILENCE = (
    80,
    0.05,
    2e-3,
)  # samples of a step; levels, of the loudest step's and of full scale
GAP, EDGE = 25, 3  # steps of quiet inside a digit, and that are left at its ends


def mnist_digit(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing in the format of MNIST, uint8 (28, 28): fitted into 20x20, its centre of mass in the middle
    (LeCun and others 1998).
    """
    ink = extract_ink(pixels)
    part = crop_ink(ink, 0 if ink.shape == (28, 28) else INKED)
    if not 19 <= max(part.shape) <= 20:
        part = fit_ink(part, 20, 20)
        part = part * 255 / part.max()
    shift = [
        # to nine digits, so that a half is one
        14 - round(float((part.sum(1 - axis) * np.arange(side)).sum() / part.sum()), 9)
        for axis, side in enumerate(part.shape)
    ]
    row, column = (math.ceil(place - 0.5) for place in shift)
    return np.round(place_ink(part, 28, row, column)).astype(np.uint8)


def usps_digit(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing as this set's USPS has them, uint8 (16, 16): stretched to all of the square, a thin one to
    three times its width."""
    ink = extract_ink(pixels)
    if ink.shape == (16, 16):
        return ink.astype(np.uint8)
    part = fit_ink(crop_ink(ink), 48, 16, math.ceil)
    return np.round(center_ink(part * 255 / part.max(), 16)).astype(np.uint8)


def trim_digit(audio: Audio) -> Audio:
    """Return a spoken digit at 8 kHz without the silence around it.

    Raises:
        InvalidInput: when it is silent, too short, or longer than a digit is.
    """
    from scipy import ndimage, signal

    samples, rate = np.asarray(audio.samples, np.float64), audio.rate
    check(
        len(samples) >= rate / 10 and float(np.abs(samples).max(initial=0)) > SILENCE,
        "The recording is silent, or shorter than 0.1 s. Speak louder, nearer to the microphone.",
    )
    if rate == RATE and len(samples) <= LONGEST * RATE:  # as those of the set are
        return audio
    factor = math.gcd(RATE, rate)
    samples = signal.resample_poly(samples - samples.mean(), RATE // factor, rate // factor)
    level = np.sqrt((samples[: len(samples) // STEP * STEP].reshape(-1, STEP) ** 2).mean(1))
    loud = level > max(QUIET * level.max(), 2 * np.percentile(level, 10))
    joined = ndimage.binary_closing(np.pad(loud, GAP), np.ones(GAP))[GAP:-GAP] | loud
    pieces, count = ndimage.label(joined)
    check(
        count > 0 and float(level.max()) > SILENCE,
        "The recording is silent, or one steady noise. Speak louder, nearer to the microphone.",
    )
    energies = ndimage.sum_labels(level**2, pieces, np.arange(1, count + 1))
    places = np.flatnonzero(pieces == 1 + int(np.argmax(energies)))
    start, end = max(0, places[0] - EDGE), places[-1] + 1 + EDGE
    seconds = (end - start) * STEP / RATE
    check(
        0.1 <= seconds <= LONGEST,
        f"One spoken digit of 0.1 to {LONGEST:g} s is wanted, but {seconds:.1f} s are spoken. Say one digit.",
    )
    return Audio(samples[start * STEP : end * STEP].astype(np.float32), RATE)


def log_mel(audio: Audio) -> np.ndarray:
    """Return the log-mel spectrogram of a recording at 8 kHz, (BANDS, FRAMES), as in `features.npz` of `avdigits`.

    The loudest sample is made 1; natural logarithm of the power in 32 bands of a short-time Fourier transform of 512
    points, windows of 256 and steps of 64, evenly spaced in mel (O'Shaughnessy 1987); drawn out or together to 32
    frames; rounded as numbers of 16 bits.
    """
    from scipy import signal

    mel = load("librosa.filters").mel

    samples = np.asarray(audio.samples, float)
    _, _, spectrum = signal.stft(
        samples / np.abs(samples).max(), RATE, nperseg=WINDOW, noverlap=WINDOW - HOP, nfft=FFT
    )
    triangles = mel(
        sr=RATE, n_fft=FFT, n_mels=BANDS, fmin=LOWEST, htk=True, norm=None, dtype=np.float64
    )
    bands = np.log(triangles @ np.abs(spectrum) ** 2 + FLOOR)
    count = bands.shape[1]
    places = np.linspace(0, count - 1, FRAMES)
    drawn = np.stack([np.interp(places, np.arange(count), band) for band in bands])
    return drawn.astype(np.float32).astype(np.float16).astype(np.float32)
