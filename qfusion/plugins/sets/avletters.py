"""AVLetters (Matthews and others 2002): ten people say the letters A to Z three times, lips seen and voice heard.

Both are sequences: the lips at 25 frames a second, the voice as 26 numbers 50 times a second, as the headers of the
published files state: 12 mel-frequency cepstral coefficients, the logarithm of the energy, and the change of each of
these. The third repetition is the test part; a fifth of the first two is the validation part, other letters of each
speaker and repetition. All speakers are in all parts.

The noisy variant adds normal noise to the voice, by a fixed seed: NOISE standard deviations of every coefficient (over
the training rows). It stands for a bad line; the recordings themselves are not published, only coefficients.
"""

import io
import string
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import pad_sequences
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.readers import variables
from qfusion.data.sample_content import Content, Film, Series
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target
from qfusion.errors import translate_errors
from qfusion.plugins.sets.archives import Archive
from qfusion.plugins.sets.digests import sha256_of_arrays

LETTERS_FILE = "avletters.npz"
AVLETTERS_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        LETTERS_FILE,
        "732061b7fc143a523cede478397c0e2862d2bc227b768304657d732594c12e3c",
        digest=sha256_of_arrays,
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
    """Return the frames (T, 30, 40), uint8, of a published .mat file. Each pixel is the mean of 2x2 original pixels.

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
    return _halve(frames.reshape(-1, *PUBLISHED[::-1]).transpose(0, 2, 1))


def read_mfcc(content: bytes, name: str) -> np.ndarray:
    """Return the numbers (T, 26), float32, of a published file of HTK's: a head of 12 bytes, then big-endian numbers.

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


def _halve(frames: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels of frames (T, h, w), uint8."""
    steps, h, w = frames.shape
    return frames.reshape(steps, h // 2, 2, w // 2, 2).mean((2, 4)).round().astype(np.uint8)


def make_arrays(folder: Path) -> None:
    """Make `avletters.npz` from the published files in a folder, and write it there."""
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
    """Return the letters from their file.

    Args:
        where: the folder with `avletters.npz`; that of the data by default.
        pinned: what the file must be.
        noise: on the voice, in deviations of every coefficient.

    Raises:
        DataUnavailable: when the file is missing.
        IntegrityError: when it is not the recorded one.
        InvalidInput: when it holds other arrays than expected.
    """
    source = NOISY if noise else AVLETTERS
    where = source.verify(where, pinned)
    arrays = variables.read_npz(where / LETTERS_FILE)
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
    small = _halve(arrays["lips"])
    films = np.split(arrays["lips"], np.cumsum(lengths["lips"])[:-1])
    voices = [steps[:length] for steps, length in zip(voice, lengths["audio"], strict=True)]
    noise_sentence = ""
    if noise:
        noise_sentence = (
            f" With noise on the voice: normal numbers of {noise:g} deviations of each of its 26 numbers, drawn by a "
            "fixed seed."
        )
    names = {"lips": pixel_names(small.shape[1:]), "audio": VOICE}
    values = {"lips": pad_sequences(small.reshape(len(small), -1), lengths["lips"]), "audio": voice}
    return DataSet(
        name=source.name,
        title=source.title,
        description="Ten people say the letters A to Z three times: their lips, 25 frames a second (here 15x20 grey), "
        "and their voice, 50 times a second (12 mel-frequency cepstral coefficients, the logarithm of the energy, and "
        "the changes of these). The third repetition is tested on, 260 rows; of the first two, 416 rows train and 104 "
        f"validate. All speakers are in all parts.{noise_sentence}",
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
        content_of=partial(_content_of_letters, films, voices),
    )


AVLETTERS = Source(
    "avletters",
    "Letters seen and heard",
    read_avletters,
    place=56,
    files=AVLETTERS_FILES,
    fetch=AVLETTERS_ARCHIVE.fetch,
)
NOISY = replace(
    AVLETTERS,
    name="avletters-noisy",
    title="Letters seen and heard, with noise",
    load=partial(read_avletters, noise=NOISE),
    place=58,
    below=AVLETTERS.name,
)
