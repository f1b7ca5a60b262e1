"""Record of the progress of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
