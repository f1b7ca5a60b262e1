"""Five questions about the current sample, each with its answer in a sentence and a link to the figure behind it; on
the Overview page."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.questions import IN_TURN, QUESTIONS
from qfusion.analysis.subject import Workspace
from qfusion.panels import overview
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels

Place = tuple[str, str, dict[str, str]]  # page, label of the link, what the link shows


def panel(here: Here) -> None:
    """All five; the slow ones are worked out last, so that the others can be read meanwhile."""
    sample = here.subject()
    picture = overview.questions(sample)
    with st.container(border=True, key="panel-questions", gap="xsmall", height="stretch"):
        panels.heading(picture.title, picture)
        cells = {
            question: st.container(key=f"question-{at}") for at, question in enumerate(QUESTIONS)
        }
        places = dict(zip(QUESTIONS, _places(here.work), strict=True))
        for question in IN_TURN:
            answer, (page, label, shown) = QUESTIONS[question](sample), places[question]
            with cells[question]:
                st.markdown(f"**{question}**  \n{answer}")
                link(page, label, ":material/arrow_outward:", **shown)
        panels.footer(picture)


def _places(work: Workspace) -> tuple[Place, ...]:
    """Where the figure behind each answer is."""
    fixed: tuple[Place, ...] = (
        ("pages/samples.py", "See every part", {}),
        ("pages/samples.py", "See what each says", {}),
        ("pages/what_if.py", "See and try it", {}),
    )
    if work.can("time"):
        return (
            *fixed,
            ("pages/dynamics.py", "See it over time", {"show": "Decision"}),
            ("pages/dynamics.py", "See what built it", {"show": "Decision"}),
        )
    if work.can("layers"):
        return (
            *fixed,
            ("pages/circuit.py", "See it along the layers", {"rules": "Entropies"}),
            ("pages/circuit.py", "See it after the fusion", {"rules": "Entropies"}),
        )
    return (
        *fixed,
        ("pages/dynamics.py", "See why", {}),
        ("pages/operators.py", "See what the read-out votes for", {}),
    )
