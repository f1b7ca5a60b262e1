"""Handwritten digits in three views: the 1,797 real images of 8x8 pixels that come inside scikit-learn.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 32x32
bitmaps counted in blocks of 4x4, so that a pixel is 0 to 16. All three views are computed here, from the image alone:

- `pixels`: the 64 pixels,
- `fourier`: magnitudes of the two-dimensional discrete Fourier transform. An image of real numbers has the same
magnitude
  at (p, q) and (-p, -q); the 34 that are not repeated are kept. Cyclic shifts of the image do not change them.
- `profile`: ink by row and by column, how far from each side the ink begins (contours), and moments: mass, centre, and
  the normalised central moments of orders 2 and 3, which change neither with place nor with size (Hu 1962).

The ink of a drawn digit, cut out, fitted and placed, and its counts in blocks as scikit-learn's digits have them.

A picture of the set's size, or the same with every pixel enlarged, is not changed, so that a sample of the set keeps
its features.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, grey_levels, pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import stratified_split
from qfusion.data.sample_content import Content, FeatureTransform, Image, Series
from qfusion.data.sources import Source
from qfusion.data.target_spec import Target

INKED = 0.2  # of the darkest ink: from here on a pixel of a drawing counts as inked
FEWEST = 12  # inked pixels of a drawing; less is a dot


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


def crop_ink(ink: np.ndarray, least: float = INKED) -> np.ndarray:
    """Return the part of a drawing that is inked by more than a part of its darkest."""
    inked = ink > least * ink.max()
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_ink(
    part: np.ndarray, longest: int, most: int, whole: Callable[[float], int] = round
) -> np.ndarray:
    """Return a drawing resized so that its longer side is `longest`, and then no side is longer than `most`. Lengths
    are made whole numbers by `whole`. Each pixel is the mean of what it covers.
    """
    import PIL.Image

    h, w = (max(1, min(most, whole(longest * side / max(part.shape)))) for side in part.shape)
    picture = PIL.Image.fromarray(part.astype(np.float32))
    return np.asarray(picture.resize((w, h), PIL.Image.Resampling.BOX), float)


def place_ink(ink: np.ndarray, side: int, row: int, column: int) -> np.ndarray:
    """Return a drawing in a black square, with its corner at a given position. Parts outside the square are cut off."""
    return np.pad(ink, side)[side - row : 2 * side - row, side - column : 2 * side - column]


def center_ink(ink: np.ndarray, side: int) -> np.ndarray:
    """Return a drawing in the middle of a black square."""
    return place_ink(ink, side, (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2)


def block_counts(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing as scikit-learn's digits, whole numbers 0 to 16 (8, 8): as high as 32 pixels, black and white,
    counted in blocks of 4x4."""
    ink = extract_ink(pixels)
    if ink.shape == (8, 8):
        return np.round(ink * 16 / 255)
    part = fit_ink(crop_ink(ink), 32, 32)
    return np.asarray(center_ink(part > part.max() / 2, 32).reshape(8, 4, 8, 4).sum((1, 3)), float)


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
    """Return the 34 magnitudes |sum_xy image exp(-2 pi i (p x + q y) / 8)| of images (N, 8, 8), float64 (N, 34)."""
    return np.abs(np.fft.rfft2(images))[:, *np.transpose(_KEPT)]


def contours(images: np.ndarray) -> np.ndarray:
    """Return the number of pixels before the ink, from the left, the right, the top and the bottom, (N, 32). It is 8
    if there is no ink.
    """
    ink = images >= INK
    sides = (ink, ink[:, :, ::-1], ink.transpose(0, 2, 1), ink[:, ::-1].transpose(0, 2, 1))
    return np.concatenate(
        [np.where(side.any(2), side.argmax(2), DIGITS_SIDE) for side in sides], axis=1
    )


def image_moments(images: np.ndarray) -> np.ndarray:
    """Return mass, centre (row, column) and the normalised central moments mu_pq / mass^(1 + (p + q) / 2), (N, 10)."""
    mass = images.sum((1, 2))
    along = np.arange(DIGITS_SIDE)
    row, column = images.sum(2) @ along / mass, images.sum(1) @ along / mass
    down, right = along - row[:, None], along - column[:, None]
    central = [
        np.einsum("nij,ni,nj->n", images, down**p, right**q) / mass ** (1 + (p + q) / 2)
        for p, q in _ORDERS
    ]
    return np.stack([mass, row, column, *central], axis=1)


def _profile_names() -> tuple[str, ...]:
    """Return the names of the features of the profile: ink, contours, mass, centre and moments."""
    numbers = range(1, DIGITS_SIDE + 1)
    names: list[str] = []
    for way in ("row", "column"):
        names.extend(f"ink of {way} {i}" for i in numbers)
    for side in ("left", "right", "top", "bottom"):
        names.extend(f"{side} contour {i}" for i in numbers)
    names.extend(("mass", "centre row", "centre column"))
    names.extend(f"moment {p},{q}" for p, q in _ORDERS)
    return tuple(names)


FEATURE_NAMES = {
    "pixels": pixel_names((DIGITS_SIDE, DIGITS_SIDE)),
    "fourier": tuple(f"frequency {p},{q}" for p, q in _KEPT),
    "profile": _profile_names(),
}


def view_content(images: np.ndarray, row: int) -> dict[str, Content]:
    """Return the displayed views of a digit, by modality: its pixels, its Fourier transform, its profile and more."""
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


def compute_views(images: np.ndarray) -> dict[str, np.ndarray]:
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


def view_transform(view: str) -> FeatureTransform:
    """Return the transform of a view from a digit that a visitor draws."""
    return FeatureTransform("drawing", "one digit", partial(_make_view, view))


def _make_view(view: str, pixels: np.ndarray) -> tuple[np.ndarray, Content]:
    """A view of a drawing, as `FeatureTransform.make` returns it."""
    images = block_counts(pixels)[None]
    return compute_views(images)[view][0], view_content(images, 0)[view]


def load_digits() -> DataSet:
    """Return the digits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.asarray(bunch.images, dtype=np.float64)
    y = np.asarray(bunch.target)
    values = compute_views(images)
    shapes = {"pixels": (DIGITS_SIDE, DIGITS_SIDE)}
    ids = numbered_ids("digit", len(y))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="1,797 real handwritten digits of 8x8 pixels, in three views computed from the image: the pixels "
        "(64), magnitudes of the two-dimensional Fourier transform (34), and a profile (58: ink by row and "
        "column, contours from the four sides, moments). Split by a fixed seed, about 60% to train, 10% to "
        "validate, 30% to test, with equal shares in every class.",
        source="scikit-learn's load_digits: UCI Optical Recognition of Handwritten Digits, test part",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            Modality(name, view, None, FEATURE_NAMES[name], shapes.get(name))
            for name, view in values.items()
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=stratified_split(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(view_content, images),
        feature_transforms={name: view_transform(name) for name in values},
    )


SOURCE = Source(
    "digits", "Digits in three views", load_digits, place=20, made="comes with scikit-learn"
)
