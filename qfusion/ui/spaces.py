"""Which workspace a model gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qfusion.data import DataSet
from qfusion.models import EntangledQCNN
from qfusion.ui import circuit_space, jump_space, workspace
from qfusion.ui.workspace import Workspace


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> Workspace:
    """Applies a model to all samples of a data set.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    workspace.require_fit(name, card, dataset)
    system = circuit_space if isinstance(model, EntangledQCNN) else jump_space
    return system.build(name, card, model, dataset)
