"""Settings of the twins: resources that a twin lacks, and settings that it takes over from the full model."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from qfusion._checks import check
from qfusion.models import base

COHERENCE, ENTANGLEMENT, LEARNING, NOTHING = "coherence", "entanglement", "learning", "nothing"
LACKS = (COHERENCE, ENTANGLEMENT, LEARNING, NOTHING)  # values of the setting `lacks`
SAMPLING = ("dynamics", "trajectories", "steps")  # settings of QuantumJump that no twin has
T = TypeVar("T", bound=type[base.FusionModel])


def inherit_settings(parent: type[base.FusionModel], *without: str) -> Callable[[T], T]:
    """Return a decorator for models that take the settings of another model, except for some, in addition to their
    own.
    """

    def decorate(model: T) -> T:
        own = dict(inspect.signature(model.__init__).parameters)
        own_named = {name: one for name, one in own.items() if one.kind is not one.VAR_KEYWORD}
        parameters = dict(inspect.signature(parent).parameters) | own_named
        left_out = {"self"} | (set(without) - set(own))
        model.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [one for name, one in parameters.items() if name not in left_out]
        )
        return model

    return decorate


def drop_sampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a QiNN-QJ except those of sampled trajectories.

    Raises:
        InvalidInput: if trajectories are sampled.
    """
    check(
        settings.get("dynamics", "master") == "master",
        "Argument `dynamics` must be 'master' for a twin, whose scores are exact, but is 'jumps'.",
    )
    return {key: value for key, value in settings.items() if key not in SAMPLING}
