"""The training loop: seeded, with early stopping, gradient clipping, weight averaging and a callback per epoch."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number
from qfusion.data import DataSet
from qfusion.models import FusionModel, build
from qfusion.models.base import FusionModule
from qfusion.training import metrics

M = TypeVar("M", bound=nn.Module)
LOSSES = ("l1", "mse", "huber", "cross_entropy")


@dataclass(frozen=True)
class Options:
    """How a model is trained.

    Attributes:
        epochs: most passes over the training rows.
        batch: samples per step.
        rate: AdamW's highest learning rate; it falls to zero along a cosine.
        weight_decay: AdamW's weight decay, on the matrices of encoders, head, H and L_k.
        encoder_decay: what encoder matrices have of it in addition.
        coupling_decay: decay, of the same kind, of what couples the modalities (H and L_k; a circuit's truth tables and angles) towards
            the values at which it does nothing. Weak couplings answer their knobs almost linearly, so slopes and knock-outs agree.
        noise: Gaussian noise added to every input while training, in standard deviations of that feature over the training rows; for
            small noise it is Tikhonov regularisation (Bishop 1995, Neural Computation 7, 108).
        clip: largest gradient norm.
        patience: epochs without a better validation loss before training stops; 0 never stops early and keeps the last weights.
        average: decay per step of the running average of the weights, which is what is validated and kept; 0 keeps the weights.
        loss: "l1", "mse", "huber" (regression) or "cross_entropy" (classes).
        refit: train on the validation rows too, once settings are chosen; needs patience 0, as nothing is left to stop by.
    """

    epochs: int = 60
    batch: int = 64
    rate: float = 2e-3
    weight_decay: float = 1e-3
    encoder_decay: float = 0.0
    coupling_decay: float = 0.0
    noise: float = 0.0
    clip: float = 5.0
    patience: int = 15
    average: float = 0.99
    loss: str = "l1"
    refit: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("epochs", 1, 100_000), ("batch", 1, 1_000_000), ("rate", 1e-8, 10), ("weight_decay", 0, 100),
                                ("encoder_decay", 0, 100), ("coupling_decay", 0, 100), ("noise", 0, 100), ("clip", 1e-6, 1e6),
                                ("patience", 0, 100_000), ("average", 0, 0.99999)):
            require_number(name, getattr(self, name), low, high)
        choose("Loss", self.loss, LOSSES)
        check(not (self.refit and self.patience), "Argument `patience` must be 0 with `refit`: no rows are left to stop by.")

    @property
    def split(self) -> str:
        """The rows that are trained on."""
        return "train+valid" if self.refit else "train"

    @staticmethod
    def names() -> list[str]:
        """Returns the names of all options."""
        return [f.name for f in fields(Options)]


@dataclass(frozen=True)
class Progress:
    """What the callback is told after each epoch; `best` says whether this epoch's weights are the best so far."""

    epoch: int
    epochs: int
    train_loss: float
    valid_loss: float
    valid: Mapping[str, float]
    gradient_norm: float
    seconds: float
    best: bool


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


def train(kind: str, dataset: DataSet, settings: Mapping[str, Any] | None = None, options: Options | None = None, seed: int = 0,
          on_epoch: Callable[[Progress], bool | None] = lambda _: None) -> Result[FusionModel]:
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
    options = options or default_options(dataset)
    classes = dataset.target.kind == "classification"
    check((options.loss == "cross_entropy") == classes,
          f"Argument `loss` must be {'cross_entropy' if classes else 'l1, mse or huber'} for a {dataset.target.kind} target, "
          f"but is {options.loss!r}.")
    torch.manual_seed(seed)
    outputs = dataset.target.classes if classes else (dataset.target.name,)
    model = build(kind, dataset.input_specs, outputs, settings or {})
    rows = dataset.rows(options.split)
    model.standardise(dataset.inputs(rows))
    if not classes:
        with torch.no_grad():
            model.bias.fill_(float(np.median(dataset.y[rows])))
    return fit(model, dataset, options, seed, on_epoch)


def default_options(dataset: DataSet) -> Options:
    """Returns the options that fit a data set's target."""
    return Options(loss="cross_entropy" if dataset.target.kind == "classification" else "l1")


def fit(model: M, dataset: DataSet, options: Options, seed: int = 0,
        on_epoch: Callable[[Progress], bool | None] = lambda _: None) -> Result[M]:
    """Trains a module that maps `dataset.inputs(rows)` to scores (B, C); arguments and errors as for `train`."""
    order = torch.Generator().manual_seed(seed)
    rows = dataset.rows(options.split)
    inputs, y = dataset.inputs(rows), _targets(dataset, rows)
    steps = -(-len(rows) // options.batch)
    optimiser = torch.optim.AdamW(_groups(model, options), lr=options.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.epochs * steps)
    averaged = _Average(model, options.average)
    spread = _deviations(inputs)
    history: list[Progress] = []
    best_loss, best, kept = float("inf"), copy.deepcopy(averaged.model.state_dict()), 0
    for epoch in range(1, options.epochs + 1):
        start, losses, norms = time.perf_counter(), [], []
        model.train()
        for batch in torch.randperm(len(rows), generator=order).split(options.batch):
            loss = _loss(model(_noisy(_take(inputs, batch), spread, options.noise)), y[batch], options.loss)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), options.clip)))
            _relax(model, float(schedule.get_last_lr()[0]) * options.coupling_decay)
            optimiser.step()
            schedule.step()
            averaged.update(model)
            losses.append(loss.item())
        valid_loss, measured = _validate(averaged.model, dataset, options.loss)
        check(np.isfinite(np.mean(losses)), f"Training diverged in epoch {epoch}: the loss is {np.mean(losses)}. Lower `rate` or `clip`.")
        better = valid_loss < best_loss or options.patience == 0
        if better:
            best_loss, best, kept = valid_loss, copy.deepcopy(averaged.model.state_dict()), epoch
        history.append(Progress(epoch, options.epochs, float(np.mean(losses)), valid_loss, measured, float(np.mean(norms)),
                                time.perf_counter() - start, better))
        if on_epoch(history[-1]) is False or (options.patience and epoch - kept >= options.patience):
            break
    model.load_state_dict(best)
    return Result(model.eval(), history, kept, options, seed)


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


def _targets(dataset: DataSet, rows: np.ndarray) -> Tensor:
    dtype = torch.long if dataset.target.kind == "classification" else torch.float32
    return torch.as_tensor(dataset.y[rows], dtype=dtype)


def _take(inputs: Mapping[str, Any], rows: Tensor) -> dict[str, Any]:
    return {name: tuple(t[rows] for t in x) if isinstance(x, tuple) else x[rows] for name, x in inputs.items()}


def _deviations(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The standard deviation of every feature, (F,) per modality; steps that are masked out do not count."""
    flat = {name: x[0][x[1]] if isinstance(x, tuple) else x for name, x in inputs.items()}
    return {name: values.double().std(0, correction=0).to(values) for name, values in flat.items()}


def _noisy(inputs: dict[str, Any], spread: Mapping[str, Tensor], noise: float) -> dict[str, Any]:
    """The inputs with noise of that many deviations; at 0 no random number is drawn."""
    if not noise:
        return inputs
    blurred = {name: values + noise * spread[name] * torch.randn_like(values)
               for name, values in ((name, x[0] if isinstance(x, tuple) else x) for name, x in inputs.items())}
    return {name: (blurred[name], x[1]) if isinstance(x, tuple) else blurred[name] for name, x in inputs.items()}


def _validate(model: nn.Module, dataset: DataSet, loss: str) -> tuple[float, dict[str, float]]:
    rows = dataset.rows("valid")
    scores = metrics.predict(model, dataset, rows)
    value = _loss(torch.as_tensor(scores), _targets(dataset, rows).to(torch.float64 if loss != "cross_entropy" else torch.long), loss)
    return float(value), metrics.of_scores(scores, dataset.y[rows], dataset.target.kind)
