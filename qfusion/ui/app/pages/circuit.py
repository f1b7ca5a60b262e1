"""Circuit: the model as gates with the learned values, the sample walking through it."""

import streamlit as st

from qfusion.ui.frame import runs
from qfusion.ui.frame.shell import Here, fragment, guard, link, shell
from qfusion.ui.pages.circuit import circuit_view, fusion_circuit_view, gates_view


@st.fragment
def fusion_network(here: Here) -> None:
    """The whole network; a fragment, so that an edit redraws this and nothing else."""
    runs.begin()
    with st.container(key="fold-circuit"), guard():
        fusion_circuit_view.page(here)


@fragment
def one_step(here: Here) -> None:
    """One step of the evolution."""
    circuit_view.page(here)


@st.fragment
def plain_gates(here: Here) -> None:
    """A circuit of plain gates."""
    runs.begin()
    with st.container(key="fold-circuit"), guard():
        gates_view.page(here)


def page() -> None:
    """Draws the page."""
    here = shell("Circuit")
    if not here.work.can("circuit"):
        st.markdown("**This model has no circuit of gates**: its scores are read out at once.")
        if here.work.can("states"):
            link("pages/operators.py", "See what its read-out votes for", ":material/how_to_vote:")
        else:
            link("pages/samples.py", "See what each modality adds", ":material/article:")
        return
    (
        one_step
        if here.work.can("time")
        else plain_gates
        if here.work.can("gates")
        else fusion_network
    )(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
