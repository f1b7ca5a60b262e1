"""One sample in a changed circuit of a user's own: without layers of gates, with noise, and with shots."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import explain
from qfusion._memory_cache import memo
from qfusion.analysis import sample_circuits
from qfusion.analysis.sample import Sample
from qfusion.analysis.sample_circuits import Noisy
from qfusion.analysis.tasks import Task
from qfusion.models import games
from qfusion.models.protocols import EditableCircuit
from qfusion.models.tweak import CircuitChange

ROWS = 32  # of the background, in a noisy circuit
TEST_ROWS = 100  # on which a noisy circuit is measured
RUNS = 12  # by which the scatter of shots is estimated


@dataclass(frozen=True, eq=False)
class LayerShapley:
    """Shapley values of the G layers of a circuit for the explained score of one sample.

    Attributes:
        layers: their names. gates: the number of gates of each.
        shapley: values, (G,); they sum to `whole` - `empty`, the score with all layers and with none.
    """

    layers: tuple[str, ...]
    gates: tuple[int, ...]
    shapley: np.ndarray
    empty: float
    whole: float

    def frame(self) -> pd.DataFrame:
        """Return one row a layer: its name, number of gates and Shapley value."""
        return pd.DataFrame({"layer": self.layers, "gates": self.gates, "shapley": self.shapley})


@memo(32, background=False, task=Task.ABLATE_GATES)
@torch.no_grad()
def layer_shapley(study: Any, row: int, output: int, tweak: CircuitChange) -> LayerShapley:
    """Return the Shapley values of the layers of a circuit. A layer that is left out is replaced by the identity; what
    surrounds the circuit, and what is measured, stays as it is.

    Args:
        study: of a model that is an `EditableCircuit`.
        row: of the sample.
        output: number of the explained score.
        tweak: edited angles.
    """
    model = study.model
    inputs = model.encode(study.inputs([row]))
    layers = model.gate_layers()
    G = len(layers)
    values = np.empty((2,) * G)
    for present in itertools.product((0, 1), repeat=G):
        left_out = [gates for (_, gates), is_in in zip(layers, present, strict=True) if not is_in]
        change = replace(tweak, removed=frozenset(itertools.chain(*left_out)))
        values[present] = float(model.with_change(change).scores(inputs)[0, output])
    shapley = games.shapley_values(values, G)
    return LayerShapley(
        tuple(name for name, _ in layers),
        tuple(len(gates) for _, gates in layers),
        shapley,
        float(values.ravel()[0]),
        float(values.ravel()[-1]),
    )


@memo(32, task=Task.ABLATE_GATES)
@torch.no_grad()
def with_noise(
    study: Any, row: int, tweak: CircuitChange, strengths: tuple[float, float, float], shots: int
) -> Noisy:
    """Return the decision on one sample under noise, exactly, and how far `shots` runs of the circuit scatter.

    The change of the contributions through noise is computed against at most `ROWS` rows of the background, drawn at
    random, and added to the exact contributions: they sum to the noisy score. The standard errors are estimated from
    `RUNS` simulated runs with other seeds.
    """
    depolarising, damping, readout = strengths
    noise = replace(tweak, depolarising=depolarising, damping=damping, readout=readout)
    noisy = study.model.with_change(noise)
    background = study.sample_background.subsample(ROWS)
    inputs = study.inputs([row])
    exact = explain.explain(noisy, inputs, background)
    tweaked = study.model.with_change(tweak)
    whole = explain.explain(tweaked, inputs, study.sample_background)
    same_rows = explain.explain(tweaked, inputs, background)
    dividends = whole.dividends[0] + exact.dividends[0] - same_rows.dividends[0]
    encoded = noisy.encode(inputs)
    runs, terms = [], []
    for seed in range(RUNS):
        shot = study.model.with_change(replace(noise, shots=shots, seed=seed))
        runs.append(shot.scores(encoded)[0].numpy())
        if seed < RUNS // 2:
            terms.append(explain.explain(shot, inputs, background).dividends[0])
    scores = exact.prediction[0]
    spread = np.std(runs, 0, ddof=1)
    lead = 0.0
    if len(scores) > 1:
        first, second = np.argsort(-scores)[:2]
        lead = float(np.std([run[first] - run[second] for run in runs], ddof=1))
    rows = study.dataset.rows("test")[:TEST_ROWS]
    test = noisy.scores(noisy.encode(study.inputs(rows))).numpy()
    return Noisy(
        scores,
        spread,
        lead,
        np.asarray(dividends),
        np.std(terms, 0, ddof=1),
        study.row_metrics(rows, test),
    )


def run_with_noise(sample: Sample, noise: tuple[float, float, float], shots: int) -> Noisy:
    """Return the output of the noisy circuit of a sample: of a user's own circuit, or of an entangled network.

    Args:
        sample: with its tweak. noise: strengths of depolarising, damping and readout. shots: of the circuit.
    """
    compute = with_noise if sample.study.model.part(EditableCircuit) else sample_circuits.with_noise
    return compute(sample.study, sample.row, sample.tweak, noise, shots)
