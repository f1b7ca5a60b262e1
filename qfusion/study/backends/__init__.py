"""What differs between families of models in a study: one `Backend` per family.

A new family subclasses `base.BaseBackend` and is registered in `BACKENDS` under its `FusionModel.family`."""

from typing import Any

from qfusion.study.backends.base import Backend, BaseBackend
from qfusion.study.backends.evaluated import EvaluatedBackend, GameBackend, GateBackend
from qfusion.study.backends.kets import EvolutionBackend, KetBackend
from qfusion.study.backends.masses import MassBackend

BACKENDS: dict[str, type[BaseBackend]] = {
    "evaluated": EvaluatedBackend,
    "game": GameBackend,
    "gates": GateBackend,
    "kets": KetBackend,
    "evolution": EvolutionBackend,
    "masses": MassBackend,
}


def backend_class(model: Any) -> type[BaseBackend]:
    """Return the class of a study's backend for a model."""
    return BACKENDS[getattr(model, "family", "evaluated")]


__all__ = ["BACKENDS", "Backend", "BaseBackend", "backend_class"]
