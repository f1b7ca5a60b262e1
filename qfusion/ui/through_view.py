"""Decision and entanglement under one cursor: the choice of terms, the cursor, and the answer in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from qfusion.ui import answers, state, text, through
from qfusion.ui.through import KINDS

TERMS, ABOVE, LAYER = "as", "above", "layer"
MEASURES = ("entropy", "entanglement")


def allowed(work: Any) -> dict[str, state.Allowed]:
    """What a link may say about these widgets."""
    found = {TERMS: state.options("Terms", KINDS, "Dividends are shown.")}
    if work.has_time:
        return found | {ABOVE: state.options("Measure", MEASURES, "Entropies are shown.")}
    return found | {LAYER: state.options("Place in the network", [name for name, _ in work.model.network.moments()],
                                         "The end of the network is marked.")}


def which_terms() -> str:
    """Draws the choice between dividends and Shapley values."""
    if state.get(TERMS) not in (None, *KINDS):
        state.put(TERMS, KINDS[0])
    return st.segmented_control("Decision as", list(KINDS), default=KINDS[0], help="Dividends tell what modalities say alone and only "
                                "together; Shapley values split the joint terms among them.", **state.bound(TERMS)) or KINDS[0]


def which_measure() -> str:
    """Draws the choice of what stands above the decision."""
    return st.segmented_control("Above it", list(MEASURES), default=MEASURES[0], help="Entropy says how mixed each state is, by "
                                "entanglement or by jumps; entanglement (logarithmic negativity) takes longer.",
                                **state.bound(ABOVE)) or MEASURES[0]


def answer(dividends: Mapping[str, np.ndarray], moving: np.ndarray, moving_name: str, unit: str, where: list[str]) -> str:
    """When the decision leaves the single modalities, and how far entanglement has moved by then, as a title."""
    share = through.joint_share(dividends)
    place = through.leaves_at(share)
    meanwhile = f"while {moving_name} goes from {moving[0]:.2f} to {moving[-1]:.2f} {unit}"
    if place is None:
        return f"The decision stays with the single modalities (joint terms {share[0]:.0%} of its size, then {share[-1]:.0%}), {meanwhile}"
    if place == 0:
        return f"Joint terms outweigh the single modalities from the start ({share[0]:.0%}, then {share[-1]:.0%}), {meanwhile}"
    done = through.done_by(moving, place)
    moved = f"{moving_name} hardly moves" if done is None else f"by then {moving_name} has gone {done:.0%} of its way"
    return f"The decision leaves the single modalities at {where[place]}: {moved}"


def since_when(work: Any, now: Any) -> str:
    """Since when the decision of a model with time is what it is at T, as markdown; of several scores, what is known of the one shown."""
    where = [f"t = {t:.2f}" for t in now.times]
    if not work.classes:
        return answers.settled(work, sum(now.dividends.values())[:, None], where)
    place = through.leaves_at(through.joint_share(now.dividends))
    return ("The decision stays with the single modalities to the end." if place is None else
            f"What the modalities say only jointly outweighs what they say alone from **{where[place]}** on (the end is {where[-1]}).")


def what_was_added(now: Any) -> str:
    """What the evolution made of the decision between t = 0 and T, as markdown."""
    start, end = ({term: float(values[place]) for term, values in now.dividends.items()} for place in (0, -1))
    return answers.added(start, end, "the evolution")


def at_cursor(dividends: Mapping[str, np.ndarray], moving: np.ndarray, moving_name: str, place: int, where: str, unit: str) -> None:
    """The numbers at the cursor in one line."""
    share = through.joint_share(dividends)
    best = max((term for term in dividends if term), key=lambda term: abs(dividends[term][place]))
    st.caption(f"At {where}: joint terms are {share[place]:.0%} of the decision's size ({share[0]:.0%} at the start, {share[-1]:.0%} at "
               f"the end); largest term {text.plain(' + '.join(best.split('+')))} ({dividends[best][place]:+.2f}); {moving_name} "
               f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).")


def which_layer(names: list[str]) -> int:
    """Draws the cursor along the layers; returns the place."""
    if state.get(LAYER) not in (None, *names):
        state.put(LAYER, names[-1])  # of another model
    return names.index(st.select_slider("Place in the network", names, names[-1],
                                        help="Marked in the figure; its numbers stand below it.", **state.bound(LAYER)))
