"""Pickles laid out almost as MMSA's: other keys, label shapes, lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.data.examine import report
from qfusion.data.store import manifest
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


def examined(folder: Path, content: Any, **options: Any) -> report.ExaminedSet:
    path = importable.write_mmsa(folder / "m.pkl", content)
    with manifest.staging_folder() as place:
        return importing.examine_files([path], place, **options)


def shapes(found: report.ExaminedSet) -> dict[str, tuple[int, ...]]:
    return {part.name: part.shape for part in found.staged.parts}


def warnings(found: report.ExaminedSet) -> list[str]:
    return [each.words for each in found.report.findings if each.severity == "warning"]


WHOLE = {"text": (34, 12, 8), "audio": (34, 12, 5), "vision": (34, 12, 6)}


# ---- names


@pytest.mark.parametrize("name", ["visual", "Vision", "video"])
def test_other_names_of_vision_are_read(name: str, folder: Path) -> None:
    found = examined(folder, content(vision=name))
    assert shapes(found) == WHOLE
    assert warnings(found) == []


@pytest.mark.parametrize(("name", "shape"), [("depth", (4,)), ("ECG", (5, 3)), ("speaker", ())])
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
@pytest.mark.parametrize("name", ["labels"])
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


# ---- lists


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            {"train": [{"text": 1}]},
            r"'train' in `m\.pkl` must hold a dictionary of arrays, but holds a list",
        ),
        ({"test": [1.5, 2.5]}, r"'test' in `m\.pkl` must hold .* but holds a list"),
        ({"valid": np.zeros(3)}, r"'valid' .* but holds a ndarray"),
        ({"train": []}, r"'train' .* but holds a list"),
        ([{"text": 1}], r"must hold a dictionary, but holds a list"),
        ({"dev": {"text": 1}, "valid": {"text": 1}}, "holds 'valid' twice"),
    ],
)
def test_lists_in_place_of_dictionaries_are_reported(made: Any, message: str, folder: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        examined(folder, made)
