"""What differs between families of models in a study: one `SampleSpace` per family.

A new family subclasses `base.BaseSpace` and is registered in `SPACES` under its `FusionModel.family`."""

from typing import Any

from qfusion.study.backends.base import BaseSpace, SampleSpace
from qfusion.study.backends.evaluated import EvaluatedSpace, GameSpace, GateSpace
from qfusion.study.backends.kets import EvolutionSpace, KetSpace
from qfusion.study.backends.masses import MassSpace

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
