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
from qfusion.explain.contributions.summaries import shares
from qfusion.explain.contributions.verdict import RELATIONS, Verdict, judge, verdict

__all__ = [
    "KINDS",
    "RELATIONS",
    "AnyBackground",
    "Background",
    "Built",
    "BuiltEach",
    "RowBackground",
    "SampleBackground",
    "Explanation",
    "Verdict",
    "background",
    "built",
    "built_each",
    "explain",
    "judge",
    "marginal_observables",
    "shares",
    "through_layers",
    "through_time",
    "verdict",
]
