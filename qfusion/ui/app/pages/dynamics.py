"""Dynamics: what happens between features and score, and what would happen if a coupling were weaker."""

import streamlit as st

from qfusion.analysis.dynamics import evolution
from qfusion.models.tweak import LEARNED
from qfusion.panels import dynamics as builders
from qfusion.ui.frame import depth, runs, sliders, state
from qfusion.ui.frame.shell import Here, guard, shell
from qfusion.ui.pages.dynamics import dynamics_view, generator_view
from qfusion.ui.panel import panels
from qfusion.ui.shared import export_dialog, physics_view

TABS = dict(
    zip(
        builders.VIEWS,
        (
            dynamics_view.decision_tab,
            dynamics_view.correlations_tab,
            dynamics_view.trajectories_tab,
            dynamics_view.state_tab,
            dynamics_view.attractor_tab,
            physics_view.dynamics_tab,
            generator_view.tab,
        ),
        strict=True,
    )
)


@st.fragment
def dynamics(here: Here) -> None:
    """Sliders beside what they change; a fragment, so that moving one redraws this and nothing else."""
    runs.begin()
    with st.container(key="fold-dynamics"):
        side, main = st.columns([1, 3.4], gap="medium")
        with side, st.container(border=True, key="pair-knobs", gap="xsmall"):
            presets, line = st.container(), st.empty()
            tweak = sliders.draw(here.work)
            with line:
                depth.folded("All sliders", open=bool(tweak.numbers()))
            with presets:
                sliders.presets(here.work)
            export_dialog.button(here)
        with main, guard():
            now = evolution.decide(here.work, here.row, tweak, here.subject().output)
            base = evolution.decide(here.work, here.row, LEARNED, here.subject().output)
            dynamics_view.follow_touch(tweak, here.work.modalities)
            dynamics_view.before_after(here, now, base)
            dynamics_view.cursor(now)
            tabs = st.tabs(list(TABS), **state.opened(state.VIEW))
            for tab, draw in zip(tabs, TABS.values(), strict=True):
                if tab.open:
                    with tab, guard():
                        draw(here, now, base)
                        panels.below(here.theme, **here.subjects(now.tweak))
            dynamics_view.exactness_line(here, tweak)
    here.prepare(tweak)


def page() -> None:
    """Draws the page."""
    here = shell("Dynamics")
    if here.work.can("time"):
        dynamics_view.take_turn(here.work)
        dynamics(here)
    else:
        with guard():
            dynamics_view.no_time(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
