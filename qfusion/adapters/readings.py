"""Results of circuits as one list of numbers, and back in the arrangement in which a user's model takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def flatten(results: Sequence[Any]) -> tuple[Tensor, list[Any]]:
    """Return the results of some calls as numbers (Q,) in double precision, and their arrangement.

    Args:
        results: of each call: a real array or tensor, or a list or tuple of such.

    Returns:
        Numbers, and an arrangement that JSON can hold; `arrange` takes both.

    Raises:
        InvalidInput: when a result is complex, as a state, or no array of numbers.
    """
    parts: list[Tensor] = []
    form = [_describe(result, parts) for result in results]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64), form


def arrange(numbers: Tensor, form: Sequence[Any]) -> list[Any]:
    """Return numbers (Q,) in an arrangement of `flatten`: one result a call.

    Raises:
        InvalidInput: when the arrangement takes another number of numbers.
    """
    flat = numbers.detach().double().reshape(-1)
    expected = sum(map(_size, form))
    check(
        len(flat) == expected,
        f"Argument `numbers` must hold {expected} numbers, but holds {len(flat)}.",
    )
    values = iter(flat.split([_size(leaf) for leaf in _leaves(form)]))
    return [_rebuild(part, values) for part in form]


def _describe(result: Any, parts: list[Tensor]) -> list[Any]:
    """Return the arrangement of a result, and append its numbers to `parts`."""
    if isinstance(result, (list, tuple)):
        kind = "list" if isinstance(result, list) else "tuple"
        return [kind, [_describe(part, parts) for part in result]]
    is_tensor = isinstance(result, Tensor)
    tensor = result.detach().cpu() if is_tensor else torch.as_tensor(np.array(result))
    check(
        not tensor.is_complex(),
        "The circuit gives complex numbers, such as a state, which are not followed over an angle. Measure "
        "expectation values or probabilities.",
    )
    parts.append(tensor.double().reshape(-1))
    dtype = str(tensor.dtype).removeprefix("torch.")
    dtype = dtype if dtype in DTYPES else "float64"
    return ["tensor" if is_tensor else "array", list(tensor.shape), dtype]


def _rebuild(form: Any, values: Iterator[Tensor]) -> Any:
    kind, inner = form[:2]
    if kind in ("list", "tuple"):
        parts = [_rebuild(part, values) for part in inner]
        return parts if kind == "list" else tuple(parts)
    tensor = next(values).reshape(tuple(inner)).to(DTYPES[form[2]])
    return tensor if kind == "tensor" else tensor.numpy()


def _leaves(form: Sequence[Any]) -> Iterator[Any]:
    for part in form:
        if part[0] in ("list", "tuple"):
            yield from _leaves(part[1])
        else:
            yield part


def _size(form: Any) -> int:
    if form[0] in ("list", "tuple"):
        return sum(map(_size, form[1]))
    return int(np.prod(form[1], dtype=int))
