"""Five questions about the current sample, each with its answer in a sentence and a link to the figure behind it; on the Overview page."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from qfusion.analysis import answers, backgrounds, circuit_evolution, evolution, interventions, text, through
from qfusion.models.tweak import LEARNED
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.pages.what_if import flip_view, what_if_view
from qfusion.ui.panel import panels

QUESTIONS = ("Which modality decided this?", "Did the modalities conflict?", "What would flip it?", "When did it happen?",
             "What did the dynamics add?")


def panel(here: Here) -> None:
    """All five; the slow ones are worked out last, so that the others can be read meanwhile."""
    with st.container(border=True, key="panel-questions", gap="xsmall"):
        panels.heading(f"Five questions about sample {text.plain(here.sample)}, decided {_decision(here)}")
        with st.container(key="pair-questions"):
            cells = st.columns(5, gap="medium")
        said: dict[str, str] = {}
        for place in (0, 1, 3, 4, 2):
            answer, page, label, shown = _ANSWERS[place](here)
            said[QUESTIONS[place]] = answer
            with cells[place]:
                st.markdown(f"**{QUESTIONS[place]}**  \n{answer}")
                link(page, label, ":material/arrow_outward:", **shown)
        panels.footer("questions", f"answers of {text.plain(here.work.name)} about this {here.work.dataset.split[here.row]} sample, each "
                      f"from the figure that its link opens; samples that would flip it are looked for among {len(here.work.dataset):,}. "
                      + backgrounds.against(here.work.background),
                      "what caused the annotation, nor what other samples have: only what this model computed for this one.",
                      lambda: pd.DataFrame({"sample": here.sample, "question": list(said), "answer": list(said.values())}))


Answer = tuple[str, str, str, dict[str, str]]  # sentence, page, label of the link, what the link shows


def _decision(here: Here) -> str:
    return what_if_view.figures_of(here.work, here.work.scores[here.row])


def _decided(here: Here) -> Answer:
    return answers.decided(here.work, here.row, here.output), "pages/samples.py", "See every part", {}


def _conflict(here: Here) -> Answer:
    return answers.conflict(here.work, here.row, here.output), "pages/samples.py", "See what each says", {}


def _flip(here: Here) -> Answer:
    words = flip_view.sentence(here.work, interventions.what_would_flip(here.work, here.row))
    return f"{words}.", "pages/what_if.py", "See and try it", {}


_AT_ONCE = "The model reads its states at once: there is no way from features to score to follow."


def _when(here: Here) -> Answer:
    if here.work.can("time"):
        now = evolution.decide(here.work, here.row, LEARNED, here.output)
        return through.since_when(here.work, now), "pages/dynamics.py", "See it over time", {"show": "Decision"}
    if not here.work.can("layers"):
        return _AT_ONCE, "pages/dynamics.py", "See why", {}
    found = circuit_evolution.layer_terms(here.work, here.row)
    return circuit_evolution.since_when(here.work, found), "pages/circuit.py", "See it along the layers", {"rules": "Entropies"}


def _added(here: Here) -> Answer:
    if here.work.can("time"):
        now = evolution.decide(here.work, here.row, LEARNED, here.output)
        return through.what_was_added(now), "pages/dynamics.py", "See what built it", {"show": "Decision"}
    if not here.work.can("layers"):
        return "Nothing: there are none.", "pages/operators.py", "See what the read-out votes for", {}
    found = circuit_evolution.layer_terms(here.work, here.row)
    return circuit_evolution.what_was_added(found, here.output), "pages/circuit.py", "See it after the fusion", {"rules": "Entropies"}


_ANSWERS: tuple[Callable[[Here], Answer], ...] = (_decided, _conflict, _flip, _when, _added)
