"""Foreign sweep storage (other files, programs, Optuna schemas) is refused in one line and not changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from qfusion.cli import main
from qfusion.errors import InvalidInput, NotFound
from qfusion.plugins.sweeps import search_space, sweeps


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


def test_study_of_another_program_is_not_changed(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path}/t.db"
    theirs = optuna.create_study(storage=where, study_name="tuned", direction="maximize")
    theirs.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(NotFound, match="does not exist"):
        sweeps.find("tuned", where)
    assert sweeps.begin("tuned", search(), 2, where).trials == 2  # beside it
    left = optuna.load_study(storage=where, study_name="tuned")
    assert left.user_attrs == {}
    assert len(left.trials) == 1


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


@pytest.mark.parametrize("schema", ["v0.9.0.a", "v99.0.0.a"])
def test_schema_of_another_version_is_refused_with_instructions(
    schema: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kept.db"
    sweeps.begin("mine", search(), 1, f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (schema,))
        database.commit()
    with pytest.raises(InvalidInput, match=r"another version of Optuna.*optuna storage upgrade"):
        sweeps.find("mine", f"sqlite:///{path}")
    line = said(capsys, "--name", "mine", "--storage", f"sqlite:///{path}")
    assert "driver" not in line
