"""What differs between families of models in a study: one `SampleSpace` per family.

A new family subclasses `base.BaseSpace` and is registered in `SPACES` under its `FusionModel.family`.
"""

from typing import Any

from qfusion.analysis.spaces.base import BaseSpace
from qfusion.analysis.spaces.evaluated import EvaluatedSpace, GameSpace, GateSpace
from qfusion.analysis.spaces.evolution import EvolutionSpace
from qfusion.analysis.spaces.kets import KetSpace
from qfusion.analysis.spaces.masses import MassSpace
from qfusion.analysis.spaces.protocol import SampleSpace

SPACES: dict[str, type[BaseSpace]] = {
    "evaluated": EvaluatedSpace,
    "game": GameSpace,
    "gates": GateSpace,
    "kets": KetSpace,
    "evolution": EvolutionSpace,
    "masses": MassSpace,
}


def space_class(model: Any) -> type[BaseSpace]:
    """Return the class of a study's space for a model."""
    return SPACES[getattr(model, "family", "evaluated")]


__all__ = ["SPACES", "BaseSpace", "SampleSpace", "space_class"]
