"""Circuit: the model as gates with the learned values, the sample walking through it."""

import streamlit as st

from qfusion.ui import cache, circuit_view, fusion_circuit_view, runs
from qfusion.ui.shell import Here, guard, shell


@st.fragment
def fusion_network(here: Here) -> None:
    """The whole network; a fragment, so that an edit redraws this and nothing else."""
    runs.begin()
    with st.container(key="fold-circuit"), guard():
        fusion_circuit_view.page(here)


@st.fragment
def one_step(here: Here) -> None:
    """One step of the evolution."""
    runs.begin()
    with guard():
        dt, split = circuit_view.controls(here)
        built = cache.circuit(here.work, here.row, dt, split)
        circuit_view.step(here, built, dt, split)
        circuit_view.error(here, built, split)
        circuit_view.picture(here, built)


here = shell("Circuit", "What does every gate do to this sample, and what would it have decided otherwise?",
             lambda work: (circuit_view if work.has_time else fusion_circuit_view).allowed(work))
(one_step if here.work.has_time else fusion_network)(here)
