"""The sliders of the Dynamics page: factors on every H_S, on the rate of every jump, and the duration."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import streamlit as st

from qfusion._checks import require_number
from qfusion.analysis.subject import Workspace
from qfusion.errors import InvalidInput
from qfusion.explain.changes.flips import TOP_DURATION, TOP_FACTOR, TOP_RATE
from qfusion.figures.style import term_title
from qfusion.models import Tweak
from qfusion.models.tweak import COUPLING, DURATION, RATE, couplings, current_key, learned, rate_key
from qfusion.ui.frame import state

STEP = 0.05


def _tops(model: Any) -> dict[str, float]:
    """The highest value of every slider, by key; the lowest is 0."""
    tops = {COUPLING: TOP_FACTOR, RATE: TOP_RATE, DURATION: TOP_DURATION}
    return {key: default * next(top for start, top in tops.items() if key.startswith(start)) for key, default in learned(model).items()}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about the sliders; also names couplings and rates that this model does not have."""
    default, tops = learned(work.model), _tops(work.model)
    strange = [key for key in st.query_params if key.startswith((COUPLING, RATE)) and key not in default]
    for key in strange:
        with suppress(InvalidInput):
            if (now := current_key(key, work.modalities)) != key:
                state.rename(key, now)
    rules = {key: state.number(key, 0, tops[key], f"{'T = ' if key == DURATION else ''}{value:g} is used.")
             for key, value in default.items()}
    return rules | {key: state.Allowed(partial(_unknown, work.model, key), "It is ignored.") for key in strange}


def _unknown(model: Any, key: str, _: str) -> None:
    """Raises NotFound or InvalidInput: the model has no slider of that name."""
    Tweak.of([(key, 1)], model)


def fitting(model: Any, tweak: Tweak | str) -> Tweak:
    """Returns a tweak, given as text or not, that the sliders can show.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of its range.
    """
    found, tops = model.parse_tweak(tweak), _tops(model)
    for key, value in found.numbers().items():
        require_number(key, value, 0, tops[key])
    return found


def current(work: Workspace) -> Tweak:
    """What the sliders of this session say, whichever page drew them.

    Raises:
        InvalidInput: when a number, set for another model, is out of its range.
    """
    said = [(key, state.get(key)) for key in learned(work.model)]
    return fitting(work.model, Tweak.of([(key, value) for key, value in said if isinstance(value, int | float)], work.model))


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


def set_to(model: Any, tweak: Tweak) -> None:
    """Sets every slider before it is drawn, or in a callback."""
    for key, value in (learned(model) | tweak.numbers()).items():
        state.put(key, value)
