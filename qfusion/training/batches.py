"""Batches of a data set for training, with noise, shifts and warps, and the processes that share the rows."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from qfusion import _disk_cache
from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.models.encoders import global_batch_random
from qfusion.models.evaluation import nested_mapped, nested_part
from qfusion.models.inputs import real_steps, values_and_mask

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
            to_device(dataset.inputs(rows, dtype), self.device)
            if is_small(dataset, len(rows))
            else None
        )

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> tuple[dict[str, Any], Tensor]:
        """Return the inputs and the targets (b,) of the places `index` (b,) among the rows."""
        inputs = (
            to_device(self.dataset.inputs(self.rows[index.numpy()], self.dtype), self.device)
            if self._held is None
            else nested_part(self._held, index)
        )
        return inputs, self.y[index]

    def ahead(self, batches: Sequence[Tensor]) -> Iterator[tuple[dict[str, Any], Tensor]]:
        """Yield the inputs and targets of batches, each given by its rows' places. Data that are not in memory are
        read while the previous batch is in use, by a thread of its own: the executor of long work is on a higher layer,
        and a training that it runs would wait for its other jobs.
        """
        if self._held is not None:
            yield from map(self.take, batches)
            return
        with ThreadPoolExecutor(1, "batches") as reader:
            for now, _ in pairwise(
                chain(((reader.submit(self.take, batch) for batch in batches)), [None])
            ):  # the next is begun before one is waited for
                yield cast(Future[Any], now).result()


def is_small(dataset: DataSet, count: int) -> bool:
    """Return whether so many rows of a data set are held in memory at once."""
    return 4 * count * sum(int(np.prod(m.values.shape[1:])) for m in dataset.modalities) <= HELD


def to_device(inputs: Mapping[str, Any], device: torch.device | str) -> dict[str, Any]:
    """Return inputs on a device."""
    return nested_mapped(lambda entry: entry.to(device), dict(inputs))


def mean_and_std(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation (F,) of a modality's features over rows; masked steps do not count.

    Rows are passed through in chunks, whose moments are joined (Chan, Golub, LeVeque 1979), in double precision;
    of many rows they are cached.
    """
    if is_small(dataset, len(rows)):
        return _moments(dataset, rows, name)

    def measure_moments() -> dict[str, np.ndarray]:
        mean, deviation = _moments(dataset, rows, name)
        return {"mean": mean.numpy(), "deviation": deviation.numpy()}

    places = np.asarray(rows, np.int64).tobytes()
    key = _disk_cache.cache_key(["1", dataset.digest, name, places])
    stored = _disk_cache.cached_arrays("moments", key, measure_moments)
    return torch.from_numpy(stored["mean"]), torch.from_numpy(stored["deviation"])


def _moments(dataset: DataSet, rows: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    count = 0
    mean = torch.zeros(())
    square = torch.zeros(())
    for block in [rows] if is_small(dataset, len(rows)) else dataset.blocks(rows):
        values = real_steps(*values_and_mask(dataset.inputs(block, only=[name])[name])).double()
        n = len(values)
        here = values.mean(0)
        away = here - mean
        square = (
            square + values.var(0, correction=0) * n + away.square() * (count * n / (count + n))
        )
        mean = mean + away * (n / (count + n))
        count = count + n
    return mean, (square / count).sqrt()


def noisy(inputs: dict[str, Any], spread: Mapping[str, Tensor], noise: float) -> dict[str, Any]:
    """Return inputs with Gaussian noise of so many deviations `spread`, (F,) per modality; at 0 no random number is
    drawn."""
    if not noise:
        return inputs

    def blurred(name: str, values: Tensor) -> Tensor:
        return values + noise * spread[name] * global_batch_random(torch.randn_like, values)

    return {
        name: (blurred(name, x[0]), x[1]) if isinstance(x, tuple) else blurred(name, x)
        for name, x in inputs.items()
    }


def shift_pictures(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], most: int, down: bool = True
) -> dict[str, Any]:
    """Return inputs whose pictures are shifted by up to `most` pixels. Pictures are modalities with a shape (h, w)
    or (h, w, 3). They are shifted along both axes, or along the second axis alone if `down` is false. Each row has
    its own random shift. Pixels that enter repeat the edge. If `most` is 0, no random number is drawn.
    """
    if not most:
        return inputs
    moved = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        places = global_batch_random(
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


def warp_pictures(
    inputs: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], turn: float, stretch: float
) -> dict[str, Any]:
    """Return inputs whose pictures are rotated about their centre by up to `turn` degrees and stretched. Pictures
    are modalities with a shape (h, w) or (h, w, 3). Their sides become longer or shorter by up to the fraction
    `stretch`. Each row has its own random draw. Pixels are interpolated, and those that enter repeat the edge. If
    both are 0, no random number is drawn.
    """
    if not turn and not stretch:
        return inputs
    changed = dict(inputs)
    for name, (h, w, *_) in shapes.items():
        values = inputs[name]
        angle, down, across = (
            2 * global_batch_random(torch.rand_like, values.new_empty(len(values), 3)) - 1
        ).unbind(1)
        angle = angle * math.radians(turn)
        down = 1 + stretch * down
        across = 1 + stretch * across
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


ROWS = 10


def sample_rows(dataset: DataSet) -> dict[str, Any]:
    """Return the features of ten rows from all over a data set."""
    return dataset.inputs(
        np.unique(np.linspace(0, len(dataset) - 1, ROWS).astype(int)), torch.float64
    )


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
        """Return the rows that fall to this process: every `size`-th."""
        return rows[self.rank :: self.size]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def gathered(self, own: np.ndarray) -> np.ndarray:
        """Return the results of all processes for their `share` (b, ...), in the order of all rows. Every process
        gets the whole array.
        """
        parts = self.collected({self.rank: own})
        whole = np.empty((sum(len(part) for part in parts.values()), *own.shape[1:]), own.dtype)
        for rank, part in parts.items():
            whole[rank :: self.size] = part
        return whole

    def collected(self, own: dict[int, Any]) -> dict[int, Any]:
        """Return the entries of every process's mapping, in every process."""
        if self.size == 1:
            return own
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, own)
        return {key: value for part in parts for key, value in part.items()}

    def agreed(self, word: str) -> str:
        """Return the word of the leading process, in every process."""
        return str(self.collected({self.rank: word})[0])


ALONE = Group()


@contextmanager
def join_group(kind: str = "auto") -> Iterator[tuple[Group, torch.device]]:
    """Yield the group that `torchrun` started this process in (alone without it) and the device to work on.

    With CUDA each process takes the device of its local rank and talks over nccl, else over gloo.

    Args:
        kind: "cpu", "cuda", or "auto": CUDA where there is some.

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when CUDA is asked for and not there.
    """
    choose("Device", kind, ("auto", "cpu", "cuda"))
    size = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
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
