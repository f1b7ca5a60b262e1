"""Encodings of modalities: tensors, or tuples, lists and dictionaries of tensors, with one row per sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils import _pytree


def nested_leaves(state: Any) -> list[Tensor]:
    """Return the tensors of a state, in order."""
    return _pytree.tree_leaves(state)


def nested_mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Return a state of the same form, with every tensor changed."""
    return _pytree.tree_map(change, state)


def nested_length(state: Any) -> int:
    """Return the number of rows."""
    return len(nested_leaves(state)[0])


def nested_part(state: Any, rows: Any) -> Any:
    """Return some rows: a slice, or numbers."""
    return nested_mapped(lambda entry: entry[rows], state)


def nested_repeated(state: Any, times: int) -> Any:
    """Return every row so many times, one after the other: 0, 0, 1, 1, ..."""
    return nested_mapped(lambda entry: entry.repeat_interleave(times, 0), state)


def nested_tiled(state: Any, times: int) -> Any:
    """Return all rows so many times: 0, 1, ..., 0, 1, ..."""
    return (
        state
        if times == 1
        else nested_mapped(lambda entry: entry.repeat(times, *[1] * (entry.ndim - 1)), state)
    )
