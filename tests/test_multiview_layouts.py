"""Variables of .mat and .npz files: views, labels, and variables that the caller names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from qfusion import data
from qfusion.data import importing
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.examine import report
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from tests.support.command_line import run

__all__ = ["run"]  # a fixture

COUNT = 30
CLASSES = np.repeat([2, 5, 7], COUNT // 3)
COLUMNS = np.repeat([0, 1, 2], COUNT // 3)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path / "imported"


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def one_hot(classes: np.ndarray = COLUMNS) -> np.ndarray:
    return np.eye(3)[classes]


def write(path: Path, **arrays: Any) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        scipy.io.savemat(path, arrays)
    return path


def cell(*views: Any) -> np.ndarray:
    made = np.empty((1, len(views)), dtype=object)
    for place, view in enumerate(views):
        made[0, place] = view
    return made


def examined(path: Path, **options: Any) -> report.ExaminedSet:
    with manifest.staging_folder() as place:
        return importing.examine_files([path], place, **options)


def modalities(found: report.ExaminedSet) -> list[str]:
    return [part.name for part in found.staged.parts]


def said(found: report.ExaminedSet, code: str) -> list[tuple[str, str]]:
    """Severity and words of the findings of a code."""
    return [(each.severity, each.words) for each in found.report.findings if each.code == code]


# ---- the order of the bytes


def sequences(order: str) -> dict[str, Any]:
    """A set of two modalities, one of sequences, with ids and a split, its arrays in an order of memory."""
    arrays = {"words": noise(COUNT, 6, 4), "sound": noise(COUNT, 5), "face": noise(COUNT, 8, 3)}
    if order == "transposed":
        arrays["sound"] = arrays["sound"].T
    elif order != "C":
        arrays = {
            name: np.asfortranarray(values) if order in ("F", name) else values
            for name, values in arrays.items()
        }
    return {
        **arrays,
        "words_lengths": np.arange(COUNT) % 6 + 1,
        "y": CLASSES,
        "ids": [f"clip-{row}" for row in range(COUNT)],
        "split": np.array(["train", "valid", "test"])[np.arange(COUNT) % 3],
    }


def report_of(path: Path) -> tuple[Any, ...]:
    found = examined(path)
    kept = [np.load(part.path) if part.path.exists() else None for part in found.staged.parts]
    return found.report.as_dict(), found.staged.ids.tolist(), found.staged.split.tolist(), kept


@pytest.mark.parametrize("order", ["F", "sound", "words", "face", "transposed"])
def test_memory_order_of_arrays_has_no_effect(order: str, tmp_path: Path) -> None:
    straight = write(tmp_path / "c.npz", **sequences("C"))
    other = write(tmp_path / "f.npz", **sequences(order))
    assert report_of(other) == report_of(straight)
    importing.import_set([straight], "straight")
    importing.import_set([other], "other")
    assert data.load("other").digest == data.load("straight").digest
    assert data.load("other").modalities[0].lengths.tolist() == (np.arange(COUNT) % 6 + 1).tolist()
    assert data.load("other").ids[4] == "clip-4"


@pytest.mark.parametrize("shape", [(6, 3), (4, 5)])
def test_arrays_taken_for_pictures_are_mentioned(shape: tuple[int, int], tmp_path: Path) -> None:
    values = noise(COUNT, *shape)
    values[::2, 0] = 0  # padded in front, if they are sequences
    arrays = {"clip": values, "b": noise(COUNT, 4), "y": CLASSES}
    (finding,) = [
        finding
        for finding in examined(write(tmp_path / "v.npz", **arrays)).report.findings
        if finding.code == "pictures"
    ]
    assert f"pictures of {shape[0]} x {shape[1]}" in finding.words
    assert "`clip_lengths` or `clip_mask`" in finding.words


@pytest.mark.parametrize("kind", [bool, np.int64, np.float32])
def test_mask_beside_sequences_gives_their_lengths(kind: Any, tmp_path: Path) -> None:
    arrays = sequences("C")
    lengths = arrays.pop("words_lengths")
    steps = np.arange(arrays["words"].shape[1])
    right = {**arrays, "words_mask": (steps < lengths[:, None]).astype(kind)}
    found = examined(write(tmp_path / "v.npz", **right))
    words = next(part for part in found.staged.parts if part.name == "words")
    assert words.lengths.tolist() == lengths.tolist()
    left = {**arrays, "words_mask": right["words_mask"][:, ::-1]}
    with pytest.raises(
        InvalidInput, match="mask of modality 'words' must be 1 for the first steps"
    ):
        examined(write(tmp_path / "v.npz", **left))


@pytest.mark.parametrize("name", ["speaker", "notes", "z"])
def test_matrix_of_strings_is_skipped_alone(name: str, tmp_path: Path) -> None:
    words = np.full((COUNT, 2), "word")
    found = examined(write(tmp_path / "w.npz", **{name: words}, **sequences("C")))
    assert modalities(found) == ["words", "sound", "face"]
    assert found.report.splits == {"train": 10, "valid": 10, "test": 10}
    assert found.staged.ids[3] == "clip-3"
    assert f"`w.npz`: {name} (30, 2)." in said(found, "left-out")[0][1]


@pytest.mark.parametrize("kind", [">i8", ">i2", ">f4", ">u4"])
def test_labels_of_another_byte_order_are_read(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "b.npz", a=noise(COUNT, 3), b=noise(COUNT, 2), y=CLASSES.astype(kind))
    assert examined(path).staged.classes == ("2", "5", "7")
    assert data.load(path).target.classes == ("2", "5", "7")


# ---- labels, and what is not clear


@pytest.mark.parametrize("ending", [".mat", ".npz"])
@pytest.mark.parametrize("lying", [False, True])
def test_one_hot_labels_are_read_as_class_numbers(ending: str, lying: bool, tmp_path: Path) -> None:
    given = one_hot()[:, [2, 1, 0]]
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 5), "y": given.T if lying else given}
    found = examined(write(tmp_path / f"v{ending}", **arrays))
    assert found.staged.classes == ("0", "1", "2")
    assert found.staged.y.tolist() == (2 - COLUMNS).tolist()
    arrays["y"] = np.where(arrays["y"] == 1, 0.5, 0)
    with pytest.raises(
        InvalidInput, match=r"must hold 0 and, in every row, one 1 .* --target labels"
    ):
        examined(write(tmp_path / f"w{ending}", **arrays))


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("ind", np.random.default_rng(5).integers(0, 2, (COUNT, 2)), "a mask"),
        ("graph", noise(COUNT, COUNT), "a graph of the samples"),
    ],
)
def test_what_may_be_no_view_is_named_by_the_caller(
    name: str, values: np.ndarray, why: str, tmp_path: Path, run: Any
) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES, name: values}
    path = write(tmp_path / "v.npz", **arrays)
    with pytest.raises(InvalidInput, match=f"`{name}` may be a view or {why}") as refused:
        examined(path)
    assert f"a (30, 4), b (30, 3), y (30,), {name} {values.shape}" in str(refused.value)
    assert "qfusion data import v.npz --name NAME --label y --view view1=a" in str(refused.value)
    named = ("--label", "y", "--view", "left=a", "--view", "right=b", "--repair", "make-split")
    run("data", "import", path, "--name", "named", *named)
    kept = data.load("named")
    assert kept.names == ("left", "right")
    assert np.array_equal(kept.modalities[1].values, arrays["b"].astype(np.float32))


def test_variables_inside_cells_and_structs_are_named(tmp_path: Path) -> None:
    place = {"who": [f"clip-{row}" for row in range(COUNT)], "part": ["train"] * COUNT}
    inside = {"views": cell(noise(COUNT, 4), noise(3, COUNT)), "kind": CLASSES, **place}
    path = write(tmp_path / "v.mat", set=inside)
    with pytest.raises(InvalidInput, match=r"set\.views\{2\} \(3, 30\).*--label set\.kind"):
        examined(path)
    choice = ColumnChoice(
        "set.kind", ("set.who",), "set.part", (("a", "set.views{1}"), ("b", "set.views{2}"))
    )
    found = examined(path, columns=choice)
    assert [(part.name, part.shape) for part in found.staged.parts] == [
        ("a", (COUNT, 4)),
        ("b", (COUNT, 3)),
    ]
    assert found.staged.classes == ("2", "5", "7")
    assert found.staged.ids[4] == "clip-4"
    assert found.report.splits["train"] == COUNT
    with pytest.raises(InvalidInput, match=r"--view names `set\.views\{3\}`, which is not there"):
        examined(path, columns=replace(choice, modalities=(("a", "set.views{3}"),)))


def test_other_variables_are_left_out_and_named(tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES, "centres": noise(3, 4)}
    for ending in (".mat", ".npz"):
        found = examined(write(tmp_path / f"v{ending}", **arrays))
        assert modalities(found) == ["a", "b"]
        assert "centres (3, 4). Name views with --view" in said(found, "left-out")[0][1]
