"""The Circuit page: its panels and choices, with those of networks, of noise and of single angles."""

from typing import Any

from qfusion.explain.angle_response import angle_names
from qfusion.models.network import gate_angles
from qfusion.models.protocols import (
    Circuit,
    EditableCircuit,
    Evolution,
    GateCircuit,
    LayeredNetwork,
    TruthTables,
)
from qfusion.models.tweak import MAX_TEXT
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import changes, circuit, flips, network, qubits, sensitivity
from qfusion.views.circuit import DISPLAYS, MAX_GATES, MAX_STEPS, NONE, SPLITS, gate_index, replay
from qfusion.views.pages import page_state, panel, params
from qfusion.views.pages.panel import drawn

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
        drawn(flips.layer_shapley),
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


_RULED = panel.needs(TruthTables)
_RULES_OPEN = PART.is_one_of("Fusion rules")
EDITS = params.TextParam(
    "phi",
    "Edits as text",
    help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
    most=MAX_TEXT,
    fits=lambda study: (
        study.model.part(TruthTables) is not None or study.model.part(EditableCircuit) is not None
    ),
    style={"placeholder": "such as 0.11=3.14, 2:and or all:or"},
)
ELEMENT = params.SelectParam(
    "element",
    "Element",
    "The first is shown.",
    values=lambda study: study.space.elements,
    fits=_RULED,
)
STAGE = params.SelectParam(
    "stage",
    "Stage of the chain",
    "The first is shown.",
    values=lambda study: map(str, range(gate_angles.table_shape(study.model).stages)),
    meanings=params.whole_number("stage", 0, 1000),
    fits=_RULED,
)
OUTCOME = params.SelectParam(
    "outcome",
    "Outcome of the qubits",
    "The most probable outcome of this sample is shown.",
    "One digit per qubit, in the order above the heat map; 1 = yes.",
    lambda study: gate_angles.edited_patterns(gate_angles.table_shape(study.model)),
    fits=_RULED,
)
SCOPE = params.SelectParam(
    "scope",
    "Set to a rule",
    "A rule is set for this element.",
    values=("this element", "all elements"),
    look="segments",
    fits=_RULED,
)


LAYER = params.SelectParam(
    "layer",
    "Place in the network",
    "The end of the network is marked.",
    "Position that is marked in the figure; its values are below it.",
    lambda study: [name for name, _ in study.model.network.moments()],
    look="steps",
    fits=panel.needs(LayeredNetwork),
)


NETWORK_CONTROLS = (EDITS, ELEMENT, STAGE, OUTCOME, SCOPE, *NOISE.values(), LAYER)
_ENTROPIES_OPEN = PART.is_one_of("Entropies")
NETWORK_PANELS = {
    "tables": panel.Panel(
        drawn(sensitivity.tables),
        {"element": ELEMENT, "stage": STAGE, "outcome": OUTCOME},
        fits=_RULED,
        opens=_RULES_OPEN,
    ),
    "probabilities": panel.Panel(
        drawn(sensitivity.probabilities),
        fits=lambda sample: _RULED(sample) and bool(sample.study.classes),
        opens=_RULES_OPEN,
    ),
    "waterfall-edited": panel.Panel(
        drawn(sensitivity.waterfall_edited), fits=_RULED, opens=_RULES_OPEN
    ),
    "noisy-scores": panel.Panel(
        drawn(changes.noisy_scores),
        NOISE,
        fits=lambda sample, **_: can_be_noisy(sample),
        opens=noise_open,
    ),
    "noisy-terms": panel.Panel(
        drawn(changes.noisy_terms),
        NOISE,
        fits=lambda sample, **_: can_be_noisy(sample),
        opens=noise_open,
    ),
    "decision-layers": panel.Panel(
        drawn(network.decision_layers),
        {"terms": panel.TERMS, "layer": LAYER},
        fits=panel.needs(LayeredNetwork),
        opens=_ENTROPIES_OPEN,
    ),
    "cuts": panel.Panel(
        drawn(network.cuts), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES_OPEN
    ),
    "mutual": panel.Panel(
        drawn(network.mutual), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES_OPEN
    ),
    "poolings": panel.Panel(
        drawn(network.poolings), fits=panel.needs(LayeredNetwork), opens=_ENTROPIES_OPEN
    ),
}


def can_follow(study: Study) -> bool:
    """Return whether the model's circuit has angles that can be set, and is shown on the Circuit page."""
    return study.model.part(Circuit) is not None and bool(angle_names(study.model))


ANGLE = params.SelectParam(
    "angle",
    "Angle",
    "The one whose smallest turn changes the decision is shown.",
    "The angle of one gate, or one that the gates of a layer share, by its name in edits.",
    lambda study: angle_names(study.model),
    checked=False,
    fits=can_follow,
)
FOLD = params.SwitchParam(
    "table.angle",
    "Score against one angle",
    "It stays folded.",
    fits=panel.needs(EditableCircuit, where=can_follow),
)
ANGLE_CONTROLS = (ANGLE, FOLD)


def _is_open(view: page_state.PageState) -> bool:
    if view.has_part(EditableCircuit):
        return FOLD.opens(view)
    return view.get("part") == "Sensitivity"


def _fits(sample: Any, **_: Any) -> bool:
    return can_follow(sample.study)


ANGLE_PANELS = {
    "angle": panel.Panel(drawn(flips.angle), {"angle": ANGLE}, fits=_fits, opens=_is_open)
}
