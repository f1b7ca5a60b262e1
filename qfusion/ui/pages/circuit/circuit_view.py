"""The Circuit page of a QiNN-QJ: one step of the evolution with the sample in it, its error against the step."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.panels import circuit as builders
from qfusion.panels.circuit import CHOICES, SPLITS, STEPS
from qfusion.ui.door import turns
from qfusion.ui.frame import depth, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.circuit import exports
from qfusion.ui.panel import panels
from qfusion.ui.shared import export_dialog, replay_view

STEP, SPLIT = "steps", "gates"
_WHOLE = "The whole evolution repeats everything after the preparations until T."


def page(here: Here) -> None:
    """The circuit of one step with the sample in it, a scrubber, the state at its place, and how far the step is from
    our evolution."""
    sample = here.subject()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = int(
            st.select_slider(
                "Time steps",
                CHOICES,
                STEPS,
                **state.bound(STEP),
                help=f"So many steps dt fill the duration T.{'' if depth.full() else ' ' + _WHOLE}",
            )
        )
        gates = str(st.selectbox("Gates of H", list(SPLITS), **state.bound(SPLIT)))
    built = builders.step(sample, steps, gates)
    replay = builders.replay(sample, steps, gates)
    at, picked = replay_view.scrubber(replay, sample)
    replay_view.diagram(sample, here.theme, at, steps=steps, gates=gates, **picked)
    depth.below(_WHOLE)
    replay_view.here_and_now(sample, here.theme, replay, at, steps=steps, gates=gates)
    replay_view.gate_table(replay)
    panels.draw(builders.entropies(sample, here.theme, gate=at, steps=steps, gates=gates))
    panels.draw(builders.step_error(sample, here.theme, steps=steps, gates=gates))
    panels.below(here.theme, **here.subjects())
    _downloads(here, built)


def _downloads(here: Here, built: Any) -> None:
    """The circuit as a picture to download, and the way out for the model."""
    with st.container(horizontal=True):
        st.download_button(
            "Circuit as SVG",
            data=turns.in_turn(built.draw_svg),
            file_name="qfusion-step.svg",
            mime="image/svg+xml",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-svg",
        )
        st.download_button(
            "Circuit as text",
            data=turns.in_turn(built.draw_text),
            file_name="qfusion-step.txt",
            mime="text/plain",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-txt",
        )
        st.download_button(
            "Quantikz (LaTeX)",
            data=turns.in_turn(lambda: built.to_quantikz(exports.PER_LINE)),
            file_name="qfusion-step.tex",
            mime="text/x-tex",
            on_click="ignore",
            icon=":material/download:",
            key="save-step-tex",
        )
        export_dialog.button(here)
    exports.picture(built.draw_svg)
