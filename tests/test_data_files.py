"""Multi-view files by path, written here with SciPy and NumPy: common layouts, and damaged files."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from qfusion import data
from qfusion.cli import main
from qfusion.data import DataSet, Image, files
from qfusion.data.readers.variables import read_mat
from qfusion.errors import InvalidInput, NotFound

COUNT = 20
RNG = np.random.default_rng(0)
A, B = (
    RNG.normal(size=(COUNT, 5)).astype(np.float32),
    RNG.normal(size=(COUNT, 3)).astype(np.float32),
)
Y = np.arange(COUNT) % 2 + 1


def cell(*views: Any) -> np.ndarray:
    """A MATLAB cell, one row of views."""
    made = np.empty((1, len(views)), dtype=object)
    for at, view in enumerate(views):
        made[0, at] = view
    return made


def mat(folder: Path, compress: bool = False, **variables: Any) -> Path:
    scipy.io.savemat(folder / "views.mat", variables, do_compression=compress)
    return folder / "views.mat"


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "views.npz", **arrays)
    return folder / "views.npz"


def assert_holds(ds: DataSet, *names: str) -> None:
    """The data set has A and B under these names, and the two classes."""
    assert ds.names == names
    for modality, wanted in zip(ds.modalities, (A, B), strict=True):
        np.testing.assert_allclose(modality.values, wanted, rtol=1e-6)
    assert ds.y.tolist() == (Y - 1).tolist()
    assert ds.target.classes == ("1", "2")


# ---- layouts


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"X": cell(A, B), "Y": Y[:, None]}, ("view1", "view2")),
        ({"X": cell(A, B).T, "Y": Y[None]}, ("view1", "view2")),
        ({"X": cell(A.T, B.T), "y": Y}, ("view1", "view2")),
        ({"X": cell(A.T, B), "gt": Y.astype(float)}, ("view1", "view2")),
        (
            {"X": cell(scipy.sparse.csc_matrix(A), B.astype(np.float64)), "gnd": Y},
            ("view1", "view2"),
        ),
        ({"X": {"pixels": A, "words": B}, "Y": Y}, ("pixels", "words")),
        ({"X1": A, "X2": B.T, "Y": Y}, ("x1", "x2")),
        ({"X": cell(A, B), "Y": scipy.sparse.csc_matrix(Y[:, None])}, ("view1", "view2")),
        ({"X": cell(A, B), "truelabel": cell(Y[:, None], Y[:, None])}, ("view1", "view2")),
    ],
)
def test_layouts_of_mat_files(
    tmp_path: Path, variables: dict[str, Any], names: tuple[str, ...], compress: bool
) -> None:
    assert_holds(data.load(mat(tmp_path, compress, **variables)), *names)


@pytest.mark.parametrize("label", ["y", "Y", "labels"])
def test_npz_files(tmp_path: Path, label: str) -> None:
    ds = data.load(
        str(
            npz(
                tmp_path,
                pixels=A,
                words=B.T,
                note=np.array("from a test"),
                **{label: Y.astype(np.uint8)},
            )
        )
    )
    assert_holds(ds, "pixels", "words")
    assert (ds.name, ds.title) == ("views", "views.npz")
    assert str(tmp_path) not in ds.description + ds.source
    assert "Left out of `views.npz`: note ()." in ds.description
    assert {part: len(ds.rows(part)) for part in ("train", "valid", "test")} == {
        "train": 12,
        "valid": 2,
        "test": 6,
    }
    assert ds.ids[0] == "sample-0001"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (Y - 1, ("0", "1")),
        (Y * 10 - 25, ("-15", "-5")),
        (np.where(Y == 1, "oak", "ash"), ("ash", "oak")),
        (Y == 1, ("False", "True")),
    ],
)
def test_labels_of_any_kind_name_the_classes(
    tmp_path: Path, labels: np.ndarray, classes: tuple[str, ...]
) -> None:
    ds = data.load(npz(tmp_path, a=A, b=B, y=labels))
    assert ds.target.classes == classes
    assert [classes[label] for label in ds.y] == list(map(str, labels))


def test_strings_in_cells_are_labels(tmp_path: Path) -> None:
    ds = data.load(mat(tmp_path, X=cell(A, B), Y=cell(*["oak" if y == 1 else "ash" for y in Y])))
    assert ds.target.classes == ("ash", "oak")


def test_views_of_images_keep_their_shape_and_are_shown(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (COUNT, 6, 4), dtype=np.uint8)
    images[0, 0, :2] = 0, 255
    ds = data.load(npz(tmp_path, a=images, b=np.moveaxis(images, 0, -1), c=images[..., None], y=Y))
    assert ds.input_specs == {
        name: {"size": 24, "sequence": False, "shape": (6, 4)} for name in "abc"
    }
    assert (ds.modalities[0].values == ds.modalities[1].values).all()
    shown = ds.content(3)["a"]
    assert isinstance(shown, Image)
    np.testing.assert_array_equal(shown.pixels, images[3])


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = npz(tmp_path, a=A, b=B, y=Y)
    first = data.load(path)
    assert data.load(path) is first
    npz(tmp_path, a=A + 1, b=B, y=Y, more=np.zeros(3))
    assert data.load(path).digest != first.digest


# ---- what does not fit together

WITH_NAN = A.copy()
WITH_NAN[6, 2] = np.nan
HUGE = A.astype(np.float64)
HUGE[0, 4] = 1e300


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"X": cell(A, B)}, r"must hold labels called .* In it: X \(cell of 2\), X\{1\} \(20, 5\)"),
        ({"Y": Y}, "must hold at least two views, .* but holds 0"),
        ({"X": A, "Y": Y}, "must hold at least two views, .* but holds 1"),
        ({"X": cell(), "Y": Y}, "at least two views"),
        ({"X": np.zeros(0, dtype=[("a", object), ("b", object)]), "Y": Y}, "at least two views"),
        (
            {"X": np.array([(A, B), (A, B)], dtype=[("a", object), ("b", object)]), "Y": Y},
            "at least two views",
        ),
        ({"X": cell(A, B), "Y": {"labels": Y}}, "must be numbers or words, but have type"),
        (
            {"X": cell(A, B[:-1]), "Y": Y},
            r"View 'view2' .* must have 20 rows .* has shape \(19, 3\); all views: view1 \(20, 5\), view2",
        ),
        (
            {"X": cell(A, "word"), "Y": Y},
            "View 'view2' in `views.mat` must hold real numbers, but has type <U4",
        ),
        (
            {"X": cell(A, cell(B, B)), "Y": Y},
            "View 'view2' .* must hold real numbers, but has type object",
        ),
        (
            {"X": cell(A, B * 1j), "Y": Y},
            "View 'view2' .* must hold real numbers, but has type complex",
        ),
        ({"X": cell(A, np.zeros((COUNT, 0))), "Y": Y}, r"View 'view2' .* has shape \(20, 0\)"),
        (
            {"X": cell(WITH_NAN, B), "Y": Y},
            "view1: 1 value is NaN and 0 infinite, in 1 of 20 samples .*, view1 3",
        ),
        ({"X": cell(WITH_NAN.T, B), "Y": Y}, "view1: 1 value is NaN .* view1 3"),
        ({"X": cell(HUGE, B), "Y": Y}, "view1: 0 values are NaN and 1 infinite, .* view1 5"),
        (
            {"X": cell(A, B), "Y": np.ones((COUNT, 2))},
            r"shape \(20, 2\) must hold 0 and, in every row, one 1 .* row 1 holds \[1\.0, 1\.0\]",
        ),
        (
            {"X": cell(A, B), "Y": np.zeros((COUNT, 2, 2))},
            r"shape \(N,\), \(N, 1\) or \(1, N\), but have shape \(20, 2, 2\)",
        ),
        ({"X": cell(A, B), "Y": np.zeros((0, 0))}, "Labels .* but have shape"),
        (
            {"X": cell(A, B), "Y": np.where(Y == 1, np.nan, Y)},
            "cannot be used as it is: 10 samples have no label",
        ),
        (
            {"X": cell(A, B), "Y": np.ones(COUNT)},
            "All samples have the same target: there is nothing to predict",
        ),
        (
            {"X": cell(A, B), "Y": np.arange(COUNT) // 2},
            "20 samples have 10 classes, more than one for every three samples",
        ),
        (
            {"X": cell(A, B), "Y": cell(Y, Y[::-1])},
            "one list for all views, but are several that differ",
        ),
    ],
)
def test_inconsistent_parts_are_refused(
    tmp_path: Path, variables: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        data.load(mat(tmp_path, **variables))


def test_missing_files_and_unknown_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"views.mat does not exist\. Check the path"):
        data.load(tmp_path / "views.mat")
    (tmp_path / "views.csv").write_text("1,2\n")
    with pytest.raises(InvalidInput, match=r"`views.csv` must begin with a line of column names"):
        data.load(tmp_path / "views.csv")
    with pytest.raises(NotFound, match=r"Data set 'digitz' does not exist\. Did you mean 'digits'"):
        data.load("digitz")


# ---- files that mean harm, or are half there


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    trap = np.array([Trap(tmp_path / "sprung")] * COUNT, dtype=object)
    for arrays in (
        {"a": A, "b": trap, "y": Y},
        {"a": A, "b": B, "y": trap},
        {"a": A, "b": B, "y": Y, "extra": trap},
    ):
        with pytest.raises(
            InvalidInput, match=r"`views\.npz` must be an \.npz file with arrays.*pickle"
        ):
            data.load(npz(tmp_path, **arrays))
    np.save(tmp_path / "plain.npy", trap, allow_pickle=True)
    (tmp_path / "plain.npz").write_bytes((tmp_path / "plain.npy").read_bytes())
    with pytest.raises(InvalidInput, match=r"must be an \.npz file"):
        data.load(tmp_path / "plain.npz")
    assert not (tmp_path / "sprung").exists()


def write_npy(folder: Path, header: str, content: bytes = b"\0" * 64) -> Path:
    """A .npz file whose only array has this header."""
    padded = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "views.npz", "w") as archive:
        archive.writestr(
            "a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + content
        )
    return folder / "views.npz"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 8)}",
            "cannot be read",
        ),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-4, -8)}", "cannot be read"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (8,)}", "pickle"),
        ("__import__('os').getcwd()", "cannot be read"),
    ],
)
def test_array_headers_are_checked(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        data.load(write_npy(tmp_path, header))


def test_variables_equal_those_read_by_scipy(tmp_path: Path) -> None:
    written = {
        "a": A,
        "b": B.astype(">f8"),
        "whole": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        "flag": np.array([[True, False]]),
        "z": B * 1j,
        "word": "Größe",
        "rows": np.array(["ash", "oak "]),
        "none": np.zeros((0, 3)),
        "c": cell(A, cell("x", B)),
        "s": {"one": A, "two": {"three": B}},
        "sparse": scipy.sparse.csc_matrix(A > 0.5),
        "thin": scipy.sparse.csc_matrix(B * (B > 0) * 1j),
    }
    for compress in (False, True):
        path = mat(tmp_path, compress, **written)
        found, wanted = read_mat(path), scipy.io.loadmat(path)
        assert set(found) == set(written)
        for name in ("a", "b", "whole", "flag", "z", "word", "rows", "none"):
            np.testing.assert_array_equal(found[name], wanted[name])
        np.testing.assert_array_equal(found["c"][0, 1][0, 1], wanted["c"][0, 1][0, 1])
        np.testing.assert_array_equal(found["s"]["two"][0, 0]["three"][0, 0], B)
        np.testing.assert_array_equal(found["sparse"].toarray(), wanted["sparse"].toarray())
        np.testing.assert_array_equal(found["thin"].toarray(), wanted["thin"].toarray())


def test_files_cut_short_are_refused(tmp_path: Path) -> None:
    for path, early in (
        (mat(tmp_path, X=cell(A, B), Y=Y), (0, 100, 150)),
        (mat(tmp_path, True, X=cell(A, B), Y=Y), ()),  # its first bytes are the same
        (npz(tmp_path, a=A, b=B, y=Y), (0, 3, 100, 130, 150)),
    ):
        whole = path.read_bytes()
        for size in (*early, len(whole) // 2, len(whole) - 9):
            path.write_bytes(whole[:size])
            with pytest.raises(InvalidInput, match="views"):
                data.load(path)


def test_decompression_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "available_memory", lambda: 4 * 1024**2)
    zeros = np.zeros((COUNT, 100_000))
    for path in (mat(tmp_path, True, X=cell(zeros, B), Y=Y), tmp_path / "views.npz"):
        if path.suffix == ".npz":
            np.savez_compressed(path, a=zeros, b=B, y=Y)
        assert path.stat().st_size < 1024**2
        with pytest.raises(
            InvalidInput, match=r"needs at least .* MB of memory, but 4 MB are available"
        ):
            data.load(path)
    sparse = scipy.sparse.csc_matrix((COUNT, 100_000), dtype=float)
    with pytest.raises(
        InvalidInput, match=r"needs at least .* MB of memory, but 4 MB are available"
    ):
        data.load(mat(tmp_path, X=cell(sparse, B), Y=Y))
    assert len(data.load(mat(tmp_path, True, X=cell(A, B), Y=Y))) == COUNT


@pytest.mark.parametrize(
    "content",
    [
        b"\x89HDF\r\n\x1a\n" + bytes(600),
        b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(64),
        b"no such thing" * 20,
        bytes(400),
        b"MATLAB 5.0 MAT-file".ljust(124)
        + b"\x00\x01IM"
        + struct.pack("<II", 15, 8)
        + b"x\x9c"
        + bytes(6),
    ],
)
def test_damaged_files_are_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "views.mat").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"a .mat file of version 4 to 7.3 .*`save -v7`"):
        data.load(tmp_path / "views.mat")


def matlab4(path: Path, order: str, **variables: Any) -> Path:
    """Writes a file of version 4 as a machine of this order of bytes does, "<" or ">"."""
    content = b""
    for name, values in variables.items():
        columns = np.atleast_2d(values)
        kind = "f8", "f4", "i4", "i2", "u2", "u1"
        number = next(at for at, form in enumerate(kind) if columns.dtype == np.dtype(form))
        mark = 1000 * "<>".index(order) + 10 * number
        content += struct.pack(order + "5i", mark, *columns.shape, 0, len(name) + 1)
        content += name.encode() + b"\0"
        content += columns.astype(columns.dtype.newbyteorder(order)).tobytes(order="F")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "variables",
    [
        {"A": A, "B": B, "Y": Y},
        {"audio": B, "face_1": A, "Y": Y},
        {"Y": Y, "V2": A, "V1": np.round(B)},
    ],
)
def test_version_4_is_read_as_version_5_is(
    tmp_path: Path, variables: dict[str, np.ndarray], order: str
) -> None:
    by_name = {name: np.array(values, np.float64) for name, values in variables.items()}
    by_name["Y"] = by_name["Y"][:, None]
    old = data.load(matlab4(tmp_path / "views.mat", order, **by_name))
    new = data.load(mat(tmp_path, **by_name))
    assert [m.name for m in old.modalities] == [m.name for m in new.modalities]
    assert len(old.modalities) == 2
    for one, other in zip(old.modalities, new.modalities, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(old.y, new.y)


def test_every_kind_of_version_4_is_read(tmp_path: Path) -> None:
    written = {
        "numbers": np.array([[1.5, -2], [3, 4]]),
        "singles": np.array([[1, 2, 3]], np.float32),
        "bytes": np.array([[0], [255]], np.uint8),
        "words": np.array(["oak", "ash"]),
        "spread": scipy.sparse.coo_array(([5.0, 6.0], ([0, 2], [1, 0])), shape=(3, 2)),
        "nothing": np.zeros((0, 3)),
    }
    scipy.io.savemat(tmp_path / "kinds.mat", written, format="4")
    found = read_mat(tmp_path / "kinds.mat")
    assert list(found) == list(written)
    for name, values in written.items():
        whole = found[name].toarray() if name == "spread" else found[name]
        wanted = values.toarray() if name == "spread" else values
        np.testing.assert_array_equal(whole, wanted)


# ---- on the command line


def test_a_file_trains_and_is_explained_by_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: Any, code: int = 0) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, words)))
        assert int(ended.value.code or 0) == code
        shown = capsys.readouterr()
        return shown.err if code else json.loads(shown.out)

    path, out = mat(tmp_path, X=cell(A, B), Y=Y), tmp_path / "model"
    assert run("data", "check", path, "--json")["samples"] == {"train": 12, "valid": 2, "test": 6}
    run("train", "--data", path, "--out", out, "--set", "epochs=1", "--json")
    found = run("evaluate", "--model", out, "--data", path, "--json")
    assert (found["data"], found["n"]) == ("views", 6)
    found = run("explain", "--model", out, "--data", path, "--sample", "sample-0001", "--json")
    assert list(found["shapley"]) == ["view1", "view2"]
    assert sum(found["dividends"].values()) == pytest.approx(found["prediction"], abs=1e-9)
    refused = run("evaluate", "--model", out, code=1)
    assert "trained on a file, 'views', which is not found by its name. Add --data" in refused
    assert "none.npz does not exist" in run(
        "train", "--data", tmp_path / "none.npz", "--out", tmp_path / "other", code=1
    )
