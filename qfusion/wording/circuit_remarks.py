"""The relation of a sample's circuit to its score, in a sentence or two for each kind of model."""

from collections.abc import Mapping
from typing import Any

from qfusion.analysis.text import escape_markdown
from qfusion.models import live_model
from qfusion.models.protocols import GateCircuit
from qfusion.wording.model_kinds import kind_text

UNTRAINED = (
    "This circuit does not affect the score: training ended before the circuit was trained, and the classical head "
    "decides. The angles of the circuit are the initial ones."
)
ONCE, TIMES = "once", "{count} times"


def describe_circuit(model: Any, states: Mapping[str, Any]) -> str:
    """Return how a sample's circuit relates to its score; empty for kinds of models without a remark.

    Args:
        model: a `GateCircuit`.
        states: encodings of one sample, from `model.encode`.
    """
    circuit: GateCircuit = model
    if model.preparing:
        return UNTRAINED
    facts = dict(circuit.circuit_facts(states))
    if model.kind == live_model.CIRCUIT_KIND:
        return describe_own_circuit(facts)
    if "repeats" in facts:
        repeats = facts["repeats"]
        facts["times"] = ONCE if repeats == 1 else TIMES.format(count=repeats)
    return kind_text(model.kind).circuit.format(**facts)


def describe_own_circuit(facts: Mapping[str, Any]) -> str:
    """Return where a circuit of a user's own comes from, and what its gates do not show."""
    sentences = [f"The gates are those that {facts['library']} ran for this sample."]
    if facts["guessed"]:
        sentences.append(
            "Each qubit is named after the modality that its gates encode, or other; the argument wires corrects that."
        )
    if not facts["angles"]:
        sentences.append(
            "There are no sliders of angles, since no gate depends on weights that are trained: frozen ones and arrays "
            "of NumPy are constants."
        )
    return " ".join([*sentences, *facts["remarks"]])


def describe_entropies(entropies: Mapping[str, float]) -> str:
    """Return the entropies of registers at the end of a circuit in a sentence, as Markdown."""
    parts = [f"{escape_markdown(name)} {value:.3f} nats" for name, value in entropies.items()]
    return f"Von Neumann entropy of the qubits at the end of the circuit: {', '.join(parts)}."
