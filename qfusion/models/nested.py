"""What modalities come to: tensors, or tuples, lists and dictionaries of tensors, with one row a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def leaves(state: Any) -> Iterator[Tensor]:
    """Yields the tensors of a state, in order."""
    if isinstance(state, Tensor):
        yield state
    else:
        for each in state.values() if isinstance(state, dict) else state:
            yield from leaves(each)


def mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Returns a state of the same form, with every tensor changed."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: mapped(change, each) for key, each in state.items()}
    return type(state)(mapped(change, each) for each in state)


def length(state: Any) -> int:
    """Returns the number of rows."""
    return len(next(leaves(state)))


def part(state: Any, rows: Any) -> Any:
    """Returns some rows: a slice, or numbers."""
    return mapped(lambda each: each[rows], state)


def repeated(state: Any, times: int) -> Any:
    """Returns every row so many times, one after the other: 0, 0, 1, 1, ..."""
    return mapped(lambda each: each.repeat_interleave(times, 0), state)


def tiled(state: Any, times: int) -> Any:
    """Returns all rows so many times: 0, 1, ..., 0, 1, ..."""
    return (
        state
        if times == 1
        else mapped(lambda each: each.repeat(times, *[1] * (each.ndim - 1)), state)
    )
