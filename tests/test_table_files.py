"""Tables of other programs: row numbers, targets among features, number formats, ids with spaces, missing headers,
lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfusion import data
from qfusion.data import importing, parsing
from qfusion.data.examine import report
from qfusion.data.readers.table_files import open_table
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from tests.support import importable

ENDINGS = (".csv", ".tsv", ".parquet")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


def write(frame: pd.DataFrame, path: Path, **options: Any) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path, **options)
    else:
        frame.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", **options)


def frames(samples: int = 45, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A modality of three features, and labels."""
    rng = np.random.default_rng(seed)
    ids = [f"clip{row:03d}" for row in rng.permutation(samples)]
    features = pd.DataFrame(rng.normal(size=(samples, 3)), columns=["pitch", "energy", "x"])
    features.insert(0, "id", ids)
    labels = pd.DataFrame(
        {
            "id": ids,
            "label": np.repeat(["ape", "bee", "cat"], samples // 3),
            "split": np.tile(["train", "train", "train", "valid", "test"], samples // 5),
        }
    )
    return features, labels


def examined(folder: Path, **options: Any) -> report.ExaminedSet:
    with manifest.staging_folder() as place:
        return importing.examine_files([folder], place, **options)


def folder_of(tmp_path: Path, features: pd.DataFrame, labels: pd.DataFrame, ending: str) -> Path:
    place = tmp_path / f"tables{ending}"
    place.mkdir()
    write(features, place / f"voice{ending}", index=False)
    write(labels, place / f"labels{ending}", index=False)
    return place


def said(found: report.ExaminedSet, code: str) -> list[Any]:
    return [finding for finding in found.report.findings if finding.code == code]


def names(found: report.ExaminedSet) -> tuple[str, ...]:
    return found.staged.parts[0].feature_names


# ---- the number of the row is no feature


def index_kept(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename_axis(None).reset_index(names="")


def index_read_again(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index(names="Unnamed: 0").reset_index(names="Unnamed: 0.1")


def index_reset(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index()


def index_from_one(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(Index=np.arange(1, len(frame) + 1))


def index_of_some_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(level_0=np.sort(np.random.default_rng(3).permutation(999)[: len(frame)]))


def index_of_two_parts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(index=np.arange(len(frame)) % 23)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "add",
    [
        index_kept,
        index_read_again,
        index_reset,
        index_from_one,
        index_of_some_rows,
        index_of_two_parts,
    ],
)
def test_row_numbers_are_dropped_with_a_warning(add: Any, ending: str, tmp_path: Path) -> None:
    features, labels = frames()
    found = examined(folder_of(tmp_path, add(features), labels, ending))
    assert names(found) == ("pitch", "energy", "x")
    (warning,) = said(found, "row-number")
    assert (warning.severity, warning.where) == ("warning", "voice")
    added = [name for name in add(features).columns if name not in features.columns]
    assert all((f"`{name}`" if name else "without a name") in warning.words for name in added)
    assert not found.report.errors


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("add", [index_kept, index_read_again, index_reset])
def test_label_table_has_no_row_numbers(add: Any, ending: str, tmp_path: Path) -> None:
    features, labels = frames()
    labels["age"] = np.arange(len(labels))
    found = examined(folder_of(tmp_path, features, add(labels), ending))
    assert list(found.staged.columns) == ["age"]
    assert said(found, "row-number")[0].words.startswith(f"Left out of `labels{ending}`")


@pytest.mark.parametrize("index", [None, "frame_index", "pitch_row"])
def test_index_of_a_parquet_file_is_read_from_pandas_metadata(
    index: str | None, tmp_path: Path
) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    # Not counting, so that only what pandas has written tells.
    numbers = np.random.default_rng(1).normal(size=len(features))
    features.set_index(pd.Index(numbers, name=index)).to_parquet(place / "voice.parquet")
    found = examined(place)
    assert names(found) == ("pitch", "energy", "x")
    assert (index or "__index_level_0__") in said(found, "row-number")[0].words


def test_the_index_may_be_the_id(tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    features.set_index("id").to_parquet(place / "voice.parquet")
    found = examined(place)
    assert names(found) == ("pitch", "energy", "x")
    assert said(found, "row-number") == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda lines, d: [line + d for line in lines], "empty-column"),  # every line ends with one
        # the header does not
        (lambda lines, d: [lines[0], *(line + d for line in lines[1:])], "empty-column"),
        (
            lambda lines, d: [  # as R's write.table does
                lines[0],
                *(f"{row}{d}{line}" for row, line in enumerate(lines[1:], 1)),
            ],
            "row-number",
        ),
    ],
)
def test_trailing_delimiters_and_row_names(
    change: Any, code: str, delimiter: str, tmp_path: Path
) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".csv")
    lines = features.to_csv(index=False, sep=delimiter).splitlines()
    (place / "voice.csv").write_text("\n".join(change(lines, delimiter)) + "\n")
    found = examined(place)
    assert names(found) == ("pitch", "energy", "x")
    (finding,) = said(found, code)
    assert "a column without a name" in finding.words
    assert ("sorted by the target" in finding.words) == (code == "row-number")
    importing.import_set([place], "kept")
    assert data.load("kept").modalities[0].values == pytest.approx(
        features.iloc[:, 1:].to_numpy(), rel=1e-6
    )


def test_row_numbers_of_sequences_are_dropped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    _, labels = frames()
    steps = pd.DataFrame(
        [(name, step) for name in labels["id"] for step in range(rng.integers(2, 6))],
        columns=["id", "step"],
    )
    steps["pitch"] = rng.normal(size=len(steps))
    steps["seconds"] = steps["step"] / 25
    steps["row"] = np.arange(len(steps))
    found = examined(folder_of(tmp_path, steps, labels, ".csv"))
    assert names(found) == ("pitch", "seconds")


def test_increasing_features_are_kept(tmp_path: Path) -> None:
    features, labels = frames()
    rng = np.random.default_rng(1)
    features["year"] = np.sort(rng.integers(1990, 2020, len(features)))
    features["rank"] = rng.permutation(len(features))
    found = examined(folder_of(tmp_path, features, labels, ".csv"))
    assert names(found) == ("pitch", "energy", "x", "year", "rank")


def test_sorted_noise_is_not_learned_by_row_number(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels = frames(300)
    place = tmp_path / "tables"
    place.mkdir()
    features.to_csv(place / "voice.csv")
    labels.to_csv(place / "labels.csv")
    importing.import_set([place], "sorted")
    kept = data.load("sorted")
    x, y = kept.modalities[0].values, np.asarray(kept.y)
    train, test = kept.rows("train"), kept.rows("test")
    accuracy = LogisticRegression().fit(x[train], y[train]).score(x[test], y[test])
    assert accuracy < 1 / 3 + 4 * np.sqrt(2 / 9 / len(test))


# ---- targets, parts of the split and ids are no features


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "columns",
    [
        {"label": 0, "fold": 0},
        {"Label_T": 0.5, "regression_labels": 1.5, "split": 1},
        {"sample_id": 7, "target": "ape", "label_voice": 1},
        {"split": "train", "kfold": 3, "annotation": "bee"},
    ],
)
def test_targets_and_splits_are_dropped_from_features_with_a_warning(
    columns: Any, ending: str, tmp_path: Path
) -> None:
    features, labels = frames()
    found = examined(folder_of(tmp_path, features.assign(**columns), labels, ending))
    assert names(found) == ("pitch", "energy", "x")
    (warning,) = said(found, "target-column")
    assert (warning.severity, warning.where) == ("warning", "voice")
    assert all(f"`{name}`" in warning.words for name in columns)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("target", ["class", "score", "sentiment"])
def test_one_wide_table_is_labels_and_features(target: str, ending: str, tmp_path: Path) -> None:
    features, labels = frames()
    wide = features.merge(labels.rename(columns={"label": target}), on="id")
    wide["text"] = "some words"
    write(wide, tmp_path / f"wide{ending}", index=False)
    with manifest.staging_folder() as place:
        found = importing.examine_files(
            [],
            place,
            modalities={"voice": tmp_path / f"wide{ending}"},
            labels=tmp_path / f"wide{ending}",
        )
    assert names(found) == ("pitch", "energy", "x")
    assert f"`{target}`" in said(found, "target-column")[0].words


def test_a_coordinate_may_be_called_y(tmp_path: Path) -> None:
    features, labels = frames()
    labels = labels.rename(columns={"label": "y"})
    features["y"] = np.random.default_rng(4).normal(size=len(features))
    assert "y" in names(examined(folder_of(tmp_path, features, labels, ".csv")))
    features["y"] = np.repeat([4, 1, 2], 15)
    (tmp_path / "copy").mkdir()
    copy = examined(folder_of(tmp_path / "copy", features, labels, ".csv"))
    assert [finding.code for finding in copy.report.errors] == ["target-leak"]
    without = examined(folder_of(tmp_path / "copy", features.drop(columns="x"), labels, ".parquet"))
    assert names(without) == ("pitch", "energy")


# ---- scores that are written otherwise


def scores(tmp_path: Path, words: list[str], delimiter: str = ",", ending: str = ".csv") -> Path:
    features, labels = frames()
    labels["label"] = words
    place = folder_of(tmp_path, features, labels, ".parquet")
    (place / "labels.parquet").unlink()
    if ending == ".parquet":
        labels.to_parquet(place / "labels.parquet")
    else:
        labels.to_csv(place / f"labels{ending}", sep=delimiter, index=False)
    return place


AMOUNTS = np.round(np.random.default_rng(9).normal(scale=2, size=45), 3)


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize(
    ("write_number", "factor"),
    [
        (lambda value: f"{value:.3f}".replace(".", ","), 1),
        (lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")), 1234.5),
        (lambda value: f"{value:,.2f}".translate(str.maketrans(",.", " ,")), 4321.5),
        (lambda value: f"{value:.3f}".replace(".", ",").replace("-", "\u2212"), 1),
    ],
)
def test_decimal_commas_are_read_where_commas_do_not_delimit(
    write_number: Any, factor: float, delimiter: str, tmp_path: Path
) -> None:
    amounts = np.round(AMOUNTS * factor, 2 if factor > 1 else 3)
    staged = examined(
        scores(tmp_path, [write_number(value) for value in amounts], delimiter)
    ).staged
    assert staged.classes == ()
    assert staged.y == pytest.approx(amounts)


def test_features_with_decimal_commas_are_read(tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".csv")
    features.to_csv(place / "voice.csv", sep=";", decimal=",", index=False)
    importing.import_set([place], "comma")
    assert data.load("comma").modalities[0].values == pytest.approx(
        features.iloc[:, 1:].to_numpy(), rel=1e-6
    )


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_unicode_minus_is_read(ending: str, tmp_path: Path) -> None:
    words = [f"{value:.3f}".replace("-", "\u2212") for value in AMOUNTS]
    assert examined(scores(tmp_path, words, ending=ending)).staged.y == pytest.approx(AMOUNTS)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("target", ["auto", "regression"])
@pytest.mark.parametrize(
    "change",
    [
        {7: "?"},
        {3: "#DIV/0!", 9: "n/a", 44: "missing"},
        {1: "1,234.00"},
        {2: "12 %"},
        dict(enumerate(["unknown"] * 22)),
        {row: f"{row},{row:03d}" for row in range(45)},
        {row: f"{row} %" for row in range(45)},
        {row: f"{row},234.00" for row in range(45)},
    ],
)
def test_words_among_numbers_are_reported_with_rows(
    change: dict[int, str], target: str, ending: str, tmp_path: Path
) -> None:
    words = [change.get(row, f"{value:.3f}") for row, value in enumerate(AMOUNTS)]
    first = min(change)
    with pytest.raises(InvalidInput, match=r"Column `label` of .* numbers") as refused:
        examined(scores(tmp_path, words, ending=ending), target=target)
    assert f"{change[first]!r} (row {first + 1})" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words", [["low", "mid", "1"] * 15, ["1a", "2b", "3c"] * 15, ["grade 1", "grade 2", "3"] * 15]
)
def test_words_are_class_names(words: list[str], tmp_path: Path) -> None:
    staged = examined(scores(tmp_path, words)).staged
    assert staged.classes == tuple(sorted(set(words)))


def test_classes_can_be_requested(tmp_path: Path) -> None:
    staged = examined(scores(tmp_path, ["1", "2", "?"] * 15), target="classification").staged
    assert staged.classes == ("1", "2", "?")


@pytest.mark.parametrize("empty", ["", "NaN", "null", "<NA>"])
def test_missing_value_markers_are_accepted(empty: str, tmp_path: Path) -> None:
    words = [empty if row == 5 else f"{value:.3f}" for row, value in enumerate(AMOUNTS)]
    found = examined(scores(tmp_path, words))
    assert [finding.code for finding in found.report.errors] == ["no-target"]
    assert np.isnan(found.staged.y[5])


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        ([f"{value:.2f}" for value in AMOUNTS], True),
        ([f"{value:.2f}".replace("-", "\u2212") for value in AMOUNTS], True),
        (["ape", "bee", "cat"] * 15, False),
    ],
)
def test_targets_of_single_modalities_are_read_the_same_way(
    column: list[str], kept: bool, tmp_path: Path
) -> None:
    features, labels = frames()
    labels["label"], labels["label_voice"] = AMOUNTS, column
    staged = examined(folder_of(tmp_path, features, labels, ".csv")).staged
    assert list(staged.unimodal) == (["voice"] if kept else [])
    assert ("label_voice" in staged.columns) == (not kept)
    labels["label_voice"] = ["?", *column[1:]]
    (tmp_path / "strange").mkdir()
    if kept:
        with pytest.raises(InvalidInput, match=r"Column `label_voice` .*'\?' \(row 1\)"):
            examined(folder_of(tmp_path / "strange", features, labels, ".csv"))


def test_numbers_in_words() -> None:
    words = ["1,5", "-,5", "1.234,5", "1.234", "12", " 7 ", "\u22122,25e1", "x", ""]
    assert parsing.parse_numbers(words, decimal_comma=True) == pytest.approx(
        [1.5, -0.5, 1234.5, 1234, 12, 7, -22.5, np.nan, np.nan], nan_ok=True
    )
    assert parsing.parse_numbers(["1,5", "1.5"], decimal_comma=True).tolist() == [1.5, 1.5]
    assert np.isnan(parsing.parse_numbers(["1,234", "1,234.5"], decimal_comma=True)).all()
    like = ["1,153", "12 %", "$ 3.50", "1'000", "(12)", "-4,5"]
    unlike = ["a1", "1st", "2-3", "", "?", "#DIV/0!"]
    assert parsing.are_like_numbers(like).all()
    assert not parsing.are_like_numbers(unlike).any()
    blanks = " " * 10**6
    assert not parsing.are_like_numbers([f"1{blanks}x", f"({blanks}x"]).any()


# ---- ids


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("of_labels", "of_features"),
    [("{} ", "{}"), ("{}", "\t{}  "), ("\u00a0{}", "\ufeff{}"), ("\u3000{}\u3000", "{}\u200b")],
)
def test_ids_are_joined_without_surrounding_spaces(
    of_labels: str, of_features: str, ending: str, tmp_path: Path
) -> None:
    features, labels = frames()
    ids = labels["id"].tolist()
    labels["id"] = [of_labels.format(name) for name in ids]
    features["id"] = [of_features.format(name) for name in ids]
    if ending == ".tsv":
        labels, features = (frame.replace(r"^\t", " ", regex=True) for frame in (labels, features))
    found = examined(folder_of(tmp_path, features, labels, ending))
    assert found.staged.ids.tolist() == ids
    assert not found.report.errors


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("of_labels", "of_features"),
    [("{:d}", "{:03d}"), ("clip{:d}", "clip_{:d}"), ("{:d}", "{:d}.mp4"), ("{:d}", "{:d}.0")],
)
def test_unmatched_ids_are_shown(
    of_labels: str, of_features: str, ending: str, tmp_path: Path
) -> None:
    features, labels = frames()
    labels["id"] = [of_labels.format(row) for row in range(45)]
    features["id"] = [of_features.format(row) for row in range(45)]
    if of_features == "{:03d}":
        labels["id"], features["id"] = (
            labels["id"].str.replace("^", "v", regex=True),
            features["id"],
        )
    with pytest.raises(InvalidInput, match=r"no id is in both") as refused:
        examined(folder_of(tmp_path, features, labels, ending))
    assert repr(labels["id"][0]) in str(refused.value)
    assert "drop-incomplete" not in str(refused.value)
    assert any(repr(name) in str(refused.value) for name in features["id"])


@pytest.mark.parametrize("ending", ENDINGS)
def test_table_without_rows_is_refused(ending: str, tmp_path: Path) -> None:
    features, labels = frames()
    with pytest.raises(InvalidInput, match=rf"`voice{ending}` must have a row a sample"):
        examined(folder_of(tmp_path, features[:0], labels, ending))


@pytest.mark.parametrize("first", [0, 7, 10**15])
def test_integers_join_with_floats(first: int, tmp_path: Path) -> None:
    features, labels = frames()
    labels["id"] = np.arange(45) + first
    features["id"] = (np.arange(45) + first).astype(float)
    found = examined(folder_of(tmp_path, features, labels, ".parquet"))
    assert not found.report.errors
    assert found.staged.ids[1] == str(first + 1)


# ---- no header


@pytest.mark.parametrize("which", ["voice", "labels"])
@pytest.mark.parametrize(
    "line", ["{:.18e},{:.18e},{:.18e}", "clip1,{:.4f},{:.4f},{:.4f}", "{:.0f};{:.0f};{:.2f}"]
)
def test_missing_header_is_reported(line: str, which: str, tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".csv")
    rows = [line.format(*row) for row in np.random.default_rng(0).normal(size=(45, 3))]
    (place / f"{which}.csv").write_text("\n".join(rows))
    with pytest.raises(InvalidInput, match=rf"`{which}\.csv` .*no header.*numpy\.save"):
        examined(place)


@pytest.mark.parametrize("header", ["id,1,2,3", "id,2019,2020,2021", "id,0.5,1.5,2.5"])
def test_features_may_have_numeric_names(header: str, tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".csv")
    features.columns = pd.Index(header.split(","))
    features.to_csv(place / "voice.csv", index=False)
    assert names(examined(place)) == tuple(header.split(",")[1:])


# ---- lists


@pytest.mark.parametrize(
    "more",
    [
        {"n": np.arange(45)},
        {"loudness": np.random.default_rng(0).normal(size=45)},
        {"other": [[1.0, 2.0]] * 45},
    ],
)
def test_lists_beside_other_columns_are_reported(more: Any, tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    values = features.iloc[:, 1:].to_numpy().tolist()
    pd.DataFrame({"id": features["id"], **more, "v": values}).to_parquet(place / "voice.parquet")
    with pytest.raises(
        InvalidInput, match=r"columns of numbers or as one column of lists"
    ) as refused:
        examined(place)
    assert "`v`" in str(refused.value)
    assert all(f"`{name}`" in str(refused.value) for name in more)
    assert "`voice.parquet`" in str(refused.value)


@pytest.mark.parametrize("more", [{"label": "ape"}, {"fold": 3}, {"index": np.arange(45)}])
def test_targets_beside_lists_are_dropped(more: Any, tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    values = features.iloc[:, 1:].to_numpy().tolist()
    pd.DataFrame({"id": features["id"], "v": values}).assign(**more).to_parquet(
        place / "voice.parquet"
    )
    assert names(examined(place)) == ("voice 1", "voice 2", "voice 3")


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float32())),
        pa.large_list(pa.list_(pa.int16())),
        pa.list_(pa.list_(pa.float64(), 4)),
    ],
)
def test_lists_of_lists_are_sequences(kind: pa.DataType, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    lengths = rng.integers(1, 8, 45)
    sequences = [rng.integers(-9, 9, (length, 4)).tolist() for length in lengths]
    order = rng.permutation(45)
    table = pa.table(
        {
            "id": features["id"].to_numpy()[order],
            "steps": pa.array([sequences[row] for row in order], kind),
        }
    )
    pq.write_table(table, place / "voice.parquet", row_group_size=10)
    importing.import_set([place], "nested")
    voice = data.load("nested").modalities[0]
    assert voice.lengths.tolist() == lengths.tolist()
    assert voice.values.shape == (45, lengths.max(), 4)
    for row in range(45):
        assert voice.values[row, : lengths[row]].tolist() == sequences[row]
        assert not voice.values[row, lengths[row] :].any()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[3].append([1.0]),
        lambda rows: rows.__setitem__(7, None),
        lambda rows: rows[44].__setitem__(0, [1.0, 2.0, 3.0]),
    ],
)
def test_ragged_lists_of_lists_are_reported(spoil: Any, tmp_path: Path) -> None:
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    rows: list[Any] = [[[1.0 * row, 2.0]] * (1 + row % 3) for row in range(45)]
    rows = [list(row) for row in rows]
    spoil(rows)
    table = pa.table({"id": features["id"], "v": pa.array(rows, pa.list_(pa.list_(pa.float64())))})
    pq.write_table(table, place / "voice.parquet")
    with pytest.raises(
        InvalidInput,
        match=r"Column `v` of `voice.parquet` must hold a list (of steps|in every row)",
    ):
        examined(place)


def test_rows_of_steps_may_contain_lists(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features, labels = frames()
    place = folder_of(tmp_path, features, labels, ".parquet")
    rows = [(name, step) for name in features["id"] for step in range(rng.integers(1, 5))]
    values = rng.normal(size=(len(rows), 3))
    pd.DataFrame(rows, columns=["id", "step"]).assign(v=values.tolist()).to_parquet(
        place / "voice.parquet"
    )
    found = examined(place)
    assert names(found) == ("voice 1", "voice 2", "voice 3")
    assert found.staged.parts[0].lengths.sum() == len(rows)


def test_open_table_returns_the_file_format(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for text, columns in (
        ("id;a\nx;1,5\n", ["id", "a"]),
        ("id;a\nx;1.5\n", ["id", "a"]),
        ("id,a\nx,1.5,\n", ["id", "a", ""]),
        ("a\tid\n1\t1,5\tx\n", ["", "a", "id"]),
    ):
        path.write_text(text)
        table = open_table(path)
        assert table.columns == columns
        assert np.concatenate(list(table.numbers(["a"]))).tolist() == [[1.5]]
    importable.write_table(pd.DataFrame({"id": ["x"]}), tmp_path / "t.parquet")
    assert open_table(tmp_path / "t.parquet").columns == ["id"]
