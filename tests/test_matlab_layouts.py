"""Published layouts of .mat files, versions 5 and 7.3: names of views and labels, orientation, sparse; malformed
and hostile 7.3 files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from qfusion.data import importing
from qfusion.data.readers import variables as mat
from qfusion.errors import InvalidInput
from tests.support import importable
from tests.support.matlab73 import savemat73

COUNT = 24
RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(COUNT, size)) * (RNG.random((COUNT, size)) < 0.6) for size in (6, 4, 9))
CLASSES = np.arange(COUNT) % 3 + 1
VIEWS = ("X", "V1..", "data", "fea", "view", "views", "Features", "x")
LABELS = ("Y", "y", "gt", "truth", "truelabel", "label", "Label", "labels", "gnd")


def cell(*views: Any) -> np.ndarray:
    made = np.empty((1, len(views)), dtype=object)
    for place, view in enumerate(views):
        made[0, place] = view
    return made


def layouts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and variables of every layout."""
    for name, label, lying, sparse in product(VIEWS, LABELS, (False, True), (False, True)):
        if name.lower() == label.lower():
            continue
        views = [view.T if lying else view for view in (A, B, C)]
        if sparse:
            views[1:] = [scipy.sparse.csc_matrix(view) for view in views[1:]]
        given = (
            {f"V{number}": view for number, view in enumerate(views, 1)}
            if name == "V1.."
            else {name: cell(*views)}
        )
        yield f"{name}-{label}-{lying}-{sparse}", {**given, label: CLASSES[:, None]}


def save5(path: Path, variables: dict[str, Any]) -> Path:
    scipy.io.savemat(path, variables)
    return path


@pytest.mark.parametrize("save", [save5, savemat73])
@pytest.mark.parametrize("label", LABELS)
def test_every_layout_is_read(save: Any, label: str, tmp_path: Path) -> None:
    seen = 0
    for number, (name, variables) in enumerate(layouts()):
        if f"-{label}-" not in name:
            continue
        found, y, classes, left_out = importable.views_of(
            save(tmp_path / f"{number}.mat", variables)
        )
        assert len(found) == 3, name
        for values, wanted in zip(found.values(), (A, B, C), strict=True):
            np.testing.assert_allclose(values, wanted, rtol=1e-6, err_msg=name)
        assert (y.tolist(), classes, left_out) == ((CLASSES - 1).tolist(), ("1", "2", "3"), [])
        seen += 1
    assert seen >= 28


LAYOUTS: dict[str, dict[str, Any]] = {
    "a struct of views": {"views": {"image": A, "text": B.T}, "gt": CLASSES[None]},
    "labels of every view": {"data": cell(A, B), "truelabel": cell(*[CLASSES[:, None]] * 2)},
    "words": {"x": cell(A, B), "Labels": cell(*[f"class {number}" for number in CLASSES])},
    "folds beside": {"fea": cell(A, B), "folds": cell(A > 0, A > 1), "gt": CLASSES[:, None]},
    "true_label": {"FEATURE": cell(A, B), "True_Label": CLASSES[:, None].astype(np.uint8)},
    "logical views": {"X": cell(A > 0, B), "Y": CLASSES[:, None] > 1},
}


@pytest.mark.parametrize("save", [save5, savemat73])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_are_read(save: Any, layout: str, tmp_path: Path) -> None:
    found, y, classes, _ = importable.views_of(save(tmp_path / "v.mat", LAYOUTS[layout]))
    assert len(found) == 2
    first, second = found.values()
    assert np.array_equal(first, (A > 0 if layout == "logical views" else A).astype(np.float32))
    assert np.array_equal(second, B.astype(np.float32))
    assert len(classes) == (2 if layout == "logical views" else 3)
    assert y[:3].tolist() == ([0, 1, 1] if layout == "logical views" else [0, 1, 2])


@pytest.mark.parametrize("save", [save5, savemat73])
def test_cells_of_other_names_are_named_by_the_caller(save: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "v.mat", {"one": cell(A, B), "two": cell(B, C), "Y": CLASSES[None]})
    with pytest.raises(
        InvalidInput, match=r"one \(cell of 2\), one\{1\} \(24, 6\).*--view 'view1=one\{1\}'"
    ):
        importable.views_of(path)


# ---- version 7.3


def test_variables_of_version_7_3_round_trip(tmp_path: Path) -> None:
    written = {
        "a": A,
        "single": B.astype(np.float32),
        "whole": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        "flag": np.array([[True, False]]),
        "z": B * 1j,
        "word": "Größe",
        "none": np.zeros((0, 3)),
        "c": cell(A, cell("x", B)),
        "s": {"one": A, "two": {"three": B}},
        "sparse": scipy.sparse.csc_matrix(A),
        "zeros": scipy.sparse.csc_matrix((5, 7)),
    }
    found = mat.read_mat(savemat73(tmp_path / "new.mat", written))
    assert set(found) == set(written)
    for name in ("a", "single", "whole", "flag", "z"):
        assert np.array_equal(found[name], written[name]), name
    assert found["word"].tolist() == ["Größe"]
    assert found["none"].size == 0
    assert found["c"].shape == (1, 2)
    assert np.array_equal(found["c"][0, 1][0, 1], B)
    assert found["c"][0, 1][0, 0].tolist() == ["x"]
    assert np.array_equal(found["s"]["two"][0, 0]["three"][0, 0], B)
    assert np.array_equal(found["sparse"].toarray(), A)
    assert found["zeros"].shape == (5, 7)


def test_hdf5_of_another_program_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.mat", "w") as file:
        file["a"], file["b"] = A, B
        file["labels"] = ["oak" if number == 1 else "ash" for number in CLASSES]
    found, _, classes, _ = importable.views_of(tmp_path / "v.mat")
    assert np.array_equal(found["b"], B.astype(np.float32))
    assert classes == ("ash", "oak")


def test_a_large_cell_and_a_set_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    path = savemat73(tmp_path / "v.mat", {"X": cell(A, B, C), "Y": CLASSES[:, None]})
    report = importing.import_set([path], "new", repair=["make-split"])
    assert report.samples == COUNT
    assert [each["shape"] for each in report.modalities] == [[COUNT, 6], [COUNT, 4], [COUNT, 9]]


def spoilt(path: Path, change: Any) -> Path:
    savemat73(path, {"X": cell(A, B), "Y": CLASSES[:, None]})
    with h5py.File(path, "r+") as file:
        change(file)
    return path


@pytest.mark.parametrize("shape", [(2**20, 2**20), (2**36, 4)])
def test_declared_hdf5_shape_allocates_no_memory(shape: tuple[int, int], tmp_path: Path) -> None:
    def declare(file: Any) -> None:
        file.create_dataset("big", shape, "f8", chunks=(1, 1024) if shape[1] > 1024 else (1024, 4))

    with pytest.raises(InvalidInput, match="needs at least"):
        mat.read_mat(spoilt(tmp_path / "v.mat", declare))


def test_hdf5_cut_short_is_refused(tmp_path: Path) -> None:
    path = savemat73(tmp_path / "v.mat", {"X": cell(A, B), "Y": CLASSES[:, None]})
    whole = path.read_bytes()
    for size in (520, 700, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(
            InvalidInput, match=r"cannot be read as a .mat file .*save it again, with `save -v7`"
        ):
            mat.read_mat(path)
