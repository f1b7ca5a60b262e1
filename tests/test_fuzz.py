"""Damaged and hostile input of every reader: some cases of scripts/fuzz.py and its earlier findings."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import given

from qfusion import data
from qfusion.analysis import text
from qfusion.data import files, import_store, imported_sets, importing, registry
from qfusion.errors import MAX_TEXT, IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.models import Tweak, program_card
from qfusion.runs import folder
from qfusion.training import checkpoint, options
from scripts import fuzz
from tests.support import importable

ROOT = Path(__file__).resolve().parents[1]
FORK = multiprocessing.get_context("fork")


def test_random_damage_is_refused_by_every_reader() -> None:
    """In processes of their own, as they watch for files, processes and connections. Longer: scripts/fuzz.py."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "fuzz.py"),
            "--cases",
            "100",
            "--seed",
            "11",
            "--batch",
            "6",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " 0 findings of 0 kinds" in done.stdout


@given(
    fuzz.mutated([b"abc", b"xyz"]),
    fuzz.restructured([b'{"a": [1, {"b": 2}]}']),
    fuzz.restructured([b"no json"]),
)
def test_mutations_keep_the_file_type(damaged: bytes, changed: bytes, plain: bytes) -> None:
    assert isinstance(damaged, bytes)
    json.loads(changed)
    assert plain == b"no json"


WATCHED = {
    "touch": "made to write",
    "process": "subprocess.Popen",
    "slow": "more than 1 s",
    "raise": "ZeroDivisionError",
    "nothing": "",
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the watch says of each, and of a harmless case after it; in a process of its own, as an audit hook stays."""
    folder = tmp_path_factory.mktemp("watched")
    told = folder / "told"

    def look() -> None:
        fuzz.SECONDS = 1
        fuzz.begin_process()
        doors: dict[str, fuzz.Door] = {
            "touch": lambda *_: (folder / "made").write_text("x"),
            "nothing": lambda *_: None,
            "process": lambda *_: subprocess.run(["true"]),
            "slow": lambda *_: time.sleep(3),
            "raise": lambda *_: 1 / 0,
        }
        with tempfile.TemporaryDirectory() as own:
            said = {
                name: [fuzz.tried(each, b"", Path(own)) for each in (door, doors["nothing"])]
                for name, door in doors.items()
            }
        told.write_text(json.dumps(said))

    process = FORK.Process(target=look)
    process.start()
    process.join(120)
    assert process.exitcode == 0
    return dict(json.loads(told.read_text()))


@pytest.mark.parametrize("door", WATCHED)
def test_audit_hook_detects_forbidden_actions(door: str, watched: dict[str, list[str]]) -> None:
    said, then = watched[door]
    assert WATCHED[door] in said
    assert bool(said) == bool(WATCHED[door])
    assert not then


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


@pytest.mark.parametrize("given", ["3.5", "true", "{a = 1}", "[1]"])
def test_card_with_an_invalid_modality_name_is_refused(given: str) -> None:
    text = f'program = "p"\n[[input]]\nname = "x"\nmodality = {given}\n[output]\nname = "y"\n'
    with pytest.raises(InvalidInput, match="`modality` of input `x` must be names"):
        program_card.read(text, "c.toml")


@pytest.mark.parametrize("name", ["own\n", "\x00", "a/\x00", "../own", "/own", ".", ""])
def test_invalid_names_open_no_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sets").mkdir()
    for place in (tmp_path, tmp_path / "own", tmp_path / "sets"):
        place.mkdir(exist_ok=True)
        (place / imported_sets.MANIFEST).write_text("{}")
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "sets"))
    for ask in (imported_sets.manifest, imported_sets.load_imported, imported_sets.remove_imported):
        with pytest.raises(NotFound, match="does not exist"):
            ask(name)
    registry.stamp(name)
    with pytest.raises(InvalidInput, match="must begin with a letter or digit"):
        import_store.check_set_name(name)


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


def test_decompression_bombs_are_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "HARMLESS", 2**20)
    np.savez_compressed(tmp_path / "s.npz", a=np.zeros((2**12, 64)), y=np.arange(2**12) % 3)
    (tmp_path / "staged").mkdir()
    with pytest.raises(
        InvalidInput,
        match=r"File `s.npz` must not unpack to more than 100 times its size, but its 0",
    ):
        importing.examine_files([tmp_path / "s.npz"], tmp_path / "staged")
    np.savez(tmp_path / "s.npz", a=np.zeros((2**12, 64)), y=np.arange(2**12) % 3)
    importing.examine_files([tmp_path / "s.npz"], tmp_path / "staged")
    scipy.io.savemat(
        tmp_path / "s.mat",
        {"a": np.zeros((2**12, 64)), "y": np.arange(2**12) % 3},
        do_compression=True,
    )
    with pytest.raises(InvalidInput, match=r"File `s.mat` must not unpack"):
        importing.examine_files([tmp_path / "s.mat"], tmp_path / "staged")
    made = importable.tables(tmp_path / "t", count=12, suffix=".parquet")
    pd.DataFrame({"id": ["x"] * 2**17, "a": np.zeros(2**17)}).to_parquet(made / "audio.parquet")
    with pytest.raises(
        InvalidInput, match=r"File `audio.parquet` must not unpack to more than 100 times"
    ):
        importing.examine_files([made], tmp_path / "staged")


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
    "given", [{"range": [1]}, {"range": {"a": 1}}, {"classes": 3}, {"kind": []}]
)
def test_damaged_manifest_is_reported(
    given: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path))
    shutil.copytree(fuzz.imported_set(), tmp_path / "own")
    place = tmp_path / "own" / imported_sets.MANIFEST
    found = json.loads(place.read_text())
    place.write_text(json.dumps({**found, "target": {**found["target"], **given}}))
    with pytest.raises(IntegrityError, match="Imported data set 'own' is damaged"):
        imported_sets.verify_imported("own")


@pytest.mark.parametrize(
    "number", ["4" * 400, "-" + "4" * 400, "4" * 5000, "0x" + "f" * 5000, "[" * 20_000]
)
def test_huge_numbers_and_deep_nesting_are_refused(number: str, tmp_path: Path) -> None:
    wanted = tmp_path / "run.toml"
    wanted.write_text(f"data = 'planted'\nmodel = 'quantum-jump'\n[set]\nepochs = {number}\n")
    with pytest.raises(InvalidInput, match=r"cannot be read as TOML"):
        fuzz.read_config(wanted.read_bytes(), tmp_path)
    with pytest.raises(InvalidInput, match=r"Card `c\.toml` is not TOML"):
        program_card.read(f"program = {number}", "c.toml")
    with pytest.raises(InvalidInput, match="`epochs` must lie between 1 and 100000, but is inf"):
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
