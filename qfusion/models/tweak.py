"""Changes to a trained model's physics that a user can dial: couplings H_S, jump rates, duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from qfusion._checks import check, choose, require_number
from qfusion.quantum.decomposition import rescale, subset_name, subsets

MAX_FACTOR = 10.0
MAX_DURATION = 20.0


@dataclass(frozen=True)
class Tweak:
    """Factors on the learned physics; what is not named stays as learned.

    Attributes:
        couplings: factor on H_S by the name of S, such as {"text": 1.2, "text+audio": 0.0}; between -10 and 10.
        rates: factor on the rate of each jump operator (L_k is scaled by its square root); between 0 and 10. Empty: all 1.
        duration: evolution time T, between 0 and 20; None keeps the model's own.
    """

    couplings: Mapping[str, float] = field(default_factory=dict)
    rates: Sequence[float] = ()
    duration: float | None = None

    def validate(self, modalities: Sequence[str], jump_count: int) -> None:
        """Raises InvalidInput or NotFound unless the tweak fits a model of these modalities and jump operators."""
        names = [subset_name(s, modalities) for s in subsets(len(modalities)) if s]
        for name, factor in self.couplings.items():
            choose("Coupling", name, names)
            require_number(f"couplings[{name}]", factor, -MAX_FACTOR, MAX_FACTOR)
        check(len(self.rates) in (0, jump_count),
              f"Argument `rates` must hold one factor for each of the {jump_count} jump operators, but holds {len(self.rates)}.")
        for k, factor in enumerate(self.rates):
            require_number(f"rates[{k}]", factor, 0.0, MAX_FACTOR)
        if self.duration is not None:
            require_number("duration", self.duration, 0.0, MAX_DURATION)

    def rate_factors(self, jump_count: int) -> Tensor:
        """Returns the factor of every jump operator's rate, (K,)."""
        return torch.tensor(list(self.rates) or [1.0] * jump_count, dtype=torch.float64)

    @property
    def is_identity(self) -> bool:
        """Whether nothing is changed."""
        return all(f == 1 for f in self.couplings.values()) and all(f == 1 for f in self.rates) and self.duration is None


def scale_couplings(H: Tensor, dims: Sequence[int], names: Sequence[str], tweak: Tweak) -> Tensor:
    """Returns sum_S f_S H_S for the factors of `tweak` (1 where it names none), (d, d)."""
    factors = {s: float(tweak.couplings[name]) for s in subsets(len(dims)) if (name := subset_name(s, names)) in tweak.couplings}
    return rescale(H, dims, factors)
