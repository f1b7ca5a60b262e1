"""Programs of other frameworks: named inputs and outputs of known shapes, run on whole batches."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qfusion.errors import InvalidInput, translate_errors

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

    def takes(self, array: Tensor) -> bool:
        """Return whether an array has its shape."""
        return self.shape is None or (
            len(self.shape) == array.ndim
            and all(
                isinstance(side, str) or side == length
                for side, length in zip(self.shape, array.shape, strict=True)
            )
        )


class Program(ABC):
    """A program with its weights.

    Attributes:
        file: its name, for messages.
        inputs, outputs: in order.
        parameters: how many numbers its weights are.
        notes: why its scores may change from call to call, such as "dropout is left on".
        ranges: of free sides, by their names: the least and the most that they may be, 0 where nothing is known.
    """

    file: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int
    notes: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[int, int]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Program":
        return self  # it is never written to

    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Return one output of given inputs, in order, each of its port's type. Gradients flow through it.

        Raises:
            InvalidInput: when the program fails on them.
        """
        with translate_errors(
            f"Program `{self.file}` fails",
            "Correct shapes and types in the card, set `batch` to the rows that it was exported with, or export the "
            "model again with a free number of rows.",
            Exception,  # whatever a program's engine raises
            why="{words:.200}",
            passing=(InvalidInput,),
        ):
            return self._run(inputs, output)

    @abstractmethod
    def _run(self, inputs: Sequence[Tensor], output: int) -> Tensor: ...

    @abstractmethod
    def measure(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """Return how many numbers the largest tensor of a run holds, and its floating-point operations."""
