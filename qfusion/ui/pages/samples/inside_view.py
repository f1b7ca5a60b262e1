"""Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis import backgrounds, inside_modality
from qfusion.explain.attribution import INTEGRATED, METHODS
from qfusion.panels import samples
from qfusion.panels.samples import STARTS
from qfusion.ui.frame import runs, state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_box

OPEN, MODALITY, TERM, BASELINE, OTHER, METHOD = (
    "inside",
    "inside.of",
    "inside.term",
    "inside.from",
    "inside.other",
    "inside.by",
)


def part(here: Here) -> None:
    """The folded part of the Samples page; nothing is worked out until it is opened."""
    box = st.expander(
        "Inside a modality: which words, sounds or pixels?",
        icon=":material/search:",
        **state.opened(OPEN),
    )
    if box.open:
        with box:
            _draw(here)


@st.fragment
def _draw(here: Here) -> None:
    runs.begin()
    with guard():
        chosen, sample = _controls(here), here.subject()
        panels.draw(samples.attribution(sample, here.theme, **chosen))
        if samples.of_sequence(sample, **chosen):
            panels.draw(samples.features(sample, here.theme, **chosen))
        if samples.of_sequences(sample, **chosen):
            together = {key: value for key, value in chosen.items() if key != "modality"}
            panels.draw(samples.over_time(sample, here.theme, **together))


def _controls(here: Here) -> dict[str, str]:
    """Modality, term, baseline and the id of the sample that is the baseline, if any: the builders' options."""
    work = here.work
    _settle(MODALITY, work.modalities)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        modality = state.one_of(
            "Modality", work.modalities, default=work.modalities[0], **state.bound(MODALITY)
        )
        terms = {
            inside_modality.title(term): term for term in inside_modality.terms(work, modality)
        }
        _settle(TERM, terms)
        term = st.selectbox(
            "Attribution of",
            list(terms),
            help="The whole score, or one of the terms that this modality is in. Terms of "
            "several modalities say what they add together.",
            width=260,
            **state.bound(TERM),
        )
        _settle(BASELINE, STARTS)
        start = state.one_of(
            "Relative to",
            list(STARTS),
            default="training mean",
            **state.bound(BASELINE),
            help="Attributions share out the difference between this sample's features and these.",
        )
        other = ""
        if STARTS[start] == "sample":
            if sample_box.is_foreign(work.dataset, OTHER):
                state.forget(OTHER)
            other = sample_box.draw(
                "That sample",
                work.dataset,
                backgrounds.default_contrast(work, here.row),
                OTHER,
                width=180,
            )
        titles = {about.title: name for name, about in METHODS.items()}
        method = titles[
            st.selectbox(
                "Attribution method",
                list(titles),
                index=list(METHODS).index(INTEGRATED),
                width=200,
                **state.bound(METHOD),
            )
        ]
    return {
        "modality": modality,
        "term": terms[term],
        "baseline": STARTS[start],
        "other": other,
        "method": method,
    }


def _settle(key: str, options: Any) -> None:
    """Takes back a value that another model or modality left and that is no option here."""
    if state.get(key) is not None and state.get(key) not in options:
        state.forget(key)
