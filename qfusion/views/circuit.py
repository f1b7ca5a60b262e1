"""The drawing of a circuit with every qubit's state in place, and its distance from the exact evolution."""

from collections import Counter
from typing import Literal

import numpy as np
import pandas as pd
import torch

from qfusion._checks import choose
from qfusion._sentences import count, listed
from qfusion.analysis import sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.figures import (
    circuit_charts,
    circuit_diagram,
    circuit_replay,
    qubit_displays,
    style,
)
from qfusion.figures.followed_series import decision_meta
from qfusion.models.protocols import Evolution, GateCircuit
from qfusion.quantum.states import partial_trace
from qfusion.quantum.statevector import Cone
from qfusion.views import View, alt_text
from qfusion.views.gate_replays import (
    EACH,
    NONE,
    SPLITS,
    STEPS,
    Split,
    describe_inert_fusion,
    gate_index,
    qubit_table,
    replay,
    sample_light_cone,
    step_circuit,
)
from qfusion.wording.circuits import describe_step_error
from qfusion.wording.samples import cite_sample, format_probability

LEAST_UNIT = 24.0  # pixels between neighbouring wires
TALLEST = 488.0  # pixels of all wires together
DISCS = "at the scrubber"  # no displays between gates
DISPLAYS = (DISCS, *qubit_displays.KINDS)
_SHOWN = {
    DISCS: "A disc is the current state of a qubit. Its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, blue or "
    "vermillion if ⟨Y⟩ is not 0; a short needle is a mixed state.",
    qubit_displays.KINDS[
        0
    ]: "After each column, the filled part of a frame is the probability that its qubit reads 1.",
    qubit_displays.KINDS[
        1
    ]: "After each column, three bars from the middle of a frame are ⟨X⟩, ⟨Y⟩ and ⟨Z⟩ of its qubit.",
    qubit_displays.KINDS[
        2
    ]: "After each column, the filled part of a frame is its qubit's purity, from 1/2 to 1.",
}


def circuit(
    sample: Sample,
    *,
    gate: int | None = None,
    steps: int = STEPS,
    gates: Split = EACH,
    cone: str = NONE,
    display: Literal[
        "at the scrubber", "probability of 1", "Bloch vector", "purity"
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
    rows = np.ptp([wire.y for wire in walk.wires]) + 2 * circuit_diagram.EDGE
    choose("Display", display, DISPLAYS)
    size = f"{count(walk.count, 'gate')} on {count(len(walk.wires), 'qubit')}"
    whole = drawn[-1].last == walk.count  # else the end of the circuit is not in the drawing
    likely, when = ends(sample, walk) if whole else ({}, "")
    if seen is not None:
        drawn = walk.grey_outside(drawn, seen)
        title = describe_cone(cone, seen.count, walk.count, len(seen.qubits), len(walk.wires))
    elif sample.model.part(Evolution):
        built = step_circuit(sample, steps, gates)
        title = (
            f"One step of dt = {built.dt:.3g} is {count(len(built.gates), 'gate')} on "
            f"{count(len(built.wires), 'qubit')}"
        )
        again = "The step is repeated until T." if steps > 1 else "This step fills T."
        every = tuple(range(len(walk.wires)))
        column = 1 + max(box.column for box in drawn)
        drawn = (
            *drawn,
            circuit_diagram.Box(f"×{steps}", column, every, walk.count + 1, walk.count, again),
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
    figure = circuit_diagram.diagram(
        drawn,
        walk.wires,
        at,
        walk.bloch[at],
        walk.entropy[at],
        unit=min(largest_unit, max(LEAST_UNIT, TALLEST / rows)),
        between=walk.column_states(at),
        display="" if display == DISCS else display,
        ends=likely,
        decision=decision(sample),
    )
    if display == DISCS:
        names = [style.label(name, 12) for name in sample.study.classes]
        figure.update_traces(meta=decision_meta(names), selector={"name": "decision"})
    else:  # states between gates do not follow an angle
        figure.update_traces(meta=None)
    shows = f"every operation in order; later operations are faint. {_SHOWN[display]}"
    if likely:
        shows += f" At the ends of wires, the probabilities that their qubits read 1 {when}, then the decision."
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
        limits=f"correlations between qubits, since each qubit is drawn separately.{describe_inert_fusion(sample)}",
        table=qubit_table(walk, at) if seen is None else _list_gates(walk, seen),
        alternative=f"Circuit of {walk.count} gates; {at} are done. The table below lists them.",
    )


def _list_gates(walk: circuit_replay.Replay, seen: Cone[int]) -> pd.DataFrame:
    """Return the gates with their qubits, and whether each lies in a light cone."""
    return pd.DataFrame(
        [
            {"gate": n, "name": name, "qubits": ", ".join(wires), "in_cone": inside}
            for n, ((name, wires, *_), inside) in enumerate(
                zip(walk.gates, seen.inside, strict=True), 1
            )
        ]
    )


def ends(sample: Sample, walk: circuit_replay.Replay) -> tuple[dict[int, float], str]:
    """Return the probability that each remaining qubit reads 1, by its place in the drawing, and the time of this
    reading. The time is T if the circuit is a step of an evolution, and otherwise the end of the circuit.
    """
    if not sample.model.part(Evolution):
        return {row: float(1 - walk.bloch[-1][row, 2]) / 2 for row in walk.followed}, "at the end"
    likely: list[float] = []
    last = torch.as_tensor(sample.track().rho[-1])
    for place, d in enumerate(sample.model.dims):
        levels = np.real(np.diag(partial_trace(last, sample.model.dims, (place,)).numpy()))
        n = (d - 1).bit_length()
        bits = np.arange(d)[:, None] >> np.arange(n)[::-1] & 1  # the first qubit leftmost
        likely += np.clip(levels @ bits, 0, 1).tolist()
    return dict(enumerate(likely)), "at T"


def decision(sample: Sample) -> tuple[str, str]:
    """Return the class with its softmax, or the score, on two lines.

    And for the pointer the log-odds of every class.
    """
    names = sample.study.classes
    scores = sample.scores
    if not names:
        return f"<b>score</b><br>{scores[0]:+z.2f}", f"score {scores[0]:+z.4f}"
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
    steps: int = STEPS,
    gates: Split = EACH,
) -> View:
    """How far the circuit of a model with time ends from its evolution, against the step; as of `circuit`."""
    built = step_circuit(sample, steps, gates)
    sizes, one, every = sample_circuits.step_errors(
        sample.study, sample.row, SPLITS[gates], sample.tweak
    )
    errors = alt_text.list_numbers([f"dt {dt:.2g}" for dt in sizes], every, ".2g")
    return View(
        circuit_charts.step_error(sizes, one, every, built.dt),
        f"Trotter error at this step: trace distance {built.error.all:.2g}",
        caption="trace distance between the circuit's state and the exact evolution without steps, which decreases "
        f"with dt. {describe_step_error(built.error)}{cite_sample(sample)}",
        limits="device noise: the circuit is computed exactly.",
        table=pd.DataFrame({"dt": sizes, "after_one_step": one, "after_all_steps": every}),
        alternative=f"Error against the step dt: {errors} after all steps.",
    )
