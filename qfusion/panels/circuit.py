"""Panels and choices of the Circuit page, and the distance of a circuit from the exact evolution."""

import pandas as pd

from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.figures import circuit_charts, style
from qfusion.models.protocols import Circuit, EditableCircuit, Evolution, GateCircuit, TruthTables
from qfusion.panels import panel, params
from qfusion.panels.circuit_layers import layer_values
from qfusion.panels.circuit_panel import DISPLAYS, diagram
from qfusion.panels.gate_replays import (
    EACH,
    MAX_GATES,
    MAX_STEPS,
    NONE,
    SPLITS,
    STEPS,
    fits_joint_display,
    has_begun,
    step_circuit,
)
from qfusion.panels.qubit_panels import (
    balls,
    entropies,
    information,
    matrix,
    outcomes,
    qubits,
    shares,
)
from qfusion.views import alt_text
from qfusion.wording.circuits import describe_step_error
from qfusion.wording.samples import cite_sample

# How qubits are drawn.
PLANE = "X–Z plane"
BALLS = "Bloch balls"


def step_error(
    sample: Sample, theme: style.Theme = "light", *, steps: int = STEPS, gates: str = EACH
) -> panel.PanelFigure:
    """Draw how far the circuit of a model with time ends from its evolution, against the step; as of `diagram`."""
    built = step_circuit(sample, steps, gates)
    sizes, one, every = sample_circuits.step_errors(
        sample.study, sample.row, SPLITS[gates], sample.tweak
    )
    alt = (
        f"Error against the step dt: {alt_text.list_numbers([f'dt {dt:.2g}' for dt in sizes], every, '.2g')} after "
        "all "
        "steps."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({"dt": sizes, "after_one_step": one, "after_all_steps": every})

    return panel.PanelFigure(
        "step-error",
        f"Trotter error at this step: trace distance {built.error.all:.2g}",
        circuit_charts.step_error(sizes, one, every, built.dt, theme=theme),
        shows="trace distance between the circuit's state and the exact evolution without steps, which "
        "decreases with dt. " + describe_step_error(built.error) + cite_sample(sample),
        not_shown="device noise: the circuit is computed exactly.",
        alt=alt,
        table=table,
    )


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
        diagram,
        {**_AT, "cone": CONE, "display": DISPLAY},
        fits=_DRAWN,
        opens=_REPLAY,
    ),
    "qubits": panel.Panel(
        qubits, _AT, fits=has_begun, opens=panel.all_open(_REPLAY, QUBITS_AS.is_one_of(PLANE))
    ),
    "bloch-gates": panel.Panel(
        balls, _AT, fits=has_begun, opens=panel.all_open(_REPLAY, QUBITS_AS.is_one_of(BALLS))
    ),
    "before-after": panel.Panel(outcomes, _AT, fits=fits_joint_display, opens=_REPLAY),
    "matrix-after": panel.Panel(matrix, _AT, fits=fits_joint_display, opens=_REPLAY),
    "entropy-gates": panel.Panel(entropies, _AT, fits=_DRAWN, opens=_ENTROPIES),
    "layer-shapley": panel.Panel(
        layer_values,
        fits=panel.needs(EditableCircuit),
        opens=LAYERS_SWITCH.opens,
    ),
    "mutual-gates": panel.Panel(information, {"gate": GATE}, fits=shares),
    "step-error": panel.Panel(step_error, _STEPS, fits=_STEPPED),
}
