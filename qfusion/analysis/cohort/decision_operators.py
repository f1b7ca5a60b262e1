"""What the page of decision operators works out of a workspace: an operator and where samples lie on it. Free of
streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain import operators
from qfusion.explain.operators import Operator

WITH = " with "  # between modalities in an address: a plus sign would be read as a space


def group_labels(work: Workspace) -> dict[str, str]:
    """The groups whose operator is offered: what a reader picks -> name of the coalition."""
    return {WITH.join(name.split("+")): name for name in operators.offered(work.model)}


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

    def nearest(self, side: str, count: int = 3) -> list[int]:
        """Rows of the samples with the most weight on one extreme, "for" or "against"."""
        weight = self.most_for if side == "for" else self.most_against
        return [int(row) for row in self.rows[np.argsort(-weight, kind="stable")[:count]]]


@memo(16, says="Finding what votes for and against …")
def operator(work: Workspace, group: str, output: int) -> Operator:
    """The operator of a group of modalities."""
    return operators.operator(work.model, work.background, group, output)


@memo(16, says="Finding what votes for and against …")
def votes(work: Workspace, group: str, output: int, split: str) -> Votes:
    """The operator of a group of modalities, and the samples of a split on it."""
    found = operator(work, group, output)
    rows = work.dataset.rows(split)
    states = _states(work, group, rows)
    last = len(found.values) - 1
    return Votes(
        found,
        rows,
        found.scores(states),
        found.overlap(states, last),
        found.overlap(states, 0),
        found.weights(states),
    )


@dataclass(frozen=True, eq=False)
class Own:
    """One sample on an operator: v(S), weight on every eigenvector, and on the two extremes."""

    score: float
    weights: np.ndarray

    @property
    def most_for(self) -> float:
        """Weight on the eigenvector that votes most for."""
        return float(self.weights[-1])

    @property
    def most_against(self) -> float:
        """Weight on the eigenvector that votes most against."""
        return float(self.weights[0])


def own(work: Workspace, found: Operator, group: str, row: int) -> Own:
    """Where one sample lies."""
    states = _states(work, group, np.array([row]))
    return Own(float(found.scores(states)[0]), found.weights(states))


def operator_of(sample: Sample, group: str = "") -> Operator:
    """The operator of a group of modalities for a sample's score; of the first group that has one unless told."""
    return operator(sample.work, group or operators.offered(sample.model)[0], sample.output)


def votes_of(sample: Sample, group: str = "", split: str = "test") -> tuple[Votes, Own]:
    """As `operator_of`, with the samples of a split on it, and the sample itself."""
    group = group or operators.offered(sample.model)[0]
    found = votes(sample.work, group, sample.output, split)
    return found, own(sample.work, found.operator, group, sample.row)


def _states(work: Workspace, group: str, rows: np.ndarray) -> Any:
    return operators.states_of(work.model, work.inputs(rows), group)
