"""Digits seen and heard: an image of MNIST, one of USPS and a recording of the spoken digit, paired by class.

The three belong together by class only: nobody wrote and spoke the same digit. No image and no recording is in both
parts of the given split, 1,400 to train and 600 to test; the validation part is taken from the 1,400. The voices are in
both parts.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import wavfile

from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.readers import variables
from qfusion.data.row_splits import stratified_split
from qfusion.data.sample_content import Audio, Content, FeatureTransform, Image
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target
from qfusion.errors import DataUnavailable, translate_errors
from qfusion.plugins.sets.digests import sha256_of_folder
from qfusion.plugins.sets.digit_features import log_mel, mnist_digit, trim_digit, usps_digit

AVDIGITS_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "features.npz", "898ca0b413ef926511533324745671d0121f4730d0c47f3f876f49c76f7d0745", 3821125
    ),
    PinnedFile(
        "index.csv", "cda19b038055dd39f900abfb78ae792ff8cef8d96e4a1795829f11799062da56", 72437
    ),
    PinnedFile(
        "recordings",  # a folder of 2,000
        "5c69a0c7ac8929aa4cffe992bf69427e26f9a8894d7d2a4170113ba42117f83d",
        digest=sha256_of_folder,
    ),
)
SHAPES = {"mnist": (28, 28), "usps": (16, 16), "audio": (32, 32)}
VALID_SHARE = 1 / 7  # of the training rows: 200 of 1,400


def _content_of_avdigits(
    images: dict[str, np.ndarray], recordings: list[Path], row: int
) -> dict[str, Content]:
    pictures: dict[str, Content] = {
        name: Image(enlarge(values[row])) for name, values in images.items()
    }
    with translate_errors(
        f"{recordings[row]} cannot be read",
        SOURCE.remedy,
        *(OSError, ValueError),
        error=DataUnavailable,
    ):
        rate, samples = wavfile.read(recordings[row])
    return {**pictures, "audio": Audio(samples.astype(np.float32) / 32768, rate)}


def _split(index: pd.DataFrame) -> np.ndarray:
    """The given split, with a share of the training rows of every class moved to "valid"."""
    split = index.split.to_numpy(dtype="<U5")
    training = np.flatnonzero(index.split == "train")
    split[training] = stratified_split(index.digit.to_numpy()[training], test=0, valid=VALID_SHARE)
    return split


def read_avdigits(
    where: Path | None = None, pinned: Sequence[PinnedFile] = AVDIGITS_FILES
) -> DataSet:
    """Return the digits from their files.

    Args:
        where: the folder with `features.npz`, `index.csv` and `recordings/`; that of the data by default.
        pinned: what these must be.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
    """
    where = SOURCE.verify(where, pinned)
    index = pd.read_csv(where / "index.csv")
    arrays = variables.read_npz(where / "features.npz", names=("mnist", "usps", "audio_logmel"))
    values: dict[str, np.ndarray] = {
        "mnist": arrays["mnist"] / 255,
        "usps": arrays["usps"] / 255,
        "audio": arrays["audio_logmel"].astype(np.float32),
    }
    ids = index.recording.str.removesuffix(".wav").to_numpy(dtype=np.str_)
    images = {name: arrays[name] for name in ("mnist", "usps")}
    recordings = [where / "recordings" / name for name in index.recording]
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="2,000 digits, each as an MNIST image (28x28), a USPS image (16x16) and a recording by one of six "
        "speakers (log-mel spectrogram, 32 bands x 32 frames), paired by class. The given split: 1,400 rows "
        "to train on (200 of them to validate) and 600 to test on; no image or recording is in both, the "
        "speakers are.",
        source="images: MNIST and USPS as in zhou572/Multi-view-Datasets; recordings: "
        "Jakobovski/free-spoken-digit-dataset (GitHub)",
        licence="recordings CC BY-SA 4.0; images for research use",
        modalities=tuple(_build_modality(name, values[name]) for name in SHAPES),
        target=Target("classification", "digit", None, tuple(map(str, range(10)))),
        y=index.digit.to_numpy(),
        ids=ids,
        split=_split(index),
        table=index[["digit", "speaker"]].set_axis(ids),
        content_of=partial(_content_of_avdigits, images, recordings),
        feature_transforms={
            "mnist": FeatureTransform("drawing", "one digit", partial(_make_picture, mnist_digit)),
            "usps": FeatureTransform("drawing", "one digit", partial(_make_picture, usps_digit)),
            "audio": FeatureTransform("recording", "one digit in English", _make_sound),
        },
    )


def _build_modality(name: str, values: np.ndarray) -> Modality:
    """Return a modality of pictures or spectrograms (N, h, w)."""
    shape = SHAPES[name]
    kind = "band, frame" if name == "audio" else "pixel"
    return Modality(name, values.reshape(len(values), -1), None, pixel_names(shape, kind), shape)


def _make_picture(
    form: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray
) -> tuple[np.ndarray, Content]:
    """A drawing as the pictures of the set are, as `FeatureTransform.make` returns it."""
    image = form(pixels)
    return image.ravel() / 255, Image(enlarge(image))


def _make_sound(audio: Audio) -> tuple[np.ndarray, Content]:
    """A spoken digit as the recordings of the set are, as `FeatureTransform.make` returns it."""
    digit = trim_digit(audio)
    return log_mel(digit).ravel(), digit


SOURCE = Source(
    "avdigits",
    "Digits seen and heard",
    read_avdigits,
    place=50,
    files=AVDIGITS_FILES,
    by_hand="It was put together for qfusion (images of zhou572/Multi-view-Datasets, mended, and "
    "recordings of Jakobovski/free-spoken-digit-dataset on GitHub) and has no public copy to "
    "download.",
)
