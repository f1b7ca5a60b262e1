"""Views of a handwritten digit of 8x8 pixels: pixels, Fourier magnitudes, profile of the ink; see `sources.digits`."""

from functools import partial

import numpy as np

from qfusion.data.digit_ink import block_counts
from qfusion.data.media.pictures import enlarge, grey_levels, pixel_names
from qfusion.data.sample_content import Content, Image, Maker, Series

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


def view_maker(view: str) -> Maker:
    """Return the maker of a view from a digit that a visitor draws."""
    return Maker("drawing", "one digit", partial(_make_view, view))


def _make_view(view: str, pixels: np.ndarray) -> tuple[np.ndarray, Content]:
    """A view of a drawing, as `Maker.make` returns it."""
    images = block_counts(pixels)[None]
    return compute_views(images)[view][0], view_content(images, 0)[view]
