"""Where sweeps are kept, who holds which of their trials, and how many a server keeps."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import socket
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout

from qfusion import _limits
from qfusion._checks import check
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.runs import folder
from qfusion.runs.folder import NAME, home

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


# Where sweeps are kept: Optuna's journal files, or databases that several machines reach.

SCHEMES = ("sqlite", "mysql", "postgresql")  # what Optuna's RDBStorage is documented with
_URL = re.compile(r"(?P<scheme>[a-z]+)(\+[a-z0-9_]+)?://(?P<rest>[^\s]*)")
_LARGEST = 500_000_000  # bytes of a journal


def sweeps_folder() -> Path:
    """Returns where the journals of sweeps are, below the folder of runs."""
    return home() / ".sweeps"


def names() -> list[str]:
    """Returns the names of the sweeps in the user's folder, the last changed first."""
    result = {}
    for path in sweeps_folder().glob("*.journal"):
        with contextlib.suppress(OSError):  # another process removes it meanwhile
            result[path.stem] = path.stat()
    return [
        name
        for name in sorted(result, key=lambda name: -result[name].st_mtime_ns)
        if NAME.fullmatch(name) and result[name].st_size
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
        return sweeps_folder() / f"{check_name(name)}.journal"
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


def open_study(
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
    view = opened(name, storage)
    try:
        if direction:
            return optuna.create_study(
                storage=view, study_name=name, direction=direction, load_if_exists=True
            )
        return optuna.load_study(storage=view, study_name=name)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written ({error.strerror or error}). Choose a file where you may write, "
            "or free some disk space."
        ) from error
    except KeyError:
        raise NotFound(
            f"Sweep {name!r} does not exist there. Begin it with --data and --range or --choice."
        ) from None


# The slots of a sweep's trials: who holds which, so that none is lost with its process and none is counted twice.
#
# A sweep has a slot for each of its trials, 0 to N - 1, and every trial of its study belongs to one.
#
# settle   marks trials whose process is gone as failed and puts a new one, of the same settings, in
# the slot of each
#     claim    takes a waiting trial; where two stand in one slot, the one with the lower number is it, the other is
#              dropped
#
# Any process does both before every trial. Who is alive is known by locks on one machine, by signs
# of life from another.

BEAT = 30.0  # seconds between two signs of life for other machines
SILENT = 600.0  # seconds without one after which another machine's trial is given up
LOCK = re.compile(r"\.[A-Za-z0-9._-]{1,80}\.lock")


@contextmanager
def alive(name: str) -> Iterator[dict[str, str]]:
    """Yields what marks the trials of this process, which holds a lock while it lives."""
    sweeps_folder().mkdir(parents=True, exist_ok=True)
    worker = {"host": here(), "lock": f".{name}.{secrets.token_hex(6)}.lock"}
    path = sweeps_folder() / worker["lock"]
    try:
        with FileLock(path, is_singleton=False):
            yield worker
    finally:
        path.unlink(missing_ok=True)


def here() -> str:
    """Returns a mark of this machine and folder of runs: where locks say who is alive."""
    return hashlib.sha256(
        f"{socket.gethostname()}/{uuid.getnode()}/{sweeps_folder().absolute()}".encode()
    ).hexdigest()[:16]


def is_alive(trial: FrozenTrial) -> bool:
    """Returns whether somebody trains it; of another machine, by its last sign of life."""
    attrs = trial.user_attrs
    worker = attrs.get("worker")
    mark = worker if isinstance(worker, dict) else {}
    if mark.get("host") != here():  # also one that was claimed this moment and has not said by whom
        began = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
        return time.time() - max(began, float(attrs.get("beat", 0.0))) < (SILENT if mark else BEAT)
    path = sweeps_folder() / str(mark.get("lock", ""))
    return (
        bool(LOCK.fullmatch(path.name))
        and path.parent == sweeps_folder()
        and path.is_file()
        and _is_held(path)
    )


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, is_singleton=False, timeout=0):
            return False
    except Timeout:
        return True


def workers() -> int:
    """Returns how many processes on this machine take part in sweeps, or wait for that."""
    return sum(
        _is_held(path) for path in sweeps_folder().glob(".*.lock") if LOCK.fullmatch(path.name)
    )


def claim(study: Study, trials: int, worker: Mapping[str, str]) -> tuple[Trial, int] | None:
    """Takes a waiting trial and returns it with the number of its slot; None when none is left."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    while True:
        if study.user_attrs.get("stopped"):
            return None
        settle(study, trials)
        if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return None
        trial = study.ask()
        # another process has taken this one for dead, if this one is very slow
        with suppress(UpdateFinishedTrialError, ValueError):
            trial.set_user_attr("worker", dict(worker))
            number = trial.user_attrs.get("place")
            if number is not None and owners(study).get(number, trial).number == trial.number:
                return trial, int(number)
            trial.set_user_attr("dropped", True)  # made by two at once, or by nobody
            study.tell(trial, state=TrialState.FAIL)


def settle(study: Study, trials: int) -> None:
    """Fails trials whose process is gone, and puts one into every slot that has none: with a killed one's settings,
    else a new one."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not is_alive(trial):
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except Exception:  # another process was faster, each storage says so in its own way
                continue
    held, everything = owners(study), study.get_trials(deepcopy=False)
    for number in range(trials):
        if number not in held:
            killed = [
                t
                for t in everything
                if t.user_attrs.get("place") == number and "dropped" not in t.user_attrs
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                study.enqueue_trial(
                    killed[-1].params if killed else {}, user_attrs={"place": number}
                )


def owners(study: Study) -> dict[int, FrozenTrial]:
    """Returns the trial of every slot that has one: the first that was neither dropped nor killed, which is failed
    without an error."""
    frozen_trials: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        number = trial.user_attrs.get("place")
        gone = trial.state.name == "FAIL" and "error" not in trial.user_attrs
        if isinstance(number, int) and not gone:
            frozen_trials.setdefault(number, trial)
    return frozen_trials


# How many runs and sweeps a server keeps, and how many of its processes train or wait; see `qfusion._limits`.

_started: list[subprocess.Popen[bytes]] = []  # by this process, whether or not they hold a lock yet


def check_room(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` runs or sweeps; to be asked before they are made."""
    if _limits.bound():
        _limits.check_count(
            "QFUSION_KEPT_RUNS", len(folder.runs()) + len(names()), more, "Delete runs"
        )
        _limits.check_disk("A run" if more == 1 else "Runs")


def check_queue(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` processes that train; to be asked before they begin."""
    if _limits.bound():
        _started[:] = [entry for entry in _started if entry.poll() is None]
        held = sum(run.is_held() for run in folder.runs()) + workers()
        _limits.check_count(
            "QFUSION_QUEUED", max(held, len(_started)), more, "Wait until some end, or stop them"
        )


def count(process: subprocess.Popen[bytes]) -> None:
    """Counts a process among those that train, for as long as it lives."""
    _started.append(process)
