"""Train a run: from its saved state, if there is one, to the end, or until a pause or stop is requested."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict
from typing import Any

import torch

from qfusion import data as sources
from qfusion._checks import check
from qfusion.data.row_splits import SPLITS
from qfusion.errors import QFusionError
from qfusion.runs import folder
from qfusion.runs.recorder import RunRecorder
from qfusion.runs.training_watch import Watch
from qfusion.training import (
    Fit,
    Progress,
    checkpoint,
    checkpoint_cards,
    checkpoint_folders,
    metrics,
    prepare,
    processes,
)


def train_run(
    run: folder.Run,
    on_epoch: Callable[[Progress], None] = lambda _: None,
    group: processes.Group = processes.ALONE,
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
    group: processes.Group,
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
    run: folder.Run, fit: Fit[Any], model: Any, group: processes.Group, epoch: int = 0
) -> dict[str, Any]:
    """Save a model of a run, after an epoch or (0) at the end, and return its metrics by split."""
    plan = run.plan
    dataset = fit.dataset
    in_double = copy.deepcopy(model).double()
    measured = {split: metrics.evaluate(in_double, dataset, split, group) for split in SPLITS}
    if group.leads:
        after = f"{checkpoint_folders.AFTER}{epoch}" if epoch else ""
        training = {**asdict(fit.options), "seed": plan.seed}
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
