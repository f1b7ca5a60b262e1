"""The training loop: seeded, with early stopping, gradient clipping and weight averaging, epoch by epoch."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import Audio, DataSet
from qfusion.errors import translate_errors
from qfusion.models import FusionModel, build
from qfusion.models.encoders import BatchNorm, Shard, shard_context
from qfusion.models.inputs import InputSpec
from qfusion.training import checkpoint, metrics
from qfusion.training.batches import (
    ALONE,
    Batches,
    Group,
    is_small,
    mean_and_std,
    noisy,
    shift_pictures,
    warp_pictures,
)
from qfusion.training.checkpoint import Checkpoint
from qfusion.training.optimisation import (
    Heads,
    balanced_weights,
    compute_loss,
    decay_couplings,
    loss_factor,
    mixed_precision,
    parameter_groups,
    rate_schedule,
    target_unit,
)
from qfusion.training.options import Options, complete_options

M = TypeVar("M", bound=nn.Module)

ITERATIONS = 20  # of L-BFGS in an epoch of a convex model
TOLERANCE = 1e-6  # of the loss: a convex model whose epoch changes it by less is at its minimum
CHUNK = 8192  # rows that are evaluated together there


def train(
    kind: str,
    dataset: DataSet,
    settings: Mapping[str, Any] | None = None,
    options: Options | Mapping[str, Any] | None = None,
    seed: int = 0,
    on_epoch: Callable[[Progress], bool | None] = lambda _: None,
    device: torch.device | str = "cpu",
) -> Result[Any]:
    """Build a model for a data set and train it on its training rows.

    Args:
        kind: name of the model, see `qfusion.models.names`.
        dataset: where the rows come from; "valid" chooses the epoch, "test" is never touched.
        settings: model settings that differ from the defaults.
        options: of the training, or by name those that differ from `default_options`.
        seed: of initial weights, order, dropout and trajectories; the same seed gives the same weights.
        on_epoch: called after each epoch; training ends when it returns False.
        device: to train on, where the model stays.

    Raises:
        InvalidInput, NotFound: when a setting or option does not exist or has an impossible value.

    Example:
        >>> from qfusion import data
        >>> from qfusion.training import train
        >>> result = train("linear", data.load("digits"), options={"epochs": 1})
        >>> type(result.model).__name__
        'Linear'
    """
    training = prepare(kind, dataset, settings, options, seed, device=device)
    return _run_to_end(training, on_epoch)


def fit(
    model: M,
    dataset: DataSet,
    options: Options,
    seed: int = 0,
    on_epoch: Callable[[Progress], bool | None] = lambda _: None,
) -> Result[M]:
    """Train a module that maps `dataset.inputs(rows)` to scores (B, C); arguments and errors as for `train`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of dropout and trajectories
        training = Fit(model, dataset, options, seed)
    return _run_to_end(training, on_epoch)


def prepare(
    kind: str,
    dataset: DataSet,
    settings: Mapping[str, Any] | None = None,
    options: Options | Mapping[str, Any] | None = None,
    seed: int = 0,
    group: Group = ALONE,
    device: torch.device | str = "cpu",
) -> Fit[Any]:
    """Build a model for a data set and return its training, not started. Arguments and errors are as for `train` and
    `Fit`.
    """
    check(
        not dataset.is_game,
        f"Data set '{dataset.name}' is a measured game, which has no features to train on. Choose another.",
    )
    options = complete_options(dataset, options)
    torch.manual_seed(seed)
    model = build(
        kind,
        dataset.input_specs,
        dataset.target.classes or (dataset.target.name,),
        settings or {},
    )
    model.check_trainable()
    rows = dataset.rows(options.split)
    if is_small(dataset, len(rows)):
        model.standardise(dataset.inputs(rows))
    else:
        for name in model.modalities:
            model.encoders.get_submodule(f"{name}.standardise").set(  # type: ignore[operator]
                *mean_and_std(dataset, rows, name)
            )
    if model.projects:
        # fitted to so many rows, evenly among those that are trained on
        places = np.linspace(0, len(rows) - 1, min(len(rows), 4096)).astype(int)
        model.project(dataset.inputs(rows[places]))
    if dataset.target.kind != "classification":
        # weights start as for targets of deviation 1
        rescale_scores(model, target_unit(dataset.y[rows]))
        with torch.no_grad():
            model.bias.fill_(float(np.median(dataset.y[rows])))
    return Fit(model, dataset, options, seed, group, device)


@dataclass(frozen=True)
class Progress:
    """Progress that the callback receives after each epoch.

    Attributes:
        epoch, epochs: how many are done, of at most how many.
        train_loss: mean over the epoch's batches, while they were trained on; that of single modalities included, where
            it is trained on.
        valid_loss, valid: loss and metrics on the validation rows.
        gradient_norm: mean over the batches, before clipping.
        seconds: the epoch took.
        best: whether this epoch's weights are the best so far.
        rate: learning rate at the epoch's end.
    """

    epoch: int
    epochs: int
    train_loss: float
    valid_loss: float
    valid: Mapping[str, float]
    gradient_norm: float
    seconds: float
    best: bool
    rate: float = 0.0


@dataclass
class Result(Generic[M]):
    """A trained model (eval mode), its history per epoch, the epoch that was kept, and the options, seed and data
    set of its training.
    """

    model: M
    history: list[Progress]
    best_epoch: int
    options: Options
    seed: int
    dataset: DataSet

    def settings(self) -> dict[str, Any]:
        """Return the options and seed as a mapping for a card."""
        return {**self.options.model_dump(), "seed": self.seed}

    def checkpoint(self, name: str, title: str = "") -> Checkpoint:
        """Return the model with a card, as it is after saving and loading. It is the starting point of explanations,
        figures and reports.

        Args:
            name: that the model goes by.
            title: what a person calls it; its kind and the data set's title unless given.

        Raises:
            InvalidInput: when the model is none of ours, which `fit` trains as well, or the name is empty.
        """
        return checkpoint.make_checkpoint(
            self.model,
            self.dataset,
            name=name,
            title=title,
            seed=self.seed,
            training=self.settings(),
        )


class Fit(Generic[M]):
    """One training: a module that maps `dataset.inputs(rows)` to scores (B, C), trained one epoch at a time.

    The random state is its own: what happens between epochs changes nothing, and `state` after an epoch, given to
    `restore` of a new Fit of the same arguments, goes on to the very same weights.

    Numbers are trained on in a unit near their standard deviation (see `target_unit`), so that neither rates nor decays
    depend on the unit in which a data set gives them: the weights of the head are divided by it here, and multiplied
    again in every model that is given out. That holds for models with `rescale`; any other module is trained on the
    targets as they are.

    Args:
        model: with fresh weights; it is trained in place, on `device`.
        dataset: "valid" chooses the epoch, "test" is never touched.
        options: of the training.
        seed: of order, dropout and trajectories.
        group: the processes that share each batch; their result is that of one process, apart from rounding (and, with
            dynamics="jumps", from trajectories, which every process draws for itself).
        device: to train on.

    Attributes:
        unit: of the targets while they are trained on; 1 for classes.
        history: what happened in every epoch so far.
        best_epoch: the epoch whose weights are the best so far.
        batch_losses: of the batches of the latest epoch so far, in the unit of `Progress.train_loss`.
    """

    def __init__(
        self,
        model: M,
        dataset: DataSet,
        options: Options,
        seed: int = 0,
        group: Group = ALONE,
        device: torch.device | str = "cpu",
    ):
        dtype = torch.float64 if options.precision == "double" else torch.float32
        self.model = model.to(device).double() if dtype == torch.float64 else model.to(device)
        self.dataset, self.options, self.seed, self.group = dataset, options, seed, group
        self.device = torch.device(device)
        self.rows = Batches(dataset, dataset.rows(options.split), device, dtype)
        rows = self.rows.rows
        unit = 1.0 if options.loss == "cross_entropy" else target_unit(dataset.y[rows])
        self.unit = unit if rescale_scores(self.model, 1 / unit) else 1.0
        self.weights = (
            balanced_weights(dataset, self.rows) if options.class_weights == "balanced" else None
        )
        self.heads = (
            Heads(model, dataset, rows, options.loss, seed, self.unit) if options.unimodal else None
        )
        self.order = torch.Generator().manual_seed(seed)
        parameters = parameter_groups(model, options)
        if self.heads is not None:
            parameters += parameter_groups(self.heads.heads, options)
        self.optimiser = torch.optim.AdamW(parameters, lr=options.rate, fused=True)
        self.schedule = rate_schedule(
            self.optimiser, options, options.epochs * -(-len(self.rows) // options.batch)
        )
        self.convex = isinstance(model, FusionModel) and model.convex
        self.average = _Average(model, 0.0 if self.convex else options.average)
        self.spread = {
            m.name: mean_and_std(dataset, rows, m.name)[1].to(device, dtype)
            for m in dataset.modalities
            if options.noise
        }
        self.shapes = {
            m.name: m.shape
            for m in dataset.modalities
            if m.shape is not None and InputSpec(m.size, m.is_sequence, m.shape).is_picture
        }
        content = (
            dataset.content(int(rows[0]))
            if options.turn or options.stretch or options.delay
            else {}
        )
        self.spectrograms = {
            name: shape
            for name, shape in self.shapes.items()
            if isinstance(content.get(name), Audio)
        }
        self.pictures = {
            name: shape for name, shape in self.shapes.items() if name not in self.spectrograms
        }
        for name, value, fit, what in (
            ("shift", options.shift, self.shapes, "pictures"),
            ("turn", options.turn, self.pictures, "pictures"),
            ("stretch", options.stretch, self.pictures, "pictures"),
            ("delay", options.delay, self.spectrograms, "spectrograms of recordings"),
        ):
            check(
                not value or bool(fit),
                f"Argument `{name}` must be 0 for data without {what}, but is {value}: no modality of "
                f"'{dataset.name}' has such pixels in a shape (h, w).",
            )
        check(
            group.size == 1 or not any(isinstance(part, BatchNorm) for part in model.modules()),
            "Argument `encoder` must be 'mlp' or 'cnn' where processes share batches: others average over whole "
            "batches, of which each process sees a part. Train in one process, or with another encoder.",
        )
        check(
            group.size == 1 or not self.convex,
            f"A model of kind {getattr(model, 'kind', '')} is minimised over all rows at once, in one process, but "
            f"there are {group.size} processes. Start one.",
        )
        self.history: list[Progress] = []
        self.batch_losses: list[float] = []
        self.best_loss, self.best, self.best_epoch = (
            float("inf"),
            copy.deepcopy(self.average.model.state_dict()),
            0,
        )
        self.random = self._random()
        self._trained: nn.Module = self.model if self.heads is None else self.heads
        self._call = (
            nn.parallel.DistributedDataParallel(
                self._trained, find_unused_parameters=getattr(model, "staged", False)
            )
            if group.size > 1
            else self._trained
        )

    @property
    def done(self) -> bool:
        """Whether all epochs are over, no better loss has come for `patience` epochs, or a convex loss is at its
        minimum."""
        epoch, patience = len(self.history), self.options.patience
        if self.convex and epoch > 1:
            before, now = (self.history[place].train_loss for place in (-2, -1))
            if abs(now - before) <= TOLERANCE * abs(before):
                return True
        waited = not getattr(self.model, "preparing", False) and epoch - self.best_epoch >= patience
        return epoch >= self.options.epochs or bool(patience and waited)

    def epoch(
        self, on_batch: Callable[[int, int], bool | None] = lambda done, total: None
    ) -> Progress | None:
        """Train on every row once and return the progress.

        Args:
            on_batch: called after each batch with the batches done and all; where it returns False the epoch is given
                up.

        Returns:
            None when the epoch was given up: then only what was best before is of use.

        Raises:
            InvalidInput: when the loss is no longer finite.
        """
        start, steps = time.perf_counter(), []
        number = len(self.history) + 1
        factor = loss_factor(self.options.loss, self.unit)
        self.batch_losses = []
        self._advance()
        self.model.train()
        with torch.random.fork_rng():
            torch.set_rng_state(self.random["cpu"])
            if self.device.type == "cuda" and "cuda" in self.random:
                torch.cuda.set_rng_state(self.random["cuda"], self.device)
            if self.convex:
                steps.append(self._minimise())
                self.batch_losses.append(steps[-1][0] * factor)
                if on_batch(1, 1) is False:
                    return None
            else:
                batches = torch.randperm(len(self.rows), generator=self.order).split(
                    self.options.batch
                )
                read = self.rows.ahead([batch[self._places(batch)] for batch in batches])
                for n, (batch, (inputs, y)) in enumerate(zip(batches, read, strict=True), 1):
                    steps.append(self.step(batch, inputs, y))
                    self.batch_losses.append(steps[-1][0] * factor)
                    if on_batch(n, len(batches)) is False:
                        return None
            losses, norms = zip(*steps, strict=True)
            train_loss = float(np.mean(losses)) * factor
            check(
                np.isfinite(train_loss),
                f"Training diverged in epoch {number}: the loss is {train_loss}. Lower `rate` or `clip`.",
            )
            valid_loss, measured = self._validate()
            self.random = self._random()
        better = valid_loss < self.best_loss or self.options.patience == 0
        if better:
            self.best_loss, self.best_epoch = valid_loss, number
            self.best = copy.deepcopy(self.average.model.state_dict())
        self.history.append(
            Progress(
                epoch=number,
                epochs=self.options.epochs,
                train_loss=train_loss,
                valid_loss=valid_loss,
                valid=measured,
                gradient_norm=float(np.mean(norms)),
                seconds=time.perf_counter() - start,
                best=better,
                rate=float(self.schedule.get_last_lr()[0]),
            )
        )
        return self.history[-1]

    def _advance(self) -> None:
        """Start training the next part of a model if it is due. Training then continues from averaged weights, and
        no earlier epoch is kept as the best.
        """
        average = self.average.model
        if isinstance(average, FusionModel) and average.advance(
            len(self.history) / self.options.epochs
        ):
            self.model.load_state_dict(average.state_dict())
            self.best_loss, self.best_epoch = float("inf"), len(self.history)

    def _places(self, batch: Tensor) -> Tensor:
        """The places in a global batch that this process works on; of a last batch with fewer rows than processes it
        runs one row, which does not count."""
        own = torch.arange(self.group.rank, len(batch), self.group.size)
        return own if len(own) else torch.zeros(1, dtype=torch.long)

    def step(self, batch: Tensor, *taken: Any) -> tuple[float, float]:
        """Train on one global batch and return its loss, of targets divided by `unit`, and the norm of the gradient.

        Args:
            batch: places (b,) among the training rows.
            taken: inputs and targets of those that this process works on; they are read unless given.
        """
        own = self._places(batch)
        idle = self.group.rank >= len(batch)
        inputs, y = taken or self.rows.take(batch[own])
        options = self.options
        with (
            shard_context(Shard(own, len(batch)) if self.group.size > 1 else None),
            mixed_precision(self.model, self.device)
            if options.precision == "mixed"
            else nullcontext(),
        ):
            loss = self._part_of_loss(batch[own], batch, inputs, y)
        # DistributedDataParallel takes the mean over processes
        if self.group.size > 1:
            loss = loss * (0 if idle else self.group.size)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self._trained.parameters(), options.clip))
        decay_couplings(self.model, float(self.schedule.get_last_lr()[0]) * options.coupling_decay)
        self.optimiser.step()
        self.schedule.step()
        self.average.update(self.model)
        return float(self.group.sum(loss.detach())) / self.group.size, norm

    def _part_of_loss(
        self, own: Tensor, batch: Tensor, inputs: dict[str, Any], y: Tensor
    ) -> Tensor:
        """Return the contribution of some rows to the mean loss of a batch.

        Args:
            own, batch: places of these rows, (b,), and of all of the batch, (B,), among the training rows.
            inputs, y: features and targets of these rows.
        """
        options = self.options
        inputs = warp_pictures(inputs, self.pictures, options.turn, options.stretch)
        inputs = shift_pictures(inputs, self.spectrograms, options.delay, down=False)
        inputs = shift_pictures(inputs, self.shapes, options.shift)
        outputs = self._call(noisy(inputs, self.spread, options.noise))
        scores = outputs if self.heads is None else outputs[0]
        loss = self.loss(scores, y)
        if len(own) < len(batch):
            part: float | Tensor = len(own) / len(batch)
            if self.weights is not None:
                part = self.weights[y].sum() / self.weights[self.rows.y[batch]].sum()
            loss = loss * part
        if self.heads is not None:
            loss = loss + options.unimodal * self.heads.loss(outputs[1], own, batch)
        return loss

    def _minimise(self) -> tuple[float, float]:
        """Minimise the loss over all rows with the L2 penalty by L-BFGS, for so many iterations as an epoch has;
        returns the loss, without the penalty, and the norm of the gradient.

        What is drawn, such as shifts and noise, is drawn once an epoch: the same for every evaluation.
        """
        everything = torch.arange(len(self.rows))
        parts = everything.split(CHUNK)
        groups = self.optimiser.param_groups
        parameters = [p for group in groups for p in group["params"]]
        random = self._random()
        solver = torch.optim.LBFGS(
            parameters, max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
        )
        loss = 0.0

        def objective() -> Tensor:
            nonlocal loss
            torch.set_rng_state(random["cpu"])
            solver.zero_grad(set_to_none=True)
            losses = []
            for own, (inputs, y) in zip(parts, self.rows.ahead(parts), strict=True):
                part = self._part_of_loss(own, everything, inputs, y)
                part.backward()
                losses.append(part.detach())
            loss = float(sum(losses))
            penalty = torch.stack(
                [
                    group["weight_decay"] / 2 * sum(p.square().sum() for p in group["params"])
                    for group in groups
                ]
            ).sum()
            penalty.backward()
            return loss + penalty.detach()

        solver.step(objective)
        objective()
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        return loss, float(norm)

    def loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of scores (B, C) of the model in training against targets (B,) in their own unit."""
        if self.unit != 1:
            y = y / self.unit
        return compute_loss(scores, y, self.options.loss, self.weights)

    def _random(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def _validate(self) -> tuple[float, dict[str, float]]:
        rows, kind = self.dataset.rows("valid"), self.options.loss
        scores = self.group.gathered(
            metrics.predict(self.average.model, self.dataset, self.group.share(rows))
        )
        y = torch.as_tensor(
            self.dataset.y[rows], dtype=torch.long if kind == "cross_entropy" else torch.float64
        )
        weights = None if self.weights is None else self.weights.cpu().double()
        loss = compute_loss(torch.as_tensor(scores), y / self.unit, kind, weights)
        return (
            float(loss) * loss_factor(kind, self.unit),
            metrics.row_metrics(self.dataset, rows, scores * self.unit),
        )

    def best_model(self) -> M:
        """Return the best model so far, a copy in eval mode."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.best)
        rescale_scores(model, self.unit)
        return model.eval()

    def current_model(self) -> M:
        """Return the model after the last epoch, with averaged weights, a copy in eval mode."""
        model = cast(M, copy.deepcopy(self.average.model))
        rescale_scores(model, self.unit)
        return model.eval()

    def result(self) -> Result[M]:
        """Return the best model so far, as the same object that was trained, and the history. Training cannot
        continue afterwards.
        """
        self.model.load_state_dict(self.best)
        rescale_scores(self.model, self.unit)
        return Result(
            self.model.eval(),
            list(self.history),
            self.best_epoch,
            self.options,
            self.seed,
            self.dataset,
        )

    def _modules(self) -> dict[str, nn.Module]:
        """Return the modules that have weights, by their name in `state`."""
        modules: dict[str, nn.Module] = {"model": self.model, "average": self.average.model}
        return modules if self.heads is None else {"heads": self.heads.heads, **modules}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs, after a whole epoch: tensors, numbers and plain containers."""
        parts = {name: copy.deepcopy(part.state_dict()) for name, part in self._modules().items()}
        history = [{**asdict(progress), "valid": dict(progress.valid)} for progress in self.history]
        return parts | {
            "unit": self.unit,
            "averaged": self.average.count,
            "best": self.best,
            "best_loss": self.best_loss,
            "kept": self.best_epoch,
            "optimiser": copy.deepcopy(self.optimiser.state_dict()),
            "schedule": self.schedule.state_dict(),
            "order": self.order.get_state(),
            "random": self.random,
            "history": history,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume a training from `state`.

        Raises:
            InvalidInput: when the state is not of a training of the same model.
        """
        with translate_errors(
            "Argument `state` does not belong to this training",
            "Start the training again from its beginning.",
            *(KeyError, TypeError, ValueError, RuntimeError),
            why="{words:.200}",
        ):
            if state["unit"] != self.unit:
                raise ValueError(f"its targets are in units of {state['unit']}")
            for name, part in self._modules().items():
                part.load_state_dict(state[name])
            self.optimiser.load_state_dict(state["optimiser"])
            _require_moments_that_fit(self.optimiser)
            self.schedule.load_state_dict(state["schedule"])
            self.order.set_state(state["order"])
            self.average.count = int(state["averaged"])
            self.random = dict(state["random"])
            self.best, self.best_loss = state["best"], float(state["best_loss"])
            self.best_epoch = int(state["kept"])
            self.history = [Progress(**progress) for progress in state["history"]]


def _require_moments_that_fit(optimiser: torch.optim.Optimizer) -> None:
    """Raise ValueError where a moment of the gradient is not of its parameter's shape: of another version's model."""
    for parameter, moments in optimiser.state.items():
        for name, moment in moments.items():
            is_number = moment.ndim == 0
            if not is_number and moment.shape != parameter.shape:
                raise ValueError(
                    f"`{name}` has shape {tuple(moment.shape)}, its parameter {tuple(parameter.shape)}"
                )


def rescale_scores(model: nn.Module, factor: float) -> bool:
    """Multiply the scores of a model by a factor, in its weights; return whether that could be done."""
    if factor == 1:
        return True
    return isinstance(model, FusionModel) and model.rescale(factor)


def _run_to_end(training: Fit[M], on_epoch: Callable[[Progress], bool | None]) -> Result[M]:
    while not training.done:
        progress = training.epoch()
        if progress is None or on_epoch(progress) is False:
            break
    return training.result()


class _Average:
    """Running average of weights (Polyak and Juditsky 1992), corrected for its start."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.count = decay, 0
        self.model = copy.deepcopy(model) if decay else model

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        if not self.decay:
            return
        self.count += 1
        keep = min(self.decay, self.count / (self.count + 9.0))
        torch.optim.swa_utils.get_ema_multi_avg_fn(keep)(
            list(self.model.parameters()), list(model.parameters()), self.count
        )
        # running means are averages already
        for own, now in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(now)
