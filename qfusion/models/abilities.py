"""Asking a model what it can do; see `explorable` for what there is."""

from __future__ import annotations

from typing import Any, Literal, overload

from qfusion.errors import InvalidInput
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.explorable import ABILITIES, Ability, FusionModel, KetModel, StateModel
from qfusion.models.neighbours.circuits import CircuitModel
from qfusion.models.quantum_jump import QuantumJump
from qfusion.models.registry import FUSION


def can(model: object, ability: Ability) -> bool:
    """Returns whether a model says that it can do something."""
    return ability in getattr(model, "abilities", ())


@overload
def require(
    model: object, ability: Literal["states"], what: str = ..., who: str = ...
) -> StateModel: ...
@overload
def require(
    model: object, ability: Literal["kets"], what: str = ..., who: str = ...
) -> KetModel: ...
@overload
def require(
    model: object, ability: Literal["time"], what: str = ..., who: str = ...
) -> QuantumJump: ...
@overload
def require(
    model: object, ability: Literal["masses", "rules", "layers"], what: str = ..., who: str = ...
) -> EntangledQCNN: ...
@overload
def require(
    model: object, ability: Literal["gates"], what: str = ..., who: str = ...
) -> CircuitModel: ...
@overload
def require(
    model: object, ability: Literal["circuit", "terms"], what: str = ..., who: str = ...
) -> FusionModel: ...


def require(model: object, ability: Ability, what: str = "", who: str = "Argument `model`") -> Any:
    """Returns the model, which has the ability.

    Args:
        ability: of ABILITIES.
        what: said behind the ability in the message, such as "that could build anything". who: how the message begins.

    Raises:
        InvalidInput: when it has not, with the kinds of models that have.
    """
    if can(model, ability):
        return model
    raise InvalidInput(
        f"{who} is of kind {getattr(model, 'kind', '') or type(model).__name__}, which has no {ABILITIES[ability]}"
        f"{what and f' {what}'}. Choose {listed(kinds(ability))} model."
    )


def kinds(ability: Ability) -> list[str]:
    """Returns the kinds of models that have an ability."""
    return [kind for kind, model in FUSION.items() if ability in model.abilities]


def listed(names: list[str]) -> str:
    """Returns kinds of models with their article: "a quantum-jump or state-linear"."""
    return f"{'an' if names[0][0] in 'aeiou' else 'a'} {' or '.join(names)}"
