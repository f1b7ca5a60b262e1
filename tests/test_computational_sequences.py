"""Files of the CMU Multimodal SDK: interval features are aligned to the intervals of the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.data.readers import csd
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from tests.support.command_line import assert_refused, run

__all__ = ["run"]  # a fixture
VIDEOS = {f"vid{number:02d}": 3 + number % 3 for number in range(12)}  # samples of each


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of imported sets for every test."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    return tmp_path


def write(path: Path, entries: dict[str, tuple[Any, Any]], root: str | None = "a name") -> Path:
    with h5py.File(path, "w") as file:
        place = file if root is None else file.create_group(root)
        for video, (features, intervals) in entries.items():
            place[f"data/{video}/features"] = features
            place[f"data/{video}/intervals"] = intervals
        place["metadata/description"] = b"made by a test"
    return path


def labels() -> dict[str, tuple[Any, Any]]:
    """Samples of two seconds one after the other, with scores."""
    rng = np.random.default_rng(0)
    return {
        video: (
            rng.uniform(-3, 3, (count, 1)),
            np.stack([2.0 * np.arange(count), 2.0 * np.arange(count) + 2], 1),
        )
        for video, count in VIDEOS.items()
    }


def features(size: int, rate: float, seed: int) -> dict[str, tuple[Any, Any]]:
    """Steps of every video, `rate` a second."""
    rng = np.random.default_rng(seed)
    made = {}
    for video, count in VIDEOS.items():
        steps = round(2 * count * rate)
        begins = np.arange(steps) / rate
        made[video] = rng.normal(size=(steps, size)), np.stack([begins, begins + 1 / rate], 1)
    return made


def files(folder: Path) -> tuple[dict[str, Path], Path]:
    return {
        "text": write(folder / "words.csd", features(5, 2, 1)),
        "audio": write(folder / "voice.h5", features(3, 10, 2), root=None),
    }, write(folder / "scores.csd", labels())


def test_features_are_means_over_the_intervals_of_the_labels(folder: Path) -> None:
    modalities, scores = files(folder)
    importing.import_set(
        [], "cmu", modalities=modalities, labels=scores, repair=["make-split"], convention="mosi"
    )
    kept = data.load("cmu")
    assert kept.names == ("text", "audio")
    assert len(kept) == sum(VIDEOS.values())
    assert kept.ids[:4].tolist() == ["vid00[0]", "vid00[1]", "vid00[2]", "vid01[0]"]
    assert kept.y[:3].tolist() == labels()["vid00"][0][:, 0].tolist()
    voice = features(3, 10, 2)["vid01"][0]
    np.testing.assert_allclose(kept.modalities[1].values[4], voice[20:40].mean(0), rtol=1e-5)
    assert kept.table["video"].iloc[3] == "vid01"
    assert kept.table["start"].iloc[1] == 2
    assert (kept.target.kind, kept.target.range) == ("regression", (-3, 3))


@pytest.mark.parametrize("ending", [".csd", ".h5", ".hdf5"])
def test_folder_is_read_by_file_names(ending: str, folder: Path) -> None:
    place = folder / "sequences"
    place.mkdir()
    write(place / f"audio{ending}", features(3, 5, 2))
    write(place / f"labels{ending}", labels())
    with manifest.staging_folder() as draft:
        found = importing.examine_files([place], draft)
    assert [part.name for part in found.staged.parts] == ["audio"]
    assert [each.code for each in found.report.errors] == ["no-split"]


def test_aligned_files_are_matched_by_sample(folder: Path) -> None:
    def aligned(entries: dict[str, tuple[Any, Any]], seed: int) -> dict[str, tuple[Any, Any]]:
        return {
            f"{video}[{number}]": (values[[number]], intervals[[number]])
            for video, (values, intervals) in entries.items()
            for number in range(len(values))
        }

    text = aligned({video: (np.tile(y, 4), at) for video, (y, at) in labels().items()}, 0)
    with manifest.staging_folder() as draft:
        found = importing.examine_files(
            [],
            draft,
            modalities={"text": write(folder / "t.csd", text)},
            labels=write(folder / "l.csd", aligned(labels(), 0)),
        )
        values = np.load(found.staged.parts[0].path)
    assert found.staged.ids[3] == "vid01[0]"
    np.testing.assert_allclose(values[:, 0], found.staged.y, rtol=1e-6)


@pytest.mark.parametrize("lacking", [["vid03"], ["vid00", "vid11"]])
def test_a_sample_without_a_step_lacks_the_modality(lacking: list[str], folder: Path) -> None:
    modalities, scores = files(folder)
    fewer = features(5, 2, 1)
    for video in lacking:
        fewer.pop(video)
    modalities["text"] = write(folder / "fewer.csd", fewer)
    with manifest.staging_folder() as draft:
        found = importing.examine_files([], draft, modalities=modalities, labels=scores)
    absent = next(each for each in found.report.findings if each.code == "incomplete")
    assert absent.where == "text"
    assert absent.rows is not None
    assert len(absent.rows) == sum(VIDEOS[video] for video in lacking)
    assert absent.repairs == ("drop-incomplete", "zero-incomplete")


def test_classes_and_more_columns_of_labels(folder: Path) -> None:
    modalities, _ = files(folder)
    many = {
        video: (np.concatenate([np.round(y), y, y], 1), at) for video, (y, at) in labels().items()
    }
    with manifest.staging_folder() as draft:
        found = importing.examine_files(
            [],
            draft,
            modalities=modalities,
            labels=write(folder / "many.csd", many),
            target="classification",
        )
    assert "-3" in found.staged.classes
    assert any("has 3 columns of labels" in each.words for each in found.report.findings)


@pytest.mark.parametrize(
    ("entries", "root", "message"),
    [
        (
            {"v": (np.array([b"hello"] * 2, dtype="S5"), np.zeros((2, 2)))},
            "x",
            "must hold numbers as features",
        ),
        (
            {"v": (np.zeros((3, 2)), np.zeros((2, 2)))},
            "x",
            r"features \(T, F\) and intervals \(T, 2\)",
        ),
        ({"v": (np.zeros((2, 2, 2)), np.zeros((2, 2)))}, None, r"but holds \(2, 2, 2\)"),
        ({"v": (np.zeros((2, 2)), np.zeros((2, 3)))}, "y", r"and \(2, 3\)"),
        ({}, "x", "must be a computational sequence"),
    ],
)
def test_other_layouts_are_refused(
    entries: dict[str, Any], root: str | None, message: str, folder: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        csd.read_sequence(write(folder / "f.csd", entries, root))


def test_command_line_reads_them_and_reports_missing_files(run: Any, folder: Path) -> None:
    modalities, scores = files(folder)
    named = [word for name, path in modalities.items() for word in ("--modality", f"{name}={path}")]
    told = run(
        "data",
        "import",
        *named,
        "--labels",
        scores,
        "--name",
        "cmu",
        "--repair",
        "make-split",
        "--json",
    )
    assert told.json["kept"]
    assert_refused(
        run("data", "import", modalities["text"], "--name", "alone"), "need a table of labels"
    )
    (folder / "x.csd").write_bytes(b"no such thing" * 40)
    assert_refused(
        run(
            "data",
            "import",
            "--modality",
            f"a={folder / 'x.csd'}",
            "--labels",
            scores,
            "--name",
            "x",
        ),
        "cannot be read as an HDF5 file",
    )
    (folder / "x.sav").write_bytes(b"no such thing" * 40)
    assert_refused(
        run("data", "import", folder / "x.sav", "--name", "x"),
        "Convert it, or, if it is one of these",
    )
