"""Titles and one-sentence descriptions of the settings of models and trainings, for forms and help."""

from __future__ import annotations

from dataclasses import dataclass

from qfusion import plugin
from qfusion.models.ablations import twin_settings
from qfusion.models.encoding import encoders, sequence_pooling
from qfusion.models.jump import quantum_jump
from qfusion.models.network import network_model
from qfusion.quantum import circuits
from qfusion.training import options


@dataclass(frozen=True)
class Setting:
    """A setting of a model or of its training.

    Attributes:
        title: name of the setting.
        says: description in one sentence.
        low, high: smallest and largest value in a form; the models may accept more.
        choices: allowed words; empty for a number.
    """

    title: str
    says: str
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()


_FILES = plugin.read_assets("settings.toml")  # of the core first
_CHOICES = {
    **options.CHOICES,
    **quantum_jump.CHOICES,
    **network_model.CHOICES,
    "block": tuple(circuits.BLOCKS),
    "lacks": twin_settings.LACKS,
    "encoder": encoders.KINDS,
    "pooling": sequence_pooling.POOLINGS,
}
SETTINGS = {
    key: Setting(**{"choices": _CHOICES.get(key, ()), **words})
    for record in _FILES
    for key, words in record["settings"].items()
}

# The settings of a system that a form shows first, after epochs and learning rate.
MAIN = {
    "quantum-jump": ("dims", "jumps", "dropout"),
    "entangled-qcnn": ("elements", "rule", "dropout"),
}
