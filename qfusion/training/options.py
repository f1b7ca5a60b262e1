"""How a model is trained: on which rows, every choice that is not the model's own, what is made small, how weights are
moved, in which precision, by how many processes.
"""

import copy
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from itertools import chain, pairwise
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number
from qfusion.data import DataSet, files
from qfusion.models.base import (
    FusionModel,
    drawn,
    mean_over_steps,
    nested_mapped,
    nested_part,
    real_steps,
    split,
)

# The rows of a data set as a training takes them: by batches, from memory or from the files they are mapped to.

HELD = 256_000_000  # bytes of features above which rows are read batch by batch


class Batches:
    """Inputs and targets of chosen rows, on a device; small sets are held there, large ones stay where they are.

    Args:
        dataset: whose rows.
        rows: row numbers, (N,).
        device: where batches are needed.
        dtype: of inputs and of targets that are numbers.
    """

    def __init__(
        self,
        dataset: DataSet,
        rows: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.dataset, self.rows = dataset, rows
        self.device, self.dtype = torch.device(device), dtype
        kind = torch.long if dataset.target.kind == "classification" else dtype
        self.y = torch.as_tensor(dataset.y[rows], dtype=kind, device=self.device)
        self._held = (
            to(dataset.inputs(rows, dtype), self.device) if is_small(dataset, len(rows)) else None
        )

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> tuple[dict[str, Any], Tensor]:
        """Returns the inputs and the targets (b,) of the places `index` (b,) among the rows."""
        inputs = (
            to(self.dataset.inputs(self.rows[index.numpy()], self.dtype), self.device)
            if self._held is None
            else nested_part(self._held, index)
        )
        return inputs, self.y[index]

    def ahead(self, batches: Sequence[Tensor]) -> Iterator[tuple[dict[str, Any], Tensor]]:
        """Yields inputs and targets of batches of places; what is not held is read while the batch before is in use."""
        if self._held is not None:
            yield from map(self.take, batches)
            return
        with ThreadPoolExecutor(1, "batches") as reader:
            for now, _ in pairwise(
                chain(((reader.submit(self.take, batch) for batch in batches)), [None])
            ):  # the next is begun before one is waited for
                yield cast(Future[Any], now).result()


def is_small(dataset: DataSet, count: int) -> bool:
    """Returns whether so many rows of a data set are held in memory at once."""
    return 4 * count * sum(int(np.prod(m.values.shape[1:])) for m in dataset.modalities) <= HELD


def to(inputs: Mapping[str, Any], device: torch.device | str) -> dict[str, Any]:
    """Returns inputs on a device."""
    return nested_mapped(lambda entry: entry.to(device), dict(inputs))


def mean_and_std(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    """Returns mean and standard deviation (F,) of a modality's features over rows; masked steps do not count.

    Rows are passed through in chunks, whose moments are joined (Chan, Golub, LeVeque 1979), in double precision;
    of many rows they are cached.
    """
    if is_small(dataset, len(rows)):
        return _moments(dataset, rows, name)
    stored = files.cached_arrays(
        "moments",
        files.key_of(["1", dataset.digest, name, np.asarray(rows, np.int64).tobytes()]),
        lambda: dict(
            zip(
                ("mean", "deviation"),
                (part.numpy() for part in _moments(dataset, rows, name)),
                strict=True,
            )
        ),
    )
    return torch.from_numpy(stored["mean"]), torch.from_numpy(stored["deviation"])


def _moments(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    count, mean, square = 0, torch.zeros(()), torch.zeros(())
    for block in [rows] if is_small(dataset, len(rows)) else dataset.blocks(rows):
        values = real_steps(*split(dataset.inputs(block, only=[name])[name])).double()
        n, here = len(values), values.mean(0)
        away = here - mean
        square = (
            square + values.var(0, correction=0) * n + away.square() * (count * n / (count + n))
        )
        mean, count = mean + away * (n / (count + n)), count + n
    return mean, (square / count).sqrt()


def noisy(inputs: dict[str, Any], spread: Mapping[str, Tensor], noise: float) -> dict[str, Any]:
    """Returns inputs with Gaussian noise of so many deviations `spread`, (F,) per modality; at 0 no random number is
    drawn."""
    if not noise:
        return inputs

    def blurred(name: str, values: Tensor) -> Tensor:
        return values + noise * spread[name] * drawn(torch.randn_like, values)

    return {
        name: (blurred(name, x[0]), x[1]) if isinstance(x, tuple) else blurred(name, x)
        for name, x in inputs.items()
    }


def shifted(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], most: int, down: bool = True
) -> dict[str, Any]:
    """Returns inputs whose pictures, modalities with a shape (h, w) or (h, w, 3), are moved by up to `most` pixels
    along both sides or, unless `down`, along the second one, each row by its own draw; what comes in repeats the edge.
    At 0 no random number is drawn."""
    if not most:
        return inputs
    moved = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        places = drawn(
            lambda like: torch.randint_like(like, -most, most + 1), values.new_empty(len(values), 2)
        ).long()
        places[:, 0] *= down
        i, j = (
            (torch.arange(side, device=values.device) + places[:, k, None]).clamp(0, side - 1)
            for k, side in enumerate((h, w))
        )
        pixels = values.unflatten(1, (h * w, -1))
        place = (i[:, :, None] * w + j[:, None, :]).flatten(1)[..., None]
        moved[name] = pixels.gather(1, place.expand(-1, -1, pixels.shape[2])).flatten(1)
    return moved


def warped(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], turn: float, stretch: float
) -> dict[str, Any]:
    """Returns inputs whose pictures, modalities with a shape (h, w) or (h, w, 3), are turned about their middle by up
    to `turn` degrees and whose sides are made longer or shorter by up to the share `stretch`, each row by its own draw;
    pixels are interpolated, what comes in repeats the edge. Where both are 0 no random number is drawn."""
    if not turn and not stretch:
        return inputs
    changed = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        angle, down, across = (
            2 * drawn(torch.rand_like, values.new_empty(len(values), 3)) - 1
        ).unbind(1)
        angle, down, across = angle * math.radians(turn), 1 + stretch * down, 1 + stretch * across
        rows = torch.stack(
            [
                angle.cos() * across,
                -angle.sin() * down * h / w,
                angle.sin() * across * w / h,
                angle.cos() * down,
            ],
            1,
        )
        grid = nn.functional.affine_grid(
            nn.functional.pad(rows.view(-1, 2, 2), (0, 1)),
            [len(values), 1, h, w],
            align_corners=False,
        )
        warped_to = nn.functional.grid_sample(
            values.unflatten(1, (h, w, -1)).movedim(3, 1),
            grid,
            padding_mode="border",
            align_corners=False,
        )
        changed[name] = warped_to.movedim(1, 3).flatten(1)
    return changed


# How a model is trained: every choice that is not the model's own.

CHOICES = {
    "loss": ("l1", "mse", "huber", "cross_entropy"),
    "schedule": ("cosine", "constant", "onecycle"),
    "class_weights": ("none", "balanced"),
    "precision": ("single", "mixed", "double"),
}
RANGES = {
    "epochs": (1, 100_000),
    "batch": (1, 1_000_000),
    "rate": (1e-8, 10),
    "weight_decay": (0, 100),
    "encoder_decay": (0, 100),
    "coupling_decay": (0, 100),
    "noise": (0, 100),
    "clip": (1e-6, 1e6),
    "patience": (0, 100_000),
    "average": (0, 0.99999),
    "unimodal": (0, 100),
    "shift": (0, 256),
    "delay": (0, 256),
    "turn": (0, 180),
    "stretch": (0, 0.9),
}


@dataclass(frozen=True)
class Options:
    """How a model is trained.

    Attributes:
        epochs: most passes over the training rows.
        batch: samples per step.
        rate: AdamW's highest learning rate.
        schedule: what becomes of it: "cosine" lets it fall to zero along a cosine, "constant" leaves it, "onecycle"
            lets it rise from a 25th for three tenths of the steps and fall to almost nothing (Smith 2018, arXiv
            1803.09820).
        weight_decay: AdamW's weight decay, on the matrices of encoders, head, H and L_k.
        encoder_decay: what encoder matrices have of it in addition.
        coupling_decay: decay, of the same kind, of what couples the modalities (H and L_k; a circuit's truth tables and
            angles) towards the values at which it does nothing. Weak couplings answer their parameters almost linearly,
            so slopes and knock-outs agree.
        noise: Gaussian noise added to every input while training, in standard deviations of that feature over the
            training rows; for small noise it is Tikhonov regularisation (Bishop 1995, Neural Computation 7, 108).
        shift: pixels by which every picture (features of shape (h, w) or (h, w, 3)) is moved at random while training,
            at most, along both sides; what comes in at an edge repeats it. Recordings' spectrograms are pictures too.
        delay: frames by which every recording's spectrogram is moved in time, the second side of its shape, at random
            while training, at most and beside `shift`.
        turn: degrees by which every picture is turned about its middle at random while training, at most; spectrograms
            are not.
        stretch: share by which every picture is made larger or smaller along each side at random, at most; spectrograms
            are not.
        clip: largest gradient norm.
        patience: epochs without a better validation loss before training stops; 0 never stops early and keeps the last
            weights.
        average: decay per step of the running average of the weights, which is what is validated and kept; 0 keeps the
            weights.
        loss: "l1", "mse", "huber" (regression) or "cross_entropy" (classes).
        class_weights: of the cross entropy: "none", or "balanced", N / (C n_c) for a class with n_c of the N training
            rows, so that every class counts alike (King and Zeng 2001); in the validation loss as well.
        precision: "single"; "mixed", which calculates the encoders in bfloat16 while training, everything else in
            single; or "double". The model is kept in single precision.
        unimodal: weight of the loss of every modality's own targets, where the data have them, each predicted by a
            linear head on the modality's encoder while training (after Yu and others 2020, "CH-SIMS", ACL); 0 trains no
            heads.
        refit: train on the validation rows too, once settings are chosen; needs patience 0, as nothing is left to stop
            by.
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
    schedule: str = "cosine"
    class_weights: str = "none"
    precision: str = "single"
    unimodal: float = 0.0
    shift: int = 0
    delay: int = 0
    turn: float = 0.0
    stretch: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            require_number(name, getattr(self, name), low, high)
        for name, words in CHOICES.items():
            choose(name.replace("_", " ").capitalize(), getattr(self, name), words)
        check(
            self.class_weights == "none" or self.loss == "cross_entropy",
            "Argument `class_weights` must be 'none' unless classes are trained with cross_entropy, but is "
            f"{self.class_weights!r} and `loss` is {self.loss!r}.",
        )
        for name in ("batch", "epochs", "patience", "shift", "delay"):
            number = getattr(self, name)
            check(
                number == int(number),
                f"Argument `{name}` must be a whole number, but is {number!r}.",
            )
        check(
            not (self.refit and self.patience),
            "Argument `patience` must be 0 with `refit`: no rows are left to stop by.",
        )

    @property
    def split(self) -> str:
        """The rows that are trained on."""
        return "train+valid" if self.refit else "train"

    @staticmethod
    def names() -> list[str]:
        """Returns the names of all options."""
        return [f.name for f in fields(Options)]


def default_options(dataset: DataSet) -> Options:
    """Returns the options that fit a data set's target."""
    return Options(loss="cross_entropy" if dataset.target.kind == "classification" else "l1")


def chosen(dataset: DataSet, options: Options | Mapping[str, Any] | None = None) -> Options:
    """Returns options as they were given, or those of a data set where they say nothing.

    Args:
        dataset: what is to be trained on.
        options: all of them, or by name those that differ from `default_options`.

    Raises:
        NotFound: when there is no such option.
        InvalidInput: when one has an impossible value.
    """
    if isinstance(options, Options):
        return options
    return replace(
        default_options(dataset),
        **{
            choose("Option", name, Options.names()): value
            for name, value in (options or {}).items()
        },
    )


# What is made small: losses of scores against targets, and weights of classes.

_NUMBERS = {
    "l1": nn.functional.l1_loss,
    "mse": nn.functional.mse_loss,
    "huber": nn.functional.smooth_l1_loss,
}


def loss_of(
    scores: Tensor, y: Tensor, kind: str, weights: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Returns the loss of scores (B, C) against targets (B,): its mean, of classes with weights (C,) the weighted one.

    Args:
        kind: of CHOICES["loss"]. reduction: as of torch; "none" gives that of every target, (B,).
    """
    return (
        nn.functional.cross_entropy(scores, y.long(), weights, reduction=reduction)
        if kind == "cross_entropy"
        else _NUMBERS[kind](scores[:, 0], y, reduction=reduction)
    )


def target_unit(y: np.ndarray) -> float:
    """Returns the unit in which targets (N,) of a regression are trained on: their standard deviation, rounded to a
    power of two.

    Dividing weights by a power of two is exact, so a trained model can be given back in the targets' own unit without
    rounding. Targets that are all equal have unit 1.
    """
    deviation = float(np.std(y))
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 else 1.0


def loss_factor(kind: str, unit: float) -> float:
    """Returns by what a loss of targets divided by a unit is multiplied to be that of the targets themselves; "huber"
    then bends at one unit."""
    return {"l1": unit, "mse": unit**2, "huber": unit**2, "cross_entropy": 1.0}[kind]


def balanced_weights(dataset: DataSet, rows: Batches) -> Tensor:
    """Returns the weights (C,) with which every class counts alike over the training rows.

    Raises:
        InvalidInput: when a class has no row.
    """
    names = dataset.target.classes
    counts = torch.bincount(rows.y, minlength=len(names))
    missing = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
    check(
        not missing,
        "Argument `class_weights` 'balanced' needs a training row of every class, but there is none of "
        f"{missing[:3]}. Use 'none'.",
    )
    return len(rows) / (len(names) * counts.to(rows.dtype))


# Multi-task training on what single modalities were annotated with: a linear head on each encoder, while it is
# trained.
#
# After CH-SIMS (Yu and others 2020, ACL), where every modality was annotated on its own: encoders
# that must also predict these targets keep what their modality says by itself. The heads are no
# part of the model that is kept.


class Heads(nn.Module):
    """A model with a linear head on the encoder of every modality that has targets of its own.

    Args:
        model: with `encoders`, a module for each modality.
        dataset: with `unimodal` targets; classes must be numbers from 0 there, as in `y`.
        rows: that are trained on, (N,).
        loss: as of `Options`.
        seed: of the heads' weights, which take no random numbers from the model's.
        unit: of a regression's targets, see `target_unit`; the heads are trained on targets divided by it.

    Raises:
        InvalidInput: when the data have no such targets, or the model has no encoders.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: DataSet,
        rows: np.ndarray,
        loss: str,
        seed: int,
        unit: float = 1.0,
    ):
        super().__init__()
        table, encoders = dataset.unimodal, getattr(model, "encoders", None)
        if table is None and dataset.people is not None:
            table = dataset.people.table  # of planted data
        check(
            table is not None and not table.columns.empty,
            f"Argument `unimodal` must be 0 for data set '{dataset.name}', which has no targets of single "
            "modalities. Leave it out, or import data that have them, as CH-SIMS does (`regression_labels_T` and the "
            "like).",
        )
        assert table is not None
        check(
            isinstance(encoders, nn.ModuleDict) and set(table.columns) <= set(encoders),
            f"Argument `unimodal` must be 0 for {type(model).__name__}, which has no encoder for each modality. "
            "Leave it out.",
        )
        targets = table.to_numpy(np.float64)[rows]
        known, classes = targets[np.isfinite(targets)], len(dataset.target.classes)
        check(
            len(known) > 0,
            f"Argument `unimodal` must be 0 for data set '{dataset.name}': its training rows have no such target. "
            "Leave it out.",
        )
        check(
            not classes or bool(np.isin(known, np.arange(classes)).all()),
            f"Targets of single modalities of data set '{dataset.name}' must be numbers of classes, 0 to "
            f"{classes - 1}, as its own are, but are not. Leave out `unimodal`.",
        )
        self.model, self.loss_kind = model, loss
        first = next(model.parameters())
        self.targets = nn.Buffer(
            torch.as_tensor(targets / unit, dtype=first.dtype), persistent=False
        )
        inputs = to(dataset.inputs(rows[:1], first.dtype), first.device)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            probe = copy.deepcopy(cast(nn.ModuleDict, encoders)).eval()
            self.heads = nn.ModuleDict(
                {
                    name: nn.Linear(
                        mean_over_steps(*split(probe[name](inputs[name]))).shape[-1],
                        max(1, classes),
                        dtype=first.dtype,
                    )
                    for name in table.columns
                }
            )
        self.to(first.device)

    def forward(self, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Returns the model's scores (B, C) and the heads' (B, modalities, C), of what encoders give or its mean over
        real steps."""
        seen: dict[str, Tensor] = {}
        encoders = cast(nn.ModuleDict, self.model.encoders)
        with ExitStack() as hooks:
            for name in self.heads:
                hooks.enter_context(
                    encoders[name].register_forward_hook(
                        lambda _, __, output, name=name: seen.update(
                            {name: mean_over_steps(*split(output))}
                        )
                    )
                )
            scores = self.model(inputs)
        return scores, torch.stack([head(seen[name]) for name, head in self.heads.items()], 1)

    def loss(self, scores: Tensor, rows: Tensor, whole: Tensor) -> Tensor:
        """Returns the mean over modalities of the loss on the rows that have a target.

        Args:
            scores: the heads', (b, modalities, C).
            rows: places (b,) among the training rows.
            whole: those of the whole batch that the rows are a part of: its targets are what is divided by.
        """
        targets = self.targets[rows]
        losses = loss_of(
            scores.flatten(0, 1),
            targets.nan_to_num(0.0).flatten(),
            self.loss_kind,
            reduction="none",
        )
        places = losses.view_as(targets).where(targets.isfinite(), 0.0)
        return (places.sum(0) / self.targets[whole].isfinite().sum(0).clamp_min(1)).mean()


# How weights are moved: what decays, towards what, and what becomes of the learning rate.


def parameter_groups(model: nn.Module, options: Options) -> list[dict[str, Any]]:
    """Returns the optimiser's groups: weight decay on all matrices; not on biases, nor on measurement vectors (V, V0,
    ...), whose length means nothing, nor on truth tables (phi), whose zero is a rule like any other: "never"."""
    parameters: dict[float, list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        whole = options.weight_decay + options.encoder_decay * name.startswith("encoders.")
        decay = whole if p.ndim > 1 and not re.fullmatch(r"phi|V\d*", name) else 0.0
        parameters.setdefault(decay, []).append(p)
    return [{"params": members, "weight_decay": decay} for decay, members in parameters.items()]


def rate_schedule(
    optimiser: torch.optim.Optimizer, options: Options, count: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Returns what sets the learning rate of each of `count` steps; see `Options`."""
    match options.schedule:
        case "onecycle":  # the last one, after all steps, is the lowest
            return torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, count + 1)
        case "constant":
            return torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0, 1)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, count)


@torch.no_grad()
def relax(model: nn.Module, part: float) -> None:
    """Moves what couples the modalities this part of the way to where it does nothing."""
    if part and isinstance(model, FusionModel):
        for parameter, nothing in model.couplings():
            parameter.lerp_(torch.full_like(parameter, nothing), min(part, 1.0))


# Several processes that train one model: torch.distributed, as `torchrun` starts it.


@dataclass(frozen=True)
class Group:
    """The processes that share the work: `rank` is this one's number among `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Returns the rows that fall to this process: every `size`-th."""
        return rows[self.rank :: self.size]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the sum of a tensor over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def gathered(self, own: np.ndarray) -> np.ndarray:
        """Returns what every process worked out for its `share` (b, ...), put back into the order of all rows, in every
        process."""
        parts = self.collected({self.rank: own})
        whole = np.empty((sum(len(part) for part in parts.values()), *own.shape[1:]), own.dtype)
        for rank, part in parts.items():
            whole[rank :: self.size] = part
        return whole

    def collected(self, own: dict[int, Any]) -> dict[int, Any]:
        """Returns the entries of every process's mapping, in every process."""
        if self.size == 1:
            return own
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, own)
        return {key: value for part in parts for key, value in part.items()}

    def agreed(self, word: str) -> str:
        """Returns what the leading process says, in every process."""
        return str(self.collected({self.rank: word})[0])


ALONE = Group()


@contextmanager
def joined(kind: str = "auto") -> Iterator[tuple[Group, torch.device]]:
    """Yields the group that `torchrun` started this process in (alone without it) and the device to work on.

    With CUDA each process takes the device of its local rank and talks over nccl, else over gloo.

    Args:
        kind: "cpu", "cuda", or "auto": CUDA where there is some.

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when CUDA is asked for and not there.
    """
    choose("Device", kind, ("auto", "cpu", "cuda"))
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available() and kind != "cpu"
    check(
        cuda or kind != "cuda",
        "Argument `device` is 'cuda', but torch finds no CUDA device here. Choose 'cpu' or 'auto'.",
    )
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if size == 1:
        yield ALONE, device
        return
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()


# Precision of a training: single, double, or encoders in bfloat16 (Kalamkar and others 2019, arXiv 1905.12322) and the
# rest in single.


@contextmanager
def mixed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """While it lasts, the model's encoders calculate under autocast to bfloat16 and give single precision.

    Whatever comes after them, states, gates and evolution, is left as it is: products of many small rotations lose what
    bfloat16's eight bits cannot hold, and take no part of the time that would be worth it.

    Raises:
        InvalidInput: when the model has no encoders.
    """
    encoders = getattr(model, "encoders", None)
    check(
        isinstance(encoders, nn.ModuleDict),
        f"Argument `precision` must not be 'mixed' for {type(model).__name__}, which has no encoders. Use 'single'.",
    )
    entered = ExitStack()

    def before(*_: Any) -> None:
        entered.enter_context(torch.autocast(device.type, torch.bfloat16))

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        entered.close()
        return nested_mapped(
            lambda part: part.float() if part.is_floating_point() else part, output
        )

    with entered, ExitStack() as hooks:  # also where an encoder fails
        for encoder in cast(nn.ModuleDict, encoders).values():
            hooks.enter_context(encoder.register_forward_pre_hook(before))
            hooks.enter_context(encoder.register_forward_hook(after))
        yield
