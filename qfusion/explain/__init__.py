"""Exact explanations of a decision: what every modality, and every combination of modalities, contributed."""

from qfusion.explain.changes.building import Built, BuiltEach, built, built_each
from qfusion.explain.contributions.background import (
           KINDS,
           AnyBackground,
           Background,
           RowBackground,
           SampleBackground,
           background,
)
from qfusion.explain.contributions.coalitions import (
           Explanation,
           explain,
           marginal_observables,
           through_layers,
           through_time,
)
from qfusion.explain.contributions.summaries import RELATIONS, relation, shares

__all__ = ["KINDS", "RELATIONS", "AnyBackground", "Background", "Built", "BuiltEach", "RowBackground",
           "SampleBackground", "Explanation", "background", "built", "built_each", "explain", "marginal_observables",
           "relation", "shares", "through_layers", "through_time"]
