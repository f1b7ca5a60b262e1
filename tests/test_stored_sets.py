"""Stored sets: what a data set has is there again when it is opened."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qfusion import data
from qfusion.data import DataSet, Modality, importing
from qfusion.data.row_splits import Clusters
from qfusion.data.sample_content import Audio, Content, Film, Image, Series, Text
from qfusion.data.store import manifest, reading, writing
from qfusion.errors import IntegrityError, InvalidInput
from tests.support import importable
from tests.support.import_folders import folder

__all__ = ["folder"]  # a fixture
CONTENTS: dict[str, Content] = {
    "text": Text("two words", ("two", "words")),
    "title": Text("é \u2028 <b>"),
    "voice": Audio(np.linspace(-1, 1, 7, dtype=np.float32), 16_000),
    "face": Image(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)),
    "pulse": Series(np.arange(3.0), np.arange(3.0) / 2, "time in s", "beats"),
    "film": Film(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), 12.5),
}


@pytest.fixture(scope="module")
def few() -> DataSet:
    """Some samples of planted data, of which the truth is known, in clusters."""
    planted = data.load("planted")
    rows = [planted.rows(split)[:20] for split in ("train", "valid", "test")]
    found = planted.subset(np.concatenate(rows))
    labels = np.array([f"video {row // 2}" for row in range(60)])
    return replace(found, clusters=Clusters(labels, "videos"))


def test_any_data_set_can_be_stored(folder: Path, few: DataSet) -> None:
    assert writing.store_set(few, "few-opinions") == folder / "few-opinions"
    again = data.load("few-opinions")
    assert again.digest == few.digest
    assert replace(again, name=few.name).identity == few.identity
    assert (again.target, again.noise_variance) == (few.target, few.noise_variance)
    assert few.truth is not None
    assert again.truth is not None
    assert again.truth.equals(few.truth)
    assert again.clusters is not None
    assert few.clusters is not None
    assert again.clusters.labels.tolist() == few.clusters.labels.tolist()
    for mine, theirs in zip(few.modalities, again.modalities, strict=True):
        assert np.array_equal(mine.values, theirs.values)
        assert (mine.lengths is None) == (theirs.lengths is None)
    assert again.content(3)["text"] == few.content(3)["text"]
    with pytest.raises(InvalidInput, match="built-in"):
        writing.store_set(few, "planted")


def test_names_of_modalities_name_no_files(folder: Path, few: DataSet) -> None:
    first, *others = few.modalities
    odd = Modality(
        "../a/b", first.values, first.lengths, first.feature_names, first.shape, first.rate
    )
    writing.store_set(replace(few, modalities=(odd, *others), truth=None), "odd")
    assert reading.verify_imported("odd").names[0] == "../a/b"
    assert [entry.name for entry in folder.iterdir() if entry.is_dir()] == ["odd"]


def test_every_content_is_kept(tmp_path: Path, few: DataSet) -> None:
    shown = replace(few, content_of=lambda row: CONTENTS if row else {})
    writing.write_set(shown, tmp_path)
    again = reading.open_set(tmp_path)
    assert again.content(0) == {}
    found = again.content(59)
    assert list(found) == list(CONTENTS)
    for name, content in CONTENTS.items():
        assert type(found[name]) is type(content)
        for key, value in vars(content).items():
            np.testing.assert_array_equal(getattr(found[name], key), value)
    assert found["film"].frames.dtype == np.uint8


def test_contents_beyond_the_limit_are_left_out(
    tmp_path: Path, few: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_CONTENT", 2000)
    writing.write_set(replace(few, content_of=lambda _: CONTENTS), tmp_path)
    assert "film" not in reading.open_set(tmp_path).content(0)


def test_a_damaged_manifest_names_the_entry(tmp_path: Path, few: DataSet) -> None:
    writing.write_set(few, tmp_path)
    path = tmp_path / manifest.MANIFEST
    record = json.loads(path.read_text())
    for wrong, words in (
        ({"samples": "many"}, r"\(samples: Input should be a valid integer"),
        ({"format": 7}, r"written by another version of qfusion \(format 7\)"),
        ({"target": record["target"] | {"range": [2, 1]}}, r"\(target: .*low < high"),
    ):
        path.write_text(json.dumps(record | wrong))
        with pytest.raises(IntegrityError, match=words) as refused:
            manifest.read_manifest(tmp_path)
        assert str(refused.value).endswith("Open it again with `qfusion.show`.")


def test_a_set_of_version_1_0_0_opens(tmp_path: Path, folder: Path) -> None:
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "older")
    digest = data.load("older").digest
    place = folder / "older"
    record = json.loads((place / "manifest.json").read_text())
    for modality in record["modalities"]:
        if modality["sequence"]:
            (place / modality["lengths"]).rename(place / f"{modality['name']}.lengths.npy")
        del modality["lengths"], modality["double"]
    for key in ("truth", "noise_variance", "game", "clusters"):
        del record[key]
    (place / "clusters.npy").unlink(missing_ok=True)
    del record["target"]["known"]
    record |= {"tokens": False, "vocabulary": {}}
    (place / "manifest.json").write_text(json.dumps(record))
    assert reading.verify_imported("older").digest == digest
