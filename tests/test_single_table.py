"""One table with features and labels: guessed and chosen roles of its columns, and the set that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.data.column_roles import (
    ColumnChoice,
    TablePreview,
    choose_roles,
    complete_choice,
    find_problems,
    match_columns,
)
from qfusion.data.readers.table_files import MAX_COLUMNS, preview_table
from qfusion.errors import InvalidInput
from tests.support import importable
from tests.support.command_line import assert_refused, run
from tests.support.import_folders import codes, examined, folder

__all__ = ["folder", "run"]  # fixtures


def write(path: Path, *columns: str, **options: Any) -> Path:
    """Writes a table of two rows: words in columns that are called like words, and numbers in the others."""
    words = {"id", "label", "split", "rating", "transcript", "text_raw", "video_id", "clip_id"}
    cells = {name: ["train", "test"] if name in words else [0.5, 1.5] for name in columns}
    pd.DataFrame(cells, columns=list(columns)).to_csv(path, index=False, **options)
    return path


def preview_of(tmp_path: Path, *columns: str) -> TablePreview:
    return preview_table(write(tmp_path / "mine.csv", *columns))


def guess(tmp_path: Path, *columns: str) -> ColumnChoice:
    return complete_choice(preview_of(tmp_path, *columns), ColumnChoice())


@pytest.mark.parametrize(
    ("columns", "modalities"),
    [
        (("text_0", "text_1", "audio.x", "audio.y"), {"text": "text_*", "audio": "audio.*"}),
        (("audio:pitch", "text 1", "text 2"), {"audio": "audio:*", "text": "text *"}),
        (("t0", "t1", "a0", "a1"), {"t": "t*", "a": "a*"}),
        (("v1_0", "v1_1", "v2_0", "v2_1"), {"v1": "v1_*", "v2": "v2_*"}),
        (("feat_text_0", "feat_text_1", "feat_audio_0", "feat_audio_1"), {"feat": "feat_*"}),
        (
            ("text_0", "text_1", "text_raw", "audio_0", "age"),
            {"text": "text_*", "audio": "audio_*"},
        ),
        (("text_0", "text.1", "audio_0"), {"text": "text_0, text.1", "audio": "audio_*"}),
        (("f_0", "f_1", "f_2"), {"f": "f_*"}),
        (("f0", "f1", "foo", "g_1", "g_2"), {"f": "f0, f1", "g": "g_*"}),
        (("pitch", "energy"), {}),
        (tuple(f"m{n}_{i}" for n in range(13) for i in range(2)), {}),  # more than are explained
    ],
)
def test_modalities_are_guessed_from_beginnings(
    columns: tuple[str, ...], modalities: dict[str, str], tmp_path: Path
) -> None:
    assert dict(guess(tmp_path, "id", "label", *columns).modalities or ()) == modalities


@pytest.mark.parametrize(
    ("columns", "label", "ids", "split"),
    [
        (("id", "label", "split"), "label", ("id",), "split"),
        (("Sample_ID", "Score"), "Score", ("Sample_ID",), ""),
        (("video_id", "clip_id", "y"), "y", ("video_id", "clip_id"), ""),
        (("id", "rating", "age"), "", ("id",), ""),
        (("rating", "mode"), "", (), ""),  # numbers, which are no parts of a split
        (("label_text", "label_audio", "label"), "label", (), ""),
    ],
)
def test_label_id_and_split_are_guessed_from_names(
    columns: tuple[str, ...], label: str, ids: tuple[str, ...], split: str, tmp_path: Path
) -> None:
    found = guess(tmp_path, *columns, "text_0", "text_1", "audio_0", "audio_1")
    assert (found.label, found.ids, found.split) == (label, ids, split)
    assert dict(found.modalities or ()) == {"text": "text_*", "audio": "audio_*"}


def test_the_most_specific_pattern_has_a_column(tmp_path: Path) -> None:
    preview = preview_of(tmp_path, "id", "label", "text_0", "text_len", "text_raw", "pitch", "a,b")
    choice = ColumnChoice(
        "label", ("id",), "", (("text", "text_*"), ("voice", 'text_len, "a,b"'), ("rest", "*"))
    )
    assert [columns.features for columns in match_columns(preview, choice)] == [
        ("text_0",),
        ("text_len", "a,b"),
        ("pitch",),
    ]
    roles = choose_roles(preview, choice)
    assert roles.skipped == {"text": ("text_raw",)}
    assert roles.features == {"text_0", "text_len", "pitch", "a,b"}


MANY = ",".join(f"*{number}" for number in range(21))
TEXT_AND_AUDIO = (("text", "text_*"), ("audio", "audio_*"))


@pytest.mark.parametrize(
    ("changes", "role", "row", "words"),
    [
        ({"label": ""}, "label", None, "none is called so"),
        ({"label": "labl"}, "label", None, "Did you mean 'label'"),
        ({"ids": ("label",)}, "ids", None, "is the label already"),
        ({"split": "id"}, "split", None, "is the id already"),
        ({"modalities": ()}, "modalities", None, "columns of at least one modality"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", ""))}, "modalities", 2, "Name the columns"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "z_*"))}, "modalities", 2, "matches `z_*`"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "aeg"))}, "modalities", 2, "Did you mean 'age'"),
        ({"modalities": (*TEXT_AND_AUDIO, ("!", "age"))}, "modalities", 2, "letters or digits"),
        ({"modalities": (*TEXT_AND_AUDIO, ("y", "age"))}, "modalities", 2, "may be called `y`"),
        ({"modalities": (*TEXT_AND_AUDIO, ("Text", "age"))}, "modalities", 2, "Two modalities"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "text_raw"))}, "modalities", 2, "hold none"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "text_r*"))}, "modalities", 2, "hold none"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "*_0"))}, "modalities", 2, "is left"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "audio_*"))}, "modalities", 1, "as well"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", "age, label"))}, "modalities", 2, "label"),
        ({"modalities": (*TEXT_AND_AUDIO, ("c", MANY))}, "modalities", 2, "at most 20 patterns"),
        (
            {"modalities": tuple((f"m{n}", "age") for n in range(13))},
            "modalities",
            None,
            "at most 12 modalities",
        ),
    ],
)
def test_wrong_choices_are_refused_beside_their_field(
    changes: dict[str, Any], role: str, row: int | None, words: str, tmp_path: Path
) -> None:
    preview = preview_of(
        tmp_path, "id", "label", "age", "text_0", "text_1", "text_raw", "audio_0", "audio_1"
    )
    whole = {"label": "label", "ids": ("id",), "split": "", "modalities": TEXT_AND_AUDIO}
    assert find_problems(preview, ColumnChoice(**whole)) == []
    problems = find_problems(preview, ColumnChoice(**{**whole, **changes}))
    assert [p for p in problems if (p.role, p.row) == (role, row) and words in p.words], problems
    with pytest.raises(InvalidInput):
        choose_roles(preview, ColumnChoice(**{**whole, **changes}))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mine.csv", {}),
        ("mine.csv", {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}),
        ("mine.tsv", {"sep": "\t"}),
        ("mine.parquet", {}),
    ],
)
def test_a_table_becomes_a_set_in_every_notation(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    frame = importable.single_table()
    path = tmp_path / name
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, **options)
    report = importing.import_set([path], "mine")
    assert report.splits == {"train": 36, "valid": 12, "test": 12}
    stored = data.load("mine")
    assert stored.ids.tolist() == frame["id"].tolist()
    assert stored.names == ("text", "audio")
    for part, columns in zip(stored.modalities, (["text_0", "text_1"], ["audio.x"]), strict=True):
        assert part.feature_names == tuple(columns)
        np.testing.assert_allclose(part.values, frame[columns], rtol=1e-6)
    assert {"text", "age"} <= set(stored.table.columns)
    (note,) = [finding for finding in report.findings if finding.code == "columns"]
    assert "text: `text_0`, `text_1`; audio: `audio.x`" in note.words


def test_columns_of_lists_are_modalities(tmp_path: Path) -> None:
    frame = importable.single_table()[["id", "label"]]
    frame["speech"] = [[float(row), 1.0 + row % 7] for row in range(60)]
    frame["face"] = [[float(row % 5)] * 3 for row in range(60)]
    frame.to_parquet(tmp_path / "mine.parquet")
    found = examined(tmp_path / "mine.parquet")
    assert [(part.name, part.shape) for part in found.staged.parts] == [
        ("speech", (60, 2)),
        ("face", (60, 3)),
    ]


def test_samples_without_id_are_numbered_and_a_split_is_offered(tmp_path: Path) -> None:
    frame = importable.single_table().drop(columns=["id", "split"])
    frame.to_csv(tmp_path / "mine.csv", index=False)
    found = examined(tmp_path / "mine.csv")
    assert found.staged.ids[:2].tolist() == ["sample-0001", "sample-0002"]
    assert [finding.code for finding in found.report.errors] == ["no-split"]
    report = importing.import_set([tmp_path / "mine.csv"], "mine", repair=["make-split"])
    assert report.splits == {"train": 36, "valid": 6, "test": 18}
    assert data.load("mine").names == ("text", "audio")


def test_findings_of_a_table_are_those_of_every_import(tmp_path: Path) -> None:
    frame = importable.single_table()
    frame.loc[3, "text_1"] = np.nan
    frame.loc[4, "id"] = frame.loc[5, "id"]
    frame["audio.constant"] = 2.0
    frame["text_note"] = "hello"
    frame["label"] = "same"
    frame.to_csv(tmp_path / "mine.csv", index=False)
    found = codes(examined(tmp_path / "mine.csv"))
    assert {"not-finite", "duplicate-id", "constant", "one-target", "no-feature"} <= set(found)
    assert "`text_note`" in found["no-feature"].words


def test_words_among_numbers_are_named_by_their_column(tmp_path: Path) -> None:
    frame = importable.single_table(1000)
    frame["text"] = "x" * 10_000  # so that the last rows are beyond those that are looked at first
    frame["text_1"] = frame["text_1"].astype(object)
    frame.loc[len(frame) - 2, "text_1"] = "oops"
    frame.to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(InvalidInput, match=r"'text' must .* hold words: `text_1`, such as 'oops'"):
        examined(tmp_path / "mine.csv")


def test_sequences_in_one_table_are_refused(tmp_path: Path) -> None:
    frame = importable.single_table()
    frame["id"] = np.repeat(frame["id"][:30].to_numpy(), 2)
    frame["step"] = np.tile([0, 1], 30)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(InvalidInput, match="rows are steps of sequences"):
        examined(tmp_path / "mine.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id,label,text_0,text_0\n1,a,2,3\n", "repeats `text_0`"),
        ("id,label,t\u00e9xt_0\n".encode("latin-1"), "UTF-8"),
        (b"id,label,text_0,text_1,audio_0\n", "must have a row a sample"),
        (b"", "is empty"),
        (b"id,label," + b"x" * 600 + b"\n1,a,2\n", "at most 500 characters"),
        (
            b"id,label," + b",".join(b"t%d" % n for n in range(MAX_COLUMNS)) + b"\n",
            "at most 20,000",
        ),
    ],
)
def test_tables_that_cannot_be_read_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        examined(tmp_path / "mine.csv")


def test_columns_are_chosen_for_one_table_only(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="for one table that has them all"):
        examined(importable.tables(tmp_path / "t"), columns=ColumnChoice(label="label"))


def test_command_line_takes_and_prints_the_roles(tmp_path: Path, run: Any) -> None:
    path = tmp_path / "mine.csv"
    importable.single_table().rename(columns={"label": "q1"}).to_csv(path, index=False)
    words = ["data", "import", path, "--name", "mine"]
    assert_refused(run(*words), "Choose one; on the command line with --label COLUMN")
    chosen = ["--modality", "a=text_0", "--modality", "b=text_1, audio.*"]
    done = run(*words, "--label", "q1", "--id", "id", *chosen)
    assert done.code == 0
    assert "Roles of columns that are not given are guessed" in done.err
    assert "label: `q1`; id: `id`; split: `split`; a: `text_0`" in " ".join(done.out.split())
    assert data.load("mine").names == ("a", "b")
