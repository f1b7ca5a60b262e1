"""Handwritten digits in three views: the 1,797 real images of 8x8 pixels that come inside scikit-learn.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 32x32
bitmaps counted in blocks of 4x4, so that a pixel is 0 to 16. All three views are computed here, from the image alone:

- `pixels`: the 64 pixels,
- `fourier`: magnitudes of the two-dimensional discrete Fourier transform. An image of real numbers has the same
  magnitude at (p, q) and (-p, -q); the 34 that are not repeated are kept. They do not change when the image is moved
  around cyclically.
- `profile`: ink by row and by column, how far from each side the ink begins (contours), and moments: mass, centre, and
  the normalised central moments of orders 2 and 3, which change neither with place nor with size (Hu 1962).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from qfusion.data import splits
from qfusion.data.modality import Content, Image, Modality, Series, Target
from qfusion.data.source import Source
from qfusion.data.spec import DataSet

SIDE = 8
INK = 4  # of 16: from here on a pixel counts as ink for the contours
_ORDERS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
# (p, q) with q the column's frequency; in columns 0 and 4 rows p and -p repeat each other.
_KEPT = tuple(
    (p, q)
    for q in range(SIDE // 2 + 1)
    for p in range(SIDE // 2 + 1 if q in (0, SIDE // 2) else SIDE)
)
_DECIMALS = (
    4  # so that the last bits of another machine's arithmetic cannot show in the data set's digest
)

DESCRIPTION = (
    "1,797 real handwritten digits of 8x8 pixels, in three views computed from the image: the pixels (64), magnitudes "
    "of the two-dimensional Fourier transform (34), and a profile (58: ink by row and column, contours from the four "
    "sides, moments). Split by a fixed seed, about 60 % to train, 10 % to validate, 30 % to test, with equal shares in "
    "every class."
)


def fourier(images: np.ndarray) -> np.ndarray:
    """Returns the 34 magnitudes |sum_xy image exp(-2 pi i (p x + q y) / 8)| of images (N, 8, 8), float64 (N, 34)."""
    whole = np.abs(np.fft.rfft2(images))
    return np.stack([whole[:, p, q] for p, q in _KEPT], axis=1)


def contours(images: np.ndarray) -> np.ndarray:
    """Returns how many pixels lie before the ink, from the left, the right, the top and the bottom, (N, 32); 8 where
    there is none."""
    ink = images >= INK
    sides = (ink, ink[:, :, ::-1], ink.transpose(0, 2, 1), ink[:, ::-1].transpose(0, 2, 1))
    return np.concatenate([np.where(side.any(2), side.argmax(2), SIDE) for side in sides], axis=1)


def image_moments(images: np.ndarray) -> np.ndarray:
    """Returns mass, centre (row, column) and the normalised central moments mu_pq / mass^(1 + (p + q) / 2), (N, 10)."""
    mass = images.sum((1, 2))
    along = np.arange(SIDE)
    row, column = images.sum(2) @ along / mass, images.sum(1) @ along / mass
    down, right = along - row[:, None], along - column[:, None]
    central = [
        np.einsum("nij,ni,nj->n", images, down**p, right**q) / mass ** (1 + (p + q) / 2)
        for p, q in _ORDERS
    ]
    return np.stack([mass, row, column, *central], axis=1)


def _names() -> dict[str, tuple[str, ...]]:
    steps = range(1, SIDE + 1)
    profile = [f"ink of {way} {i}" for way in ("row", "column") for i in steps]
    profile += [f"{way} contour {i}" for way in ("left", "right", "top", "bottom") for i in steps]
    profile += ["mass", "centre row", "centre column", *(f"moment {p},{q}" for p, q in _ORDERS)]
    return {
        "pixels": splits.pixel_names((SIDE, SIDE)),
        "fourier": tuple(f"frequency {p},{q}" for p, q in _KEPT),
        "profile": tuple(profile),
    }


def _spectrum(image: np.ndarray) -> np.ndarray:
    """The spectrum as people draw it: logarithmic, frequency 0 in the middle, brightest what is strongest."""
    level = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(image))))
    return splits.grey(level, 0, float(level.max()))


def _content(images: np.ndarray, row: int) -> dict[str, Content]:
    image = images[row]
    return {
        "pixels": Image(splits.enlarged(splits.grey(image, 0, 16))),
        "fourier": Image(splits.enlarged(_spectrum(image))),
        "profile": Series(
            np.concatenate([image.sum(1), image.sum(0)]),
            np.arange(1, 2 * SIDE + 1),
            "rows 1 to 8 from the top, then columns 1 to 8 from the left",
            "ink (0 to 128)",
        ),
    }


def load() -> DataSet:
    """Returns the digits."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images, y = np.asarray(found.images, dtype=np.float64), np.asarray(found.target)
    values = {
        "pixels": images.reshape(len(images), -1),
        "fourier": fourier(images),
        "profile": np.concatenate(
            [images.sum(2), images.sum(1), contours(images), image_moments(images)], axis=1
        ),
    }
    names, ids = _names(), splits.numbered("digit", len(y))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description=DESCRIPTION,
        source="scikit-learn's load_digits: UCI Optical Recognition of Handwritten Digits, test part",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            Modality(
                name,
                np.round(found, _DECIMALS),
                None,
                names[name],
                (SIDE, SIDE) if name == "pixels" else None,
            )
            for name, found in values.items()
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=splits.stratified(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content, images),
    )


SOURCE = Source("digits", "Digits in three views", load, place=20, made="comes with scikit-learn")
