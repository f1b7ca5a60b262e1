"""Sweeps: many trainings that try settings, by Optuna (Akiba and others 2019), in as many processes on as many machines
as take part.

A sweep is a study in a storage that all of them reach: a journal or a database.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shlex
import socket
import sqlite3
import subprocess
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from filelock import FileLock

from qfusion import _limits, data as sources
from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.runs import cluster, folder, plans
from qfusion.training import Progress, metrics, prepare

if TYPE_CHECKING:
    import optuna.storages.journal
else:
    optuna = Library("optuna")

# Where sweeps are kept: Optuna's journal files, or databases that several machines reach.

SCHEMES = ("sqlite", "mysql", "postgresql")  # what Optuna's RDBStorage is documented with
_URL = re.compile(r"(?P<scheme>[a-z]+)(\+[a-z0-9_]+)?://(?P<rest>[^\s]*)")


def journal(name: str, storage: str = "") -> Path | None:
    """Returns the journal file of a sweep, None where it is kept in a database.

    Raises:
        InvalidInput: when `storage` is neither a file nor the address of a database of SCHEMES.
    """
    if not storage:
        return folder.sweeps_folder() / f"{folder.check_name(name)}.journal"
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


class _Lock:
    """Who writes a journal, one at a time: a lock that the system takes from a process that is killed, where Optuna's
    own would keep all others waiting for half a minute."""

    def __init__(self, path: Path):
        self.path = path
        self.lock = FileLock(path.with_name(f".{path.name}.held"), is_singleton=False)

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
) -> optuna.Study:
    """Returns the study of a sweep; a journal is made where there is none.

    Args:
        name, storage: see `journal`.
        direction: makes it where there is none; empty: it must be there.

    Raises:
        InvalidInput: when the place cannot be reached or written to, is another program's or of another version of
            Optuna, or its study of that name was not begun by a sweep. See `journal` for others.
        NotFound: when it must be there and is not. IntegrityError: when the journal is damaged.
    """
    folder.check_name(name)
    path = journal(name, storage)
    check(
        bool(direction) or path is None or path.is_file(),
        f"Sweep {name!r} does not exist. Begin it with --data and --range or --choice.",
        NotFound,
    )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    place = _database(storage) if path is None else _journal_storage(path, named=bool(storage))
    return _study(name, place, path, storage, direction)


def _database(storage: str) -> Any:
    """A database as Optuna keeps studies in it."""
    address = hidden(storage)[:80]
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
    """Raises InvalidInput for a file of SQLite that another program fills: Optuna would add its tables to it."""
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
    """A journal as Optuna keeps studies in it; made where there is none.

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
    """Raises IntegrityError for a file that is no journal of Optuna, before anything is written to it: what another
    program wrote stays as it is."""
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
    """Says in one line that a journal cannot be read in the block, whichever way it is damaged."""
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
    """The study of a sweep in a storage; made there where a `direction` is given and there is none."""
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
            f"The study {name!r} in {path or hidden(storage)[:80]} was not begun by a sweep, and is left as it is. "
            "Choose another name.",
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


@contextlib.contextmanager
def alive(name: str) -> Iterator[dict[str, str]]:
    """Yields what marks the trials of this process, which holds a lock while it lives."""
    folder.sweeps_folder().mkdir(parents=True, exist_ok=True)
    worker = {"host": here(), "lock": f".{name}.{secrets.token_hex(6)}.lock"}
    path = folder.sweeps_folder() / worker["lock"]
    try:
        with FileLock(path, is_singleton=False):
            yield worker
    finally:
        path.unlink(missing_ok=True)


def here() -> str:
    """Returns a mark of this machine and folder of runs: where locks say who is alive."""
    return hashlib.sha256(
        f"{socket.gethostname()}/{uuid.getnode()}/{folder.sweeps_folder().absolute()}".encode()
    ).hexdigest()[:16]


def is_alive(trial: optuna.trial.FrozenTrial) -> bool:
    """Returns whether somebody trains it; of another machine, by its last sign of life."""
    attrs = trial.user_attrs
    worker = attrs.get("worker")
    mark = worker if isinstance(worker, dict) else {}
    if mark.get("host") != here():  # also one that was claimed this moment and has not said by whom
        began = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
        return time.time() - max(began, float(attrs.get("beat", 0.0))) < (SILENT if mark else BEAT)
    path = folder.sweeps_folder() / str(mark.get("lock", ""))
    named = folder.SWEEP_LOCK.fullmatch(path.name) and path.parent == folder.sweeps_folder()
    return bool(named) and path.is_file() and folder.is_locked(path)


def claim(
    study: optuna.Study, trials: int, worker: Mapping[str, str]
) -> tuple[optuna.Trial, int] | None:
    """Takes a waiting trial and returns it with the number of its slot; None when none is left."""
    while True:
        if study.user_attrs.get("stopped"):
            return None
        settle(study, trials)
        if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
            return None
        trial = study.ask()
        # another process has taken this one for dead, if this one is very slow
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
            trial.set_user_attr("worker", dict(worker))
            number = trial.user_attrs.get("place")
            if number is not None and owners(study).get(number, trial).number == trial.number:
                return trial, int(number)
            trial.set_user_attr("dropped", True)  # made by two at once, or by nobody
            study.tell(trial, state=optuna.trial.TrialState.FAIL)


def settle(study: optuna.Study, trials: int) -> None:
    """Fails trials whose process is gone, and puts one into every slot that has none: with a killed one's settings,
    else a new one."""
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if not is_alive(trial):
            # another process was faster, each storage says so in its own way
            with contextlib.suppress(Exception):
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
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


def owners(study: optuna.Study) -> dict[int, optuna.trial.FrozenTrial]:
    """Returns the trial of every slot that has one: the first that was neither dropped nor killed, which is failed
    without an error."""
    return {
        number: trial
        for trial in reversed(study.get_trials(deepcopy=False))
        if (trial.state.name != "FAIL" or "error" in trial.user_attrs)
        and isinstance(number := trial.user_attrs.get("place"), int)
    }


# Sweeps themselves.

MAX_TRIALS = 10_000
WAITING, RUNNING, FINISHED, PRUNED, FAILED = "waiting", "running", "finished", "pruned", "failed"
_STATES = {
    "WAITING": WAITING,
    "RUNNING": RUNNING,
    "COMPLETE": FINISHED,
    "PRUNED": PRUNED,
    "FAIL": FAILED,
}


@dataclass(frozen=True)
class Attempt:
    """A trial of a sweep as it stands.

    Attributes:
        number: of its place in the sweep, from 0.
        state: "waiting", "running", "finished", "pruned" (stopped early, as it did worse than the median) or "failed"
            (with an error).
        value: what it is judged by; of one that was pruned, at its last epoch; None where there is none.
        tried: the searched settings.
        seed: of its training.
        history: the value after each epoch.
        seconds: it has taken.
        message: the error, where there is one.
    """

    number: int
    state: str
    value: float | None
    tried: Mapping[str, Any]
    seed: int
    history: tuple[float, ...]
    seconds: float
    message: str


@dataclass(frozen=True)
class Sweep:
    """A sweep by its name and where it is kept; several processes may hold one."""

    name: str
    storage: str
    search: plans.Search
    trials: int
    study: optuna.Study

    def attempts(self) -> list[Attempt]:
        """Returns all trials, in the order of their places."""
        return [
            _attempt(number, trial, self.search)
            for number, trial in sorted(owners(self.study).items(), key=lambda held: held[0])
        ]

    def best(self) -> Attempt | None:
        """Returns the best of the finished trials, the first among equals; None when there is none yet."""
        finished = [a for a in self.attempts() if a.state == FINISHED and a.value is not None]
        sign = 1 if self.search.direction == "minimize" else -1
        return min(finished, key=lambda a: sign * (a.value or 0.0), default=None)

    def settings(self, attempt: Attempt) -> dict[str, Any]:
        """Returns all settings of a trial that differ from the defaults."""
        return plans.settings_of(self.search, attempt.tried)

    def command(self, attempt: Attempt) -> str:
        """Returns the command that trains what a trial trained."""
        settings = [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in self.settings(attempt).items()
        ]
        return shlex.join(
            [
                *("python", "-m", "qfusion", "train"),
                *("--data", self.search.data, "--model", self.search.model),
                *("--seed", str(attempt.seed)),
                *(word for setting in settings for word in ("--set", setting)),
                *("--name", f"{self.name}-best"),
            ]
        )

    @property
    def is_done(self) -> bool:
        """Whether every trial has ended."""
        states = [a.state for a in self.attempts()]
        return len(states) >= self.trials and not {WAITING, RUNNING} & set(states)


def begin(name: str, search: plans.Search, trials: int, where: str = "") -> Sweep:
    """Returns a sweep, made where there is none; of one that is there, the number of trials may be raised.

    Args:
        name: of the sweep.
        search: see `plans.read_search`.
        trials: how many there shall be in all.
        where: a journal file or the address of a database, see `journal`; empty: among the user's runs.

    Raises:
        InvalidInput: when a sweep of that name searches something else, or other data.
    """
    _limits.refuse("begin a sweep")
    require_number("trials", trials, 1, MAX_TRIALS)
    if folder.check_name(name) not in folder.sweep_names():
        folder.check_room()
        folder.check_queue()
    study = open_study(name, where, search.direction)
    if "search" not in study.user_attrs:
        study.set_user_attr("search", asdict(search))
    known = _search(study, name)
    for key in ("model", "metric", "space", "settings", "seed", "digest"):
        theirs = getattr(known, key)
        what = "`data`: other data" if key == "digest" else f"`{key}`: {f'{theirs!r}'[:120]}"
        check(
            getattr(search, key) == theirs,
            f"Sweep {name} was begun with another {what}. Choose another name, or give the same.",
        )
    study.set_user_attr("trials", max(int(trials), int(study.user_attrs.get("trials", 0))))
    return replace(find(name, where), search=search)


def find(name: str, where: str = "") -> Sweep:
    """Returns a sweep that was begun.

    Raises:
        NotFound: when there is none.
        IntegrityError: when what is kept of it is damaged.
    """
    study = open_study(name, where)
    number = study.user_attrs.get("trials", 0)
    check(
        isinstance(number, int) and 0 <= number <= MAX_TRIALS,
        f"Sweep {name} has no number of trials. Choose another name.",
        IntegrityError,
    )
    return Sweep(name, where, _search(study, name), number, study)


def work(
    sweep: Sweep,
    on_epoch: Callable[[int, Progress], None] = lambda number, progress: None,
    queued: bool = False,
    once: bool = False,
) -> None:
    """Tries settings until every trial of the sweep has ended or is another process's.

    Args:
        sweep: made by `begin` or `find`.
        on_epoch: called after each epoch with the trial's number.
        queued: wait until a processor is free, see `folder.slot`.
        once: end with the first of them.

    Raises:
        InvalidInput: when the data are not those that the sweep was begun with.
    """
    dataset = sources.load(sweep.search.data)
    check(
        dataset.digest == sweep.search.digest,
        f"Data set {dataset.name} is not the one that sweep {sweep.name} was begun with. Begin a new sweep.",
    )
    wanted = (
        folder.slot(lambda: not sweep.study.user_attrs.get("stopped"), sweep.name)
        if queued
        else contextlib.nullcontext(True)
    )
    with alive(sweep.name) as worker, wanted as free:
        while free and (claimed := claim(sweep.study, sweep.trials, worker)) is not None:
            _try(sweep, *claimed, dataset, on_epoch)
            free = not once


def work_over(client: Any, sweep: Sweep, on_trial: Callable[[], None]) -> None:
    """Has the workers of a cluster try settings until every trial has ended, or the sweep is stopped.

    Args:
        client: of `cluster.connected`, whose workers reach the storage of the sweep. on_trial: called after each trial.
    """
    path = journal(sweep.name, sweep.storage)
    words = [(sweep.name, str(path.absolute()) if path else sweep.storage)] * sweep.trials
    while True:
        for _ in cluster.over(client, _work_once, words, ordered=False):
            on_trial()
        if sweep.is_done or sweep.study.user_attrs.get("stopped"):
            return
        time.sleep(BEAT)  # a trial of another machine that has gone is not given up yet


def _work_once(name: str, where: str) -> None:
    work(find(name, where), once=True)


def stop(sweep: Sweep) -> None:
    """Asks all processes to leave the sweep at the end of the epoch they are at; who goes on with it begins their
    trials again."""
    _limits.refuse("stop a sweep")
    sweep.study.set_user_attr("stopped", True)


def go_on(sweep: Sweep) -> None:
    """Takes back that it shall stop."""
    _limits.refuse("go on with a sweep")
    if sweep.study.user_attrs.get("stopped"):
        sweep.study.set_user_attr("stopped", False)


def launch(name: str, where: str = "") -> subprocess.Popen[bytes]:
    """Starts a process that takes part in a sweep that was begun, and goes on when this one ends; returns at once."""
    folder.sweeps_folder().mkdir(parents=True, exist_ok=True)
    return plans.start_process(
        ["sweep", "--name", name, *(["--storage", where] if where else []), "--queue", "--json"],
        folder.sweeps_folder() / f".{folder.check_name(name)}.log",
    )


def _try(
    sweep: Sweep,
    trial: optuna.Trial,
    number: int,
    dataset: sources.DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> None:
    """Trains one trial and says how it ended; one that another process has given up ends without a word."""
    # also of one that is stopped by hand, or by a defect: its place is settled anew
    outcome: tuple[float | None, optuna.trial.TrialState] = None, optuna.trial.TrialState.FAIL
    try:
        outcome = _trained(sweep, trial, number, dataset, on_epoch)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass
    except (QFusionError, MemoryError, torch.OutOfMemoryError) as error:
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            trial.set_user_attr("error", str(error)[:400] or type(error).__name__)
    finally:
        # it may have been given up
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
            sweep.study.tell(trial, *outcome)


def _trained(
    sweep: Sweep,
    trial: optuna.Trial,
    number: int,
    dataset: sources.DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> tuple[float | None, optuna.trial.TrialState]:
    """Returns the value of the epoch that a training keeps, None when it is pruned or the sweep shall stop, and how it
    ended."""
    search, study = sweep.search, sweep.study
    # the first five trials are never pruned
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    # drawn by place, however many processes there are
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + number, multivariate=False)
    plan = plans.plan(search.data, search.model, plans.suggest(search, trial), search.seed + number)
    fit = prepare(plan.model, dataset, plan.settings, plan.options, plan.seed)
    last = time.monotonic()

    def beat(_: int, __: int) -> None:
        nonlocal last
        if time.monotonic() - last > BEAT:
            last = time.monotonic()
            trial.set_user_attr("beat", time.time())

    while not fit.done:
        progress = fit.epoch(beat)
        assert progress is not None
        trial.report(_value(search, progress), progress.epoch)
        on_epoch(number, progress)
        if not fit.done and trial.should_prune():
            return None, optuna.trial.TrialState.PRUNED
        if study.user_attrs.get("stopped"):
            return None, optuna.trial.TrialState.FAIL
    return _value(search, fit.history[fit.best_epoch - 1]), optuna.trial.TrialState.COMPLETE


def _value(search: plans.Search, progress: Progress) -> float:
    return (
        progress.valid_loss if search.metric == plans.LOSS else float(progress.valid[search.metric])
    )


def _search(study: optuna.Study, name: str) -> plans.Search:
    try:
        search = plans.Search(**study.user_attrs["search"])
        good = (
            all(isinstance(text, str) for text in (search.data, search.model, search.digest))
            and isinstance(search.seed, int)
            and search.metric in (plans.LOSS, *metrics.describe)
            and isinstance(search.settings, dict)
            and all(
                "choices" in entry or {"low", "high", "log", "whole"} <= entry.keys()
                for entry in search.space.values()
            )
        )
    except (KeyError, TypeError, AttributeError):
        good = False
    check(
        good,
        f"What sweep {name} searches cannot be read. Choose another name.",
        IntegrityError,
    )
    return search


def _attempt(number: int, trial: optuna.trial.FrozenTrial, search: plans.Search) -> Attempt:
    history = tuple(trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values))
    state = _STATES[trial.state.name]
    end = trial.datetime_complete.timestamp() if trial.datetime_complete else time.time()
    begin = trial.datetime_start.timestamp() if trial.datetime_start else end
    return Attempt(
        number=number,
        state=state,
        value=history[-1]
        if history and state in (PRUNED, RUNNING)
        else trial.value
        if state == FINISHED
        else None,
        tried=dict(trial.params),
        seed=search.seed + number,
        history=history,
        seconds=max(0.0, end - begin),
        message=str(trial.user_attrs.get("error", "")),
    )
