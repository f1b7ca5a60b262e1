"""How the modalities of a sample relate: joint, correction, conflict, dominance, agreement or undecided.

The Harsanyi dividends of the explained output are own terms (of one modality) that sum to U and joint terms (of
several) that sum to J; b is the baseline and A the sum of the sizes of all terms but the baseline. The first rule that
holds gives the relation:

    undecided    |U + J| < A / 8, or b + U + J has the sign of b and not that of U + J
    joint        |J| >= |U|, and J points where U + J does
    correction   J opposes U with at least half of its size
    conflict     the two largest own terms oppose, the smaller at least a third of the larger
    dominance    the largest own term exceeds all other own terms together
    agreement    else

Net sums are compared, so terms that cancel do not count, and the rules hold for any number of modalities. The names
follow M2Lens (Wang et al. 2021), which has own terms alone.
"""

from enum import StrEnum

import numpy as np


class Relation(StrEnum):
    """Relation of the modalities of a sample, by the rules of this module."""

    UNDECIDED = "undecided"
    JOINT = "joint"
    CORRECTION = "correction"
    CONFLICT = "conflict"
    DOMINANCE = "dominance"
    AGREEMENT = "agreement"

    @property
    def names_modalities(self) -> bool:
        """Whether the relation is about single modalities."""
        return self in (Relation.CONFLICT, Relation.DOMINANCE, Relation.AGREEMENT)


RELATIONS = tuple(relation.value for relation in Relation)

CANCELLED = 1 / 8  # of the sum of sizes: a smaller net sum is undecided
TAKEN_BACK = 1 / 2  # of the own terms' sum, from which opposite joint terms are a correction
AGAINST = 1 / 3  # of the largest own term, from which an opposite one is a conflict


def classify_relations(
    baseline: np.ndarray, own: np.ndarray, joint: np.ndarray, by_sign: bool = True
) -> np.ndarray:
    """Return how the modalities of B samples relate, of `RELATIONS`, (B,).

    Args:
        baseline: (B,). own: terms of single modalities, (B, M). joint: terms of several, (B, 2^M - 1 - M).
        by_sign: whether the sign of the score is the decision.
    """
    size = np.abs(own).sum(1) + np.abs(joint).sum(1)
    U, J = own.sum(1), joint.sum(1)
    net = U + J
    ordered = np.take_along_axis(own, np.argsort(-np.abs(own), axis=1, kind="stable"), 1)
    largest = ordered[:, 0]
    second = ordered[:, 1] if own.shape[1] > 1 else np.zeros(len(own))
    score = baseline + net
    cancels = np.abs(net) < CANCELLED * size
    by_baseline = by_sign & (score * baseline > 0) & (score * net <= 0) & (size > 0)
    is_joint = (np.abs(J) >= np.abs(U)) & (J * net > 0)
    corrects = (J * U < 0) & (np.abs(J) >= TAKEN_BACK * np.abs(U))
    opposes = (largest * second < 0) & (np.abs(second) >= AGAINST * np.abs(largest))
    dominates = np.abs(largest) > np.abs(ordered[:, 1:]).sum(1)
    return np.select(
        [cancels | by_baseline, is_joint, corrects, opposes, dominates],
        ["undecided", "joint", "correction", "conflict", "dominance"],
        "agreement",
    ).astype(object)
