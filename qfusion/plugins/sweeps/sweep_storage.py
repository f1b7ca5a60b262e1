"""Storage of sweeps: databases of Optuna, a file of SQLite for each among the user's runs, or one that machines share.

Optuna itself finds trials whose process is gone, by their heartbeat, and repeats them.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.errors import InvalidInput, NotFound, translate_errors
from qfusion.runs import folder
from qfusion.runs.folder import runs_folder

if TYPE_CHECKING:
    import optuna.storages
else:
    optuna = Library("optuna")

SCHEMES = ("sqlite", "mysql", "postgresql")  # what Optuna's RDBStorage is documented with
PREFIX = "qfusion/"  # of the names of studies, so that those of other programs are left as they are
BEAT = 15  # seconds between two signs of life of a trial
SILENT = 60  # seconds without one after which a trial is repeated
_URL = re.compile(r"(?P<scheme>[a-z]+)(\+[a-z0-9_]+)?://(?P<rest>[^\s]*)")
_ENDING = ".sqlite"


def sweeps_folder() -> Path:
    """Return the folder of the user's sweeps, below that of the runs."""
    return runs_folder() / ".sweeps"


def sweep_names() -> list[str]:
    """Return the names of the sweeps in the user's folder, the last changed first."""
    stats = {}
    for path in sweeps_folder().glob(f"*{_ENDING}"):
        with contextlib.suppress(OSError):  # another process removes it meanwhile
            stats[path.stem] = path.stat().st_mtime_ns
    names = sorted(stats, key=lambda name: -stats[name])
    return [name for name in names if folder.NAME.fullmatch(name)]


def storage_address(name: str, storage: str = "") -> str:
    """Return the address of the database of a sweep: the given one, or that of a file among the user's runs.

    Raises:
        InvalidInput: when `storage` is not the address of a database of SCHEMES.
    """
    if not storage:
        path = sweeps_folder() / f"{folder.check_name(name)}{_ENDING}"
        return f"sqlite:///{path.absolute()}"
    match = _URL.fullmatch(storage)
    scheme = storage.split(":", 1)[0][:20]  # never more of it: there may be a password
    check(
        match is not None and match["scheme"] in SCHEMES,
        "Argument `storage` must be the address of a database, "
        f"{', '.join(f'{s}://...' for s in SCHEMES)}, but begins with {scheme!r}.",
    )
    check(
        scheme != "sqlite" or "?" not in storage,
        "Argument `storage` must name a file after sqlite:///, without options after '?'.",
    )
    return storage


def hide_password(address: str) -> str:
    """Return the address of a database without its password."""
    return re.sub(r"://([^/@:]*):[^@]*@", r"://\1:***@", address)


def open_study(
    name: str, storage: str = "", direction: Literal["minimize", "maximize", ""] = ""
) -> optuna.Study:
    """Return the study of a sweep.

    Args:
        name, storage: see `storage_address`.
        direction: makes it where there is none; empty: it must be there.

    Raises:
        InvalidInput: when the database cannot be reached or written to, or is another program's or of another version
            of Optuna. See `storage_address` for others.
        NotFound: when it must be there and is not.
    """
    folder.check_name(name)
    address = storage_address(name, storage)
    absent = f"Sweep {name!r} does not exist. Begin it with --data and --range or --choice."
    if address.startswith("sqlite"):
        path = Path(address.partition(":///")[2])
        check(bool(direction) or path.is_file(), absent, NotFound)
        _check_sqlite(path)
        if not storage:
            with translate_errors(f"{path} cannot be written", "Correct its permissions."):
                path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    database = _database(address)
    if direction:
        return optuna.create_study(
            storage=database, study_name=PREFIX + name, direction=direction, load_if_exists=True
        )
    check(PREFIX + name in optuna.get_all_study_names(database), absent, NotFound)
    return optuna.load_study(storage=database, study_name=PREFIX + name)


def translate_database_errors(name: str) -> contextlib.AbstractContextManager[None]:
    """Context manager that raises InvalidInput when the database of a sweep cannot be read or written."""
    return translate_errors(
        f"The database of sweep {name} cannot be used",
        "Correct its permissions, or free some disk space.",
        optuna.exceptions.StorageInternalError,
        why="{kind}",
    )


def _database(address: str) -> optuna.storages.RDBStorage:
    hidden = hide_password(address)[:160]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are called experimental
        try:
            return optuna.storages.RDBStorage(
                address,
                heartbeat_interval=BEAT,
                grace_period=SILENT,
                failed_trial_callback=optuna.storages.RetryFailedTrialCallback(),
            )
        except RuntimeError as error:  # of Optuna itself: a schema of another version
            check(
                "schema" not in str(error),
                f"The database {hidden} was written by another version of Optuna than {optuna.__version__}. Copy it, "
                "run `optuna storage upgrade --storage` with its address, update Optuna (`pip install -U optuna`), or "
                "choose another database.",
            )
            raise InvalidInput(_unusable(hidden, error)) from error
        except Exception as error:  # of whichever driver
            raise InvalidInput(_unusable(hidden, error)) from error


def _unusable(address: str, error: Exception) -> str:
    """A database that cannot be opened, without the words of its driver, which may repeat the password."""
    return (
        f"The database {address} cannot be used ({type(error).__name__}). Look at its address, and whether the "
        "package of its driver is installed."
    )


def _check_sqlite(path: Path) -> None:
    """Raise InvalidInput for a file of SQLite that another program fills: Optuna would add its tables to it."""
    if not path.is_file() or not path.stat().st_size:
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
