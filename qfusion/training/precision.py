"""Precision of a training: single, double, or encoders in bfloat16 (Kalamkar and others 2019, arXiv 1905.12322)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import nn

from qfusion._checks import check
from qfusion.models.nested import nested_mapped


@contextmanager
def mixed_precision(model: nn.Module, device: torch.device) -> Iterator[None]:
    """While it lasts, the model's encoders calculate under autocast to bfloat16 and give single precision.

    Whatever comes after them, states, gates and evolution, is left as it is: products of many small rotations lose what
    bfloat16's eight bits cannot hold, and take no part of the time that would be worth it.

    Raises:
        InvalidInput: when the model has no encoders.
    """
    encoders = getattr(model, "encoders", None)
    check(
        isinstance(encoders, nn.ModuleDict),
        f"Argument `precision` must not be 'mixed' for {type(model).__name__}, which has no encoders. Use 'single'.",
    )
    entered = ExitStack()

    def before(*_: Any) -> None:
        entered.enter_context(torch.autocast(device.type, torch.bfloat16))

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        entered.close()
        return nested_mapped(
            lambda part: part.float() if part.is_floating_point() else part, output
        )

    with entered, ExitStack() as hooks:  # also where an encoder fails
        for encoder in cast(nn.ModuleDict, encoders).values():
            hooks.enter_context(encoder.register_forward_pre_hook(before))
            hooks.enter_context(encoder.register_forward_hook(after))
        yield
