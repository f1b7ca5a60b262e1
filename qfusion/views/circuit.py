"""The circuit of a sample's model with the sample in it: gate by gate, and beside the exact evolution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion._sentences import count, listed, true_minus
from qfusion.figures import style
from qfusion.figures.circuits import boxes, charts, diagram
from qfusion.figures.circuits.qubits import KINDS
from qfusion.figures.lines import decision_meta
from qfusion.models.protocols import Circuit, Evolution, GateCircuit, TruthTables
from qfusion.quantum.states import partial_trace
from qfusion.quantum.statevector import Cone, light_cone
from qfusion.study import circuits, text
from qfusion.study.sample import Sample
from qfusion.views.pages.choices import HAS_CIRCUIT, needs
from qfusion.views.pages.params import NumberParam, SelectParam, whole_number
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.names import INERT
from qfusion.views.words.rules import cite_sample, format_probability

if TYPE_CHECKING:
    from qfusion.simulate.step_circuit import StepError, StepGate


STEPS = 20
MAX_STEPS = 1000
MAX_GATES = 20_000
PURE = 1e-6  # entropies, distances and gaps below it are rounding
Split = Literal["one per coupling", "all of H in one"]
EACH: Split = "one per coupling"
SPLITS: dict[str, str] = {EACH: "terms", "all of H in one": "whole"}
NONE = "none"  # no light cone


GATE = NumberParam(
    "gate",
    "Step through gates",
    "The end of the circuit is shown.",
    "Arrow keys move by one gate. Click a gate of the drawing to go to it.",
    high=MAX_GATES,
    whole=True,
    look="slider",
    fits=HAS_CIRCUIT,
)
Gate = Annotated[int | None, GATE]

STEP_COUNT = SelectParam(
    "steps",
    "Time steps",
    "20 is used.",
    "Number of steps dt within the duration T.",
    ("2", "4", "5", "8", "10", "16", "20", "32", "50", "64"),
    default="20",
    look="steps",
    meanings=whole_number("steps", 1, MAX_STEPS),
    fits=needs(Circuit, Evolution),
)
StepCount = Annotated[int, STEP_COUNT]

GATES_OF_H = SelectParam(
    "gates",
    "Gates of H",
    "One gate per coupling is used.",
    values=SPLITS,
    fits=needs(Circuit, Evolution),
)
GatesOfH = Annotated[Split, GATES_OF_H]

CONE = SelectParam(
    "cone",
    "Light cone of",
    "No gate is greyed out.",
    "Gates that cannot affect this read-out are grey.",
    lambda study: (NONE, *study.backend.readouts()),
    fits=needs(Circuit, where=lambda study: study.backend.readouts()),
)


def step_circuit(sample: Sample, steps: int = STEPS, gates: str = EACH) -> Any:
    """Return one step of the evolution of a model with time, as a PennyLane circuit."""
    return circuits.circuit(
        sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
    )


def replay(sample: Sample, steps: int = STEPS, gates: str = EACH) -> charts.Replay:
    """Return every qubit before the first and after every gate."""
    sample.model.require(Circuit)
    if sample.study.model.part(Evolution):
        return boxes.step_replay(
            sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
        )
    return boxes.replay(sample.study, sample.row, sample.tweak)


def _step_duration(sample: Sample, steps: int, gates: str) -> tuple[float, str]:
    sample.model.require(Evolution)
    check(
        1 <= steps <= MAX_STEPS, f"Argument `steps` must be from 1 to {MAX_STEPS}, but is {steps}."
    )
    return float(sample.model.duration) / steps, SPLITS[choose("Gates", gates, SPLITS)]


def sample_light_cone(sample: Sample, readout: str) -> Cone[int]:
    """Return the gates that a read-out depends on, and the qubits; by places in the replay.

    Args:
        sample: of a model whose circuit is no step of an evolution. readout: of `readouts` of its work.
    """
    steps = replay(sample)
    known = sample.study.backend.readouts()
    check(
        bool(known),
        "The gates of one step of an evolution all act on what is read: they have no light cone.",
    )
    read = known[choose("Read-out", readout, known)]
    return light_cone(
        steps.steps, [place for place, wire in enumerate(steps.wires) if wire.name in read]
    )


def describe_inert_fusion(sample: Sample) -> str:
    """Return the sentence that the decision does not depend on the entanglement of the fusion."""
    return f" {INERT}" if sample.model.part(TruthTables) else ""


def gate_index(walk: charts.Replay, gate: int | None) -> int:
    """Return the number of gates that are done: `gate`, or all of them for None."""
    return walk.count if gate is None else min(gate, walk.count)


def path_so_far(
    sample: Sample, gate: int | None, steps: int, gates: str
) -> tuple[charts.Replay, int, list[int], list[str]]:
    """Return the replay, the number of gates that are done, and the rows and names of the qubits that go to the end."""
    walk = replay(sample, steps, gates)
    at = gate_index(walk, gate)
    rows = list(walk.followed)
    check(at > 0, "Before the first gate every qubit is |0⟩. Choose `gate` from 1 on.")
    return walk, at, rows, [walk.wires[row].name for row in rows]


def describe_too_many_qubits(sample: Sample) -> str:
    """Return the sentence that is shown in place of the joint state of many qubits."""
    elsewhere = "; see the State view of the Dynamics page" if sample.model.part(Evolution) else ""
    return f"The joint state of this gate is not shown, since it acts on more than four qubits{elsewhere}."


def gate_states(
    sample: Sample, gate: int | None, steps: int, gates: str
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[float, float] | None]:
    """Return the qubits that a gate concerns, their state before and after it, and their mutual information."""
    walk, at, *_ = path_so_far(sample, gate, steps, gates)
    moment = walk.moments[at - 1]
    check(bool(moment[0]), describe_too_many_qubits(sample))
    return moment


def qubit_table(walk: charts.Replay, at: int) -> pd.DataFrame:
    """Return Bloch vector, probability of 1 and entropy of every qubit at a place of the replay."""
    x, y, z = walk.bloch[at].T
    return pd.DataFrame(
        {
            "qubit": [wire.name for wire in walk.wires],
            "X": x,
            "Y": y,
            "Z": z,
            "reads_1": (1 - z) / 2,
            "entropy": walk.entropy[at],
        }
    )


LEAST_UNIT = 24.0  # pixels between neighbouring wires
TALLEST = 490.0  # pixels of all wires together
DISCS = "at the scrubber"  # no displays between gates
DISPLAYS = (DISCS, *KINDS)
DISPLAY = SelectParam(
    "display",
    "States of the qubits",
    "Discs at the scrubber are shown.",
    "At the scrubber, or after every column.",
    DISPLAYS,
    fits=HAS_CIRCUIT,
)
_SHOWN = {
    DISCS: "A disc is the current state of a qubit. Its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, in the colour of the "
    "qubit's modality; it is short where the state is mixed or ⟨Y⟩ is not 0.",
    KINDS[
        0
    ]: "After each column, the filled part of a frame is the probability that its qubit reads 1.",
    KINDS[
        1
    ]: "After each column, three bars from the middle of a frame are ⟨X⟩, ⟨Y⟩ and ⟨Z⟩ of its qubit.",
    KINDS[2]: "After each column, the filled part of a frame is its qubit's purity, from 1/2 to 1.",
}


def circuit(
    sample: Sample,
    *,
    gate: Gate = None,
    steps: StepCount = STEPS,
    gates: GatesOfH = EACH,
    cone: Annotated[str, CONE] = NONE,
    display: Annotated[
        Literal["at the scrubber", "probability of 1", "Bloch vector", "purity"], DISPLAY
    ] = "at the scrubber",
) -> View:
    """The circuit with every qubit's state in place.

    Args:
        sample: a sample of a model that can be drawn as gates.
        gate: so many gates are done; all by default.
        steps: so many fill T.
        gates: of H in a step.
        cone: a read-out, whose light cone is drawn: what lies outside is grey; "none" for all alike.
        display: "at the scrubber" for discs there, or what stands after every column.
    """
    walk = replay(sample, steps, gates)
    at = gate_index(walk, gate)
    drawn = walk.visible_boxes(at)
    seen = sample_light_cone(sample, cone) if cone != NONE else None
    rows = np.ptp([wire.y for wire in walk.wires]) + 2 * diagram.EDGE
    choose("Display", display, DISPLAYS)
    size = f"{count(walk.count, 'gate')} on {count(len(walk.wires), 'qubit')}"
    whole = drawn[-1].last == walk.count  # else the end of the circuit is not in the drawing
    read = at if display == DISCS else walk.count
    likely, when = probabilities_of_one(sample, walk, read) if whole else ({}, "")
    if seen is not None:
        drawn = walk.grey_outside(drawn, seen)
        title = describe_cone(cone, seen.count, walk.count, len(seen.qubits), len(walk.wires))
    elif sample.model.part(Evolution):
        built = step_circuit(sample, steps, gates)
        title = (
            f"One step of dt = {built.dt:.3g} is {count(len(built.gates), 'gate')} on "
            f"{count(len(built.wires), 'qubit')}{_describe_meeting(built.gates)}"
        )
        again = "The step is repeated until T." if steps > 1 else "This step fills T."
        every = tuple(range(len(walk.wires)))
        column = 1 + max(box.column for box in drawn)
        drawn = (
            *drawn,
            diagram.Box(f"×{steps}", column, every, walk.count + 1, walk.count, again),
        )
    elif sample.model.part(GateCircuit):
        counts = Counter(name for name, *_ in walk.gates)
        title = f"{size}: {', '.join(f'{number} {name}' for name, number in counts.items())}"
    else:
        convolutions = sum(box.name.startswith("C") for box in walk.boxes)
        poolings = sum(box.name.startswith("M|") for box in walk.boxes)
        title = (
            f"{size}: encode, fuse, then {count(convolutions, 'convolution')} and "
            f"{count(poolings, 'pooling')}"
        )
    largest_unit = 60 if sample.model.part(Evolution) else 58
    figure = diagram.diagram(
        drawn,
        walk.wires,
        at,
        walk.bloch[at],
        walk.entropy[at],
        unit=min(largest_unit, max(LEAST_UNIT, TALLEST / rows)),
        between=walk.column_states(at),
        display="" if display == DISCS else display,
        ends=likely,
        when=when,
        decision=(*decision(sample), _describe_end(sample)),
    )
    if display == DISCS:
        names = [style.label(name, 12) for name in sample.study.classes]
        figure.update_traces(meta=decision_meta(names), selector={"name": "decision"})
    else:  # states between gates do not follow an angle
        figure.update_traces(meta=None)
    shows = f"every operation in order; later operations are faint. {_SHOWN[display]}"
    if likely:
        shows += (
            f" At the ends of wires, the probabilities that their qubits read 1 {when}, then the decision "
            f"{_describe_end(sample)}."
        )
    if seen is not None:
        shows += f" Grey: gates that cannot change ⟨Z⟩ of {text.escape_markdown(cone)}."
    if len(drawn) < len(walk.boxes):
        first = drawn[0].first
        last = max(box.last for box in drawn)
        shows += f" Gates {first} to {last} are drawn; the others follow the scrubber."
    return View(
        figure,
        title,
        caption=f"{shows}{_describe_unused_states(sample)}{cite_sample(sample)}",
        limits="Does not show correlations between qubits, since each qubit is drawn "
        f"separately.{describe_inert_fusion(sample)}",
        table=qubit_table(walk, at) if seen is None else _list_gates(walk, seen),
        alternative=f"Circuit of {walk.count} gates; {at} are done. The table below lists them.",
    )


def _describe_meeting(gates: Sequence[StepGate]) -> str:
    """Return which gate of H is the first to act on several modalities, as the end of a title; empty if none does."""
    for number, gate in enumerate(gates, 1):
        if gate.kind == "unitary" and len(gate.modalities) > 1:
            return f"; modalities first meet in gate {number}, {text.escape_markdown(gate.label)}"
    return ""


def _list_gates(walk: charts.Replay, seen: Cone[int]) -> pd.DataFrame:
    """Return the gates with their qubits, and whether each lies in a light cone."""
    return pd.DataFrame(
        [
            {"gate": n, "name": name, "qubits": ", ".join(wires), "in_cone": inside}
            for n, ((name, wires, *_), inside) in enumerate(
                zip(walk.gates, seen.inside, strict=True), 1
            )
        ]
    )


def _describe_end(sample: Sample) -> str:
    """Return when the decision is read: at T if the circuit is a step of an evolution."""
    return "at T" if sample.model.part(Evolution) else "at the end"


def probabilities_of_one(
    sample: Sample, walk: charts.Replay, at: int
) -> tuple[dict[int, float], str]:
    """Return the probability that each remaining qubit reads 1 when so many gates are done, by its place in the
    drawing, and the time of this reading. After all gates the time is T if the circuit is a step of an evolution.
    """
    if at < walk.count or not sample.model.part(Evolution):
        if at == walk.count:
            when = _describe_end(sample)
        else:
            when = f"after gate {at}" if at else "before the first gate"
        return {row: float(1 - walk.bloch[at][row, 2]) / 2 for row in walk.followed}, when
    likely: list[float] = []
    last = torch.as_tensor(sample.track().rho[-1])
    for place, d in enumerate(sample.model.dims):
        levels = np.real(np.diag(partial_trace(last, sample.model.dims, (place,)).numpy()))
        n = (d - 1).bit_length()
        bits = np.arange(d)[:, None] >> np.arange(n)[::-1] & 1  # the first qubit leftmost
        likely += np.clip(levels @ bits, 0, 1).tolist()
    return dict(enumerate(likely)), _describe_end(sample)


def decision(sample: Sample) -> tuple[str, str]:
    """Return the class with its softmax, or the score, on two lines.

    And for the pointer the log-odds of every class.
    """
    names = sample.study.classes
    scores = sample.scores
    if not names:
        return true_minus(f"<b>score</b><br>{scores[0]:+z.2f}"), f"score {scores[0]:+z.4f}"
    c = int(np.argmax(scores))
    lines = [
        f"{style.label(name)}: log-odds {value:+.3f}, softmax {format_probability(share)}"
        for name, value, share in zip(names, scores, sample.probabilities, strict=True)
    ]
    return (
        f"<b>{style.label(names[c], 12)}</b><br>{format_probability(sample.probabilities[c])}",
        "<br>".join(lines[:20]),
    )


def _describe_unused_states(sample: Sample) -> str:
    """Return which modalities have fewer levels than their qubits have states."""
    if sample.model.part(Evolution):
        fewer = [
            f"{d} levels of {text.escape_markdown(name)}"
            for name, d in zip(sample.modalities, sample.model.dims, strict=True)
            if d & (d - 1)
        ]
    else:
        fewer = []
    if fewer:
        return f" The {listed(fewer)} are the first states of their qubits; the others are never reached."
    return ""


def describe_cone(readout: str, gates: int, all_gates: int, qubits: int, all_qubits: int) -> str:
    """Describe the dependence of a read-out: its light cone holds everything that may change it, but not everything
    in the cone does.
    """
    return (
        f"{text.escape_markdown(readout)} can depend on {gates:,} of {count(all_gates, 'gate')} and {qubits:,} of "
        f"{count(all_qubits, 'qubit')}"
    )


def step_error(
    sample: Sample,
    *,
    steps: StepCount = STEPS,
    gates: GatesOfH = EACH,
) -> View:
    """How far the circuit of a model with time ends from its evolution, against the step; as of `circuit`."""
    built = step_circuit(sample, steps, gates)
    sizes, one, every = circuits.step_errors(sample.study, sample.row, SPLITS[gates], sample.tweak)
    errors = rules.list_numbers([f"dt {dt:.2g}" for dt in sizes], every, ".2g")
    return View(
        charts.step_error(sizes, one, every, built.dt),
        f"Trotter error at this step: trace distance {built.error.all:.2g}",
        caption="trace distance between the circuit's state and the exact evolution without steps, which decreases "
        f"with dt. {describe_step_error(built.error)}{cite_sample(sample)}",
        limits="The circuit is computed exactly, without device noise.",
        table=pd.DataFrame({"dt": sizes, "after_one_step": one, "after_all_steps": every}),
        alternative=f"Error against the step dt: {errors} after all steps.",
    )


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
