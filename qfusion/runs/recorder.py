"""Save the state and the record of a run while it is trained."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from qfusion.errors import InvalidInput
from qfusion.runs import folder, run_records
from qfusion.runs.training_watch import Watch
from qfusion.training import Fit, Progress, processes

PULSE = 1.0  # seconds between two writings of state and record
MAX_POINTS = 200  # of the losses within epochs; of more, every second one is left out


class RunRecorder:
    """Saves the state and the record of a run during its training.

    Of several processes that train together, only the leading one writes and reads requests.

    Attributes:
        saved_epoch: the epoch after which the state was saved last.
        request: "pause" or "stop" once it was seen within an epoch; empty otherwise.
    """

    def __init__(self, run: folder.Run, group: processes.Group, events: bool):
        self.run = run
        self.group = group
        self.with_events = events
        self.record = run_records.Record(
            pid=os.getpid(), host=socket.gethostname(), began=time.time()
        )
        self.fit: Fit[Any] | None = None
        self.watched: dict[str, dict[str, float]] = {}
        # by the monotonic clock, which nobody sets
        self.written_at = -PULSE
        self.saved_at = -PULSE
        self.saved_epoch = 0
        self.request = ""
        self.batch_losses: list[tuple[float, float]] = []
        self.recorded_batches = 0  # of the current epoch
        if group.leads:
            run.clear_request()
            run.write(self.record)

    def open(self, fit: Fit[Any], watched: Mapping[str, dict[str, float]], watch: Watch) -> None:
        """Begin or resume the record of a training."""
        self.fit = fit
        self.watch = watch
        self.watched = dict(watched)
        self.saved_epoch = len(fit.history)
        if self.group.leads:
            self._write("running")

    def heartbeat(self, batch: int, batches: int) -> bool:
        """Record the progress after a batch, and return whether the epoch continues.

        An epoch is abandoned on request if the state after the previous epoch is saved. Several processes agree at the
        end of an epoch only.
        """
        if not self.group.leads or self.fit is None or time.monotonic() - self.written_at < PULSE:
            return True
        self._record_loss(batch, batches)
        self._write("running", batch=batch, batches=batches)
        if self.group.size == 1 and self.saved_epoch == len(self.fit.history):
            self.request = self.run.pending_request()
        return not self.request

    def record_epoch(self, progress: Progress) -> None:
        """Record an epoch, measure the model where it is time to, and save the state once a second."""
        if not self.group.leads or self.fit is None:
            return
        # what is drawn of an epoch is not taken away in the moment at which it ends
        self.batch_losses = [one for one in self.batch_losses if one[0] > progress.epoch - 1]
        self.recorded_batches = 0
        measured: dict[str, float] = {}
        if self.watch.is_due(progress.seconds):  # the model is copied only then
            measured = self.watch.measure_timed(self.fit.current_model())
        if measured:
            self.watched[str(progress.epoch)] = measured
        if self.with_events:
            _write_events(self.run, progress, measured)
        if time.monotonic() - self.saved_at > PULSE or self.fit.done:
            self._save_state()
        if time.monotonic() - self.written_at > PULSE or progress.epoch == 1:
            self._write("running")

    def pending_request(self) -> str:
        """Return "pause" or "stop" if it was requested, as the leading process reads it; else an empty string."""
        if self.request or not self.group.leads:
            return self.request
        return self.run.pending_request()

    def close(self, state: str, message: str = "", epoch_complete: bool = True) -> None:
        """Write the final state.

        Args:
            state: of `run_records.STATES`.
            message: an error, or why there is no model.
            epoch_complete: whether the training ended after an epoch; an epoch that was abandoned need not be saved.
        """
        if not self.group.leads:
            return
        unsaved = self.fit is not None and self.saved_epoch < len(self.fit.history)
        if epoch_complete and unsaved and state in ("paused", "stopped"):
            self._save_state()
        self._write(state, message=message)
        self.run.clear_request()
        if state == "finished":
            (self.run.path / "state.pt").unlink(missing_ok=True)

    def _record_loss(self, batch: int, batches: int) -> None:
        """Add the mean training loss of the batches since the entry before."""
        assert self.fit is not None
        loss = float(np.mean(self.fit.batch_losses[self.recorded_batches : batch]))
        self.recorded_batches = batch
        if not np.isfinite(loss):
            return
        self.batch_losses.append((len(self.fit.history) + batch / batches, loss))
        if len(self.batch_losses) > MAX_POINTS:
            self.batch_losses = self.batch_losses[1::2]

    def _save_state(self) -> None:
        assert self.fit is not None
        self.run.save_state({"fit": self.fit.state(), "watched": self.watched})
        self.saved_epoch = len(self.fit.history)
        self.saved_at = time.monotonic()

    def _write(self, state: str, **changes: Any) -> None:
        if self.fit is not None:
            changes = {
                "epochs": self.fit.options.epochs,
                "history": tuple(map(self._history_entry, self.fit.history)),
                "best_epoch": self.fit.best_epoch,
                "batch_losses": tuple(self.batch_losses),
                **changes,
            }
        self.record = replace(self.record, **{"batch": 0, "batches": 0, **changes, "state": state})
        self.run.write(self.record)
        self.written_at = time.monotonic()

    def _history_entry(self, progress: Progress) -> dict[str, Any]:
        entry = asdict(progress)
        entry["valid"] = dict(progress.valid)
        entry["watched"] = self.watched.get(str(progress.epoch), {})
        return entry


def _write_events(run: folder.Run, progress: Progress, measured: Mapping[str, float]) -> None:
    """Add an epoch to the event files for TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InvalidInput(
            "Event files need the package tensorboard, which is not installed. Install it, or leave out "
            "--events."
        ) from error
    with SummaryWriter(str(run.path / "events"), purge_step=progress.epoch) as writer:
        for key, value in {
            "loss/train": progress.train_loss,
            "loss/valid": progress.valid_loss,
            "gradient_norm": progress.gradient_norm,
            "learning_rate": progress.rate,
            **{f"valid/{key}": value for key, value in progress.valid.items()},
            **{key.replace(".", "/", 1): value for key, value in measured.items()},
        }.items():
            writer.add_scalar(key, value, progress.epoch)
