"""The Circuit page of an entangled-fusion network: its views, entropies along the layers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.panels import circuit, network
from qfusion.panels.circuit import NETWORK_VIEWS
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.pages.circuit import exports, fusion_view, noise_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import layers_view, physics_view, replay_view, table_editor

PART = "part"
WITH_SCRUBBER = (
    "Walk",
    "Entropies",
)  # it stands above the views: see `cursor` of the Dynamics page


def page(here: Here) -> None:
    """All views; only the open one is drawn."""
    if state.get(PART) not in (None, *NETWORK_VIEWS):
        state.put(PART, NETWORK_VIEWS[0])
    sample, view = here.subject(table_editor.words(here)), state.shown(PART, NETWORK_VIEWS)
    _edited_line(here, sample.tweak, view)
    at, picked = 0, dict[str, Any]()
    if view in WITH_SCRUBBER:
        at, picked = replay_view.scrubber(
            circuit.replay(sample), sample if view == NETWORK_VIEWS[0] else None
        )
    draw = {
        "Walk": lambda: replay_tab(here, sample, at, picked),
        "Fusion rules": lambda: fusion_view.tab(here, sample),
        "Noise and shots": lambda: noise_view.tab(here, sample),
        "Entropies": lambda: entropies_tab(here, sample, at),
        "Sensitivity": lambda: physics_view.tab(here, sample),
        "Export": lambda: exports.view(here, sample.tweak),
    }
    for tab, name in zip(
        st.tabs(list(NETWORK_VIEWS), **state.opened(PART)), NETWORK_VIEWS, strict=True
    ):
        if tab.open:
            with tab, guard():
                draw[name]()
                panels.below(here.theme, **here.subjects(sample.tweak))


def _edited_line(here: Here, in_force: str, view: str) -> None:
    """What is edited, as text: whatever view is open, the decision is that of the edited tables, and the address holds
    them."""
    if view != "Fusion rules" and in_force:
        st.info(
            f"The fusion's tables are edited: {text.plain(in_force)}. Undo it here or under “Fusion rules”.",
            icon=":material/edit:",
        )
    if view == "Fusion rules" or table_editor.said():
        table_editor.typed(here)


def replay_tab(here: Here, sample: Sample, at: int, picked: dict[str, Any]) -> None:
    """Diagram as `picked`, the angle of the gate at the scrubber where it can be set, state before and after it."""
    replay_view.diagram(sample, here.theme, at, **picked)
    table_editor.at_gate(sample, at)
    replay = circuit.replay(sample)
    replay_view.here_and_now(sample, here.theme, replay, at)
    replay_view.gate_table(replay)


def entropies_tab(here: Here, sample: Sample, at: int) -> None:
    """The decision along the layers; entropy along the gates, of every cut, and around every pooling."""
    layers_view.panel(sample, here.theme)
    panels.draw(circuit.entropies(sample, here.theme, gate=at))
    for place, builder in zip(st.columns(2), (network.cuts, network.mutual), strict=True):
        with place:
            panels.draw(builder(sample, here.theme))
    panels.draw(network.poolings(sample, here.theme))
