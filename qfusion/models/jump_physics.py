"""The physics of a model that evolves in time, as `explain.sensitivity` and `explain.parameter_changes` read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from qfusion.models import jump_changes
from qfusion.models.backgrounds import Background
from qfusion.models.input_features import Features
from qfusion.models.jump_terms import JumpTerms
from qfusion.models.protocols import Evolution
from qfusion.models.terms import Search


class JumpPhysics:
    """The terms of an evolution: couplings, dissipation, duration and measurement vectors."""

    def __init__(self, model: Evolution):
        self.model = model

    def entanglement_targets(self) -> tuple[str, ...]:
        """Return the entropies, and between several modalities the negativities."""
        names = self.model.modalities
        kinds = ("entropy", "negativity") if len(names) > 1 else ("entropy",)
        return tuple(f"{kind}[{name}]" for kind in kinds for name in names)

    def terms(
        self, inputs: Mapping[str, Features], background: Background, output: int
    ) -> JumpTerms:
        """Return the terms with everything that slopes and knock-outs need."""
        own = self.model.algebra.check_background(background)
        return JumpTerms.of(self.model, inputs, own, output)

    def nearest_changes(self, states: Mapping[str, Tensor], known: Any = None) -> Search:
        """Return the smallest changes of couplings, dissipation and duration; `known` is a `jump_changes.table`."""
        return jump_changes.nearest_changes(self.model, states, known)
