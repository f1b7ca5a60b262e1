"""The Circuit page: its panels and choices, with those of networks, of noise and of single angles."""

from typing import Any

from qfusion.models.protocols import (
    Circuit,
    EditableCircuit,
    Evolution,
    GateCircuit,
    LayeredNetwork,
    TruthTables,
)
from qfusion.study.sample import Sample
from qfusion.views import changes, circuit, flips, network, qubits, sensitivity
from qfusion.views.circuit import gate_index, replay
from qfusion.views.pages import choices, dynamics, page_state, params
from qfusion.views.pages.choices import HAS_CIRCUIT, needs
from qfusion.views.pages.panel import Opens, all_open, panels

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


QUBITS_AS = params.SelectParam(
    "qubitsas",
    "Qubits as",
    "They are shown in the X–Z plane.",
    values=(PLANE, BALLS),
    look="segments",
    fits=HAS_CIRCUIT,
)
TABLE = params.SwitchParam(
    "table.gates", "All gates as a table", "It stays folded.", fits=HAS_CIRCUIT
)
DRAWING = params.SwitchParam(
    "table.drawing", "PennyLane's drawing", "It stays folded.", fits=HAS_CIRCUIT
)
PROGRAM = params.SwitchParam(
    "table.program",
    "Export the circuit",
    "It stays folded.",
    fits=needs(GateCircuit),
)
NOISE_SWITCH = params.SwitchParam(
    "table.noise", "Noise and shots", "It stays folded.", fits=needs(EditableCircuit)
)
LAYERS_SWITCH = params.SwitchParam(
    "table.layers",
    "Contribution of every layer",
    "It stays folded.",
    fits=needs(EditableCircuit),
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


def is_tab_open(name: str) -> Opens:
    """Return the condition that a view of the page is open. A model without fusion rules has no views."""
    chosen = PART.is_one_of(name)
    return lambda view: not view.has_part(TruthTables) or chosen(view)


_REPLAY = is_tab_open("Walk")
_WALK_PANELS = {
    **panels(circuit.circuit, fits=HAS_CIRCUIT, opens=_REPLAY),
    **panels(qubits.qubits, fits=has_begun, opens=all_open(_REPLAY, QUBITS_AS.is_one_of(PLANE))),
    **panels(
        qubits.bloch_gates, fits=has_begun, opens=all_open(_REPLAY, QUBITS_AS.is_one_of(BALLS))
    ),
    **panels(qubits.before_after, qubits.matrix_after, fits=fits_joint_display, opens=_REPLAY),
    **panels(qubits.entropy_gates, fits=HAS_CIRCUIT, opens=is_tab_open("Entropies")),
    **panels(flips.layer_shapley, fits=needs(EditableCircuit), opens=LAYERS_SWITCH.opens),
    **panels(
        qubits.mutual_gates,
        fits=needs(GateCircuit, where=lambda study: len(study.model.registers()) > 1),
    ),
    **panels(circuit.step_error, fits=needs(Circuit, Evolution)),
}
_VIEW_OPEN = PART.is_one_of("Noise and shots")


def noise_open(view: page_state.PageState) -> bool:
    """Return whether the reader looks at noise: in a view of a fusion network, or unfolded below a circuit of gates."""
    return NOISE_SWITCH.opens(view) if view.has_part(EditableCircuit) else _VIEW_OPEN(view)


_RULED = needs(TruthTables)
SCOPE = params.SelectParam(
    "scope",
    "Set to a rule",
    "A rule is set for this element.",
    values=("this element", "all elements"),
    look="segments",
    fits=_RULED,
)


_RULES_OPEN = PART.is_one_of("Fusion rules")
_NETWORK_PANELS = {
    **panels(sensitivity.tables, fits=_RULED, opens=_RULES_OPEN),
    **panels(
        sensitivity.probabilities,
        fits=lambda sample: _RULED(sample) and bool(sample.study.classes),
        opens=_RULES_OPEN,
    ),
    **panels(sensitivity.waterfall_edited, fits=_RULED, opens=_RULES_OPEN),
    **panels(
        changes.noisy_scores,
        changes.noisy_terms,
        fits=lambda sample, **_: changes.can_be_noisy(sample),
        opens=noise_open,
    ),
    **panels(
        network.decision_layers,
        network.cuts,
        network.mutual,
        network.poolings,
        fits=needs(LayeredNetwork),
        opens=PART.is_one_of("Entropies"),
    ),
}


FOLD = params.SwitchParam(
    "table.angle",
    "Score against one angle",
    "It stays folded.",
    fits=needs(EditableCircuit, where=flips.can_follow),
)


def _is_open(view: page_state.PageState) -> bool:
    if view.has_part(EditableCircuit):
        return FOLD.opens(view)
    return view.get("part") == "Sensitivity"


_ANGLE_PANELS = panels(
    flips.angle, fits=lambda sample, **_: flips.can_follow(sample.study), opens=_is_open
)
CONTROLS = (
    *(QUBITS_AS, TABLE, DRAWING, PROGRAM, NOISE_SWITCH, LAYERS_SWITCH, PART),
    choices.sliders,
    *(choices.EDITS, SCOPE),
    *dynamics.SENSITIVITY_CONTROLS,
    FOLD,
)
PANELS = {**_WALK_PANELS, **_NETWORK_PANELS, **dynamics.SENSITIVITY_PANELS, **_ANGLE_PANELS}
