"""Samples by their words and small pictures: descriptions, names in pickers, thumbnails, tables, strips."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pictures

from qfusion.app import selections
from qfusion.app.samples import boxes
from qfusion.data import Audio, DataSet, Image, Modality, Series, Target, Text
from qfusion.data.sample_content import Content, Film
from qfusion.figures import sample_charts, scatter_map
from qfusion.study import text

WORDS = ("  is the\nblue shape <b>left</b>?", "yes", "x" * 100, "")


def questions(**changes: object) -> DataSet:
    """Return four samples: a picture, and a question whose text is in the table too."""
    ids = np.array(["a", "b", "c", "d"])
    values = np.arange(8.0).reshape(4, 2)

    def content(row: int) -> dict[str, Content]:
        pixels = np.full((20, 10, 3), 60 * row, dtype=np.uint8)
        return {"picture": Image(pixels), "question": Text(WORDS[row])}

    made = DataSet(
        name="asked",
        title="",
        description="",
        source="",
        licence="",
        modalities=(
            Modality("picture", values, None, ("p", "q")),
            Modality("question", values + 1, None, ("r", "s")),
        ),
        target=Target("classification", "answer", None, ("no", "yes")),
        y=np.array([0, 1, 0, 1]),
        ids=ids,
        split=np.array(["train", "train", "valid", "test"]),
        table=pd.DataFrame({"question": WORDS, "kind": "k"}, index=ids),
        content_of=content,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_a_sample_is_described_by_its_text_on_one_line() -> None:
    made = questions()
    assert text.text_column(made) == "question"
    assert text.describe_sample(made, 0) == "is the blue shape <b>left</b>?"
    assert text.describe_sample(made, 2) == "x" * 59 + "…"
    assert text.name_sample(made, 1) == "b · yes"
    assert text.name_sample(made, 3) == "d"
    alone = questions(table=pd.DataFrame({"kind": "k"}, index=made.ids))
    assert text.text_column(alone) == ""
    assert text.describe_sample(alone, 1) == "yes"
    silent = questions(table=alone.table, content_of=lambda row: {})
    assert text.describe_samples(silent, range(4)) == [""] * 4


def test_a_column_named_like_a_modality_is_no_text_unless_it_has_the_text() -> None:
    made = questions()
    numbered = made.table.assign(question=["picture 1", "picture 2", "picture 3", "picture 4"])
    assert text.text_column(questions(table=numbered)) == ""


def test_the_picker_names_samples_by_id_and_words() -> None:
    made = questions()
    names = boxes.sample_names(made, ["b", "d"])
    assert (names["b"], names["d"]) == ("b · yes", "d")
    assert boxes.sample_names(made, []) is names
    same = questions(
        ids=np.array(["a", "a · b", "c", "d"]),
        table=pd.DataFrame({"text": ["b", "", "", ""]}, index=["a", "a · b", "c", "d"]),
    )
    assert set(text.name_all_samples(same).values()) == set(same.ids)


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (Image(np.zeros((96, 48), np.uint8)), (48, 24, 3)),
        (Film(np.zeros((5, 10, 20, 3), np.uint8), 25.0), (10, 20, 3)),
        (Audio(np.sin(np.arange(4000.0)).astype(np.float32), 8000), (48, 48, 3)),
        (Audio(np.zeros(0, np.float32), 8000), (48, 48, 3)),
        (Series(np.full(7, 2.0), np.arange(7.0), "x", "y"), (48, 48, 3)),
    ],
)
def test_a_thumbnail_is_small(content: Content, shape: tuple[int, ...]) -> None:
    drawn = sample_charts.draw_thumbnail(content)
    assert drawn is not None
    assert (drawn.shape, drawn.dtype) == (shape, np.uint8)


def test_a_wave_is_dark_where_it_is_loud() -> None:
    loud = np.r_[np.zeros(500), np.tile([1.0, -1.0], 250)].astype(np.float32)
    drawn = sample_charts.draw_thumbnail(Audio(loud, 8000))
    assert drawn is not None
    left, right = drawn[:, :20].mean(), drawn[:, 28:].mean()
    assert left > 240
    assert right < 100


def test_the_address_of_a_sample_holds_its_picture() -> None:
    made = questions()
    address = sample_charts.sample_picture_address(made, 2)
    assert address is not None
    head, _, code = address.partition(",")
    assert head == "data:image/png;base64"
    picture = Pictures.open(io.BytesIO(base64.b64decode(code)))
    assert picture.size == (10, 20)
    assert picture.convert("RGB").getpixel((3, 3)) == (120, 120, 120)
    assert sample_charts.draw_thumbnail(Text("words")) is None
    assert (
        sample_charts.sample_picture_address(questions(content_of=lambda row: {}, name="n"), 0)
        is None
    )


def test_tables_of_samples_show_pictures_and_words_beside_the_id() -> None:
    made = questions()
    table = pd.DataFrame({"id": ["b", "d"], "truth": ["yes", "no"], "question": ["yes", ""]})
    shown = selections.show_content(made, table, ["b", "d"])
    assert list(shown.columns) == ["id", selections.THUMBNAIL, "question", "truth"]
    assert shown[selections.THUMBNAIL].tolist() == [
        sample_charts.sample_picture_address(made, row) for row in (1, 3)
    ]
    assert shown["question"].tolist() == [WORDS[1], WORDS[3]]


def test_bars_of_samples_have_their_words_on_a_second_line() -> None:
    figure = scatter_map.nearest_bars(
        ["a: no → no", "b: yes → no"], np.array([1.0, 2.0]), [True, None], notes=["<i>left</i>", ""]
    )
    assert figure.layout.yaxis.ticktext == ("a: no → no<br>&lt;i&gt;left&lt;/i&gt;", "b: yes → no")


@pytest.mark.parametrize(("typical", "words"), [(2.1, "median of all 2.1"), (8.9, "8.9 →")])
def test_the_median_is_named_where_it_is_far_beyond_the_bars(typical: float, words: str) -> None:
    figure = scatter_map.nearest_bars(
        ["a", "b"], np.array([1.0, 2.0]), [True, None], typical=typical
    )
    assert figure.layout.xaxis.range == (0, 2.3)
    assert figure.layout.annotations[-1].text.endswith(words)


def test_a_small_picture_is_of_a_picture_before_a_sound() -> None:
    sound = Audio(np.zeros(100, np.float32), 8000)
    picture = Image(np.zeros((20, 10, 3), np.uint8))
    made = questions(content_of=lambda row: {"voice": sound, "face": picture}, name="both")
    assert sample_charts.pictured_modality(made, 0) == "face"
    assert sample_charts.draw_sample(made, 0).shape == (20, 10, 3)  # type: ignore[union-attr]
    heard = questions(content_of=lambda row: {"voice": sound}, name="heard")
    assert sample_charts.pictured_modality(heard, 0) == "voice"
    assert not sample_charts.pictured_modality(questions(content_of=lambda row: {}, name="n"), 0)
