"""Where sweeps are kept: Optuna's journal files, or databases that several machines reach."""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock

from qfusion._checks import check
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.runs.folder import NAME, home

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

SCHEMES = ("sqlite", "mysql", "postgresql")  # what Optuna's RDBStorage is documented with
_URL = re.compile(r"(?P<scheme>[a-z]+)(\+[a-z0-9_]+)?://(?P<rest>[^\s]*)")
_LARGEST = 500_000_000  # bytes of a journal


def folder() -> Path:
    """Returns where the journals of sweeps are, below the folder of runs."""
    return home() / ".sweeps"


def names() -> list[str]:
    """Returns the names of the sweeps in the user's folder, the last changed first."""
    found = {}
    for path in folder().glob("*.journal"):
        with contextlib.suppress(OSError):  # another process removes it meanwhile
            found[path.stem] = path.stat()
    return [
        name
        for name in sorted(found, key=lambda name: -found[name].st_mtime_ns)
        if NAME.fullmatch(name) and found[name].st_size
    ]  # nothing stands in it yet


def check_name(name: str) -> str:
    """Returns the name of a sweep if it can be one.

    Raises:
        InvalidInput: when it cannot.
    """
    check(
        bool(NAME.fullmatch(name)),
        f"Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-' and begin with a letter or digit, "
        f"but is {name[:80]!r}. Choose another name.",
    )
    return name


def journal(name: str, storage: str = "") -> Path | None:
    """Returns the journal file of a sweep, None where it is kept in a database.

    Raises:
        InvalidInput: when `storage` is neither a file nor the address of a database of SCHEMES.
    """
    if not storage:
        return folder() / f"{check_name(name)}.journal"
    if "://" not in storage:
        path = Path(storage)
        check(
            path.suffix in (".journal", ".log"),
            "Argument `storage` must name a file that ends in .journal or .log, or a database "
            f"({', '.join(f'{s}://' for s in SCHEMES)}), but is {storage[:80]!r}.",
        )
        return path
    found = _URL.fullmatch(storage)
    scheme = storage.split(":", 1)[0][:20]  # never more of it: there may be a password
    check(
        found is not None and found["scheme"] in SCHEMES,
        "Argument `storage` must be a journal file or the address of a database, "
        f"{', '.join(f'{s}://...' for s in SCHEMES)}, but begins with {scheme!r}.",
    )
    check(
        scheme != "sqlite" or "?" not in storage,
        "Argument `storage` must name a file after sqlite:///, without options after '?'.",
    )
    return None


def hidden(storage: str) -> str:
    """Returns where a sweep is kept, without the password of a database."""
    return re.sub(r"://([^/@:]*):[^@]*@", r"://\1:***@", storage)


def opened(name: str, storage: str = "") -> BaseStorage:
    """Returns Optuna's storage of a sweep; a journal is made where there is none.

    Raises:
        InvalidInput: when the place cannot be reached or written to. See `journal` for others.
        IntegrityError: when the journal is damaged.
    """
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = journal(name, storage)
    if path is None:
        try:
            return RDBStorage(storage)
        except Exception as error:  # of whichever driver
            raise InvalidInput(
                f"The database {hidden(storage)[:80]} cannot be used ({type(error).__name__}). Look at its address, "
                "and whether the package of its driver is installed."
            ) from error
    try:
        if not storage:
            path.parent.mkdir(parents=True, exist_ok=True)
        check(
            not path.exists() or path.stat().st_size <= _LARGEST,
            f"{path} is too large for the journal of a sweep.",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return JournalStorage(JournalFileBackend(str(path), lock_obj=_Lock(path)))  # type: ignore[arg-type]
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written ({error.strerror or error}). Choose a file where you may write."
        ) from error
    except (ValueError, KeyError, TypeError, AssertionError, AttributeError) as error:
        raise IntegrityError(
            f"{path} cannot be read as the journal of a sweep. Choose another name, or delete the file."
        ) from error


class _Lock:
    """Who writes a journal, one at a time: a lock that the system takes from a process that is killed, where Optuna's
    own would keep all others waiting for half a minute."""

    def __init__(self, path: Path):
        self.path, self.lock = (
            path,
            FileLock(path.with_name(f".{path.name}.held"), is_singleton=False),
        )

    def acquire(self) -> bool:
        """Waits for it, and takes away the line that a full disk or a kill has cut off: what is added would go on in
        it, and no line after it be read again."""
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
        """Lets go of it."""
        self.lock.release()


def study(
    name: str, storage: str = "", direction: Literal["minimize", "maximize", ""] = ""
) -> Study:
    """Returns the study of a sweep.

    Args:
        name, storage: see `opened`.
        direction: makes it where there is none; empty: it must be there.

    Raises:
        NotFound: when it must be there and is not.
    """
    import optuna

    check_name(name)
    path = journal(name, storage)
    if not direction and path is not None and not path.is_file():
        raise NotFound(
            f"Sweep {name!r} does not exist. Begin it with --data and --range or --choice."
        )
    kept = opened(name, storage)
    try:
        if direction:
            return optuna.create_study(
                storage=kept, study_name=name, direction=direction, load_if_exists=True
            )
        return optuna.load_study(storage=kept, study_name=name)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written ({error.strerror or error}). Choose a file where you may write, "
            "or free some disk space."
        ) from error
    except KeyError:
        raise NotFound(
            f"Sweep {name!r} does not exist there. Begin it with --data and --range or --choice."
        ) from None
