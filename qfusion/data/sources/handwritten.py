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
from qfusion.data import cache, splits
from qfusion.data.formats import matfile
from qfusion.data.modality import Content, Image, Modality, Target
from qfusion.data.source import PinnedFile, Source
from qfusion.data.spec import DataSet

# At the revision in which the file was as it is pinned here; the repository has rearranged its files since.
FILES: tuple[PinnedFile, ...] = (
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
BRIGHTEST = 6

DESCRIPTION = (
    "2,000 digits cut from Dutch maps, 200 of each, as six sets of features: pix (240 averages of 2x3 pixels, an image "
    "of 15x16), fou (76 Fourier coefficients), fac (216 profile correlations), zer (47 Zernike moments), kar (64 "
    "Karhunen-Loeve coefficients) and mor (6 morphological features). Split by a fixed seed, 60 % to train, 10 % to "
    "validate, 30 % to test."
)


def _content(pictures: np.ndarray, row: int) -> dict[str, Content]:
    return {"pix": Image(splits.enlarged(splits.grey(pictures[row].reshape(SHAPE), 0, BRIGHTEST)))}


def _read(path: Path) -> dict[str, np.ndarray]:
    """The views by name, and the classes `y`."""
    found = matfile.read(path)
    views, y = (
        list(found["X"].ravel()),
        found["Y"].ravel().astype(np.int64) - 1,
    )  # the file says 1..10 for 0..9
    sizes = [view.shape for view in views]
    check(
        sizes == [(len(y), size) for _, size, _ in VIEWS],
        f"File `{path.name}` must hold views of {[size for _, size, _ in VIEWS]} features, but holds shapes {sizes}. "
        "Download it again.",
    )
    return {"y": y} | {name: view for (name, _, _), view in zip(VIEWS, views, strict=True)}


def read(where: Path, pinned: Sequence[PinnedFile] = FILES) -> DataSet:
    """Returns the six views from the file in `where`.

    Args:
        where: the folder with `handwritten.mat`.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
        InvalidInput: when its views are others than expected.
    """
    SOURCE.verify(where, pinned)
    key = cache.key_of([pinned[0].sha256, Path(__file__).read_bytes()])
    # reading the file takes a process of its own
    found = cache.arrays(SOURCE.name, key, partial(_read, where / pinned[0].path))
    y = found["y"]
    ids = splits.numbered("digit", len(y))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description=DESCRIPTION,
        source="UCI Multiple Features, as in zhou572/Multi-view-Datasets (GitHub)",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            Modality(
                name,
                found[name],
                None,
                splits.pixel_names(SHAPE)
                if name == "pix"
                else tuple(f"{what} {i + 1}" for i in range(size)),
                SHAPE if name == "pix" else None,
            )
            for name, size, what in VIEWS
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=splits.stratified(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content, found["pix"]),
    )


def load() -> DataSet:
    """Returns the six views from the data folder."""
    return read(SOURCE.folder)


SOURCE = Source(
    "handwritten", "Handwritten digits in six views", load, place=80, files=FILES, below="images"
)
