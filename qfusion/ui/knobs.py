"""The sliders of the Dynamics page: factors on every H_S, on the rate of every jump, and the duration."""

from __future__ import annotations

from functools import partial

import streamlit as st

from qfusion._checks import choose
from qfusion.figures.style import term_title
from qfusion.ui import replay, state
from qfusion.ui.replay import Dials
from qfusion.ui.workspace import Workspace

TOP_FACTOR, TOP_RATE, TOP_DURATION = 2.0, 4.0, 3.0
STEP = 0.05


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about the sliders; also names couplings and rates that this model does not have."""
    base = replay.learned(work.model)
    rules = {state.coupling_key(term): state.number(state.coupling_key(term), 0, TOP_FACTOR, "1 is used.")
             for term, _ in base.couplings}
    rules |= {state.rate_key(k): state.number(state.rate_key(k), 0, TOP_RATE, "1 is used.")
              for k in range(len(base.rates))}
    top = TOP_DURATION * base.duration
    rules[state.DURATION] = state.number(state.DURATION, 0, top, f"T = {base.duration:g} is used.")
    known = list(rules)
    for key in st.query_params:
        if key.startswith(("H.", "rate.")) and key not in rules:
            rules[key] = state.Allowed(partial(_unknown, key, known), "It is ignored.")
    return rules


def _unknown(key: str, known: list[str], value: str) -> None:
    """Raises NotFound: the model has no slider of that name."""
    choose("Slider", key, known)


def draw(work: Workspace) -> Dials:
    """Draws the sliders and returns their values."""
    base = replay.learned(work.model)
    st.markdown("**Couplings** × learned H", help="H = Σ H_S, each H_S acting on exactly the modalities S. 0 removes "
                                                  "it, 1 leaves it as learned.")
    couplings = tuple((term, _factor(state.coupling_key(term), term_title(term), TOP_FACTOR))
                      for term, _ in base.couplings)
    rates: tuple[float, ...] = ()
    if base.rates:
        st.markdown("**Jump rates** × learned", help="Scales how often each jump operator L_k acts.")
        rates = tuple(_factor(state.rate_key(k), f"L{k + 1}", TOP_RATE) for k in range(len(base.rates)))
    duration = st.slider("Duration T (model units)", 0.0, TOP_DURATION * base.duration, base.duration,
                         STEP * base.duration, format="%.2f",
                         help="How long the states evolve before the score is read.", **state.bound(state.DURATION))
    return Dials(couplings, rates, float(duration))


def _factor(key: str, title: str, top: float) -> float:
    return float(st.slider(title, 0.0, top, 1.0, STEP, format="%.2f", **state.bound(key)))


def presets(work: Workspace) -> None:
    """Buttons that set many sliders at once."""
    base = replay.learned(work.model)
    with st.container(horizontal=True, gap="small"):
        st.button("Reset", key="_reset", on_click=_apply, args=(base, base),
                  help="Everything as learned")
        if base.rates:
            st.button("No jumps", key="_unitary", on_click=_apply,
                      args=(base, Dials(base.couplings, (0.0,) * len(base.rates), base.duration)),
                      help="Every jump rate to 0: the state stays pure")
        st.button("No joint couplings", key="_local", on_click=_apply, args=(base, _without_joint(base)),
                  help="Every H_S of two or more modalities to 0")


def _without_joint(base: Dials) -> Dials:
    return Dials(tuple((term, 0.0 if "+" in term else 1.0) for term, _ in base.couplings), base.rates, base.duration)


def _apply(base: Dials, dials: Dials) -> None:
    set_to(Dials(dials.couplings, dials.rates, base.duration))


def set_to(dials: Dials) -> None:
    """Sets every slider before it is drawn, or in a callback."""
    for term, factor in dials.couplings:
        state.put(state.coupling_key(term), factor)
    for k, rate in enumerate(dials.rates):
        state.put(state.rate_key(k), rate)
    state.put(state.DURATION, dials.duration)
