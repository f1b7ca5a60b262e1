"""Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from qfusion.analysis import backgrounds, faithful, inside_modality, text
from qfusion.analysis.inside_modality import Canvas
from qfusion.analysis.subject import Workspace
from qfusion.explain.features.attribution import BASELINES, MOST_STEPS, SCORE, Attribution
from qfusion.figures.draw import inside as figures
from qfusion.ui.frame import runs, state
from qfusion.ui.frame.shell import Here, guard
from qfusion.ui.panel import panels

OPEN, MODALITY, TERM, BASELINE, OTHER = "inside", "inside.of", "inside.term", "inside.from", "inside.other"
STARTS = {"training mean": "mean", "zero": "zero", "another sample": "sample"}
_BARE = " These data hold no words, sounds or pixels that these features belong to one by one, only the features: they are shown."
_UNITS = {"words": "word", "waveform": "frame", "picture": "pixel", "curve": "point", "features": "feature"}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this part's widgets."""
    terms = {inside_modality.title(term) for name in work.modalities for term in inside_modality.terms(work, name)}
    return {OPEN: state.switch("Inside a modality", "It stays closed."),
            MODALITY: state.options("Modality", work.modalities, "The first is shown."),
            TERM: state.options("Term", sorted(terms), "The score is taken."),
            BASELINE: state.options("Starting point", STARTS, "The training mean is taken."),
            OTHER: state.Allowed(work.dataset.row, "Another sample is taken.")}


def part(here: Here) -> None:
    """The folded part of the Samples page; nothing is worked out until it is opened."""
    box = st.expander("Inside a modality: which words, sounds or pixels?", icon=":material/search:", **state.opened(OPEN))
    if box.open:
        with box:
            _draw(here)


@st.fragment
def _draw(here: Here) -> None:
    runs.begin()
    with guard():
        modality, term, baseline, other = _controls(here)
        found = inside_modality.attribute(here.work, here.row, modality, term, here.output, baseline, other)
        steps = len(found.values) if found.values.ndim == 2 else None
        canvas = inside_modality.canvas(here.work, here.row, modality, steps)
        _panel(here, found, canvas, other)
        if steps is not None:
            _features(here, found)


def _controls(here: Here) -> tuple[str, str, str, str]:
    """Modality, term, baseline and the id of the sample that is the baseline, if one is."""
    work = here.work
    _settle(MODALITY, work.modalities)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        modality = st.segmented_control("Modality", work.modalities, default=work.modalities[0], required=True, **state.bound(MODALITY))
        terms = {inside_modality.title(term): term for term in inside_modality.terms(work, modality)}
        _settle(TERM, terms)
        term = st.selectbox("What was made", list(terms), help="The whole score, or one of the terms (dividends) that this modality is in. "
                            "Terms of several modalities say what they add together.", width=260, **state.bound(TERM))
        _settle(BASELINE, STARTS)
        start = st.segmented_control("Starting from", list(STARTS), default="training mean", required=True, **state.bound(BASELINE),
                                     help="Attributions share out the difference between this sample's features and these.")
        other = ""
        if STARTS[start] == "sample":
            ids = work.dataset.ids.tolist()
            _settle(OTHER, ids)
            usual = ids.index(backgrounds.usual_contrast(work, here.row))
            other = st.selectbox("That sample", ids, index=usual, width=180, **state.bound(OTHER))
    return modality, terms[term], STARTS[start], other


def _settle(key: str, options: Any) -> None:
    """Takes back a value that another model or modality left and that is no option here."""
    if state.get(key) is not None and state.get(key) not in options:
        state.forget(key)


def _panel(here: Here, found: Attribution, canvas: Canvas, other: str) -> None:
    unit = "cell" if canvas.parts.get("spectrogram") else _UNITS[canvas.kind]
    top = abs(found.units).argmax()
    name = text.plain(canvas.names[top], 40)
    head = f"‘{name}’" if canvas.kind == "words" else name
    where = text.plain(inside_modality.title(found.term))
    what = where if found.term == SCORE else f"the term of {where}"
    start = f"sample {text.plain(other)}" if other else BASELINES[found.baseline]
    panels.panel(
        "inside", f"In {text.plain(found.modality)}, {head} moved {what} the most ({found.units[top]:+.3f})", _figure(here, found, canvas),
        shows=f"how the change of {what}{_whose(here)} from {found.start:+.3f} (at {start}) to {found.end:+.3f} (this sample) is shared "
              f"among the {len(found.units):,} {unit}s, by integrated gradients. {_error(found)}"
              f"{_mean_of(here, found)}{_against(here, found)}",
        not_shown="what the encoder would do far from the straight way between both, or why people said so."
                  + (_BARE if canvas.kind == "features" else ""),
        alt=f"Attribution inside {found.modality}: largest at {canvas.names[top]}, {found.units[top]:+.3f}.",
        numbers=lambda: inside_modality.frame(here.work, here.row, found))


def _figure(here: Here, found: Attribution, canvas: Canvas) -> go.Figure:
    unit, theme = here.unit, here.theme
    if canvas.kind == "words":
        return figures.words(values=found.units, unit=unit, theme=theme, **canvas.parts)
    if canvas.kind == "waveform":
        return figures.waveform(values=found.units, unit=unit, theme=theme, **canvas.parts)
    if canvas.kind == "picture":
        return figures.picture(values=found.values.reshape(canvas.parts["pixels"].shape), unit=unit, theme=theme, **canvas.parts)
    if canvas.kind == "curve":
        return figures.curve(values=found.values, unit=unit, theme=theme, **canvas.parts)
    return figures.bars(canvas.names, found.units, unit=unit, theme=theme)


def _features(here: Here, found: Attribution) -> None:
    """Of a sequence, what each feature added over all steps."""
    names = next(m for m in here.work.dataset.modalities if m.name == found.modality).feature_names
    top = abs(found.features).argmax()
    panels.panel(
        "inside-features", f"Of its features, ‘{text.plain(names[top], 40)}’ added the most ({found.features[top]:+.3f})",
        figures.bars(names, found.features, unit=here.unit, theme=here.theme),
        shows=f"the same attribution, added up over the {len(found.units)} steps for each of the {len(names)} features.{here.of}",
        not_shown="at which step: see above.", alt=f"Attribution by feature: largest {names[top]}.",
        numbers=lambda: inside_modality.frame(here.work, here.row, found))


def _mean_of(here: Here, found: Attribution) -> str:
    """Over how many samples the starting point is the mean."""
    return f" The training mean is over {faithful.trained_on(here.work):,} samples." if found.baseline == "mean" else ""


def _error(found: Attribution) -> str:
    """How far the shares are from adding up."""
    words = f"Convergence error {found.error:.2g} ({found.relative_error:.2%} of the change, {found.steps:,} steps)"
    return f"{words}." if found.converged else f"**{words}: above 1 % even at {MOST_STEPS:,} steps; read the shares with care.**"


def _against(here: Here, found: Attribution) -> str:
    return "" if found.term == SCORE else " " + backgrounds.against(here.work.background)


def _whose(here: Here) -> str:
    return f" of ‘{text.plain(here.work.classes[here.output])}’" if here.work.classes else ""
