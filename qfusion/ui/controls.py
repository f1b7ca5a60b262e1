"""Widgets of the reader's choices, see `panels.address`: each kept in the address and in the session under its key, and
back at its default where another model or data set left what is no option here. Those that tweak a model, with undo and
redo."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import inside, text
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.figures.style import term_title
from qfusion.models.tweak import (
    DURATION,
    MAX_TEXT,
    RATE,
    Tweak,
    couplings,
    dissipations,
    learned,
)
from qfusion.panels import address, dynamics, network
from qfusion.panels.address import Choice, Control, Number, Switch, Text
from qfusion.ui import state


def draw(control: Control, study: Any = None, **changes: Any) -> Any:
    """Draws the widget of a choice and returns what is chosen, as builders take it.

    Args:
        control: the choice.
        study: whose options it has.
        changes: what is other here: "options", "default", "label", or what the widget is told.
    """
    words: dict[str, Any] = {**control.style, **changes, **state.bound(control.key)}
    label = words.pop("label", control.label)
    words.setdefault("help", control.help or None)
    if isinstance(control, Choice):
        return _choice(control, study, label, words)
    if isinstance(control, Switch):
        pick = st.checkbox if control.look == "box" else st.toggle
        return pick(label, control.default, **words)
    if isinstance(control, Number):
        return _number(control, label, words)
    assert isinstance(control, Text)
    return st.text_input(label, max_chars=control.most, **words) or ""


def row(
    *parts: Control,
    study: Any = None,
    align: Literal["top", "bottom"] = "bottom",
    key: str | None = None,
) -> list[Any]:
    """Draws the widgets of several choices beside each other, in a container of a key, and returns what is chosen."""
    with st.container(horizontal=True, vertical_alignment=align, key=key):
        return [draw(control, study) for control in parts]


def _choice(control: Choice, study: Any, label: str, words: dict[str, Any]) -> Any:
    options: Sequence[str] = list(words.pop("options", None) or control.options(study))
    default = words.pop("default", "") or control.default
    first = default if default in options else next(iter(options), None)
    start = None if control.empty else first
    settle(control.key, options, start)
    if control.many:
        words |= {"default": default} if default else {}
        if control.look == "pills":
            return list(st.pills(label, options, selection_mode="multi", **words))
        return list(st.multiselect(label, options, **words))
    if control.look == "steps":
        word = st.select_slider(label, options, first, **words)
    elif control.look != "segments":
        word = st.selectbox(
            label, options, index=None if start is None else options.index(start), **words
        )
    elif control.empty:
        word = st.segmented_control(label, options, **words)
    else:
        word = state.one_of(label, options, default=first, **words)
    return None if control.empty and not word else control.value(word)


def _number(control: Number, label: str, words: dict[str, Any]) -> float:
    number = int if control.whole else float
    low, high, default = (
        number(words.pop(name, getattr(control, name))) for name in ("low", "high", "default")
    )
    value = state.get(control.key)
    if value is not None and not low <= value <= high:
        state.forget(control.key)
    step = words.pop("step", control.step)
    pick = st.number_input if control.look == "box" else st.slider
    return number(pick(label, low, high, default, step and number(step), **words))


def settle(key: str, options: Iterable[Any], default: Any = None) -> None:
    """Takes back a value, or those of several, that another model or data set left and that is no option here; the
    default takes its place."""
    value, known = state.get(key), list(options)
    if isinstance(value, list):
        if any(word not in known for word in value):
            state.put(key, [word for word in value if word in known])
    elif value is not None and value not in known:
        state.put(key, default)


def fold(control: Switch, icon: str | None = None, label: str = "") -> Any:
    """Draws the part of a page that a switch folds, and returns it; `open` says whether it is open."""
    return st.expander(label or control.label, icon=icon, **state.opened(control.key))


def folded(control: Switch, content: Callable[[], object], icon: str, label: str = "") -> None:
    """Draws the part of a page that a switch folds, whose content is worked out only while it is open."""
    with fold(control, icon, label) as box:
        if box.open:
            content()


def tabs(control: Choice, options: Sequence[str] = ()) -> Iterator[tuple[str, DeltaGenerator]]:
    """Draws tabs and gives the name and the place of that which is open."""
    names = list(options) or control.options()
    for name, tab in zip(names, st.tabs(names, **state.opened(control.key)), strict=True):
        if tab.open:
            yield name, tab


def check(*controls: Control, study: Any = None) -> None:
    """Takes what does not fit some choices out of the address, and names it, before they are drawn."""
    state.drop_invalid({one.key: one.rule(study) for one in controls})


# What a reader changes in a model: the sliders of the Dynamics page, factors on every H_S, on the dissipation of every
# A, and the duration; the edits of fusion rules as text. Undo and redo of both: what they were before, in this session.

MOST = 100  # steps that are kept
_HISTORY = "_tweaks"  # the model, its tweaks by key in their order, as learned left out, and which is in force


def _note(study: Study) -> None:
    """Remembers what is tweaked whenever it differs from what was; another model begins anew."""
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
    """Draws both buttons, once the widgets that tweak are drawn."""
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
    """Keys of the widgets that tweak a model, with what they say as learned."""
    return (
        learned(study.model)
        if study.can("time")
        else {network.EDITS.key: ""}
        if study.can("rules")
        else {}
    )


def _step(default: Mapping[str, Any], way: int) -> None:
    model, steps, at = state.get(_HISTORY)
    at = min(max(at + way, 0), len(steps) - 1)
    state.put(_HISTORY, (model, steps, at))
    assign_tweaks(dict(default) | steps[at])


def assign_tweaks(values: Mapping[str, Any]) -> None:
    """Sets what tweaks, by key, before its widgets are drawn, or in a callback."""
    for key, value in values.items():
        if not key.startswith(RATE) or value != 1:
            state.put(key, value)
        elif state.get(key) is not None:  # drawn where it is not 1 only: its parameter goes with it
            st.session_state[key] = value


# The sliders of the Dynamics page.


def current_tweak(study: Any) -> str:
    """What the reader has set on the Dynamics or Circuit page for this model; empty for as learned, or for edits that
    do not fit.

    Raises:
        InvalidInput: when a number of a slider, set for another model, is out of its range.
    """
    if not study.can("time"):
        return "" if _edits_problem(study) else edits_text().strip(" ,")
    numbers = [
        (key, value)
        for key in learned(study.model)
        if isinstance(value := state.get(key), int | float)
    ]
    return str(address.fitting_tweak(study.model, Tweak.of(numbers, study.model)))


def draw_sliders(study: Study) -> Tweak:
    """Draws the sliders, the strongest terms first, and returns what they say."""
    model, names = study.model, tuple(study.model.modalities)
    strengths = inside.strengths_of(study.model.system())
    st.markdown(
        "**Couplings** × learned H",
        help="H = Σ H_S, each H_S acting on exactly the modalities S. 0 removes it, 1 leaves it as learned. "
        "The number beside a name is its learned strength: root mean square energy, √(Tr H_S² / D), in "
        "units of 1 / time.",
    )
    values = _factors(study, couplings(names), strengths.energy)
    if model.jump_count:
        st.markdown(
            "**Dissipation** × learned",
            help="Every traceless jump operator is L_k = Σ L_k^A, each part acting on exactly the modalities "
            "A: the factor is on the parts A of all of them, whichever operators are chosen. The number "
            "beside a name is its learned strength: jumps per time in the completely mixed state, Σ_k Tr "
            "L_k^A†L_k^A / D, which grows as the square of the factor.",
        )
        values |= _factors(study, dissipations(names), strengths.rates)
    values[DURATION] = draw(
        dynamics.factors(study)[DURATION],
        label="Duration T (model units)",
        help="How long the states evolve before the score is read.",
    )
    return Tweak.of([*values.items(), *_old_rates(study).items()], model)


def _factors(
    study: Study, terms: Mapping[str, str], strengths: Mapping[str, float]
) -> dict[str, float]:
    """Sliders of terms by key, the strongest first."""
    known = dynamics.factors(study)
    return {
        key: draw(known[key], label=f"{term_title(term)} ({strengths.get(term, 0.0):.2g})")
        for key, term in sorted(terms.items(), key=lambda entry: -strengths.get(entry[1], 0.0))
    }


def _old_rates(study: Study) -> dict[str, float]:
    """The factors on rates of single jump operators that an old link sets: shown, and gone with a reset."""
    now = state.address()
    known = [rate for key, rate in dynamics.factors(study).items() if key.startswith(RATE)]
    rates = [
        rate for rate in known if float(state.get(rate.key, now.get(rate.key, [1.0])[-1])) != 1
    ]
    # of those as learned nothing is drawn that would hold the parameter
    state.tell(
        {rate.key: () for rate in known if rate not in rates and state.get(rate.key) is None}
    )
    if rates:
        st.caption(
            "An old link also sets rates of single learned jump operators. They act as they did, but single "
            "operators are a choice of gauge: they have no slider, and Reset takes them away."
        )
    return {rate.key: draw(rate, label=f"`{rate.key}`", disabled=True) for rate in rates}


def slider_presets(study: Study) -> None:
    """Buttons that set many sliders at once."""
    model, terms = study.model, couplings(tuple(study.model.modalities)).values()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Reset",
            key="_reset",
            on_click=set_sliders,
            args=(model, Tweak()),
            help="Everything as learned",
        )
        if model.jump_count:
            st.button(
                "No dissipation",
                key="_unitary",
                on_click=set_sliders,
                args=(model, Tweak(dissipations=dict.fromkeys(terms, 0.0))),
                help="Every dissipation to 0: the state stays pure",
            )
        st.button(
            "No joint couplings",
            key="_local",
            on_click=set_sliders,
            args=(model, Tweak({term: 0.0 for term in terms if "+" in term})),
            help="Every H_S of two or more modalities to 0",
        )
        undo_and_redo(study)


def set_sliders(model: Any, tweak: Tweak) -> None:
    """Sets every slider before it is drawn, or in a callback."""
    assign_tweaks(learned(model) | tweak.numbers())


# The edits of the Circuit page's fusion rules as text, see `models.entangled_qcnn`.


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    key = network.EDITS.key
    return str(state.get(key, st.query_params.get(key)) or "")


def _edits_problem(study: Any) -> str:
    """What is wrong with the reader's text; empty when it fits."""
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
