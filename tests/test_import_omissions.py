"""Imports report what they do not read: other files, columns named like times, lists beside views. Booleans,
decimals and ids in other normal forms are read correctly."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io

from qfusion import data
from qfusion.data import importing
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.examine import report
from qfusion.data.readers import multiview
from qfusion.data.staged_set import stage_set
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput

COUNT = 30
RANDOM = np.random.default_rng(8)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


def ids(words: str = "clip") -> list[str]:
    return [f"{words}{row:02d}" for row in range(COUNT)]


def write(path: Path, **columns: Any) -> None:
    """A table; a `table` of Arrow is written as it is."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        pd.DataFrame(columns).to_csv(path, index=False)


def folder_of(
    place: Path, ending: str = ".csv", labels: dict[str, Any] | None = None, **columns: Any
) -> Path:
    """Tables of one modality, `voice`, and of labels."""
    place.mkdir(exist_ok=True)
    write(place / f"voice{ending}", **{"id": ids(), "pitch": RANDOM.normal(size=COUNT), **columns})
    given = {
        "id": ids(),
        "label": ["ape", "bee", "cat"] * (COUNT // 3),
        "split": (["train"] * 4 + ["valid", "test"]) * (COUNT // 6),
        **(labels or {}),
    }
    write(place / f"labels{ending}", **given)
    return place


def examined(path: Path, **options: Any) -> report.ExaminedSet:
    with manifest.staging_folder(keep=True) as place:
        return importing.examine_files([path], place, **options)


def said(found: report.ExaminedSet, code: str) -> list[Any]:
    return [finding for finding in found.report.findings if finding.code == code]


def values(found: report.ExaminedSet) -> np.ndarray:
    return np.load(found.staged.parts[0].path)


# ---- files of a folder


@pytest.mark.parametrize("name", ["face.xlsx", "words.txt", "audio.h5.gz", "video.feather"])
def test_files_with_other_suffixes_give_a_warning(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set")
    (folder / name).write_text("something")
    (warning,) = said(examined(folder), "unread-files")
    assert warning.severity == "warning"
    assert f"Not read in folder `set`: {name}." in warning.words


def test_nested_folders_give_a_warning(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set")
    (folder / "wavs").mkdir()
    (warning,) = said(examined(folder), "unread-files")
    assert "wavs/" in warning.words


@pytest.mark.parametrize("name", ["README", "readme.txt", "LICENSE", "about.md", ".DS_Store"])
def test_non_data_files_give_no_warning(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set")
    (folder / name).write_text("something")
    assert not said(examined(folder), "unread-files")


def test_folder_without_readable_files_lists_its_contents(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("something")
    with pytest.raises(InvalidInput, match=r"but holds a\.xlsx"):
        examined(tmp_path)


# ---- columns called like times


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ["time", "frame", "Time"])
def test_a_time_of_vectors_is_a_feature(name: str, ending: str, tmp_path: Path) -> None:
    times = RANDOM.permutation(COUNT) * 0.5
    found = examined(folder_of(tmp_path / "set", ending, **{name: times}))
    (part,) = found.staged.parts
    assert part.feature_names == ("pitch", name)
    assert part.lengths is None
    assert np.allclose(values(found)[:, 1], times)
    assert f"Column `{name}` of `voice{ending}` is a feature" in said(found, "step-column")[0].words


@pytest.mark.parametrize("name", ["time", "frame", "TIME"])
def test_a_time_of_rows_that_share_an_id_orders_steps(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set")
    steps = {"id": np.repeat(ids(), 3), name: np.tile([0.1, 0.2, 0.4], COUNT)}
    write(folder / "voice.csv", **steps, pitch=RANDOM.normal(size=3 * COUNT))
    found = examined(folder)
    assert found.staged.parts[0].shape == (COUNT, 3, 1)
    assert "orders the steps" in said(found, "step-column")[0].words


def test_a_column_step_numbers_steps_in_any_case(tmp_path: Path) -> None:
    found = examined(folder_of(tmp_path / "set", step=[1] * COUNT))
    assert found.staged.parts[0].shape == (COUNT, 1, 1)


# ---- lists beside the views


def views() -> dict[str, np.ndarray]:
    return {
        "face": RANDOM.normal(size=(COUNT, 3)),
        "voice": RANDOM.normal(size=(COUNT, 2)),
        "y": np.arange(COUNT) % 3,
    }


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("age", RANDOM.integers(18, 80, COUNT)),
        ("loudness", RANDOM.normal(size=COUNT)),
        ("smiles", RANDOM.random(COUNT) > 0.5),
    ],
)
def test_list_with_one_number_per_sample_gives_a_warning(
    name: str, given: np.ndarray, tmp_path: Path
) -> None:
    np.savez(tmp_path / "views.npz", **{name: given}, **views())
    found = examined(tmp_path / "views.npz")
    (warning,) = said(found, "left-out")
    assert warning.severity == "warning"
    assert warning.words.startswith(
        f"Left out of `views.npz`: {name} ({COUNT},). Name views with --view"
    )
    assert warning.words in data.load(str(tmp_path / "views.npz")).description
    every = tuple((view, view) for view in ("face", "voice", name))
    chosen = examined(tmp_path / "views.npz", columns=ColumnChoice(modalities=every))
    assert [part.shape[1] for part in chosen.staged.parts] == [3, 2, 1]
    np.savez(tmp_path / "column.npz", **{name: given[:, None]}, **views())
    assert name in [part.name for part in examined(tmp_path / "column.npz").staged.parts]


@pytest.mark.parametrize("shape", [(COUNT, 1), (1, COUNT)])
@pytest.mark.parametrize("in_cell", [True, False])
def test_column_of_a_mat_file_gives_a_warning(
    in_cell: bool, shape: tuple[int, int], tmp_path: Path
) -> None:
    given = views()
    content: dict[str, Any] = {"Y": given["y"], "age": RANDOM.normal(size=shape)}
    if in_cell:
        cell = np.empty((1, 2), object)
        cell[0, 0], cell[0, 1] = given["face"], given["voice"]
        content["X"] = cell
    else:
        content |= {"face": given["face"], "voice": given["voice"]}
    scipy.io.savemat(tmp_path / "views.mat", content)
    (warning,) = said(examined(tmp_path / "views.mat"), "left-out")
    assert warning.severity == "warning"
    assert f"age {shape}" in warning.words


# ---- messages that say what is wrong


@pytest.mark.parametrize("row", [0, 7, COUNT - 1])
@pytest.mark.parametrize("one", [[1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_empty_list_is_reported_with_its_row(row: int, one: list[Any], tmp_path: Path) -> None:
    lists: list[Any] = [one] * COUNT
    lists[row] = None
    folder = folder_of(tmp_path / "set", ".parquet")
    write(folder / "voice.parquet", id=ids(), vector=lists)
    with pytest.raises(InvalidInput, match=rf"row {row + 1} is empty \(null\)\. Drop such rows"):
        examined(folder)


@pytest.mark.parametrize("target", ["auto", "labels"])
@pytest.mark.parametrize("label", [["joy", "fear"], [1, 2], []])
def test_lists_of_labels_are_reported(label: list[Any], target: str, tmp_path: Path) -> None:
    labels = pa.array([label] * COUNT, pa.list_(pa.string() if label != [1, 2] else pa.int64()))
    folder = folder_of(tmp_path / "set", ".parquet", {"label": labels})
    with pytest.raises(InvalidInput, match=r"`label` .* holds lists .*--target labels"):
        examined(folder, target=target)


@pytest.mark.parametrize("column", ["id", "split", "text"])
def test_lists_in_place_of_texts_are_reported(column: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", ".parquet", {column: [["a", "b"]] * COUNT})
    with pytest.raises(InvalidInput, match=rf"`{column}` .* holds lists .*Write one in each row"):
        examined(folder)


@pytest.mark.parametrize("name", ["pitch", "id", "f 0"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_repeated_column_is_reported(name: str, ending: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", ending)
    columns = ["id", "pitch", "f 0", name]
    if ending == ".parquet":
        arrays = [pa.array(ids()), *[pa.array(RANDOM.normal(size=COUNT))] * 3]
        pq.write_table(pa.Table.from_arrays(arrays, columns), folder / "voice.parquet")
    else:
        lines = [",".join(columns), *[f"{each},1,2,3" for each in ids()]]
        (folder / "voice.csv").write_text("\n".join(lines))
    with pytest.raises(InvalidInput, match=f"repeats `{name}`. Rename or drop"):
        examined(folder)


# ---- ids with separate accents


@pytest.mark.parametrize("word", ["café", "Müller", "한국", "señal"])
@pytest.mark.parametrize("decomposed", ["voice", "labels"])
def test_ids_are_joined_in_any_unicode_normal_form(
    decomposed: str, word: str, tmp_path: Path
) -> None:
    form = {"voice": "NFC", "labels": "NFC", decomposed: "NFD"}
    named = {name: [unicodedata.normalize(form[name], each) for each in ids(word)] for name in form}
    folder = folder_of(tmp_path / "set", labels={"id": named["labels"]}, id=named["voice"])
    found = examined(folder)
    assert not found.report.errors
    assert found.staged.ids.tolist() == [unicodedata.normalize("NFC", each) for each in ids(word)]
    (note,) = said(found, "unicode-ids")
    assert f"{COUNT} ids in `{decomposed}.csv`" in note.words


# ---- truth values and decimals


@pytest.mark.parametrize("words", [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_columns_of_true_and_false_are_numbers(words: tuple[str, str], tmp_path: Path) -> None:
    truth = RANDOM.random(COUNT) > 0.5
    found = examined(folder_of(tmp_path / "csv", smiles=np.where(truth, *words)))
    assert values(found)[:, 1].tolist() == truth.tolist()
    found = examined(folder_of(tmp_path / "parquet", ".parquet", smiles=truth))
    assert values(found)[:, 1].tolist() == truth.tolist()


def test_empty_boolean_is_missing(tmp_path: Path) -> None:
    cells = ["True", "", *["False"] * (COUNT - 2)]
    found = examined(folder_of(tmp_path / "set", smiles=cells))
    assert np.isnan(values(found)[1, 1])
    assert said(found, "not-finite")


@pytest.mark.parametrize("digits", [(5, 2), (18, 6), (38, 9)])
def test_decimals_are_numbers(digits: tuple[int, int], tmp_path: Path) -> None:
    numbers = [Decimal(row) / 4 for row in RANDOM.permutation(COUNT).tolist()]
    column = pa.array(numbers, pa.decimal128(*digits))
    lists = pa.array([[number, number + 1] for number in numbers], pa.list_(column.type))
    folder = folder_of(tmp_path / "set", ".parquet", {"label": column, "cost": column}, f0=column)
    found = examined(folder)
    assert values(found)[:, 1].tolist() == list(map(float, numbers))
    assert found.staged.y.tolist() == list(map(float, numbers))
    assert np.allclose(found.staged.columns["cost"], list(map(float, numbers)))
    write(folder / "voice.parquet", id=ids(), vector=lists)
    assert values(examined(folder))[:, 0].tolist() == list(map(float, numbers))


@pytest.mark.parametrize("scale", [0, 2, 9])
def test_decimal_ids_are_joined(scale: int, tmp_path: Path) -> None:
    numbers = pa.array(
        [Decimal(row) for row in range(1000, 1000 + COUNT)], pa.decimal128(20, scale)
    )
    folder = folder_of(tmp_path / "set", ".parquet", {"id": numbers}, id=list(range(1000, 1030)))
    found = examined(folder)
    assert not found.report.errors
    assert found.staged.ids[0] == "1000"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_labels_of_true_and_false_are_classes(ending: str, tmp_path: Path) -> None:
    truth = np.arange(COUNT) % 2 == 0
    found = examined(folder_of(tmp_path / "set", ending, {"label": truth}))
    assert found.staged.classes == ("False", "True")
    assert found.staged.y.tolist() == truth.tolist()


def test_arrays_of_true_and_false_are_classes(tmp_path: Path) -> None:
    for name, shape in (("a", (COUNT,)), ("b", (COUNT, 1)), ("c", (1, COUNT))):
        truth = RANDOM.random(COUNT) > 0.5
        path = tmp_path / f"{name}.npz"
        np.savez(path, **{**views(), "y": truth.reshape(shape)})
        staged = stage_set(multiview.read_multiview(path), None)
        assert staged.classes == ("False", "True")
        assert staged.y.tolist() == truth.tolist()
