"""One sample's score and contributions along one angle of the circuit, over a full period.

A page with a slider for an angle gets the same for every value that the slider takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from qfusion._memory_cache import memo
from qfusion.explain import angle_response
from qfusion.explain.angle_response import AngleResponse
from qfusion.models.network import gate_angles, qcnn, truth_tables
from qfusion.models.protocols import TruthTables
from qfusion.models.terms import decision
from qfusion.quantum import measures
from qfusion.quantum.circuits import fit_polynomial
from qfusion.simulate import gate_replay
from qfusion.study import circuits, what_if
from qfusion.study.jobs import Task
from qfusion.study.sample import Sample
from qfusion.study.sliders import COUNTS, Interpolation, interpolate, raise_if_stopped
from qfusion.study.study import Study
from qfusion.study.what_if import own_states

POINTS = 181  # of a curve
GRID = {
    True: 1441,
    False: 181,
}  # angles at which decisions are compared, by whether scores are polynomials

# Frequencies times modalities times coalitions up to which contributions are computed: some seconds.
MOST_COALITIONS = 100


@dataclass(frozen=True, eq=False)
class AngleCurve:
    """The explained score of one sample, and its terms, along one angle.

    Attributes:
        name: of the angle. gate: name of its gate, of a circuit of a user's own; else empty.
        angles: in radians, ascending, (A,).
        scores: the explained one, (A,). dividends: by coalition, (A,) each; "" is the baseline;
            none where they would take long, see `MOST_COALITIONS`.
        present, learned: the angle now and as learned, brought into the range of `angles` by whole periods.
        present_score: the explained score now.
        flips: angles at which the decision changes, ascending, (F,). decided: the decision between them and at both
            ends, F + 1: numbers of classes, or 1 for a positive score.
        frequencies: per radian. evaluations: of the model. is_linear: see `AngleResponse`.
        has_period: whether the curve is one whole period.
    """

    name: str
    gate: str
    angles: np.ndarray
    scores: np.ndarray
    dividends: dict[str, np.ndarray]
    present: float
    learned: float
    present_score: float
    flips: np.ndarray
    decided: tuple[int, ...]
    frequencies: tuple[float, ...]
    evaluations: int
    is_linear: bool
    has_period: bool

    @property
    def nearest_flip(self) -> float | None:
        """Return the angle at which the decision changes that is nearest to the present one; None without any."""
        if not len(self.flips):
            return None
        return float(self.flips[int(np.argmin(np.abs(self.distances)))])

    @property
    def distances(self) -> np.ndarray:
        """Return the turns from the present angle to the flips, (F,) radians: the short way round where it is one."""
        turns = self.flips - self.present
        if self.has_period:
            period = self.angles[-1] - self.angles[0]
            turns = (turns + period / 2) % period - period / 2
        return np.asarray(turns)

    def frame(self) -> pd.DataFrame:
        """Return one row an angle: the score and its terms."""
        terms = {
            f"dividend[{name or 'baseline'}]": values for name, values in self.dividends.items()
        }
        return pd.DataFrame({"angle_rad": self.angles, "score": self.scores, **terms})


@memo(32, task=Task.FOLLOW_ANGLE)
def angle_curve(study: Study, row: int, output: int, tweak: Any, name: str) -> AngleCurve:
    """Return the explained score of a sample along one angle, all other angles as they are.

    Args:
        study: of a model whose angles can be set. row: of the sample. output: number of the explained score.
        tweak: edits of the model. name: of the angle, see `explain.angle_response.angle_names`.

    Raises:
        InvalidInput, NotFound: see `explain.angle_response.angle_response`.
    """
    model = study.model.tweaked(tweak) if str(tweak) else study.model
    inputs = study.inputs([row])
    M = len(study.modalities)
    result = angle_response.angle_response(model, inputs, name)
    has_terms = len(result.frequencies) * M * 2**M <= MOST_COALITIONS
    if has_terms:
        background = study.sample_background
        result = angle_response.angle_response(model, inputs, name, background)
    states = model.encode(inputs)
    reach = min(result.period, 4 * math.pi)
    low = -reach / 2
    if model.part(TruthTables) and reach == 2 * math.pi:
        low = gate_angles.LOW  # as the pages show angles of tables
    angles = np.linspace(low, low + reach, POINTS)
    has_period = math.isfinite(result.period)

    def bring(values: Any) -> np.ndarray:
        return (np.asarray(values) - low) % reach + low if has_period else np.asarray(values)

    flips = np.sort(bring(result.flips(grid=GRID[result.is_linear])))
    ends = np.concatenate([[low], flips, [low + reach]])
    between = result.values((ends[1:] + ends[:-1]) / 2)[:, 0]
    dividends = {}
    if has_terms:
        terms = result.dividends(angles)[:, 0, :, output]
        dividends = dict(zip(study.coalitions, terms.T, strict=True))
    learned = gate_angles.angle_value(study.model, states, name)
    present_score = result.values([result.present])[0, 0, output]
    return AngleCurve(
        name,
        _gate_name(model, states, name),
        angles,
        result.values(angles)[:, 0, output],
        dividends,
        float(bring(result.present)),
        float(bring(learned)),
        float(present_score),
        flips,
        tuple(decision(scores) for scores in between),
        result.frequencies,
        result.evaluations,
        result.is_linear,
        has_period,
    )


@memo(32, background=False, task=Task.FIND_PARAMETER_CHANGE)
def rank_angles(study: Study, row: int) -> tuple[str, ...]:
    """Return the names of a model's angles, those that are most worth following on a sample first.

    These are the angles of truth tables: first those that change the decision, the smallest turn first, then the
    others by how far they move any score, in the model as learned. Angles of the network, and of a circuit of a user's
    own, keep their order.
    """
    names = angle_response.angle_names(study.model)
    if not study.model.part(TruthTables):
        return names
    shape = gate_angles.table_shape(study.model)
    places, waves = truth_tables.angle_waves(study.model, own_states(study, row))
    sizes = np.hypot(waves[..., 1], waves[..., 2]).max(1)
    tables = [gate_angles.edit_key(shape, *places[place]) for place in np.argsort(-sizes)]
    flips = []
    for change in what_if.parameters_that_flip(study, row).changes:
        element, stage, pattern = map(int, change.name.split("."))
        flips.append(gate_angles.edit_key(shape, element, stage, pattern))
    return tuple(dict.fromkeys((*flips, *tables, *names)))


def _gate_name(model: Any, states: Any, name: str) -> str:
    if model.part(TruthTables):
        return ""
    removed = model.change.removed
    gate = int(name.partition(".")[0]) - 1
    gates = cast("list[Any]", model.gates(states))
    return str(gates[gate - sum(other < gate for other in removed)].name)


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
    backend: Any = sample.study.backend
    name, shapes = slider.name, {}
    is_table = sample.model.part(TruthTables) is not None and gate_angles.network_part(name) is None
    observables: Any = _end_observables(sample.model) if is_table else None

    def evaluate(angle: float) -> np.ndarray:
        raise_if_stopped()
        model: Any = gate_angles.with_angle(sample.model, name, angle)
        if not model.part(TruthTables):
            parts = _plain_states(sample, model, gate)
        else:
            fused = model.fuse(backend.named_masses([sample.row]))[0]
            z = qcnn.evaluate(observables if is_table else _end_observables(model), fused)[0]
            parts = {"ends": (1 - z.numpy()) / 2}
            if is_table:
                theta = backend.theta(sample.row)
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
    states = circuits.encoded_states(sample.study, sample.row)

    def at(angle: float) -> dict[str, np.ndarray]:
        model: Any = gate_angles.with_angle(sample.model, slider.name, angle)
        shared = gate_replay.register_information(model.gates(states), model.registers())
        return {"shared": np.stack(list(shared.values()))}

    return interpolate(at, slider.low, slider.high)


def _plain_states(sample: Sample, model: Any, gate: int) -> dict[str, np.ndarray]:
    states = circuits.encoded_states(sample.study, sample.row)
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
    return circuits.value_observables(model, torch.from_numpy(1.0 - 2 * bits))


def _response(sample: Sample, name: str, rows: np.ndarray, *, with_terms: bool) -> AngleResponse:
    study: Any = sample.study
    background = sample.background if with_terms else None
    return angle_response.angle_response(sample.model, study.inputs(rows), name, background)
