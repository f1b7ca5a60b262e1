"""When does the decision leave the single modalities, and does entanglement move then? Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion._sentences import listed, sizes, top
from qfusion._sentences import share as percent
from qfusion.analysis import answers, text
from qfusion.explain import Explanation
from qfusion.explain.coalitions import joint_share as joint_share

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


def answer(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    unit: str,
    where: list[str],
) -> str:
    """When the decision leaves the single modalities, and how far entanglement has moved by then, as a title."""
    share = joint_share(dividends)
    place = leaves_at(share)
    ends = f"{percent(share[0])}, then {percent(share[-1])}"
    meanwhile = f"while {moving_name} goes from {moving[0]:z.2f} to {moving[-1]:z.2f} {unit}"
    if place is None:
        verb = "ends" if (share > 0.5).any() else "stays"
        return f"The decision {verb} with the single modalities (joint terms {ends} of its size), {meanwhile}"
    if place == 0:
        return f"Joint terms outweigh the single modalities from the start ({ends} of the decision's size), {meanwhile}"
    done = done_by(moving, place)
    if done is None:
        moved = (
            f"{moving_name} is there as at the start and at the end ({moving[-1]:z.2f} {unit})"
            if np.ptp(moving) < 1e-3
            else f"{moving_name} is {moving[place]:z.2f} {unit} there, {moving[-1]:z.2f} at both ends"
        )
    elif 0 <= done <= 1:
        moved = f"by then {moving_name} has gone {percent(done)} of its way"
    else:
        moved = (
            f"by then {moving_name} is {moving[place]:z.2f} {unit}, outside its way from {moving[0]:z.2f} to "
            f"{moving[-1]:z.2f}"
        )
    return f"The decision leaves the single modalities for good at {where[place]}: {moved}"


def largest_at(dividends: Mapping[str, np.ndarray], place: int) -> str:
    """Which terms are the largest at a place, with their values, as markdown."""
    now = {term: float(values[place]) for term, values in dividends.items() if term}
    first = top(sizes(now))
    if round(abs(now[first[0]]), 2) == 0:
        return "no term as large as 0.01"
    named = listed([f"{text.term(term)} ({now[term]:+.2f})" for term in first])
    return f"largest term{'s, alike,' if len(first) > 1 else ''} {named}"


def since_when(work: Any, now: Any) -> str:
    """Since when the decision of a model with time is what it is at T, as markdown; of several scores, what is known of
    the one shown."""
    where = [f"t = {t:.2f}" for t in now.times]
    if not work.classes:
        return answers.settled(work, sum(now.dividends.values())[:, None], where)
    place = leaves_at(joint_share(now.dividends))
    if place is None:
        return (
            "At the end what the modalities say only jointly does not outweigh what they say alone."
        )
    return (
        f"What the modalities say only jointly outweighs what they say alone from **{where[place]}** on (the end "
        f"is {where[-1]})."
    )


def what_was_added(now: Any) -> str:
    """What the evolution made of the decision between t = 0 and T, as markdown."""
    start, end = (
        {term: float(values[place]) for term, values in now.dividends.items()} for place in (0, -1)
    )
    return answers.added(start, end, "the evolution")


def since_which_layer(work: Any, found: Explanation) -> str:
    """From which place between the layers on the decision is as at the end, as markdown; `found` of `layer_terms`."""
    return answers.settled(
        work,
        np.asarray(found.dividends[:, 0]).sum(1),
        [f"“{text.plain(moment)}”" for moment in found.moments],
    )


def what_layers_added(found: Explanation, output: int) -> str:
    """What the layers made of the decision that fused qubits hold already, as markdown; `found` of `layer_terms`."""
    start, end = (
        {
            term: float(found.dividends[place, 0, i, output])
            for i, term in enumerate(found.coalitions)
        }
        for place in (0, -1)
    )
    return answers.added(start, end, "the network after the fusion")
