"""Panels and choices of the Circuit page."""

from typing import Any

from qfusion.analysis.sample import Sample
from qfusion.models.protocols import Circuit, EditableCircuit, Evolution, GateCircuit, TruthTables
from qfusion.panels import panel, params
from qfusion.panels.views import drawn
from qfusion.views import angles, circuit, qubits
from qfusion.views.circuit import DISPLAYS
from qfusion.views.gate_replays import MAX_GATES, MAX_STEPS, NONE, SPLITS, gate_index, replay

# How qubits are drawn.
PLANE = "X–Z plane"
BALLS = "Bloch balls"


def has_begun(sample: Sample, gate: int | None = None, **_: Any) -> bool:
    """Return whether a gate is done: before the first every qubit is |0⟩."""
    return sample.study.model.part(Circuit) is not None and gate != 0


def fits_joint_display(sample: Sample, gate: int | None = None, **steps: Any) -> bool:
    """Return whether the last gate that is done acts on few enough qubits for their joint state to be shown."""
    if not has_begun(sample, gate):
        return False
    walk = replay(sample, **steps)
    return bool(walk.moments[gate_index(walk, gate) - 1][0])


_DRAWN = panel.needs(Circuit)
_STEPPED = panel.needs(Circuit, Evolution)
GATE = params.NumberParam(
    "gate",
    "Step through gates",
    "The end of the circuit is shown.",
    "Arrow keys move by one gate. Click a gate of the drawing to go to it.",
    high=MAX_GATES,
    whole=True,
    look="slider",
    fits=_DRAWN,
)
STEP_COUNT = params.SelectParam(
    "steps",
    "Time steps",
    "20 is used.",
    "Number of steps dt within the duration T.",
    ("2", "4", "5", "8", "10", "16", "20", "32", "50", "64"),
    default="20",
    look="steps",
    meanings=params.whole_number("steps", 1, MAX_STEPS),
    fits=_STEPPED,
)
GATES_OF_H = params.SelectParam(
    "gates", "Gates of H", "One gate per coupling is used.", values=SPLITS, fits=_STEPPED
)
DISPLAY = params.SelectParam(
    "display",
    "States of the qubits",
    "Discs at the scrubber are shown.",
    "At the scrubber, or after every column.",
    DISPLAYS,
    fits=_DRAWN,
)
CONE = params.SelectParam(
    "cone",
    "Light cone of",
    "No gate is greyed out.",
    "Gates that cannot affect this read-out are grey.",
    lambda study: (NONE, *study.space.readouts()),
    fits=panel.needs(Circuit, where=lambda study: study.space.readouts()),
)
QUBITS_AS = params.SelectParam(
    "qubitsas",
    "Qubits as",
    "They are shown in the X–Z plane.",
    values=(PLANE, BALLS),
    look="segments",
    fits=_DRAWN,
)
TABLE = params.SwitchParam("table.gates", "All gates as a table", "It stays folded.", fits=_DRAWN)
DRAWING = params.SwitchParam(
    "table.drawing", "PennyLane's drawing", "It stays folded.", fits=_DRAWN
)
PROGRAM = params.SwitchParam(
    "table.program",
    "Export the circuit",
    "It stays folded.",
    fits=panel.needs(GateCircuit),
)
NOISE_SWITCH = params.SwitchParam(
    "table.noise", "Noise and shots", "It stays folded.", fits=panel.needs(EditableCircuit)
)
LAYERS_SWITCH = params.SwitchParam(
    "table.layers",
    "Contribution of every layer",
    "It stays folded.",
    fits=panel.needs(EditableCircuit),
)
PART = params.SelectParam(
    "part",
    "View",
    "The walk is shown.",
    values=("Walk", "Fusion rules", "Noise and shots", "Entropies", "Sensitivity", "Export"),
    fits=lambda study: (
        study.model.part(Circuit) is not None
        and not study.model.part(GateCircuit)
        and not study.model.part(Evolution)
    ),
)
CONTROLS = (
    GATE,
    STEP_COUNT,
    GATES_OF_H,
    DISPLAY,
    CONE,
    QUBITS_AS,
    TABLE,
    DRAWING,
    PROGRAM,
    NOISE_SWITCH,
    LAYERS_SWITCH,
    PART,
)


def _is_part_open(name: str) -> panel.Opens:
    chosen = PART.is_one_of(name)
    return lambda view: not view.has_part(TruthTables) or chosen(view)


_STEPS = {"steps": STEP_COUNT, "gates": GATES_OF_H}
_AT = {"gate": GATE, **_STEPS}
_REPLAY = _is_part_open("Walk")
_ENTROPIES = _is_part_open("Entropies")
PANELS = {
    "circuit": panel.Panel(
        drawn(circuit.circuit),
        {**_AT, "cone": CONE, "display": DISPLAY},
        fits=_DRAWN,
        opens=_REPLAY,
    ),
    "qubits": panel.Panel(
        drawn(qubits.qubits),
        _AT,
        fits=has_begun,
        opens=panel.all_open(_REPLAY, QUBITS_AS.is_one_of(PLANE)),
    ),
    "bloch-gates": panel.Panel(
        drawn(qubits.bloch_gates),
        _AT,
        fits=has_begun,
        opens=panel.all_open(_REPLAY, QUBITS_AS.is_one_of(BALLS)),
    ),
    "before-after": panel.Panel(
        drawn(qubits.before_after), _AT, fits=fits_joint_display, opens=_REPLAY
    ),
    "matrix-after": panel.Panel(
        drawn(qubits.matrix_after), _AT, fits=fits_joint_display, opens=_REPLAY
    ),
    "entropy-gates": panel.Panel(drawn(qubits.entropy_gates), _AT, fits=_DRAWN, opens=_ENTROPIES),
    "layer-shapley": panel.Panel(
        drawn(angles.layer_shapley),
        fits=panel.needs(EditableCircuit),
        opens=LAYERS_SWITCH.opens,
    ),
    "mutual-gates": panel.Panel(
        drawn(qubits.mutual_gates),
        {"gate": GATE},
        fits=panel.needs(GateCircuit, where=lambda study: len(study.model.registers()) > 1),
    ),
    "step-error": panel.Panel(drawn(circuit.step_error), _STEPS, fits=_STEPPED),
}
