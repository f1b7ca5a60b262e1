"""Pictures and questions: neither is informative alone, by counting; answers by hand; visitor input."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from qfusion import data
from qfusion.data import DataSet, Image, Text, sources
from qfusion.data.sources import scenes
from qfusion.data.synthetic import scene_questions
from qfusion.errors import InvalidInput
from qfusion.explain.coalitions import joint_share
from qfusion.study import attribution

PARTS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def made() -> DataSet:
    return data.load("scenes")


def distinct(pixels: np.ndarray) -> int:
    """How many rows differ."""
    return len({row.tobytes() for row in pixels})


def test_no_single_modality_is_informative_in_any_split(made: DataSet) -> None:
    seen = 0
    for part in PARTS:
        table = made.table.iloc[made.rows(part)].assign(answer=made.y[made.rows(part)])
        for column in ("question", "picture_item"):
            assert (table.groupby(column).answer.mean() == 0.5).all()
        assert (table.groupby("picture_item").size() == 2).all()
        pixels = made.modalities[0].values[made.rows(part)]
        assert distinct(pixels) == len(pixels) // 2
        seen += distinct(pixels)
    assert seen == distinct(made.modalities[0].values)  # no picture is in two parts
    assert made.table.question.iloc[made.rows("train")].nunique() == len(scene_questions.TEXTS)
    assert made.clusters is not None
    assert made.clusters.describe_count(made.rows("test")) == "576 pictures"


def test_the_best_sum_of_single_modalities_is_a_constant(made: DataSet) -> None:
    """Least squares over every picture and every question of a part: nothing is left to add up."""
    rows = made.rows("valid")
    columns = [
        np.unique(made.table[name].iloc[rows], return_inverse=True)[1]
        for name in ("picture_item", "question")
    ]
    design = np.concatenate([np.eye(column.max() + 1)[column] for column in columns], 1)
    fitted = design @ np.linalg.lstsq(design, made.y[rows] - 0.5, rcond=None)[0]
    assert np.abs(fitted).max() < 1e-12


def test_answers_match_the_words(made: DataSet) -> None:
    """A reader of its own: splits the sentence, looks into the table, and answers."""
    for row in range(0, len(made), 7):
        about = made.table.iloc[row]
        shapes = [about.left_shape.split(), about.right_shape.split()]
        words = about.question.rstrip("?").split()
        if words[1] == "there":
            thing = words[3]
            right = any(thing in shape for shape in shapes) == (words[2] == "a")
        else:
            kinds = [
                word for word in words if word in (*scene_questions.FORMS, *scene_questions.COLOURS)
            ]
            places = [[i for i in (0, 1) if kind in shapes[i]] for kind in kinds]
            assert [len(place) for place in places] == [1, 1]
            assert places[0] != places[1]
            first = places[0][0]
            above = first == (0 if about.upper_shape == "left" else 1)
            right = {"left": first == 0, "right": first == 1, "above": above, "below": not above}[
                words[words.index(kinds[0]) + (2 if kinds[0] in scene_questions.COLOURS else 1)]
            ]
        assert made.target.classes[made.y[row]] == ("yes" if right else "no")


def test_true_contributions_are_purely_joint(made: DataSet) -> None:
    truth = made.truth
    assert truth is not None
    assert (truth[["", "picture", "question"]] == 0).all(axis=None)
    assert (truth["picture+question"] == np.where(made.y == 0, 1, -1)).all()
    assert (
        joint_share({name: truth[name].to_numpy() for name in truth.columns if name}) == 1
    ).all()


def test_true_contributions_are_averages_over_the_background() -> None:
    """Against a background that is not balanced, by brute force."""
    rng = np.random.default_rng(0)
    right = rng.integers(-1, 2, (5, 4))
    pictures, texts, behind = rng.integers(0, 5, 12), rng.integers(0, 4, 12), np.arange(7)
    found = scene_questions.true_dividends(right, pictures, texts, behind)
    for row, (p, q) in enumerate(zip(pictures, texts, strict=True)):
        value = {
            "": np.mean([right[pictures[r], texts[r]] for r in behind]),
            "picture": np.mean([right[p, texts[r]] for r in behind]),
            "question": np.mean([right[pictures[r], q] for r in behind]),
        }
        wanted = [
            value[""],
            value["picture"] - value[""],
            value["question"] - value[""],
            right[p, q] - value["picture"] - value["question"] + value[""],
        ]
        np.testing.assert_allclose(found.iloc[row], wanted, atol=1e-12)


def test_pictures_match_the_table(made: DataSet) -> None:
    """The colour in the middle of each shape, its place, and its area, from the pixels alone."""
    drawn = scene_questions.draw_scenes(scene_questions.BLOCK, np.random.default_rng(1))
    pixels = scene_questions.paint_scenes(drawn, np.arange(len(scene_questions.BLOCK)), 4).astype(
        int
    )
    ground = pixels[:, 0, 0]
    for shape in (0, 1):
        x, y = (4 * drawn.centres[:, shape]).astype(int).T
        paint = pixels[np.arange(len(pixels)), y, x]
        assert np.abs(paint - drawn.paints[:, shape]).max() <= 1
    assert (drawn.centres[:, 0, 0] < drawn.centres[:, 1, 0]).all()
    assert ((drawn.centres[:, 0, 1] < drawn.centres[:, 1, 1]) == drawn.above).all()
    covered = (np.abs(pixels - ground[:, None, None]).sum(-1) > 30).sum((1, 2)) / 16
    wanted = np.pi * (drawn.radii**2).sum(1)
    assert np.abs(covered / wanted - 1).max() < 0.15  # whole, and not over one another
    content = made.content(3)
    assert isinstance(content["picture"], Image)
    assert content["picture"].pixels.shape == (192, 192, 3)
    assert isinstance(content["question"], Text)
    assert content["question"].text == made.table.question.iloc[3]
    spoken = content["question"].words
    assert spoken is not None
    values, lengths = made.modalities[1].values[3], made.modalities[1].lengths
    assert lengths is not None
    assert int(lengths[3]) == len(spoken)
    assert [made.modalities[1].feature_names[k] for k in values[: len(spoken)].argmax(1)] == [
        f"word {word}" for word in spoken
    ]


def test_colour_channels_of_a_pixel_are_one_feature(made: DataSet) -> None:
    canvas = attribution.canvas(cast(Any, SimpleNamespace(dataset=made)), 3, "picture", None)
    assert canvas.kind == "picture"
    assert canvas.shape == (24, 24)
    original = cast(Image, made.content(3)["picture"]).pixels
    assert canvas.parts["pixels"].shape == (144, 144, 3)
    np.testing.assert_array_equal(canvas.parts["pixels"][0, 0], original[0, 0])
    assert canvas.names[24] == "pixel 2,1"
    added = canvas.sum_steps(np.arange(3.0 * 576))
    assert (len(added), added[24]) == (576, 72 + 73 + 74)


def test_visitor_input_is_processed_like_training_data(made: DataSet) -> None:
    picture, question = made.feature_transforms["picture"], made.feature_transforms["question"]
    assert (picture.kind, question.kind) == ("drawing", "sentence")
    for row in (0, 17):
        seen = made.modalities[0].values[row]
        pixels = np.round(255 * seen).astype(np.uint8).reshape(24, 24, 3)
        for drawing in (pixels, np.kron(pixels, np.ones((10, 10, 1), np.uint8))):
            features, content = picture.make(drawing)
            np.testing.assert_allclose(features, seen, atol=1e-6)
            assert isinstance(content, Image)
        shown = made.content(row)["picture"]
        assert isinstance(shown, Image)
        off = np.abs(picture.make(shown.pixels)[0] - seen)
        assert off.max() < 0.25  # its corners are finer
        assert off.mean() < 3e-3
        features, content = question.make(f"  {made.table.question.iloc[row].upper()} ")
        n = len(features)
        np.testing.assert_array_equal(features, made.modalities[1].values[row][:n])
        assert not made.modalities[1].values[row][n:].any()
    wide, _ = picture.make(np.pad(pixels, ((0, 0), (12, 12), (0, 0)), "edge"))
    assert wide.shape == (1728,)


@pytest.mark.parametrize(
    ("modality", "given", "message"),
    [
        ("question", "is there a purple circle?", "'purple' is not known.*triangle"),
        ("question", " ?! ", "1 to 40 words"),
        ("question", "x" * 3000, "at most 1000 letters"),
        ("picture", np.zeros((30, 30, 3), np.uint8), "must show something"),
        ("picture", np.zeros((30, 30), np.uint8), r"shape \(h, w, 3\)"),
        ("picture", np.zeros((30, 30, 3)), r"8-bit"),
        ("picture", np.zeros((5000, 2, 3), np.uint8), "up to 4096"),
        ("picture", np.zeros((0, 2, 3), np.uint8), "but has shape"),
        ("picture", "red", "but has shape"),
    ],
)
def test_invalid_visitor_input_is_refused(
    made: DataSet, modality: str, given: object, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        made.feature_transforms[modality].make(given)


def test_sizes_that_cannot_be_balanced_are_refused() -> None:
    for sizes in ({"train": 288, "valid": 288}, {"train": 288, "valid": 288, "test": 100}):
        with pytest.raises(InvalidInput, match="multiple of 288"):
            scenes.build(0, sizes)
    small = scenes.build(3, dict.fromkeys(PARTS, 288))
    assert len(small) == 6 * 288
    assert dataclasses.replace(small).digest == scenes.build(3, dict.fromkeys(PARTS, 288)).digest


def test_drawings_are_resized_to_a_small_square() -> None:
    side = 16
    given = np.full((120, 240, 3), 250, np.uint8)
    given[40:80, 100:140] = (255, 0, 0)
    features, shown = sources.picture_transform("", side).make(given)
    small = features.reshape(side, side, 3)
    assert isinstance(shown, Image)
    assert small[0, 0].tolist() == pytest.approx(
        [250 / 255] * 3
    )  # what was added has the colour of the ground
    assert small[side // 2, side // 2].tolist() == pytest.approx([1, 0, 0], abs=0.1)
