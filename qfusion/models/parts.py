"""Parts of models, such as an evolution in time: what they are called, and which kinds of models have them.

Pages, reports and commands ask a model for a part, `FusionModel.part`, to decide what they show. Code that cannot do
without one calls `FusionModel.require`, which names what is missing.
"""

from __future__ import annotations

from qfusion._lazy import load
from qfusion.errors import InvalidInput
from qfusion.models import protocols

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


def kinds(protocol: type) -> list[str]:
    """Return the kinds of models that have a part."""
    registered = load("qfusion.models.registry").FUSION
    return [kind for kind, model in registered.items() if protocol in model.parts]


def list_kinds(names: list[str]) -> str:
    """Return kinds of models with their article: "a quantum-jump or state-linear"."""
    return f"{'an' if names[0][0] in 'aeiou' else 'a'} {' or '.join(names)}"
