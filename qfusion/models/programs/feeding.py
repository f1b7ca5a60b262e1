"""Features as a program takes them, by its card: axes in its order, padded or cut to its steps, with masks or lengths,
in its type."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models.encoders import Features, split
from qfusion.models.programs.card import DTYPES, Input

_BASE = ("rows", "steps", "features")


def array(each: Input, states: Mapping[str, Features]) -> Tensor:
    """Returns what one input takes of B rows.

    Args:
        states: features by modality: (B, F), or values (B, T, F) and mask (B, T).

    Raises:
        InvalidInput: when a sequence is longer than the program takes.
    """
    found = (
        torch.cat([_of(each, *split(states[name])) for name in each.modality], -1)
        if each.gives in ("values", "mean")
        else _of(each, *split(states[each.modality[0]]))
    )
    return _laid(found, each).to(DTYPES[each.dtype])


def _of(each: Input, values: Tensor, mask: Tensor | None) -> Tensor:
    """Of one modality: (B, F), (B, T, F), or of a mask (B, T), of lengths (B,)."""
    if mask is None:
        return values
    if each.gives == "mean":
        return (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
    if each.gives == "lengths":
        return mask.sum(1)
    if each.steps:
        values, mask = _fitted(values, mask, each)
    if each.pad == "left":
        values, mask = _shifted(values, mask)
    if each.gives == "values":
        return values
    return mask if each.gives == "mask" else ~mask


def _fitted(values: Tensor, mask: Tensor, each: Input) -> tuple[Tensor, Tensor]:
    """With the program's number of steps."""
    more = each.steps - values.shape[1]
    check(
        more >= 0 or not bool(mask[:, each.steps :].any()),
        f"Input `{each.name}` takes {each.steps} steps, but a sample of `{each.modality[0]}` has "
        f"{int(mask.sum(1).max())}. Import the data with sequences cut to that, or export the program for more.",
    )
    if more < 0:
        return values[:, : each.steps], mask[:, : each.steps]
    return torch.nn.functional.pad(values, (0, 0, 0, more)), torch.nn.functional.pad(
        mask, (0, more)
    )


def _shifted(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """With the padding before the real steps."""
    steps = values.shape[1]
    at = (torch.arange(steps)[None] - (steps - mask.sum(1, keepdim=True))) % steps
    return values.gather(1, at[..., None].expand(-1, -1, values.shape[-1])), mask.gather(1, at)


def _laid(found: Tensor, each: Input) -> Tensor:
    """With the sides in the card's order."""
    if (
        "features" not in each.axes
        and "steps" not in each.axes
        and each.gives in ("values", "mean")
    ):  # a picture
        sides = [axis for axis in each.axes if isinstance(axis, int)]
        return found.reshape(len(found), *sides).movedim(0, each.axes.index("rows"))
    named = [axis for axis in each.axes if isinstance(axis, str)]
    base = [axis for axis in _BASE if axis in named]
    found = found.permute([base.index(axis) for axis in named])
    for place, axis in enumerate(each.axes):
        if isinstance(axis, int):
            found = found.unsqueeze(place)
    return found
