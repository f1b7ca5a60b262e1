"""Tweaks of a model: sliders and texts that set them, undo and redo, and numbers before and after."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._sentences import true_minus
from qfusion.app import state
from qfusion.app.widgets import draw, icon_button
from qfusion.errors import QFusionError
from qfusion.figures.style import term_title
from qfusion.models.protocols import EditableCircuit, Evolution, TruthTables
from qfusion.models.tweak import DURATION, MAX_TEXT, Tweak, couplings, dissipations, learned_values
from qfusion.quantum import decomposition
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import metrics
from qfusion.views.pages import choices, notebook, page_state
from qfusion.views.words import systems
from qfusion.views.words.training import describe_metric


def draw_sliders(study: Study) -> Tweak:
    """Draw the sliders, the strongest terms first, and return the tweak that they describe."""
    model, names = study.model, tuple(study.model.modalities)
    energies, rates = decomposition.coalition_strengths(study.model.system())
    how = "given" if getattr(model, "is_given", False) else "learned"
    st.markdown(
        f"**Couplings** × {how} H",
        help="H = Σ H_S, where each H_S acts on exactly the modalities S. A factor of 0 removes it, 1 is "
        f"the {how} value. The number beside a name is its {how} strength: root mean square "
        "energy, √(Tr H_S² / D), in units of 1 / time.",
    )
    st.caption(
        "After each name its strength. Behind each slider the score (solid) and the first test metric (dotted)."
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
        choices.factors(study)[DURATION],
        label="Duration T (model units)",
        help="Duration of the evolution before the decision is read.",
    )
    return Tweak.of(values.items(), model)


def _factors(
    study: Study, terms: Mapping[str, str], strengths: Mapping[str, float]
) -> dict[str, float]:
    """Sliders of terms by key, the strongest first."""
    known = choices.factors(study)
    return {
        key: draw(known[key], label=f"{term_title(term)} · {strengths.get(term, 0.0):.2g}")
        for key, term in sorted(terms.items(), key=lambda entry: -strengths.get(entry[1], 0.0))
    }


def draw_strongest_coupling(study: Study) -> None:
    """Draw the slider of the joint coupling that is strongest in the model as it is, if it has one, and a button that
    resets all sliders.
    """
    names = tuple(study.model.modalities)
    energies, _ = decomposition.coalition_strengths(study.model.system())
    joint = {term: key for key, term in couplings(names).items() if "+" in term}
    if not joint:
        return
    how = "given" if study.model.is_given else "learned"
    term = max(joint, key=lambda one: energies.get(one, 0.0))
    with st.container(
        horizontal=True, vertical_alignment="center", gap="medium", border=True, key="strongest"
    ):
        draw(
            choices.factors(study)[joint[term]],
            label=f"Coupling of {term_title(term)} × {how}",
            help=f"The strongest joint coupling of H: 0 removes it, 1 is its {how} value. All sliders are on the "
            "Dynamics page.",
        )
        _draw_reset(study.model, disabled=not current_tweak(study))


def slider_presets(study: Study) -> None:
    """Buttons that set many sliders at once. Each sets only the sliders that it names; others keep their values."""
    model, terms = study.model, couplings(tuple(study.model.modalities)).values()
    presets = {
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
        _draw_reset(model)
        for key, (label, values, words) in presets.items():
            if model.jump_count or key != "_unitary":
                st.button(label, key=key, on_click=assign_tweaks, args=(values,), help=words)
        undo_and_redo(study)


def _draw_reset(model: Any, *, disabled: bool = False) -> None:
    st.button(
        "Reset",
        key="_reset",
        on_click=assign_tweaks,
        args=(learned_values(model),),
        disabled=disabled,
        help="Every slider to its learned value",
    )


def set_sliders(model: Any, tweak: Tweak) -> None:
    """Set every slider before it is drawn, or in a callback."""
    assign_tweaks(learned_values(model) | tweak.numbers())


def current_tweak(study: Any) -> str:
    """Return the tweak that the reader has set for this model on the Dynamics or Circuit page. It is empty if
    everything is as learned, or if the edits do not fit. A number that was set for another model, and that no slider
    of this one can show, is left out.
    """
    if not study.model.part(Evolution):
        return "" if edits_problem(study) else edits_text().strip(" ,")
    highest = page_state.slider_tops(study.model)
    numbers = [
        (key, value)
        for key in learned_values(study.model)
        if isinstance(value := state.get(key), int | float) and 0 <= value <= highest[key]
    ]
    return str(page_state.parse_slider_tweak(study.model, Tweak.of(numbers, study.model)))


MOST = 100  # steps that are kept
HISTORY = "_tweaks"  # the model, its tweaks by key in their order, as learned left out, and which is in force


def record_tweak(study: Study) -> None:
    """Store the current tweak whenever it differs from the previous one. The history starts anew for another model."""
    now = {
        key: state.get(key)
        for key, default in _default(study).items()
        if state.get(key) not in (None, default)
        and len(str(state.get(key))) <= MAX_TEXT  # longer ones are no tweak
    }
    model, steps, at = state.get(HISTORY, ("", [], 0))
    if model != study.name:
        steps, at = [now], 0
    elif now != steps[at]:
        steps = [*steps[: at + 1], now][-MOST - 1 :]
        at = len(steps) - 1
    state.put(HISTORY, (study.name, steps, at))


def undo_and_redo(study: Study) -> None:
    """Draw both buttons, once the widgets that tweak are drawn."""
    record_tweak(study)
    _, steps, at = state.get(HISTORY)
    with st.container(horizontal=True, gap=None, width="content", key="history"):
        for name, label, shortcut, way, there in (
            ("undo", "Undo the last tweak", "u", -1, at > 0),
            ("redo", "Redo the tweak", "r", 1, at + 1 < len(steps)),
        ):
            icon_button(
                label,
                name,
                f"_{name}",
                _step,
                _default(study),
                way,
                shortcut=shortcut,
                type="tertiary",
                disabled=not there,
            )


def _default(study: Study) -> Mapping[str, Any]:
    """Return the keys of the widgets that tweak a model, with their values as learned."""
    return (
        learned_values(study.model)
        if study.model.part(Evolution)
        else {choices.EDITS.key: ""}
        if study.model.part(TruthTables) or study.model.part(EditableCircuit)
        else {}
    )


def _step(default: Mapping[str, Any], way: int) -> None:
    model, steps, at = state.get(HISTORY)
    at = min(max(at + way, 0), len(steps) - 1)
    state.put(HISTORY, (model, steps, at))
    assign_tweaks(dict(default) | steps[at])


def forget_learned_duration() -> None:
    """Forget the duration unless the reader has changed it: another model has learned another one."""
    _, steps, at = state.get(HISTORY, ("", [{}], 0))
    if DURATION not in steps[at]:
        state.delete(DURATION)


def assign_tweaks(values: Mapping[str, Any]) -> None:
    """Set the values of tweaks, by key, before their widgets are drawn, or in a callback."""
    for key, value in values.items():
        state.put(key, value)


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    return state.param_text(choices.EDITS.key)


def edits_problem(study: Any) -> str:
    """Return what is wrong with the reader's edits, or an empty string if they fit."""
    try:
        study.model.parse_tweak(edits_text())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def draw_edits(study: Study) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    draw(choices.EDITS)
    if wrong := edits_problem(study):
        st.error(text.message(wrong), icon=":material/error:")


class AngleRange(NamedTuple):
    """The angles that can be set, in radians: by sliders in steps of 0.01, and by the numbers beside them; and the
    beginning of the sliders' keys."""

    key: str
    low: float
    high: float
    lowest_number: float
    highest_number: float


TABLE_ANGLES = AngleRange(
    "_phi", -1.57, 4.71, -1.5708, 4.7124
)  # of truth tables and of the network
GATE_ANGLES = AngleRange("_angle", -3.15, 3.15, -3.1416, 3.1416)  # of a circuit of a user's own


def draw_angle(
    label: str,
    within: AngleRange,
    name: str,
    angle: float,
    set_angle: Callable[[float], object],
    help: str,
) -> None:
    """Draw an angle as a slider and as a number. Either calls `set_angle` with its value.

    Args:
        label, help: of the slider. within: its range. name: of the angle, in the keys. angle: its value now.
    """
    slider, number = f"{within.key}.{name}", f"_number.{name}"
    for key, shown in ((slider, round(angle, 2)), (number, round(angle, 4))):
        if state.get(key) != shown:
            state.put(key, shown)
    with st.container(
        horizontal=True, vertical_alignment="bottom", key=f"cell-editor-{name.replace('.', '-')}"
    ):
        st.slider(
            label,
            within.low,
            within.high,
            step=0.01,
            key=slider,
            on_change=_take_angle,
            args=(slider, set_angle),
            help=help,
        )
        st.number_input(
            "Value",
            within.lowest_number,
            within.highest_number,
            step=0.05,
            format="%.4f",
            key=number,
            on_change=_take_angle,
            args=(number, set_angle),
            width=130,
        )


def _take_angle(key: str, set_angle: Callable[[float], object]) -> None:
    value = state.get(key)
    if value is not None:  # an emptied field
        set_angle(float(value))


def reset_angles(sample: Sample, label: str = "Reset all angles") -> None:
    """Draw the button that undoes all edits of angles, and those that go step by step."""
    st.button(
        label,
        icon=":material/restart_alt:",
        key="_reset_all",
        disabled=not sample.tweak_text,
        on_click=state.put,
        args=(choices.EDITS.key, ""),
    )
    undo_and_redo(sample.study)


class Changed(NamedTuple):
    """A number before and after a change, with its name, its help, the colour of a rise as `st.metric` takes it, and
    how it is written."""

    label: str
    before: float
    after: float
    help: str
    colour: str = "off"
    written: Callable[[float], str] = "{:.3f}".format


def changed_metric(sample: Sample, name: str, title: str, more: str = "") -> Changed:
    """Return a test metric under the tweak of a sample.

    Args:
        title: of the metric. more: added to its help.
    """
    before = sample.untweaked.metrics
    return Changed(
        title + systems.seed_suffix(sample.study),
        before[name],
        sample.metrics[name],
        describe_metric(name, before) + more,
        "normal" if metrics.labels(before)[name].higher_is_better else "inverse",
    )


def metrics_changed(
    numbers: Sequence[Changed], places: Sequence[DeltaGenerator], unchanged: str | None = None
) -> None:
    """Draw numbers with their changes. If a number does not change as written, `unchanged` is shown instead."""
    for place, number in zip(places, numbers, strict=True):
        label, before, after, words, colour, written = number
        same = notebook.equal_as_written(before, after)
        place.metric(
            label,
            true_minus(written(after)),
            help=words,
            border=True,
            height="stretch",
            **_unchanged(unchanged) if same else _delta_options(after - before, colour),
        )


def _delta_options(change: float, colour: str) -> dict[str, Any]:
    """Return the options of `st.metric` for a change.

    Streamlit reads the direction from a hyphen, and the change is written with a minus sign. So both are given.

    Args:
        colour: "off", "normal" if a rise is good, or "inverse" if a fall is.
    """
    if round(change, 3) == 0:
        return _unchanged(format_change(change))
    falls = change < 0
    if colour != "off":
        colour = "red" if falls == (colour == "normal") else "green"
    return {
        "delta": format_change(change),
        "delta_color": colour,
        "delta_arrow": "down" if falls else "up",
    }


def format_change(change: float) -> str:
    """Return a difference with its sign and three digits; none that rounds to zero has a sign."""
    return true_minus(f"{change:+.3f}") if round(change, 3) else "0.000"


def _unchanged(words: str | None) -> dict[str, Any]:
    """Return the options of `st.metric` that show words in the place of a change."""
    return {"delta": words, "delta_color": "off", "delta_arrow": "off"}
