"""easy-VQA (Zhou 2019): a picture of one coloured shape, and a question about it in words.

Neither the picture nor the question alone determines the answer. Of every picture, some questions about its colour and
as many about its shape are drawn by a fixed seed, where it has so many: in one set among all questions, whose answers
are 13 words, in the other among those with the answers yes and no. The split is the published one, no picture is in two
parts; the validation part is a tenth of the training pictures.
"""

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from qfusion import _disk_cache
from qfusion._checks import check
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import Clusters
from qfusion.data.sample_content import Content, Image, Text
from qfusion.data.sources import (
    PinnedFile,
    Source,
    picture_transform,
    resize_square,
    sentence_transform,
    split_words,
    word_steps,
)
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput, translate_errors
from qfusion.plugins.sets.archives import Archive
from qfusion.plugins.sets.digests import sha256_of_folder

EASYVQA_PARTS = {"train": 4000, "test": 1000}  # pictures of each
QUESTIONS = "questions.json"
EASYVQA_FILES: tuple[PinnedFile, ...] = (
    PinnedFile(
        "test/images",
        "36e524234412cb4f99de41d9aa172bc161a9f04a6ce623947c89414b9ebc1283",
        digest=sha256_of_folder,
    ),
    PinnedFile(
        "test/questions.json",
        "0d4630a51bafec65343e2f6af9cdd20cf8eae214344ef57636202eec409553f7",
        465619,
    ),
    PinnedFile(
        "train/images",
        "27a3a7bae8f13e102add96c92bba087eb936622e3368b8815a8d6f806d85595d",
        digest=sha256_of_folder,
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


def _decode_picture(content: bytes, name: str) -> np.ndarray:
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
    """Read all pictures, training pictures first. They are returned as file contents, whose last byte is never zero,
    and reduced in size.
    """
    EASYVQA.verify(where, pinned)
    names = [
        f"{part}/images/{i}.png" for part, count in EASYVQA_PARTS.items() for i in range(count)
    ]
    contents = [(where / name).read_bytes() for name in names]
    small = [resize_square(pixels, SMALL) for pixels in map(_decode_picture, contents, names)]
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


def asks_about_colour(question: str, answer: str) -> bool:
    """Return whether a question is about a colour, and not about a shape."""
    return answer in COLOURS or (
        answer not in FORMS and any(word in COLOURS for word in question.split())
    )


def _kind(question: str, answer: str) -> str:
    """Return the kind of a question in a few words."""
    if answer in COLOURS:
        return "what colour"
    if answer in FORMS:
        return "what shape"
    denied = "not " if {"no", "not"} & set(question.split()) else ""
    about = "colour" if asks_about_colour(question, answer) else "shape"
    return f"is it {denied}there: {about}"


def _content_of_question(
    pictures: dict[str, np.ndarray], place: np.ndarray, questions: list[str], row: int
) -> dict[str, Content]:
    at = place[row]
    return {
        "picture": Image(enlarge(_decode_picture(pictures["content"][at], f"number {at + 1}"))),
        "question": Text(questions[row], split_words(questions[row])),
    }


class _Row(NamedTuple):
    """A question about a picture.

    Attributes:
        question: in words.
        answer: in words.
        picture: number of the picture, training pictures first.
        split: part of the split.
        name: id of the row.
    """

    question: str
    answer: str
    picture: int
    split: str
    name: str


def _draw_rows(where: Path, yes_no: bool) -> list[_Row]:
    """Draw up to `DRAWN` questions about the colour and as many about the shape of each picture."""
    rng = np.random.default_rng(2019)
    rows: list[_Row] = []
    for part, before in (("train", 0), ("test", EASYVQA_PARTS["train"])):
        pictures = EASYVQA_PARTS[part]
        held_out = set(rng.permutation(pictures)[: round(0.1 * pictures)].tolist())
        pool = [row for row in _questions(where, part) if not yes_no or row[1] in ANSWERS[:2]]
        mixed = [pool[i] for i in rng.permutation(len(pool))]
        counts = Counter[tuple[int, bool]]()
        for question, answer, image in sorted(mixed, key=lambda row: row[2]):
            is_colour = asks_about_colour(question, answer)
            counts[image, is_colour] += 1
            number = counts[image, is_colour]
            if number <= DRAWN:
                split = "valid" if part == "train" and image in held_out else part
                letter = "c" if is_colour else "s"
                name = f"{part}-{image:04d}-{letter}{number}"
                rows.append(_Row(question, answer, before + image, split, name))
    return rows


def read_easyvqa(
    where: Path | None = None,
    pinned: Sequence[PinnedFile] = EASYVQA_FILES,
    yes_no: bool = False,
) -> DataSet:
    """Return questions about pictures from their files.

    Args:
        where: the folder with `train/` and `test/`; that of the data by default.
        pinned: what each file must be.
        yes_no: whether only questions are drawn that are answered by yes or no.

    Raises:
        DataUnavailable: when a file is missing.
        IntegrityError: when a file is not the recorded one.
        InvalidInput: when a recorded file holds something else than it should.
    """
    source = YES_NO if yes_no else EASYVQA
    where = source.verify(where, [file for file in pinned if file.path.endswith(QUESTIONS)])
    pictures = _disk_cache.cached_arrays(
        EASYVQA.name,
        _disk_cache.cache_key([*(file.sha256 for file in pinned), Path(__file__).read_bytes()]),
        partial(_pictures, where, pinned),
    )
    rows = _draw_rows(where, yes_no)
    questions = [row.question for row in rows]
    answers = [row.answer for row in rows]
    place = np.array([row.picture for row in rows])
    names = [row.name for row in rows]
    values, lengths = word_steps([split_words(question) for question in questions], WORDS)
    small = pictures["small"].astype(np.float32) / 255
    pixels = small.reshape(len(small), -1)[place]
    classes = ANSWERS[:2] if yes_no else ANSWERS
    if yes_no:
        pool = "those that are answered by yes or no"
    else:
        pool = "the 48,248 published ones, of 13 answers"
    shown = [name.rpartition("-")[0] for name in names]
    kinds = [_kind(*pair) for pair in zip(questions, answers, strict=True)]
    table = pd.DataFrame(
        {"question": questions, "answer": answers, "kind": kinds, "picture": shown},
        index=names,
    )
    y = np.array([classes.index(answer) for answer in answers])
    split = np.array([row.split for row in rows])
    colours = ", ".join(COLOURS)
    return DataSet(
        name=source.name,
        title=source.title,
        description=f"Questions in words about pictures of one coloured shape ({SIDE}x{SIDE}, here {SMALL}x{SMALL} in "
        f"colour): of each of the 5,000 pictures up to {DRAWN} about its colour and {DRAWN} about its shape, drawn by "
        f"a fixed seed among {pool}. "
        "The published split by pictures, 4,000 to train on (a tenth of them to validate) and 1,000 to test on; "
        "questions repeat, pictures do not. A step of the question is a word.",
        source="vzhou842/easy-VQA (GitHub)",
        licence="MIT",
        modalities=(
            Modality("picture", pixels, None, pixel_names((SMALL, SMALL, 3)), (SMALL, SMALL, 3)),
            Modality("question", values, lengths, WORDS),
        ),
        target=Target("classification", "answer", None, classes),
        y=y,
        ids=np.array(names),
        split=split,
        table=table,
        content_of=partial(_content_of_question, pictures, place, questions),
        clusters=Clusters(np.array(shown), "pictures"),
        feature_transforms={
            "picture": picture_transform(
                f"one shape of one colour ({colours}) on a light ground", SMALL
            ),
            "question": sentence_transform(WORDS, "a question such as ‘is there a red shape?’"),
        },
    )


EASYVQA = Source(
    "easyvqa",
    "A picture and a question",
    read_easyvqa,
    place=52,
    files=EASYVQA_FILES,
    fetch=EASYVQA_ARCHIVE.fetch,
)
YES_NO = replace(
    EASYVQA,
    name="easyvqa-yesno",
    title="A picture and a question: yes or no",
    load=partial(read_easyvqa, yes_no=True),
    place=54,
    below=EASYVQA.name,
)
