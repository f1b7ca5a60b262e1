"""Pictures and questions: a small coloured picture, made from a seed, and a question about it in words, yes or no.

Neither says anything without the other. Here stand the pictures, the questions with their programs, who is asked what,
the true contributions, and how a visitor's own picture and question are made into features.
"""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import pixel_names
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import SPLITS, Clusters
from qfusion.data.sample_content import Content, Image, Text
from qfusion.data.sources import Source, picture_transform, sentence_transform, word_steps
from qfusion.data.synthetic.scene_questions import (
    BLOCK,
    COLOURS,
    FORMS,
    QUESTIONS,
    SIDE,
    SPOKEN,
    TEXTS,
    VOCABULARY,
    Scenes,
    answers,
    assign_questions,
    draw_scenes,
    paint_scenes,
    true_dividends,
)
from qfusion.data.target_spec import Target

_SHOWN = 8  # times as large as the model's pixels, people see a picture


SIZES = {
    "train": 2880,
    "valid": 288,
    "test": 576,
}  # pictures; each is asked a question and its opposite


def _content(
    scenes: Scenes, pictures: np.ndarray, texts: np.ndarray, row: int
) -> dict[str, Content]:
    return {
        "picture": Image(paint_scenes(scenes, pictures[[row]], _SHOWN)[0]),
        "question": Text(TEXTS[texts[row]], SPOKEN[texts[row]]),
    }


def _table(
    scenes: Scenes, pictures: np.ndarray, texts: np.ndarray, ids: np.ndarray
) -> pd.DataFrame:
    forms = np.array(FORMS)[scenes.forms[pictures]]
    colours = np.array(list(COLOURS))[scenes.colours[pictures]]
    shapes = np.char.add(np.char.add(colours, " "), forms)
    questions = [QUESTIONS[text % len(QUESTIONS)] for text in texts]
    return pd.DataFrame(
        {
            "asks_about": [question.kind for question in questions],
            "question": np.array(TEXTS)[texts],
            "left_shape": shapes[:, 0],
            "right_shape": shapes[:, 1],
            "upper_shape": np.where(scenes.above[pictures], "left", "right"),
            "picture_item": np.char.add("picture ", pictures.astype(str)),
        },
        index=ids,
    )


def build(seed: int = 2026, sizes: Mapping[str, int] = SIZES) -> DataSet:
    """Return the pictures and questions of a seed.

    Args:
        seed: of everything that is drawn.
        sizes: how many pictures "train", "valid" and "test" have, multiples of 288; each is in two rows.

    Raises:
        InvalidInput: when a size is no such multiple.
    """
    check(
        set(sizes) == set(SPLITS)
        and all(count > 0 and count % len(BLOCK) == 0 for count in sizes.values()),
        f"Argument `sizes` must hold a multiple of {len(BLOCK)} above zero for each of {', '.join(SPLITS)}, but "
        f"is {dict(sizes)}.",
    )
    rng = np.random.default_rng(seed)
    parts = [sizes[part] for part in SPLITS]
    units = [rng.permutation(np.resize(np.arange(len(BLOCK)), count)) for count in parts]
    scenes = draw_scenes(BLOCK[np.concatenate(units)], rng)
    right = answers(scenes)
    starts = np.cumsum([0, *parts])
    assigned = np.concatenate([assign_questions(right[a:b], rng) for a, b in pairwise(starts)])
    order = np.concatenate(
        [2 * a + rng.permutation(2 * count) for a, count in zip(starts, parts, strict=False)]
    )
    pictures = order // 2
    texts = assigned[pictures, order % 2]
    every = np.concatenate([right, -right], 1)
    y = (every[pictures, texts] < 0).astype(np.int64)
    blocks = np.arange(len(right)).reshape(-1, len(BLOCK))  # small enough for the processor's cache
    drawn = np.concatenate([paint_scenes(scenes, rows) for rows in blocks])
    seen = drawn.reshape(len(drawn), -1)[pictures] / np.float32(255)
    spoken, lengths = word_steps(SPOKEN, VOCABULARY)
    ids = numbered_ids("scene", len(y))
    split = np.repeat(SPLITS, 2 * np.array(parts))
    items = np.char.add("picture ", pictures.astype(str))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="Small coloured pictures of two shapes, and questions about them in words, made by this project "
        "from a seed: where a shape is, whether there is one. Picture or question alone reveals nothing: yes and no "
        "are balanced for every picture and every question, in every split. The program of every question is known, "
        "and so is the true contribution of picture, question and both, for every sample.",
        source=f"made by this project from seed {seed}",
        licence="Apache-2.0, like the project",
        modalities=(
            Modality(
                "picture",
                seen,
                None,
                pixel_names((SIDE, SIDE, 3)),
                (SIDE, SIDE, 3),
            ),
            Modality(
                "question", spoken[texts], lengths[texts], tuple(f"word {w}" for w in VOCABULARY)
            ),
        ),
        target=Target("classification", "answer", None, ("yes", "no")),
        y=y,
        ids=ids,
        split=split,
        table=_table(scenes, pictures, texts, ids),
        truth=true_dividends(every, pictures, texts, np.flatnonzero(split == "train")).set_index(
            ids
        ),
        content_of=partial(_content, scenes, pictures, texts),
        clusters=Clusters(items, "pictures"),
        feature_transforms={
            "picture": picture_transform(
                "two shapes in red, yellow or blue on a dark ground", SIDE, SIDE * _SHOWN
            ),
            "question": sentence_transform(
                VOCABULARY, "a question such as: is the red shape left of the circle?"
            ),
        },
    )


SOURCE = Source("scenes", "Pictures and questions", build, place=5, made="is made by the project")
