"""One sample's score and contributions along one angle of the circuit, over a full period."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.analysis import decision_flips
from qfusion.analysis.modality_states import own_states
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.explain import angle_response
from qfusion.models.network import gate_angles, truth_tables
from qfusion.models.protocols import TruthTables
from qfusion.models.terms import decision

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
    for change in decision_flips.parameters_that_flip(study, row).changes:
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
