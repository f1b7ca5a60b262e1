"""Roles of variables in .mat and .npz files: views, labels, and variables that are never views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from qfusion import data
from qfusion.data import (
    import_report,
    import_store,
    importing,
)
from qfusion.errors import InvalidInput

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


def examined(path: Path, **options: Any) -> import_report.ExaminedSet:
    with import_store.staging_folder() as place:
        return importing.examine_files([path], place, **options)


def modalities(found: import_report.ExaminedSet) -> list[str]:
    return [part.name for part in found.staged.parts]


def said(found: import_report.ExaminedSet, code: str) -> list[tuple[str, str]]:
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
    assert not [finding for finding in found.report.findings if finding.code == "no-view"]
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
    assert said(found, "no-view") == [
        (
            "warning",
            f"`{name}` holds words, so it is left out. Correct it, or rename it if it is a modality.",
        )
    ]


@pytest.mark.parametrize("kind", [">i8", ">i2", ">f4", ">u4"])
def test_labels_of_another_byte_order_are_read(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "b.npz", a=noise(COUNT, 3), b=noise(COUNT, 2), y=CLASSES.astype(kind))
    assert examined(path).staged.classes == ("2", "5", "7")
    assert data.load(path).target.classes == ("2", "5", "7")


# ---- what repeats the labels


CODES: dict[str, np.ndarray] = {
    "one_hot": one_hot(),
    "other_columns": one_hot()[:, [2, 0, 1]],
    "signs": 2 * one_hot() - 1,
    "lying": one_hot().T,
    "numbers": np.stack([CLASSES, 10 * CLASSES], 1),
    "groups": np.stack([COLUMNS == 0, COLUMNS > 0], 1).astype(np.uint8),
    "embedded": noise(3, 5)[COLUMNS],
}


@pytest.mark.parametrize("ending", [".mat", ".npz"])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", ["Z", "label", "pattern"])
def test_variables_derived_from_labels_are_not_views(
    ending: str, code: str, name: str, tmp_path: Path
) -> None:
    arrays = {"X1": noise(COUNT, 4), "X2": noise(COUNT, 3), "gt": CLASSES, name: CODES[code]}
    path = write(tmp_path / f"v{ending}", **arrays)
    found = examined(path)
    assert modalities(found) == ["x1", "x2"]
    assert ("note", f"`{name}` holds the labels once more, so it is left out.") in said(
        found, "no-view"
    )
    assert data.load(path).names == ("x1", "x2")


def test_cell_of_views_contains_no_labels(tmp_path: Path) -> None:
    views = cell(noise(COUNT, 4), one_hot(), noise(COUNT, 3))
    found = examined(write(tmp_path / "v.mat", data=views, truth=CLASSES))
    assert modalities(found) == ["view1", "view3"]


@pytest.mark.parametrize("name", ["labels", "Target", "y_onehot", "Label_2"])
def test_variables_named_like_labels_are_not_views(name: str, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "Y": CLASSES, name: noise(COUNT, 6)}
    found = examined(write(tmp_path / "v.mat", **arrays))
    assert modalities(found) == ["a", "b"]
    assert said(found, "no-view")[0][0] == "warning"
    assert f"`{name}` is called like labels" in said(found, "no-view")[0][1]


@pytest.mark.parametrize(
    "copy",
    [
        lambda y: y[:, None],
        lambda y: np.stack([y, -3 * y + 1], 1),
        lambda y: np.stack([np.ones(COUNT), y], 1),
        lambda y: y.astype(np.float64)[None] * 2,
    ],
)
def test_repeated_scores_are_not_a_view(copy: Any, tmp_path: Path) -> None:
    y = noise(COUNT)
    found = examined(write(tmp_path / "v.npz", a=noise(COUNT, 4), again=copy(y), y=y))
    assert modalities(found) == ["a"]
    assert found.staged.classes == ()


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


# ---- masks of views, folds, graphs


MASK = np.random.default_rng(5).random((COUNT, 2)) < 0.7


@pytest.mark.parametrize("ending", [".mat", ".npz"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ind", MASK.astype(np.uint8)),
        ("Mask", MASK.astype(float).T),
        ("view_mask", MASK),
        ("missing", 1 - MASK),
        ("available", MASK.astype(np.int32)),
    ],
)
def test_mask_marks_missing_modalities(ending: str, name: str, values: Any, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES, name: values}
    path = write(tmp_path / f"v{ending}", **arrays)
    found = examined(path)
    assert modalities(found) == ["a", "b"]
    missing = {
        each.where: each.rows.tolist()
        for each in found.report.findings
        if each.code == "incomplete" and each.rows is not None
    }
    assert missing == {
        name: np.flatnonzero(~MASK[:, place]).tolist() for place, name in enumerate("ab")
    }
    with pytest.raises(InvalidInput, match="samples lack this modality"):
        data.load(path)
    importing.import_set([path], "zeros", repair=["make-split", "zero-incomplete"])
    kept = data.load("zeros")
    assert not kept.modalities[0].values[~MASK[:, 0]].any()
    assert np.array_equal(
        kept.modalities[1].values[MASK[:, 1]], arrays["b"][MASK[:, 1]].astype(np.float32)
    )
    importing.import_set([path], "fewer", repair=["make-split", "drop-incomplete"])
    assert len(data.load("fewer")) == MASK.all(1).sum()


@pytest.mark.parametrize("name", ["ind", "w", "pairs"])
def test_mask_is_recognised_with_a_cell_or_three_views(name: str, tmp_path: Path) -> None:
    views = noise(COUNT, 4), noise(COUNT, 3), noise(COUNT, 6)
    mask = np.random.default_rng(7).random((COUNT, 3)) < 0.7
    in_cell = examined(write(tmp_path / "c.mat", fea=cell(*views), gt=CLASSES, **{name: mask}))
    assert modalities(in_cell) == ["view1", "view2", "view3"]
    alone = dict(zip(("p", "q", "r"), views, strict=True))
    loose = examined(write(tmp_path / "l.npz", **alone, y=CLASSES, **{name: mask}))
    assert modalities(loose) == ["p", "q", "r"]
    for found in (in_cell, loose):
        assert len(said(found, "incomplete")) == 3


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("folds", np.random.default_rng(0).integers(1, 6, (COUNT, 10))),
        ("train_idx", np.random.default_rng(0).integers(0, 2, (COUNT, 5))),
        ("order", np.stack([np.random.default_rng(k).permutation(COUNT) + 1 for k in range(4)], 1)),
        ("perm", np.stack([np.random.default_rng(k).permutation(COUNT) for k in range(4)])),
        ("number", np.arange(1, COUNT + 1)[:, None]),
    ],
)
def test_folds_and_sample_numbers_are_not_views(name: str, values: Any, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES, name: values}
    for ending in (".mat", ".npz"):
        assert modalities(examined(write(tmp_path / f"v{ending}", **arrays))) == ["a", "b"]


def kernel() -> np.ndarray:
    return noise(COUNT, 4) @ noise(COUNT, 4).T


def neighbours() -> np.ndarray:
    """A graph that is not symmetric: every sample points to two others."""
    graph = np.zeros((COUNT, COUNT))
    for row in range(COUNT):
        graph[row, [(row + 3) % COUNT, (row + 7) % COUNT]] = 1
    return graph


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("A", (kernel() > 0).astype(float)),
        ("K", kernel()),
        ("W", scipy.sparse.csc_matrix(neighbours())),
        ("adjacency", noise(COUNT, COUNT)),
        ("S", np.exp(-np.abs(kernel())) * (1 - np.eye(COUNT)) + np.eye(COUNT)),
    ],
)
def test_graphs_are_not_views(name: str, values: Any, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES, name: values}
    found = examined(write(tmp_path / "v.mat", **arrays))
    assert modalities(found) == ["a", "b"]
    assert "as a graph does" in said(found, "no-view")[0][1]
    assert said(found, "no-view")[0][0] == "warning"


def test_kernels_are_views_where_nothing_else_exists(tmp_path: Path) -> None:
    found = examined(write(tmp_path / "v.mat", one=kernel(), two=kernel() ** 2, Y=CLASSES))
    assert modalities(found) == ["one", "two"]
    assert said(found, "graphs")[0][0] == "warning"
    found = examined(write(tmp_path / "v.mat", X=cell(kernel(), kernel() ** 2), Y=CLASSES))
    assert modalities(found) == ["view1", "view2"]


# ---- views that resemble what is none


@pytest.mark.parametrize(
    "values",
    [
        (noise(COUNT, 40) > 1).astype(np.uint8),  # a bag of words
        (noise(COUNT, 2) > 0).astype(float),  # two yes or no
        noise(COUNT, COUNT),  # as many features as samples
        (noise(COUNT, COUNT) > 1.5).astype(float),
        np.random.default_rng(3).integers(0, COUNT, (COUNT, 6)),
        np.eye(4)[np.arange(COUNT) % 4],  # one-hot, of something else
    ],
)
def test_ordinary_views_are_accepted(values: np.ndarray, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 7), "c": noise(COUNT, 3), "view": values}
    for ending in (".mat", ".npz"):
        found = examined(write(tmp_path / f"v{ending}", **arrays, y=CLASSES))
        assert modalities(found) == ["a", "b", "c", "view"]


@pytest.mark.parametrize("ending", [".mat", ".npz"])
def test_unmatched_matrix_warns_and_nearly_matched_one_fails(ending: str, tmp_path: Path) -> None:
    arrays = {"a": noise(COUNT, 4), "b": noise(COUNT, 3), "y": CLASSES}
    found = examined(write(tmp_path / f"v{ending}", **arrays, centres=noise(3, 4)))
    assert modalities(found) == ["a", "b"]
    assert (
        "`centres` of shape (3, 4) has neither 30 rows nor 30 columns"
        in said(found, "no-view")[0][1]
    )
    assert said(found, "no-view")[0][0] == "warning"
    path = write(tmp_path / f"w{ending}", **arrays, depth=noise(COUNT - 1, 6))
    with pytest.raises(InvalidInput, match=r"View 'depth' .* must have 30 rows .* \(29, 6\)"):
        examined(path)
