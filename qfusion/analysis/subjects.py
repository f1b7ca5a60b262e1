"""Which workspace a model gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfusion.analysis import subject
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import network_subject
from qfusion.analysis.systems.evaluated_subject import EvaluatedSpace
from qfusion.analysis.systems.jump_subject import JumpSpace
from qfusion.analysis.systems.ket_subject import KetSpace
from qfusion.data import DataSet
from qfusion.models import can, require


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> Workspace:
    """Returns a model on a data set.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    subject.require_fit(name, card, dataset)
    if can(model, "masses"):
        return network_subject.build(name, card, model, dataset)
    if not can(model, "states"):
        return EvaluatedSpace(name, card, model, dataset)
    return (JumpSpace if can(model, "time") else KetSpace)(
        name, card, require(model, "kets"), dataset
    )
