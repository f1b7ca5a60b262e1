"""Dynamics: what happens between features and score, and what would happen if a coupling were weaker."""

import streamlit as st

from qfusion.analysis.dynamics import evolution
from qfusion.models.tweak import LEARNED
from qfusion.ui.frame import runs, sliders, state
from qfusion.ui.frame.shell import Here, guard, shell
from qfusion.ui.pages.dynamics import dynamics_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import export_dialog, physics_view

TABS = dict(zip(dynamics_view.TAB_NAMES, (
    dynamics_view.decision_tab, dynamics_view.correlations_tab, dynamics_view.trajectories_tab, dynamics_view.state_tab,
    dynamics_view.attractor_tab, physics_view.dynamics_tab), strict=True))


@st.fragment
def dynamics(here: Here) -> None:
    """Sliders beside what they change; a fragment, so that moving one redraws this and nothing else."""
    runs.begin()
    with st.container(key="fold-dynamics"):
        side, main = st.columns([1, 3.4], gap="medium")
        with side, st.container(border=True, key="pair-knobs", gap="xsmall"):
            sliders.presets(here.work)
            tweak = sliders.draw(here.work)
            export_dialog.button(here)
        with main, guard():
            now = evolution.decide(here.work, here.row, tweak, here.output)
            base = evolution.decide(here.work, here.row, LEARNED, here.output)
            dynamics_view.before_after(here, now, base)
            dynamics_view.cursor(now)
            tabs = st.tabs(list(TABS), **state.opened(state.VIEW))
            for tab, (name, draw) in zip(tabs, TABS.items(), strict=True):
                if tab.open:
                    with tab, guard():
                        draw(here, now, base)
                        panels.registered(here, name, now.tweak)
            dynamics_view.agreement_line(here, tweak)


def page() -> None:
    """Draws the page."""
    here = shell("Dynamics", "When is the decision made, and would it still be made if this coupling were weaker?",
                 dynamics_view.allowed)
    if here.work.can("time"):
        dynamics_view.take_turn(here.work)
        dynamics(here)
    else:
        with guard():
            dynamics_view.no_time(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
