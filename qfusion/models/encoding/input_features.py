"""Features of one modality as models accept them: their form, masks of sequences, and validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils import _pytree

from qfusion._checks import check
from qfusion.errors import InvalidInput


@dataclass(frozen=True)
class InputSpec:
    """Form of one modality's features: `size` of them, per time step when `sequence`; `shape` (h, w) or (h, w, 3)
    when they are pixels."""

    size: int
    sequence: bool = False
    shape: tuple[int, ...] | None = None

    @property
    def is_picture(self) -> bool:
        """Whether the features are pixels of a picture, grey (h, w) or coloured (h, w, 3)."""
        shape = self.shape or ()
        return not self.sequence and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))

    @staticmethod
    def from_mapping(spec: InputSpec | Mapping[str, Any]) -> InputSpec:
        """Return the form that a card's mapping describes. An `InputSpec` is returned unchanged."""
        if isinstance(spec, InputSpec):
            return spec
        shape = tuple(int(side) for side in spec["shape"]) if spec.get("shape") else None
        return InputSpec(int(spec["size"]), bool(spec["sequence"]), shape)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Output of an encoder for a modality, (B, outputs). Models accept it in place of features, and functions such
    as `nested_part` find the tensor in it.
    """

    values: Tensor


_pytree.register_pytree_node(
    Encoded, lambda encoded: ([encoded.values], None), lambda values, _: Encoded(*values)
)


# Vectors (B, F), a masked sequence as values (B, T, F) and mask (B, T), or the output of an encoder
Features = Tensor | tuple[Tensor, Tensor] | Encoded


def values_and_mask(features: Features) -> tuple[Tensor, Tensor | None]:
    """Return the values and the mask of features. The mask of vectors is None."""
    if isinstance(features, tuple):
        return features
    return cast(Tensor, features), None


def real_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return all real steps of sequences (B, T, F), or all vectors (B, F), one after another, (n, F)."""
    return values.reshape(-1, values.shape[-1]) if mask is None else values[mask]


def mean_over_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return the means (B, F) of sequences (B, T, F) over their real steps. Vectors are returned unchanged."""
    if mask is None:
        return values
    lengths = mask.sum(1, keepdim=True).clamp_min(1)
    return (values * mask[..., None]).sum(1) / lengths


def validate_features(
    name: str, features: Features, spec: InputSpec, dtype: torch.dtype, missing: bool = False
) -> Features:
    """Return the features of a modality in the precision of the model.

    Args:
        name: name of the modality.
        features: features in any floating-point precision.
        spec: form that the model was built for.
        dtype: data type of the model's weights.
        missing: whether values may be missing, as NaN.

    Raises:
        InvalidInput: if the features are not floating-point numbers, not finite, or of another form, or if the model
            is in half precision.
    """
    values, mask = values_and_mask(features)
    type_name = values.dtype if isinstance(values, Tensor) else type(values).__name__
    check(
        isinstance(values, Tensor) and values.is_floating_point(),
        f"Features of modality `{name}` must be a tensor of floating-point numbers, but are {type_name}. Convert them "
        "with `.float()` or `.double()`; the model takes either.",
    )
    _check_shape(name, values, mask, spec)
    _check_finite(name, values.nan_to_num(0, torch.inf, -torch.inf) if missing else values)
    check(
        dtype in (torch.float32, torch.float64),
        f"The model must be in single or double precision, but its weights are {dtype}: states hold too few digits "
        "in it. Call `.float()` or `.double()` on it; features may be of any precision.",
    )
    own = values.to(dtype)
    if own.dtype != values.dtype and own.isinf().any():
        raise InvalidInput(
            f"Features of modality `{name}` must be finite in the model's {dtype}, but hold "
            f"{values.abs().max():.2g}. Scale them, or call `.double()` on the model."
        )
    return own if mask is None else (own, mask)


def _check_shape(name: str, values: Tensor, mask: Tensor | None, spec: InputSpec) -> None:
    """Raise InvalidInput unless values and mask have the form that the model was built for."""
    if spec.sequence:
        expected = f"(B, T, {spec.size}) with a mask (B, T)"
        fits = values.ndim == 3 and mask is not None and mask.shape == values.shape[:2]
    else:
        expected = f"(B, {spec.size})"
        fits = values.ndim == 2 and mask is None
    given = (
        f"{tuple(values.shape)}"
        if mask is None
        else f"{tuple(values.shape)} and a mask {tuple(mask.shape)}"
    )
    check(
        fits and values.shape[-1] == spec.size,
        f"Features of modality `{name}` must have shape {expected}, but have shape {given}. Use the data set the model "
        "was trained for.",
    )
    if mask is not None:
        check(
            mask.dtype == torch.bool,
            f"The mask of modality `{name}` must hold True for every real step, but has type {mask.dtype}. Convert it "
            "with `.bool()`.",
        )


def _check_finite(name: str, values: Tensor) -> None:
    """Raise InvalidInput if a value is NaN or infinite."""
    if torch.isfinite(
        values.detach().sum()
    ):  # a sum takes one pass, and is finite in almost all uses
        return
    places = (~torch.isfinite(values)).nonzero().tolist()
    if places:
        row, *place = places[0]
        raise InvalidInput(
            f"Features of modality `{name}` must be finite, but row {row} has NaN or infinity at {place}. Clean or "
            "impute the data first."
        )
