"""The states of trainings, as sentences."""

from qfusion.runs.folder import Record

STATES: dict[str, str] = {
    "waiting": "waits for a free processor",
    "running": "is being trained",
    "paused": "was paused and can be resumed",
    "stopped": "was stopped; its best model is saved, and it can be resumed",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "ended without a message, as when its process is killed; it can be resumed",
}
RUN_STATE = "Run {name} {state}."
NO_EPOCH = " It was stopped before the end of its first epoch."


def describe_run_state(name: str, record: Record) -> str:
    """Return the state of a run, with the message of the process that trained it."""
    words = RUN_STATE.format(name=name, state=STATES[record.state])
    if record.state in ("paused", "stopped") and not record.epoch:
        return words + NO_EPOCH
    return f"{words} {record.message}".rstrip()
