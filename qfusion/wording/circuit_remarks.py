"""How the circuit of a sample relates to its score, a sentence or two for each kind of model."""

from collections.abc import Mapping
from typing import Any

from qfusion.models.protocols import GateCircuit

# By kind of model. A kind that is missing here has no remark.
REMARKS: dict[str, str] = {
    "qfl": (
        "Every RZ turns its qubit by the next signal of its modality. Each signal is encoded {times}, so scores are "
        "polynomials of degree {order} at most."
    ),
    "cross-attention-q": (
        "At the end the Bloch vector of each qubit is a token. A classical branch attends to these tokens, and the "
        "score is read from its output."
    ),
    "vqc-mlpnet": (
        "No sample passes this circuit: it generates the {inputs} × {hidden} first weights of a network, the same for "
        "every sample, a row for each of the encoders' {inputs} numbers. The row of {largest} is shown, the sample's "
        "largest number."
    ),
    "quantum-lego": (
        "Each RY holds a number of the frozen classical block; only the gates after them were trained since."
    ),
    "reservoir": (
        "Nothing in this circuit is trained. Each gate is the evolution of all atoms to the next read-out time, by "
        "{steps} second-order steps of {step:.3g} microseconds. For this sample the measured values at the end are off "
        "by at most {error:.2g}, and the state by {distance:.2g} in trace distance."
    ),
}
UNTRAINED = (
    "This circuit does not affect the score: training ended before its part began, and the classical head decides. "
    "Its angles are the initial ones."
)
ONCE, TIMES = "once", "{count} times"


def describe_circuit(model: Any, states: Mapping[str, Any]) -> str:
    """Return how a sample's circuit relates to its score; empty where nothing is to be added to its gates.

    Args:
        model: with the ability "gates".
        states: encodings of one sample, as of `model.encode`.
    """
    circuit: GateCircuit = model
    if model.preparing:
        return UNTRAINED
    facts = dict(circuit.circuit_facts(states))
    if "repeats" in facts:
        repeats = facts["repeats"]
        facts["times"] = ONCE if repeats == 1 else TIMES.format(count=repeats)
    return REMARKS.get(model.kind, "").format(**facts)
