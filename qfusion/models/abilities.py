"""Abilities of models: names of features that only some kinds of models have.

A model declares its abilities, and is shown wherever they suffice. Pages, reports and commands ask `can`, to decide
what they show. Code that needs an ability calls the model's method for it, such as `FusionModel.evolution`, which names
what is missing.

    states    `StateModel`: scores are linear in a state of each modality
    kets      `KetModel`: unit vectors of each modality and Hermitian observables of their product
    masses    numbers from 0 to 1 of each modality for each element, as of `EntangledQCNN`
    time      `Evolution`: states evolve, and can be read out earlier; sliders change the physics
    layers    `LayeredNetwork`: can be read out between the layers of a network
    rules     `TruthTables`: fuses by truth tables that can be read and edited
    circuit   can be drawn as gates with a sample in it
    gates     `GateCircuit`: its circuit is a list of unitary gates on |0...0>
    terms     `Physics`: consists of terms that `explain.sensitivity` weakens and removes
    changes   `LiveCircuit`: gates of a user's own circuit can be edited, left out and given noise
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Literal

from qfusion._lazy import load
from qfusion.errors import InvalidInput
from qfusion.plugin import load_name

Ability = Literal[
    "states", "kets", "masses", "time", "layers", "rules", "circuit", "gates", "terms", "changes"
]
ABILITIES: dict[Ability, str] = {
    "states": "states of its modalities that scores are linear in",
    "kets": "modality states that are kets",
    "masses": "masses of its modalities for elements",
    "time": "evolution in time",
    "layers": "layers to be read out between",
    "rules": "fusion rules to read",
    "circuit": "circuit of gates",
    "gates": "circuit of unitary gates alone",
    "terms": "terms of a physics to weaken or turn",
    "changes": "circuit of a user's own to change",
}


class Kinds(MutableMapping[str, Any]):
    """Classes of models by kind. Those of plugins are set as "MODULE:CLASS" and imported when they are first used."""

    def __init__(self) -> None:
        self._classes: dict[str, Any] = {}

    def __getitem__(self, kind: str) -> Any:
        if isinstance(self._classes[kind], str):
            self._classes[kind] = load_name(self._classes[kind])
        return self._classes[kind]

    def __setitem__(self, kind: str, model: Any) -> None:
        self._classes[kind] = model

    def __delitem__(self, kind: str) -> None:
        del self._classes[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


REGISTERED = Kinds()  # filled by `models.registry`


def can(model: object, ability: Ability) -> bool:
    """Return whether a model has an ability."""
    return ability in getattr(model, "abilities", ())


def kinds(ability: Ability) -> list[str]:
    """Return the kinds of models that have an ability."""
    load("qfusion.models.registry")
    return [kind for kind, model in REGISTERED.items() if ability in model.abilities]


def list_kinds(names: list[str]) -> str:
    """Return kinds of models with their article: "a quantum-jump or state-linear"."""
    return f"{'an' if names[0][0] in 'aeiou' else 'a'} {' or '.join(names)}"


def missing_ability(
    model: object, ability: Ability, purpose: str = "", who: str = "Argument `model`"
) -> InvalidInput:
    """Return the error for a model that lacks an ability. Its message names the kinds of models that have the ability.

    Args:
        purpose: end of the first sentence, such as "that could build anything".
        who: beginning of the message.
    """
    kind = getattr(model, "kind", "") or type(model).__name__
    lacking = " ".join([ABILITIES[ability], *([purpose] if purpose else [])])
    known = kinds(ability)
    remedy = f"Choose {list_kinds(known)} model." if known else "Open one with `qfusion.open`."
    return InvalidInput(f"{who} is of kind {kind}, which has no {lacking}. {remedy}")
