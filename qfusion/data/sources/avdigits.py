"""Digits seen and heard: an image of MNIST, one of USPS and a recording of the spoken digit, paired by class.

The three belong together by class only: nobody wrote and spoke the same digit. No image and no recording is in both
parts of the given split, 1,400 to train and 600 to test; the validation part is taken from the 1,400. The voices are in
both parts.
"""

from __future__ import annotations

import csv
import hashlib
import io
import wave
from collections.abc import Sequence
from functools import cache as remembered
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import files, splits
from qfusion.data.formats import npzfile
from qfusion.data.modality import Audio, Content, Image, Modality, Target
from qfusion.data.source import PinnedFile, Source
from qfusion.data.spec import DataSet
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput

FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "features.npz", "898ca0b413ef926511533324745671d0121f4730d0c47f3f876f49c76f7d0745", 3821125
    ),
    PinnedFile(
        "index.csv", "cda19b038055dd39f900abfb78ae792ff8cef8d96e4a1795829f11799062da56", 72437
    ),
)
# SHA-256 over the lines "<name> <SHA-256>\n" of all 2,000 recordings, sorted by name.
RECORDINGS = "5c69a0c7ac8929aa4cffe992bf69427e26f9a8894d7d2a4170113ba42117f83d"
SHAPES = {"mnist": (28, 28), "usps": (16, 16), "audio": (32, 32)}
VALID_SHARE = 1 / 7  # of the training rows: 200 of 1,400
_COLUMNS = ["row", "digit", "speaker", "recording", "split"]

DESCRIPTION = (
    "2,000 digits, each as an MNIST image (28x28), a USPS image (16x16) and a recording by one of six speakers "
    "(log-mel spectrogram, 32 bands x 32 frames), paired by class. The given split: 1,400 rows to train on (200 of "
    "them to validate) and 600 to test on; no image or recording is in both, the speakers are."
)


def _index(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    check(
        rows[:1] == [_COLUMNS],
        f"File `index.csv` must have columns {_COLUMNS}, but has {rows[:1]}. Copy it again.",
    )
    table = pd.DataFrame(rows[1:], columns=_COLUMNS)
    check(
        table.row.tolist() == [str(i) for i in range(len(table))]
        and table.digit.isin(list("0123456789")).all(),
        "File `index.csv` must number its rows 0, 1, ... and have digits 0 to 9, but does not. Copy it again.",
    )
    return table.drop(columns="row").astype({"digit": np.int64})


def _check_recordings(where: Path, names: list[str]) -> None:
    gone = [name for name in names if not (where / name).is_file()]
    if gone:
        raise DataUnavailable(
            f"Data set '{SOURCE.name}' is not complete: {where} lacks `{gone[0]}`"
            f"{f' and {len(gone) - 1} more' if len(gone) > 1 else ''}. {SOURCE.remedy}"
        )


@remembered
def _digests(where: Path, names: tuple[str, ...], pinned: str) -> dict[str, str]:
    """SHA-256 by recording, once all together have the pinned digest; reading all takes a fraction of a second."""
    found = {name: files.sha256(where / name) for name in sorted(names)}
    if (
        hashlib.sha256(
            "".join(f"{name} {digest}\n" for name, digest in found.items()).encode()
        ).hexdigest()
        != pinned
    ):
        raise IntegrityError(
            f"The recordings of data set '{SOURCE.name}' in {where} are not the recorded ones: their SHA-256 differs. "
            f"{SOURCE.remedy}"
        )
    return found


def _recording(where: Path, names: tuple[str, ...], pinned: str, row: int) -> Audio:
    name = names[row]
    try:
        wanted = _digests(where, names, pinned)[name]
        found = (where / name).read_bytes()
    except OSError as error:
        raise DataUnavailable(
            f"Recording `{name}` of data set '{SOURCE.name}' cannot be read ({error.strerror}). "
            f"{SOURCE.remedy}"
        ) from None
    if hashlib.sha256(found).hexdigest() != wanted:
        raise IntegrityError(
            f"Recording `{name}` of data set '{SOURCE.name}' in {where} was altered while it was in use. Copy it "
            "again."
        )
    try:
        with wave.open(io.BytesIO(found)) as file:
            form = file.getnchannels(), file.getsampwidth()
            samples, rate = file.readframes(file.getnframes()), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise InvalidInput(
            f"Recording `{name}` must be a WAV file, but is not ({error}). Copy it again."
        ) from None
    check(
        form == (1, 2),
        f"Recording `{name}` must have one channel of 16 bits, but has {form}. Copy it again.",
    )
    return Audio(np.frombuffer(samples, "<i2").astype(np.float32) / 32768, rate)


def _content(
    images: dict[str, np.ndarray], recording: partial[Audio], row: int
) -> dict[str, Content]:
    pictures: dict[str, Content] = {
        name: Image(splits.enlarged(found[row])) for name, found in images.items()
    }
    return {**pictures, "audio": recording(row)}


def _split(index: pd.DataFrame) -> np.ndarray:
    """The given split, with a share of the training rows of every class moved to "valid"."""
    split, training = index.split.to_numpy(dtype="<U5"), np.flatnonzero(index.split == "train")
    split[training] = splits.stratified(index.digit.to_numpy()[training], test=0, valid=VALID_SHARE)
    return split


def read(
    where: Path, pinned: Sequence[PinnedFile] = FILES, recordings: str = RECORDINGS
) -> DataSet:
    """Returns the digits from the files in `where`.

    Args:
        where: the folder with `features.npz`, `index.csv` and `recordings/`.
        pinned: what the first two must be.
        recordings: what the recordings must be, checked when the first one is played; see `RECORDINGS`.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
        InvalidInput: when a recorded file holds something else than it should.
    """
    SOURCE.verify(where, pinned)
    index = _index(where / "index.csv")
    _check_recordings(where / "recordings", index.recording.tolist())
    found = npzfile.read(where / "features.npz", names=("mnist", "usps", "audio_logmel"))
    values: dict[str, np.ndarray] = {
        "mnist": found["mnist"] / 255,
        "usps": found["usps"] / 255,
        "audio": found["audio_logmel"].astype(np.float32),
    }
    for name, shape in SHAPES.items():
        check(
            values[name].shape == (len(index), *shape),
            f"Array `{name}` in `features.npz` must have shape {(len(index), *shape)}, but has {values[name].shape}. "
            "Copy it again.",
        )
    ids = index.recording.str.removesuffix(".wav").to_numpy(dtype=np.str_)
    images = {name: found[name] for name in ("mnist", "usps")}
    recording = partial(_recording, where / "recordings", tuple(index.recording), recordings)
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description=DESCRIPTION,
        source="images: MNIST and USPS as in zhou572/Multi-view-Datasets; recordings: "
        "Jakobovski/free-spoken-digit-dataset (GitHub)",
        licence="recordings CC BY-SA 4.0; images for research use",
        modalities=tuple(
            Modality(
                name,
                values[name].reshape(len(index), -1),
                None,
                splits.pixel_names(shape, "band, frame" if name == "audio" else "pixel"),
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
        content_of=partial(_content, images, recording),
    )


def load() -> DataSet:
    """Returns the digits from the data folder."""
    return read(SOURCE.folder)


SOURCE = Source(
    "avdigits",
    "Digits seen and heard",
    load,
    place=50,
    files=FILES,
    folders=("recordings",),
    by_hand="It was put together for qfusion (images of zhou572/Multi-view-Datasets, mended, and "
    "recordings of Jakobovski/free-spoken-digit-dataset on GitHub) and has no public copy to "
    "download.",
)
