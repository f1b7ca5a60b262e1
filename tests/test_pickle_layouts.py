"""Pickles in other layouts than MMSA's: other keys, label shapes, lists of tuples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import import_report, import_store, importing
from qfusion.errors import InvalidInput
from tests.support import importable

COUNTS = {"train": 20, "valid": 6, "test": 8}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path


def content(**renamed: str) -> dict[str, Any]:
    """A small pickle with some keys called otherwise."""
    made = importable.mmsa(counts=COUNTS, aligned=True)
    for part in made.values():
        for old, new in renamed.items():
            part[new] = part.pop(old)
    return made


def without(*keys: str) -> dict[str, Any]:
    made = content()
    for part in made.values():
        for key in keys:
            part.pop(key)
    return made


def examined(folder: Path, content: Any, **options: Any) -> import_report.ExaminedSet:
    path = importable.write_mmsa(folder / "m.pkl", content)
    with import_store.staging_folder() as place:
        return importing.examine_files([path], place, **options)


def shapes(found: import_report.ExaminedSet) -> dict[str, tuple[int, ...]]:
    return {part.name: part.shape for part in found.staged.parts}


def warnings(found: import_report.ExaminedSet) -> list[str]:
    return [each.words for each in found.report.findings if each.severity == "warning"]


WHOLE = {"text": (34, 12, 8), "audio": (34, 12, 5), "vision": (34, 12, 6)}


# ---- names in other words


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vision", "visual"),
        ("vision", "video"),
        ("vision", "Vision"),
        ("audio", "acoustic"),
        ("audio", "AUDIO"),
        ("text", "Language"),
        ("raw_text", "Raw Text"),
        ("id", "IDs"),
        ("regression_labels", "Regression_Labels"),
    ],
)
def test_synonyms_of_known_keys_are_read(old: str, new: str, folder: Path) -> None:
    found = examined(folder, content(**{old: new}))
    plain = examined(folder, content())
    assert shapes(found) == WHOLE
    assert found.report.as_dict() == plain.report.as_dict()
    assert found.staged.columns.equals(plain.staged.columns)
    assert found.staged.ids.tolist() == plain.staged.ids.tolist()


def test_synonyms_of_splits_and_lengths_are_read(folder: Path) -> None:
    made = importable.mmsa(counts=COUNTS)
    for part in made.values():
        part["visual"] = part.pop("vision")
        part["visual_lengths"] = part.pop("vision_lengths")
    lengths = made["train"]["visual_lengths"]
    found = examined(
        folder, {"Train": made["train"], "DEV": made["valid"], "Testing": made["test"]}
    )
    assert found.report.splits == COUNTS
    vision = found.staged.parts[2]
    assert vision.lengths is not None
    assert vision.lengths[:20].tolist() == lengths


@pytest.mark.parametrize(
    ("name", "shape"), [("depth", (4,)), ("ECG", (5, 3)), ("video", (2, 6)), ("speaker", ())]
)
def test_unread_per_sample_arrays_give_a_warning(
    name: str, shape: tuple[int, ...], folder: Path
) -> None:
    made = content()
    for part in made.values():
        part[name] = np.ones((len(part["id"]), *shape))
    found = examined(folder, made)
    assert shapes(found) == WHOLE
    assert warnings(found)[0].startswith(
        f"Left out, though there is an entry for each sample: {name}. If one is a modality, call it"
    )
    notes = {each.code for each in examined(folder, with_a_note(content())).report.findings}
    assert "left-out" in notes
    assert "lost-modality" not in notes


def with_a_note(made: dict[str, Any]) -> dict[str, Any]:
    for part in made.values():
        part["about"] = "made by a test"
    return made


@pytest.mark.parametrize("split", COUNTS)
@pytest.mark.parametrize("key", ["raw_text", "annotations", "id"])
def test_texts_missing_in_one_split_are_kept_for_others(key: str, split: str, folder: Path) -> None:
    made = content()
    made[split].pop(key)
    found = examined(folder, made)
    assert f"`{key}` is missing in {split}, where it stays empty." in warnings(found)
    rows = found.staged.split == split
    if key == "id":
        assert found.staged.ids[rows][0] == f"{split}-{1:04d}"
        assert found.staged.ids[~rows][0].startswith("clip")
    else:
        words = found.staged.columns["text" if key == "raw_text" else "annotation"].to_numpy()
        assert set(words[rows]) == {""}
        assert "" not in words[~rows]


def test_scores_missing_in_one_split_are_reported(folder: Path) -> None:
    made = content()
    made["test"].pop("regression_labels")
    found = examined(folder, made)
    assert found.staged.classes == ("Negative", "Positive")
    assert any("`regression_labels` is missing in test" in words for words in warnings(found))


# ---- labels in other shapes


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 1, 1)])
@pytest.mark.parametrize("name", ["labels", "label", "Labels"])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "list"])
def test_labels_are_scores(name: str, shape: Any, kind: str, folder: Path) -> None:
    made = without("annotations", "classification_labels")
    wanted = np.concatenate([part["regression_labels"] for part in made.values()])
    for part in made.values():
        values = part.pop("regression_labels").reshape(shape)
        part[name] = values.tolist() if kind == "list" else values.astype(kind)
    found = examined(folder, made)
    assert found.staged.classes == ()
    np.testing.assert_allclose(found.staged.y, wanted, rtol=1e-6)
    assert found.staged.bounds == (-3, 3)


@pytest.mark.parametrize(
    ("make", "classes"),
    [
        (lambda y: (y > 0).astype(int), ("0", "1")),
        (lambda y: (np.sign(y) + 2).reshape(-1, 1, 1), ("1", "3")),
        (lambda y: np.where(y > 0, "glad", "sad"), ("glad", "sad")),
        (lambda y: np.eye(4)[(y > 0) + 2 * (y > 1)], ("0", "1", "3")),
    ],
)
def test_binary_textual_and_one_hot_labels_are_classes(
    make: Any, classes: tuple[str, ...], folder: Path
) -> None:
    made = without("annotations", "classification_labels")
    for part in made.values():
        part["labels"] = make(part.pop("regression_labels"))
    found = examined(folder, made)
    assert found.staged.classes == classes


@pytest.mark.parametrize("kind", ["f8", "i4", ">i2", "?"])
def test_one_hot_labels_become_class_numbers(kind: str, folder: Path) -> None:
    made = without("annotations", "regression_labels", "classification_labels")
    wanted = []
    for part in made.values():
        classes = np.arange(len(part["id"])) % 3
        wanted += classes.tolist()
        part["classification_labels"] = np.eye(3)[classes].astype(kind)
    found = examined(folder, made)
    assert found.staged.classes == ("0", "1", "2")
    assert found.staged.y.tolist() == wanted
    importing.import_set([folder / "m.pkl"], "columns")
    assert data.load("columns").target.classes == ("0", "1", "2")


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0], [0, 0.5, 0.5], [2, 0, 0], [np.nan, 0, 1]])
def test_invalid_one_hot_rows_are_an_error(row: list[float], folder: Path) -> None:
    made = without("annotations", "regression_labels")
    for part in made.values():
        part["classification_labels"] = np.eye(3)[np.arange(len(part["id"])) % 3]
    made["valid"]["classification_labels"][2] = row
    with pytest.raises(
        InvalidInput, match=r"must hold 0 and, in every row, one 1 .* row 23 holds \["
    ):
        examined(folder, made)


# ---- lists of tuples, and other lists


def tuples(count: int, seed: int, spoken: bool = False) -> list[Any]:
    """Samples as MAG-BERT and MISA publish them."""
    rng, made = np.random.default_rng(seed), []
    for row in range(count):
        steps = int(rng.integers(2, 7))
        words = [f"word{step}" for step in range(steps)]
        features = rng.normal(size=(steps, 4)), rng.normal(size=(steps, 3))
        first = np.arange(steps) if spoken else words
        inside = (first, *features, words) if spoken else (first, *features)
        made.append((inside, np.array([[rng.uniform(-3, 3)]]), f"clip{seed}[{row}]"))
    return made


@pytest.mark.parametrize("spoken", [False, True])
@pytest.mark.parametrize("as_lists", [False, True])
def test_lists_of_tuples_are_read(spoken: bool, as_lists: bool, folder: Path) -> None:
    made = {
        part: tuples(count, seed, spoken)
        for seed, (part, count) in enumerate({"train": 20, "dev": 5, "test": 8}.items())
    }
    given = (
        {key: [list(entry) for entry in part] for key, part in made.items()} if as_lists else made
    )
    found = examined(folder, given)
    assert list(shapes(found)) == ["audio", "vision"]
    assert found.report.splits == {"train": 20, "valid": 5, "test": 8}
    first = made["train"][0]
    (audio, vision), steps = found.staged.parts, len(first[0][1])
    assert (audio.shape[-1], vision.shape[-1]) == (3, 4)
    assert vision.lengths is not None
    assert vision.lengths[0] == steps
    assert found.staged.y[0] == first[1][0, 0]
    assert found.staged.ids[20] == "clip1[0]"
    assert found.staged.columns["text"][0].split() == [f"word{step}" for step in range(steps)]
    assert warnings(found)[0].startswith("Text comes as words, not as features.")


def test_texts_in_place_of_features_are_text(folder: Path) -> None:
    made = {part: tuples(9, seed) for seed, part in enumerate(("train", "valid", "test"))}
    for part, entries in made.items():
        made[part] = [
            ((np.ones((len(entry[0][0]), 5)), *entry[0][1:]), *entry[1:]) for entry in entries
        ]
    assert list(shapes(examined(folder, made))) == ["text", "audio", "vision"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            {"train": [{"text": 1}]},
            r"'train' in `m\.pkl` must hold a dictionary of arrays, or tuples .* a list of dict",
        ),
        ({"test": [1.5, 2.5]}, r"'test' in `m\.pkl` must hold .* but holds a list of float"),
        ({"valid": np.zeros(3)}, r"'valid' .* but holds a ndarray"),
        ({"train": []}, r"'train' .* but holds a list"),
        ([{"text": 1}], r"must hold a dictionary, but holds a list"),
        ({"dev": {"text": 1}, "valid": {"text": 1}}, "holds 'valid' twice"),
    ],
)
def test_lists_in_place_of_dictionaries_are_reported(made: Any, message: str, folder: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        examined(folder, made)
