"""The Circuit page of a model whose circuit is a list of gates: the sample on its way through, entropies, exports."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import text
from qfusion.panels import circuit as builders
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.circuit import exports
from qfusion.ui.panel import panels
from qfusion.ui.shared import replay_view

PROGRAM = "table.program"


def page(here: Here) -> None:
    """The circuit of the sample, a scrubber, the qubits at its place, what they share, and exports."""
    sample = here.subject()
    replay = builders.replay(sample)
    st.markdown(text.plain(replay.says))
    at, picked = replay_view.scrubber(replay, sample)
    replay_view.diagram(sample, here.theme, at, **picked)
    replay_view.here_and_now(sample, here.theme, replay, at)
    replay_view.gate_table(replay)
    panels.draw(builders.entropies(sample, here.theme, gate=at))
    if builders.shares(sample):
        panels.draw(builders.information(sample, here.theme, gate=at))
    panels.below(here.theme, **here.subjects())
    program = st.expander(
        "The circuit for elsewhere", icon=":material/output:", **state.opened(PROGRAM)
    )
    if program.open:
        with program:
            exports.view(here, folded=False)
