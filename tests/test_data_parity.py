"""Pairs and triples whose class no single modality determines, by counting; displayed content; invalid requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qfusion import data
from qfusion.data import DataSet, Image, registry
from qfusion.data.sources import digit_questions
from qfusion.errors import InvalidInput, NotFound
from tests.support.drawn_questions import (
    PARTS,
    SMALL,
    base_of,
    check_apart,
    check_balance,
    check_items,
    column,
)

ROOT = Path(__file__).resolve().parent.parent
PAIRS, TRIPLES = digit_questions.QUESTIONS


@pytest.fixture(params=digit_questions.QUESTIONS, ids=lambda question: question.name)
def asked(request: pytest.FixtureRequest) -> DataSet:
    """Every question, asked of the stand-in."""
    return digit_questions.draw_question(request.param, base_of(), SMALL)


# ---- what holds for every question


def test_only_all_modalities_together_determine_the_class(asked: DataSet) -> None:
    check_balance(asked)
    digits = column(asked, "digit")
    assert (asked.y == digits.sum(1) % 2).all()
    assert (asked.table["sum"] == digits.sum(1)).all()


def test_splits_are_disjoint_and_rows_unique(asked: DataSet) -> None:
    check_apart(asked)
    assert all(len(set(row)) == len(row) for row in column(asked, "item"))


def test_values_and_content_match_the_items(asked: DataSet) -> None:
    [question] = [one for one in digit_questions.QUESTIONS if one.name == asked.name]
    check_items(asked, question)


def test_every_pair_of_digits_is_equally_frequent() -> None:
    ds = digit_questions.draw_question(PAIRS, base_of(), SMALL)
    for part in PARTS:
        _, counts = np.unique(column(ds, "digit")[ds.rows(part)], axis=0, return_counts=True)
        assert counts.tolist() == [SMALL[part] / 100] * 100


def test_seeds_draw_different_rows() -> None:
    one, same, other = (
        digit_questions.draw_question(PAIRS, base_of(), SMALL, seed=seed) for seed in (1, 1, 2)
    )
    assert one.digest == same.digest != other.digest
    check_balance(other)


# ---- what cannot be drawn


@pytest.mark.parametrize(
    ("question", "sizes", "message"),
    [
        (
            PAIRS,
            SMALL | {"train": 410},
            r"a multiple of 20 above zero for each of train, valid, test, but is \{'train': 410",
        ),
        (TRIPLES, SMALL | {"valid": 300}, "a multiple of 200 above zero .* 'valid': 300"),
        (PAIRS, SMALL | {"test": 0}, "a multiple of 20 above zero .* 'test': 0"),
        (PAIRS, {"train": 20}, "a multiple of 20 above zero for each of train, valid, test"),
        (PAIRS, SMALL | {"train": 600}, "no row repeats another, but 600 cannot be drawn so"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(
    question: digit_questions.Question, sizes: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        digit_questions.draw_question(question, base_of(2), sizes)


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
        digit_questions.draw_question(PAIRS, lacking, SMALL)


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


def test_failed_downloads_report_a_reason() -> None:
    message = "is drawn from digits that come with scikit-learn and needs no download"
    with pytest.raises(NotFound, match=message):
        registry.download("parity")


def test_listed_names_and_titles_equal_those_of_the_sets() -> None:
    for question in digit_questions.QUESTIONS:
        assert data.registry.sources()[question.name].title == question.title
    assert data.load("parity").title == PAIRS.title
