"""Houston 2013 (IEEE GRSS data fusion contest; Hong et al. 2020): 2,832 labelled pixels of a campus seen from the air.

Each pixel has a reflectance spectrum of 144 bands and 21 values derived from the LiDAR elevation around it. These are
the contest's training pixels. Neighbouring pixels are alike, so a random split of them says less about new places than
the contest's own test set would. The split is random by a fixed seed, 70/30 with equal shares in every class,
validation from the 70%.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.readers import variables
from qfusion.data.row_splits import stratified_split
from qfusion.data.sample_content import Content, Series
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target

HOUSTON_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "houston2013_hsi_lidar.npz",
        "b66be0842b93b324728d93e7dea6892786f500625a9607814fc1cafdb9dab160",
        2315904,
    ),
)
BANDS, PROFILE = 144, 21
CLASSES = (
    "healthy grass",
    "stressed grass",
    "synthetic grass",
    "trees",
    "soil",
    "water",
    "residential",
    "commercial",
    "road",
    "highway",
    "railway",
    "parking lot 1",
    "parking lot 2",
    "tennis court",
    "running track",
)


def _content_of_houston(spectra: np.ndarray, profiles: np.ndarray, row: int) -> dict[str, Content]:
    return {
        "hsi": Series(
            spectra[row].astype(float),
            np.arange(1, BANDS + 1),
            f"band (1 to {BANDS}: about 380 to 1050 nm)",
            "reflectance",
        ),
        "lidar": Series(
            profiles[row].astype(float),
            np.arange(1, PROFILE + 1),
            "value of the elevation profile",
            "elevation (0 lowest, 1 highest)",
        ),
    }


def read_houston(
    where: Path | None = None, pinned: Sequence[PinnedFile] = HOUSTON_FILES
) -> DataSet:
    """Return the pixels from their file.

    Args:
        where: the folder with `houston2013_hsi_lidar.npz`; that of the data by default.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
    """
    where = SOURCE.verify(where, pinned)
    result = variables.read_npz(where / pinned[0].path, names=("hsi", "lidar", "y"))
    y = result["y"].astype(np.int64) - 1
    ids = numbered_ids("pixel", len(y))
    names = {
        "hsi": tuple(f"band {i + 1}" for i in range(BANDS)),
        "lidar": tuple(f"elevation {i + 1}" for i in range(PROFILE)),
    }
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="2,832 pixels of Houston's campus from the air, of 15 kinds of ground: a reflectance spectrum (144 "
        "bands, about 380 to 1050 nm) and a LiDAR elevation profile (21 values). Split by a fixed seed, 60% "
        "to train, 10% to validate, 30% to test. Pixels of one field are in all parts, so the figures hold "
        "for this scene.",
        source="IEEE GRSS data fusion contest 2013, as in danfenghong/IEEE_TGRS_MDL-RS (GitHub)",
        licence="research use with acknowledgement of the contest",
        modalities=tuple(Modality(name, result[name], None, names[name]) for name in names),
        target=Target("classification", "class", None, CLASSES),
        y=y,
        ids=ids,
        split=stratified_split(y),
        table=pd.DataFrame({"class": [CLASSES[label] for label in y]}, index=ids),
        content_of=partial(_content_of_houston, result["hsi"], result["lidar"]),
    )


SOURCE = Source(
    "houston",
    "Houston 2013",
    read_houston,
    place=90,
    files=HOUSTON_FILES,
    below="images",
    by_hand="It was packed for qfusion from files of danfenghong/IEEE_TGRS_MDL-RS on GitHub and has no "
    "public copy to download.",
)
