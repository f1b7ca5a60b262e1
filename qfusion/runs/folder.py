"""The folder of a run, with all that is needed to go on, the queue in which runs wait for a processor, and how many
runs and sweeps a server keeps."""

import contextlib
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from filelock import FileLock, Timeout

from qfusion import _files, _limits
from qfusion._checks import check, choose
from qfusion.errors import IntegrityError, InvalidInput, NotFound, translate_errors
from qfusion.training import checkpoint

# The folder of a run: what it is, how far it is, and all that is needed to go on.
#
#     plan.json    what is trained, written once
#     record.json  its state and what happened in every epoch; see `Record`
#     state.pt     the training after its last kept epoch; gone when it is finished
#     request      "pause" or "stop", written by who wants it
#     lock         held by the training process while it lives
#     log.txt      what that process printed
#     launched     its number, when it was started by `launch`
#     model.json, model.safetensors  the best model, once the run is stopped or finished; that of a run among the others
#                                    goes to the models
#
# Each file appears whole or not at all, so that a process may be killed at any moment and another one goes on.

STATES = {
    "waiting": "waits for a free processor",
    "running": "is being trained",
    "paused": "was paused and can go on",
    "stopped": "was stopped; its best model is kept, and it can go on",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "ended without a word, as when its process is killed; it can go on",
}
ALIVE = ("waiting", "running")
REQUESTS = ("pause", "stop")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Kind = TypeVar("Kind")
PATIENCE = (
    2.0  # seconds a training waits for its lock: someone may just be looking whether it is held
)


@dataclass(frozen=True)
class Training:
    """What is trained on what, of a run as of a sweep.

    Attributes:
        data: name of a data set or path of a file, as `qfusion.data.load` takes it.
        model: kind of model.
        settings: of the model, where they differ from the defaults; of a sweep also of the training, where fixed.
        seed: of every random number; trial n of a sweep has the seed `seed` + n.
        digest: of the data set; filled in when the run is created.
    """

    data: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Plan(Training):
    """What is trained by a run.

    Attributes:
        options: of the training, where they differ from the defaults.
        title: for people; made up when empty.
        replay: after how many epochs, evenly spread, the model is kept as one of its own, see `checkpoint.epochs`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    replay: int = 0


@dataclass(frozen=True)
class Record:
    """How far a run is.

    Attributes:
        state: of STATES.
        message: the error, where there is one.
        epochs: most epochs there will be.
        history: a mapping per epoch: what `Progress` holds, and under "watched" what `Watch` measured.
        best_epoch: the epoch whose weights are the best so far.
        pid, host: of the last training process.
        began, changed: times in seconds since 1970.
        batch, batches: how far the present epoch is.
    """

    state: str = "waiting"
    message: str = ""
    epochs: int = 0
    history: tuple[Mapping[str, Any], ...] = ()
    best_epoch: int = 0
    pid: int = 0
    host: str = ""
    began: float = 0.0
    changed: float = 0.0
    batch: int = 0
    batches: int = 0

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def seconds_left(self) -> float | None:
        """What the remaining epochs take at most, as long as the last five took, or within the first one its batches
        and what came before them; None with nothing to go by."""
        part = self.batch / max(1, self.batches)
        last = [float(row["seconds"]) for row in self.history[-5:]]
        if part and not last:
            last = [max(0.0, self.changed - self.began) / part]
        if not last or self.state != "running":
            return None
        return max(0.0, self.epochs - self.epoch - part) * sum(last) / len(last)


def home() -> Path:
    """Returns where runs are kept: QFUSION_RUNS, or the user's data folder."""
    return _files.own_folder("runs")


@dataclass(frozen=True)
class Run:
    """A run by its folder; several processes may hold one."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.absolute().name

    @property
    def plan(self) -> Plan:
        """What is trained.

        Raises:
            NotFound: when there is no run in the folder.
            IntegrityError: when its plan is damaged.
        """
        check(
            (self.path / "plan.json").is_file(),
            f"{self.path} holds no training. Give the folder of one, or begin it with --data.",
            NotFound,
        )
        return _read(self.path / "plan.json", Plan)

    @property
    def model_path(self) -> Path:
        """The card of the model that the run makes: where models are looked for, or, of a run in a folder of its own,
        in there."""
        among = self.path.absolute().parent == home().absolute()
        return (
            checkpoint.folders()[-1] / f"{self.name}.json" if among else self.path / checkpoint.CARD
        )

    def record(self) -> Record:
        """Returns how far the run is; a run whose process is gone without a word is "interrupted"."""
        path = self.path / "record.json"
        if not path.is_file():
            return Record(state="waiting" if self.is_held() else "interrupted")
        record = _read(path, Record)
        if record.state not in ALIVE or self.is_held():
            return record
        latest = _read(path, Record)  # it may have ended between the two looks
        return record if latest.state not in ALIVE else replace(record, state="interrupted")

    def write(self, record: Record) -> None:
        """Keeps how far the run is."""
        _files.write_file(
            self.path / "record.json",
            json.dumps({**asdict(record), "changed": time.time()}, allow_nan=False),
        )

    def ask(self, word: str) -> None:
        """Asks the training to "pause" or "stop"; it does so at the end of the batch it is at.

        Raises:
            InvalidInput: when it is not being trained.
        """
        _limits.refuse("stop a training")
        check(word in REQUESTS, f"Argument `word` must be 'pause' or 'stop', but is {word!r}.")
        record = self.record()
        check(
            record.state in ALIVE,
            f"Run {self.name} {STATES[record.state]}: there is nothing to {word}.",
        )
        _files.write_file(self.path / "request", word)

    def requested(self) -> str:
        """Returns what was asked for, or an empty string."""
        with contextlib.suppress(OSError):
            word = (self.path / "request").read_text()[:20].strip()
            return word if word in REQUESTS else ""
        return ""

    def forget_request(self) -> None:
        """Takes back what was asked for."""
        (self.path / "request").unlink(missing_ok=True)

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keeps the training's state, see `Fit.state`."""
        data = io.BytesIO()  # written by torch itself, a full disk would be no OSError
        torch.save(dict(state), data)
        _files.write_file(self.path / "state.pt", data.getbuffer())

    def saved_state(self) -> dict[str, Any] | None:
        """Returns the kept state, None when there is none yet.

        Raises:
            IntegrityError: when the file is damaged or not a state. Nothing in it is run.
        """
        path = self.path / "state.pt"
        if not path.is_file():
            return None
        remedy = "Delete it: the training then begins anew."
        with translate_errors(
            f"{path} cannot be read as the state of a training",
            remedy,
            Exception,
            error=IntegrityError,
            why="{words:.100}",
        ):
            state = torch.load(path, map_location="cpu", weights_only=True)
        check(
            isinstance(state, dict),
            f"{path} is not the state of a training. {remedy}",
            IntegrityError,
        )
        return state

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the run's lock while the block lasts; the system lets go of it when the process dies.

        Raises:
            InvalidInput: when another process trains here, or nothing can be written here.
        """
        with contextlib.ExitStack() as stack:
            with translate_errors(
                f"{self.path} cannot be written to",
                "Correct its permissions or free some disk space.",
            ):
                try:
                    stack.enter_context(
                        FileLock(self.path / "lock", is_singleton=False, timeout=PATIENCE)
                    )
                except Timeout:
                    raise InvalidInput(
                        f"Run {self.name} is being trained by another process. Wait, or stop that one first."
                    ) from None
            yield

    def is_held(self, patience: float = 0.0) -> bool:
        """Returns whether a process trains here now, or asks this just now: with `patience`, in seconds, only the
        first."""
        path = self.path / "lock"
        if _limits.is_read_only() and not path.exists():
            return False  # and none is made
        try:
            return is_locked(path, patience)
        except OSError:  # a folder that is gone, or may not be written to
            return False

    def delete(self) -> None:
        """Deletes the run with all its files; a model that was kept elsewhere stays.

        Raises:
            InvalidInput: when it is being trained, or cannot be deleted.
        """
        _limits.refuse("delete a run")
        check(not self.is_held(PATIENCE), f"Run {self.name} is being trained. Stop it first.")
        gone = self.path.with_name(f".{self.name}.deleted-{secrets.token_hex(4)}")
        with translate_errors(f"{self.path} cannot be deleted", "Correct its permissions."):
            try:
                self.path.rename(gone)
            except FileNotFoundError:  # somebody else has
                return
        for path in [gone, *home().glob(".*.deleted-*")]:  # also of those who were killed at it
            shutil.rmtree(path, ignore_errors=True)


def check_name(name: str) -> str:
    """Returns the name of a run or a sweep if it can be one.

    Raises:
        InvalidInput: when it cannot.
    """
    check(
        bool(NAME.fullmatch(name)),
        f"Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-' and begin with a letter or "
        f"digit, but is {name[:80]!r}. Choose another name.",
    )
    return name


def check_free(name: str) -> None:
    """Raises InvalidInput when a run's model cannot be called that: it is no name, or that of a model."""
    check_name(name)
    check(
        not name.lower().endswith((".json", ".safetensors")),
        f"Argument `name` must not end as the files of models do, but is {name!r}. Choose another name.",
    )
    check(
        name not in checkpoint.available(),
        f"A model called {name!r} is there already. Choose another name.",
    )


def create(plan: Plan, path: str | Path | None = None, name: str = "") -> Run:
    """Makes the folder of a new run and returns it; the training is not begun.

    Args:
        plan: what will be trained; checked where it is trained.
        path: the folder; else a folder called `name` where runs are kept.

    Raises:
        InvalidInput: when the name is not one, or is taken, or nothing can be written there.
    """
    _limits.refuse("train a model")
    _limits.check_disk("A run")
    if path is None:
        check_free(name)
    target = home() / name if path is None else Path(path)
    check(
        not (target / "plan.json").exists(),
        f"A run called {target.absolute().name!r} is there already. Choose another name, or go on with that one.",
    )
    with translate_errors(f"{target} cannot be made", "Choose a folder that you may write to."):
        for place in (target.parent, checkpoint.folders()[-1]) if path is None else ():
            place.mkdir(parents=True, exist_ok=True)
        target.mkdir(exist_ok=True)
    run = Run(target)
    with run.held():
        check(
            not (target / "plan.json").exists(),
            f"A run called {run.name!r} is there already. Choose another name.",
        )
        with _files.atomic(target / "plan.json") as part:
            part.write_text(json.dumps(asdict(plan), indent=1, allow_nan=False), encoding="utf-8")
            newest = max((made for _, made in _made()), default=0)
            if (
                path is None and newest >= part.stat().st_mtime_ns
            ):  # the clock was set back: it is the newest still
                os.utime(part, ns=(newest + 1000, newest + 1000))
    return run


def runs() -> list[Run]:
    """Returns all runs where runs are kept, the newest first."""
    return [run for run, _ in sorted(_made(), key=lambda entry: -entry[1])]


def _made() -> Iterator[tuple[Run, int]]:
    """All runs and when they were made, in nanoseconds; without those that another process deletes meanwhile."""
    for path in home().glob("[!.]*/plan.json"):
        with contextlib.suppress(OSError):
            yield Run(path.parent), path.stat().st_mtime_ns


def find(name: str) -> Run:
    """Returns a run by its name.

    Raises:
        NotFound: when there is none.
    """
    known = {run.name: run for run in runs()}
    return known[choose("Run", name, known)]


def _read(path: Path, kind: type[Kind]) -> Kind:
    """The plan or record in a file, whose fields are of their types."""
    remedy = "Delete the run and begin again."
    with (
        translate_errors(
            f"{path} cannot be read",
            remedy,
            *(OSError, ValueError, RecursionError),
            error=IntegrityError,
            why="{words:.100}",
        ),
        translate_errors(
            f"{path} is not the {kind.__name__.lower()} of a training",
            remedy,
            msgspec.ValidationError,
            error=IntegrityError,
            why="{words:.100}",
        ),
    ):
        check(path.stat().st_size <= 50_000_000, f"{path} is too large for a run's file.")
        values = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return msgspec.convert(values, kind)


# A queue without a keeper: as many trainings at once as there are processors, each holding one of so many locks; who
# waits holds a ticket, and the oldest goes first.

_LOOK = 0.5  # seconds between two looks for a free slot
_TICKET = re.compile(r"\.turn-(?P<since>\d{20})-(?P<name>[A-Za-z0-9._-]{0,64})\.[0-9a-f]{12}")


def worker_slots() -> int:
    """Returns how many trainings run at once: QFUSION_SLOTS, or the number of processors.

    Raises:
        InvalidInput: when QFUSION_SLOTS is not a whole number from 1.
    """
    return _limits.get("QFUSION_SLOTS")


def waiting() -> list[str]:
    """Returns the names of the runs and sweeps that wait for a slot, the next one first."""
    return [ticket["name"] for ticket in _tickets()]


@contextlib.contextmanager
def slot(wanted: Callable[[], bool] = lambda: True, name: str = "") -> Iterator[bool]:
    """Waits for a free slot and holds it while the block lasts; yields False when it is no longer wanted before one was
    free.

    Args:
        wanted: asked again and again while it waits. name: by which `waiting` tells of it.
    """
    home().mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _ticket(name) as mine:
            free = False
            while wanted() and not free:
                line = [ticket.string for ticket in _tickets()]
                free = (mine not in line or line[0] == mine) and _took_one(stack)
                if not free:
                    time.sleep(_LOOK)
        yield free


def _took_one(stack: contextlib.ExitStack) -> bool:
    for n in range(worker_slots()):
        with contextlib.suppress(Timeout):
            stack.enter_context(FileLock(home() / f".place-{n}", is_singleton=False, timeout=0))
            return True
    return False


@contextlib.contextmanager
def _ticket(name: str) -> Iterator[str]:
    """Yields the name of the file that stands in line: it says since when, its lock that somebody still waits."""
    last = max((int(ticket["since"]) for ticket in _tickets()), default=0)
    since = max(time.time_ns(), last + 1)  # also when the clock was set back
    path = home() / f".turn-{since:020d}-{name[:64]}.{secrets.token_hex(6)}"
    try:
        with FileLock(path, is_singleton=False):
            yield path.name
    finally:
        path.unlink(missing_ok=True)


def _tickets() -> list[re.Match[str]]:
    """The tickets of processes that live, the oldest first; those of others are cleared away."""
    tickets = []
    for path in sorted(home().glob(".turn-*")):
        ticket = _TICKET.fullmatch(path.name)
        if ticket is None:
            continue
        with contextlib.suppress(OSError):  # a folder that may not be written to
            if is_locked(path):
                tickets.append(ticket)
            elif not _limits.is_read_only():
                path.unlink(missing_ok=True)
    return tickets


def is_locked(path: Path, patience: float = 0.0) -> bool:
    """Returns whether a process that lives holds the lock of a file, and goes on to for `patience`, in seconds."""
    try:
        with FileLock(path, is_singleton=False, timeout=patience):
            return False
    except Timeout:
        return True


# How many runs and sweeps a server keeps, and how many of its processes train or wait; see `qfusion._limits`.

SWEEP_LOCK = re.compile(r"\.[A-Za-z0-9._-]{1,80}\.lock")
started: list[subprocess.Popen[bytes]] = []  # by this process, whether or not they hold a lock yet


def sweeps_folder() -> Path:
    """Returns where the journals of sweeps are, below the folder of runs."""
    return home() / ".sweeps"


def sweep_names() -> list[str]:
    """Returns the names of the sweeps in the user's folder, the last changed first."""
    stats = {}
    for path in sweeps_folder().glob("*.journal"):
        with contextlib.suppress(OSError):  # another process removes it meanwhile
            stats[path.stem] = path.stat()
    return [
        name
        for name in sorted(stats, key=lambda name: -stats[name].st_mtime_ns)
        if NAME.fullmatch(name) and stats[name].st_size
    ]  # nothing stands in it yet


def check_room(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` runs or sweeps; to be asked before they are made."""
    _limits.check_count("QFUSION_KEPT_RUNS", len(runs()) + len(sweep_names()), more, "Delete runs")
    _limits.check_disk("A run" if more == 1 else "Runs")


def check_queue(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` processes that train; to be asked before they begin."""
    if _limits.bound():
        started[:] = [process for process in started if process.poll() is None]
        locks = [
            path for path in sweeps_folder().glob(".*.lock") if SWEEP_LOCK.fullmatch(path.name)
        ]
        count = sum(run.is_held() for run in runs()) + sum(map(is_locked, locks))
        _limits.check_count(
            "QFUSION_QUEUED", max(count, len(started)), more, "Wait until some end, or stop them"
        )
