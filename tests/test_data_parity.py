"""Pairs and triples whose class no single modality determines, by counting; displayed content; invalid requests."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import data
from qfusion.data import Audio, DataSet, Image, Modality, Target, downloads
from qfusion.data.arrays import numbered_ids
from qfusion.data.sources import digit_questions
from qfusion.errors import DataUnavailable, InvalidInput, NotFound

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"train": 400, "valid": 200, "test": 200}
PARTS = ("train", "valid", "test")


def base_of(count: int = 10) -> DataSet:
    """Ten digits of `count` samples in each part, in views of two features: the digit and the number of the sample."""
    y = np.tile(np.arange(10), 3 * count)
    values = np.column_stack([y, np.arange(len(y))]).astype(np.float32)
    ids = numbered_ids("item", len(y))
    return DataSet(
        "base",
        "Base",
        "",
        "of the base",
        "free",
        tuple(
            Modality(name, values, None, ("digit", "number"))
            for name in ("pixels", "mnist", "usps", "audio")
        ),
        Target("classification", "digit", None, tuple("0123456789")),
        y,
        ids,
        np.repeat(PARTS, 10 * count),
        pd.DataFrame({"speaker": [f"of {i}" for i in ids]}, index=ids),
        content_of=lambda row: {
            name: data.Text(f"{name} {row}") for name in ("pixels", "mnist", "usps", "audio")
        },
    )


@pytest.fixture(params=tuple(digit_questions.QUESTIONS))
def asked(request: pytest.FixtureRequest) -> DataSet:
    """Every question, asked of the stand-in."""
    return digit_questions.draw_question(request.param, base_of(), SMALL)


def column(ds: DataSet, end: str) -> np.ndarray:
    """The columns NAME_digit or NAME_item of the table, (N, M)."""
    return ds.table[[f"{name}_{end}" for name in ds.names]].to_numpy(
        dtype=np.int64 if end == "digit" else np.str_
    )


def knows_nothing(values: np.ndarray, y: np.ndarray) -> bool:
    """Whether every row of values (N, ...) that occurs does so equally often with class 0 and with class 1."""
    _, which = np.unique(values, axis=0, return_inverse=True)
    return bool((np.bincount(which, weights=2 * y - 1.0) == 0).all())


# ---- what holds for every question


def check_balance(ds: DataSet) -> None:
    """Digits, all but one of them together, and items say nothing; items are drawn equally often to within two rows."""
    digits, items = column(ds, "digit"), column(ds, "item")
    for part in PARTS:
        rows = ds.rows(part)
        y = ds.y[rows]
        assert np.bincount(y).tolist() == [len(rows) / 2] * 2
        for m, name in enumerate(ds.names):
            some = [n for n in range(len(ds.names)) if n != m]
            assert knows_nothing(digits[rows][:, some], y), name
            assert knows_nothing(items[rows, m], y), name
            assert np.bincount(digits[rows, m]).tolist() == [len(rows) / 10] * 10
            for digit in range(10):
                _, counts = np.unique(items[rows[digits[rows, m] == digit], m], return_counts=True)
                assert counts.max() - counts.min() <= 2


def check_apart(ds: DataSet) -> None:
    """No item is in two parts; no row is there twice."""
    items = column(ds, "item")
    for one, other in combinations(PARTS, 2):
        for m in range(len(ds.names)):
            assert not np.intersect1d(items[ds.rows(one), m], items[ds.rows(other), m]).size
    assert len(np.unique(items, axis=0)) == len(ds)


def test_only_all_modalities_together_determine_the_class(asked: DataSet) -> None:
    check_balance(asked)
    digits = column(asked, "digit")
    assert (
        asked.y
        == ((digits[:, 0] == digits[:, 1]) if asked.name == "avagree" else digits.sum(1) % 2)
    ).all()
    if asked.name != "avagree":
        assert (asked.table["sum"] == digits.sum(1)).all()


def test_splits_are_disjoint_and_rows_unique(asked: DataSet) -> None:
    check_apart(asked)
    if asked.name in ("parity", "parity3"):  # whose modalities show the same pictures
        assert all(len(set(row)) == len(row) for row in column(asked, "item"))


def test_values_content_and_speaker_match_the_items(asked: DataSet) -> None:
    base, views = base_of(), digit_questions.QUESTIONS[asked.name].views
    for row in (0, 250, len(asked) - 1):
        content = asked.content(row)
        for m in asked.modalities:
            item = base.row(asked.table[f"{m.name}_item"].iloc[row])
            assert m.values[row].tolist() == [asked.table[f"{m.name}_digit"].iloc[row], item]
            assert content[m.name] == data.Text(f"{views[m.name]} {item}")
            assert base.split[item] == asked.split[row]
            if m.name == "audio":
                assert asked.table["speaker"].iloc[row] == f"of {base.ids[item]}"
    assert list(asked.content(0)) == list(asked.names)


def test_every_pair_of_digits_is_equally_frequent() -> None:
    ds = digit_questions.draw_question("parity", base_of(), SMALL)
    for part in PARTS:
        _, counts = np.unique(column(ds, "digit")[ds.rows(part)], axis=0, return_counts=True)
        assert counts.tolist() == [SMALL[part] / 100] * 100


def test_seeds_draw_different_rows() -> None:
    one, same, other = (
        digit_questions.draw_question("parity", base_of(), SMALL, seed=seed) for seed in (1, 1, 2)
    )
    assert one.digest == same.digest != other.digest
    check_balance(other)


# ---- what cannot be drawn


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        (
            "parity",
            SMALL | {"train": 410},
            r"a multiple of 20 above zero for each of train, valid, test, but is \{'train': 410",
        ),
        ("parity3", SMALL | {"valid": 300}, "a multiple of 200 above zero .* 'valid': 300"),
        ("avagree", SMALL | {"test": 0}, "a multiple of 20 above zero .* 'test': 0"),
        ("avagree", {"train": 20}, "a multiple of 20 above zero for each of train, valid, test"),
        ("avparity", SMALL | {"train": 600}, "no row repeats another, but 600 cannot be drawn so"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(
    name: str, sizes: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        digit_questions.draw_question(name, base_of(2), sizes)


def test_split_without_a_digit_is_refused() -> None:
    base = base_of()
    split = np.where((base.y == 7) & (base.split == "valid"), "train", base.split)
    lacking = DataSet(
        **{
            name: getattr(base, name)
            for name in (
                "name",
                "title",
                "description",
                "source",
                "licence",
                "modalities",
                "target",
                "y",
                "ids",
                "table",
            )
        },
        split=split,
    )
    with pytest.raises(InvalidInput, match=r"but `valid` of 'base' has no sample of 7\."):
        digit_questions.draw_question("avparity", lacking, SMALL)
    with pytest.raises(NotFound, match="Did you mean 'parity'"):
        digit_questions.draw_question("party", base)


# ---- the sets as they are loaded


@pytest.mark.parametrize(
    ("name", "names"), [("parity", ("left", "right")), ("parity3", ("left", "middle", "right"))]
)
def test_the_embedded_sets(name: str, names: tuple[str, ...]) -> None:
    ds = data.load(name)
    assert ds.input_specs == {
        each: {"size": 64, "sequence": False, "shape": (8, 8)} for each in names
    }
    assert [len(ds.rows(part)) for part in PARTS] == [6000, 600, 1200]
    assert ds.target.classes == ("even", "odd")
    check_balance(ds)
    check_apart(ds)
    single = data.load("digits")
    picture, item = ds.content(7)["left"], single.row(ds.table["left_item"].iloc[7])
    assert isinstance(picture, Image)
    np.testing.assert_array_equal(picture.pixels, single.content(item)["pixels"].pixels)  # type: ignore[union-attr]
    assert single.y[item] == ds.table["left_digit"].iloc[7]
    assert single.split[item] == ds.split[7]


def test_another_process_draws_the_same() -> None:
    code = "from qfusion import data; print(*(data.load(name).digest for name in ('parity', 'parity3')))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert done.stdout.split() == [data.load(name).digest for name in ("parity", "parity3")]


@pytest.mark.parametrize("name", ["avparity", "avparity3", "avagree"])
def test_the_sets_of_real_files(real_data: Path, name: str) -> None:
    ds, single = data.load(name), data.load("avdigits")
    assert [len(ds.rows(part)) for part in PARTS] == [6000, 600, 1200]
    assert {each: spec["shape"] for each, spec in ds.input_specs.items()} == (
        {"mnist": (28, 28), "usps": (16, 16), "audio": (32, 32)}
        if name == "avparity3"
        else {"image": (28, 28), "audio": (32, 32)}
    )
    check_balance(ds)
    check_apart(ds)
    row = len(ds) - 1
    sound, item = ds.content(row)["audio"], ds.table["audio_item"].iloc[row]
    assert isinstance(sound, Audio)
    np.testing.assert_array_equal(sound.samples, single.content(single.row(item))["audio"].samples)  # type: ignore[union-attr]
    assert item.startswith(f"{ds.table['audio_digit'].iloc[row]}_{ds.table['speaker'].iloc[row]}_")
    assert single.split[single.row(item)] == "test"


def test_missing_files_are_reported_with_instructions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    found: dict[str, Any] = {source.name: source for source in data.available()}
    assert found["parity"].available
    assert found["parity3"].available
    for name in ("avparity", "avparity3", "avagree"):
        assert not found[name].available
        assert "lacks `features.npz`" in found[name].reason
        assert "drawn from the files of 'avdigits'" in found[name].remedy
        assert "Set QFUSION_DATA to the folder that holds `avdigits/`" in found[name].remedy
        with pytest.raises(
            DataUnavailable,
            match=f"'{name}' is not complete: .* lacks `features.npz` .*no public copy",
        ):
            digit_questions.load_question(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parity", "is drawn from digits that come with scikit-learn and needs no download"),
        ("avagree", "cannot be downloaded. It is drawn from the files of 'avdigits'"),
    ],
)
def test_failed_downloads_report_a_reason(name: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        downloads.download(name)


def test_listed_names_and_titles_equal_those_of_the_sets() -> None:
    for name, question in digit_questions.QUESTIONS.items():
        assert data.registry.sources()[name].title == question.title
    assert data.load("parity").title == digit_questions.QUESTIONS["parity"].title
