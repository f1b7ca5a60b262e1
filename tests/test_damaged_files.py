"""Damaged files and odd names are refused in one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from qfusion import data
from qfusion.commands import train
from qfusion.data import importing, registry
from qfusion.data.store import manifest, reading, writing
from qfusion.errors import MAX_TEXT, IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.models import Tweak
from qfusion.runs import folder
from qfusion.study import text
from qfusion.training import checkpoint, options
from tests.support import importable


def test_refusals_are_one_line() -> None:
    hostile = "a\r\nb\x00c\u202ed\u2028e\ud800f\x1b[31m"
    for error in (InvalidInput, NotFound, QFusionError):
        said = str(error(f"Argument {hostile} is wrong."))
        assert said.isprintable()
        assert said.startswith("Argument a\\r\\nb\\x00c\\u202ed\\u2028e\\ud800f\\x1b[31m")
    assert len(str(InvalidInput("x" * 10**6))) == MAX_TEXT
    assert str(InvalidInput("Größe ≥ 3 – „so“")) == "Größe ≥ 3 – „so“"
    with pytest.raises(QFusionError) as refused:
        Tweak.parse("cos\nsystem\n(S'true'\ntR.=", checkpoint.load("qj-planted").model)
    assert "\n" not in str(refused.value)


def test_a_parquet_file_with_a_damaged_header_is_refused(tmp_path: Path) -> None:
    tables = importable.tables(tmp_path / "t", count=12, suffix=".parquet")
    data = bytearray((tables / "labels.parquet").read_bytes())
    data[-40:-12] = b"\xff" * 28
    (tables / "labels.parquet").write_bytes(data)
    (tmp_path / "staged").mkdir()
    with pytest.raises(InvalidInput, match=r"Table `labels\.parquet` cannot be read"):
        importing.examine_files([tables], tmp_path / "staged")


@pytest.mark.parametrize("name", ["own\n", "\x00", "a/\x00", "../own", "/own", ".", ""])
def test_invalid_names_open_no_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sets").mkdir()
    for place in (tmp_path, tmp_path / "own", tmp_path / "sets"):
        place.mkdir(exist_ok=True)
        (place / manifest.MANIFEST).write_text("{}")
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "sets"))
    for ask in (manifest.imported_manifest, reading.open_imported, manifest.remove_imported):
        with pytest.raises(NotFound, match="does not exist"):
            ask(name)
    registry.stamp(name)
    with pytest.raises(InvalidInput, match="must begin with a letter or digit"):
        writing.check_set_name(name)


@pytest.mark.parametrize("history", ["3.5", "3", '"abc"', "[1]", "null"])
def test_damaged_run_record_is_reported(history: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(f'{{"state": "done", "history": {history}}}')
    with pytest.raises(IntegrityError, match="is not the record of a training"):
        folder.Run(tmp_path).record()
    (tmp_path / "record.json").write_text(
        '{"state": "done", "history": [], "began": 3, "of a later version": 1}'
    )
    assert folder.Run(tmp_path).record().began == 3
    (tmp_path / "plan.json").write_text(
        '{"data": "planted", "model": "quantum-jump", "seed": "one"}'
    )
    with pytest.raises(
        IntegrityError,
        match=r"plan\.json is not the plan of a training \(Expected `int`, got `str`",
    ):
        _ = folder.Run(tmp_path).plan
    (tmp_path / "record.json").write_text('{"state": 3}')
    with pytest.raises(IntegrityError, match="is not the record of a training"):
        folder.Run(tmp_path).record()


@pytest.mark.parametrize(
    "words",
    [
        *("\r=1", "a\r=1", "\r\n=1", "\n=1", "＝1", "\t=1", "+1", "-cmd", "@x"),
        '=HYPERLINK("http://x","y")',
        "<img src=x onerror=alert(1)>",
    ],
)
def test_cells_contain_no_line_breaks_or_formulas(words: str) -> None:
    written = text.csv(pd.DataFrame({words: [words], "b": ["x"]})).decode()
    assert "\r" not in written
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [len(row) for row in rows] == [2, 2]
    assert not [cell for row in rows for cell in row if cell[0] in "=＝@+-\n\t"]


def test_a_name_too_long_for_a_file_does_not_exist() -> None:
    with pytest.raises(NotFound, match="does not exist"):
        data.load("/" + 5000 * "a")


@pytest.mark.parametrize(
    "given",
    [
        {"range": [1]},
        {"range": {"a": 1}},
        {"classes": 3},
        {"kind": []},
        {"convention": "mosi, surely"},
    ],
)
def test_damaged_manifest_is_reported(
    given: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path))
    importing.import_set([importable.tables(tmp_path / "t", count=30)], "own")
    place = tmp_path / "own" / manifest.MANIFEST
    found = json.loads(place.read_text())
    place.write_text(json.dumps({**found, "target": {**found["target"], **given}}))
    with pytest.raises(IntegrityError, match="Imported data set 'own' is damaged"):
        reading.verify_imported("own")


@pytest.mark.parametrize(
    "number", ["4" * 400, "-" + "4" * 400, "4" * 5000, "0x" + "f" * 5000, "[" * 20_000]
)
def test_huge_numbers_and_deep_nesting_are_refused(number: str, tmp_path: Path) -> None:
    wanted = tmp_path / "run.toml"
    wanted.write_text(f"data = 'planted'\nmodel = 'quantum-jump'\n[set]\nepochs = {number}\n")
    with pytest.raises(InvalidInput, match=r"cannot be read as TOML"):
        train.read_plan(None, "", None, [], wanted)
    with pytest.raises(
        InvalidInput, match="`epochs` must be a whole number from 1 to 2000, but is 1000"
    ):
        options.Options(epochs=10**400)


def test_invalid_utf_8_in_parquet_is_refused(tmp_path: Path) -> None:
    tables = importable.tables(tmp_path / "t", count=12, suffix=".parquet")
    place = tables / "labels.parquet"
    place.write_bytes(place.read_bytes().replace(b"\x03\x00\x00\x00low", b"\x03\x00\x00\x00\xffow"))
    (tmp_path / "staged").mkdir()
    with pytest.raises(
        InvalidInput, match=r"Table `labels\.parquet` cannot be read .*Invalid UTF8"
    ):
        importing.examine_files([tables], tmp_path / "staged")
