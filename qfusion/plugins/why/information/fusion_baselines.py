"""The gain from fusion on a data set: metrics of the best single, late and joint baselines on held-out rows.

Small models of a fixed family predict the target from every modality alone, late (the outputs of single modalities are
added) and jointly (see `baseline_predictions`). Rows are predicted by models that did not see them, nor a row that
shares content with them (see `prediction_task`). No model of qfusion is trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from qfusion.explain import bootstrap
from qfusion.plugins.why.information.baseline_predictions import JOINT, LATE, SINGLE, Predictions
from qfusion.plugins.why.information.label_leak import LabelLeak, Outputs
from qfusion.plugins.why.information.prediction_task import R2, Task

MORE = "late - single"  # gain of late models over single ones
GAIN = "joint - late"  # gain of joint models over late ones


@dataclass(frozen=True)
class Evaluation:
    """Rows on which the family was evaluated, and the outcome of its fits.

    Attributes:
        leak: the reason to use test rows; None where training rows are used.
        rows: number of rows of the task. whole: number of rows that they are drawn from.
        predicted: number of rows that were predicted.
        different: number of different contents of each modality in which some rows share one.
        below_chance: pairs of a modality and a member of the family that predicts held-out rows worse than chance.
        fits: number of fits. unfinished: number of fits that stopped before they converged.
    """

    leak: LabelLeak | None
    rows: int
    whole: int
    predicted: int
    different: Mapping[str, int]
    below_chance: tuple[tuple[str, str], ...]
    fits: int
    unfinished: int


class JointGain(StrEnum):
    """Finding on what joint models gain over late ones."""

    UNKNOWN = "too few rows"
    GAIN = "gain"
    LOSS = "loss"
    NOT_SHOWN = "no significant gain"


@dataclass(frozen=True, eq=False)
class BaselineComparison:
    """Metrics of the best single, late and joint models on held-out rows.

    Attributes:
        metric: that is measured. scores: by kind, and under `MORE` and `GAIN` their differences.
        models: the best of every kind.
        n: rows. unfinished: fits that were stopped before they converged.
        evaluation: rows and fits; None where they are not known.
    """

    metric: str
    scores: Mapping[str, bootstrap.Interval]
    models: Mapping[str, str]
    n: int
    unfinished: int
    evaluation: Evaluation | None = None

    @property
    def joint_gain(self) -> JointGain:
        """Finding on what joint models gain over late ones."""
        gain = self.scores[GAIN]
        if not gain.known:
            return JointGain.UNKNOWN
        if gain.low > 0:
            return JointGain.GAIN
        if gain.high < 0:
            return JointGain.LOSS
        return JointGain.NOT_SHOWN

    @property
    def late_gains(self) -> bool:
        """Whether late models do better than the best modality."""
        late = self.scores[MORE]
        return late.known and late.low > 0

    def frame(self) -> pd.DataFrame:
        """Return one row per kind and one row per improvement of a kind over the one before it."""
        rows = []
        for name, score in self.scores.items():
            row = {
                "what": name,
                "model": self.models.get(name, ""),
                self.metric: score.value,
                "low": score.low,
                "high": score.high,
            }
            rows.append(row)
        return pd.DataFrame(rows)


def compare_baselines(predictions: Predictions) -> BaselineComparison:
    """Return the metrics of the best models of every kind, with intervals over groups of rows that share something."""
    task = predictions.task
    contest = predictions.contest
    metrics = {kind: metric_function(task, outputs) for kind, (_, outputs) in contest.items()}
    statistics = metrics | {
        MORE: lambda weights: metrics[LATE](weights) - metrics[SINGLE](weights),
        GAIN: lambda weights: metrics[JOINT](weights) - metrics[LATE](weights),
    }
    n = len(task.predicted)
    return BaselineComparison(
        metric=task.metric,
        scores=bootstrap.intervals(statistics, n, bootstrap.RESAMPLES, 0, task.clusters),
        models={kind: name for kind, (name, _) in contest.items()},
        n=n,
        unfinished=predictions.unfinished,
        evaluation=evaluation(predictions),
    )


def evaluation(predictions: Predictions) -> Evaluation:
    """Return the rows that were predicted, and the outcome of the fits."""
    task = predictions.task
    return Evaluation(
        leak=task.leak,
        rows=len(task.rows),
        whole=task.whole,
        predicted=len(task.predicted),
        different=task.different,
        below_chance=tuple(predictions.below_chance),
        fits=predictions.done,
        unfinished=predictions.unfinished,
    )


def metric_function(task: Task, outputs: Outputs) -> Callable[[np.ndarray], np.ndarray]:
    """Return the task's metric of outputs as a function of counts (r, n) with values (r,)."""
    truth = task.truth
    if task.metric == R2:
        return r2_function(outputs, truth)
    if task.classes:
        hits = outputs.argmax(1) == truth
        counted = np.ones(len(truth))
    else:
        hits = (outputs[:, 0] > 0) == (truth > 0)
        counted = (truth != 0).astype(float)
    return lambda weights: weights @ (hits * counted) / (weights @ counted)


def r2_function(outputs: Outputs, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return R2 of predictions of a number as a function of counts (r, n) with values (r,)."""
    centred = truth - truth.mean()
    error = (outputs[:, 0] - truth) ** 2

    def r2(weights: np.ndarray) -> np.ndarray:
        variation = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(-1)
        return 1 - (weights @ error) / np.maximum(variation, 1e-300)

    return r2
