"""How the modalities of a sample relate: undecided, prior, joint, correction, conflict, dominance or agreement.

The Harsanyi dividends of the explained output are own terms (of one modality) that sum to U and joint terms (of
several) that sum to J; b is the baseline, measured from the boundary between decisions, and A the sum of the sizes of
all terms but the baseline. The first rule that holds gives the relation:

    undecided    |U + J| < A / 8
    prior        b has the sign of b + U + J, and |b| >= |U + J|: without any modality the decision would be the same
    joint        |J| >= |U|, and J points where U + J does
    correction   J opposes U with at least half of its size
    conflict     an own term opposes the largest own term with at least a third of its size
    dominance    the largest own term exceeds all other own terms together
    agreement    else

Net sums are compared, so terms that cancel do not count, and the rules hold for any number of modalities. A score
without a boundary, such as that of a plain regression, has no prior. Whether own terms conflict is also a fact of
its own, `find_conflicts`, whatever the relation. The names follow M2Lens (Wang et al. 2021), which has own terms alone.
"""

from enum import StrEnum

import numpy as np


class Relation(StrEnum):
    """Relation of the modalities of a sample, by the rules of this module."""

    UNDECIDED = "undecided"
    PRIOR = "prior"
    JOINT = "joint"
    CORRECTION = "correction"
    CONFLICT = "conflict"
    DOMINANCE = "dominance"
    AGREEMENT = "agreement"

    @property
    def names_modalities(self) -> bool:
        """Whether single modalities decide, so that one of them can lead."""
        return self not in (Relation.UNDECIDED, Relation.PRIOR, Relation.JOINT)


RELATIONS = tuple(relation.value for relation in Relation)

CANCELLED = 1 / 8  # of the sum of sizes: a smaller net sum is undecided
TAKEN_BACK = 1 / 2  # of the own terms' sum, from which opposite joint terms are a correction
AGAINST = 1 / 3  # of the largest own term, from which an opposite one is a conflict


def classify_relations(
    baseline: np.ndarray, own: np.ndarray, joint: np.ndarray, boundary: float | None = 0.0
) -> np.ndarray:
    """Return how the modalities of B samples relate, of `RELATIONS`, (B,).

    Args:
        baseline: (B,). own: terms of single modalities, (B, M). joint: terms of several, (B, 2^M - 1 - M).
        boundary: score between two decisions, see `data.Target.boundary`; None where there is none.
    """
    size = np.abs(own).sum(1) + np.abs(joint).sum(1)
    U = own.sum(1)
    J = joint.sum(1)
    net = U + J
    cancels = np.abs(net) < CANCELLED * size
    is_prior = np.zeros(len(own), bool)
    if boundary is not None:
        before = baseline - boundary
        is_prior = (before * (before + net) > 0) & (np.abs(before) >= np.abs(net))
    is_joint = (np.abs(J) >= np.abs(U)) & (J * net > 0)
    corrects = (J * U < 0) & (np.abs(J) >= TAKEN_BACK * np.abs(U))
    ordered = np.sort(np.abs(own), axis=1)
    dominates = ordered[:, -1] > ordered[:, :-1].sum(1)
    return np.select(
        [cancels, is_prior, is_joint, corrects, find_conflicts(own), dominates],
        ["undecided", "prior", "joint", "correction", "conflict", "dominance"],
        "agreement",
    ).astype(object)


def find_conflicts(own: np.ndarray) -> np.ndarray:
    """Return whether the own terms of B samples conflict, bool (B,): whether one opposes the largest with at least
    `AGAINST` of its size.

    Args:
        own: terms of single modalities, (B, M).
    """
    against = AGAINST * np.abs(own).max(1, keepdims=True)
    counts = (np.abs(own) >= against) & (own != 0)
    return np.asarray((counts & (own > 0)).any(1) & (counts & (own < 0)).any(1))
