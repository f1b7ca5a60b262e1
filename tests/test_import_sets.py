"""Imports: findings of the report, repairs only on request, and complete sets or none."""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io

from qfusion import cli, data
from qfusion.data import importing, staged_set
from qfusion.data.parsing import clean_text, make_modality_name
from qfusion.data.store import manifest, reading, writing
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput, NotFound
from qfusion.runs import run_training
from tests.support import importable
from tests.support.command_line import Result, assert_refused, run
from tests.support.import_folders import changed, codes, examined, folder, npz

__all__ = ["folder", "run"]  # fixtures
FORK = multiprocessing.get_context("fork")


def copy_sample(content: Any, to: tuple[str, int], source: tuple[str, int], *keys: str) -> None:
    for key in keys or ("text", "audio", "vision", "text_bert", "audio_lengths", "vision_lengths"):
        content[to[0]][key][to[1]] = content[source[0]][key][source[1]]


# ---- what the report finds, and its repairs


def test_clean_set_has_no_findings(tmp_path: Path) -> None:
    found = examined(importable.write_mmsa(tmp_path / "m.pkl"))
    assert {each.severity for each in found.report.findings} == {"note"}
    assert found.report.splits == importable.COUNTS
    assert found.report.as_dict()["can_be_kept"]
    assert found.report.repairs == []


def test_non_finite_values_need_an_agreed_repair(
    tmp_path: Path,
) -> None:
    def change(content: Any) -> None:
        content["train"]["audio"][2, 0, 1] = -np.inf
        content["test"]["audio"][1, :2, 3] = np.nan
        content["test"]["audio_lengths"][1] = 2

    path = changed(tmp_path, change)
    found = codes(examined(path))["not-finite"]
    assert (found.severity, found.where) == ("error", "audio")
    assert (
        "2 values are NaN and 1 infinite, in 2 of 70 samples and 2 of 5 features, most in audio 4, audio 2"
        in found.words
    )
    with pytest.raises(
        InvalidInput,
        match=r"cannot be imported as it is: audio: 2 values are NaN .* agree to: fill-median, fill-zero, "
        r"drop-not-finite",
    ):
        importing.import_set([path], "m")
    assert data.names()[-1] != "m"
    clean = importable.mmsa()
    training = clean["train"]["audio"]
    mask = np.arange(30) < np.array(clean["train"]["audio_lengths"])[:, None]
    mask[2, 0] = False
    importing.import_set([path], "median", repair=["fill-median"])
    kept = data.load("median")
    assert kept.modalities[1].values[2, 0, 1] == np.median(training[mask][:, 1])
    assert "fill-median: 3 values of audio" in kept.description
    importing.import_set([path], "zero", repair=["fill-zero"])
    assert data.load("zero").modalities[1].values[2, 0, 1] == 0
    importing.import_set([path], "dropped", repair=["drop-not-finite"])
    assert len(data.load("dropped")) == 68
    assert manifest.imported_manifest("dropped").repairs == ["drop-not-finite: 2 samples left out"]


def test_constant_columns_are_reported_and_can_be_dropped(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for part in content.values():
            part["vision"][..., 2] = 0
            part["vision"][..., 4] = 7 * (np.arange(20) < np.array(part["vision_lengths"])[:, None])

    path = changed(tmp_path, change)
    found = codes(examined(path))["constant"]
    assert found.words.startswith(
        "2 of 6 features never change, 1 of them zeros only: vision 3, vision 5"
    )
    importing.import_set([path], "as-is")
    assert data.load("as-is").modalities[2].size == 6
    importing.import_set([path], "fewer", repair=["drop-constant"])
    assert data.load("fewer").modalities[2].feature_names == (
        "vision 1",
        "vision 2",
        "vision 4",
        "vision 6",
    )


def test_empty_modality_is_an_error_and_can_be_dropped(tmp_path: Path) -> None:
    path = changed(tmp_path, lambda content: [part["audio"].fill(0) for part in content.values()])
    assert codes(examined(path))["empty-modality"].severity == "error"
    importing.import_set([path], "two", repair=["drop-constant"])
    assert data.load("two").names == ("text", "vision")


def test_equal_rows_of_few_answers_are_noted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, (2, 400, 3)).astype(float)
    split = np.repeat(["train", "valid", "test"], [240, 60, 100])
    np.savez(tmp_path / "set.npz", a=first, b=second, y=rng.integers(0, 2, 400), split=split)
    found = codes(examined(tmp_path / "set.npz"))
    assert [found[one].severity for one in ("leak-sample", "duplicate-sample")] == ["note"] * 2
    assert "few different samples occur at all" in found["leak-sample"].words


def test_duplicates_and_leaks_are_found_and_can_be_dropped(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        copy_sample(content, ("train", 3), ("test", 5))  # the same sample in two parts
        copy_sample(content, ("valid", 1), ("test", 6))
        copy_sample(content, ("train", 9), ("train", 8))  # twice in one part
        copy_sample(
            content, ("train", 11), ("test", 7), "audio", "audio_lengths"
        )  # one modality only
        content["train"]["id"][12] = content["test"]["id"][0]  # the same id
        content["train"]["id"][14] = content["train"]["id"][13]

    path = changed(tmp_path, change)
    found = codes(examined(path))
    ids = importable.mmsa()["train"]["id"]
    assert found["leak-sample"].rows.tolist() == [3, 41]
    assert ids[3] in found["leak-sample"].words
    assert found["duplicate-sample"].rows.tolist() == [9]
    assert (found["leak-row"].where, found["leak-row"].severity) == ("audio", "warning")
    assert found["leak-row"].words.startswith("1 sample shares")
    assert (found["leak-id"].severity, found["leak-id"].rows.tolist()) == ("error", [12])
    assert (found["duplicate-id"].severity, found["duplicate-id"].rows.tolist()) == ("error", [14])
    importing.import_set([path], "clean", repair=["drop-leaking", "drop-duplicates"])
    kept = data.load("clean")
    gone = {ids[3], ids[9], ids[14], importable.mmsa()["valid"]["id"][1]}
    assert gone.isdisjoint(kept.ids.tolist())
    assert len(kept) == 70 - 5
    assert [len(kept.rows(split)) for split in ("train", "valid", "test")] == [36, 9, 20]
    importing.import_set([path], "renamed", repair=["rename-ids"])
    assert len(data.load("renamed")) == 70


def test_missing_split_is_created_only_on_request(tmp_path: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl", counts={"train": 60, "valid": 0, "test": 20})
    assert "would be drawn from the training samples" in codes(examined(path))["empty-split"].words
    importing.import_set([path], "drawn", repair=["make-split"])
    kept = data.load("drawn")
    test = importable.mmsa(counts={"train": 60, "valid": 0, "test": 20})["test"]["id"]
    assert kept.ids[kept.rows("test")].tolist() == test
    assert 0 < len(kept.rows("valid")) < 20
    importing.import_set([path], "again", repair=["make-split"])
    assert data.load("again").digest == kept.digest


def test_targets_that_are_missing_or_all_the_same(tmp_path: Path) -> None:
    path = changed(
        tmp_path, lambda content: content["train"]["regression_labels"].__setitem__(4, np.nan)
    )
    assert codes(examined(path))["no-target"].rows.tolist() == [4]
    importing.import_set([path], "labelled", repair=["drop-unlabelled"])
    assert len(data.load("labelled")) == 69
    path = changed(
        tmp_path, lambda content: [part["regression_labels"].fill(1) for part in content.values()]
    )
    assert codes(examined(path))["one-target"].severity == "error"


def test_labels_as_words_rare_classes_and_balance(tmp_path: Path) -> None:
    labels = ["often"] * 57 + ["rare", "twice", "twice"]
    place = importable.tables(tmp_path / "t", label=labels)
    found = examined(place)
    assert found.report.target["classes"] == ["often", "rare", "twice"]
    assert found.report.target["samples"] == [57, 1, 2]
    assert "Labels are words" in codes(found)["classes"].words
    assert "2 of 3 classes have fewer than 3 samples" in codes(found)["rare-class"].words
    assert "Training never sees 2 classes" in codes(found)["unseen-class"].words
    assert codes(found)["uneven"].words.startswith("95.0%")
    importing.import_set(
        [importable.tables(tmp_path / "u", label=["a"] * 30 + ["b"] * 29 + ["rare"])],
        "kept",
        repair=["drop-rare"],
    )
    assert data.load("kept").target.classes == ("a", "b")


# ---- tables


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_are_joined_by_id_in_any_order(tmp_path: Path, suffix: str) -> None:
    place = importable.tables(tmp_path / "t", suffix=suffix)
    straight = importing.import_set([place], "straight")
    assert straight.splits == {"train": 36, "valid": 12, "test": 12}
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    importable.write_table(
        read(place / f"audio{suffix}").sample(frac=1, random_state=0), place / f"audio{suffix}"
    )
    importing.import_set([place], "shuffled")
    assert data.load("shuffled").digest == data.load("straight").digest
    kept = data.load("straight")
    assert kept.names == ("text", "audio")
    assert kept.modalities[1].feature_names == ("audio 0", "audio 1", "audio 2")
    assert kept.target.classes == ("high", "low", "mid")
    assert kept.content(3) == {"text": data.Text("said s003")}


def test_sequences_have_a_step_column(tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t")
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 7, 60)
    rows = [
        (f"s{row:03d}", step, *rng.normal(size=2))
        for row in range(60)
        for step in range(lengths[row])
    ]
    frame = pd.DataFrame(rows, columns=["id", "step", "pitch", "energy"])
    importable.write_table(frame, place / "audio.csv")
    importing.import_set([place], "steps")
    audio = data.load("steps").modalities[1]
    assert audio.lengths.tolist() == lengths.tolist()
    assert audio.values[5, : lengths[5]] == pytest.approx(
        frame[frame["id"] == "s005"][["pitch", "energy"]].to_numpy(), rel=1e-6
    )
    importable.write_table(frame.iloc[::-1], place / "audio.csv")
    with pytest.raises(
        InvalidInput, match=r"Column `step` of `audio.csv` must rise within every id"
    ):
        importing.import_set([place], "never")


def test_samples_without_a_modality(tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t")
    frame = pd.read_csv(place / "audio.csv")
    frame.loc[0, "id"] = "unknown"
    importable.write_table(frame.iloc[:-2], place / "audio.csv")
    found = codes(examined(place))
    assert found["incomplete"].rows.tolist() == [0, 58, 59]
    assert "1 row" in found["unknown-ids"].words or "1 rows" in found["unknown-ids"].words
    importing.import_set([place], "complete", repair=["drop-incomplete"])
    assert len(data.load("complete")) == 57
    importing.import_set([place], "zeros", repair=["zero-incomplete"])
    assert not data.load("zeros").modalities[1].values[[0, 58, 59]].any()


def test_plain_arrays_and_lists_in_parquet(tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t")
    values = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    np.save(place / "vision.npy", values)
    (place / "audio.csv").unlink()
    importable.write_table(
        pd.DataFrame({"id": [f"s{i:03d}" for i in range(60)], "vector": values.tolist()}),
        place / "audio.parquet",
    )
    importing.import_set([place], "lists")
    kept = data.load("lists")
    assert kept.names == ("text", "audio", "vision")
    assert np.array_equal(kept.modalities[1].values, values)
    assert np.array_equal(kept.modalities[2].values, values)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "labels.csv").unlink(), "need a table of labels"),
        (
            lambda p: (p / "text.csv").write_text("id,a\ns000,x\n"),
            "these hold words: `a`, such as 'x'",
        ),
        (lambda p: (p / "text.csv").write_text("a,b\n1,2\n"), "must have a column `id`"),
        (lambda p: (p / "text.csv").write_bytes(b"\xff\xfe\x00bad"), "cannot be read"),
        (
            lambda p: (p / "text.csv").write_text(""),
            "must begin with a line of distinct column names",
        ),
        (
            lambda p: (p / "text.parquet").write_bytes(b"PAR1 nonsense"),
            "must have one table, but has two",
        ),
        (lambda p: (p / "text.csv").rename(p / "text.parquet"), "cannot be read"),
        (lambda p: np.save(p / "vision.npy", np.zeros((3, 2))), "must hold numbers of shape"),
        (
            lambda p: np.save(p / "vision.npy", np.array([{}] * 60), allow_pickle=True),
            "cannot be read as a NumPy array of numbers",
        ),
        (
            lambda p: (p / "labels.csv").write_text("id,label,split\ns000,1,dev2\n"),
            "must hold train, valid or test",
        ),
        (
            lambda p: (p / "labels.csv").write_text("id,other\ns000,1\n"),
            "must have a column `label`",
        ),
        (
            lambda p: (p / "labels.csv").write_text("id,label\n"),
            "must have a row a sample, but has none",
        ),
        (
            lambda p: (p / "text.csv").write_text((p / "text.csv").read_text() + "s000,1,2,3,4\n"),
            "must have one row a sample, but has 2 of 's000'",
        ),
    ],
)
def test_incompatible_tables_are_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    place = importable.tables(tmp_path / "t")
    spoil(place)
    with pytest.raises((InvalidInput, NotFound), match=message):
        importing.import_set([place], "never")
    assert list(manifest.imported_root().iterdir()) == []


def labels_of_cells(path: Path, word: str) -> Path:
    cells = np.array([["a", "b", word] * 20], dtype=object)
    scipy.io.savemat(path, {"v1": np.eye(60)[:, :7], "v2": np.eye(60)[:, 7:], "y": cells})
    return path


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (
            lambda p, word: importable.tables(
                p / "t", id=[word] + [f"s{i:03d}" for i in range(59)]
            ),
            "Ids in `labels.csv`",
        ),
        (
            lambda p, word: changed(p, lambda c: c["train"].update(id=[word] * 40)),
            "Ids in `m.pkl`",
        ),
        (
            lambda p, word: npz(p / "m.npz", v=np.eye(60), y=np.arange(60), ids=[word] * 60),
            "Words of `ids` in `m.npz`",
        ),
        (lambda p, word: labels_of_cells(p / "m.mat", word), "Labels in `m.mat`"),
    ],
)
def test_ids_and_labels_have_at_most_500_characters(write: Any, what: str, tmp_path: Path) -> None:
    examined(write(tmp_path, "x" * 500))
    with pytest.raises(InvalidInput, match=f"{what} must have at most 500 characters, .* has 501"):
        examined(write(tmp_path, "x" * 501))


@pytest.mark.parametrize(
    "columns",
    [
        {"label": ["1"] * 59 + ["2.5"]},
        {"age": [1] * 59 + ["about 7"]},
        {"note": [""] * 59 + ["late"]},
    ],
)
def test_a_column_may_change_its_kind_far_down(columns: Any, tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t", text=["said " * 40_000] * 60, **columns)
    assert (place / "labels.csv").stat().st_size > 1 << 23
    staged = examined(place).staged
    if "label" in columns:
        assert staged.y.tolist() == [1] * 59 + [2.5]
    else:
        assert staged.columns[next(iter(columns))].tolist() == [
            str(value) for value in columns[next(iter(columns))]
        ]


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2]])
@pytest.mark.parametrize("column", ["label", "label_text"])
def test_labels_with_several_values_are_reported(column: str, value: Any, tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t", suffix=".parquet", **{column: [value] * 60})
    with pytest.raises(InvalidInput, match=f"Column `{column}` .* one word or number in every row"):
        examined(place)


def test_npz_in_pieces_equals_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qfusion.data.array_chunks.BYTES", 1 << 10)  # a few rows at a time
    rng = np.random.default_rng(0)
    a, picture, walk = (
        rng.normal(size=(60, 7)),
        rng.normal(size=(60, 4, 3)),
        rng.normal(size=(60, 5, 2)),
    )
    lengths = rng.integers(1, 6, 60)
    path = npz(
        tmp_path / "views.npz",
        a=a,
        picture=picture,
        walk=walk,
        walk_lengths=lengths,
        y=np.arange(60) % 3,
        ids=[f"i{n}" for n in range(60)],
    )
    with pytest.raises(InvalidInput, match=r"There is no split .* agree to: make-split"):
        importing.import_set([path], "never")
    importing.import_set([path], "views", repair=["make-split"])
    kept = data.load("views")
    assert np.array_equal(kept.modalities[0].values, a.astype(np.float32))
    assert kept.modalities[1].shape == (4, 3)
    assert np.array_equal(kept.modalities[2].lengths, lengths)
    assert replace(kept, name="other").digest == kept.digest  # checked and worked out anew
    assert reading.verify_imported("views").digest == kept.digest
    shares = [len(kept.rows(split)) for split in ("train", "valid", "test")]
    assert shares == [36, 6, 18]


def test_npz_of_amounts_is_a_regression_and_mat_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = npz(
        tmp_path / "amounts.npz",
        a=rng.normal(size=(50, 3)),
        b=rng.normal(size=(50, 2)),
        y=rng.normal(size=50),
    )
    importing.import_set([path], "amounts", repair=["make-split"])
    assert data.load("amounts").target.kind == "regression"
    views = np.empty((1, 2), dtype=object)
    views[0, 0], views[0, 1] = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    views[0, 0][4, 1] = np.nan
    scipy.io.savemat(tmp_path / "v.mat", {"X": views, "Y": np.arange(50)[:, None] % 2 + 1})
    assert codes(examined(tmp_path / "v.mat"))["not-finite"].where == "view1"
    importing.import_set([tmp_path / "v.mat"], "mat", repair=["make-split", "drop-not-finite"])
    assert (len(data.load("mat")), data.load("mat").target.classes) == (49, ("1", "2"))


def test_other_arrays_of_a_npz_are_reported(tmp_path: Path) -> None:
    a = np.random.default_rng(0).normal(size=(30, 3))
    a[4, 1] = 1e300
    path = npz(tmp_path / "v.npz", a=a, y=np.array(["on ", "off", ""] * 10), other=np.arange(3))
    found = codes(examined(path))
    assert (
        found["left-out"].words
        == "Left out of `v.npz`: other (3,). Name views with --view NAME=VARIABLE."
    )
    assert found["classes"].words == "Labels are words, taken for the names of classes: `y`."
    assert (
        found["too-large"].words
        == "1 values are too large for single precision and count as infinite."
    )
    importing.import_set([path], "words", repair=["make-split", "fill-zero", "drop-unlabelled"])
    assert data.load("words").target.classes == ("off", "on")
    assert len(data.load("words")) == 20
    with pytest.raises(InvalidInput, match="must hold numbers for a regression"):
        importing.import_set([path], "never", target="regression")


def test_tables_of_amounts_labels_of_one_modality_and_other_columns(tmp_path: Path) -> None:
    amounts = np.round(np.random.default_rng(0).normal(size=60), 3)
    place = importable.tables(
        tmp_path / "t",
        suffix=".parquet",
        label=amounts,
        label_text=amounts / 2,
        split=None,
        age=np.arange(60),
        bag=[[1, 2]] * 60,
        of=pd.Categorical(["x", "y"] * 30),
    )
    found = codes(examined(place))
    assert found["unimodal"].words == "Targets of single modalities are kept: text."
    assert found["left-out"].words.startswith(
        "1 columns of `labels.parquet` hold neither numbers, words nor dates"
    )
    assert found["no-split"].severity == "error"
    importing.import_set([place], "amounts", repair=["make-split"])
    kept = data.load("amounts")
    assert (kept.target.kind, kept.target.range) == ("regression", None)
    assert kept.unimodal["text"].to_numpy() == pytest.approx(amounts / 2)
    assert kept.table["age"].tolist() == list(range(60))
    assert kept.table["of"].tolist() == ["x", "y"] * 30
    assert "bag" not in kept.table


def test_integers_are_classes_by_default(tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t", label=np.arange(60) % 3)
    assert "3 different whole numbers, taken for classes" in codes(examined(place))["classes"].words
    assert "classes" not in codes(examined(place, target="classification"))
    for target, kind in (
        ("auto", "classification"),
        ("classification", "classification"),
        ("regression", "regression"),
    ):
        importing.import_set([place], f"as-{target}", target=target)
        assert data.load(f"as-{target}").target.kind == kind


LONG = (9007199254740992, 9007199254740993, -1234567890123456789)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".pkl", ".npz"])
def test_whole_numbers_beyond_doubles_keep_their_digits(suffix: str, tmp_path: Path) -> None:
    labels = [LONG[row % 3] for row in range(60)]
    if suffix == ".pkl":
        content = importable.mmsa()
        for part in content.values():
            del part["regression_labels"], part["annotations"]
            part["classification_labels"] = labels[: len(part["id"])]
        path = importable.write_mmsa(tmp_path / "m.pkl", content)
    elif suffix == ".npz":
        rng = np.random.default_rng(0)
        views = {name: rng.normal(size=(60, 3)) for name in ("a", "b")}
        path = npz(tmp_path / "v.npz", **views, y=np.array(labels))
    else:
        path = importable.tables(tmp_path / "t", suffix=suffix, label=labels)
    staged = examined(path).staged
    assert staged.classes == tuple(map(str, sorted(LONG)))
    assert [staged.classes[place] for place in staged.y[:3]] == list(map(str, labels[:3]))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["joy", "Joy", "anger"], "in capitals or blanks only: 'Joy' and 'joy'. If"),
        (["Very  good", "bad", "very good"], "only: 'Very  good' and 'very good'. If"),
        (["joy", "anger", "fear"], None),
    ],
)
def test_classes_that_differ_in_capitals_are_named(
    classes: list[str], message: str | None, tmp_path: Path
) -> None:
    labels = [classes[row % 3] for row in range(60)]
    found = codes(examined(importable.tables(tmp_path / "t", label=labels)))
    assert ("similar-classes" in found) == bool(message)
    assert not message or message in found["similar-classes"].words


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([0, 1, 2, -1], "15 samples have the target '-1',"),
        (["happy", "sad", "xxx", "calm"], "15 samples have the target 'xxx',"),
        ([0, -999, 1, -1], "30 samples have the target '-999' or '-1',"),
        ([0.25, 0.5, -999.0, 3.5], "15 samples have the target -999,"),
        ([-1, 1], ""),
        ([-2, -1, 0, 1, 2, -2], ""),
        ([-9.5, -9.0, 9.5], ""),
    ],
)
def test_targets_that_may_stand_for_missing_ones_are_mentioned(
    labels: list[Any], shown: str, tmp_path: Path
) -> None:
    column = [labels[row % len(labels)] for row in range(60)]
    found = codes(examined(importable.tables(tmp_path / "t", label=column)))
    assert ("placeholder" in found) == bool(shown)
    assert not shown or shown in found["placeholder"].words


@pytest.mark.parametrize("names", [("audio",), ("audio", "vision")])
def test_sequences_padded_in_front_are_mentioned(names: tuple[str, ...], tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for part in content.values():
            for name in names:
                part[name] = part[name][:, ::-1]
                del part[f"{name}_lengths"]

    found = examined(changed(tmp_path, change)).report.findings
    late = [finding for finding in found if finding.code == "front-padding"]
    assert tuple(finding.where for finding in late) == names
    assert all("samples begin with a step of zeros" in finding.words for finding in late)


def test_samples_without_an_id_or_split(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content["train"]["id"][7] = ""
        content["train"]["id"][9] = content["train"]["id"][8]
        content["train"]["id"][10] = f"{content['train']['id'][8]}#2"  # what it would be called

    found = codes(examined(path := changed(tmp_path, change)))
    assert found["empty-id"].words == "1 sample has no id, the first in row 8."
    importing.import_set([path], "renamed", repair=["rename-ids"])
    ids = data.load("renamed").ids
    assert ids[7] == "row-8"
    assert ids[[8, 9, 10]].tolist() == [ids[8], f"{ids[8]}#3", f"{ids[8]}#2"]
    rng = np.random.default_rng(0)
    parts = ["train"] * 20 + ["valid"] * 5 + ["test"] * 5
    views = {"a": rng.normal(size=(30, 3)), "y": np.arange(30) % 2}
    with pytest.raises(InvalidInput, match=r"`split` .* must hold train, valid or test"):
        importing.import_set(
            [npz(tmp_path / "s.npz", **views, split=["dev2", *parts[1:]])], "never"
        )
    outside = npz(tmp_path / "o.npz", **views, split=["", *parts[1:]])
    assert codes(examined(outside))["outside-split"].words == "1 sample is in no part of the split."
    importing.import_set([outside], "inside", repair=["drop-outside"])
    assert len(data.load("inside")) == 29


def test_names_of_modalities_and_words_in_bytes() -> None:
    assert make_modality_name(" Face 1! ") == "face_1"
    with pytest.raises(
        InvalidInput, match=r"must have a name of letters or digits, but is called '[?]!'"
    ):
        make_modality_name("?!")
    assert clean_text(b"caf\xc3\xa9\0") == "café"


def test_damaged_mat_file_of_version_7_3_is_refused_with_instructions(tmp_path: Path) -> None:
    path = tmp_path / "new.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(
        InvalidInput,
        match=r"cannot be read as a \.mat file .* save it again, with `save -v7`",
    ):
        importing.import_set([path], "never")


def test_a_npz_cut_short_is_refused(tmp_path: Path) -> None:
    content = npz(
        tmp_path / "v.npz", a=np.ones((50, 30)), b=np.ones((50, 30)), y=np.arange(50) % 2
    ).read_bytes()
    for part in range(20):
        (tmp_path / "cut.npz").write_bytes(content[: len(content) * part // 20])
        with pytest.raises(InvalidInput):
            importing.import_set([tmp_path / "cut.npz"], "never")
    assert list(manifest.imported_root().iterdir()) == []


# ---- keeping


def test_a_set_is_memory_mapped_and_read_only(tmp_path: Path) -> None:
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "mapped")
    kept = data.load("mapped")
    for m in kept.modalities:
        base = m.values
        while base.base is not None and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            m.values[0] = 0
    assert data.load("mapped") is kept
    assert kept.digest == manifest.imported_manifest("mapped").digest
    assert replace(kept, name="other").digest == kept.digest


def test_names_are_valid_and_unique(tmp_path: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    importing.import_set([path], "mine")
    before = data.load("mine")
    for name in ("mine", "MINE"):
        with pytest.raises(InvalidInput, match="an imported set is called"):
            importing.import_set([path], name)
    for name in ("../up", "", "a b", "-x", "x" * 61, "a/b", "a.npz", "é"):
        with pytest.raises(InvalidInput, match="Argument `name` must begin with a letter or digit"):
            importing.import_set([path], name)
    with pytest.raises(InvalidInput, match="must not be a built-in data set's"):
        importing.import_set([path], "Planted")
    importable.write_mmsa(path, seed=5)
    importing.import_set([path], "mine", replace=True)
    assert data.load("mine").digest != before.digest
    assert before.modalities[0].values[3].any()  # whoever has the old one open keeps it
    assert {entry.name for entry in manifest.imported_root().iterdir()} == {".lock", "mine"}


def test_full_disk_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    importing.import_set([path], "old")

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place, name in (
        (staged_set, "new_array"),
        (writing.np, "save"),
        (manifest.os, "rename"),
        (writing.Path, "write_text"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            with pytest.raises(
                DataUnavailable,
                match=r"cannot be written to the folder of imported sets \(the disk is full\); nothing was kept. Free",
            ):
                importing.import_set(
                    [path], "new" if name != "rename" else "old", replace=name == "rename"
                )
        assert {entry.name for entry in manifest.imported_root().iterdir()} == {".lock", "old"}
    assert len(data.load("old")) == 70


def test_file_size_limit_leaves_no_files(tmp_path: Path, folder: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    told = tmp_path / "told"

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        with told.open("w") as out, contextlib.redirect_stderr(out):
            cli.main(["data", "import", str(path), "--name", "never"])

    process = FORK.Process(target=limited)
    process.start()
    process.join(60)
    assert process.exitcode == 1
    assert told.read_text().startswith("qfusion: error: The data cannot be written to")
    assert told.read_text().count("\n") == 1
    assert list(folder.iterdir()) == []


def test_damaged_sets_are_reported_and_can_be_removed(tmp_path: Path, folder: Path) -> None:
    path = importable.write_mmsa(tmp_path / "m.pkl")
    for name in ("cut", "altered", "manifest"):
        importing.import_set([path], name)
    values = folder / "cut" / "audio.npy"
    values.write_bytes(values.read_bytes()[:-9])
    with pytest.raises(
        IntegrityError,
        match=r"'cut' is damaged \(.*\)\. Remove it with `python -m qfusion data remove cut`",
    ):
        data.load("cut")
    values = folder / "altered" / "audio.npy"
    values.write_bytes(values.read_bytes()[:-4] + b"\0\0\x80\x3f")
    with pytest.raises(IntegrityError, match="'altered' was altered"):
        reading.verify_imported("altered")
    about = json.loads((folder / "manifest" / "manifest.json").read_text())
    (folder / "manifest" / "manifest.json").write_text(json.dumps(about | {"format": 99}))
    with pytest.raises(IntegrityError, match=r"written by another version of qfusion .format 99."):
        manifest.imported_manifest("manifest")
    (folder / "manifest" / "manifest.json").write_text("{")
    infos = {info.name: info for info in data.available()}
    assert not infos["manifest"].available
    assert "data remove manifest" in infos["manifest"].remedy
    for name in ("cut", "altered", "manifest"):
        manifest.remove_imported(name)
    assert [entry.name for entry in folder.iterdir()] == [".lock"]
    with pytest.raises(NotFound):
        manifest.remove_imported("../imported")


def test_unsaved_sets_are_removed_after_a_day(tmp_path: Path, folder: Path) -> None:
    old, new = folder / ".draft-000000-1-00000000", folder / ".draft-000000-2-00000000"
    for place in (old, new):
        place.mkdir(parents=True)
    os.utime(old, (0, 0))
    examined(importable.write_mmsa(tmp_path / "m.pkl"))
    assert [entry.name for entry in folder.iterdir()] == [new.name]


def test_an_unknown_repair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        NotFound, match=r"Repair 'fill-medan' does not exist. Did you mean 'fill-median'"
    ):
        importing.import_set(
            [importable.write_mmsa(tmp_path / "m.pkl")], "never", repair=["fill-medan"]
        )


# ---- the command line


@pytest.fixture
def pickle_path(tmp_path: Path) -> Path:
    return importable.write_mmsa(tmp_path / "m.pkl")


def test_import_check_list_train_and_remove(run: Any, pickle_path: Path, tmp_path: Path) -> None:
    told = run("data", "import", pickle_path, "--name", "mine", "--check-only", "--json").json
    assert (told["kept"], told["report"]["can_be_kept"]) == (False, True)
    told = run("data", "import", pickle_path, "--name", "mine", "--title", "My own", "--json").json
    assert told["kept"]
    assert told["samples"] == importable.COUNTS
    listed = {source["name"]: source for source in run("data", "list", "--json").json}
    assert listed["mine"]["title"] == "My own"
    found = run("data", "check", "mine", "--json").json
    assert found["digest"] == told["digest"]
    assert found["report"]["samples"] == 70
    run("train", "--data", "mine", "--out", tmp_path / "model", "--set", "epochs=1", "--json")
    assert run("evaluate", "--model", tmp_path / "model", "--json").json["n"] == 20
    assert run("data", "remove", "mine", "--json").json["data"] == "mine"
    assert_refused(run("data", "check", "mine"), "'mine'")


def test_from_a_pickle_to_an_explained_sample(
    run: Any, pickle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Import, train, stop, go on, evaluate, explain: all on the command line."""
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(run_training, "PULSE", 0.0)
    run("data", "import", pickle_path, "--name", "mine", "--json")
    config = tmp_path / "small.toml"
    config.write_text(
        'data = "mine"\nseed = 3\n[set]\nepochs = 5\npatience = 0\ndims = [2, 2, 2]\n'
    )
    for name, stops in (("whole", False), ("parts", True)):
        with monkeypatch.context() as patched:
            if stops:
                patched.setattr(
                    run_training.RunRecorder,
                    "pending_request",
                    lambda book: "stop" if len(book.fit.history) == 2 else "",
                )
            told = run("train", "--config", config, "--name", name, "--json").json
        assert (told["state"], told["epochs"]) == (("stopped", 2) if stops else ("finished", 5))
    resumed = run("train", "--resume", "parts", "--json").json
    assert (resumed["state"], resumed["epochs"]) == ("finished", 5)
    assert (
        resumed["metrics"]
        == run("train", "--config", config, "--out", tmp_path / "again", "--json").json["metrics"]
    )
    one, two = (
        run("explain", "--model", name, "--sample", "cliptest$_$3", "--json").json
        for name in ("whole", "parts")
    )
    assert one == two
    assert one["prediction"] == pytest.approx(sum(one["dividends"].values()))
    assert {"whole", "parts"} <= {card["name"] for card in run("models", "--json").json}
    assert_refused(run("train", "--config", config, "--name", "whole"), "'whole'", "there already")
    assert_refused(run("train", "--resume", "parts"), "is finished")
    assert_refused(run("train", "--resume", "parts", "--data", "mine"), "--resume")
    config.write_text("data = [")
    assert_refused(run("train", "--config", config, "--name", "other"), "small.toml", "TOML")


def test_tables_by_options(run: Any, tmp_path: Path) -> None:
    place = importable.tables(tmp_path / "t")
    told = run(
        "data",
        "import",
        "--modality",
        f"words={place / 'text.csv'}",
        "--modality",
        f"voice={place / 'audio.csv'}",
        "--labels",
        place / "labels.csv",
        "--name",
        "mine",
        "--json",
    ).json
    assert [m["name"] for m in told["modalities"]] == ["words", "voice"]
    assert "3 classes" not in told["report"]["target"]["name"]


def test_a_report_with_errors_ends_with_one_line(run: Any, tmp_path: Path) -> None:
    path = changed(
        tmp_path, lambda content: content["train"]["audio"].__setitem__((2, 0, 1), np.nan)
    )
    for words in (["data", "import", path, "--name", "mine"], ["data", "check", path]):
        result: Result = run(*words)
        assert result.code == 1
        assert "1 of 70 samples" in result.out.replace("\n", " ")
        assert result.err.startswith("qfusion: error: The set cannot be imported as it is: audio: ")
        assert result.err.count("\n") == 1
    told = run("data", "import", path, "--name", "mine", "--repair", "fill-zero", "--json").json
    assert told["repairs"] == ["fill-zero: 1 value of audio"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["data", "import"], ["What is imported must be named"]),
        (["data", "import", "none.pkl", "--name", "x"], ["none.pkl does not exist"]),
        (["data", "import", "FILE"], ["`--name`"]),
        (["data", "import", "FILE", "--name", "planted"], ["built-in"]),
        (
            ["data", "import", "FILE", "--name", "x", "--repair", "nope"],
            ["Repair 'nope' does not exist"],
        ),
        (
            ["data", "import", "FILE", "--name", "x", "--format", "nope"],
            ["Format 'nope' does not exist"],
        ),
        (
            ["data", "import", "FILE", "--name", "x", "--format", "tables"],
            ["need a table of labels"],
        ),
        (
            ["data", "import", "FILE", "--name", "x", "--target", "nope"],
            ["Target 'nope' does not exist"],
        ),
        (["data", "import", "FILE", "FILE", "--name", "x"], ["must be one MMSA pickle"]),
        (["data", "import", "--modality", "text", "--name", "x"], ["must have the form name=file"]),
        (["data", "remove", "planted"], ["'planted' does not exist"]),
    ],
)
def test_wrong_calls_print_one_line(
    run: Any, pickle_path: Path, words: list[str], parts: list[str]
) -> None:
    assert_refused(run(*(str(pickle_path) if word == "FILE" else word for word in words)), *parts)


def test_json_output_is_valid_for_all_findings(run: Any, tmp_path: Path) -> None:
    content = importable.mmsa()
    content["train"]["raw_text"] = np.array(["\ud800 [bold]x[/bold] <b>"] * 40)
    path = importable.write_mmsa(tmp_path / "m.pkl", content)
    told = run("data", "import", path, "--name", "mine", "--json").json
    json.dumps(told)
    assert data.load("mine").table["text"].iloc[0] == "? [bold]x[/bold] <b>"


def test_a_huge_padded_sequence_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(
        InvalidInput, match=r"padded to its longest sequence, would take .* MB on disk"
    ):
        importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "never")
