"""Edge cases of readers and imports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import _disk_cache, data
from qfusion.data import importing, registry
from qfusion.data.row_splits import target_tenths
from qfusion.data.sources import cmu_mosi, planted
from qfusion.data.store import manifest, writing
from qfusion.data.synthetic import drawn_faces, hummed_voices, planted_editing
from qfusion.data.targets import encode_label_sets
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from tests.support import importable
from tests.support.import_folders import changed, codes, examined, folder, npz

__all__ = ["folder"]  # a fixture that pytest uses for every test


# ---- pickles


# ---- views


def test_strings_are_not_views(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    views = {"a": rng.normal(size=(30, 3)), "b": rng.normal(size=(30, 2)), "Y": np.arange(30) % 2}
    path = npz(tmp_path / "v.npz", **views, words=np.full((30, 2), "x"))
    found, _, _, left_out = importable.views_of(path)
    assert list(found) == ["a", "b"]
    assert left_out == ["Left out of `v.npz`: words (30, 2). Name views with --view NAME=VARIABLE."]
    bare = npz(tmp_path / "bare.npz", a=views["a"], b=views["b"])
    with pytest.raises(
        InvalidInput, match=r"`bare.npz` is not clear. It must hold labels .* In it: a .*, b "
    ):
        importable.views_of(bare)


# ---- what is said of a set, and kept


def test_report_text(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for part in content.values():
            part["audio"].fill(0)
            part["vision"][..., 2] = 4 * (np.arange(20) < np.array(part["vision_lengths"])[:, None])
        content["train"]["vision"][1, 0, 2] = np.nan

    found = examined(changed(tmp_path, change))
    assert (
        codes(found)["empty-modality"].words
        == "No feature ever changes: the modality carries no information."
    )
    assert codes(found)["constant"].words == "1 of 6 features never changes: vision 3."
    with pytest.raises(
        InvalidInput,
        match=r"the modality carries no information\. \(1 more errors in the report\.\) Repairs",
    ):
        found.report.require_no_errors()
    words = codes(examined(importable.tables(tmp_path / "t")))["classes"].words
    assert words == "Labels are words, taken for the names of classes: `label`."


def test_stored_set_is_not_replaced_without_consent(tmp_path: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    importing.import_set([path], "own")
    with manifest.staging_folder() as place:
        found = importing.examine_files([path], place)
        with pytest.raises(InvalidInput, match="own"):
            importing.keep_set(found, "own")
        importing.keep_set(found, "own", replace=True)


def test_unknown_labels_stay_unknown() -> None:
    found = encode_label_sets([["a"], None, [], ["b", "a"]])
    assert found.y.tolist() == [1, -1, 0, 2]
    assert found.sets == ((), (0,), (0, 1))


def test_balanced_classes_give_no_warning(tmp_path: Path) -> None:
    assert not {"uneven", "unseen-class", "rare-class"} & set(
        codes(examined(importable.tables(tmp_path / "t")))
    )


def test_empty_sequences_and_numeric_strings_are_reported(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content["train"]["audio_lengths"][3] = 0
        for part in content.values():
            del part["regression_labels"], part["annotations"]
            part["classification_labels"] = [str(each) for each in part["classification_labels"]]

    found = examined(changed(tmp_path, change))
    assert (codes(found)["empty-sequence"].severity, codes(found)["empty-sequence"].where) == (
        "warning",
        "audio",
    )
    assert found.report.target["classes"] == ["0", "2"]


def test_plain_arrays_have_numbered_features_and_progress_completes(
    tmp_path: Path,
) -> None:
    place, told = importable.tables(tmp_path / "t"), list[str]()
    np.save(place / "vision.npy", np.random.default_rng(0).normal(size=(60, 2)))
    np.save(
        place / "vision.npy",
        np.where(np.arange(120).reshape(60, 2) == 7, np.nan, np.load(place / "vision.npy")),
    )
    importing.import_set(
        [place], "plain", repair=["fill-zero"], progress=lambda done, of, words: told.append(words)
    )
    assert data.load("plain").modalities[2].feature_names == ("vision 1", "vision 2")
    assert told == ["reading", *2 * [f"examining {name}" for name in ("text", "audio", "vision")]]


def test_targets_are_split_by_deciles() -> None:
    assert (
        np.bincount(target_tenths(np.random.default_rng(0).normal(size=100))).tolist() == [10] * 10
    )
    assert target_tenths(np.array([3.0, 1.0])).tolist() == [0, 0]


def test_title_length_limit_is_inclusive(tmp_path: Path) -> None:
    title, licence = "t" * writing.MAX_TITLE, "l" * writing.MAX_LICENCE
    importing.import_set(
        [importable.write_mmsa(tmp_path / "m.pkl")], "own", title=title, licence=licence
    )
    assert (data.load("own").title, data.load("own").licence) == (title, licence)


def test_dropping_samples_keeps_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = npz(
        tmp_path / "p.npz",
        a=rng.normal(size=(60, 3)),
        seen=rng.normal(size=(60, 4, 3)),
        y=np.array(["on", "off", ""] * 20),
    )
    importing.import_set([path], "seen", repair=["make-split", "drop-unlabelled"])
    assert data.load("seen").modalities[1].shape == (4, 3)


def test_missing_set_has_no_manifest() -> None:
    with pytest.raises(NotFound, match="Imported data set 'gone' does not exist"):
        manifest.imported_manifest("gone")


# ---- the sets that come with qfusion


def test_validation_share_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cmu_mosi, "VALID_SHARE", 0.25)
    split = cmu_mosi.split_videos(np.arange(40), np.zeros(40, bool))
    assert (split == "valid").sum() == 10


def test_face_colours_and_pitch_stay_in_range() -> None:
    assert drawn_faces.lit_colour((250, 100, 255), 1.3) == (255, 130, 255)
    made, mouth = (
        planted_editing.find_recipe(data.load("planted")),
        planted_editing.CONTROLS["vision"][0],
    )
    assert (mouth.name, mouth.low) == ("mouth", -2)
    sad = [
        replace(made, faces={**made.faces, "bend": np.full_like(made.faces["bend"], bend)})
        for bend in (-0.9, -1.5)
    ]
    assert np.array_equal(
        planted_editing.replace_face(sad[0], 4, {"mouth": -1}).values,
        planted_editing.replace_face(sad[1], 4, {}).values,
    )
    power = np.random.default_rng(0).exponential(size=(400, 513))
    power[0] = np.arange(513) == 7  # 55 Hz, lower than any voice
    pitch, height = hummed_voices.autocorrelation_pitch(power, np.hanning(400), 1024)
    assert pitch[0] == pytest.approx(
        hummed_voices.PROSODY_RATE / (int(hummed_voices.PROSODY_RATE / hummed_voices.LOWEST) + 1.5)
    )
    shortest, longest = (
        int(hummed_voices.PROSODY_RATE / hummed_voices.HIGHEST),
        int(hummed_voices.PROSODY_RATE / hummed_voices.LOWEST) + 1,
    )
    assert pitch.max() <= hummed_voices.PROSODY_RATE / (shortest - 0.5) + 1e-9
    assert pitch.min() >= hummed_voices.PROSODY_RATE / (longest + 0.5) - 1e-9
    assert (height >= 0).all()


def test_feature_cache_depends_on_library_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    monkeypatch.setattr(_disk_cache, "cached_arrays", lambda name, key, make: keys.append(key))
    for version in ("2.0", "3.0", "2.0"):
        monkeypatch.setattr(np, "__version__", version)
        planted.load_features(None, 1, {"train": 3})  # type: ignore[arg-type]
    assert keys[0] == keys[2] != keys[1]


def test_files_are_downloaded_from_the_public_source_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    monkeypatch.setattr(
        registry, "download_file", lambda path, folder, address, *rest: asked.append(address)
    )
    monkeypatch.delenv("QFUSION_MOSI_URL", raising=False)
    for base in (None, "http://mirror/"):
        with pytest.raises(DataUnavailable):  # nothing has come
            registry.download("mosi", tmp_path, base_url=base)
    count = len(cmu_mosi.MOSI_FILES)
    assert asked[:count] == [file.url for file in cmu_mosi.MOSI_FILES]
    assert asked[count:] == [f"http://mirror/{file.path}" for file in cmu_mosi.MOSI_FILES]
