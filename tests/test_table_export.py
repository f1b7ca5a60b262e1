"""Exported tables contain no spreadsheet formulas, whatever the delimiter."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from qfusion.commands import printing
from qfusion.study import text

ROOT = Path(__file__).resolve().parents[1]
HARMFUL = (
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-cmd|' /c calc'!A1",
    "@SUM(1)",
    "＝1",
    "left;=1+1",
    'left;"=1+1',
    "left\t@SUM(1)",
    "left\n-2+3",
    "a;b;;+1",
)


def cells(written: str, divider: str) -> list[str]:
    """The cells that a spreadsheet sees, where its country divides them so."""
    return [cell for row in csv.reader(io.StringIO(written), delimiter=divider) for cell in row]


@pytest.mark.parametrize("divider", [",", ";", "\t"])
@pytest.mark.parametrize("words", HARMFUL)
def test_no_cell_is_a_formula_in_any_spreadsheet(words: str, divider: str) -> None:
    frame = pd.DataFrame({"n": [-1.5, 2.0], "id": [words, "s1"], words: ["x", words]})
    written = text.csv(frame).decode()
    seen = [cell for cell in cells(written, divider) if not re.match(r"-?\d", cell)]
    assert not [cell for cell in seen if cell.lstrip('"')[:1] in tuple("=+-@＝")]
    assert pd.read_csv(io.StringIO(written))["n"].tolist() == [-1.5, 2.0]


@pytest.mark.parametrize(
    "words", ["plain", "a; b", "a, -b", "first line\n\nlast line", "x = 1", "12:30", "ü-ß"]
)
def test_other_texts_are_unchanged(words: str) -> None:
    read = pd.read_csv(io.BytesIO(text.csv(pd.DataFrame({"id": [words], "n": [0.1]}))))
    assert read["id"].tolist() == [words]


def test_commands_use_the_same_writer(tmp_path: Path) -> None:
    frames = [
        pd.DataFrame({"id": list(HARMFUL[:4]), "score": [0.25, -0.5, 1e-12, 3.0]}),
        pd.DataFrame({"id": list(HARMFUL[4:]), "score": [1.0] * 6}),
    ]
    printing.write_table(frames, tmp_path / "all.csv")
    printing.write_table(frames, tmp_path / "all.parquet")
    whole = pd.concat(frames)
    assert (tmp_path / "all.csv").read_bytes() == text.csv(whole)
    assert pd.read_parquet(tmp_path / "all.parquet")["id"].tolist() == list(HARMFUL)  # as it is
    read = pd.read_csv(tmp_path / "all.csv")
    assert read["score"].tolist() == whole["score"].tolist()
    assert not [name for name in read["id"] if name[0] in "=+-@＝"]


def test_no_other_file_writes_tables_for_readers() -> None:
    writers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "qfusion").rglob("*.py")
        if re.search(r"\.to_csv\(|\.to_excel\(|csv\.writer\(|DictWriter\(", path.read_text())
    }
    assert writers == {
        "qfusion/study/text.py",
        "qfusion/figures/files/recipe.py",  # what a digest is made of
    }


@pytest.mark.parametrize("place", [".streamlit", "qfusion/app/.streamlit"])
def test_streamlits_own_button_is_not_shown(place: str) -> None:
    options = tomllib.loads((ROOT / place / "config.toml").read_text())
    assert options["client"]["disableDataExport"] is True
