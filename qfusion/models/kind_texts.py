"""The texts of kinds of models, from the files kinds.toml of the core and of plugins."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from qfusion import plugin
from qfusion.models import FUSION, live_model
from qfusion.models.protocols import GateCircuit


class KindText(NamedTuple):
    """The texts of a kind of model.

    Attributes:
        short: name in lists; empty for the title of its class.
        summary: one sentence; empty for the first line of the docstring of its class.
        sentence: what it does from the features to the score, behind the name of a model; may be empty.
        circuit: the relation of a sample's circuit to its score; may be empty.
    """

    short: str = ""
    summary: str = ""
    sentence: str = ""
    circuit: str = ""


_TEXTS = {
    kind: KindText(**texts)
    for record in plugin.read_assets("kinds.toml")
    for kind, texts in record.items()
}


def kind_text(kind: str) -> KindText:
    """Return the texts of a kind of model; empty ones where there are none."""
    return _TEXTS.get(kind, KindText())


class KindDescription(NamedTuple):
    """Title and summary of a kind of model."""

    title: str
    summary: str


def describe_kind(kind: str) -> KindDescription:
    """Return title and summary of a kind of model that can be trained."""
    model = FUSION[kind]
    first_line = (inspect.getdoc(model) or "").partition("\n")[0]
    return KindDescription(model.title or kind, kind_text(kind).summary or first_line)


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
