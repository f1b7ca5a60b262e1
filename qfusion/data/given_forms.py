"""The form that a user gave a modality in, where a data set stores another: pictures with their channels first, token
numbers, whole numbers.

A data set stores vectors (N, F) and sequences (N, T, F) of real numbers. A model that lives in a user's process takes
its features as they were given, so `restore` returns them to that form.

    (N, h, w), (N, h, w, 3)     pictures, stored as (N, F) with shape (h, w) or (h, w, 3)
    (N, 1, h, w), (N, 3, h, w)  pictures with their channels first, stored in the same way
    (N, T) with a mask          token numbers, stored as a sequence (N, T, 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = (1, 3)
SMALLEST = 4  # rows and columns of an array that is taken for a picture with channels


@dataclass(frozen=True)
class GivenForm:
    """The form of the samples of a modality as a user gave them.

    Attributes:
        shape: of one sample; () of a step that is one number.
        whole: whether its values are whole numbers, such as those of tokens.
    """

    shape: tuple[int, ...]
    whole: bool = False


def store_picture(values: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return pictures and other arrays as vectors, (N, F), and the shape of one: (h, w) or (h, w, 3) of a picture.

    Args:
        values: (N, h, w), (N, h, w, C), (N, C, h, w) with C of `CHANNELS`, or any other shape.
    """
    shape = values.shape[1:]
    if len(shape) == 3 and shape[2] not in CHANNELS and is_channels_first(shape):
        values = np.moveaxis(values, 1, 3)
        shape = values.shape[1:]
    if len(shape) == 3 and shape[2] == 1 and min(shape[:2]) >= SMALLEST:
        shape = shape[:2]
    return values.reshape(len(values), -1), tuple(shape)


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the shape of one sample is that of a picture with its channels first, (C, h, w)."""
    return len(shape) == 3 and shape[0] in CHANNELS and min(shape[1:]) >= SMALLEST


def restore(values: Tensor, form: GivenForm, sequence: bool = False) -> Tensor:
    """Return stored features in the form that they were given in.

    Args:
        values: (B, F), or (B, T, 1) of token numbers.
        form: that they were given in.
        sequence: whether the modality is a sequence.
    """
    if sequence:
        return values[..., 0] if form.shape == () else values
    shape = form.shape
    if is_channels_first(shape) and shape[0] > 1 and shape[2] not in CHANNELS:
        return values.reshape(-1, *shape[1:], shape[0]).movedim(-1, 1)
    return values.reshape(-1, *shape)


def round_whole(values: Tensor) -> Tensor:
    """Return whole numbers as a model that takes token numbers expects them, int64."""
    return values.round().long()
