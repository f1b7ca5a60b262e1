"""The files that the project reads: where they come from and what each one must be, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

# MOSI: the features' authors keep them at https://github.com/declare-lab/multimodal-deep-learning (bc-LSTM/data), the scores are at
# https://github.com/ASA-MOSI/Audio-Sentiment-Analysis. HEAD is the repository's own branch, whatever it is called; what was
# downloaded counts only when its digest is the one below.
_FEATURES = "https://raw.githubusercontent.com/declare-lab/multimodal-deep-learning/HEAD/bc-LSTM/data/"
_SCORES = "https://raw.githubusercontent.com/ASA-MOSI/Audio-Sentiment-Analysis/HEAD/"


@dataclass(frozen=True)
class PinnedFile:
    """A file of a data set.

    Attributes:
        path: below the data set's folder, with "/".
        sha256: of its content, in hex.
        size: in bytes.
        url: where the public copy is; empty when there is none of the same bytes.
    """

    path: str
    sha256: str
    size: int
    url: str = ""


MOSI: tuple[PinnedFile, ...] = (
    PinnedFile("OpinionLevelSentiment.csv", "5af5525f6c2c70a24c2fb8bda6c67dee37183f6f588955e753f0bd4fd6f9523a",
               95508, _SCORES + "OpinionLevelSentiment.csv"),
    PinnedFile("audio/audio_test0.csv", "ddd17eeefd3d951d51d4e2ef8a0d132652d8161e1886f71eb7262b7a14bffff6",
               699228, _FEATURES + "audio/audio_test0.csv"),
    PinnedFile("audio/audio_train0.csv", "5435398a54664e7b00304587dc59ae84a438852be033c2a2fba779588624a2a1",
               1343911, _FEATURES + "audio/audio_train0.csv"),
    PinnedFile("text/text_test0.csv", "a343e22272919d1384c2075dbcdd5fef5aa9f9366b0552a83f7c3147b64b047a",
               1551145, _FEATURES + "text/text_test0.csv"),
    PinnedFile("text/text_train0.csv", "cc327045db6cc361a08b4037b97bb24de4ddb5efb381468c4835cc4a60674668",
               2993906, _FEATURES + "text/text_train0.csv"),
    PinnedFile("text_test.csv", "f3b735070bf07ceff7a6ef6c8f4c32757e988de484e35bd6d38b2aecef851a59",
               889325, _FEATURES + "text_test.csv"),
    PinnedFile("text_train.csv", "73770b6302ad0f7a51f4eddcae6788efde4d0b6802e09f78249d5b538d1c1d67",
               1689050, _FEATURES + "text_train.csv"),
    PinnedFile("transcripts.csv", "e7689e6d70720addd2a6b316419d245a68839c32b014ff426c406063ee777466",
               201361, _FEATURES + "transcripts.csv"),
    PinnedFile("video/video_test0.csv", "cab836253d81100f59d533fa2ff65cd53c486be3ec9fd82203c5e25a7a77265f",
               557378, _FEATURES + "video/video_test0.csv"),
    PinnedFile("video/video_train0.csv", "b6efc0413132d627efd06f67f1706830e775e90af9a75696f535c48dbc73f12f",
               1055454, _FEATURES + "video/video_train0.csv"),
)

# At the revision in which the file was as it is pinned here; the repository has rearranged its files since.
HANDWRITTEN: tuple[PinnedFile, ...] = (
    PinnedFile("handwritten.mat", "58843f19f3cea95dd3c506b2d44484b4589cc56c45786061db0778366c72bf06", 3483966,
               "https://raw.githubusercontent.com/zhou572/Multi-view-Datasets/f90e29f276f03e41d120f742ea0833372d1b128f/"
               "handwritten.mat"),
)

AVDIGITS: tuple[PinnedFile, ...] = (
    PinnedFile("features.npz", "898ca0b413ef926511533324745671d0121f4730d0c47f3f876f49c76f7d0745", 3821125),
    PinnedFile("index.csv", "cda19b038055dd39f900abfb78ae792ff8cef8d96e4a1795829f11799062da56", 72437),
)
# SHA-256 over the lines "<name> <SHA-256>\n" of all 2,000 recordings, sorted by name.
AVDIGITS_RECORDINGS = "5c69a0c7ac8929aa4cffe992bf69427e26f9a8894d7d2a4170113ba42117f83d"

HOUSTON: tuple[PinnedFile, ...] = (
    PinnedFile("houston2013_hsi_lidar.npz", "b66be0842b93b324728d93e7dea6892786f500625a9607814fc1cafdb9dab160", 2315904),
)

# Data sets that `data get` can fetch, byte for byte.
SETS: dict[str, tuple[PinnedFile, ...]] = {"mosi": MOSI, "handwritten": HANDWRITTEN}

# Data sets whose files lie in a folder of another name.
FOLDERS = {"handwritten": "images", "houston": "images", "avparity": "avdigits", "avparity3": "avdigits", "avagree": "avdigits"}

# Data sets with no public copy of the same bytes, and why.
BY_HAND: dict[str, str] = {
    "avdigits": "It was put together for qfusion (images of zhou572/Multi-view-Datasets, mended, and recordings of "
                "Jakobovski/free-spoken-digit-dataset on GitHub) and has no public copy to download.",
    "houston": "It was packed for qfusion from files of danfenghong/IEEE_TGRS_MDL-RS on GitHub and has no public copy to "
               "download.",
}
BY_HAND |= {name: "It is drawn from the files of 'avdigits', which was put together for qfusion and has no public copy to download."
            for name, folder in FOLDERS.items() if folder == "avdigits"}


def folder_of(name: str) -> str:
    """Returns the folder, below the data folder, that holds the files of data set `name`."""
    return FOLDERS.get(name, name)
