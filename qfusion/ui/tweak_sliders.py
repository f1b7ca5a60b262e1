"""The sliders of the Dynamics page, which change a model.

They are factors on every H_S, factors on the dissipation of every A, and the duration T.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from qfusion.analysis import inside
from qfusion.analysis.study import Study
from qfusion.figures.style import term_title
from qfusion.models.tweak import DURATION, Tweak, couplings, dissipations, learned_values
from qfusion.ui.tweak_history import assign_tweaks, undo_and_redo
from qfusion.ui.widgets import draw
from qfusion.views.pages import dynamics


def draw_sliders(study: Study) -> Tweak:
    """Draw the sliders, the strongest terms first, and return the tweak that they describe."""
    model, names = study.model, tuple(study.model.modalities)
    energies, rates = inside.coalition_strengths(study.model.system())
    how = "given" if getattr(model, "is_given", False) else "learned"
    st.markdown(
        f"**Couplings** × {how} H",
        help="H = Σ H_S, where each H_S acts on exactly the modalities S. A factor of 0 removes it, 1 is "
        f"the {how} value. The number beside a name is its {how} strength: root mean square "
        "energy, √(Tr H_S² / D), in units of 1 / time.",
    )
    values = _factors(study, couplings(names), energies)
    if model.jump_count:
        st.markdown(
            f"**Dissipation** × {how}",
            help="Every traceless jump operator is L_k = Σ L_k^A, where each part acts on exactly the "
            "modalities A. The factor multiplies the parts A of all operators, whichever are chosen. The "
            f"number beside a name is its {how} strength: jumps per time in the maximally mixed state, "
            "Σ_k Tr L_k^A†L_k^A / D, which grows as the square of the factor.",
        )
        values |= _factors(study, dissipations(names), rates)
    values[DURATION] = draw(
        dynamics.factors(study)[DURATION],
        label="Duration T (model units)",
        help="Duration of the evolution before the decision is read.",
    )
    return Tweak.of(values.items(), model)


def _factors(
    study: Study, terms: Mapping[str, str], strengths: Mapping[str, float]
) -> dict[str, float]:
    """Sliders of terms by key, the strongest first."""
    known = dynamics.factors(study)
    return {
        key: draw(known[key], label=f"{term_title(term)} ({strengths.get(term, 0.0):.2g})")
        for key, term in sorted(terms.items(), key=lambda entry: -strengths.get(entry[1], 0.0))
    }


def slider_presets(study: Study) -> None:
    """Buttons that set many sliders at once. Each sets only the sliders that it names; others keep their values."""
    model, terms = study.model, couplings(tuple(study.model.modalities)).values()
    presets = {
        "_reset": ("Reset", learned_values(model), "Every slider to its learned value"),
        "_unitary": (
            "No dissipation",
            Tweak(dissipations=dict.fromkeys(terms, 0.0)).numbers(),
            "Every dissipation to 0: the state stays pure. Couplings and T stay as they are.",
        ),
        "_local": (
            "No joint couplings",
            Tweak({term: 0.0 for term in terms if "+" in term}).numbers(),
            "Every H_S of two or more modalities to 0. Other sliders stay as they are.",
        ),
    }
    with st.container(horizontal=True, gap="small"):
        for key, (label, values, words) in presets.items():
            if model.jump_count or key != "_unitary":
                st.button(label, key=key, on_click=assign_tweaks, args=(values,), help=words)
        undo_and_redo(study)


def set_sliders(model: Any, tweak: Tweak) -> None:
    """Set every slider before it is drawn, or in a callback."""
    assign_tweaks(learned_values(model) | tweak.numbers())
