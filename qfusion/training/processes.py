"""Distributed training of one model in several processes: torch.distributed, as started by `torchrun`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from qfusion._checks import check, choose


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
