"""Folder of a run: its plan, its progress, and everything needed to resume it.

    plan.json    specification of the training, written once
    record.json  state of the run and history of its epochs, see `Record`
    state.pt     state of the training after the last saved epoch; removed when the training is finished
    request      "pause" or "stop", written by the process that requests it
    lock         lock that the training process holds while it lives
    log.txt      output of the training process
    launched     number of the training process, if `launch_run` started it
    model.json, model.safetensors  the best model, once the run is stopped or finished; for a run in the folder of runs,
                                   the model is in the folder of models

Files are written atomically, so a process may be killed at any moment and another one can resume."""

import contextlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from filelock import FileLock, Timeout

from qfusion import _files, _read_only, _user_folders
from qfusion._checks import check, choose
from qfusion.errors import IntegrityError, InvalidInput, NotFound, translate_errors
from qfusion.training import checkpoint_cards


@dataclass(frozen=True)
class Training:
    """Specification of a training, shared by runs and sweeps: the model and the data.

    Attributes:
        data: name of a data set or path of a file, as `qfusion.data.load` accepts it.
        model: kind of model.
        settings: settings of the model that differ from the defaults; for a sweep also fixed options of the training.
        seed: seed of all random numbers; trial n of a sweep has the seed `seed` + n.
        digest: digest of the data set; set when the run is created.
    """

    data: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Plan(Training):
    """Specification of the training of a run.

    Attributes:
        options: options of the training that differ from the defaults.
        title: title of the model; generated if empty.
        replay: number of epochs, evenly spread, after which the model is saved as a model of its own, see
            `checkpoint_cards.saved_epochs`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    replay: int = 0


STATES = ("running", "paused", "stopped", "finished", "failed", "interrupted")


@dataclass(frozen=True)
class Record:
    """Progress of a run.

    Attributes:
        state: one of `STATES`.
        message: the error message, if there is one.
        epochs: maximum number of epochs.
        history: one mapping per epoch with the values of `Progress`, and under "watched" those of `Watch`.
        best_epoch: epoch with the best weights so far.
        pid, host: process number and host of the last training process.
        began, changed: times in seconds since 1970.
        batch, batches: number of finished batches of the current epoch, and of all its batches.
        batch_losses: training loss within the last two epochs: epochs done, such as 1.25, and the mean over the batches
            since the entry before.
    """

    state: str = "running"
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
    batch_losses: tuple[tuple[float, float], ...] = ()

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    @property
    def seconds_left(self) -> float | None:
        """Maximum time in seconds that the remaining epochs take, or None if there is nothing to estimate it from.
        The estimate assumes that an epoch takes as long as the last five did. Within the first epoch, it is based on
        the batches so far and the time before them.
        """
        part = self.batch / max(1, self.batches)
        last = [float(row["seconds"]) for row in self.history[-5:]]
        if part and not last:
            last = [max(0.0, self.changed - self.began) / part]
        if not last or self.state != "running":
            return None
        return max(0.0, self.epochs - self.epoch - part) * sum(last) / len(last)


REQUESTS = ("pause", "stop")
Kind = TypeVar("Kind")
# seconds that a training waits for its lock, because another process may be checking whether it is held
PATIENCE = 2.0


def runs_folder() -> Path:
    """Return the folder of the runs: QFUSION_RUNS, or the user's data folder."""
    return _user_folders.own_folder("runs")


@dataclass(frozen=True)
class Run:
    """A run, identified by its folder. Several processes may use the same run."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.absolute().name

    @property
    def plan(self) -> Plan:
        """Specification of what is trained.

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
        """Path of the card of the model that the run makes: in the folder of the user's models, or inside the run's
        folder if that is elsewhere.
        """
        if self.path.absolute().parent == runs_folder().absolute():
            return checkpoint_cards.folders()[-1] / f"{self.name}.json"
        return self.path / checkpoint_cards.CARD

    def record(self) -> Record:
        """Return the progress of the run. A run whose process ended without reporting it is "interrupted"."""
        path = self.path / "record.json"
        if not path.is_file():
            return Record(state="running" if self.is_held() else "interrupted")
        record = _read(path, Record)
        if record.state != "running" or self.is_held():
            return record
        latest = _read(path, Record)  # the process may have ended between reading and checking
        return record if latest.state != "running" else replace(record, state="interrupted")

    def write(self, record: Record) -> None:
        """Save the progress of the run."""
        _files.write_file(
            self.path / "record.json",
            json.dumps({**asdict(record), "changed": time.time()}, allow_nan=False),
        )

    def send_request(self, word: str) -> None:
        """Ask the training to "pause" or "stop". It does so at the end of the current batch.

        Raises:
            InvalidInput: when it is not being trained.
        """
        _read_only.check_allowed("stop a training")
        check(word in REQUESTS, f"Argument `word` must be 'pause' or 'stop', but is {word!r}.")
        record = self.record()
        check(
            record.state == "running",
            f"Run {self.name} is {record.state}, so there is nothing to {word}. Choose one that runs.",
        )
        _files.write_file(self.path / "request", word)

    def pending_request(self) -> str:
        """Return the pending request, or an empty string."""
        with contextlib.suppress(OSError):
            word = (self.path / "request").read_text(encoding="utf-8")[:20].strip()
            return word if word in REQUESTS else ""
        return ""

    def clear_request(self) -> None:
        """Withdraw the pending request."""
        (self.path / "request").unlink(missing_ok=True)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Save the training's state, see `Fit.state`."""
        data = io.BytesIO()  # if torch wrote the file itself, a full disk would raise no OSError
        torch.save(dict(state), data)
        _files.write_file(self.path / "state.pt", data.getbuffer())

    def load_state(self) -> dict[str, Any] | None:
        """Return the saved state, or None if there is none yet.

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
    def lock(self) -> Iterator[None]:
        """Context manager that holds the run's lock. The system releases it when the process dies.

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
        """Return whether a process holds the run's lock: it trains, or it is checking the lock itself. A check is over
        within `patience` seconds, so a positive `patience` finds only trainings.
        """
        path = self.path / "lock"
        if _read_only.is_read_only() and not path.exists():
            return False  # checking would create the lock
        try:
            return is_locked(path, patience)
        except OSError:  # the folder is gone or cannot be written to
            return False

    def delete(self) -> None:
        """Delete the run with all its files. A model that was saved elsewhere remains.

        Raises:
            InvalidInput: when it is being trained, or cannot be deleted.
        """
        _read_only.check_allowed("delete a run")
        check(not self.is_held(PATIENCE), f"Run {self.name} is being trained. Stop it first.")
        gone = self.path.with_name(f".{self.name}.deleted-{secrets.token_hex(4)}")
        with translate_errors(f"{self.path} cannot be deleted", "Correct its permissions."):
            try:
                self.path.rename(gone)
            except FileNotFoundError:  # another process has deleted it
                return
        # also the remains of deletions that were killed
        for path in [gone, *runs_folder().glob(".*.deleted-*")]:
            shutil.rmtree(path, ignore_errors=True)


def _read(path: Path, kind: type[Kind]) -> Kind:
    """Return the plan or record stored in a file, with fields of the declared types."""
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


def is_locked(path: Path, patience: float = 0.0) -> bool:
    """Return whether a live process holds the lock of a file and keeps it for `patience` seconds."""
    try:
        with FileLock(path, is_singleton=False, timeout=patience):
            return False
    except Timeout:
        return True


def create_run(plan: Plan, path: str | Path | None = None, name: str = "") -> Run:
    """Create the folder of a new run and return the run. The training is not started.

    Args:
        plan: specification of the training, which is checked when the training starts.
        path: folder of the run; by default a folder called `name` in the folder of runs.
        name: name of the run, where `path` is not given.

    Raises:
        InvalidInput: if the name is invalid or taken, or the folder cannot be written to.
    """
    _read_only.check_allowed("train a model")
    if path is None:
        check_free(name)
    target = runs_folder() / name if path is None else Path(path)
    check(
        not (target / "plan.json").exists(),
        f"A run called {target.absolute().name!r} is there already. Choose another name, or go on with that one.",
    )
    with translate_errors(f"{target} cannot be made", "Choose a folder that you may write to."):
        if path is None:
            for parent in (target.parent, checkpoint_cards.folders()[-1]):
                parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(exist_ok=True)
    run = Run(target)
    with run.lock():
        check(
            not (target / "plan.json").exists(),
            f"A run called {run.name!r} is there already. Choose another name.",
        )
        with _files.atomic(target / "plan.json") as part:
            part.write_text(json.dumps(asdict(plan), indent=1, allow_nan=False), encoding="utf-8")
            newest = max((created for _, created in _runs_with_times()), default=0)
            if path is None and newest >= part.stat().st_mtime_ns:
                # the clock was set back, but the new run must still be listed as the newest
                os.utime(part, ns=(newest + 1000, newest + 1000))
    return run


def list_runs() -> list[Run]:
    """Return all runs in the folder of runs, newest first."""
    return [run for run, _ in sorted(_runs_with_times(), key=lambda entry: -entry[1])]


def _runs_with_times() -> Iterator[tuple[Run, int]]:
    """Yield all runs with their creation times in nanoseconds. Runs that another process deletes meanwhile are left
    out.
    """
    for path in runs_folder().glob("[!.]*/plan.json"):
        with contextlib.suppress(OSError):
            yield Run(path.parent), path.stat().st_mtime_ns


def find_run(name: str) -> Run:
    """Return a run by its name.

    Raises:
        NotFound: when there is none.
    """
    known = {run.name: run for run in list_runs()}
    return known[choose("Run", name, known)]


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Return the name of a run or a sweep if it can be one.

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
    """Raise InvalidInput when a run's model cannot be called that: it is no name, or that of a model."""
    check_name(name)
    check(
        not name.lower().endswith((".json", ".safetensors")),
        f"Argument `name` must not end as the files of models do, but is {name!r}. Choose another name.",
    )
    check(
        name not in checkpoint_cards.available(),
        f"A model called {name!r} is there already. Choose another name.",
    )
