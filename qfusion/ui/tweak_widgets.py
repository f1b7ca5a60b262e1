"""Widgets that change a model: the sliders of the Dynamics page, the edits of the Circuit page, undo and redo.

The sliders are factors on every H_S, factors on the dissipation of every A, and the duration T. The edits are a text,
see `models.entangled_qcnn`.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.analysis import inside, text
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.figures.style import term_title
from qfusion.models.abilities import can
from qfusion.models.tweak import DURATION, MAX_TEXT, Tweak, couplings, dissipations, learned
from qfusion.panels import dynamics_page, network, tweak_limits
from qfusion.ui import page_params, state
from qfusion.ui.widgets import draw

MOST = 100  # steps that are kept
_HISTORY = "_tweaks"  # the model, its tweaks by key in their order, as learned left out, and which is in force


def _note(study: Study) -> None:
    """Store the current tweak whenever it differs from the previous one. The history starts anew for another model."""
    now = {
        key: state.get(key)
        for key, default in _default(study).items()
        if state.get(key) not in (None, default)
        and len(str(state.get(key))) <= MAX_TEXT  # longer ones are no tweak
    }
    model, steps, at = state.get(_HISTORY, ("", [], 0))
    if model != study.name:
        steps, at = [now], 0
    elif now != steps[at]:
        steps = [*steps[: at + 1], now][-MOST - 1 :]
        at = len(steps) - 1
    state.put(_HISTORY, (study.name, steps, at))


def undo_and_redo(study: Study) -> None:
    """Draw both buttons, once the widgets that tweak are drawn."""
    _note(study)
    _, steps, at = state.get(_HISTORY)
    with st.container(horizontal=True, gap=None, width="content", key="history"):
        for key, words, way, there in (
            ("undo", "Undo the last tweak (u)", -1, at > 0),
            ("redo", "Redo it (r)", 1, at + 1 < len(steps)),
        ):
            st.button(
                "",
                key=f"_{key}",
                icon=f":material/{key}:",
                type="tertiary",
                help=words,
                disabled=not there,
                on_click=_step,
                args=(_default(study), way),
            )


def _default(study: Study) -> Mapping[str, Any]:
    """Return the keys of the widgets that tweak a model, with their values as learned."""
    return (
        learned(study.model)
        if can(study.model, "time")
        else {network.EDITS.key: ""}
        if can(study.model, "rules")
        else {}
    )


def _step(default: Mapping[str, Any], way: int) -> None:
    model, steps, at = state.get(_HISTORY)
    at = min(max(at + way, 0), len(steps) - 1)
    state.put(_HISTORY, (model, steps, at))
    assign_tweaks(dict(default) | steps[at])


def forget_learned_duration() -> None:
    """Forget the duration unless the reader has changed it: another model has learned another one."""
    _, steps, at = state.get(_HISTORY, ("", [{}], 0))
    if DURATION not in steps[at]:
        state.forget(DURATION)


def assign_tweaks(values: Mapping[str, Any]) -> None:
    """Set the values of tweaks, by key, before their widgets are drawn, or in a callback."""
    for key, value in values.items():
        state.put(key, value)


# The sliders of the Dynamics page.


def current_tweak(study: Any) -> str:
    """Return the tweak that the reader has set for this model on the Dynamics or Circuit page. It is empty if
    everything is as learned, or if the edits do not fit. A number that was set for another model, and that no slider
    of this one can show, is left out.
    """
    if not can(study.model, "time"):
        return "" if _edits_problem(study) else edits_text().strip(" ,")
    highest = tweak_limits.slider_tops(study.model)
    numbers = [
        (key, value)
        for key in learned(study.model)
        if isinstance(value := state.get(key), int | float) and 0 <= value <= highest[key]
    ]
    return str(tweak_limits.parse_slider_tweak(study.model, Tweak.of(numbers, study.model)))


def draw_sliders(study: Study) -> Tweak:
    """Draw the sliders, the strongest terms first, and return the tweak that they describe."""
    model, names = study.model, tuple(study.model.modalities)
    energies, rates = inside.coalition_strengths(study.model.system())
    st.markdown(
        "**Couplings** × learned H",
        help="H = Σ H_S, each H_S acting on exactly the modalities S. 0 removes it, 1 leaves it as learned. "
        "The number beside a name is its learned strength: root mean square energy, √(Tr H_S² / D), in "
        "units of 1 / time.",
    )
    values = _factors(study, couplings(names), energies)
    if model.jump_count:
        st.markdown(
            "**Dissipation** × learned",
            help="Every traceless jump operator is L_k = Σ L_k^A, each part acting on exactly the modalities "
            "A: the factor is on the parts A of all of them, whichever operators are chosen. The number "
            "beside a name is its learned strength: jumps per time in the completely mixed state, Σ_k Tr "
            "L_k^A†L_k^A / D, which grows as the square of the factor.",
        )
        values |= _factors(study, dissipations(names), rates)
    values[DURATION] = draw(
        dynamics_page.factors(study)[DURATION],
        label="Duration T (model units)",
        help="How long the states evolve before the decision is read.",
    )
    return Tweak.of(values.items(), model)


def _factors(
    study: Study, terms: Mapping[str, str], strengths: Mapping[str, float]
) -> dict[str, float]:
    """Sliders of terms by key, the strongest first."""
    known = dynamics_page.factors(study)
    return {
        key: draw(known[key], label=f"{term_title(term)} ({strengths.get(term, 0.0):.2g})")
        for key, term in sorted(terms.items(), key=lambda entry: -strengths.get(entry[1], 0.0))
    }


def slider_presets(study: Study) -> None:
    """Buttons that set many sliders at once."""
    model, terms = study.model, couplings(tuple(study.model.modalities)).values()
    presets = {
        "_reset": ("Reset", Tweak(), "Everything as learned"),
        "_unitary": (
            "No dissipation",
            Tweak(dissipations=dict.fromkeys(terms, 0.0)),
            "Every dissipation to 0: the state stays pure",
        ),
        "_local": (
            "No joint couplings",
            Tweak({term: 0.0 for term in terms if "+" in term}),
            "Every H_S of two or more modalities to 0",
        ),
    }
    with st.container(horizontal=True, gap="small"):
        for key, (label, tweak, words) in presets.items():
            if model.jump_count or key != "_unitary":
                st.button(label, key=key, on_click=set_sliders, args=(model, tweak), help=words)
        undo_and_redo(study)


def set_sliders(model: Any, tweak: Tweak) -> None:
    """Set every slider before it is drawn, or in a callback."""
    assign_tweaks(learned(model) | tweak.numbers())


# The edits of the Circuit page's fusion rules as text, see `models.table_edits`.


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    return page_params.text_of(network.EDITS.key)


def _edits_problem(study: Any) -> str:
    """Return what is wrong with the reader's edits, or an empty string if they fit."""
    try:
        study.model.parse_tweak(edits_text())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def draw_edits(study: Study) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    draw(network.EDITS)
    if wrong := _edits_problem(study):
        st.error(text.message(wrong), icon=":material/error:")
