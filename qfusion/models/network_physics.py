"""The physics of an EntangledQCNN, as `explain.sensitivity` and `explain.parameter_changes` read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from qfusion.models import table_changes
from qfusion.models.backgrounds import Background
from qfusion.models.input_features import Features
from qfusion.models.network_terms import NetworkTerms
from qfusion.models.protocols import TruthTables
from qfusion.models.terms import Search


class NetworkPhysics:
    """The terms of a fusion by truth tables and of the network after it."""

    def __init__(self, model: TruthTables):
        self.model = model

    def entanglement_targets(self) -> tuple[str, ...]:
        """Return the entropy of every fused qubit."""
        return tuple(f"entropy[{i}]" for i in range(self.model.elements))

    def terms(
        self, inputs: Mapping[str, Features], background: Background, output: int
    ) -> NetworkTerms:
        """Return the terms with everything that slopes and knock-outs need."""
        own = self.model.algebra.check_background(background)
        return NetworkTerms.of(self.model, inputs, own, output)

    def nearest_changes(self, states: Mapping[str, Tensor], known: Any = None) -> Search:
        """Return the smallest changes of the angles of the truth tables."""
        return table_changes.nearest_changes(self.model, states)
