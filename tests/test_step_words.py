"""Words of sequence steps: by equal counts, or unknown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qfusion.cli import app
from qfusion.data import (
    Modality,
    Text,
    importing,
    load,
)
from qfusion.errors import InvalidInput
from qfusion.study import attribution
from qfusion.study.attribution import Match
from qfusion.study.opening import open_sample
from qfusion.views import attribution as attribution_views
from qfusion.views.attribution import describe_match
from qfusion.views.pages import samples as panels
from qfusion.views.pages.panel import drawn
from tests.support import importable

PIECES = [
    "[PAD]",
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "un",
    "##believ",
    "##able",
    "film",
    *"我觉得这部电影非常好看难",
]
NUMBER = {piece: place for place, piece in enumerate(PIECES)}


def numbers(*pieces: str) -> tuple[int, ...]:
    return tuple(NUMBER[piece] for piece in ("[CLS]", *pieces, "[SEP]"))


def content(sentences: list[list[str]], words: list[str]) -> dict[str, Any]:
    """An MMSA pickle whose text is these tokens, between [CLS] and [SEP]; every split has the same samples."""
    found = importable.mmsa(counts={split: len(sentences) for split in ("train", "valid", "test")})
    for split, part in found.items():
        room = importable.STEPS["text"]
        bert = np.zeros((len(sentences), 3, room), np.float32)
        for row, pieces in enumerate(sentences):
            told = numbers(*pieces)
            bert[row, 0, : len(told)], bert[row, 1, : len(told)] = told, 1
        part |= {
            "text_bert": bert,
            "raw_text": words,
            "id": [f"{split}${row}" for row in range(len(words))],
        }
        part["text"][np.arange(room) >= bert[:, 1].sum(1)[:, None]] = 0
        part["text"][..., 0] = np.where(np.arange(room) < bert[:, 1].sum(1)[:, None], 1, 0)
    return found


SENTENCES = [
    ["我", "觉", "得", "好", "看"],
    ["un", "##believ", "##able", "film"],
    ["好", "看"],
    ["难", "看", "我"],
] * 4
WORDS = ["我觉得好看", "unbelievable film", "好 看", "难看我"] * 4


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    path = importable.write_mmsa(tmp_path / "one.pkl", content(SENTENCES, WORDS))
    importing.import_set([path], "mine", replace=True, **options)
    return load("mine")


def test_chinese_characters_are_matched_by_count() -> None:
    text = "好看好看难"
    framed = attribution.match(Text(text), 7)
    assert framed.units == ("[CLS]", *text, "[SEP]")
    assert "as many characters as there are steps between [CLS] and [SEP]" in describe_match(
        framed.how
    )
    assert attribution.match(Text(text), 5).units == tuple(text)
    for steps in (4, 6, 8):
        found = attribution.match(Text(text), steps)
        assert found.units is None
        assert f"5 characters and the sequence {steps} steps" in describe_match(found.how)
    assert attribution.match(Text("好看 ok 难"), 6).units is None  # "ok" may be one token or two


@pytest.mark.parametrize(
    ("text", "count", "units"),
    [
        ("हिन्दी फ़िल्म अच्छी", 3, ("हिन्दी", "फ़िल्म", "अच्छी")),
        ("हिन्दी", 6, None),
        ("ไทยดีมาก", 8, None),
        ("映画が好き", 5, None),
        ("映画が好き", 7, None),
        ("영화 좋다", 2, ("영화", "좋다")),
        ("영화 좋다", 4, None),
        ("שלום עולם", 2, ("שלום", "עולם")),
        ("مرحبا بالعالم", 12, None),
        ("好看👍🏽", 4, None),
        ("好看👍🏽", 3, None),
        ("好，看", 3, ("好", "，", "看")),
        ("e\u0301a", 3, None),
        ("𠀀好", 2, ("𠀀", "好")),
        ("好3看", 3, None),
        ("\u3000", 1, None),
        ("", 0, None),
    ],
)
def test_scripts_are_matched_where_characters_are_tokens(
    text: str, count: int, units: tuple[str, ...] | None
) -> None:
    result = attribution.match(Text(text), count)
    assert result.units == units
    assert ("matched in order" in describe_match(result.how)) == (units is not None)
    assert ("so steps have numbers only" in describe_match(result.how)) == (
        units is None and bool(text.strip())
    )


def test_match_by_count_is_stated() -> None:
    found = attribution.match(Text("a fine film"), 3)
    assert found.units == ("a", "fine", "film")
    assert "matched in order" in describe_match(found.how)
    assert attribution.match(Text("a fine film"), 5).units is None
    assert attribution.match(Text("a fine film", ("a", "fine", "film")), 3).how.kind == Match.GIVEN
    assert attribution.match(None, 3).how.kind == Match.NO_TEXT
    assert attribution.match(Text(""), 3).how.kind == Match.NO_TEXT


def test_steps_of_an_imported_pickle_are_named_by_equal_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = kept(tmp_path, monkeypatch)
    english, chinese = dataset.row("train$1"), dataset.row("train$0")
    assert attribution.match(dataset.content(english)["text"], 6).units is None
    assert attribution.match(dataset.content(chinese)["text"], 7).units == (
        "[CLS]",
        *"我觉得好看",
        "[SEP]",
    )


# ---- one axis for modalities of different rates


def test_sequences_without_rates_share_a_percent_axis() -> None:
    sample = open_sample("qj-planted", "p0031")
    picture = drawn(attribution_views.inside_time)(sample)
    assert "fraction of each modality's length" in picture.caption
    assert "no rate of text and audio" in picture.caption
    table = picture.numbers
    assert set(table["axis"]) == {"% of the length"}
    for name in ("text", "audio"):
        rows = table[table["modality"] == name]
        found = attribution.attribute(
            sample.study, sample.row, name, "score", sample.output, "mean"
        )
        np.testing.assert_allclose(rows["attribution"], found.units)
        assert rows["from"].iloc[0] == 0
        assert rows["to"].iloc[-1] == pytest.approx(100)
    assert rows["said"].tolist()[0].startswith("step 1")
    assert picture.figure is not None
    assert [len(each.x) - 1 for each in picture.figure.data] == table.groupby(
        "modality", sort=False
    ).size().tolist()
    assert panels.has_shared_axis(sample)
    assert not panels.has_shared_axis(sample, term="text")
    assert attribution.sequences(sample.study, "text+vision") == ("text",)


def test_sequences_of_known_rates_share_an_axis_of_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = kept(tmp_path, monkeypatch, rates={"text": 2, "audio": 100, "vision": 12.5})
    assert [each.rate for each in dataset.modalities] == [2.0, 100.0, 12.5]
    study: Any = SimpleNamespace(dataset=dataset)
    names = ("text", "audio", "vision")
    assert attribution.sequences(study) == names
    assert attribution.rates(study, names) == {"text": 2.0, "audio": 100.0, "vision": 12.5}
    row = dataset.row("train$0")
    found: Any = [
        SimpleNamespace(modality=name, units=np.ones(int(each.lengths[row])))
        for name, each in zip(names, dataset.modalities, strict=True)
    ]
    lanes = attribution.lanes(study, row, found)
    assert [lane.width for lane in lanes] == [0.5, 0.01, 0.08]
    assert lanes[0].names == ("[CLS]", *"我觉得好看", "[SEP]")
    assert lanes[1].names[:2] == ("step 1", "step 2")
    assert "12.5 steps a second" in attribution_views.describe_axis(
        names, attribution.rates(study, names)
    )


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"smell": 2}, "smell"),
        ({"audio": 0}, "above 0"),
        ({"audio": float("nan")}, "above 0"),
        ({"audio": 1e9}, "at most"),
    ],
)
def test_invalid_rates_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: dict[str, float], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        kept(tmp_path, monkeypatch, rates=rates)
    assert not (tmp_path / "imported" / "mine").exists()


def test_rates_are_written_as_name_and_number() -> None:
    assert importing.parse_rates(["audio=100", " vision = 12.5"]) == {
        "audio": 100.0,
        "vision": 12.5,
    }
    for wrong, message in (
        ("audio", "form name=steps"),
        ("audio=", "form name=steps"),
        ("audio=fast", "`rate of audio` must be a number"),
    ):
        with pytest.raises(InvalidInput, match=message):
            importing.parse_rates([wrong])
    with pytest.raises(InvalidInput, match="left out for vectors"):
        Modality("a", np.zeros((2, 3)), None, ("x", "y", "z"), rate=2.0)


def test_command_line_accepts_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    path = importable.write_mmsa(tmp_path / "one.pkl", content(SENTENCES, WORDS))
    words = [
        "data",
        "import",
        str(path),
        "--name",
        "mine",
        "--rate",
        "audio=100",
    ]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert load("mine").modalities[1].rate == 100
