"""How to read the pages: colours, the sum of a decision, and what the pages of this model add."""

import streamlit as st

from qfusion.analysis import text
from qfusion.figures import style
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.ui import guidance, page_context

_OF_TIME = (
    "- **Entropy** measures how mixed a modality's state has become. It indicates correlation, "
    "not which modality decided.\n- **Sliders** on the Dynamics page change the physics and with "
    "it the test metrics, which makes the explanation testable.\n"
)
_OF_CIRCUITS = (
    "- **Mass** is the support of a modality for an element, from 0 to 1. A **truth table** "
    "defines how the fusion combines masses.\n- **Angles** on the Circuit page can be edited; "
    "decision and test accuracy then change, which makes the explanation testable.\n- "
    "**Entropy** of a fused qubit is its entanglement entropy with the modality qubits (nats). It indicates "
    "correlation, not which modality decided.\n"
)


def reading_guide(context: page_context.PageContext) -> None:
    """How to read the pages."""
    names = context.study.modalities
    total = "the score"
    if context.study.classes:
        total = "the log-odds of the class in nats: above 0 for it, below 0 against it"
    additions = ""
    if context.study.model.part(Evolution):
        additions = _OF_TIME
    elif context.study.model.part(TruthTables):
        additions = _OF_CIRCUITS
    swatches = "  ".join(
        f"{text.escape_markdown(name)} ({_HUES.get(style.term_colour(name, names), 'grey')})"
        for name in names
    )
    st.expander("How to read the pages", icon=":material/help:", expanded=guidance.full()).markdown(
        f"- **Colours** stand for modalities everywhere: {swatches}. Joint terms take the mixed hue, dashed or "
        "hatched.\n- **A decision is a sum**: baseline (the mean over the training data, or whatever is picked on "
        f"top) + what each modality adds alone + what pairs and all together add jointly = {total}. "
        "The sum is exact, not sampled.\n"
        + additions
        + "- **Every figure** has an export (SVG, PDF, PNG, HTML, and what it was made from) and its numbers as "
        "CSV; the address bar holds the whole view."
    )


_HUES = {
    style.BLUE: "blue",
    style.VERMILLION: "vermillion",
    style.GREEN: "green",
    style.YELLOW: "yellow",
    style.PURPLE: "purple",
    style.SKY: "sky blue",
}
