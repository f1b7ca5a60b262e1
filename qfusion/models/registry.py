"""Models by name, for checkpoints and the command line."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from qfusion._checks import check, choose
from qfusion.models.baselines.attention import CrossModalAttention
from qfusion.models.baselines.heads import Concatenation, LateFusion, LowRankFusion, TensorFusion
from qfusion.models.baselines.linear import Linear
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.explorable import FusionModel
from qfusion.models.neighbours.building_blocks import QuantumLego
from qfusion.models.neighbours.cross_attention import QuantumCrossAttention
from qfusion.models.neighbours.fusion_layer import QuantumFusionLayer
from qfusion.models.neighbours.reservoir import Reservoir
from qfusion.models.neighbours.unitary import UnitaryFusion
from qfusion.models.neighbours.weights import CircuitWeights
from qfusion.models.product_qcnn import ProductQCNN
from qfusion.models.quantum_jump import QuantumJump
from qfusion.models.state_linear import StateLinear

NEIGHBOURS: dict[str, type[FusionModel]] = {
    model.kind: model
    for model in (QuantumFusionLayer, QuantumCrossAttention, CircuitWeights, QuantumLego, UnitaryFusion, Reservoir)}
BASELINES: dict[str, type[FusionModel]] = {
    model.kind: model for model in (LateFusion, Concatenation, TensorFusion, LowRankFusion, CrossModalAttention, Linear)}
FUSION: dict[str, type[FusionModel]] = {
    **{model.kind: model for model in (QuantumJump, EntangledQCNN, StateLinear, ProductQCNN)}, **NEIGHBOURS, **BASELINES}


EDITION = 2  # of the settings' defaults, kept with settings that say only what differs from them; 1: before read-outs were a setting


def names() -> list[str]:
    """Returns the names of all models that can be trained, the two systems first."""
    return list(FUSION)


def settings(name: str) -> dict[str, Any]:
    """Returns the settings of a model with their defaults."""
    parameters = inspect.signature(FUSION[choose("Model", name, FUSION)]).parameters.values()
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
    model = FUSION[choose("Model", name, FUSION)]
    known = settings(name)
    for key, value in chosen.items():
        choose(f"Setting of {name}", key, known)
        check(value is not None, f"Setting `{key}` must have a value, but is empty. Its default is {known[key]!r}.")
    return model(inputs, outputs, **chosen)


def upgraded(name: str, chosen: Mapping[str, Any], edition: int = 1) -> dict[str, Any]:
    """Returns settings that were written under an earlier edition of the defaults, with what they left to those defaults said.

    Args:
        name: kind of model.
        chosen: settings as written.
        edition: of the defaults they were written under, see `EDITION`.
    """
    return {"readout": "joint", **chosen} if name == QuantumJump.kind and edition < 2 else dict(chosen)
