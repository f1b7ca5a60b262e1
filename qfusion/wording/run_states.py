"""The states of trainings: short labels for tables, and sentences."""

from qfusion.analysis.runs import Status
from qfusion.runs.run_records import Record

# Labels of the states that a table of runs shows.
STATUSES: dict[Status, str] = {
    Status.STARTING: "starting …",
    Status.WAITING: "waiting for a free processor",
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

# Sentences on the states that a run records.
STATES: dict[str, str] = {
    "waiting": "waits for a free processor",
    "running": "is being trained",
    "paused": "was paused and can be resumed",
    "stopped": "was stopped; its best model is saved, and it can be resumed",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "stopped unexpectedly, as when its process is killed; it can be resumed",
}
RUN_STATE = "Run {name} {state}."
NO_EPOCH = " It was stopped before the end of its first epoch."


def describe_run_state(name: str, record: Record) -> str:
    """Return the state of a run, with the message of the process that trained it."""
    words = RUN_STATE.format(name=name, state=STATES[record.state])
    if record.state in ("paused", "stopped") and not record.epoch:
        return words + NO_EPOCH
    return f"{words} {record.message}".rstrip()
