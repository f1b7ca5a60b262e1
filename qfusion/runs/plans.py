"""From what someone asks for to runs: settings and sweeps read and checked before anything is made, a process started
for each run, a training as such a process does it, and what it watches of a model meanwhile.
"""

from __future__ import annotations

import copy
import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from qfusion import _files, _limits, data as sources, explain
from qfusion._checks import check, choose, read_json, require_number, require_whole
from qfusion.errors import InvalidInput, QFusionError, translate_errors
from qfusion.explain.evidence import qubit_entropy
from qfusion.models import (
    FUSION,
    EntangledQCNN,
    TimeModel,
    build,
    can,
    encoders,
    log_odds,
    neighbours,
    network_model,
    quantum_jump,
    registry,
    twins,
)
from qfusion.quantum import circuits, states
from qfusion.runs import folder
from qfusion.training import (
    Fit,
    Progress,
    checkpoint,
    default_options,
    metrics,
    options,
    prepare,
    processes,
    sampling_error,
)

if TYPE_CHECKING:
    from optuna import Trial


# What can be trained and how, one plain sentence each: for whoever fills in a form or asks for help.


@dataclass(frozen=True)
class Setting:
    """A setting of a model or of its training; or a kind of model, which has a title and a sentence only.

    Attributes:
        title: what people call it; says: one plain sentence.
        low, high: what a form offers at least and at most; the models themselves may take more.
        choices: the words it may be.
    """

    title: str
    says: str
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()


_FILE = tomllib.loads(_files.asset_text("settings.toml"))
KINDS = {
    kind: Setting(**_FILE["kinds"].get(kind, {"title": model.title, "says": model.says}))
    for kind, model in FUSION.items()
}
"""By name; a model may say it itself, in its own file."""

_CHOICES = {
    **options.CHOICES,
    **quantum_jump.CHOICES,
    **network_model.CHOICES,
    "block": tuple(circuits.BLOCKS),
    "lacks": twins.LACKS,
    "projection": neighbours.PROJECTIONS,
    "encoder": encoders.KINDS,
    "pooling": encoders.POOLINGS,
}
SETTINGS = {
    key: Setting(**words, choices=_CHOICES.get(key, ())) for key, words in _FILE["settings"].items()
}

MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}
"""The settings of a system that a form shows first, after epochs and learning rate; those of all others stand last."""


# Starts a training in a process of its own, which goes on when the one that started it ends.

ROOT = Path(__file__).resolve().parents[2]


def launch(run: folder.Run, events: bool = False) -> None:
    """Starts, or goes on with, the training of a run; returns at once. What the process prints goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(folder.PATIENCE), f"Run {run.name} is being trained already.")
    process = start_process(
        ["train", "--resume", str(run.path), "--queue", *(["--events"] if events else [])],
        run.path / "log.txt",
    )
    _files.write_file(run.path / "launched", f"{process.pid} {time.monotonic()}")


def start_process(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a command of qfusion in a process that outlives this one; returns at once. What it prints is added to
    `log`."""
    _limits.refuse("start a process")
    folder.check_queue()
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "qfusion", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join(
                    filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))
                ),
            },
        )
    folder.started.append(process)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
    return process


def is_starting(run: folder.Run) -> bool:
    """Returns whether a process was just launched for the run that does not hold its lock yet, as it loads its
    libraries first."""
    try:
        pid, began = (run.path / "launched").read_text()[:60].split()
        # by then it has taken the lock, or never will; since the machine was started: no clock that is set
        soon = 0 <= time.monotonic() - float(began) < 120.0
        return soon and _files.is_running(int(pid)) and run.record().pid != int(pid)
    except (OSError, ValueError, QFusionError):
        return False


# From what someone asks for to runs: settings read and checked before anything is made, all runs made or none.


MOST_KEPT = 100  # epochs after which a model is kept


def known(data: str, model: str) -> dict[str, Any]:
    """Returns every setting of a kind of model and of its training on a data set, with the defaults.

    Raises:
        NotFound: when there is no such model or data set.
    """
    return {**registry.settings(model), **asdict(default_options(sources.load(data)))}


def counterpart(data: str, model: str, chosen: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the other of the two systems and its settings on equal terms: what both have is as `chosen`, or as the
    first has it by default; the rest is its own."""
    other = next(kind for kind in MAIN if kind != model)
    first, own = {**known(data, model), **chosen}, known(data, other).items()
    if first["input_dropout"] < 0:  # in QiNN-QJ as the other dropout
        first["input_dropout"] = first["dropout"]
    return other, {key: first[key] for key, default in own if first.get(key, default) != default}


def value(key: str, text: str, default: Any) -> Any:
    """Returns `text` as a value of the kind that the default is: text, a whole number, a number, or several (4,4,2).

    Raises:
        InvalidInput: when it is none.
    """
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        check(
            text.lower() in ("true", "false"),
            f"Setting `{key}` must be true or false, but is {text[:80]!r}.",
        )
        return text.lower() == "true"
    record = read_json(f"[{text}]" if "," in text and not text.startswith("[") else text)
    values = record if isinstance(record, list) and not isinstance(default, float) else [record]
    kinds = (int,) if isinstance(default, int) else (int, float)
    check(
        len(values) > 0 and all(isinstance(v, kinds) and not isinstance(v, bool) for v in values),
        f"Setting `{key}` must be a {'whole ' if isinstance(default, int) else ''}number, but is {text[:80]!r}. "
        f"Its default is {default!r}.",
    )
    return record


def plan(
    data: str,
    model: str,
    chosen: Mapping[str, Any],
    seed: int = 0,
    title: str = "",
    replay: int = 0,
) -> folder.Plan:
    """Returns what shall be trained, checked as far as it can be without training.

    Args:
        data: as `qfusion.data.load` takes it.
        model: kind of model.
        chosen: settings of the model and options of the training by name, as `known` lists them.
        seed, title, replay: see `Plan`.

    Raises:
        InvalidInput, NotFound: when a name does not exist or a value is impossible, also for this data set.
    """
    require_whole("replay", replay, 0, MOST_KEPT)
    dataset = sources.load(data)
    of_model, default = registry.settings(model), default_options(dataset)
    for key in chosen:
        choose("Setting", key, {**of_model, **asdict(default)})
    settings = {key: entry for key, entry in chosen.items() if key in of_model}
    options = replace(
        default, **{key: entry for key, entry in chosen.items() if key not in of_model}
    )
    target = dataset.target
    check(
        (options.loss == "cross_entropy") == (target.kind == "classification"),
        f"Setting `loss` must be {'cross_entropy' if target.kind == 'classification' else 'l1, mse or huber'} for a "
        f"{target.kind} target, but is {options.loss!r}.",
    )
    with torch.device("meta"):  # is it a model that can be built? Its shapes say so
        planned = build(model, dataset.input_specs, target.classes or (target.name,), settings)
    planned.check_trainable()
    return folder.Plan(
        data,
        model,
        settings,
        seed,
        dataset.digest,
        options={
            key: result
            for key, result in asdict(options).items()
            if result != getattr(default, key)
        },
        title=title,
        replay=replay,
    )


def names_of(name: str, seeds: Sequence[int]) -> list[str]:
    """Returns the names of the runs of some seeds: the name itself, or NAME-SEED for several."""
    return [name] if len(seeds) == 1 else [f"{name}-{seed}" for seed in seeds]


def check_names(names: Sequence[str]) -> None:
    """Raises InvalidInput when a name is not one, or is that of a run or of a model."""
    for name in names:
        folder.check_free(name)
        check(
            not (folder.home() / name / "plan.json").exists(),
            f"A run called {name!r} is there already. Choose another name.",
        )


def free_name(stem: str, taken: Iterable[str] = (), seeds: Sequence[int] = (0,)) -> str:
    """Returns a name that no run, no model and nothing else that is `taken` has: STEM, or STEM.2, ..., free with all of
    some seeds."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)[:48]
    known = {*taken, *checkpoint.available(), *(path.name for path in folder.home().glob("*"))}
    names = (stem, *(f"{stem}.{n}" for n in range(2, len(known) + 3)))
    return next(name for name in names if not known & {name, *names_of(name, seeds)})


def start(plans: Mapping[str, folder.Plan], events: bool = False) -> list[folder.Run]:
    """Makes runs by name and starts them, each in a process of its own; one that cannot be made or started is not left
    behind.

    Args:
        plans: of the runs by name, see `plan`.
        events: see `launch`.

    Raises:
        InvalidInput: when a name is not one or is taken, or nothing can be written.
    """
    check_names(list(plans))
    folder.check_room(len(plans))
    folder.check_queue(len(plans))
    made: list[folder.Run] = []
    begun = 0
    with translate_errors(
        "The run could not be begun",
        "Free some disk space, or name another folder in QFUSION_RUNS.",
    ):
        try:
            for name, plan_of_run in plans.items():
                made.append(folder.create(plan_of_run, name=name))
            for run in made:
                launch(run, events)
                begun += 1
        except BaseException:
            for run in made[begun:]:
                run.delete()
            raise
    return made


# What a fusion model does while it is trained: strength of its couplings, entanglement and contributions on validation
# rows.

EXPLAINED, ENTANGLED, BACKGROUND = 32, 8, 256  # validation rows, validation rows, training rows


class Watch:
    """Measures a model after epochs, seldom enough to take little of the training's time.

    Args:
        dataset: whose validation rows are explained, against its training rows.
        split: the training rows.
    """

    def __init__(self, dataset: sources.DataSet, split: str = "train"):
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
        # at most a fifth of the training's time is taken
        if self._watched > 0.2 * self._trained:
            return {}
        start = time.perf_counter()
        measure = self.measure(model)
        self._watched += time.perf_counter() - start
        return measure

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """Returns all measures of a model now; see `__call__`."""
        model = copy.deepcopy(model).cpu().double().eval()
        if self.dataset.target.kind == "classification":
            model = log_odds.against_others(model)
        # where every coalition is evaluated, fewer
        behind = self.background if can(model, "states") else _spread(self.background, 64)
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
            states.logarithmic_negativity(rho, model.dims, [m])
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
    rows = np.arange(valid)
    return (
        len(_spread(rows, EXPLAINED)),
        len(_spread(rows, ENTANGLED)),
        len(_spread(np.arange(train), BACKGROUND)),
    )


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // count))]


# A training as a process does it: from the kept state, if there is one, to the end, or until it is asked to pause or
# stop.

PULSE = 1.0  # seconds between two writings of state and record


def work(
    run: folder.Run,
    on_epoch: Callable[[Progress], None] = lambda _: None,
    group: processes.Group = processes.ALONE,
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
                folder.slot(lambda: not run.requested(), run.name)
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
    run: folder.Run,
    book: _Book,
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
            done = progress.epoch * plan.replay // options.epochs  # models to be kept so far
            if done > (progress.epoch - 1) * plan.replay // options.epochs:
                _save(run, fit, fit.current_model(), group, progress.epoch)
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


def _save(
    run: folder.Run, fit: Fit[Any], model: Any, group: processes.Group, epoch: int = 0
) -> dict[str, Any]:
    """Keeps a model of a run, after an epoch or, of 0, at the end, and returns its metrics by split."""
    plan, dataset = run.plan, fit.dataset
    in_double = copy.deepcopy(model).double()
    measured = {
        split: metrics.evaluate(in_double, dataset, split, group) for split in sources.spec.SPLITS
    }
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
                notes=sampling_error.sampling_note(model, dataset),
            ),
        )
    return measured


class _Book:
    """Keeps state and record of a run; the leading process's writes, the others' only listen."""

    def __init__(self, run: folder.Run, group: processes.Group, events: bool):
        self.run, self.group, self.with_events = run, group, events
        self.record = folder.Record(pid=os.getpid(), host=socket.gethostname(), began=time.time())
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
        measured = self.watch(self.fit.current_model(), progress.seconds)
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


def _write_events(run: folder.Run, progress: Progress, measured: Mapping[str, float]) -> None:
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


# What a sweep searches: ranges and choices of settings, read from words and checked before anything is trained.

LOSS = "loss"
MAX_SETTINGS = 40  # settings that are searched, and choices of one


@dataclass(frozen=True)
class Search(folder.Training):
    """What a sweep searches, and by what it is judged.

    Attributes:
        space: by setting, `{"low", "high", "log", "whole"}` or `{"choices"}`.
        metric: "loss", the validation loss, or a metric of the validation rows; that of the epoch that a training
            keeps.
    """

    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metric: str = LOSS

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """ "minimize" or "maximize"."""
        return (
            "maximize"
            if self.metric != LOSS and metrics.describe[self.metric].higher_is_better
            else "minimize"
        )


def read_search(
    data: str,
    model: str,
    assigned: Mapping[str, Any],
    ranges: Sequence[str],
    choices: Sequence[str],
    metric: str = LOSS,
    seed: int = 0,
) -> Search:
    """Returns what words ask to search, checked as far as it can be without training.

    Args:
        data, model: see `Search`.
        assigned: settings that are fixed.
        ranges: like "rate=1e-4:1e-2:log" or "hidden=16:128:int"; the two words may be joined, "hidden=16:128:int:log".
        choices: like "evolution=jump,unitary"; several numbers of one value are written "dims=[4,4,2],[2,2,2]".
        metric: "loss" or one of the validation metrics.
        seed: of the first trial.

    Raises:
        InvalidInput, NotFound: when a setting does not exist, a range is empty, or a value is impossible for the model
            or the data.
    """
    default = known(data, model)
    space: dict[str, dict[str, Any]] = {}
    for word, make in [(word, _range) for word in ranges] + [(word, _choices) for word in choices]:
        key, equals, text = word.partition("=")
        option = "--range" if make is _range else "--choice"
        check(
            bool(equals),
            f"Argument `{option}` must have the form {'key=low:high' if make is _range else 'key=one,two'}, but is "
            f"{word[:80]!r}.",
        )
        key = choose("Setting", key.strip(), default)
        check(
            key not in space and key not in assigned,
            f"Setting `{key}` is given twice: fix it or search it, and once only.",
        )
        space[key] = make(key, text.strip(), default[key])
    return checked(Search(data, model, dict(assigned), seed, space=space, metric=metric))


def checked(search: Search) -> Search:
    """Returns a search with the digest of its data, once every end of its ranges and every choice is known to be
    possible.

    Raises:
        InvalidInput, NotFound: see `read_search`.
    """
    dataset = sources.load(search.data)
    check(
        0 < len(search.space) <= MAX_SETTINGS,
        f"A sweep must search from 1 to {MAX_SETTINGS} settings, but searches {len(search.space)}. Add --range or "
        "--choice.",
    )
    choose("Metric", search.metric, metric_names(dataset))
    check(
        search.settings.get("refit", False) is False and "refit" not in search.space,
        "Setting `refit` must be false in a sweep: it trains on the validation rows, by which settings are judged.",
    )
    for key in ("loss", "class_weights"):
        check(
            search.metric != LOSS or key not in search.space,
            f"Setting `{key}` cannot be judged by the loss, which it changes. Judge it by a metric.",
        )
    require_number("seed", search.seed, 0, 2**31)
    for key, entry in search.space.items():
        for value in entry.get("choices", (entry.get("low"), entry.get("high"))):
            plan(search.data, search.model, {**search.settings, key: value})
    return replace(search, digest=dataset.digest)


def metric_names(dataset: sources.DataSet) -> list[str]:
    """Returns what a sweep on a data set may be judged by."""
    return [LOSS, *metrics.names(dataset)]


def suggest(search: Search, trial: Trial) -> dict[str, Any]:
    """Returns the settings that a trial tries: the fixed ones, and one value of each that is searched."""
    tried: dict[str, Any] = {}
    for key, entry in search.space.items():
        if "choices" in entry:
            tried[key] = trial.suggest_categorical(
                key, [_word(value) for value in entry["choices"]]
            )
        else:
            pick = trial.suggest_int if entry["whole"] else trial.suggest_float
            tried[key] = pick(key, entry["low"], entry["high"], log=entry["log"])
    return settings_of(search, tried)


def settings_of(search: Search, tried: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all settings of a trial by what was tried in it."""
    return {
        **search.settings,
        **{
            key: next(
                choice
                for choice in search.space[key].get("choices", [value])
                # as a storage keeps it, which tells 1 and True apart by their kinds alone
                if _word(choice) == value and type(_word(choice)) is type(value)
            )
            for key, value in tried.items()
        },
    }


def _word(value: Any) -> Any:
    """A choice as storages keep it: several numbers as text."""
    return json.dumps(value) if isinstance(value, list) else value


def _range(key: str, text: str, default: Any) -> dict[str, Any]:
    low, high, *marks = [part.strip() for part in text.split(":")] if text.count(":") else ["", ""]
    check(
        isinstance(default, (int, float)) and not isinstance(default, bool),
        f"Setting `{key}` is {default!r} by default, not a number: it has no range. Name values with --choice "
        f"{key}=one,two.",
    )
    check(
        bool(low and high) and set(marks) <= {"log", "int"} and len(marks) == len(set(marks)),
        f"The range of `{key}` must have the form low:high, with :log or :int after it where wanted, but is "
        f"{text[:80]!r}.",
    )
    whole = "int" in marks or isinstance(default, int)
    bounds = []
    for part in (low, high):
        try:
            bounds.append(int(part) if whole else float(part))
            float(bounds[-1])
        except (ValueError, OverflowError):
            raise InvalidInput(
                f"The range of `{key}` must lie between two {'whole ' if whole else ''}numbers, but has "
                f"{part[:40]!r}."
            ) from None
    check(
        all(math.isfinite(bound) for bound in bounds) and bounds[0] < bounds[1],
        f"The range of `{key}` must begin below its end, but is {low} to {high}.",
    )
    check(
        "log" not in marks or bounds[0] > 0,
        f"The range of `{key}` must begin above 0 with :log, but begins at {low}.",
    )
    return {"low": bounds[0], "high": bounds[1], "log": "log" in marks, "whole": whole}


def _choices(key: str, text: str, default: Any) -> dict[str, Any]:
    words = map(str.strip, re.findall(r"\[[^\]]*\]|[^,\[\]]+", text))
    values = [value(key, word, default) for word in words if word]
    check(
        1 < len(values) <= MAX_SETTINGS and len({_word(value) for value in values}) == len(values),
        f"Argument `--choice` must name from 2 to {MAX_SETTINGS} different values of `{key}`, but is {text[:80]!r}.",
    )
    return {"choices": values}
