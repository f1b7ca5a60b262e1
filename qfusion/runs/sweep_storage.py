"""Storage of sweeps: Optuna's journal files, or databases that several machines reach."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from filelock import FileLock

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.runs import quotas, run_names

if TYPE_CHECKING:
    import optuna.storages.journal
else:
    optuna = Library("optuna")


# Where sweeps are kept: Optuna's journal files, or databases that several machines reach.

SCHEMES = ("sqlite", "mysql", "postgresql")  # what Optuna's RDBStorage is documented with
_URL = re.compile(r"(?P<scheme>[a-z]+)(\+[a-z0-9_]+)?://(?P<rest>[^\s]*)")


def journal_path(name: str, storage: str = "") -> Path | None:
    """Return the journal file of a sweep, or None if the sweep is kept in a database.

    Raises:
        InvalidInput: when `storage` is neither a file nor the address of a database of SCHEMES.
    """
    if not storage:
        return quotas.sweeps_folder() / f"{run_names.check_name(name)}.journal"
    if "://" not in storage:
        path = Path(storage)
        check(
            path.suffix in (".journal", ".log"),
            "Argument `storage` must name a file that ends in .journal or .log, or a database "
            f"({', '.join(f'{s}://' for s in SCHEMES)}), but is {storage[:80]!r}.",
        )
        return path
    match = _URL.fullmatch(storage)
    scheme = storage.split(":", 1)[0][:20]  # never more of it: there may be a password
    check(
        match is not None and match["scheme"] in SCHEMES,
        "Argument `storage` must be a journal file or the address of a database, "
        f"{', '.join(f'{s}://...' for s in SCHEMES)}, but begins with {scheme!r}.",
    )
    check(
        scheme != "sqlite" or "?" not in storage,
        "Argument `storage` must name a file after sqlite:///, without options after '?'.",
    )
    return None


def hide_password(storage: str) -> str:
    """Return the storage of a sweep without the password of a database."""
    return re.sub(r"://([^/@:]*):[^@]*@", r"://\1:***@", storage)


class _Lock:
    """Lock for writing a journal, held by one process at a time. The system releases it if a process is killed,
    whereas Optuna's own lock would block all others for half a minute.
    """

    def __init__(self, path: Path):
        self.path = path
        self.lock = FileLock(path.with_name(f".{path.name}.held"), is_singleton=False)

    def acquire(self) -> bool:
        """Wait for the lock, and remove a last line that a full disk or a kill has cut off. Otherwise new text would
        continue that line, and no later line could be read.
        """
        self.lock.acquire()
        try:
            with self.path.open("rb+") as file:
                end = file.seek(0, 2)
                file.seek(max(0, end - 1))
                if end and file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
        except OSError:
            self.lock.release()
            raise
        return True

    def release(self) -> None:
        """Release the lock."""
        self.lock.release()


def open_study(
    name: str, storage: str = "", direction: Literal["minimize", "maximize", ""] = ""
) -> optuna.Study:
    """Return the study of a sweep. A journal is created if there is none.

    Args:
        name, storage: see `journal_path`.
        direction: makes it where there is none; empty: it must be there.

    Raises:
        InvalidInput: when the place cannot be reached or written to, is another program's or of another version of
            Optuna, or its study of that name was not begun by a sweep. See `journal_path` for others.
        NotFound: when it must be there and is not. IntegrityError: when the journal is damaged.
    """
    run_names.check_name(name)
    path = journal_path(name, storage)
    check(
        bool(direction) or path is None or path.is_file(),
        f"Sweep {name!r} does not exist. Begin it with --data and --range or --choice.",
        NotFound,
    )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    place = _database(storage) if path is None else _journal_storage(path, named=bool(storage))
    return _study(name, place, path, storage, direction)


def _database(storage: str) -> Any:
    """Return a database as an Optuna storage."""
    address = hide_password(storage)[:80]
    _check_sqlite(storage)
    try:
        return optuna.storages.RDBStorage(storage)
    except RuntimeError as error:  # of Optuna itself: a schema of another version
        older = "storage upgrade" in str(error)
        remedy = (
            "Keep a copy of it, then run `optuna storage upgrade --storage` with its address"
            if older
            else "Update Optuna here (`pip install -U optuna`)"
        )
        check(
            "schema" not in str(error),
            f"The database {address} was written by {'an older' if older else 'a newer'} version of Optuna than "
            f"{optuna.__version__}. {remedy}, or choose another database.",
        )
        raise InvalidInput(_unusable(address, error)) from error
    except Exception as error:  # of whichever driver
        raise InvalidInput(_unusable(address, error)) from error


def _unusable(address: str, error: Exception) -> str:
    """A database that cannot be opened, without the words of its driver, which may repeat the password."""
    return (
        f"The database {address} cannot be used ({type(error).__name__}). Look at its address, and whether the "
        "package of its driver is installed."
    )


def _check_sqlite(storage: str) -> None:
    """Raise InvalidInput for a file of SQLite that another program fills: Optuna would add its tables to it."""
    path = Path(storage.partition(":///")[2])
    if not storage.startswith("sqlite") or not path.is_file() or not path.stat().st_size:
        return
    with translate_errors(
        f"{path} cannot be read as a database of SQLite",
        "Choose another file.",
        sqlite3.Error,
        why="{words:.80}",
    ):
        reading = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(reading) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {str(name) for (name,) in rows}
    check(
        not tables or {"studies", "trials"} <= tables,
        f"{path} is a database of another program, with tables such as {min(tables, default='')[:40]!r}. Choose "
        "another file: a sweep would add its own tables to it.",
    )


def _journal_storage(path: Path, named: bool) -> Any:
    """Return a journal as an Optuna storage, created if there is none.

    Args:
        named: whether it is a file that was named, and not one among the user's runs.
    """
    with translate_errors(f"{path} cannot be written", "Choose a file where you may write."):
        if not named:
            path.parent.mkdir(parents=True, exist_ok=True)
        _check_journal(path)
        with _reading(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            backend = optuna.storages.journal.JournalFileBackend(
                str(path), lock_obj=cast(Any, _Lock(path))
            )
            return optuna.storages.JournalStorage(backend)


def _check_journal(path: Path) -> None:
    """Raise IntegrityError for a file that is not an Optuna journal, before anything is written to it. Files of
    other programs are not changed.
    """
    if not path.exists() or not path.stat().st_size:
        return
    check(
        path.is_file() and path.stat().st_size <= 500_000_000,
        f"{path} is {'too large' if path.is_file() else 'no file'} for the journal of a sweep. Choose another one.",
    )
    with path.open("rb") as file:
        line = file.readline(1 << 20)
    try:
        first = json.loads(line)
        begins = isinstance(first, dict) and {"op_code", "worker_id"} <= first.keys()
    except ValueError:  # or a first line that a kill has cut off
        begins = line.startswith(b'{"op_code":') and not line.endswith(b"\n")
    check(
        begins,
        f"{path} cannot be read as the journal of a sweep: it does not begin as Optuna's do. Choose another name, or "
        "another file.",
        IntegrityError,
    )


def _reading(path: Path) -> contextlib.AbstractContextManager[None]:
    """Context manager that reports in one line that a journal cannot be read, whatever the damage."""
    return translate_errors(
        f"{path} cannot be read as the journal of a sweep",
        "Choose another name, or delete the file.",
        *(ValueError, KeyError, TypeError, AssertionError, AttributeError),
        error=IntegrityError,
        why="{kind}",
        passing=(QFusionError,),
    )


def _study(
    name: str,
    place: Any,
    path: Path | None,
    storage: str,
    direction: Literal["minimize", "maximize", ""],
) -> optuna.Study:
    """Return the study of a sweep in a storage. It is created if a `direction` is given and there is none."""
    damaged = contextlib.nullcontext() if path is None else _reading(path)
    with (
        damaged,
        translate_errors(
            f"{path} cannot be written",
            "Choose a file where you may write, or free some disk space.",
        ),
    ):
        known = name in optuna.get_all_study_names(place)
        check(
            known or bool(direction),
            f"Sweep {name!r} does not exist there. Begin it with --data and --range or --choice.",
            NotFound,
        )
        if not known and direction:
            with contextlib.suppress(optuna.exceptions.DuplicatedStudyError):  # by another process
                study = optuna.create_study(storage=place, study_name=name, direction=direction)
                study.set_user_attr(BEGUN, True)
                return study
        study = optuna.load_study(storage=place, study_name=name)
        check(
            _is_ours(study, among_runs=not storage),
            f"The study {name!r} in {path or hide_password(storage)[:80]} was not begun by a sweep, and is left as it "
            "is. Choose another name.",
        )
        return study


BEGUN = "qfusion"  # marks a study that a sweep has made
MARKED = 5.0  # seconds in which another process that has just made a study marks it


def _is_ours(study: optuna.Study, among_runs: bool) -> bool:
    """Whether a sweep has made a study, and not another program.

    Args:
        among_runs: whether it lies among the user's runs, where an empty one is of a sweep that was killed as it began.
    """
    began = time.monotonic()
    while not {BEGUN, "search"} & study.user_attrs.keys():
        is_empty = not study.trials and not study.user_attrs
        if among_runs and is_empty:
            return True
        if not is_empty or time.monotonic() - began > MARKED:
            return False
        time.sleep(0.05)
    return True
