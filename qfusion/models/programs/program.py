"""What every kind of program is here: named inputs and outputs of known shapes, run on whole batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Side = int | str  # a fixed number, or the name of one that is free


@dataclass(frozen=True)
class Port:
    """An input or output of a program.

    Attributes:
        name: as the program calls it.
        shape: fixed numbers and names of free ones; None where the program does not say.
        dtype: of torch; None where it does not say.
    """

    name: str
    shape: tuple[Side, ...] | None
    dtype: torch.dtype | None

    @property
    def words(self) -> str:
        """Name, shape and type for messages."""
        shape = "?" if self.shape is None else f"({', '.join(map(str, self.shape))})"
        return f"{self.name} {shape} {'' if self.dtype is None else str(self.dtype).removeprefix('torch.')}".strip()


class Program(ABC):
    """A program with its weights.

    Attributes:
        file: its name, for messages.
        inputs, outputs: in order.
        parameters: how many numbers its weights are.
        notes: why its scores may change from call to call, such as "dropout is left on".
        ranges: of free sides, by their names: the least and the most that they may be, 0 where nothing is said.
    """

    file: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int
    notes: tuple[str, ...] = ()
    ranges: dict[str, tuple[int, int]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        return self  # it is never written to

    @abstractmethod
    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output of given inputs, in order, each of its port's type; gradients flow through it.

        Raises:
            InvalidInput: when the program fails on them.
        """

    def width(self, inputs: Sequence[Tensor]) -> int:
        """Returns how many numbers the largest tensor of a run on such inputs holds; a guess where that is unknown."""
        return 64 * max(each.numel() for each in inputs)

    def changed(self) -> bool:
        """Returns whether its weights are no longer those it was read with."""
        return False
