"""The decision operator of a group of modalities, and the samples of a split on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._memory_cache import memo
from qfusion.plugins.operators.decision_operator import (
    Operator,
    group_states,
    operator,
    operator_groups,
)
from qfusion.study.sample import Sample
from qfusion.study.study import Study

VOTING = "Computing votes for and against …"
WITH = " + "  # between the modalities of a group as readers see it, and in an address


def group_labels(study: Study) -> dict[str, str]:
    """Return the groups whose operator is offered, as a mapping from the text that a reader picks to the name of the
    coalition.
    """
    return {WITH.join(name.split("+")): name for name in operator_groups(study.model)}


@dataclass(frozen=True, eq=False)
class Votes:
    """An operator and many samples on it.

    Attributes:
        operator: of one group and output.
        rows: of the samples, (B,).
        scores: v(S), (B,).
        most_for, most_against: weight of each sample on the two extreme eigenvectors, (B,).
        weights: mean weight on every eigenvector, (K,).
    """

    operator: Operator
    rows: np.ndarray
    scores: np.ndarray
    most_for: np.ndarray
    most_against: np.ndarray
    weights: np.ndarray

    def nearest(self, side: str, count: int = 3) -> list[list[int]]:
        """Rows of the samples with the most weight on one extreme, "for" or "against", in groups of samples with equal
        votes: they have the same content of the modalities."""
        weight = self.most_for if side == "for" else self.most_against
        votes = np.round(np.stack([weight, self.scores], 1), 9)
        groups: dict[tuple[float, ...], list[int]] = {}
        for place in np.argsort(-votes[:, 0], kind="stable"):
            groups.setdefault(tuple(votes[place].tolist()), []).append(int(self.rows[place]))
        return list(groups.values())[:count]


@memo(16, task=VOTING)
def decision_operator(study: Study, group: str, output: int) -> Operator:
    """The operator of a group of modalities."""
    return operator(study.model, study.background, group, output)


@memo(16, task=VOTING)
def votes(study: Study, group: str, output: int, split: str) -> Votes:
    """The operator of a group of modalities, and the samples of a split on it."""
    result = decision_operator(study, group, output)
    rows = study.dataset.rows(split)
    states = _states(study, group, rows)
    return Votes(
        result,
        rows,
        result.scores(states),
        result.overlap(states, len(result.values) - 1),
        result.overlap(states, 0),
        result.weights(states),
    )


def group_operator(sample: Sample, group: str = "") -> Operator:
    """Return the operator of a group of modalities for a sample's score. The default is the first group that has
    one.
    """
    return decision_operator(sample.study, group or operator_groups(sample.model)[0], sample.output)


@memo(32)
def group_votes(
    sample: Sample, group: str = "", split: str = "test"
) -> tuple[Votes, tuple[float, np.ndarray]]:
    """Return the operator of `group_operator` with the samples of a split on it, and the score and weights of the
    sample itself.
    """
    group = group or operator_groups(sample.model)[0]
    result = votes(sample.study, group, sample.output, split)
    states = _states(sample.study, group, np.array([sample.row]))
    return result, (float(result.operator.scores(states)[0]), result.operator.weights(states))


def _states(study: Study, group: str, rows: np.ndarray) -> Any:
    return group_states(study.model, study.inputs(rows), group)
