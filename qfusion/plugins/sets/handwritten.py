"""UCI Multiple Features (Duin 1998): 2,000 handwritten digits from Dutch maps, each as six sets of features.

The split is random by a fixed seed, 70/30 with equal shares in every class; the validation part is taken from the 70%.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion import _disk_cache
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, grey_levels, pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.parsing import numbered_features
from qfusion.data.readers.variables import read_mat
from qfusion.data.row_splits import stratified_split
from qfusion.data.sample_content import Content, Image
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target

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
    content = read_mat(path)
    return {
        "y": content["Y"].ravel().astype(np.int64) - 1,  # the file says 1..10 for 0..9
        **dict(zip([name for name, _, _ in VIEWS], content["X"].ravel(), strict=True)),
    }


def read_handwritten(
    where: Path | None = None, pinned: Sequence[PinnedFile] = HANDWRITTEN_FILES
) -> DataSet:
    """Return the six views from their file.

    Args:
        where: the folder of the file; the one of the data set by default.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
    """
    where = SOURCE.verify(where, pinned)
    # reading the file takes a process of its own
    arrays = _disk_cache.cached_arrays(
        SOURCE.name,
        _disk_cache.cache_key([pinned[0].sha256, Path(__file__).read_bytes()]),
        partial(_read, where / pinned[0].path),
    )
    y = arrays["y"]
    ids = numbered_ids("digit", len(y))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="2,000 digits cut from Dutch maps, 200 of each, as six sets of features: pix (240 averages of 2x3 "
        "pixels, an image of 15x16), fou (76 Fourier coefficients), fac (216 profile correlations), zer (47 "
        "Zernike moments), kar (64 Karhunen-Loeve coefficients) and mor (6 morphological features). Split by "
        "a fixed seed, 60% to train, 10% to validate, 30% to test.",
        source="UCI Multiple Features, as in zhou572/Multi-view-Datasets (GitHub)",
        licence="CC BY 4.0 (UCI)",
        modalities=tuple(
            _build_modality(name, arrays[name], numbered_features(what, size))
            for name, size, what in VIEWS
        ),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=y,
        ids=ids,
        split=stratified_split(y),
        table=pd.DataFrame({"digit": y}, index=ids),
        content_of=partial(_content_of_handwritten, arrays["pix"]),
    )


def _build_modality(name: str, values: np.ndarray, names: tuple[str, ...]) -> Modality:
    """Return a view (N, F); `pix` is a picture, the others are vectors of named features."""
    if name == "pix":
        return Modality(name, values, None, pixel_names(SHAPE), SHAPE)
    return Modality(name, values, None, names)


SOURCE = Source(
    "handwritten",
    "Handwritten digits in six views",
    read_handwritten,
    place=80,
    files=HANDWRITTEN_FILES,
    below="images",
)
