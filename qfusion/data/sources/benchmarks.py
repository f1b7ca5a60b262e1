"""Published benchmarks, read from files that must be the recorded ones: CMU-MOSI, Houston 2013, AVLetters
and easy-VQA.
"""

import io
import json
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import array_cache, files, npz_files
from qfusion.data.arrays import numbered_ids, pad_sequences
from qfusion.data.clips import clip_of
from qfusion.data.clusters import Clusters
from qfusion.data.data_set import DataSet
from qfusion.data.file_words import numbered_features
from qfusion.data.modality_spec import Modality
from qfusion.data.picture_arrays import enlarge, pixel_names
from qfusion.data.row_splits import stratified_split
from qfusion.data.sample_content import Content, Film, Image, Series, Text
from qfusion.data.sources import (
    Archive,
    PinnedFile,
    Source,
    picture_maker,
    sentence_maker,
    squared,
    steps_of,
    words_of,
)
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput, translate_errors

# CMU-MOSI (Zadeh et al. 2016): 2,199 spoken opinions from 93 videos about films, each scored from -3 to +3 by people.
#
# The features are those published with bc-LSTM (Poria et al. 2017): a text CNN (100), openSMILE (73) and a 3D-CNN on
# the
# video (100), one vector per segment, as they are in the files (not standardised).
#
# The split is that of the feature files, 1,447 rows to train and 752 to test with no video in both. The text and
# video features were trained on the labels of those 1,447 rows, so the usual split of MOSI, whose test part overlaps
# them, would leak. The validation part is about 15 % of the 1,447, whole videos drawn with a fixed seed; `train` is
# without it, `train+valid` are all 1,447, which is what explanations use as background. The validation rows, too,
# were seen by the features: they look better than the test rows.

# The features' authors keep them at https://github.com/declare-lab/multimodal-deep-learning (bc-LSTM/data), the
# scores are at https://github.com/ASA-MOSI/Audio-Sentiment-Analysis. HEAD is the repository's own branch, whatever it
# is called; what was downloaded counts only when its digest is the one below.
_FEATURES = (
    "https://raw.githubusercontent.com/declare-lab/multimodal-deep-learning/HEAD/bc-LSTM/data/"
)
MOSI_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "OpinionLevelSentiment.csv",
        "5af5525f6c2c70a24c2fb8bda6c67dee37183f6f588955e753f0bd4fd6f9523a",
        95508,
        "https://raw.githubusercontent.com/ASA-MOSI/Audio-Sentiment-Analysis/HEAD/OpinionLevelSentiment.csv",
    ),
    PinnedFile(
        "audio/audio_test0.csv",
        "ddd17eeefd3d951d51d4e2ef8a0d132652d8161e1886f71eb7262b7a14bffff6",
        699228,
        _FEATURES + "audio/audio_test0.csv",
    ),
    PinnedFile(
        "audio/audio_train0.csv",
        "5435398a54664e7b00304587dc59ae84a438852be033c2a2fba779588624a2a1",
        1343911,
        _FEATURES + "audio/audio_train0.csv",
    ),
    PinnedFile(
        "text/text_test0.csv",
        "a343e22272919d1384c2075dbcdd5fef5aa9f9366b0552a83f7c3147b64b047a",
        1551145,
        _FEATURES + "text/text_test0.csv",
    ),
    PinnedFile(
        "text/text_train0.csv",
        "cc327045db6cc361a08b4037b97bb24de4ddb5efb381468c4835cc4a60674668",
        2993906,
        _FEATURES + "text/text_train0.csv",
    ),
    PinnedFile(
        "text_test.csv",
        "f3b735070bf07ceff7a6ef6c8f4c32757e988de484e35bd6d38b2aecef851a59",
        889325,
        _FEATURES + "text_test.csv",
    ),
    PinnedFile(
        "text_train.csv",
        "73770b6302ad0f7a51f4eddcae6788efde4d0b6802e09f78249d5b538d1c1d67",
        1689050,
        _FEATURES + "text_train.csv",
    ),
    PinnedFile(
        "transcripts.csv",
        "e7689e6d70720addd2a6b316419d245a68839c32b014ff426c406063ee777466",
        201361,
        _FEATURES + "transcripts.csv",
    ),
    PinnedFile(
        "video/video_test0.csv",
        "cab836253d81100f59d533fa2ff65cd53c486be3ec9fd82203c5e25a7a77265f",
        557378,
        _FEATURES + "video/video_test0.csv",
    ),
    PinnedFile(
        "video/video_train0.csv",
        "b6efc0413132d627efd06f67f1706830e775e90af9a75696f535c48dbc73f12f",
        1055454,
        _FEATURES + "video/video_train0.csv",
    ),
)

# By modality: the folder of its features, and what they are.
FEATURES = {
    "text": ("text", "text CNN"),
    "audio": ("audio", "openSMILE"),
    "vision": ("video", "3D-CNN"),
}
MOSI_PARTS = ("train", "test")
VALID_SHARE = 0.15


def _read_mosi(where: Path) -> dict[str, np.ndarray]:
    """What the recorded files hold, as arrays: train rows first, each part in the order of its feature files."""

    def numbers(name: str) -> np.ndarray:
        return pd.read_csv(where / name, header=None).to_numpy(np.float64)

    spoken = pd.read_csv(
        where / "transcripts.csv",
        names=["id", "text", "videos", "polarity"],
        keep_default_na=False,
    )
    opinions = pd.read_csv(
        where / "OpinionLevelSentiment.csv",
        names=["start", "end", "video", "clip", "sentiment"],
        dtype={"video": str, "clip": str},
    )
    opinions.index = opinions["video"] + "_" + opinions["clip"]
    orders = [numbers(f"text_{part}.csv")[:, 0].astype(np.int64) for part in MOSI_PARTS]
    rows = spoken.iloc[np.concatenate(orders)]
    return {
        "ids": rows["id"].to_numpy(np.str_),
        "opinions": opinions.loc[rows["id"], ["start", "end", "sentiment"]].to_numpy(),
        "polarity": rows["polarity"].to_numpy(),
        "words": rows["text"].to_numpy(np.str_),
        "is_test": np.repeat([False, True], list(map(len, orders))),
        **{
            # the last column is the polarity again
            name: np.concatenate(
                [numbers(f"{kind}/{kind}_{part}0.csv")[:, :-1] for part in MOSI_PARTS]
            )
            for name, (kind, _) in FEATURES.items()
        },
    }


def _split(videos: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    """ "train", "valid" or "test" per row; validation takes whole videos, at random, until it has its share."""
    split = np.where(is_test, "test", "train")
    for video in np.random.default_rng(2025).permutation(np.unique(videos[~is_test])):
        if (split == "valid").sum() >= VALID_SHARE * (~is_test).sum():
            break
        split[(videos == video) & ~is_test] = "valid"
    return split


def _content_of_mosi(texts: list[str], row: int) -> dict[str, Content]:
    return {"text": Text(texts[row])}


def read_mosi(where: Path | None = None, pinned: Sequence[PinnedFile] = MOSI_FILES) -> DataSet:
    """Returns CMU-MOSI from its files.

    Args:
        where: the folder with `transcripts.csv` and the others; that of the data unless told.
        pinned: what each file must be.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
    """
    where = CMU_MOSI.verify(where, pinned)
    arrays = array_cache.cached_arrays(
        "mosi",
        array_cache.key_of([*(file.sha256 for file in pinned), Path(__file__).read_bytes()]),
        partial(_read_mosi, where),
    )
    ids, texts = arrays["ids"], arrays["words"].tolist()
    videos, clips = zip(*(sample.rsplit("_", 1) for sample in ids.tolist()), strict=True)
    start, end, sentiment = arrays["opinions"].T
    return DataSet(
        name=CMU_MOSI.name,
        title=CMU_MOSI.title,
        description="2,199 spoken opinions about films from 93 videos, each scored by people from -3 (very negative) "
        "to +3 (very positive), with published features: text CNN (100), openSMILE (73), 3D-CNN (100). Split as "
        "in the feature files: 1,447 rows to train on (15 % of them, by whole videos, to validate) and 752 to"
        " test on, no video in both.",
        source="features: declare-lab/multimodal-deep-learning; scores: ASA-MOSI/Audio-Sentiment-Analysis (GitHub)",
        licence="files under MIT; the corpus is for research use",
        modalities=tuple(
            Modality(
                name,
                arrays[name],
                None,
                numbered_features(what, arrays[name].shape[1]),
            )
            for name, (_, what) in FEATURES.items()
        ),
        target=Target(
            "regression",
            "sentiment",
            range=(-3.0, 3.0),
            unit="points, very negative (-3) to very positive (+3)",
        ),
        y=sentiment,
        ids=ids,
        split=_split(np.array(videos), arrays["is_test"]),
        table=pd.DataFrame(
            {
                "text": texts,
                "video": videos,
                "clip": [int(clip) for clip in clips],
                "start": start,
                "end": end,
                "polarity": arrays["polarity"],
            },
            index=ids,
        ),
        content_of=partial(_content_of_mosi, texts),
        clip_of=partial(clip_of, CMU_MOSI.name, ids),
        clusters=Clusters(np.array(videos), "videos"),
    )


CMU_MOSI = Source("mosi", "CMU-MOSI", read_mosi, place=40, files=MOSI_FILES)


# Houston 2013 (IEEE GRSS data fusion contest; Hong et al. 2020): 2,832 labelled pixels of a campus seen from the air.
#
# Each pixel has a reflectance spectrum of 144 bands and 21 values derived from the LiDAR elevation around it. These
# are the contest's training pixels; neighbouring pixels look alike, so a random split of them says less about new
# places than the contest's own test set would. The split is random by a fixed seed, 70/30 with equal shares in every
# class, validation from the 70 %.

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
    """Returns the pixels from their file.

    Args:
        where: the folder with `houston2013_hsi_lidar.npz`; that of the data unless told.
        pinned: what the file must be.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
    """
    where = HOUSTON.verify(where, pinned)
    result = npz_files.read_npz(where / pinned[0].path, names=("hsi", "lidar", "y"))
    y = result["y"].astype(np.int64) - 1
    ids = numbered_ids("pixel", len(y))
    names = {
        "hsi": tuple(f"band {i + 1}" for i in range(BANDS)),
        "lidar": tuple(f"elevation {i + 1}" for i in range(PROFILE)),
    }
    return DataSet(
        name=HOUSTON.name,
        title=HOUSTON.title,
        description="2,832 pixels of Houston's campus from the air, of 15 kinds of ground: a reflectance spectrum (144 "
        "bands, about 380 to 1050 nm) and a LiDAR elevation profile (21 values). Split by a fixed seed, 60 % "
        "to train, 10 % to validate, 30 % to test. Pixels of one field are in all parts, so the figures hold "
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


HOUSTON = Source(
    "houston",
    "Houston 2013",
    read_houston,
    place=90,
    files=HOUSTON_FILES,
    below="images",
    by_hand="It was packed for qfusion from files of danfenghong/IEEE_TGRS_MDL-RS on GitHub and has no "
    "public copy to download.",
)


# AVLetters (Matthews and others 2002): ten people say the letters A to Z three times, lips seen and voice heard.
#
# Both are sequences: the lips 25 frames a second, the voice 26 numbers 50 times a second, as the published files'
# headers say: 12 mel-frequency cepstral coefficients, the logarithm of the energy, and how much each of these
# changes. The third repetition is tested on; of the first two a fifth validates, other letters of each speaker and
# repetition. All speakers are in all parts.
#
# The noisy relative has noise on the voice: normal numbers, of every coefficient NOISE deviations (over the rows to
# train on), by a fixed seed. They stand for a bad line; the recordings themselves are not published, only
# coefficients.

LETTERS_FILE = "avletters.npz"
AVLETTERS_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        LETTERS_FILE,
        "732061b7fc143a523cede478397c0e2862d2bc227b768304657d732594c12e3c",
        digest=npz_files.sha256_of_arrays,
    ),
)
SPEAKERS = ("Anya", "Bill", "Faye", "John", "Kate", "Nicola", "Stephen", "Steve", "Verity", "Yi")
LETTERS = string.ascii_uppercase
NAMES = tuple(
    sorted(
        f"{letter}{i}_{speaker}" for letter in LETTERS for i in (1, 2, 3) for speaker in SPEAKERS
    )
)
_VOICE = (*(f"MFCC {i}" for i in range(1, 13)), "log energy")
VOICE = (*_VOICE, *(f"change of {name}" for name in _VOICE))
RATES = {"lips": 25.0, "audio": 50.0}  # steps a second
PUBLISHED = (60, 80)  # rows and columns of a published frame
MOST_STEPS = 1000  # of a published utterance
NOISE = 2.0


def read_lips(content: bytes, name: str) -> np.ndarray:
    """Returns the frames (T, 30, 40), uint8, of a published .mat file: each pixel the mean of 2x2 of its own.

    The file has version 4, which SciPy reads in Python, and a matrix `vid` (4800, T): a frame a column, which is itself
    column by column.

    Raises:
        InvalidInput: when it is no such file.
    """
    from scipy.io import loadmat

    with translate_errors(
        f"File `{name}` must be a MATLAB file of version 4 with a matrix `vid` of bytes, a frame of 60x80 a column, "
        "but is not",
        "Download it again.",
        Exception,  # a damaged file raises whatever its bytes lead to
        why="{words:.100}",
    ):
        # a file of version 4 whose first matrix is of uint8; other versions SciPy reads in C
        check(content[:4] == bytes([50, 0, 0, 0]), "it begins otherwise")
        frames = loadmat(io.BytesIO(content), variable_names="vid")["vid"].T
        check(
            frames.shape[1] == PUBLISHED[0] * PUBLISHED[1] and 0 < len(frames) <= MOST_STEPS,
            f"the matrix has the shape {frames.shape[::-1]}",
        )
    return _halved(frames.reshape(-1, *PUBLISHED[::-1]).transpose(0, 2, 1))


def read_mfcc(content: bytes, name: str) -> np.ndarray:
    """Returns the numbers (T, 26), float32, of a published file of HTK's: a head of 12 bytes, then big-endian numbers.

    Raises:
        InvalidInput: when it is no such file.
    """
    steps, step = np.frombuffer(content[:8].ljust(8, b"\0"), ">i4").tolist()
    check(
        1 <= steps <= MOST_STEPS
        and step == round(1e7 / RATES["audio"])
        and len(content) == 12 + 4 * len(VOICE) * steps,
        f"File `{name}` must be HTK's with {len(VOICE)} numbers every 20 ms, but is not. Download it again.",
    )
    return np.frombuffer(content, ">f4", offset=12).astype(np.float32).reshape(-1, len(VOICE))


def _halved(frames: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels of frames (T, h, w), uint8."""
    steps, h, w = frames.shape
    return frames.reshape(steps, h // 2, 2, w // 2, 2).mean((2, 4)).round().astype(np.uint8)


def make_arrays(folder: Path) -> None:
    """Makes `avletters.npz` of the published files in a folder, in it."""
    lips = [
        read_lips((folder / f"{name}-lips.mat").read_bytes(), f"{name}-lips.mat") for name in NAMES
    ]
    mfcc = [read_mfcc((folder / f"{name}.mfcc").read_bytes(), f"{name}.mfcc") for name in NAMES]
    np.savez_compressed(
        folder / LETTERS_FILE,
        names=np.array(NAMES),
        lips=np.concatenate(lips),
        lips_lengths=np.array([len(frames) for frames in lips]),
        mfcc=np.concatenate(mfcc),
        mfcc_lengths=np.array([len(steps) for steps in mfcc]),
    )


AVLETTERS_ARCHIVE = Archive(
    "https://github.com/datamllab/automl-in-action-notebooks/archive/"
    "1884d93a299000bcc4c3d1a95002a879a7a4d0a8.tar.gz",
    r"avletters/(?:Lips|Audio/mfcc/Clean)/([A-Z][123]_[A-Z][a-z]{1,9}(?:-lips\.mat|\.mfcc))",
    count=2 * len(NAMES),
    most=2**30,
    make=make_arrays,
)


def _content_of_letters(
    frames: list[np.ndarray], voices: list[np.ndarray], row: int
) -> dict[str, Content]:
    energy = voices[row][:, VOICE.index("log energy")].astype(float)
    return {
        "lips": Film(np.stack([*map(enlarge, frames[row])]), RATES["lips"]),
        "audio": Series(
            energy,
            np.arange(len(energy)) / RATES["audio"],
            "time (s)",
            "logarithm of the energy",
        ),
    }


def read_avletters(
    where: Path | None = None,
    pinned: Sequence[PinnedFile] = AVLETTERS_FILES,
    noise: float = 0.0,
) -> DataSet:
    """Returns the letters from their file.

    Args:
        where: the folder with `avletters.npz`; that of the data unless told.
        pinned: what the file must be.
        noise: on the voice, in deviations of every coefficient.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
        InvalidInput: when it holds other arrays than expected.
    """
    source = NOISY if noise else AVLETTERS
    where = source.verify(where, pinned)
    arrays = npz_files.read_npz(where / LETTERS_FILE)
    lengths = {"lips": arrays["lips_lengths"], "audio": arrays["mfcc_lengths"]}
    shapes = arrays["lips"].shape, arrays["mfcc"].shape
    expected = (int(lengths["lips"].sum()), 30, 40), (int(lengths["audio"].sum()), len(VOICE))
    check(
        shapes == expected,
        f"File `{LETTERS_FILE}` must hold `lips` and `mfcc` of the shapes {expected}, but holds {shapes}. "
        + source.remedy,
    )
    table = (
        pd.Series(arrays["names"].astype(str), arrays["names"])
        .str.extract("(?P<letter>.)(?P<repetition>.)_(?P<speaker>.+)")
        .astype({"repetition": int})[["letter", "speaker", "repetition"]]
    )
    y, speakers = table.letter.map(LETTERS.index), table.speaker.map(SPEAKERS.index)
    # of the first two repetitions every fifth letter validates, another one for each repetition and speaker
    held_out = (y + speakers + 2 * table.repetition) % 5 == 0
    split = np.where(table.repetition == 3, "test", np.where(held_out, "valid", "train"))
    voice = pad_sequences(arrays["mfcc"], lengths["audio"])
    if noise:
        steps = np.repeat(split == "train", lengths["audio"])
        drawn = np.random.default_rng(2002).normal(size=arrays["mfcc"].shape)
        voice += pad_sequences(noise * arrays["mfcc"][steps].std(0) * drawn, lengths["audio"])
    small = _halved(arrays["lips"])
    names = {"lips": pixel_names(small.shape[1:]), "audio": VOICE}
    values = {"lips": pad_sequences(small.reshape(len(small), -1), lengths["lips"]), "audio": voice}
    return DataSet(
        name=source.name,
        title=source.title,
        description="Ten people say the letters A to Z three times: their lips, 25 frames a second (here 15x20 grey), "
        "and their voice, 50 times a second (12 mel-frequency cepstral coefficients, the logarithm of the energy, and "
        "the changes of these). The third repetition is tested on, 260 rows; of the first two, 416 rows train and 104 "
        "validate. All speakers are in all parts."
        + (
            f" With noise on the voice: normal numbers of {noise:g} deviations of each of its 26 numbers, drawn by a "
            "fixed seed."
            if noise
            else ""
        ),
        source="AVLetters (Matthews and others 2002), as in datamllab/automl-in-action-notebooks (GitHub)",
        licence="research use",
        modalities=tuple(
            Modality(name, values[name], lengths[name], names[name], rate=rate)
            for name, rate in RATES.items()
        ),
        target=Target("classification", "letter", None, tuple(LETTERS)),
        y=y.to_numpy(),
        ids=arrays["names"],
        split=split,
        table=table,
        content_of=partial(
            _content_of_letters,
            np.split(arrays["lips"], np.cumsum(lengths["lips"])[:-1]),
            [steps[:length] for steps, length in zip(voice, lengths["audio"], strict=True)],
        ),
    )


AVLETTERS = Source(
    "avletters",
    "Letters seen and heard",
    read_avletters,
    place=56,
    files=AVLETTERS_FILES,
    archive=AVLETTERS_ARCHIVE,
)
NOISY = replace(
    AVLETTERS,
    name="avletters-noisy",
    title="Letters seen and heard, with noise",
    load=partial(read_avletters, noise=NOISE),
    place=58,
    below=AVLETTERS.name,
)


# easy-VQA (Zhou 2019): a picture of one coloured shape, and a question about it in words.
#
# The picture alone does not say what is asked, the question alone not what is seen. Of every picture some questions
# about its colour and as many about its shape are drawn by a fixed seed, where it has so many: once among all, whose
# answers are 13 words, and once among those that are answered by yes or no. The split is the published one, no
# picture is in two parts; the validation part is a tenth of the training pictures.

EASYVQA_PARTS = {"train": 4000, "test": 1000}  # pictures of each
QUESTIONS = "questions.json"
EASYVQA_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "test/images",
        "36e524234412cb4f99de41d9aa172bc161a9f04a6ce623947c89414b9ebc1283",
        digest=files.sha256_of_folder,
    ),
    PinnedFile(
        "test/questions.json",
        "0d4630a51bafec65343e2f6af9cdd20cf8eae214344ef57636202eec409553f7",
        465619,
    ),
    PinnedFile(
        "train/images",
        "27a3a7bae8f13e102add96c92bba087eb936622e3368b8815a8d6f806d85595d",
        digest=files.sha256_of_folder,
    ),
    PinnedFile(
        "train/questions.json",
        "bb67697636aed0e65631d4266824aebeae5c833b0f37ed781e20752e85617ec5",
        1888771,
    ),
)
EASYVQA_ARCHIVE = Archive(
    "https://github.com/vzhou842/easy-VQA/archive/3b553bb.tar.gz",
    r"easy_vqa/data/((?:test|train)/(?:questions\.json|images/\d{1,4}\.png))",
    count=sum(EASYVQA_PARTS.values()) + len(EASYVQA_PARTS),
    most=2**26,
)
SIDE = 64  # pixels of a picture
SMALL = 16  # of what a model takes: each the mean of those that it covers
DRAWN = 2  # questions about the colour of a picture, and about its shape
COLOURS = ("black", "blue", "brown", "gray", "green", "red", "teal", "yellow")
FORMS = ("circle", "rectangle", "triangle")
ANSWERS = ("no", "yes", *COLOURS, *FORMS)
_OTHERS = "a color contain does image in is no not of present shape the there what"
WORDS = tuple(sorted({*COLOURS, *FORMS, *_OTHERS.split()}))


def _decoded(content: bytes, name: str) -> np.ndarray:
    """Pixels (64, 64, 3), uint8, of a PNG."""
    import PIL.Image

    which = f"Picture `{name}` of data set '{EASYVQA.name}' must"
    with (
        translate_errors(
            f"{which} be a PNG, but cannot be read",
            EASYVQA.remedy,
            *(OSError, SyntaxError, ValueError),
            why="{kind}",
            passing=(InvalidInput,),
        ),
        PIL.Image.open(io.BytesIO(content), formats=["PNG"]) as picture,
    ):
        check(
            picture.size == (SIDE, SIDE),
            f"{which} have {SIDE}x{SIDE} pixels, but has {picture.size}. {EASYVQA.remedy}",
        )
        return np.asarray(picture.convert("RGB"))


def _pictures(where: Path, pinned: Sequence[PinnedFile]) -> dict[str, np.ndarray]:
    """All pictures, those to train on first: as files, whose last byte is never zero, and reduced."""
    EASYVQA.verify(where, pinned)
    names = [
        f"{part}/images/{i}.png" for part, count in EASYVQA_PARTS.items() for i in range(count)
    ]
    contents = [(where / name).read_bytes() for name in names]
    small = [squared(pixels, SMALL) for pixels in map(_decoded, contents, names)]
    return {"content": np.array(contents), "small": np.stack(small)}


def _questions(where: Path, part: str) -> list[tuple[str, str, int]]:
    """Questions of a part: words, answer, number of the picture."""
    name = f"{part}/{QUESTIONS}"
    with translate_errors(
        f"File `{name}` must be JSON, but cannot be read", EASYVQA.remedy, ValueError, why="{kind}"
    ):
        rows = json.loads((where / name).read_text(encoding="utf-8"))
    for number, row in enumerate(rows, 1):
        check(
            len(row) == 3
            and isinstance(row[0], str)
            and row[1] in ANSWERS
            and row[2] in range(EASYVQA_PARTS[part]),
            f"File `{name}` must hold question, answer and number of a picture, but row {number} is {str(row)[:80]}. "
            + EASYVQA.remedy,
        )
    return [tuple(row) for row in rows]


def about_colour(question: str, answer: str) -> bool:
    """Returns whether a question is about a colour, and not about a shape."""
    return answer in COLOURS or (
        answer not in FORMS and any(word in COLOURS for word in question.split())
    )


def _kind(question: str, answer: str) -> str:
    """What is asked, in a few words."""
    if answer in COLOURS:
        return "what colour"
    if answer in FORMS:
        return "what shape"
    denied = "not " if {"no", "not"} & set(question.split()) else ""
    return f"is it {denied}there: {'colour' if about_colour(question, answer) else 'shape'}"


def _content_of_question(
    pictures: dict[str, np.ndarray], place: np.ndarray, questions: list[str], row: int
) -> dict[str, Content]:
    at = place[row]
    return {
        "picture": Image(enlarge(_decoded(pictures["content"][at], f"number {at + 1}"))),
        "question": Text(questions[row], words_of(questions[row])),
    }


def read_easyvqa(
    where: Path | None = None,
    pinned: Sequence[PinnedFile] = EASYVQA_FILES,
    yes_no: bool = False,
) -> DataSet:
    """Returns questions about pictures from their files.

    Args:
        where: the folder with `train/` and `test/`; that of the data unless told.
        pinned: what each file must be.
        yes_no: whether only questions are drawn that are answered by yes or no.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
        InvalidInput: when a recorded file holds something else than it should.
    """
    source = YES_NO if yes_no else EASYVQA
    where = source.verify(where, [file for file in pinned if file.path.endswith(QUESTIONS)])
    pictures = array_cache.cached_arrays(
        EASYVQA.name,
        array_cache.key_of([*(file.sha256 for file in pinned), Path(__file__).read_bytes()]),
        partial(_pictures, where, pinned),
    )
    rng = np.random.default_rng(2019)
    rows: list[tuple[str, str, int, str, str]] = []
    for part, before in zip(EASYVQA_PARTS, (0, EASYVQA_PARTS["train"]), strict=True):
        held = set(
            rng.permutation(EASYVQA_PARTS[part])[: round(0.1 * EASYVQA_PARTS[part])].tolist()
        )
        seen = Counter[tuple[int, bool]]()
        pool = [row for row in _questions(where, part) if not yes_no or row[1] in ANSWERS[:2]]
        chosen = [pool[i] for i in rng.permutation(len(pool))]
        for question, answer, image in sorted(chosen, key=lambda row: row[2]):
            group = image, about_colour(question, answer)
            seen[group] += 1
            if seen[group] <= DRAWN:
                split = "valid" if part == "train" and image in held else part
                name = f"{part}-{image:04d}-{'sc'[group[1]]}{seen[group]}"
                rows.append((question, answer, before + image, split, name))
    questions, answers, place, splits, names = (list(column) for column in zip(*rows, strict=True))
    values, lengths = steps_of([words_of(question) for question in questions], WORDS)
    classes = ANSWERS[:2] if yes_no else ANSWERS
    shown = [name.rpartition("-")[0] for name in names]
    return DataSet(
        name=source.name,
        title=source.title,
        description=f"Questions in words about pictures of one coloured shape ({SIDE}x{SIDE}, here {SMALL}x{SMALL} in "
        f"colour): of each of the 5,000 pictures up to {DRAWN} about its colour and {DRAWN} about its shape, drawn by "
        "a fixed seed among "
        + (
            "those that are answered by yes or no. "
            if yes_no
            else "the 48,248 published ones, of 13 answers. "
        )
        + "The published split by pictures, 4,000 to train on (a tenth of them to validate) and 1,000 to test on; "
        "questions repeat, pictures do not. A step of the question is a word.",
        source="vzhou842/easy-VQA (GitHub)",
        licence="MIT",
        modalities=(
            Modality(
                "picture",
                (pictures["small"].astype(np.float32) / 255).reshape(len(pictures["small"]), -1)[
                    place
                ],
                None,
                pixel_names((SMALL, SMALL, 3)),
                (SMALL, SMALL, 3),
            ),
            Modality("question", values, lengths, WORDS),
        ),
        target=Target("classification", "answer", None, classes),
        y=np.array([classes.index(answer) for answer in answers]),
        ids=np.array(names),
        split=np.array(splits),
        table=pd.DataFrame(
            {
                "question": questions,
                "answer": answers,
                "kind": [_kind(*pair) for pair in zip(questions, answers, strict=True)],
                "picture": shown,
            },
            index=names,
        ),
        content_of=partial(_content_of_question, pictures, np.array(place), questions),
        clusters=Clusters(np.array(shown), "pictures"),
        makers={
            "picture": picture_maker(
                "one shape of one colour (" + ", ".join(COLOURS) + ") on a light ground", SMALL
            ),
            "question": sentence_maker(WORDS, "a question such as ‘is there a red shape?’"),
        },
    )


EASYVQA = Source(
    "easyvqa",
    "A picture and a question",
    read_easyvqa,
    place=52,
    files=EASYVQA_FILES,
    archive=EASYVQA_ARCHIVE,
)
YES_NO = replace(
    EASYVQA,
    name="easyvqa-yesno",
    title="A picture and a question: yes or no",
    load=partial(read_easyvqa, yes_no=True),
    place=54,
    below=EASYVQA.name,
)


SOURCES = (CMU_MOSI, HOUSTON, AVLETTERS, NOISY, EASYVQA, YES_NO)
