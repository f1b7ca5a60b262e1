"""Questions about digits seen and heard: balance by counting, displayed content, and missing files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import Audio, DataSet, registry
from qfusion.data.sources import digit_questions
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.plugins.sets import seen_and_heard
from tests.support.drawn_questions import (
    PARTS,
    SMALL,
    base_of,
    check_apart,
    check_balance,
    check_items,
    column,
)


@pytest.fixture(params=seen_and_heard.QUESTIONS, ids=lambda question: question.name)
def asked(request: pytest.FixtureRequest) -> DataSet:
    """Every question, asked of the stand-in."""
    return digit_questions.draw_question(request.param, base_of(), SMALL)


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


def test_values_content_and_speaker_match_the_items(asked: DataSet) -> None:
    [question] = [one for one in seen_and_heard.QUESTIONS if one.name == asked.name]
    check_items(asked, question)


def test_too_many_rows_are_refused() -> None:
    message = "no row repeats another, but 600 cannot be drawn so"
    with pytest.raises(InvalidInput, match=message):
        digit_questions.draw_question(seen_and_heard.AVPARITY, base_of(2), SMALL | {"train": 600})


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
    for question in seen_and_heard.QUESTIONS:
        name = question.name
        assert not found[name].available
        assert "lacks `features.npz`" in found[name].reason
        assert "drawn from the files of 'avdigits'" in found[name].remedy
        assert "Set QFUSION_DATA to the folder that holds `avdigits/`" in found[name].remedy
        with pytest.raises(
            DataUnavailable,
            match=f"'{name}' is not complete: .* lacks `features.npz` .*no public copy",
        ):
            seen_and_heard.load_question(question)


def test_failed_downloads_report_a_reason() -> None:
    message = "cannot be downloaded. It is drawn from the files of 'avdigits'"
    with pytest.raises(NotFound, match=message):
        registry.download("avagree")


def test_listed_names_and_titles_equal_those_of_the_sets() -> None:
    for question in seen_and_heard.QUESTIONS:
        assert data.registry.sources()[question.name].title == question.title
