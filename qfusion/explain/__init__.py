"""Exact explanations of a decision: what every modality, and every combination of modalities, contributed."""

from qfusion.explain.background import KINDS, Background, RowBackground, background
from qfusion.explain.building import Built, built
from qfusion.explain.coalitions import Explanation, explain, marginal_observables, through_layers, through_time
from qfusion.explain.summaries import RELATIONS, relation, shares

__all__ = ["KINDS", "RELATIONS", "Background", "Built", "RowBackground", "Explanation", "background", "built", "explain",
           "marginal_observables", "relation", "shares", "through_layers", "through_time"]
