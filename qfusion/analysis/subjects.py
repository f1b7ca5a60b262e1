"""Which workspace a model gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfusion.analysis import subject
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems import evaluated_subject, jump_subject, ket_subject, network_subject
from qfusion.data import DataSet
from qfusion.models import can, require


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> Workspace:
    """Applies a model to all samples of a data set.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    subject.require_fit(name, card, dataset)
    if can(model, "masses"):
        return network_subject.build(name, card, model, dataset)
    if not can(model, "states"):
        return evaluated_subject.build(name, card, model, dataset)
    return (jump_subject if can(model, "time") else ket_subject).build(name, card, require(model, "kets"), dataset)
