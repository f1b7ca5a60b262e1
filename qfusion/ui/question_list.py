"""Five questions about the current sample, each with its answer in a sentence and a link to the figure behind it."""

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis.study import Study
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.ui import figure, navigation, page_context
from qfusion.views import overview
from qfusion.views.pages.panel import drawn
from qfusion.views.words import answers

Place = tuple[str, str, dict[str, str]]  # page, label of the link, what the link shows


def five_questions(context: page_context.PageContext) -> None:
    """Draw all five questions. The slow ones are computed last, so that the others can be read meanwhile."""
    sample = context.tweaked_sample()
    picture = drawn(overview.questions)(sample)
    with st.container(border=True, key="panel-questions", gap="xsmall", height="stretch"):
        figure.heading(picture.title, picture)
        cells = {
            question: st.container(key=f"question-{at}")
            for at, question in enumerate(answers.QUESTIONS)
        }
        places = dict(zip(answers.QUESTIONS, _places(context.study), strict=True))
        for question in answers.IN_TURN:
            answer, (page, label, shown) = answers.QUESTIONS[question](sample), places[question]
            with cells[question]:
                st.markdown(f"**{question}**  \n{true_minus(answer)}")
                if context.study.reads_features or page == "pages/samples.py":
                    navigation.link(page, label, ":material/arrow_outward:", **shown)
        figure.footer(picture)


def _places(study: Study) -> tuple[Place, ...]:
    """Return the location of the figure behind each answer."""
    last: dict[type, tuple[Place, ...]] = {
        Evolution: (
            ("pages/dynamics.py", "See it over time", {"show": "Decision"}),
            ("pages/dynamics.py", "See what built it", {"show": "Decision"}),
        ),
        LayeredNetwork: (
            ("pages/circuit.py", "See it along the layers", {"rules": "Entropies"}),
            ("pages/circuit.py", "See it after the fusion", {"rules": "Entropies"}),
        ),
    }
    other: tuple[Place, ...] = (
        ("pages/dynamics.py", "See why", {}),
        ("pages/operators.py", "See the votes of the read-out", {}),
    )
    return (
        ("pages/samples.py", "See every part", {}),
        ("pages/samples.py", "See what each says", {}),
        ("pages/what_if.py", "See and try it", {}),
        *next((places for part, places in last.items() if study.model.part(part)), other),
    )
