"""Exact explanations of a decision: what every modality, and every combination of modalities, contributed; a file
a method, with its numbers, its sentence and its table. No figures, and nothing that is kept: that is
`analysis`.
"""

from qfusion._lazy import modules
from qfusion.explain.backgrounds import (
    KINDS,
    AnyBackground,
    Background,
    RowBackground,
    SampleBackground,
    background,
)
from qfusion.explain.building import Built, BuiltEach, built, built_each
from qfusion.explain.coalitions import (
    Explanation,
    explain,
    marginal_observables,
    shares,
    through_layers,
    through_time,
)
from qfusion.explain.verdicts import RELATIONS, Relation, Verdict, judge, verdict

__all__ = [
    "KINDS",
    "RELATIONS",
    "AnyBackground",
    "Background",
    "Built",
    "BuiltEach",
    "Explanation",
    "Relation",
    "RowBackground",
    "SampleBackground",
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

__getattr__ = modules(__name__, __path__)
