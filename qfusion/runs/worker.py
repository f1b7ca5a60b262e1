"""A training as a process does it, from the kept state to the end, and what it watches of a fusion model meanwhile."""

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

from qfusion import data, explain
from qfusion._checks import check
from qfusion.errors import InvalidInput, QFusionError
from qfusion.explain.evidence import qubit_entropy
from qfusion.models import EntangledQCNN, TimeModel, can
from qfusion.quantum import measures, states
from qfusion.runs.folder import Record, Run, slot
from qfusion.training import Fit, Progress, checkpoint, metrics, prepare
from qfusion.training.options import ALONE, Group

# What a fusion model does while it is trained: strength of its couplings, entanglement and contributions on validation
# rows.

EXPLAINED, ENTANGLED, BACKGROUND = 32, 8, 256  # validation rows, validation rows, training rows
EVALUATED = 64  # training rows where every coalition is evaluated
SHARE = 0.2  # of the training's time, at most


class Watch:
    """Measures a model after epochs, seldom enough to take little of the training's time.

    Args:
        dataset: whose validation rows are explained, against its training rows.
        split: the training rows.
    """

    def __init__(self, dataset: data.DataSet, split: str = "train"):
        self.dataset, self.valid = dataset, dataset.rows("valid")
        self.background = _spread(dataset.rows(split), BACKGROUND)
        self._trained = self._watched = 0.0

    def __call__(self, model: torch.nn.Module, seconds: float) -> dict[str, float]:
        """Returns what is measured of a model after an epoch that took so many seconds; nothing when it is not yet time
        again.

        Keys are `norm.H`, `norm.L` (Frobenius norms over sqrt(D)) or `norm.tables`, `norm.circuit` (radians, root mean
        square), `entanglement.MODALITY` (mean logarithmic negativity of that modality with the others at T) or
        `entanglement.fused` (mean entropy of a fused qubit, nats), `dividend.COALITION` (mean size over rows and
        outputs); and `fusing.joint`, the joint terms' part of these, and `fusing.entanglement`, the mean of
        `entanglement`, with their standard errors over the rows, `fusing.joint_error` and so on.
        """
        self._trained += seconds
        if self._watched > SHARE * self._trained:
            return {}
        start = time.perf_counter()
        measure = self.measure(model)
        self._watched += time.perf_counter() - start
        return measure

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """Returns all measures of a model now; see `__call__`."""
        model = copy.deepcopy(model).cpu().double().eval()
        behind = self.background if can(model, "states") else _spread(self.background, EVALUATED)
        explanation = explain.explain(
            model,
            self._inputs(EXPLAINED),
            explain.background(model, self.dataset.inputs(behind, torch.float64)),
        )
        by_row = abs(explanation.dividends).mean(2)
        sizes, whole = by_row.mean(0), by_row[:, 1:].sum(1)
        joint = by_row[:, ["+" in name for name in explanation.coalitions]].sum(1)
        share = float(joint.mean() / whole.mean()) if whole.any() else 0.0
        measured = {}
        if can(model, "time"):
            measured = self._jump(model)
        elif can(model, "rules"):
            measured = self._network(model)
        # of a ratio of means, by its linear part
        measured |= _uncertain("joint", share + (joint - share * whole) / max(whole.mean(), 1e-300))
        return measured | {
            f"dividend.{name}": float(size)
            for name, size in zip(explanation.coalitions, sizes, strict=True)
            if name
        }

    def _inputs(self, count: int) -> dict[str, Any]:
        return self.dataset.inputs(_spread(self.valid, count), torch.float64)

    def _jump(self, model: TimeModel) -> dict[str, float]:
        system = model.system()
        size = len(system.H) ** 0.5
        psi = model.product_state(model.encode(self._inputs(ENTANGLED)))
        rho = model.evolve_states(states.density(psi), [model.duration])[0]
        rho = (rho + rho.mH) / 2
        negativities = [
            measures.logarithmic_negativity(rho, model.dims, [m])
            for m in range(len(model.modalities))
        ]
        return {
            "norm.H": float(torch.linalg.matrix_norm(system.H)) / size,
            "norm.L": float(torch.linalg.vector_norm(torch.linalg.matrix_norm(system.jumps)))
            / size,
            **{
                f"entanglement.{name}": float(values.mean())
                for name, values in zip(model.modalities, negativities, strict=True)
            },
            **_uncertain("entanglement", torch.stack(negativities).mean(0).numpy()),
        }

    def _network(self, model: EntangledQCNN) -> dict[str, float]:
        vectors = model.fuse(model.encode(self._inputs(EXPLAINED)))[0]
        angles = torch.cat([model.network.convolution.flatten(), model.network.pooling.flatten()])
        return {
            "norm.tables": float((model.phi - torch.pi / 2).square().mean().sqrt()),
            "norm.circuit": float(angles.square().mean().sqrt()),
            "entanglement.fused": float(qubit_entropy(vectors).mean()),
            **_uncertain("entanglement", qubit_entropy(vectors).mean(1).numpy()),
        }


def _uncertain(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean over rows, and its standard error."""
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {f"fusing.{name}": float(values.mean()), f"fusing.{name}_error": error}


def sizes(train: int, valid: int) -> tuple[int, int, int]:
    """Returns how many validation rows are explained, on how many entanglement is measured, and how many rows are the
    background."""
    explained, entangled, background = (
        len(range(0, rows, max(1, -(-rows // count))))
        for rows, count in ((valid, EXPLAINED), (valid, ENTANGLED), (train, BACKGROUND))
    )
    return explained, entangled, background


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // count))]


# A training as a process does it: from the kept state, if there is one, to the end, or until it is asked to pause or
# stop.

PULSE = 1.0  # seconds between two writings of state and record


def work(
    run: Run,
    on_epoch: Callable[[Progress], None] = lambda _: None,
    group: Group = ALONE,
    device: torch.device | str = "cpu",
    events: bool = False,
    queue: bool = False,
    on_batch: Callable[[int, int, int, int], None] = lambda epoch, epochs, done, total: None,
) -> dict[str, Any]:
    """Trains a run until it is finished, paused or stopped, and returns its metrics by split; none when paused.

    State and record are kept after an epoch when a second has passed since the last time: who kills the process loses
    no more, and the result, taken up again, is the same to the last bit.

    Args:
        run: made by `create`.
        on_epoch: called after each epoch.
        group: the processes that train it together; the first one writes.
        device: to train on.
        events: write what TensorBoard reads into the run's folder `events`.
        queue: wait until a processor is free, see `folder.slot`.
        on_batch: called as an epoch begins and after each batch with its number, that of all, the samples done and all.

    Raises:
        InvalidInput: when another process trains it, it is finished, or the data are not those it was begun with.
    """
    with run.held() if group.leads else nullcontext():
        check(
            run.record().state != "finished",
            f"Run {run.name} is finished: there is nothing to go on with. Begin a new run.",
        )
        book = _Book(run, group, events)
        try:
            with (
                slot(lambda: not run.requested(), run.name)
                if queue
                else nullcontext(True) as wanted
            ):
                if wanted:
                    return _train(run, book, on_epoch, group, device, on_batch)
            book.close("paused" if run.requested() == "pause" else "stopped")
            return {}
        except (QFusionError, MemoryError, OSError, RuntimeError, ValueError) as error:
            with suppress(QFusionError, ValueError):  # the disk may be full
                book.close("failed", str(error) or type(error).__name__)
            raise
        except (
            KeyboardInterrupt
        ):  # within an epoch, most likely: what was kept last is what is gone on with
            book.close("paused", whole=False)
            raise


def _train(
    run: Run,
    book: _Book,
    on_epoch: Callable[[Progress], None],
    group: Group,
    device: torch.device | str,
    on_batch: Callable[[int, int, int, int], None],
) -> dict[str, Any]:
    plan = run.plan
    dataset = data.load(plan.data)
    check(
        plan.digest in ("", dataset.digest),
        f"Data set {dataset.name} is not the one that run {run.name} was begun with. Begin a new run.",
    )
    fit = prepare(plan.model, dataset, plan.settings, plan.options, plan.seed, group, device)
    state, options, rows = run.saved_state(), fit.options, len(fit.rows)
    if state is not None:
        fit.restore(state["fit"])
    book.open(fit, state["watched"] if state is not None else {}, Watch(dataset, options.split))
    word = ""

    def pulse(batch: int, batches: int) -> bool:
        on_batch(len(fit.history) + 1, options.epochs, min(batch * options.batch, rows), rows)
        return book.pulse(batch, batches)

    while not fit.done and not word:
        on_batch(len(fit.history) + 1, options.epochs, 0, rows)
        progress = fit.epoch(pulse)
        if progress is not None:
            if plan.replay and progress.epoch % -(-options.epochs // plan.replay) == 0:
                _save(run, fit, copy.deepcopy(fit.average.model).eval(), group, progress.epoch)
            book.epoch(progress)
            on_epoch(progress)
        word = group.agreed(book.requested())
    if word == "pause" or not fit.history:
        book.close(
            "paused" if word == "pause" else "stopped",
            "" if fit.history else "It was stopped before its first epoch was over.",
        )
        return {}
    measured = _save(run, fit, fit.best_model(), group)
    book.close("stopped" if word else "finished")
    return measured


def _save(run: Run, fit: Fit[Any], model: Any, group: Group, epoch: int = 0) -> dict[str, Any]:
    """Keeps a model of a run, after an epoch or, of 0, at the end, and returns its metrics by split."""
    plan, dataset = run.plan, fit.dataset
    in_double = copy.deepcopy(model).double()
    measured = {}
    for split in data.spec.SPLITS:
        chosen = dataset.rows(split)
        scores = metrics.predict(in_double, dataset, group.share(chosen), final=True)
        measured[split] = metrics.of_rows(dataset, chosen, group.gathered(scores))
    if group.leads:
        after, path = f"{checkpoint.AFTER}{epoch}" if epoch else "", run.model_path
        title = plan.title or f"{plan.model} on {dataset.title}"
        checkpoint.save(
            path.with_name(f"{path.stem}{after}.json"),
            model,
            checkpoint.make_card(
                model,
                dataset,
                name=f"{run.name}{after}",
                title=f"{title}, after epoch {epoch}" if epoch else title,
                seed=plan.seed,
                training={**asdict(fit.options), "seed": plan.seed},
                metrics={split: metrics.summary([values]) for split, values in measured.items()},
                this_seed=measured,
                seeds=[plan.seed],
                notes=metrics.sampling_note(model, dataset),
            ),
        )
    return measured


class _Book:
    """Keeps state and record of a run; the leading process's writes, the others' only listen."""

    def __init__(self, run: Run, group: Group, events: bool):
        self.run, self.group, self.with_events = run, group, events
        self.record = Record(pid=os.getpid(), host=socket.gethostname(), began=time.time())
        self.fit: Fit[Any] | None = None
        self.watched: dict[str, dict[str, float]] = {}
        self.written = self.kept_at = -PULSE  # of the machine's own clock, which nobody sets
        self.saved_epoch = 0  # the epoch after which the state was kept
        self.word = ""
        if group.leads:
            run.forget_request()
            run.write(self.record)

    def open(self, fit: Fit[Any], watched: Mapping[str, dict[str, float]], watch: Watch) -> None:
        """Begins, or goes on."""
        self.fit, self.watch, self.watched = fit, watch, dict(watched)
        self.saved_epoch = len(fit.history)
        if self.group.leads:
            self._write("running")

    def pulse(self, batch: int, batches: int) -> bool:
        """Called after each batch; False gives the epoch up, where the state after the last one is kept. Several
        processes agree at the end of an epoch only."""
        if not self.group.leads or self.fit is None or time.monotonic() - self.written < PULSE:
            return True
        self._write("running", batch=batch, batches=batches)
        if self.group.size == 1 and self.saved_epoch == len(self.fit.history):
            self.word = self.run.requested()
        return not self.word

    def epoch(self, progress: Progress) -> None:
        """Called after each epoch."""
        if not self.group.leads or self.fit is None:
            return
        measured = self.watch(self.fit.average.model, progress.seconds)
        if measured:
            self.watched[str(progress.epoch)] = measured
        if self.with_events:
            _write_events(self.run, progress, measured)
        if time.monotonic() - self.kept_at > PULSE or self.fit.done:
            self._keep()
        if time.monotonic() - self.written > PULSE or progress.epoch == 1:
            self._write("running")

    def requested(self) -> str:
        """What was asked for; looked up by the leading process."""
        return self.word or (self.run.requested() if self.group.leads else "")

    def close(self, state: str, message: str = "", whole: bool = True) -> None:
        """Ends with a state; `whole` says whether the training stands at the end of an epoch, or gave up one that it
        need not keep."""
        if not self.group.leads:
            return
        behind = self.fit is not None and self.saved_epoch < len(self.fit.history)
        if whole and behind and state in ("paused", "stopped"):
            self._keep()
        self._write(state, message=message)
        self.run.forget_request()
        if state == "finished":
            (self.run.path / "state.pt").unlink(missing_ok=True)

    def _keep(self) -> None:
        assert self.fit is not None
        self.run.keep({"fit": self.fit.state(), "watched": self.watched})
        self.saved_epoch, self.kept_at = len(self.fit.history), time.monotonic()

    def _write(self, state: str, **changes: Any) -> None:
        if self.fit is not None:
            changes = {
                "epochs": self.fit.options.epochs,
                "history": tuple(
                    {
                        **asdict(p),
                        "valid": dict(p.valid),
                        "watched": self.watched.get(str(p.epoch), {}),
                    }
                    for p in self.fit.history
                ),
                "best_epoch": self.fit.best_epoch,
                **changes,
            }
        self.record = replace(self.record, **{"batch": 0, "batches": 0, **changes, "state": state})
        self.run.write(self.record)
        self.written = time.monotonic()


def _write_events(run: Run, progress: Progress, measured: Mapping[str, float]) -> None:
    """Adds an epoch to the files that TensorBoard reads."""
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
