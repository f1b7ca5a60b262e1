"""The circuit of a sample's model with the sample in it, gate by gate."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.figures import circuit_boxes, circuit_replay
from qfusion.models.protocols import Circuit, Evolution, TruthTables
from qfusion.quantum.statevector import Cone, light_cone
from qfusion.wording.evidence import INERT

STEPS = 20
MAX_STEPS = 1000
MAX_GATES = 20_000
PURE = 1e-6  # entropies, distances and gaps below it are rounding
Split = Literal["one per coupling", "all of H in one"]
EACH: Split = "one per coupling"
SPLITS: dict[str, str] = {EACH: "terms", "all of H in one": "whole"}
NONE = "none"  # no light cone


def step_circuit(sample: Sample, steps: int = STEPS, gates: str = EACH) -> Any:
    """Return one step of the evolution of a model with time, as a PennyLane circuit."""
    return sample_circuits.circuit(
        sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
    )


def replay(sample: Sample, steps: int = STEPS, gates: str = EACH) -> circuit_replay.Replay:
    """Return every qubit before the first and after every gate."""
    sample.model.require(Circuit)
    if sample.study.model.part(Evolution):
        return circuit_boxes.step_replay(
            sample.study, sample.row, *_step_duration(sample, steps, gates), sample.tweak
        )
    return circuit_boxes.replay(sample.study, sample.row, sample.tweak)


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
    known = sample.study.space.readouts()
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


def gate_index(walk: circuit_replay.Replay, gate: int | None) -> int:
    """Return the number of gates that are done: `gate`, or all of them for None."""
    return walk.count if gate is None else min(gate, walk.count)


def path_so_far(
    sample: Sample, gate: int | None, steps: int, gates: str
) -> tuple[circuit_replay.Replay, int, list[int], list[str]]:
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


def qubit_table(walk: circuit_replay.Replay, at: int) -> pd.DataFrame:
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
