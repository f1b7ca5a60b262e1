"""Standardisation of features over the training rows, as part of a model's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.encoding.input_features import (
    Features,
    InputSpec,
    mean_over_steps,
    real_steps,
    values_and_mask,
)

_CLIP = 5.0  # standard deviations: one outlier must not rule a small encoder
_CONSTANT = (
    1e-6  # of a feature's mean: smaller deviations are of the order of rounding in single precision
)


class Standardiser(nn.Module):
    """Zero mean and unit variance over the training rows, clipped at five standard deviations; part of the model's
    weights.

    Every feature is scaled by its own deviation, whatever the units of the others. A constant one keeps scale 1.
    """

    def __init__(self, size: int):
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(size))
        self.scale = nn.Buffer(torch.ones(size))

    def fit(self, values: Tensor, mask: Tensor | None) -> None:
        """Set mean and scale from values (B, F), or unmasked steps of (B, T, F)."""
        steps = real_steps(values, mask).double()
        self.set(steps.mean(0), steps.std(0, correction=0))

    @torch.no_grad()
    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Set mean and scale (F,) from the features' means and deviations, in double precision."""
        self.mean.copy_(mean)
        varies = deviation > _CONSTANT * mean.abs()
        self.scale.copy_(torch.where(varies, deviation, torch.ones_like(deviation)))

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape, standardised."""
        result = (values - self.mean).div_(self.scale)
        return result.clamp(-_CLIP, _CLIP) if result.requires_grad else result.clamp_(-_CLIP, _CLIP)


class MeanPool(nn.Module):
    """Features of one modality, standardised and averaged over the real steps of a sequence: read by some encoders."""

    def __init__(self, spec: InputSpec):
        super().__init__()
        self.standardise = Standardiser(spec.size)

    def means(self, features: Features) -> Tensor:
        """Return standardised features, (B, F), of a sequence their means over real steps."""
        values, mask = values_and_mask(features)
        return mean_over_steps(self.standardise(values), mask)


def mean_pools(
    specs: Mapping[str, InputSpec], means: Mapping[str, Sequence[float]] | None, remedy: str
) -> nn.ModuleDict:
    """Return what models without encoders have in their place: the means of the features, by modality.

    Args:
        specs: forms of the features. means: of every feature over the training rows; zero unless given.
        remedy: end of the error.

    Raises:
        InvalidInput: when there are not as many means as features.
    """
    pools = {name: MeanPool(spec) for name, spec in specs.items()}
    for name, known in (means or {}).items():
        mean = pools[name].standardise.mean
        check(
            len(known) == len(mean),
            f"The card holds {len(known)} means of {len(mean)} features. {remedy}",
        )
        mean.copy_(torch.tensor(known))
    return nn.ModuleDict(pools)
