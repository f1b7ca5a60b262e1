"""Titles and one-sentence descriptions of the settings of models and trainings, for forms and help."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from qfusion import _assets
from qfusion.models import (
    encoders,
    network_model,
    quantum_jump,
    sequence_pooling,
    twin_settings,
)
from qfusion.models.neighbours import reservoir
from qfusion.quantum import circuits
from qfusion.training import options


@dataclass(frozen=True)
class Setting:
    """A setting of a model or of its training.

    Attributes:
        title: what people call it; says: one plain sentence.
        low, high: what a form offers at least and at most; the models themselves may take more.
        choices: the words it may be.
    """

    title: str
    says: str
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()


_FILE = tomllib.loads(_assets.asset_text("settings.toml"))
_CHOICES = {
    **options.CHOICES,
    **quantum_jump.CHOICES,
    **network_model.CHOICES,
    "block": tuple(circuits.BLOCKS),
    "lacks": twin_settings.LACKS,
    "projection": reservoir.PROJECTIONS,
    "encoder": encoders.KINDS,
    "pooling": sequence_pooling.POOLINGS,
}
SETTINGS = {
    key: Setting(**words, choices=_CHOICES.get(key, ())) for key, words in _FILE["settings"].items()
}

# the settings of a system that a form shows first, after epochs and learning rate
MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}
