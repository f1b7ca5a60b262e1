"""Choices of noise and shots on the Circuit page, and where they stand."""

from typing import Any

from qfusion.models.protocols import Circuit, EditableCircuit, TruthTables
from qfusion.panels import page_state, params
from qfusion.panels.circuit import NOISE_SWITCH, PART


def can_be_noisy(of: Any) -> bool:
    """Return whether the model of a study or sample has a circuit to which noise can be added."""
    model = getattr(of, "study", of).model
    return model.part(Circuit) is not None and (
        model.part(TruthTables) is not None or model.part(EditableCircuit) is not None
    )


NOISE: dict[str, params.Param] = {
    kind: params.NumberParam(
        f"noise.{kind}",
        title,
        "0 is used.",
        words,
        step=0.01,
        fits=can_be_noisy,
        style={"format": "%.2f"},
    )
    for kind, title, words in (
        (
            "depolarising",
            "Depolarising",
            "Probability that a qubit is replaced by the maximally mixed state after each operation on "
            "several qubits",
        ),
        (
            "damping",
            "Amplitude damping",
            "Probability that |1⟩ decays to |0⟩ after each operation on several qubits",
        ),
        ("readout", "Read-out", "Probability that a read bit is replaced by a random bit"),
    )
} | {
    "shots": params.SelectParam(
        "shots",
        "Shots",
        "1000 are used.",
        "Number of runs of each circuit",
        ("100", "200", "500", "1000", "2000", "5000", "10000", "100000"),
        default="1000",
        look="steps",
        meanings=params.whole_number("shots", 1, 10**9),
        fits=can_be_noisy,
    )
}
_VIEW_OPEN = PART.is_one_of("Noise and shots")


def noise_open(view: page_state.PageState) -> bool:
    """Return whether the reader looks at noise: in a view of a fusion network, or unfolded below a circuit of gates."""
    return NOISE_SWITCH.opens(view) if view.has_part(EditableCircuit) else _VIEW_OPEN(view)
