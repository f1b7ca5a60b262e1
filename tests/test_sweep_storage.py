"""Foreign sweep storage (other files, programs, Optuna schemas) is refused in one line and not changed."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from qfusion.cli import main
from qfusion.errors import IntegrityError, InvalidInput
from qfusion.runs import search_space, sweep_storage, sweeps


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))


def search(**changed: Any) -> search_space.Search:
    words = dict(
        data="digits",
        model="linear",
        assigned=dict(epochs=1, batch=256),
        ranges=["rate=1e-3:1e-1:log"],
        choices=[],
    )
    return search_space.read_search(**{**words, **changed})


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says of an error, which is one line."""
    with pytest.raises(SystemExit) as ended:
        main(["sweep", *words])
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 1
    assert len(lines) == 1
    return lines[0]


NO_JOURNALS = {
    "words": b"not a journal\n",
    "cut-off-words": b"measured on a Tuesday",
    "table": b"id,label\na,1\nb,0\n",
    "list": b"[1, 2, 3]\n",
    "other-json": b'{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.4}\n',
    "zeros": bytes(300),
    "archive": gzip.compress(b"words"),
    "page": "<html><title>Größe</title></html>\n".encode("latin-1"),
}


@pytest.mark.parametrize("kind", NO_JOURNALS)
def test_foreign_file_is_refused_and_kept(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{kind}.journal"
    path.write_bytes(NO_JOURNALS[kind])
    with pytest.raises(IntegrityError, match="cannot be read as the journal of a sweep"):
        sweeps.begin("mine", search(), 1, str(path))
    line = said(
        capsys,
        *("--name", "mine", "--data", "digits", "--model", "linear", "--trials", "1"),
        *("--range", "rate=1e-3:1e-1:log", "--set", "epochs=1", "--storage", str(path)),
    )
    assert str(path) in line
    assert path.read_bytes() == NO_JOURNALS[kind]


@pytest.mark.parametrize(
    "damage",
    [b"no\nno\n", b'{"op_code":99}\n{"op_code":99}\n', b'{"op_code":0,"worker_id":"a"}\n' * 2],
)
def test_damaged_journal_is_refused(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.log"
    sweeps.begin("mine", search(), 1, str(path))
    with path.open("ab") as file:
        file.write(damage)
    with pytest.raises(IntegrityError, match="cannot be read as the journal of a sweep"):
        sweeps.begin("mine", search(), 1, str(path))


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    place = tmp_path / "folder.journal"
    place.mkdir()
    with pytest.raises(InvalidInput, match="is no file"):
        sweeps.begin("mine", search(), 1, str(place))


@pytest.mark.parametrize("length", [1, 12, 40])
def test_truncated_first_line_starts_a_new_journal(length: int, tmp_path: Path) -> None:
    whole = tmp_path / "whole.journal"
    sweeps.begin("mine", search(), 1, str(whole))
    path = tmp_path / "cut.journal"
    path.write_bytes(whole.read_bytes()[:length])
    if length < len('{"op_code":'):
        with pytest.raises(IntegrityError):
            sweeps.begin("mine", search(), 1, str(path))
        return
    assert sweeps.begin("mine", search(), 1, str(path)).trials == 1


def journal_of(path: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(path)))


STORAGES: dict[str, Callable[[Path], tuple[Any, str]]] = {
    "journal": lambda folder: (journal_of(folder / "t.journal"), str(folder / "t.journal")),
    "log": lambda folder: (journal_of(folder / "t.log"), str(folder / "t.log")),
    "sqlite": lambda folder: (
        RDBStorage(f"sqlite:///{folder}/t.db"),
        f"sqlite:///{folder}/t.db",
    ),
}
PROGRAMS = {
    "trials": dict(directions=["minimize"], trials=3),
    "maximised": dict(directions=["maximize"], trials=1),
    "two-aims": dict(directions=["minimize", "maximize"], trials=2),
    "just-begun": dict(directions=["minimize"], trials=0),
}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_foreign_study_is_not_changed(
    program: str, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_storage, "MARKED", 0.2)
    place, where = STORAGES[storage](tmp_path)
    aims, trials = PROGRAMS[program]["directions"], PROGRAMS[program]["trials"]
    theirs = optuna.create_study(storage=place, study_name="tuned", directions=aims)
    for number in range(trials):
        values = [float(number)] * len(aims)
        theirs.add_trial(optuna.trial.create_trial(values=values))
    with pytest.raises(InvalidInput, match=r"'tuned'.*was not begun by a sweep"):
        sweeps.begin("tuned", search(), 2, where)
    with pytest.raises(InvalidInput, match="was not begun by a sweep"):
        sweeps.find("tuned", where)
    left = optuna.load_study(storage=place, study_name="tuned")
    assert left.user_attrs == {}
    assert len(left.trials) == trials
    # beside it there is room for a sweep
    assert sweeps.begin("other", search(), 2, where).trials == 2
    assert sweeps.begin("other", search(), 4, where).trials == 4


@pytest.mark.parametrize("table", ["moz_places", "bills", "x y"])
def test_foreign_database_is_not_changed(table: str, tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f'CREATE TABLE "{table}" (a)')
        database.commit()
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="is a database of another program"):
        sweeps.begin("mine", search(), 1, f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"words\n" * 300, bytes(range(256)) * 20, b"PK\3\4" * 200])
def test_non_database_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.db"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read as a database of SQLite"):
        sweeps.begin("mine", search(), 1, f"sqlite:///{path}")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("schema", "remedy"),
    [
        ("v0.9.0.a", "an older version of Optuna.*optuna storage upgrade"),
        ("v2.6.0.a", "an older version of Optuna.*optuna storage upgrade"),
        ("v99.0.0.a", "a newer version of Optuna.*pip install -U optuna"),
    ],
)
def test_schema_of_another_version_is_refused_with_instructions(
    schema: str, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made.db"
    sweeps.begin("mine", search(), 1, f"sqlite:///{made}")
    path = tmp_path / "kept.db"
    shutil.copy(made, path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (schema,))
        database.commit()
    with pytest.raises(InvalidInput, match=remedy):
        sweeps.find("mine", f"sqlite:///{path}")
    line = said(capsys, "--name", "mine", "--storage", f"sqlite:///{path}")
    assert "driver" not in line
