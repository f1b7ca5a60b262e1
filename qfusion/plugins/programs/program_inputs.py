"""Features as a program takes them, by its card: axes in its order, padded or cut to its steps, with masks."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import inputs
from qfusion.plugins.programs.program_card import DTYPES, NAMED, Input


def fed_array(entry: Input, states: Mapping[str, inputs.Features]) -> Tensor:
    """Return the tensor for one input of the program, of B rows.

    Args:
        states: features by modality: (B, F), or values (B, T, F) and mask (B, T).

    Raises:
        InvalidInput: when a sequence is longer than the program takes.
    """
    several = entry.modality if entry.gives in ("values", "mean") else entry.modality[:1]
    array = torch.cat(
        [_arrange_input(entry, *inputs.values_and_mask(states[name])) for name in several],
        -1,
    )
    return _laid(array, entry).to(DTYPES[entry.dtype])


def _arrange_input(entry: Input, values: Tensor, mask: Tensor | None) -> Tensor:
    """Return the array of one modality: (B, F) or (B, T, F), or of a mask (B, T), or of lengths (B,). Sequences have
    the program's number of steps, with the padding on the side that the program expects.
    """
    if mask is None:
        return values
    if entry.gives == "mean":
        return inputs.mean_over_steps(values, mask)
    if entry.gives == "lengths":
        return mask.sum(1)
    steps = entry.steps or values.shape[1]
    more = steps - values.shape[1]
    check(
        more >= 0 or not bool(mask[:, steps:].any()),
        f"Input `{entry.name}` takes {steps} steps, but a sample of `{entry.modality[0]}` has "
        f"{int(mask.sum(1).max())}. Import the data with sequences cut to that, or export the program for more.",
    )
    values = nn.functional.pad(values, (0, 0, 0, more))
    mask = nn.functional.pad(mask, (0, more))
    if entry.pad == "left":
        at = (torch.arange(steps)[None] - (steps - mask.sum(1, keepdim=True))) % steps
        values = values.gather(1, at[..., None].expand(-1, -1, values.shape[-1]))
        mask = mask.gather(1, at)
    return {"values": values, "mask": mask, "padding": ~mask}[entry.gives]


def _laid(array: Tensor, entry: Input) -> Tensor:
    """With the sides in the card's order."""
    named = [axis for axis in entry.axes if isinstance(axis, str)]
    if named == ["rows"] and entry.gives in ("values", "mean"):  # a picture
        return array.reshape(
            len(array), *(axis for axis in entry.axes if isinstance(axis, int))
        ).movedim(0, entry.axes.index("rows"))
    given = [axis for axis in NAMED if axis in named]
    array = array.permute([given.index(axis) for axis in named])
    sizes = iter(array.shape)
    return array.reshape([axis if isinstance(axis, int) else next(sizes) for axis in entry.axes])
