"""The change of a decision between two moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from qfusion.explain import coalitions

UNCHANGED = 1e-6  # of a term: a smaller change is rounding
NO_SHARE = 1e-9  # a smaller share is rounding


class Change(StrEnum):
    """Change of the terms of a decision between two moments."""

    NOTHING = "nothing"
    ADDITIVE = "additive"  # no joint terms at the end
    BECOMES_JOINT = "becomes joint"  # no joint terms at the start
    STAYS_JOINT = "stays joint"


@dataclass(frozen=True)
class DecisionChange:
    """The change of a decision between two moments.

    Attributes:
        kind: of change. score_start, score_end: the baseline and all terms.
        joint_share_start, joint_share_end: sizes of the joint terms as a share of all terms but the baseline.
        joint: the joint terms at the end, by coalition.
    """

    kind: Change
    score_start: float
    score_end: float
    joint_share_start: float
    joint_share_end: float
    joint: Mapping[str, float]


def compare_decisions(start: Mapping[str, float], end: Mapping[str, float]) -> DecisionChange:
    """Return the change of a decision between two moments.

    Args:
        start: dividends by coalition at the first moment, the baseline under "". end: at the last.
    """
    joint = {term: value for term, value in end.items() if "+" in term}
    joint_start = _joint_share(start)
    joint_end = _joint_share(end)
    if all(abs(end[term] - start[term]) < UNCHANGED for term in end):
        kind = Change.NOTHING
    elif not joint or joint_end < NO_SHARE:
        kind = Change.ADDITIVE
    elif joint_start < NO_SHARE:
        kind = Change.BECOMES_JOINT
    else:
        kind = Change.STAYS_JOINT
    return DecisionChange(
        kind=kind,
        score_start=sum(start.values()),
        score_end=sum(end.values()),
        joint_share_start=joint_start,
        joint_share_end=joint_end,
        joint=joint,
    )


def _joint_share(dividends: Mapping[str, float]) -> float:
    """Return the sizes of the joint terms as a share of all terms but the baseline."""
    arrays = {term: np.array([value]) for term, value in dividends.items()}
    return float(coalitions.joint_share(arrays)[0])
