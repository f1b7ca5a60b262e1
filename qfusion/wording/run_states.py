"""The states of trainings: short labels for tables, and sentences."""

from qfusion.analysis.runs import Seen, Status
from qfusion.runs.folder import Record

# Labels of the states that a table of runs shows.
STATUSES: dict[Status, str] = {
    Status.STARTING: "starting …",
    Status.RUNNING: "training",
    Status.PAUSING: "pausing …",
    Status.PAUSED: "paused",
    Status.STOPPING: "stopping …",
    Status.STOPPED: "stopped, best model kept",
    Status.FINISHED: "finished",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "interrupted, can be resumed",
    Status.UNREADABLE: "cannot be read",
}

# What a run waits for before its first loss.
WAITS: dict[Status, str] = {
    Status.STARTING: "Starting the process of {name} …",
    Status.RUNNING: "{name} loads the data and prepares the model …",
    Status.PAUSING: "{name} pauses …",
    Status.STOPPING: "{name} stops …",
}
FIRST_EPOCH = "{name}: first epoch, batch {batch:,} of {batches:,} …"
NO_LOSS = "{name} has not finished an epoch."

# Sentences on the states that a run records.
STATES: dict[str, str] = {
    "running": "is being trained",
    "paused": "was paused and can be resumed",
    "stopped": "was stopped; its best model is saved, and it can be resumed",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "stopped unexpectedly, as when its process is killed; it can be resumed",
}
RUN_STATE = "Run {name} {state}."
NO_EPOCH = " It was stopped before the end of its first epoch."


def describe_wait(entry: Seen, name: str) -> str:
    """Return what a run without a loss waits for.

    Args:
        entry: the run. name: its name, as it is written.
    """
    record = entry.record
    if record is not None and record.batch and entry.status == Status.RUNNING:
        return FIRST_EPOCH.format(name=name, batch=record.batch, batches=record.batches)
    return WAITS.get(entry.status, NO_LOSS).format(name=name)


def describe_run_state(name: str, record: Record) -> str:
    """Return the state of a run, with the message of the process that trained it."""
    words = RUN_STATE.format(name=name, state=STATES[record.state])
    if record.state in ("paused", "stopped") and not record.epoch:
        return words + NO_EPOCH
    return f"{words} {record.message}".rstrip()
