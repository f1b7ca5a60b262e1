"""NumPy arrays as arguments of functions that take tensors."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion.errors import translate_errors

P = ParamSpec("P")
R = TypeVar("R")


def takes_arrays(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that its tensor parameters also accept NumPy arrays. This applies to parameters annotated
    as tensors or as sequences of tensors. Values and precision are preserved. The function still returns tensors.

    Raises:
        InvalidInput: when an array holds no numbers that torch knows.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name, known in parameters.items() if "Tensor" in str(known.annotation)]
    positions = [(place, name) for place, name in enumerate(parameters) if name in names]

    @functools.wraps(function)
    def taking(*args: P.args, **kwargs: P.kwargs) -> R:
        given = list[Any](args)
        for place, name in positions:
            if place < len(given):
                given[place] = as_tensors(name, given[place])
        named: Any = {
            name: as_tensors(name, value) if name in names else value
            for name, value in kwargs.items()
        }
        return function(*given, **named)

    return taking


def as_tensors(name: str, values: Any) -> Any:
    """Return an array, or every array of a list or tuple, as a separate tensor. Anything else is returned unchanged.

    Args:
        name: what the message calls it. values: given for an argument.

    Raises:
        InvalidInput: when an array holds no numbers that torch knows.
    """
    if isinstance(values, np.ndarray):
        return _as_tensor(name, values)
    if isinstance(values, list | tuple) and any(isinstance(one, np.ndarray) for one in values):
        return [_as_tensor(name, one) if isinstance(one, np.ndarray) else one for one in values]
    return values


def _as_tensor(name: str, values: np.ndarray) -> Tensor:
    with translate_errors(
        f"Argument `{name}` is an array of {values.dtype}",
        "Cast it to complex128, or complex64.",
        TypeError,
        why="torch has no such numbers",
    ):
        # in this machine's order of bytes, and writable
        return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), order="C"))
