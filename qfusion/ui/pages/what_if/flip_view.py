"""What would flip the decision: the nearest state of one modality, the nearest sample that lends it, the smallest turn
of one parameter."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.dynamics import interventions
from qfusion.analysis.dynamics.interventions import FLIP, SWAP
from qfusion.explain.sensitivity import ParameterChange, tweak_of
from qfusion.models import edits
from qfusion.panels import what_if as builders
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.pages.what_if import what_if_controls
from qfusion.ui.panel import panels

FLIPS = "knobs"
MAX_LINKS = 4


def nearest(here: Here) -> None:
    """The panel of nearest states and donors, with buttons that apply them."""
    panels.draw(builders.nearest(here.subject(), here.theme))
    with st.container(horizontal=True, key="apply-flips"):
        for name, flip in interventions.what_would_flip(here.work, here.row).items():
            if flip.state.possible:
                st.button(
                    f"Set {text.plain(name)} to its nearest flip",
                    key=f"_flip-{name}",
                    icon=":material/flip:",
                    on_click=what_if_controls.take,
                    args=(name, FLIP),
                )
            if flip.donor_id:
                st.button(
                    f"Take {text.plain(name)} of {text.plain(flip.donor_id)}",
                    key=f"_lend-{name}",
                    on_click=what_if_controls.take,
                    args=(name, SWAP, flip.donor_id),
                    icon=":material/swap_horiz:",
                )


def parameters(here: Here) -> None:
    """The folded part on the model's own parameters; nothing is worked out until it is opened."""
    if not here.work.can("terms"):
        st.caption(
            "This model has no knobs of a physics and no fusion rules that could flip the decision: only its states "
            "can."
        )
        return
    title = (
        "Which knob of the physics would flip it?"
        if here.work.can("time")
        else "Which angle of the fusion rules would flip it?"
    )
    box = st.expander(title, icon=":material/tune:", **state.opened(FLIPS))
    if not box.open:
        return
    with box:
        search = interventions.parameters_that_flip(here.work, here.row)
        if not search.found:
            st.markdown(
                f"**None of the {search.tried} knobs flips this decision on its own** ({search.ranges})."
            )
            return
        panels.draw(builders.parameter_flips(here.subject(), here.theme))
        _set_links(here, search)


def _set_links(here: Here, search: Any) -> None:
    """Links that set one of the nearest parameters where it can be watched, all others as learned."""
    with st.container(horizontal=True, key="set-knobs"):
        for change in search.found[:MAX_LINKS]:
            name = text.plain(interventions.parameter_name(here.work, change))
            if here.work.can("time"):
                link(
                    "pages/dynamics.py",
                    f"Set {name} to {beyond(change):g} on Dynamics",
                    ":material/tune:",
                    show="Decision",
                    turn=str(tweak_of(change, beyond(change))),
                )
            else:
                place = edits.key(
                    edits.shape_of(here.work.model), *map(int, change.name.split("."))
                )
                link(
                    "pages/circuit.py",
                    f"Set {name} to {beyond(change):g} rad on Circuit",
                    ":material/tune:",
                    rules="Fusion rules",
                    edits=f"{place}={beyond(change):g}",
                )


def beyond(change: ParameterChange) -> float:
    """Where a parameter turns the decision, to three digits after the point and never short of it."""
    away = math.ceil if change.value > change.learned else math.floor
    value = away(change.value * 1000) / 1000
    return value if change.kind == "angle" else max(value, 0.0)
