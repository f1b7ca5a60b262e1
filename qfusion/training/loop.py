"""The training loop: seeded, with early stopping, gradient clipping, weight averaging; epoch by epoch, to be taken up again at any."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.models import build
from qfusion.models.base import FusionModule
from qfusion.models.dropout import Share, sharing
from qfusion.training import metrics
from qfusion.training.batches import Batches, is_small, moments, noisy
from qfusion.training.group import ALONE, Group
from qfusion.training.options import Options, default_options

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Progress:
    """What the callback is told after each epoch.

    Attributes:
        epoch, epochs: how many are done, of at most how many.
        train_loss: mean over the epoch's batches, while they were trained on.
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
    """A trained model (eval mode), what happened per epoch, and which epoch was kept."""

    model: M
    history: list[Progress]
    kept: int
    options: Options
    seed: int

    def settings(self) -> dict[str, Any]:
        """Returns the options and seed as a mapping for a card."""
        return {**asdict(self.options), "seed": self.seed}


class Fit(Generic[M]):
    """One training: a module that maps `dataset.inputs(rows)` to scores (B, C), taken through one epoch at a time.

    The random state is its own: what happens between epochs changes nothing, and `state` after an epoch, given to `restore` of a new Fit of
    the same arguments, goes on to the very same weights.

    Args:
        model: with fresh weights; it is trained in place, on `device`.
        dataset: "valid" chooses the epoch, "test" is never touched.
        options: of the training.
        seed: of order, dropout and trajectories.
        group: the processes that share each batch; their result is that of one process, apart from rounding (and, with
            dynamics="jumps", from trajectories, which every process draws for itself).
        device: to train on.

    Attributes:
        history: what happened in every epoch so far.
        kept: the epoch whose weights are the best so far.
    """

    def __init__(self, model: M, dataset: DataSet, options: Options, seed: int = 0, group: Group = ALONE,
                 device: torch.device | str = "cpu"):
        self.model, self.dataset, self.options, self.seed, self.group = model.to(device), dataset, options, seed, group
        self.rows = Batches(dataset, dataset.rows(options.split), device)
        self.order = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.AdamW(_groups(model, options), lr=options.rate)
        steps = options.epochs * -(-len(self.rows) // options.batch)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, steps)
        self.average = _Average(model, options.average)
        self.spread = {m.name: moments(dataset, self.rows.rows, m.name)[1].float().to(device)
                       for m in dataset.modalities} if options.noise else {}
        self.history: list[Progress] = []
        self.best_loss, self.best, self.kept = float("inf"), _copied(self.average.model), 0
        self.device = torch.device(device)
        self.random = self._random()
        self._call: nn.Module = model if group.size == 1 else nn.parallel.DistributedDataParallel(model)

    @property
    def done(self) -> bool:
        """Whether all epochs are over, or no better loss has come for `patience` epochs."""
        epoch, patience = len(self.history), self.options.patience
        return epoch >= self.options.epochs or bool(patience and epoch - self.kept >= patience)

    def epoch(self, on_batch: Callable[[int, int], bool | None] = lambda done, total: None) -> Progress | None:
        """Trains on every row once and returns what happened.

        Args:
            on_batch: called after each batch with the batches done and all; where it returns False the epoch is given up.

        Returns:
            None when the epoch was given up: then only what was best before is of use.

        Raises:
            InvalidInput: when the loss is no longer finite.
        """
        start, losses, norms = time.perf_counter(), [], []
        self.model.train()
        with torch.random.fork_rng():
            self._set_random()
            batches = torch.randperm(len(self.rows), generator=self.order).split(self.options.batch)
            for n, batch in enumerate(batches, 1):
                loss, norm = self._step(batch)
                losses.append(loss)
                norms.append(norm)
                if on_batch(n, len(batches)) is False:
                    return None
            check(np.isfinite(np.mean(losses)),
                  f"Training diverged in epoch {len(self.history) + 1}: the loss is {np.mean(losses)}. Lower `rate` or `clip`.")
            valid_loss, measured = self._validate()
            self.random = self._random()
        better = valid_loss < self.best_loss or self.options.patience == 0
        if better:
            self.best_loss, self.best, self.kept = valid_loss, _copied(self.average.model), len(self.history) + 1
        self.history.append(Progress(
            len(self.history) + 1, self.options.epochs, float(np.mean(losses)), valid_loss, measured, float(np.mean(norms)),
            time.perf_counter() - start, better, float(self.schedule.get_last_lr()[0])))
        return self.history[-1]

    def _step(self, batch: Tensor) -> tuple[float, float]:
        """Trains on one global batch and returns its loss and the norm of the gradient."""
        own = torch.arange(self.group.rank, len(batch), self.group.size)
        idle = len(own) == 0  # a last batch with fewer rows than processes: one row is run, but does not count
        own = own if not idle else torch.zeros(1, dtype=torch.long)
        inputs, y = self.rows.take(batch[own])
        with sharing(Share(own, len(batch)) if self.group.size > 1 else None):
            scores = self._call(noisy(inputs, self.spread, self.options.noise))
        loss = _loss(scores, y, self.options.loss)
        if self.group.size > 1:  # DistributedDataParallel takes the mean over processes, whose parts may differ in size
            loss = loss * (0.0 if idle else len(own) / len(batch) * self.group.size)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip))
        _relax(self.model, float(self.schedule.get_last_lr()[0]) * self.options.coupling_decay)
        self.optimiser.step()
        self.schedule.step()
        self.average.update(self.model)
        return float(self.group.sum(loss.detach())) / self.group.size, norm

    def _random(self) -> dict[str, Tensor]:
        return {"cpu": torch.get_rng_state(), **({"cuda": torch.cuda.get_rng_state(self.device)} if self.device.type == "cuda" else {})}

    def _set_random(self) -> None:
        torch.set_rng_state(self.random["cpu"])
        if self.device.type == "cuda" and "cuda" in self.random:
            torch.cuda.set_rng_state(self.random["cuda"], self.device)

    def _validate(self) -> tuple[float, dict[str, float]]:
        rows, loss = self.dataset.rows("valid"), self.options.loss
        scores = self.group.gathered(metrics.predict(self.average.model, self.dataset, self.group.share(rows)))
        y = torch.as_tensor(self.dataset.y[rows], dtype=torch.long if loss == "cross_entropy" else torch.float64)
        return float(_loss(torch.as_tensor(scores), y, loss)), metrics.of_scores(scores, self.dataset.y[rows], self.dataset.target.kind)

    def best_model(self) -> M:
        """Returns the best model so far, a copy in eval mode."""
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.best)
        return model.eval()

    def result(self) -> Result[M]:
        """Returns the best model so far, on the weights' own object, and the history; training cannot go on after it."""
        self.model.load_state_dict(self.best)
        return Result(self.model.eval(), list(self.history), self.kept, self.options, self.seed)

    def state(self) -> dict[str, Any]:
        """Returns all that `restore` needs, after a whole epoch: tensors, numbers and plain containers."""
        return {"model": _copied(self.model), "average": _copied(self.average.model), "averaged": self.average.count,
                "best": self.best, "best_loss": self.best_loss, "kept": self.kept, "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(), "order": self.order.get_state(), "random": self.random,
                "history": [{**asdict(p), "valid": dict(p.valid)} for p in self.history]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes up a training where `state` left it.

        Raises:
            InvalidInput: when the state is not of a training of the same model.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.average.model.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.schedule.load_state_dict(state["schedule"])
            self.order.set_state(state["order"])
            self.average.count, self.random = int(state["averaged"]), dict(state["random"])
            self.best, self.best_loss, self.kept = state["best"], float(state["best_loss"]), int(state["kept"])
            self.history = [Progress(**progress) for progress in state["history"]]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"Argument `state` does not belong to this training ({str(error)[:200]}). "
                               "Start the training again from its beginning.") from error


def prepare(kind: str, dataset: DataSet, settings: Mapping[str, Any] | None = None, options: Options | None = None, seed: int = 0,
            group: Group = ALONE, device: torch.device | str = "cpu") -> Fit[Any]:
    """Builds a model for a data set and returns its training, not begun; arguments and errors as for `train` and `Fit`."""
    options = options or default_options(dataset)
    classes = dataset.target.kind == "classification"
    check((options.loss == "cross_entropy") == classes,
          f"Argument `loss` must be {'cross_entropy' if classes else 'l1, mse or huber'} for a {dataset.target.kind} target, "
          f"but is {options.loss!r}.")
    torch.manual_seed(seed)
    outputs = dataset.target.classes if classes else (dataset.target.name,)
    model = build(kind, dataset.input_specs, outputs, settings or {})
    rows = dataset.rows(options.split)
    if is_small(dataset, len(rows)):
        model.standardise(dataset.inputs(rows))
    else:
        for name in model.modalities:
            model.encoders.get_submodule(f"{name}.standardise").set(*moments(dataset, rows, name))  # type: ignore[operator]
    if not classes:
        with torch.no_grad():
            model.bias.fill_(float(np.median(dataset.y[rows])))
    return Fit(model, dataset, options, seed, group, device)


def train(kind: str, dataset: DataSet, settings: Mapping[str, Any] | None = None, options: Options | None = None, seed: int = 0,
          on_epoch: Callable[[Progress], bool | None] = lambda _: None) -> Result[Any]:
    """Builds a model for a data set and trains it on its training rows.

    Args:
        kind: name of the model, see `qfusion.models.names`.
        dataset: where the rows come from; "valid" chooses the epoch, "test" is never touched.
        settings: model settings that differ from the defaults.
        options: of the training.
        seed: of initial weights, order, dropout and trajectories; the same seed gives the same weights.
        on_epoch: called after each epoch; training ends when it returns False.

    Raises:
        InvalidInput, NotFound: when a setting does not exist or has an impossible value.
    """
    return _to_the_end(prepare(kind, dataset, settings, options, seed), on_epoch)


def fit(model: M, dataset: DataSet, options: Options, seed: int = 0,
        on_epoch: Callable[[Progress], bool | None] = lambda _: None) -> Result[M]:
    """Trains a module that maps `dataset.inputs(rows)` to scores (B, C); arguments and errors as for `train`."""
    return _to_the_end(Fit(model, dataset, options, seed), on_epoch)


def _to_the_end(training: Fit[M], on_epoch: Callable[[Progress], bool | None]) -> Result[M]:
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
        for mean, new in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(new, 1 - keep)


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _groups(model: nn.Module, options: Options) -> list[dict[str, Any]]:
    """Weight decay on all matrices; not on biases, nor on measurement vectors, whose length means nothing."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        decay = options.weight_decay + options.encoder_decay * name.startswith("encoders.") if p.ndim > 1 and name != "V" else 0.0
        groups.setdefault(decay, []).append(p)
    return [{"params": members, "weight_decay": decay} for decay, members in groups.items()]


@torch.no_grad()
def _relax(model: nn.Module, part: float) -> None:
    """Moves what couples the modalities this part of the way to where it does nothing."""
    if part and isinstance(model, FusionModule):
        for parameter, nothing in model.couplings():
            parameter.lerp_(torch.full_like(parameter, nothing), min(part, 1.0))


def _loss(scores: Tensor, y: Tensor, kind: str) -> Tensor:
    if kind == "cross_entropy":
        return nn.functional.cross_entropy(scores, y)
    losses = {"l1": nn.functional.l1_loss, "mse": nn.functional.mse_loss, "huber": nn.functional.smooth_l1_loss}
    return losses[kind](scores[:, 0], y)
