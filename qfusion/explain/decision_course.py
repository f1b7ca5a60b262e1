"""The course of a decision along time or layers: its last change, and when joint terms outweigh single modalities."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

STILL = 1e-3  # a series that changes less is taken as constant


def last_change(decisions: Sequence[object]) -> int:
    """Return the first place from which on the decision is the final one, or 0 if it never changes."""
    final = decisions[-1]
    others = [place for place, decision in enumerate(decisions) if decision != final]
    return others[-1] + 1 if others else 0


class JointCourse(StrEnum):
    """Classification of when joint terms outweigh single modalities, along time or layers."""

    NEVER = "never"
    LOST = "not at the end"
    ALWAYS = "from the start"
    FROM = "from a place on"


def joint_course(share: np.ndarray) -> JointCourse:
    """Return when joint terms outweigh single modalities.

    Args:
        share: joint share along time or layers, (P,), see `coalitions.joint_share`.
    """
    place = first_joint_place(share)
    if place is None:
        return JointCourse.LOST if (share > 0.5).any() else JointCourse.NEVER
    return JointCourse.FROM if place else JointCourse.ALWAYS


def first_joint_place(share: np.ndarray) -> int | None:
    """Return the first place from which on joint terms outweigh single modalities to the end, or None.

    Args:
        share: joint share along time or layers, (P,).
    """
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0


def relative_progress(values: np.ndarray, place: int) -> float | None:
    """Return the fraction of the change from its first to its last value that a series has completed, or None if it
    hardly changes.
    """
    change = float(values[-1] - values[0])
    if abs(change) < STILL:
        return None
    return float(values[place] - values[0]) / change
