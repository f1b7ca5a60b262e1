"""CMU-MOSI (Zadeh et al. 2016): 2,199 spoken opinions from 93 videos about films, scored from -3 to +3 by people.

The features are those published with bc-LSTM (Poria et al. 2017): a text CNN (100), openSMILE (73) and a 3D-CNN on the
video (100), one vector per segment, as they are in the files (not standardised).

The split is that of the feature files, 1,447 rows to train and 752 to test with no video in both. The text and video
features were trained on the labels of those 1,447 rows, so the usual split of MOSI, whose test part overlaps them,
would leak. The validation part is about 15% of the 1,447, whole videos drawn with a fixed seed; `train` is without it,
`train+valid` are all 1,447, which is what explanations use as background. The features have seen the validation rows,
too: results on these are better than on the test rows.

The features' authors keep them at https://github.com/declare-lab/multimodal-deep-learning (bc-LSTM/data), the scores
are at https://github.com/ASA-MOSI/Audio-Sentiment-Analysis. HEAD is the repository's default branch. A downloaded file
counts only if its digest is the recorded one.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion import _disk_cache
from qfusion.data.data_set import DataSet
from qfusion.data.media_files import find_clip
from qfusion.data.modality_spec import Modality
from qfusion.data.parsing import numbered_features
from qfusion.data.row_splits import Clusters
from qfusion.data.sample_content import Content, Text
from qfusion.data.sources import PinnedFile, Source
from qfusion.data.target_spec import Target

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
    """Return the files as arrays: train rows first, each part in the order of its feature files."""

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
    arrays = {
        "ids": rows["id"].to_numpy(np.str_),
        "opinions": opinions.loc[rows["id"], ["start", "end", "sentiment"]].to_numpy(),
        "polarity": rows["polarity"].to_numpy(),
        "words": rows["text"].to_numpy(np.str_),
        "is_test": np.repeat([False, True], list(map(len, orders))),
    }
    for name, (kind, _) in FEATURES.items():
        parts = [numbers(f"{kind}/{kind}_{part}0.csv") for part in MOSI_PARTS]
        arrays[name] = np.concatenate(parts)[:, :-1]  # the last column is the polarity again
    return arrays


def split_videos(videos: np.ndarray, is_test: np.ndarray) -> np.ndarray:
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
    """Return CMU-MOSI from its files.

    Args:
        where: the folder with `transcripts.csv` and the others; that of the data by default.
        pinned: what each file must be.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
    """
    where = SOURCE.verify(where, pinned)
    arrays = _disk_cache.cached_arrays(
        "mosi",
        _disk_cache.cache_key([*(file.sha256 for file in pinned), Path(__file__).read_bytes()]),
        partial(_read_mosi, where),
    )
    ids = arrays["ids"]
    texts = arrays["words"].tolist()
    names = [sample.rsplit("_", 1) for sample in ids.tolist()]
    videos = [video for video, _ in names]
    clips = [int(clip) for _, clip in names]
    start, end, sentiment = arrays["opinions"].T
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="2,199 spoken opinions about films from 93 videos, each scored by people from -3 (very negative) "
        "to +3 (very positive), with published features: text CNN (100), openSMILE (73), 3D-CNN (100). Split as "
        "in the feature files: 1,447 rows to train on (15% of them, by whole videos, to validate) and 752 to"
        " test on, no video in both.",
        source="features: declare-lab/multimodal-deep-learning; scores: ASA-MOSI/Audio-Sentiment-Analysis (GitHub)",
        licence="files under MIT; the corpus is for research use",
        modalities=tuple(
            Modality(name, arrays[name], None, numbered_features(what, arrays[name].shape[1]))
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
        split=split_videos(np.array(videos), arrays["is_test"]),
        table=pd.DataFrame(
            {
                "text": texts,
                "video": videos,
                "clip": clips,
                "start": start,
                "end": end,
                "polarity": arrays["polarity"],
            },
            index=ids,
        ),
        content_of=partial(_content_of_mosi, texts),
        clip_of=partial(find_clip, SOURCE.name, ids),
        clusters=Clusters(np.array(videos), "videos"),
    )


SOURCE = Source("mosi", "CMU-MOSI", read_mosi, place=40, files=MOSI_FILES)
