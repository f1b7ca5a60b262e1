"""What can be trained and how, one plain sentence each: for whoever fills in a form or asks for help."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from qfusion import _assets
from qfusion.models import FUSION, encoders, entangled_qcnn, fusion, quantum_jump, registry
from qfusion.models.neighbours import reservoir
from qfusion.quantum.circuits import BLOCKS
from qfusion.training.options import CLASS_WEIGHTS, LOSSES, PRECISIONS, SCHEDULES


@dataclass(frozen=True)
class Kind:
    """A kind of model: what people call it, and a sentence."""

    title: str
    says: str


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


_FILE = tomllib.loads(_assets.text("settings.toml"))
_KNOWN = {kind: Kind(**words) for kind, words in _FILE["kinds"].items()}

_THEIRS = {
    kind: Kind(model.title, model.says) for kind, model in (FUSION | registry.NEIGHBOURS).items()
}
KINDS = {kind: _KNOWN.get(kind) or _THEIRS[kind] for kind in registry.names()}
"""By name; a model may say it itself, in its own file."""

_CHOICES = {
    "loss": LOSSES,
    "schedule": SCHEDULES,
    "class_weights": CLASS_WEIGHTS,
    "precision": PRECISIONS,
    "readout": quantum_jump.READOUTS,
    "evolution": quantum_jump.EVOLUTIONS,
    "dynamics": quantum_jump.DYNAMICS,
    "coupling": quantum_jump.COUPLINGS,
    "rule": fusion.INITIAL,
    "tables": fusion.TABLES,
    "block": tuple(BLOCKS),
    "projection": reservoir.PROJECTIONS,
    "start": entangled_qcnn.STARTS,
    "encoder": encoders.KINDS,
    "pooling": ("gru", "attention"),
}
SETTINGS = {
    key: Setting(**words, choices=_CHOICES.get(key, ())) for key, words in _FILE["settings"].items()
}

MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}
"""The settings of a system that a form shows first, after epochs and learning rate; those of all others stand last."""
