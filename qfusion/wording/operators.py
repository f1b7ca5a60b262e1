"""Names of a model's operators and parameters, and the convention of its jump operators."""

from typing import Any

from qfusion.analysis.inside import HAMILTONIAN, READOUT, operator_symbols
from qfusion.data.coalition_terms import split_term
from qfusion.models.terms import ParameterChange

UNRAVELLING = (
    "This is one unravelling of the master equation, chosen by convention: its jump operators are traceless and "
    "orthogonal, numbered by their rates. Another gauge has the same master equation, but other operators, jumps and "
    "single runs."
)
OPERATORS = {HAMILTONIAN: "Hamiltonian", READOUT: "observable measured at T"}
JUMP_OPERATOR = "jump operator, in the canonical unravelling,"
COUPLING = "H: {modalities}"
DISSIPATION = "dissipation: {modalities}"
DURATION = "duration T"
ANGLE = "angle φ of ‘{element}’ (yes from {controls})"
NO_CONTROL = "none"


def name_operators(model: Any) -> dict[str, str]:
    """Return the operators of a model that can be expanded, by symbol, with their names."""
    return {symbol: OPERATORS.get(symbol, JUMP_OPERATOR) for symbol in operator_symbols(model)}


def name_parameter(study: Any, change: ParameterChange) -> str:
    """Return the name of a parameter that flips a decision, not escaped."""
    modalities = "–".join(split_term(change.name))
    match change.kind:
        case "coupling":
            return COUPLING.format(modalities=modalities)
        case "dissipation":
            return DISSIPATION.format(modalities=modalities)
        case "duration":
            return DURATION
        case _:
            element, stage, pattern = map(int, change.name.split("."))
            return name_table_angle(study, element, stage, pattern)


def name_table_angle(study: Any, element: int, stage: int, pattern: int) -> str:
    """Return the name of an angle of the fusion: its element, and the controls that are 1; not escaped."""
    stages, patterns = study.model.phi.shape[1:]
    if stages == 1:
        controls = study.modalities
    elif stage == 0:
        controls = study.modalities[:2]
    else:
        controls = ("fused", study.modalities[stage + 1])
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    active = [name for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    return ANGLE.format(
        element=study.space.elements[element], controls=" + ".join(active) or NO_CONTROL
    )
