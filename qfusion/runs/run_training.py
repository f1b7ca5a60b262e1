"""Train a run: from its saved state, if there is one, to the end, or until a pause or stop is requested.

A fusion model is measured meanwhile: coupling strength, entanglement and contributions."""

from __future__ import annotations

import copy
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from qfusion import data as sources, explain
from qfusion._checks import check
from qfusion.data.row_splits import SPLITS
from qfusion.errors import InvalidInput, QFusionError
from qfusion.models import FusionModel, base
from qfusion.runs import folder
from qfusion.training import Fit, Progress, batches, checkpoint, checkpoint_cards, metrics, prepare


def train_run(
    run: folder.Run,
    on_epoch: Callable[[Progress], None] = lambda _: None,
    group: batches.Group = batches.ALONE,
    device: torch.device | str = "cpu",
    events: bool = False,
    on_batch: Callable[[int, int, int, int], None] = lambda epoch, epochs, done, total: None,
) -> dict[str, Any]:
    """Train a run until it is finished, paused or stopped, and return its metrics by split; none when paused.

    State and record are saved after an epoch if a second has passed since the last time. If the process is killed, no
    more than that is lost, and the resumed training has the same result to the last bit.

    Args:
        run: made by `create_run`.
        on_epoch: called after each epoch.
        group: the processes that train it together; the first one writes.
        device: to train on.
        events: write event files for TensorBoard into the run's folder `events`.
        on_batch: called as an epoch begins and after each batch, with the epoch, the number of epochs, the samples done
            and the number of samples.

    Raises:
        InvalidInput: when another process trains it, it is finished, or the data have changed since it was created.
    """
    with run.lock() if group.leads else nullcontext():
        check(
            run.record().state != "finished",
            f"Run {run.name} is finished: there is nothing to go on with. Begin a new run.",
        )
        recorder = RunRecorder(run, group, events)
        try:
            return _train(run, recorder, on_epoch, group, device, on_batch)
        except (QFusionError, MemoryError, OSError, RuntimeError, ValueError) as error:
            with suppress(QFusionError, ValueError):  # the disk may be full
                recorder.close("failed", str(error) or type(error).__name__)
            raise
        except KeyboardInterrupt:
            # most likely within an epoch: the training resumes from the state that was saved last
            recorder.close("paused", epoch_complete=False)
            raise


def _train(
    run: folder.Run,
    recorder: RunRecorder,
    on_epoch: Callable[[Progress], None],
    group: batches.Group,
    device: torch.device | str,
    on_batch: Callable[[int, int, int, int], None],
) -> dict[str, Any]:
    plan = run.plan
    dataset = sources.load(plan.data)
    check(
        plan.digest in ("", dataset.digest),
        f"Data set {dataset.name} is not the one that run {run.name} was begun with. Begin a new run.",
    )
    fit = prepare(plan.model, dataset, plan.settings, plan.options, plan.seed, group, device)
    options = fit.options
    rows = len(fit.rows)
    watched: dict[str, dict[str, float]] = {}
    state = run.load_state()
    if state is not None:
        fit.restore(state["fit"])
        watched = state["watched"]
    recorder.open(fit, watched, Watch(dataset, options.split))

    def after_batch(batch: int, batches: int) -> bool:
        on_batch(len(fit.history) + 1, options.epochs, min(batch * options.batch, rows), rows)
        return recorder.heartbeat(batch, batches)

    request = ""
    while not fit.done and not request:
        on_batch(len(fit.history) + 1, options.epochs, 0, rows)
        progress = fit.epoch(after_batch)
        if progress is not None:
            if _is_replay_epoch(progress.epoch, plan.replay, options.epochs):
                _save(run, fit, fit.current_model(), group, progress.epoch)
            recorder.record_epoch(progress)
            on_epoch(progress)
        request = group.agreed(recorder.pending_request())
    if not fit.history:
        state_after = "paused" if request == "pause" else "stopped"
        recorder.close(state_after)
        return {}
    if request == "pause":
        recorder.close("paused")
        return {}
    measured = _save(run, fit, fit.best_model(), group)
    recorder.close("stopped" if request else "finished")
    return measured


def _is_replay_epoch(epoch: int, replay: int, epochs: int) -> bool:
    """Whether the model after an epoch is saved, so that `replay` models are, evenly over all epochs."""
    return epoch * replay // epochs > (epoch - 1) * replay // epochs


def _save(
    run: folder.Run, fit: Fit[Any], model: Any, group: batches.Group, epoch: int = 0
) -> dict[str, Any]:
    """Save a model of a run, after an epoch or (0) at the end, and return its metrics by split."""
    plan = run.plan
    dataset = fit.dataset
    in_double = copy.deepcopy(model).double()
    measured = {split: metrics.evaluate(in_double, dataset, split, group) for split in SPLITS}
    if group.leads:
        after = f"{checkpoint_cards.AFTER}{epoch}" if epoch else ""
        training = {**fit.options.model_dump(), "seed": plan.seed}
        if epoch or not fit.done:
            training[checkpoint_cards.STOPPED] = len(fit.history)
        path = run.model_path
        title = plan.title or f"{plan.model} on {dataset.title}"
        checkpoint.save(
            path.with_name(f"{path.stem}{after}.json"),
            model,
            checkpoint_cards.make_card(
                model,
                dataset,
                name=f"{run.name}{after}",
                title=f"{title}, after epoch {epoch}" if epoch else title,
                seed=plan.seed,
                training=training,
                metrics={split: metrics.summary([values]) for split, values in measured.items()},
                this_seed=measured,
                seeds=[plan.seed],
            ),
        )
    return measured


PULSE = 1.0  # seconds between two writings of state and record
MAX_POINTS = 200  # of the losses within epochs; of more, every second one is left out


class RunRecorder:
    """Saves the state and the record of a run during its training.

    Of several processes that train together, only the leading one writes and reads requests.

    Attributes:
        saved_epoch: the epoch after which the state was saved last.
        request: "pause" or "stop" once it was seen within an epoch; empty otherwise.
    """

    def __init__(self, run: folder.Run, group: batches.Group, events: bool):
        self.run = run
        self.group = group
        self.with_events = events
        self.record = folder.Record(pid=os.getpid(), host=socket.gethostname(), began=time.time())
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
        measured = self.watch.measure_seldom(progress.seconds, self.fit.current_model)
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
            state: of `folder.STATES`.
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


EXPLAINED, ENTANGLED, BACKGROUND = 32, 8, 256  # validation rows, validation rows, training rows


class Watch:
    """Measurements of a model after epochs, seldom enough to take little of the training's time.

    Args:
        dataset: its validation rows are explained, against its training rows.
        split: the training rows.
    """

    def __init__(self, dataset: sources.DataSet, split: str = "train"):
        self.dataset, self.valid = dataset, dataset.rows("valid")
        self.background = _spread(dataset.rows(split), BACKGROUND)
        self._trained = self._watched = 0.0

    def measure_seldom(
        self, seconds: float, make_model: Callable[[], torch.nn.Module]
    ) -> dict[str, float]:
        """Return the measures of a model after an epoch of so many seconds, or nothing, so that measuring takes at most
        a fifth of the time. The model is made only where it is measured.
        """
        self._trained += seconds
        if self._watched > 0.2 * self._trained:
            return {}
        model = make_model()
        start = time.perf_counter()
        measured = self.measure(model)
        self._watched += time.perf_counter() - start
        return measured

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """Return all measures of a model.

        Keys are `norm.H`, `norm.L` (Frobenius norms over sqrt(D)) or `norm.tables`, `norm.circuit` (radians, root mean
        square); `entanglement.MODALITY` (mean logarithmic negativity of that modality with the others at T) or
        `entanglement.fused` (mean entropy of a fused qubit, nats); `dividend.COALITION` (mean size over rows and
        outputs); `fusing.joint`, the joint terms' part of these, and `fusing.entanglement`, the mean of `entanglement`,
        with their standard errors over the rows, `fusing.joint_error` and `fusing.entanglement_error`.
        """
        model = copy.deepcopy(model).cpu().double().eval()
        if self.dataset.target.kind == "classification":
            model = base.log_odds_against_others(model)
        # where every coalition is evaluated, fewer
        behind = self.background if model.algebra.is_linear else _spread(self.background, 64)
        explanation = explain.explain(
            model,
            self._inputs(EXPLAINED),
            explain.background(model, self.dataset.inputs(behind, torch.float64)),
        )
        by_row = abs(explanation.dividends).mean(2)
        sizes, whole = by_row.mean(0), by_row[:, 1:].sum(1)
        joint = by_row[:, ["+" in name for name in explanation.coalitions]].sum(1)
        share = float(joint.mean() / whole.mean()) if whole.any() else 0.0
        measured = model.parameter_norms() | self._entanglement(model)
        # of a ratio of means, by its linear part
        measured |= _uncertain("joint", share + (joint - share * whole) / max(whole.mean(), 1e-300))
        return measured | {
            f"dividend.{name}": float(size)
            for name, size in zip(explanation.coalitions, sizes, strict=True)
            if name
        }

    def _inputs(self, count: int) -> dict[str, Any]:
        return self.dataset.inputs(_spread(self.valid, count), torch.float64)

    def _entanglement(self, model: FusionModel) -> dict[str, float]:
        """Return the mean entanglement of every part over validation rows, and of all parts with its standard error."""
        count = ENTANGLED if model.entanglement_is_slow else EXPLAINED
        by_part = model.entanglement(model.encode(self._inputs(count)))
        if not by_part:
            return {}
        measured = {
            f"entanglement.{name}": float(values.mean()) for name, values in by_part.items()
        }
        of_rows = torch.stack(list(by_part.values())).mean(0)
        return measured | _uncertain("entanglement", of_rows.numpy())


def _uncertain(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean over rows, and its standard error."""
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {f"fusing.{name}": float(values.mean()), f"fusing.{name}_error": error}


def watched_sizes(train: int, valid: int) -> tuple[int, int, int]:
    """Return how many validation rows are explained, on how many entanglement is measured, and how many rows are the
    background."""
    rows = np.arange(valid)
    return (
        len(_spread(rows, EXPLAINED)),
        len(_spread(rows, ENTANGLED)),
        len(_spread(np.arange(train), BACKGROUND)),
    )


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // count))]
