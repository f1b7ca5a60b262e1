"""Texts about circuits that PennyLane draws and runs. They are also needed where PennyLane is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qfusion.simulate.step_circuit import StepError

MEASURES_ALL = "all of them are measured at the end. Gates on more than two qubits are decomposed."
MEASURES_FUSED = (
    "the last {count} measurements read the fused qubits. OpenQASM 2 has no conditions on single outcomes: there "
    "pooling is controlled and measured at the end."
)
STEP_ERROR = (
    "After one step the drawn circuit is {error.one:.1e} from the exact evolution in trace distance (0 is equal, 1 is "
    "perfectly distinguishable), after {error.steps} steps {error.all:.1e}."
)


def describe_measurements(circuit: object) -> str:
    """Return a note on the measurements in the OpenQASM of a circuit."""
    fused = getattr(circuit, "fused", None)  # of a `simulate.fusion_circuit.FusionCircuit`
    return MEASURES_ALL if fused is None else MEASURES_FUSED.format(count=len(fused))


def describe_step_error(error: StepError) -> str:
    """Return a sentence on the distance of a step circuit from the exact evolution."""
    return STEP_ERROR.format(error=error)
