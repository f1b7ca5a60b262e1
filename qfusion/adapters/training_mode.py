"""Modules in training mode inside a user's function: their dropout would pass for shot noise."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from qfusion._checks import check

CHANGED_BY_MODE = (_DropoutNd, _BatchNorm, nn.MultiheadAttention, nn.RNNBase)


def check_evaluates(function: Any) -> None:
    """Check that no module that a function uses is in training mode.

    Args:
        function: of a user; a module itself is copied in evaluation mode, and passes.

    Raises:
        InvalidInput: naming the module.
    """
    for name, module in _modules_of(function):
        is_training = any(
            part.training and isinstance(part, CHANGED_BY_MODE) for part in module.modules()
        )
        check(
            not is_training,
            f"The function runs `{name}` in training mode, so its scores change by dropout or with the batch. Call "
            f"`{name}.eval()` first.",
        )


def _modules_of(function: Any) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that a function is bound to, encloses, or names among its globals."""
    if isinstance(function, nn.Module):
        return
    if isinstance(function, functools.partial):
        values: dict[str, Any] = {"model": function.func, **function.keywords}
        values |= {f"argument {place}": value for place, value in enumerate(function.args)}
    else:
        values = {"model": getattr(function, "__self__", None)}
        plain = getattr(function, "__func__", function)
        if inspect.isfunction(plain):
            values |= {**inspect.getclosurevars(plain).nonlocals}
            values |= {**inspect.getclosurevars(plain).globals}
        else:
            values |= getattr(function, "__dict__", {})
    for name, value in values.items():
        if isinstance(value, nn.Module):
            yield name, value
        elif value is not function:
            yield from _modules_of_plain(value)


def _modules_of_plain(function: Any) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of a function that another one calls, and not those of functions that it calls in turn."""
    if isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, nn.Module):
        yield type(function).__name__, function
    elif inspect.isfunction(function):
        variables = inspect.getclosurevars(function)
        for name, value in {**variables.nonlocals, **variables.globals}.items():
            if isinstance(value, nn.Module):
                yield name, value
