"""Shape annotations are checked with every kind of call, and not with every call: some are made ten thousand times in a
test, and a check took longer than what they do.

Calls are of one kind that hand over tensors of the same types and shapes, and other things of the same types.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections import defaultdict
from typing import Any

import jaxtyping
import torch

CHECKED: dict[tuple[str, str], set[Any]] = defaultdict(set)  # kinds of calls, by function
with_every_call = jaxtyping.jaxtyped


def kind(value: Any) -> Any:
    """What a check looks at: of a sequence it takes one as an example, too."""
    if torch.is_tensor(value):
        return value.dtype, str(value.shape)  # as text also where a program is traced
    if isinstance(value, tuple | list):
        return type(value), len(value), *map(kind, value[:1])
    return value if isinstance(value, str) else type(value)


def with_every_kind(function: Any = None, *, typechecker: Any) -> Any:
    """In the place of `jaxtyping.jaxtyped`, which a function is decorated with when its module is imported."""
    if function is None:
        return functools.partial(with_every_kind, typechecker=typechecker)
    if inspect.isclass(function):
        if dataclasses.is_dataclass(function):
            function.__init__ = with_every_kind(function.__init__, typechecker=typechecker)
        return function
    kinds = CHECKED[function.__module__, function.__qualname__]
    # made when it is asked for, as that takes long
    checked = functools.cache(lambda: with_every_call(function, typechecker=typechecker))

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if jaxtyping.config.jaxtyping_disable:
            return function(*args, **named)
        found = *map(kind, args), *named, *map(kind, named.values())
        if found in kinds:
            return function(*args, **named)
        result = checked()(*args, **named)
        kinds.add(found)
        return result

    return call


def install() -> None:
    """To be called before what is annotated is imported."""
    jaxtyping.jaxtyped = with_every_kind
