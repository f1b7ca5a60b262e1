"""The status of trainings: which runs there are, how far each is, and what its process printed."""

import importlib.util
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from qfusion import runs
from qfusion._checks import check, choose
from qfusion._memory_cache import file_stamp, memo
from qfusion.errors import IntegrityError, QFusionError
from qfusion.runs import Plan, Run
from qfusion.runs.folder import Record

STARTING = "starting"
MAX_SEEDS = 10
MAX_SHOWN = 7  # runs at once: as many as figures have colours for
GOES_ON = ("paused", "stopped", "interrupted", "failed")
LOG = 6000  # characters of a log that are shown


class Status(StrEnum):
    """States of a training and of requests to it."""

    STARTING = STARTING
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Seen:
    """Current state of a run. It has a `problem` instead of plan and record if its files cannot be read."""

    run: Run
    plan: Plan | None
    record: Record | None
    state: str
    request: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.run.name

    @property
    def alive(self) -> bool:
        """Whether a process trains it, or is about to."""
        return self.state in ("running", STARTING)

    @property
    def status(self) -> Status:
        """State of the run, or the request to it while it is alive."""
        if self.problem:
            return Status.UNREADABLE
        if self.request and self.alive:
            return {"pause": Status.PAUSING, "stop": Status.STOPPING}[self.request]
        return Status(self.state)

    @property
    def has_model(self) -> bool:
        """Whether its best model is among the models."""
        return self.run.model_path.is_file()


@memo(256, stamp=lambda run: file_stamp(run.path / "record.json"))
def _record_as_written(run: Run) -> Record:
    return run.record()


def _record(run: Run) -> Record:
    """Return the record of a run, with its progress. It is read anew while a process may be training the run, and
    otherwise when its file changes.
    """
    record = _record_as_written(run)
    return run.record() if record.state in ("running", "interrupted") else record


def see(run: Run) -> Seen:
    """Look at a run."""
    try:
        plan, record = run.plan, validate_record(_record(run))
    except QFusionError as error:
        return Seen(run, None, None, "", problem=str(error))
    state = (
        STARTING
        if record.state not in ("running", "finished") and runs.is_starting(run)
        else record.state
    )
    return Seen(run, plan, record, state, run.pending_request())


def look() -> list[Seen]:
    """Return all runs in their current state, the newest first."""
    return [see(run) for run in runs.list_runs()]


def select_runs(seen: Sequence[Seen], names: Sequence[str] = ()) -> list[Seen]:
    """Return the runs of some names, in their order. Without names, return those that are alive, or else the newest.

    Raises:
        NotFound: when there is none of a name.
    """
    of_name = {entry.name: entry for entry in seen}
    return (
        [of_name[choose("Run", name, of_name)] for name in names]
        or [entry for entry in seen if entry.alive][:MAX_SHOWN]
        or list(seen[:1])
    )


def open_runs(names: Sequence[str] = ()) -> list[Seen]:
    """Return runs in their current state, by their names, see `select_runs`."""
    return select_runs(look(), names)


def runs_with_losses(seen: Sequence[Seen]) -> list[Seen]:
    """Return those of some runs that have a loss to draw, of an epoch or within the first one."""
    return [
        entry
        for entry in seen
        if entry.record is not None
        and (entry.record.history or (entry.alive and entry.record.batch_losses))
    ]


def runs_with_history(seen: Sequence[Seen]) -> list[Seen]:
    """Return those of some runs that have an epoch to draw."""
    return [entry for entry in seen if entry.record is not None and entry.record.history]


def validate_record(record: Record) -> Record:
    """Return a record after checking that its rows can be drawn.

    Raises:
        IntegrityError: when it is not one: the file may be written by anyone.
    """
    keys = ("epoch", "train_loss", "valid_loss", "gradient_norm", "seconds", "rate")
    try:
        numbers = [record.epochs, record.best_epoch, record.began, record.batch, record.batches]
        for row in record.history:
            numbers += [row[key] for key in keys]
            numbers += [*row["valid"].values(), *row["watched"].values()]
        for position, loss in record.batch_losses:
            numbers += [position, loss]
        ok = (
            record.state in runs.STATES
            and isinstance(record.message, str)
            and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        ok = False
    check(
        ok,
        "Its record.json is not the record of a training. Delete the run and begin again.",
        IntegrityError,
    )
    return record


def clock(seconds: float) -> str:
    """A time since 1970 as a date of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if 0 < seconds < 4e9 else ""


def read_log_end(run: Run) -> str:
    """Return the end of the output that a run's process printed. Progress bars are shown in their final state."""
    path = run.path / "log.txt"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8 * LOG))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(
        line.rsplit("\r", 1)[-1] for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split("\n")
    )[-LOG:]


def can_write_events() -> bool:
    """Whether event files for TensorBoard can be written here."""
    return importlib.util.find_spec("tensorboard") is not None
