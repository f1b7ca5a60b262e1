"""Makers that turn a visitor's drawn or spoken digit into features of the sets of digits."""

from collections.abc import Callable
from functools import partial

import numpy as np

from qfusion.data.digit_features import block_counts, log_mel, mnist_digit, trim_digit, usps_digit
from qfusion.data.digit_views import compute_views, view_content
from qfusion.data.picture_arrays import enlarge
from qfusion.data.sample_content import Audio, Content, Image, Maker


def digit_maker(view: str, hint: str = "one digit") -> Maker:
    """Return the maker of a view, of `digits` or of `avdigits`, from a visitor's digit."""
    if view == "audio":
        return Maker("recording", "one digit in English", _make_sound)
    forms = {
        "mnist": partial(_make_picture, mnist_digit),
        "usps": partial(_make_picture, usps_digit),
    }
    return Maker("drawing", hint, forms.get(view, partial(_make_view, view)))


def _make_view(view: str, pixels: np.ndarray) -> tuple[np.ndarray, Content]:
    """A view of a drawing, as `Maker.make` returns it."""
    images = block_counts(pixels)[None]
    return compute_views(images)[view][0], view_content(images, 0)[view]


def _make_picture(
    form: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray
) -> tuple[np.ndarray, Content]:
    """A drawing as the pictures of the set are, as `Maker.make` returns it."""
    image = form(pixels)
    return image.ravel() / 255, Image(enlarge(image))


def _make_sound(audio: Audio) -> tuple[np.ndarray, Content]:
    """A spoken digit as the recordings of the set are, as `Maker.make` returns it."""
    digit = trim_digit(audio)
    return log_mel(digit).ravel(), digit
