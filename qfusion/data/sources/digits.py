"""Digits, written and spoken: in three views, seen and heard, in six views; and questions about several of them that
modalities answer only together.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import wavfile

from qfusion._checks import check, choose
from qfusion._lazy import load
from qfusion.data import array_cache, files, foreign_files, npz_files
from qfusion.data.arrays import numbered_ids
from qfusion.data.clusters import Clusters
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.picture_arrays import enlarge, grey_levels, pixel_names
from qfusion.data.row_splits import SPLITS, stratified_split
from qfusion.data.sample_content import Audio, Content, Image, Maker, Series
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target
from qfusion.errors import DataUnavailable, InvalidInput, translate_errors

# How a drawn or spoken digit becomes the features of the sets of digits: what was done to MNIST, USPS, scikit-learn's
# digits and the recordings of `avdigits`, done to one more.
#
# What has the form of the data already, a picture of the set's size or the same with every pixel enlarged, or a
# recording of its rate and length, is left as it is, so that a sample of the set comes to the features that it has.

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


def ink_of(pixels: np.ndarray) -> np.ndarray:
    """Returns the ink of a drawing, white on black or dark on bright paper, (h, w) in [0, 255]; enlarged pixels are
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


def _cropped(ink: np.ndarray, least: float = INKED) -> np.ndarray:
    """The part of a drawing that is inked by more than a part of its darkest."""
    inked = ink > least * ink.max()
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(
    part: np.ndarray, longest: int, most: int, whole: Callable[[float], int] = round
) -> np.ndarray:
    """A drawing whose longer side is made so long, and then no side longer than `most`, in numbers made `whole`; each
    pixel is the mean of what it covers."""
    import PIL.Image

    h, w = (max(1, min(most, whole(longest * side / max(part.shape)))) for side in part.shape)
    picture = PIL.Image.fromarray(part.astype(np.float32))
    return np.asarray(picture.resize((w, h), PIL.Image.Resampling.BOX), float)


def _placed(ink: np.ndarray, side: int, row: int, column: int) -> np.ndarray:
    """A drawing in a black square, its corner at a place; what does not fit in is cut off."""
    return np.pad(ink, side)[side - row : 2 * side - row, side - column : 2 * side - column]


def _centred(ink: np.ndarray, side: int) -> np.ndarray:
    return _placed(ink, side, (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2)


def as_mnist(pixels: np.ndarray) -> np.ndarray:
    """Returns a drawing as MNIST has them, uint8 (28, 28): fitted into 20x20, its centre of mass in the middle (LeCun
    and others 1998)."""
    ink = ink_of(pixels)
    part = _cropped(ink, 0 if ink.shape == (28, 28) else INKED)
    if not 19 <= max(part.shape) <= 20:
        part = _fitted(part, 20, 20)
        part = part * 255 / part.max()
    shift = [
        # to nine digits, so that a half is one
        14 - round(float((part.sum(1 - axis) * np.arange(side)).sum() / part.sum()), 9)
        for axis, side in enumerate(part.shape)
    ]
    row, column = (math.ceil(place - 0.5) for place in shift)
    return np.round(_placed(part, 28, row, column)).astype(np.uint8)


def as_usps(pixels: np.ndarray) -> np.ndarray:
    """Returns a drawing as this set's USPS has them, uint8 (16, 16): stretched to all of the square, a thin one to
    three times its width."""
    ink = ink_of(pixels)
    if ink.shape == (16, 16):
        return ink.astype(np.uint8)
    part = _fitted(_cropped(ink), 48, 16, math.ceil)
    return np.round(_centred(part * 255 / part.max(), 16)).astype(np.uint8)


def as_counts(pixels: np.ndarray) -> np.ndarray:
    """Returns a drawing as scikit-learn's digits, whole numbers 0 to 16 (8, 8): as high as 32 pixels, black and white,
    counted in blocks of 4x4."""
    ink = ink_of(pixels)
    if ink.shape == (8, 8):
        return np.round(ink * 16 / 255)
    part = _fitted(_cropped(ink), 32, 32)
    return np.asarray(_centred(part > part.max() / 2, 32).reshape(8, 4, 8, 4).sum((1, 3)), float)


def spoken(audio: Audio) -> Audio:
    """Returns a spoken digit at 8 kHz without the silence around it.

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
    """Returns the log-mel spectrogram of a recording at 8 kHz, (BANDS, FRAMES), as `features.npz` of `avdigits` has it.

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


# Handwritten digits in three views: the 1,797 real images of 8x8 pixels that come inside scikit-learn.
#
# The images are the test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 32x32
# bitmaps counted in blocks of 4x4, so that a pixel is 0 to 16. All three views are computed here, from the image alone:
#
# - `pixels`: the 64 pixels,
# - `fourier`: magnitudes of the two-dimensional discrete Fourier transform. An image of real numbers has the same
#   magnitude at (p, q) and (-p, -q); the 34 that are not repeated are kept. They do not change when the image is moved
#   around cyclically.
# - `profile`: ink by row and by column, how far from each side the ink begins (contours), and moments: mass, centre,
# and
#   the normalised central moments of orders 2 and 3, which change neither with place nor with size (Hu 1962).

DIGITS_SIDE = 8
INK = 4  # of 16: from here on a pixel counts as ink for the contours
_ORDERS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
# (p, q) with q the column's frequency; in columns 0 and 4 rows p and -p repeat each other.
_KEPT = tuple(
    (p, q)
    for q in range(DIGITS_SIDE // 2 + 1)
    for p in range(DIGITS_SIDE // 2 + 1 if q in (0, DIGITS_SIDE // 2) else DIGITS_SIDE)
)


def fourier(images: np.ndarray) -> np.ndarray:
    """Returns the 34 magnitudes |sum_xy image exp(-2 pi i (p x + q y) / 8)| of images (N, 8, 8), float64 (N, 34)."""
    return np.abs(np.fft.rfft2(images))[:, *np.transpose(_KEPT)]


def contours(images: np.ndarray) -> np.ndarray:
    """Returns how many pixels lie before the ink, from the left, the right, the top and the bottom, (N, 32); 8 where
    there is none."""
    ink = images >= INK
    sides = (ink, ink[:, :, ::-1], ink.transpose(0, 2, 1), ink[:, ::-1].transpose(0, 2, 1))
    return np.concatenate(
        [np.where(side.any(2), side.argmax(2), DIGITS_SIDE) for side in sides], axis=1
    )


def image_moments(images: np.ndarray) -> np.ndarray:
    """Returns mass, centre (row, column) and the normalised central moments mu_pq / mass^(1 + (p + q) / 2), (N, 10)."""
    mass = images.sum((1, 2))
    along = np.arange(DIGITS_SIDE)
    row, column = images.sum(2) @ along / mass, images.sum(1) @ along / mass
    down, right = along - row[:, None], along - column[:, None]
    central = [
        np.einsum("nij,ni,nj->n", images, down**p, right**q) / mass ** (1 + (p + q) / 2)
        for p, q in _ORDERS
    ]
    return np.stack([mass, row, column, *central], axis=1)


_STEPS = range(1, DIGITS_SIDE + 1)
_NAMES = {
    "pixels": pixel_names((DIGITS_SIDE, DIGITS_SIDE)),
    "fourier": tuple(f"frequency {p},{q}" for p, q in _KEPT),
    "profile": (
        *(f"ink of {way} {i}" for way in ("row", "column") for i in _STEPS),
        *(f"{way} contour {i}" for way in ("left", "right", "top", "bottom") for i in _STEPS),
        *("mass", "centre row", "centre column"),
        *(f"moment {p},{q}" for p, q in _ORDERS),
    ),
}


def _content(images: np.ndarray, row: int) -> dict[str, Content]:
    image = images[row]
    spectrum = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(image))))
    return {
        "pixels": Image(enlarge(grey_levels(image, 0, 16))),
        # as people draw it: logarithmic, frequency 0 in the middle, brightest what is strongest
        "fourier": Image(enlarge(grey_levels(spectrum, 0, float(spectrum.max())))),
        "profile": Series(
            np.concatenate([image.sum(1), image.sum(0)]),
            np.arange(1, 2 * DIGITS_SIDE + 1),
            "rows 1 to 8 from the top, then columns 1 to 8 from the left",
            "ink (0 to 128)",
        ),
    }


def _views(images: np.ndarray) -> dict[str, np.ndarray]:
    """The features of images (N, 8, 8), by view."""
    values = {
        "pixels": images.reshape(len(images), -1),
        "fourier": fourier(images),
        "profile": np.concatenate(
            [images.sum(2), images.sum(1), contours(images), image_moments(images)], axis=1
        ),
    }
    # so that the last bits of another machine's arithmetic cannot show in the data set's digest
    return {name: np.round(view, 4) for name, view in values.items()}


def _drawn(view: str, pixels: np.ndarray) -> tuple[np.ndarray, Content]:
    """A view of a drawing, as `Maker.make` gives it."""
    images = as_counts(pixels)[None]
    return _views(images)[view][0], _content(images, 0)[view]


def load_digits() -> DataSet:
    """Returns the digits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, y = np.asarray(bunch.images, dtype=np.float64), np.asarray(bunch.target)
    values, ids = _views(images), numbered_ids("digit", len(y))
    return DataSet(
        name=DIGITS.name,
        title=DIGITS.title,
        description="1,797 real handwritten digits of 8x8 pixels, in three views computed from the image: the pixels "
        "(64), magnitudes of the two-dimensional Fourier transform (34), and a profile (58: ink by row and "
        "column, contours from the four sides, moments). Split by a fixed seed, about 60 % to train, 10 % to "
        "validate, 30 % to test, with equal shares in every class.",
        source="scikit-learn's load_digits: UCI Optical Recognition of Handwritten Digits, test part",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            Modality(
                name,
                outcome,
                None,
                _NAMES[name],
                (DIGITS_SIDE, DIGITS_SIDE) if name == "pixels" else None,
            )
            for name, outcome in values.items()
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=stratified_split(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content, images),
        makers={name: _maker(name) for name in values},
    )


DIGITS = Source(
    "digits", "Digits in three views", load_digits, place=20, made="comes with scikit-learn"
)


# Digits seen and heard: an image of MNIST, one of USPS and a recording of the spoken digit, paired by class.
#
# The three belong together by class only: nobody wrote and spoke the same digit. No image and no recording is in both
# parts of the given split, 1,400 to train and 600 to test; the validation part is taken from the
# 1,400. The voices are in both parts.

AVDIGITS_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "features.npz", "898ca0b413ef926511533324745671d0121f4730d0c47f3f876f49c76f7d0745", 3821125
    ),
    PinnedFile(
        "index.csv", "cda19b038055dd39f900abfb78ae792ff8cef8d96e4a1795829f11799062da56", 72437
    ),
    PinnedFile(
        "recordings",  # a folder of 2,000
        "5c69a0c7ac8929aa4cffe992bf69427e26f9a8894d7d2a4170113ba42117f83d",
        digest=files.sha256_of_folder,
    ),
)
SHAPES = {"mnist": (28, 28), "usps": (16, 16), "audio": (32, 32)}
VALID_SHARE = 1 / 7  # of the training rows: 200 of 1,400


def _content_of_avdigits(
    images: dict[str, np.ndarray], recordings: list[Path], row: int
) -> dict[str, Content]:
    pictures: dict[str, Content] = {
        name: Image(enlarge(values[row])) for name, values in images.items()
    }
    with translate_errors(
        f"{recordings[row]} cannot be read",
        AVDIGITS.remedy,
        *(OSError, ValueError),
        error=DataUnavailable,
    ):
        rate, samples = wavfile.read(recordings[row])
    return {**pictures, "audio": Audio(samples.astype(np.float32) / 32768, rate)}


def _seen(
    form: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray
) -> tuple[np.ndarray, Content]:
    """A drawing as the pictures of the set are, as `Maker.make` gives it."""
    image = form(pixels)
    return image.ravel() / 255, Image(enlarge(image))


def _heard(audio: Audio) -> tuple[np.ndarray, Content]:
    """A spoken digit as the recordings of the set are, as `Maker.make` gives it."""
    digit = spoken(audio)
    return log_mel(digit).ravel(), digit


def _maker(view: str, hint: str = "one digit") -> Maker:
    """How a view of any of these sets is made of a visitor's digit."""
    if view == "audio":
        return Maker("recording", "one digit in English", _heard)
    forms = {"mnist": partial(_seen, as_mnist), "usps": partial(_seen, as_usps)}
    return Maker("drawing", hint, forms.get(view, partial(_drawn, view)))


def _split(index: pd.DataFrame) -> np.ndarray:
    """The given split, with a share of the training rows of every class moved to "valid"."""
    split, training = index.split.to_numpy(dtype="<U5"), np.flatnonzero(index.split == "train")
    split[training] = stratified_split(index.digit.to_numpy()[training], test=0, valid=VALID_SHARE)
    return split


def read_avdigits(
    where: Path | None = None, pinned: Sequence[PinnedFile] = AVDIGITS_FILES
) -> DataSet:
    """Returns the digits from their files.

    Args:
        where: the folder with `features.npz`, `index.csv` and `recordings/`; that of the data unless told.
        pinned: what these must be.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
    """
    where = AVDIGITS.verify(where, pinned)
    index = pd.read_csv(where / "index.csv")
    arrays = npz_files.read_npz(where / "features.npz", names=("mnist", "usps", "audio_logmel"))
    values: dict[str, np.ndarray] = {
        "mnist": arrays["mnist"] / 255,
        "usps": arrays["usps"] / 255,
        "audio": arrays["audio_logmel"].astype(np.float32),
    }
    ids = index.recording.str.removesuffix(".wav").to_numpy(dtype=np.str_)
    return DataSet(
        name=AVDIGITS.name,
        title=AVDIGITS.title,
        description="2,000 digits, each as an MNIST image (28x28), a USPS image (16x16) and a recording by one of six "
        "speakers (log-mel spectrogram, 32 bands x 32 frames), paired by class. The given split: 1,400 rows "
        "to train on (200 of them to validate) and 600 to test on; no image or recording is in both, the "
        "speakers are.",
        source="images: MNIST and USPS as in zhou572/Multi-view-Datasets; recordings: "
        "Jakobovski/free-spoken-digit-dataset (GitHub)",
        licence="recordings CC BY-SA 4.0; images for research use",
        modalities=tuple(
            Modality(
                name,
                values[name].reshape(len(index), -1),
                None,
                pixel_names(shape, "band, frame" if name == "audio" else "pixel"),
                shape,
            )
            for name, shape in SHAPES.items()
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=index.digit.to_numpy(),
        ids=ids,
        split=_split(index),
        table=pd.DataFrame(
            {"digit": index.digit.to_numpy(), "speaker": index.speaker.to_numpy()}, index=ids
        ),
        content_of=partial(
            _content_of_avdigits,
            {name: arrays[name] for name in ("mnist", "usps")},
            [where / "recordings" / name for name in index.recording],
        ),
        makers={name: _maker(name) for name in SHAPES},
    )


AVDIGITS = Source(
    "avdigits",
    "Digits seen and heard",
    read_avdigits,
    place=50,
    files=AVDIGITS_FILES,
    by_hand="It was put together for qfusion (images of zhou572/Multi-view-Datasets, mended, and "
    "recordings of Jakobovski/free-spoken-digit-dataset on GitHub) and has no public copy to "
    "download.",
)


# UCI Multiple Features (Duin 1998): 2,000 handwritten digits from Dutch maps, each as six sets of features.
#
# The split is random by a fixed seed, 70/30 with equal shares in every class; the validation part
# is taken from the 70 %.

# At the revision in which the file was as it is pinned here; the repository has rearranged its files since.
HANDWRITTEN_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "handwritten.mat",
        "58843f19f3cea95dd3c506b2d44484b4589cc56c45786061db0778366c72bf06",
        3483966,
        "https://raw.githubusercontent.com/zhou572/Multi-view-Datasets/"
        "f90e29f276f03e41d120f742ea0833372d1b128f/handwritten.mat",
    ),
)
# In the order of the file's views: name, number of features, what they are.
VIEWS = (
    ("pix", 240, "pixel average"),
    ("fou", 76, "Fourier coefficient"),
    ("fac", 216, "profile correlation"),
    ("zer", 47, "Zernike moment"),
    ("kar", 64, "Karhunen-Loeve coefficient"),
    ("mor", 6, "morphological feature"),
)
SHAPE = (16, 15)  # of `pix`: rows, columns


def _content_of_handwritten(pictures: np.ndarray, row: int) -> dict[str, Content]:
    return {"pix": Image(enlarge(grey_levels(pictures[row].reshape(SHAPE), 0, 6)))}


def _read(path: Path) -> dict[str, np.ndarray]:
    """The views by name, and the classes `y`."""
    mat = foreign_files.read_mat(path)
    return {
        "y": mat["Y"].ravel().astype(np.int64) - 1,  # the file says 1..10 for 0..9
        **dict(zip([name for name, _, _ in VIEWS], mat["X"].ravel(), strict=True)),
    }


def read_handwritten(
    where: Path | None = None, pinned: Sequence[PinnedFile] = HANDWRITTEN_FILES
) -> DataSet:
    """Returns the six views from their file.

    Args:
        where: the folder with `handwritten.mat`; that of the data unless told.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
    """
    where = HANDWRITTEN.verify(where, pinned)
    # reading the file takes a process of its own
    arrays = array_cache.cached_arrays(
        HANDWRITTEN.name,
        array_cache.key_of([pinned[0].sha256, Path(__file__).read_bytes()]),
        partial(_read, where / pinned[0].path),
    )
    y = arrays["y"]
    ids = numbered_ids("digit", len(y))
    return DataSet(
        name=HANDWRITTEN.name,
        title=HANDWRITTEN.title,
        description="2,000 digits cut from Dutch maps, 200 of each, as six sets of features: pix (240 averages of 2x3 "
        "pixels, an image of 15x16), fou (76 Fourier coefficients), fac (216 profile correlations), zer (47 "
        "Zernike moments), kar (64 Karhunen-Loeve coefficients) and mor (6 morphological features). Split by "
        "a fixed seed, 60 % to train, 10 % to validate, 30 % to test.",
        source="UCI Multiple Features, as in zhou572/Multi-view-Datasets (GitHub)",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            Modality(
                name,
                arrays[name],
                None,
                pixel_names(SHAPE)
                if name == "pix"
                else tuple(f"{what} {i + 1}" for i in range(size)),
                SHAPE if name == "pix" else None,
            )
            for name, size, what in VIEWS
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=stratified_split(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content_of_handwritten, arrays["pix"]),
    )


HANDWRITTEN = Source(
    "handwritten",
    "Handwritten digits in six views",
    read_handwritten,
    place=80,
    files=HANDWRITTEN_FILES,
    below="images",
)


# Questions that modalities answer only together: is the sum of digits odd, are heard and seen digit the same?
#
# The pictures and recordings are those of `digits` and `avdigits`, drawn in pairs or triples within each part of their
# split, so that none is in two parts. One digit says nothing about the class, nor do two of three; this is not left to
# chance:
#
# - Digits are drawn in blocks. A block has a remainder k and every combination a, b, ... of all
# digits but the last once;
#   the last digit is (k + a + b + ...) mod 10. The sum of all is then odd where k is, and the first and last of two are
#   the same where k is 0. In a block every digit, and every pair of three, occurs equally often; half of the blocks are
#   of each class.
# - Pictures and recordings are drawn equally often, to within two rows, and each as often with one class as with the
#   other.
#
# Hence any sum of functions of single modalities, which is what late fusion forms, has exactly the same mean in both
# classes.

SIZES = {"train": 6000, "valid": 600, "test": 1200}


@dataclass(frozen=True)
class Question:
    """What is asked of pictures and recordings that are drawn together.

    Attributes:
        title: of the data set.
        of: the data set whose pictures and recordings are drawn, "digits" or "avdigits".
        views: modality -> the view of `of` that it shows.
        target: what is asked.
        remainders: per class, the k of its blocks; see the module.
        description: what is drawn and asked, in a sentence.
    """

    title: str
    of: str
    views: Mapping[str, str]
    target: Target
    remainders: tuple[tuple[int, ...], tuple[int, ...]]
    description: str


_PARITY = Target("classification", "parity", None, ("even", "odd"))
_EVEN_ODD = (tuple(range(0, 10, 2)), tuple(range(1, 10, 2)))
_DRAWN = (
    " Drawn by a fixed seed within each part of the split of `{of}`, so that no {item} is in two parts, and each is in "
    "as many {combinations} of one class as of the other: 6,000 to train, 600 to validate, 1,200 to test."
)
_NOTHING = {
    "pair": "Neither digit alone says anything: with each, both answers are equally frequent.",
    "triple": "No digit and no two of them say anything: with each pair, both answers are equally frequent.",
}


QUESTIONS: dict[str, Question] = {
    "parity": Question(
        "Two digits: odd or even",
        "digits",
        {"left": "pixels", "right": "pixels"},
        _PARITY,
        _EVEN_ODD,
        "Pairs of real handwritten digits of 8x8 pixels: is their sum odd?",
    ),
    "parity3": Question(
        "Three digits: odd or even",
        "digits",
        {"left": "pixels", "middle": "pixels", "right": "pixels"},
        _PARITY,
        _EVEN_ODD,
        "Triples of real handwritten digits of 8x8 pixels: is their sum odd?",
    ),
    "avparity": Question(
        "Seen and heard: odd or even",
        "avdigits",
        {"image": "mnist", "audio": "audio"},
        _PARITY,
        _EVEN_ODD,
        "A digit that is seen (an MNIST image, 28x28) and one that is heard (log-mel spectrogram, 32 bands x 32 "
        "frames): is their sum odd?",
    ),
    "avparity3": Question(
        "Two seen, one heard: odd or even",
        "avdigits",
        {"mnist": "mnist", "usps": "usps", "audio": "audio"},
        _PARITY,
        _EVEN_ODD,
        "Two digits that are seen (MNIST, 28x28, and USPS, 16x16) and one that is heard (log-mel spectrogram, 32 bands "
        "x 32 frames): is their sum odd?",
    ),
    "avagree": Question(
        "Seen and heard: same or different",
        "avdigits",
        {"image": "mnist", "audio": "audio"},
        Target("classification", "agreement", None, ("different", "same")),
        (tuple(range(1, 10)), (0,)),
        "A digit that is seen (an MNIST image, 28x28) and one that is heard (log-mel spectrogram, 32 bands x 32 "
        "frames): are they the same?",
    ),
}


def _combinations(
    count: int, modalities: int, remainders: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Digits (count, M) in blocks, and their classes (count,)."""
    others = np.array(list(product(range(10), repeat=modalities - 1)))
    blocks = count // len(others)
    drawn = np.concatenate(
        [np.resize(rng.permutation(own), blocks // len(remainders)) for own in remainders]
    )
    last = (drawn[:, None] + others.sum(1)) % 10
    return (
        np.column_stack([np.tile(others, (blocks, 1)), last.ravel()]),
        np.repeat(np.arange(len(remainders)), count // len(remainders)),
    )


def _items(
    shown: np.ndarray, y: np.ndarray, base: DataSet, part: str, rng: np.random.Generator
) -> np.ndarray:
    """Rows of a part of `base` whose digit is the one shown, (N,): the same ones, equally often, with every class."""
    pool, chosen = base.rows(part), np.empty(len(shown), dtype=np.int64)
    for digit in range(10):
        own = rng.permutation(pool[base.y[pool] == digit])
        check(
            len(own) > 0,
            f"Every part of the split must have every digit, but `{part}` of '{base.name}' has no sample of {digit}. "
            "Use another split.",
        )
        for label in np.unique(y):
            rows = np.flatnonzero((shown == digit) & (y == label))
            chosen[rows] = rng.permutation(np.resize(own, len(rows)))
    return chosen


def _apart(
    chosen: np.ndarray, shown: np.ndarray, y: np.ndarray, alike: bool, rng: np.random.Generator
) -> None:
    """Swaps items, in place, until no row repeats another nor, if modalities are `alike`, has one item twice.

    Only rows of one class and digit swap, so that everything that was balanced stays so.
    """
    for _ in range(100):  # a few are enough unless there are hardly any pictures
        _, first = np.unique(chosen, axis=0, return_index=True)
        bad = ~np.isin(np.arange(len(chosen)), first)
        if alike:
            bad |= (np.diff(np.sort(chosen, axis=1), axis=1) == 0).any(1)
        if not bad.any():
            return
        for row in np.flatnonzero(bad):
            m = rng.integers(chosen.shape[1])
            other = rng.choice(np.flatnonzero((shown[:, m] == shown[row, m]) & (y == y[row])))
            chosen[[row, other], m] = chosen[[other, row], m]
    raise InvalidInput(
        f"Argument `sizes` must be small enough that no row repeats another, but {len(chosen)} cannot be drawn so. "
        "Ask for fewer."
    )


def _content_of_together(
    base: DataSet, views: tuple[tuple[str, str], ...], chosen: np.ndarray, row: int
) -> dict[str, Content]:
    return {
        name: base.content(int(item))[view]
        for (name, view), item in zip(views, chosen[row], strict=True)
    }


def _table(question: Question, base: DataSet, chosen: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """The digits and, where asked for, their sum; the speaker; which sample of `base` each item was taken from."""
    names, shown = tuple(question.views), base.y[chosen]
    columns: dict[str, np.ndarray] = {f"{name}_digit": shown[:, m] for m, name in enumerate(names)}
    if question.target is _PARITY:
        columns["sum"] = shown.sum(1)
    if "audio" in names:
        columns["speaker"] = base.table["speaker"].to_numpy()[chosen[:, names.index("audio")]]
    columns |= {f"{name}_item": base.ids[chosen[:, m]] for m, name in enumerate(names)}
    return pd.DataFrame(columns, index=ids)


def draw_question(
    name: str, base: DataSet, sizes: Mapping[str, int] = SIZES, seed: int = 2013
) -> DataSet:
    """Returns the pairs or triples of a question, drawn from the pictures and recordings of `base`.

    Args:
        name: of the question; see QUESTIONS.
        base: digits of classes 0 to 9, with the views that the question shows.
        sizes: rows to draw for "train", "valid" and "test", each a multiple of 20 for pairs and of 200 for triples.
        seed: of the draw.

    Raises:
        NotFound: when there is no such question.
        InvalidInput: when a size is no such multiple, a part of `base` lacks a digit, or has too few pictures for so
            many rows.
    """
    question = QUESTIONS[choose("Question", name, QUESTIONS)]
    views, rng = tuple(question.views.items()), np.random.default_rng(seed)
    unit = 2 * 10 ** (len(views) - 1)  # a block of each class
    check(
        set(sizes) == set(SPLITS)
        and all(count > 0 and count % unit == 0 for count in sizes.values()),
        f"Argument `sizes` must hold a multiple of {unit} above zero for each of {', '.join(SPLITS)}, but is "
        f"{dict(sizes)}.",
    )
    alike = len({view for _, view in views}) < len(views)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for part in SPLITS:
        shown, y = _combinations(sizes[part], len(views), question.remainders, rng)
        chosen = np.column_stack([_items(digits, y, base, part, rng) for digits in shown.T])
        _apart(chosen, shown, y, alike, rng)
        order = rng.permutation(len(y))
        parts.append((chosen[order], y[order]))
    chosen, y = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    together = "pair" if len(views) == 2 else "triple"
    ids = numbered_ids(together, len(y))
    modalities = {m.name: m for m in base.modalities}
    pictures = [view for _, view in views if view != "audio"]
    return DataSet(
        name=name,
        title=question.title,
        description=f"{question.description} {_NOTHING[together]}"
        + _DRAWN.format(
            of=question.of,
            item="picture" if question.of == "digits" else "picture or recording",
            combinations=f"{together}s",
        ),
        source=base.source,
        licence=base.licence,
        modalities=tuple(
            Modality(
                shown_as,
                modalities[view].values[chosen[:, m]],
                None,
                modalities[view].feature_names,
                modalities[view].shape,
            )
            for m, (shown_as, view) in enumerate(views)
        ),
        target=question.target,
        y=y,
        ids=ids,
        split=np.repeat(SPLITS, [sizes[part] for part in SPLITS]),
        # each of a visitor's digit of its own: hints say which
        makers={
            name: _maker(view, f"the {name} digit" if len(pictures) > 1 else "one digit")
            for name, view in views
        },
        table=_table(question, base, chosen, ids),
        content_of=partial(_content_of_together, base, views, chosen),
        # The pictures and recordings that rows are put together from; each is in several rows.
        clusters=Clusters(
            np.column_stack(
                [
                    np.char.add(f"{view} ", base.ids[chosen[:, m]])
                    for m, (_, view) in enumerate(views)
                ]
            ),
            "pictures and recordings" if "audio" in question.views.values() else "pictures",
        ),
    )


def load_question(name: str) -> DataSet:
    """Returns the data set of a question.

    Raises:
        DataUnavailable: when it is drawn from `avdigits` and files of that are missing.
    """
    next(source for source in QUESTION_SOURCES if source.name == name).require()
    return draw_question(name, load_digits() if QUESTIONS[name].of == "digits" else read_avdigits())


def _source(name: str, question: Question) -> Source:
    load = partial(load_question, name)
    if question.of == "digits":
        return Source(
            name, question.title, load, 30, made="is drawn from digits that come with scikit-learn"
        )
    return replace(
        AVDIGITS,
        name=name,
        title=question.title,
        load=load,
        place=60,
        below=AVDIGITS.name,
        by_hand="It is drawn from the files of 'avdigits', which was put together for qfusion and has no "
        "public copy to download.",
    )


QUESTION_SOURCES = tuple(_source(*item) for item in QUESTIONS.items())

SOURCES = (DIGITS, AVDIGITS, HANDWRITTEN, *QUESTION_SOURCES)
