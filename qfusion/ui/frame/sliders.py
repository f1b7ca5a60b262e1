"""The sliders of the Dynamics page: factors on every H_S, on the rate of every jump, and the duration."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.explain.changes.flips import TOP_DURATION, TOP_FACTOR, TOP_RATE
from qfusion.figures.style import term_title
from qfusion.models import Tweak
from qfusion.models.tweak import DURATION, couplings, learned, rate_key
from qfusion.panels.core.sliders import fitting
from qfusion.ui.frame import history, state

STEP = 0.05


def current(work: Workspace) -> Tweak:
    """What the sliders of this session say, whichever page drew them.

    Raises:
        InvalidInput: when a number, set for another model, is out of its range.
    """
    said = [(key, state.get(key)) for key in learned(work.model)]
    return fitting(work.model, Tweak.of([(key, value) for key, value in said if isinstance(value, int | float)],
                                        work.model))


def draw(work: Workspace) -> Tweak:
    """Draws the sliders and returns what they say."""
    model, T = work.model, float(work.model.duration)
    st.markdown("**Couplings** × learned H", help="H = Σ H_S, each H_S acting on exactly the modalities S. 0 removes "
                                                  "it, 1 leaves it as learned.")
    said = {key: _factor(key, term_title(term), TOP_FACTOR) for key, term in couplings(model.modalities).items()}
    if model.jump_count:
        st.markdown("**Jump rates** × learned", help="Scales how often each jump operator L_k acts.")
        said |= {rate_key(k): _factor(rate_key(k), f"L{k + 1}", TOP_RATE) for k in range(model.jump_count)}
    said[DURATION] = st.slider("Duration T (model units)", 0.0, TOP_DURATION * T, T, STEP * T, format="%.2f",
                               help="How long the states evolve before the score is read.", **state.bound(DURATION))
    return Tweak.of(said.items(), model)


def _factor(key: str, title: str, top: float) -> float:
    return float(st.slider(title, 0.0, top, 1.0, STEP, format="%.2f", **state.bound(key)))


def presets(work: Workspace) -> None:
    """Buttons that set many sliders at once."""
    model = work.model
    with st.container(horizontal=True, gap="small"):
        st.button("Reset", key="_reset", on_click=set_to, args=(model, Tweak()), help="Everything as learned")
        if model.jump_count:
            st.button("No jumps", key="_unitary", on_click=set_to, args=(model, Tweak(rates=(0.0,) * model.jump_count)),
                      help="Every jump rate to 0: the state stays pure")
        joint = {term: 0.0 for term in couplings(model.modalities).values() if "+" in term}
        st.button("No joint couplings", key="_local", on_click=set_to, args=(model, Tweak(joint)),
                  help="Every H_S of two or more modalities to 0")
        history.draw(work)


def set_to(model: Any, tweak: Tweak) -> None:
    """Sets every slider before it is drawn, or in a callback."""
    for key, value in (learned(model) | tweak.numbers()).items():
        state.put(key, value)


def current_tweak(work: Any) -> str:
    """What the reader has set on the Dynamics or Circuit page for this model; empty for as learned, or for edits that
    do not fit."""
    if work.can("time"):
        return str(current(work))
    try:
        return work.model.parse_tweak(str(state.get("phi") or ""))
    except QFusionError:
        return ""
