"""Titles and one-sentence descriptions of models and their settings, for forms and help."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from qfusion import _files
from qfusion.models import FUSION, encoders, network_model, quantum_jump, twins
from qfusion.models.neighbours import reservoir
from qfusion.quantum import circuits
from qfusion.training import options


@dataclass(frozen=True)
class Setting:
    """A setting of a model or of its training; or a kind of model, which has a title and a sentence only.

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


_FILE = tomllib.loads(_files.asset_text("settings.toml"))
# by kind; a model may have its own texts in its own file
KINDS = {
    kind: Setting(**_FILE["kinds"].get(kind, {"title": model.title, "says": model.says}))
    for kind, model in FUSION.items()
}

_CHOICES = {
    **options.CHOICES,
    **quantum_jump.CHOICES,
    **network_model.CHOICES,
    "block": tuple(circuits.BLOCKS),
    "lacks": twins.LACKS,
    "projection": reservoir.PROJECTIONS,
    "encoder": encoders.KINDS,
    "pooling": encoders.POOLINGS,
}
SETTINGS = {
    key: Setting(**words, choices=_CHOICES.get(key, ())) for key, words in _FILE["settings"].items()
}

# the settings of a system that a form shows first, after epochs and learning rate
MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}
