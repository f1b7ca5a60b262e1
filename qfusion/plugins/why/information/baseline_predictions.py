"""Predictions of the family of baselines for held-out rows: single, late and joint.

    single    the best modality by itself
    late      outputs of single modalities added: log-odds of classes, or numbers; a linear model of all features too
    joint     all features together: a quadratic model, trees, a network, and these stacked on the late one

The weights by which outputs are added are 0 or more, and outputs with a larger loss on held-out rows than the base rate
are not used.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import log_softmax

from qfusion.explain import bootstrap
from qfusion.plugins.why.information import label_leak
from qfusion.plugins.why.information.label_leak import (
    FAMILY,
    LINEAR,
    NETWORK,
    Outputs,
    fit_pool,
    log_probabilities,
    loss,
    predict_outputs,
)
from qfusion.plugins.why.information.prediction_task import Task

BASE = "base rate"  # no model: the shares of the classes, or the mean
SINGLE = "single"
LATE = "late"
JOINT = "joint"
KINDS = (SINGLE, LATE, JOINT)
ROUNDING = 1e-6  # of a loss, by which a model must be better than the base rate


@dataclass(eq=False)
class Predictions:
    """Predictions of the family for the predicted rows of a task, from any modalities. They are computed on first use.

    Attributes:
        task: the rows. tell: called with the number of finished fits. family: members that predict, of `FAMILY`.
        done: fits that are finished. unfinished: fits that were stopped before they converged.
    """

    task: Task
    tell: Callable[[int], Any] = lambda done: None
    family: Sequence[str] = FAMILY
    done: int = 0
    unfinished: int = 0
    outputs: dict[tuple[tuple[str, ...], str], Outputs] = field(default_factory=dict)

    def predict(self, names: Sequence[str], member: str) -> Outputs:
        """Return the outputs of a member of the family from some modalities, (n, C)."""
        key = tuple(names), member
        if key not in self.outputs:
            self.outputs[key] = self._fit_folds(names, member)
        return self.outputs[key]

    def _fit_folds(self, names: Sequence[str], member: str) -> Outputs:
        """Return the outputs for held-out rows, (n, C), by one fit for each fold."""
        task = self.task
        X = task.inputs(names)
        result = np.zeros((len(task.predicted), max(1, task.classes)))
        for learn, held_out, places in task.splits():
            model = label_leak.make_model(member, task.classes)
            with warnings.catch_warnings(action="ignore"):  # stopping early, which is counted
                model.fit(X[learn], task.y[learn])
            if member == NETWORK and model.n_iter_ >= model.max_iter:
                self.unfinished += 1
            result[places] = predict_outputs(model, X[held_out], task.classes)
            self.done += 1
            self.tell(self.done)
        return result

    def combine(self, parts: Sequence[Outputs]) -> Outputs:
        """Return the sum of several outputs with weights of 0 or more, which are fitted on the other folds."""
        if self.task.classes:
            return self._combine_probabilities(parts)
        return self._combine_numbers(parts)

    def _combine_probabilities(self, parts: Sequence[Outputs]) -> Outputs:
        truth = self.task.truth
        stacked = np.stack(parts)
        result = np.zeros_like(parts[0])
        for _, _, places in self.task.splits():
            others = np.setdiff1d(np.arange(len(result)), places)
            weights, intercepts = fit_pool(stacked[:, others], truth[others])
            scores = np.tensordot(weights, stacked[:, places], 1) + intercepts
            result[places] = log_probabilities(np.exp(log_softmax(scores, axis=1)))
        return result

    def _combine_numbers(self, parts: Sequence[Outputs]) -> Outputs:
        from sklearn.linear_model import Ridge

        truth = self.task.truth
        columns = np.concatenate(parts, 1)
        columns = (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-9)
        result = np.zeros_like(parts[0])
        for _, _, places in self.task.splits():
            others = np.setdiff1d(np.arange(len(result)), places)
            model = Ridge(1.0, positive=True).fit(columns[others], truth[others])
            result[places] = model.predict(columns[places])[:, None]
        return result

    @cached_property
    def base(self) -> Outputs:
        """Outputs of the base rate: the shares of the classes among the predicted rows, or their mean."""
        truth = self.task.truth
        classes = self.task.classes
        if classes:
            rates = np.bincount(truth, minlength=classes) / len(truth)
            return np.tile(log_probabilities(rates), (len(truth), 1))
        return np.full((len(truth), 1), truth.mean())

    def agreement(self, outputs: Outputs) -> bootstrap.Interval:
        """Return the mean agreement of outputs with the truth over rows: 0 by chance, negative if they oppose it.

        It is the covariance of output and truth within folds, summed over classes, whose outputs are log probabilities.
        A small weight of these outputs reduces the loss by this slope. Means of folds are subtracted, since a fold with
        more of a class leaves less of it to learn from.
        """
        truth = self.task.truth
        targets = np.eye(self.task.classes)[truth] if self.task.classes else truth[:, None]
        values = np.zeros(len(truth))
        for _, _, places in self.task.splits():
            centred_outputs = outputs[places] - outputs[places].mean(0)
            centred_targets = targets[places] - targets[places].mean(0)
            values[places] = (centred_outputs * centred_targets).sum(1)
        return bootstrap.mean(values, clusters=self.task.clusters)

    @cached_property
    def below_chance(self) -> list[tuple[str, str]]:
        """Pairs of a modality and a member of the family whose predictions of held-out rows oppose the truth by more
        than chance explains. The threshold is three standard errors, since many pairs are examined.
        """
        result = []
        for name in self.task.names:
            for member in self.family:
                agreement = self.agreement(self.predict([name], member))
                half_width = agreement.high - agreement.value
                if agreement.value + half_width * 3 / 1.96 < 0:
                    result.append((name, member))
        return result

    def loss(self, outputs: Outputs) -> float:
        """Return the mean negative log probability of the true class, or squared error, of held-out rows."""
        return loss(outputs, self.task.truth)

    def select_best(self, candidates: Mapping[str, Outputs]) -> tuple[str, Outputs]:
        """Return the name and outputs of the candidate with the smallest loss, or the base rate if the others
        improve on it by less than rounding.
        """
        losses = {name: self.loss(outputs) for name, outputs in candidates.items()}
        if BASE in losses:
            losses[BASE] -= ROUNDING
        name = min(losses, key=lambda candidate: losses[candidate])
        return name, candidates[name]

    def predict_best(self, names: Sequence[str]) -> tuple[str, Outputs]:
        """Return the name and outputs of the best model from some modalities: a member of the family, all of them
        stacked, or the base rate.
        """
        candidates = {member: self.predict(names, member) for member in self.family}
        candidates["stacked"] = self.combine(list(candidates.values()))
        candidates[BASE] = self.base
        return self.select_best(candidates)

    @cached_property
    def contest(self) -> dict[str, tuple[str, Outputs]]:
        """Name and outputs of the best model of each of `KINDS`, or `BASE` if no model does better."""
        alone = {name: self.predict_best([name]) for name in self.task.names}
        parts = [outputs for _, outputs in alone.values()]
        return {
            SINGLE: self.select_best(self._single_candidates(alone)),
            LATE: self.select_best(self._late_candidates(parts)),
            JOINT: self.select_best(self._joint_candidates(parts)),
        }

    def _single_candidates(self, alone: Mapping[str, tuple[str, Outputs]]) -> dict[str, Outputs]:
        candidates = {}
        for name, (model, outputs) in alone.items():
            label = BASE if model == BASE else f"{model} on {name}"
            candidates[label] = outputs
        return candidates

    def _late_candidates(self, parts: Sequence[Outputs]) -> dict[str, Outputs]:
        """Return the late models.

        Args:
            parts: outputs of the best model from each modality.
        """
        names = self.task.names
        candidates = {}
        for member in self.family:
            outputs = [self.predict([name], member) for name in names]
            candidates[f"{member} on each, added"] = self.combine(outputs)
        candidates["best on each, added"] = self.combine(parts)
        candidates["linear on all"] = self.predict(names, LINEAR)
        candidates[BASE] = self.base
        return candidates

    def _joint_candidates(self, parts: Sequence[Outputs]) -> dict[str, Outputs]:
        """Return the joint models.

        Args:
            parts: outputs of the best model from each modality.
        """
        names = self.task.names
        members = [member for member in self.family if member != LINEAR]
        candidates = {f"{member} on all": self.predict(names, member) for member in members}
        linear = self.predict(names, LINEAR)
        candidates["all stacked"] = self.combine([*parts, linear, *candidates.values()])
        candidates[BASE] = self.base
        return candidates
