"""When does the decision leave the single modalities, and does entanglement move then? Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion.analysis import answers
from qfusion.explain.contributions.summaries import joint_share as joint_share

KINDS = ("contributions", "Shapley values")


def leaves_at(share: np.ndarray) -> int | None:
    """The first place from which on the joint terms outweigh the single ones for good, or None."""
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0


def done_by(values: np.ndarray, place: int) -> float | None:
    """How much of its way from the first to the last value a series has gone by a place; None where it hardly moves."""
    way = float(values[-1] - values[0])
    return None if abs(way) < 1e-3 else float(values[place] - values[0]) / way


def answer(dividends: Mapping[str, np.ndarray], moving: np.ndarray, moving_name: str, unit: str,
           where: list[str]) -> str:
    """When the decision leaves the single modalities, and how far entanglement has moved by then, as a title."""
    share = joint_share(dividends)
    place = leaves_at(share)
    meanwhile = f"while {moving_name} goes from {moving[0]:.2f} to {moving[-1]:.2f} {unit}"
    if place is None:
        return (f"The decision stays with the single modalities (joint terms {share[0]:.0%} of its size, then "
                f"{share[-1]:.0%}), {meanwhile}")
    if place == 0:
        return (f"Joint terms outweigh the single modalities from the start ({share[0]:.0%}, then {share[-1]:.0%}), "
                f"{meanwhile}")
    done = done_by(moving, place)
    moved = f"{moving_name} hardly moves" if done is None else f"by then {moving_name} has gone {done:.0%} of its way"
    return f"The decision leaves the single modalities at {where[place]}: {moved}"


def since_when(work: Any, now: Any) -> str:
    """Since when the decision of a model with time is what it is at T, as markdown; of several scores, what is known of
    the one shown."""
    where = [f"t = {t:.2f}" for t in now.times]
    if not work.classes:
        return answers.settled(work, sum(now.dividends.values())[:, None], where)
    place = leaves_at(joint_share(now.dividends))
    return ("The decision stays with the single modalities to the end." if place is None else
            f"What the modalities say only jointly outweighs what they say alone from **{where[place]}** on (the end "
            f"is {where[-1]}).")


def what_was_added(now: Any) -> str:
    """What the evolution made of the decision between t = 0 and T, as markdown."""
    start, end = ({term: float(values[place]) for term, values in now.dividends.items()} for place in (0, -1))
    return answers.added(start, end, "the evolution")
