"""What a page shows of a sample for every value that the slider of one angle takes.

The values are those of trigonometric polynomials from a few evaluations, see `explain.angle_response`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._memory_cache import memo
from qfusion.analysis import sample_circuits
from qfusion.analysis.interpolation import COUNTS, Interpolation, interpolate, raise_if_stopped
from qfusion.analysis.sample import Sample
from qfusion.explain import angle_response
from qfusion.explain.angle_response import AngleResponse
from qfusion.models.network import gate_angles, qcnn
from qfusion.models.protocols import TruthTables
from qfusion.quantum import measures
from qfusion.quantum.circuits import fit_polynomial
from qfusion.simulate import gate_replay

METRIC_STEP = 4  # test metrics are computed at every fourth value of a slider
STATE_COUNTS = (*COUNTS, 129)  # of values of entropies, which cost no run of the circuit


@dataclass(frozen=True)
class AngleSlider:
    """The slider of one angle.

    Attributes:
        name: of the angle, see `explain.angle_response.angle_names`.
        low, high: its ends, in radians. count: of its values.
    """

    name: str
    low: float
    high: float
    count: int

    @property
    def values(self) -> np.ndarray:
        """Every value of the slider, (count,) radians."""
        return np.linspace(self.low, self.high, self.count)


@memo(64)
def score_table(sample: Sample, slider: AngleSlider) -> np.ndarray:
    """Return the scores of a sample for every value of a slider, (count, C)."""
    response = _response(sample, slider.name, np.array([sample.row]), with_terms=False)
    return response.values(slider.values)[:, 0]


@memo(64)
def dividend_table(sample: Sample, slider: AngleSlider) -> np.ndarray:
    """Return the contributions to the explained score for every value of a slider, (count, 2^M)."""
    response = _response(sample, slider.name, np.array([sample.row]), with_terms=True)
    return response.dividends(slider.values)[:, 0, :, sample.output]


@memo(32)
def metric_table(sample: Sample, slider: AngleSlider) -> dict[str, np.ndarray]:
    """Return the test metrics for every fourth value of a slider, by name."""
    rows = sample.dataset.rows("test")
    scores = _response(sample, slider.name, rows, with_terms=False).values(
        slider.values[::METRIC_STEP]
    )
    results = [sample.study.split_metrics(entry) for entry in scores]
    return {name: np.array([entry[name] for entry in results]) for name in results[0]}


@memo(32)
@torch.no_grad()
def state_curves(sample: Sample, slider: AngleSlider, gate: int) -> Interpolation:
    """Return the qubits of a sample's circuit against one angle.

    Args:
        sample: of a model whose angles can be set. gate: so many gates are done, one at least.

    Returns:
        `ends`: probability that each qubit reads 1 at the end, (Q,); of a network, each fused qubit.
        `states`: Bloch vectors of each qubit after the gate and before it, (Q, 6), and `outcomes`: probabilities of the
            outcomes of the gate's qubits before and after it, (2, D). Not of an angle of the network, which many gates
            share.
        `entropies`: of each qubit after every gate, (Q, G + 1) nats, of plain gates.
    """
    space: Any = sample.study.space
    name, shapes = slider.name, {}
    is_table = sample.model.part(TruthTables) is not None and gate_angles.network_part(name) is None
    observables: Any = _end_observables(sample.model) if is_table else None

    def evaluate(angle: float) -> np.ndarray:
        raise_if_stopped()
        model: Any = gate_angles.with_angle(sample.model, name, angle)
        if not model.part(TruthTables):
            parts = _plain_states(sample, model, gate)
        else:
            fused = model.fuse(space.named_masses([sample.row]))[0]
            z = qcnn.evaluate(observables if is_table else _end_observables(model), fused)[0]
            parts = {"ends": (1 - z.numpy()) / 2}
            if is_table:
                theta = space.theta(sample.row)
                parts |= _gate_states(gate_replay.replay_fusion(model, theta, gate), gate)
        shapes.update({key: part.shape for key, part in parts.items()})
        return np.concatenate([part.reshape(-1) for part in parts.values()])

    # the qubits that an entry of a table is read by turn by half of its angle
    frequencies = (0.5, 1.0) if is_table else gate_angles.angle_frequencies(sample.model, name)
    polynomial, _ = fit_polynomial(evaluate, frequencies)
    splits = np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1]

    def at(angle: float) -> dict[str, np.ndarray]:
        parts = np.split(polynomial(np.array([angle]))[0], splits)
        values = {
            key: part.reshape(shape)
            for (key, shape), part in zip(shapes.items(), parts, strict=True)
        }
        if "bloch" in values:
            values["entropies"] = measures.qubit_entropy(values.pop("bloch")).T
        return values

    return interpolate(at, slider.low, slider.high, counts=STATE_COUNTS)


@memo(32)
def shared_curves(sample: Sample, slider: AngleSlider) -> Interpolation:
    """Return the `shared` mutual information of the registers of plain gates against one angle, (pairs, G + 1) nats."""
    states = sample_circuits.encoded_states(sample.study, sample.row)

    def at(angle: float) -> dict[str, np.ndarray]:
        model: Any = gate_angles.with_angle(sample.model, slider.name, angle)
        shared = gate_replay.register_information(model.gates(states), model.registers())
        return {"shared": np.stack(list(shared.values()))}

    return interpolate(at, slider.low, slider.high)


def _plain_states(sample: Sample, model: Any, gate: int) -> dict[str, np.ndarray]:
    states = sample_circuits.encoded_states(sample.study, sample.row)
    replay = gate_replay.replay_gates(model.gates(states), model.registers())
    ends = (1 - replay.bloch[-1, :, 2]) / 2
    return {"ends": ends, **_gate_states(replay, gate), "bloch": replay.bloch}


def _gate_states(replay: Any, gate: int) -> dict[str, np.ndarray]:
    moment = replay.moments[gate - 1]
    outcomes = [np.real(np.diag(rho)) for rho in (moment.before, moment.after)]
    vectors = np.concatenate([replay.bloch[gate], replay.bloch[gate - 1]], 1)
    return {"states": vectors, "outcomes": np.stack(outcomes)}


def _end_observables(model: Any) -> torch.Tensor:
    """Return the observables of Z of every fused qubit at the end of a network."""
    n = model.elements
    bits = np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1  # the first qubit leftmost
    return sample_circuits.value_observables(model, torch.from_numpy(1.0 - 2 * bits))


def _response(sample: Sample, name: str, rows: np.ndarray, *, with_terms: bool) -> AngleResponse:
    study: Any = sample.study
    background = sample.background if with_terms else None
    return angle_response.angle_response(sample.model, study.inputs(rows), name, background)
