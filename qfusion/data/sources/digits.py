"""Handwritten digits in three views: the 1,797 real images of 8x8 pixels that come inside scikit-learn.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 32x32
bitmaps counted in blocks of 4x4, so that a pixel is 0 to 16. All three views are computed here, from the image alone:

- `pixels`: the 64 pixels,
- `fourier`: magnitudes of the two-dimensional discrete Fourier transform. An image of real numbers has the same
magnitude
  at (p, q) and (-p, -q); the 34 that are not repeated are kept. Cyclic shifts of the image do not change them.
- `profile`: ink by row and by column, how far from each side the ink begins (contours), and moments: mass, centre, and
  the normalised central moments of orders 2 and 3, which change neither with place nor with size (Hu 1962).
"""

from functools import partial

import numpy as np
import pandas as pd

from qfusion.data.arrays import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.digit_views import (
    DIGITS_SIDE,
    FEATURE_NAMES,
    compute_views,
    view_content,
    view_maker,
)
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import stratified_split
from qfusion.data.sources import Source
from qfusion.data.target_spec import Target


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
        makers={name: view_maker(name) for name in values},
    )


SOURCE = Source(
    "digits", "Digits in three views", load_digits, place=20, made="comes with scikit-learn"
)
