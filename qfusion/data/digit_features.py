"""Features of a drawn or spoken digit, made as those of MNIST, USPS, scikit-learn's digits and `avdigits`.

Input that has the form of the data already, a picture of the set's size or the same with every pixel enlarged, or a
recording of its rate and length, is not changed, so that a sample of the set keeps its features.
"""

import math
from collections.abc import Callable

import numpy as np

from qfusion._checks import check
from qfusion._lazy import load
from qfusion.data.sample_content import Audio

INKED = 0.2  # of the darkest ink: from here on a pixel of a drawing counts as inked
FEWEST = 12  # inked pixels of a drawing; less is a dot
RATE, WINDOW, HOP, FFT, BANDS, FRAMES = 8000, 256, 64, 512, 32, 32
LOWEST, FLOOR = 60.0, 1e-8  # hertz of the first band; power that is added before the logarithm
LONGEST = 2.5  # seconds of a spoken digit
STEP, QUIET, SILENCE = (
    80,
    0.05,
    2e-3,
)  # samples of a step; levels, of the loudest step's and of full scale
GAP, EDGE = 25, 3  # steps of quiet inside a digit, and that are left at its ends


def extract_ink(pixels: np.ndarray) -> np.ndarray:
    """Return the ink of a drawing, white on black or dark on bright paper, (h, w) in [0, 255]; enlarged pixels are
    made one again.

    Args:
        pixels: uint8 (h, w, 3).

    Raises:
        InvalidInput: when nothing is drawn.
    """
    grey = np.asarray(pixels, float).mean(2)
    sides = [
        math.gcd(length, *(np.flatnonzero(np.abs(np.diff(grey, axis=axis)).any(1 - axis)) + 1))
        for axis, length in enumerate(grey.shape)
    ]
    factor = math.gcd(*map(int, sides))
    grey = grey[::factor, ::factor]
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 127.5:  # paper: what is as bright as its edge is none
        grey = 255 - grey
        paper = float(np.percentile(255 - border, 99))
        grey = np.clip(grey - paper, 0, None) * 255 / max(255 - paper, 1.0)
    inked = grey > INKED * max(float(grey.max()), 128.0)
    check(
        inked.sum() >= (FEWEST if factor == 1 else 1) and inked.mean() < 0.9,
        "The drawing is empty, or all of one colour. Draw a digit, bright on black or dark on bright paper.",
    )
    return grey


def _crop(ink: np.ndarray, least: float = INKED) -> np.ndarray:
    """The part of a drawing that is inked by more than a part of its darkest."""
    inked = ink > least * ink.max()
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fit(
    part: np.ndarray, longest: int, most: int, whole: Callable[[float], int] = round
) -> np.ndarray:
    """Return a drawing resized so that its longer side is `longest`, and then no side is longer than `most`. Lengths
    are made whole numbers by `whole`. Each pixel is the mean of what it covers.
    """
    import PIL.Image

    h, w = (max(1, min(most, whole(longest * side / max(part.shape)))) for side in part.shape)
    picture = PIL.Image.fromarray(part.astype(np.float32))
    return np.asarray(picture.resize((w, h), PIL.Image.Resampling.BOX), float)


def _place(ink: np.ndarray, side: int, row: int, column: int) -> np.ndarray:
    """Return a drawing in a black square, with its corner at a given position. Parts outside the square are cut off."""
    return np.pad(ink, side)[side - row : 2 * side - row, side - column : 2 * side - column]


def _center(ink: np.ndarray, side: int) -> np.ndarray:
    return _place(ink, side, (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2)


def mnist_digit(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing in the format of MNIST, uint8 (28, 28): fitted into 20x20, its centre of mass in the middle
    (LeCun and others 1998).
    """
    ink = extract_ink(pixels)
    part = _crop(ink, 0 if ink.shape == (28, 28) else INKED)
    if not 19 <= max(part.shape) <= 20:
        part = _fit(part, 20, 20)
        part = part * 255 / part.max()
    shift = [
        # to nine digits, so that a half is one
        14 - round(float((part.sum(1 - axis) * np.arange(side)).sum() / part.sum()), 9)
        for axis, side in enumerate(part.shape)
    ]
    row, column = (math.ceil(place - 0.5) for place in shift)
    return np.round(_place(part, 28, row, column)).astype(np.uint8)


def usps_digit(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing as this set's USPS has them, uint8 (16, 16): stretched to all of the square, a thin one to
    three times its width."""
    ink = extract_ink(pixels)
    if ink.shape == (16, 16):
        return ink.astype(np.uint8)
    part = _fit(_crop(ink), 48, 16, math.ceil)
    return np.round(_center(part * 255 / part.max(), 16)).astype(np.uint8)


def block_counts(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing as scikit-learn's digits, whole numbers 0 to 16 (8, 8): as high as 32 pixels, black and white,
    counted in blocks of 4x4."""
    ink = extract_ink(pixels)
    if ink.shape == (8, 8):
        return np.round(ink * 16 / 255)
    part = _fit(_crop(ink), 32, 32)
    return np.asarray(_center(part > part.max() / 2, 32).reshape(8, 4, 8, 4).sum((1, 3)), float)


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
