"""Models by name, for checkpoints and the command line."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from qfusion._checks import check, choose
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.quantum_jump import QuantumJump

FusionModel = QuantumJump | EntangledQCNN
_MODELS: dict[str, type[FusionModel]] = {model.kind: model for model in (QuantumJump, EntangledQCNN)}


def names() -> list[str]:
    """Returns the names of all models."""
    return list(_MODELS)


def settings(name: str) -> dict[str, Any]:
    """Returns the settings of a model with their defaults."""
    parameters = inspect.signature(_MODELS[choose("Model", name, _MODELS)]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def build(name: str, inputs: Mapping[str, Any], outputs: Sequence[str], chosen: Mapping[str, Any]) -> FusionModel:
    """Returns a new model, initialised from torch's global random state.

    Args:
        name: see `names`.
        inputs: form of each modality's features.
        outputs: names of the scores.
        chosen: settings that differ from the defaults.

    Raises:
        NotFound: when the model or a setting does not exist.
        InvalidInput: when a setting has an impossible value.
    """
    model = _MODELS[choose("Model", name, _MODELS)]
    known = settings(name)
    for key, value in chosen.items():
        choose(f"Setting of {name}", key, known)
        check(value is not None, f"Setting `{key}` must have a value, but is empty. Its default is {known[key]!r}.")
    return model(inputs, outputs, **chosen)
