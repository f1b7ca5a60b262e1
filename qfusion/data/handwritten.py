"""UCI Multiple Features (Duin 1998): 2,000 handwritten digits from Dutch maps, each as six sets of features.

The split is random by a fixed seed, 70/30 with equal shares in every class; the validation part is taken from the 70 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import files, matfile, splits
from qfusion.data.pinned import HANDWRITTEN, PinnedFile
from qfusion.data.spec import Content, DataSet, Image, Modality, Target

# In the order of the file's views: name, number of features, what they are.
VIEWS = (("pix", 240, "pixel average"), ("fou", 76, "Fourier coefficient"), ("fac", 216, "profile correlation"),
         ("zer", 47, "Zernike moment"), ("kar", 64, "Karhunen-Loeve coefficient"), ("mor", 6, "morphological feature"))
SHAPE = (16, 15)  # of `pix`: rows, columns
BRIGHTEST = 6

DESCRIPTION = (
    "2,000 digits cut from Dutch maps, 200 of each, as six sets of features: pix (240 averages of 2x3 pixels, an image of 15x16), fou "
    "(76 Fourier coefficients), fac (216 profile correlations), zer (47 Zernike moments), kar (64 Karhunen-Loeve coefficients) and "
    "mor (6 morphological features). Split by a fixed seed, 60 % to train, 10 % to validate, 30 % to test.")


def missing() -> tuple[str, str] | None:
    """Returns what is missing and the remedy, or None when the file is there."""
    return files.missing("handwritten", HANDWRITTEN)


def _content(pictures: np.ndarray, row: int) -> dict[str, Content]:
    return {"pix": Image(splits.enlarged(splits.grey(pictures[row].reshape(SHAPE), 0, BRIGHTEST)))}


def read(where: Path, pinned: Sequence[PinnedFile] = HANDWRITTEN) -> DataSet:
    """Returns the six views from the file in `where`.

    Args:
        where: the folder with `handwritten.mat`.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
        InvalidInput: when its views are others than expected.
    """
    files.verify("handwritten", where, pinned)
    found = matfile.read(where / pinned[0].path)
    views, y = list(found["X"].ravel()), found["Y"].ravel().astype(np.int64) - 1  # the file says 1..10 for 0..9
    sizes = [view.shape for view in views]
    check(sizes == [(len(y), size) for _, size, _ in VIEWS],
          f"File `{pinned[0].path}` must hold views of {[size for _, size, _ in VIEWS]} features, but holds shapes {sizes}. "
          "Download it again.")
    ids = splits.numbered("digit", len(y))
    return DataSet(
        name="handwritten", title="Handwritten digits in six views", description=DESCRIPTION,
        source="UCI Multiple Features, as in zhou572/Multi-view-Datasets (GitHub)", licence="CC BY 4.0 (UCI)",
        modalities=tuple(Modality(name, view, None, splits.pixel_names(SHAPE) if name == "pix" else
                                  tuple(f"{what} {i + 1}" for i in range(size)), SHAPE if name == "pix" else None)
                         for (name, size, what), view in zip(VIEWS, views, strict=True)),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y, ids=ids, split=splits.stratified(y), table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content, views[0]))


def load() -> DataSet:
    """Returns the six views from the data folder."""
    return read(files.folder("handwritten"))
