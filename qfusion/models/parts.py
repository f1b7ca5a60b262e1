"""Parts of models, such as an evolution in time: what they are called, and which kinds of models have them.

Pages, reports and commands ask a model for a part, `FusionModel.part`, to decide what they show. Code that cannot do
without one calls `FusionModel.require`, which names what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from qfusion._lazy import load
from qfusion.errors import InvalidInput
from qfusion.models import protocols
from qfusion.plugin import load_name

PARTS: dict[type, str] = {
    protocols.StateModel: "states of its modalities that scores are linear in",
    protocols.KetStates: "modality states that are kets",
    protocols.MassStates: "masses of its modalities for elements",
    protocols.Evolution: "evolution in time",
    protocols.LayeredNetwork: "layers to be read out between",
    protocols.TruthTables: "fusion rules to read",
    protocols.Circuit: "circuit of gates",
    protocols.GateCircuit: "circuit of unitary gates alone",
    protocols.Physics: "terms of a physics to weaken or turn",
    protocols.EditableCircuit: "circuit of a user's own to change",
}


def missing_part(
    model: object, protocol: type, purpose: str = "", who: str = "Argument `model`"
) -> InvalidInput:
    """Return the error for a model that lacks a part. Its message names the kinds of models that have the part.

    Args:
        purpose: end of the first sentence, such as "that could build anything".
        who: beginning of the message.
    """
    kind = getattr(model, "kind", "") or type(model).__name__
    lacking = " ".join([PARTS[protocol], *([purpose] if purpose else [])])
    known = kinds(protocol)
    remedy = f"Choose {list_kinds(known)} model." if known else "Open one with `qfusion.open`."
    return InvalidInput(f"{who} is of kind {kind}, which has no {lacking}. {remedy}")


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


def kinds(protocol: type) -> list[str]:
    """Return the kinds of models that have a part."""
    load("qfusion.models.registry")
    return [kind for kind, model in REGISTERED.items() if protocol in model.parts]


def list_kinds(names: list[str]) -> str:
    """Return kinds of models with their article: "a quantum-jump or state-linear"."""
    return f"{'an' if names[0][0] in 'aeiou' else 'a'} {' or '.join(names)}"
