"""Decision and entanglement under one cursor: the choice of terms, the cursor, and the answer in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from qfusion._sentences import share as percent
from qfusion.analysis.dynamics import through
from qfusion.analysis.dynamics.through import KINDS
from qfusion.panels import dynamics as dynamics_panels
from qfusion.ui.frame import depth, state

TERMS, ABOVE, LAYER = "as", "above", "layer"


def which_terms() -> str:
    """Draws the choice between contributions and Shapley values."""
    if state.get(TERMS) not in (None, *KINDS):
        state.put(TERMS, KINDS[0])
    return (
        st.segmented_control(
            "Lower panel",
            list(KINDS),
            default=KINDS[0],
            help="Contributions tell what modalities say alone and only together; Shapley values "
            "split the joint terms among them.",
            **state.bound(TERMS),
        )
        or KINDS[0]
    )


def which_measure(modalities: Sequence[str]) -> str:
    """Draws the choice of what stands above the decision."""
    offered = dynamics_panels.measures_above(modalities)
    if state.get(ABOVE) not in (None, *offered):
        state.put(ABOVE, dynamics_panels.ENTROPY)  # of another model
    return (
        st.segmented_control(
            "Upper panel",
            list(offered),
            default=dynamics_panels.ENTROPY,
            help="Entropy says how mixed each state is, by entanglement or by jumps; entanglement "
            "(logarithmic negativity) takes longer; mutual information is that of the pairs "
            "on which the sliders that you moved act, of all pairs if none.",
            **state.bound(ABOVE),
        )
        or dynamics_panels.ENTROPY
    )


def at_cursor(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    place: int,
    where: str,
    unit: str,
) -> None:
    """The numbers at the cursor in one line."""
    share = through.joint_share(dividends)
    now, at_start, at_end = (percent(share[at]) for at in (place, 0, -1))
    largest = through.largest_at(dividends, place)
    depth.line(
        f"At {where}: joint terms {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
        f"At {where}: joint terms are {now} of the decision's size ({at_start} at the start, {at_end} at the end); "
        f"{largest}; {moving_name} "
        f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
    )


def which_layer(names: list[str]) -> int:
    """Draws the cursor along the layers; returns the place."""
    if state.get(LAYER) not in (None, *names):
        state.put(LAYER, names[-1])  # of another model
    return names.index(
        st.select_slider(
            "Place in the network",
            names,
            names[-1],
            help="Marked in the figure; its numbers stand below it.",
            **state.bound(LAYER),
        )
    )
