"""What if: the sample with a modality swapped, left out or edited, and what would flip the decision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import streamlit as st

from qfusion.analysis import answers, changes, sample, text
from qfusion.analysis.changes import DROP, FLIP, INPUT, KEPT, STATE, SWAP, Asked, Change, Result
from qfusion.data import Audio, Content, Image, Text, synthesis
from qfusion.data.sources import planted
from qfusion.explain.sensitivity import ParameterChange, tweak_of
from qfusion.models import entangled_qcnn
from qfusion.panels import what_if as builders
from qfusion.panels.what_if import PREFIXES, TITLES, control_key, ranges
from qfusion.ui import bar, panels, reruns, state
from qfusion.ui.frame import Here, guard, link, shell

# The controls of the What-if page: what is done to each modality. Everything stands in the address.

SAY, _FOR = "say", "_what_if_for"
_ACTION = {title: action for action, title in TITLES.items()}


def do_key(modality: str) -> str:
    """Key of what is done to a modality."""
    return f"do.{modality}"


def donor_key(modality: str) -> str:
    """Key of the sample that lends a modality."""
    return f"with.{modality}"


def set_key(modality: str, place: int) -> str:
    """Key of one number of an edited state."""
    return f"set.{modality}.{place}"


def forget_other_samples(here: Here) -> None:
    """Takes the changes back when the sample is another one: they were made for the one before."""
    now = (here.study.name, here.study.dataset.name, here.sample)
    before = state.get(_FOR)
    state.put(_FOR, now)
    if before not in (None, now):
        reset(here)
        # What is no longer drawn can be forgotten; a drawn widget would keep its value in the browser.
        for key in [
            str(key) for key in st.session_state if str(key).startswith(PREFIXES[1:]) or key == SAY
        ]:
            state.forget(key)


def reset(here: Here) -> None:
    """Takes all changes back; for callbacks."""
    for name in here.study.modalities:
        if state.get(do_key(name)) is not None:
            state.put(do_key(name), TITLES[KEPT])


def take(modality: str, action: str, donor: str = "") -> None:
    """Sets what is done to a modality; for callbacks."""
    state.put(do_key(modality), TITLES[action])
    if donor:
        state.put(donor_key(modality), donor)


def controls(here: Here) -> Asked:
    """Draws the controls and returns what is asked for, as `interventions.wanted_changes` takes it."""
    own = changes.own_states(here.study, here.row)
    outcome = {}
    for place, name in enumerate(here.study.modalities):
        with st.container(border=True, key=f"box-change-{place}", gap="xsmall"):
            outcome[name] = _one(here, name, own[name])
    st.button(
        "Undo all changes",
        key="_what_if_reset",
        icon=":material/restart_alt:",
        on_click=reset,
        args=(here,),
        disabled=all(
            change.action == KEPT
            for change in changes.wanted_changes(here.study, here.row, outcome)
        ),
    )
    return outcome


def _one(here: Here, name: str, own: Any) -> dict[str, Any]:
    titles = [TITLES[action] for action in changes.actions(here.study, name)]
    if state.get(do_key(name)) not in (None, *titles):
        state.forget(do_key(name))
    action = _ACTION[
        st.selectbox(text.plain(name), titles, help=_HELP, **state.bound(do_key(name)))
    ]
    details: dict[str, Any] = {}
    if action == SWAP:
        details = {"donor": _donor(here, name)}
    elif action == INPUT:
        details = _input(here, name)
    elif action == STATE:
        details = {"state": _state(here, name, own)}
    elif action == DROP:
        st.caption(f"Left out: {sample.rows_behind(here.study.background)} stand in for it.")
    elif action == FLIP:
        possible = changes.what_would_flip(here.study, here.row)[name].state.possible
        st.caption(
            "The smallest change of its state, all other modalities as they are in the sample, that turns the decision."
            if possible
            else f"No state of {text.plain(name)} turns this decision, so it is left as it is."
        )
    return {"action": action, **details}


_HELP = "What is done to this modality before the model sees it. Several can be changed at once."


def _donor(here: Here, name: str) -> str:
    data, key = here.study.dataset, donor_key(name)
    if bar.is_foreign(data, key):
        state.forget(key)
    # A default beside a value that a button has set would be complained of in the log.
    default = (
        sample.default_contrast(here.study, here.row)
        if state.get(key) is None
        else str(data.ids[0])
    )
    donor = bar.sample_box(
        "of sample",
        data,
        default,
        key,
        help="Any sample of the data; it opens on one with another decision.",
    )
    content = here.study.dataset.content(here.study.dataset.row(donor)).get(name)
    if content is not None:
        show(name, content)
    return str(donor)


def _input(here: Here, name: str) -> dict[str, Any]:
    if name == "text":
        words = st.text_input(
            "Sentence",
            value=changes.own_words(here.study, here.row),
            max_chars=400,
            **state.bound(SAY),
            help=f"At most {synthesis.MAX_WORDS} words of the vocabulary below, with one 'and' or 'but' "
            "at most.",
        )
        with st.popover("Vocabulary", icon=":material/dictionary:"):
            _vocabulary()
        return {"words": str(words or "")}
    values = {
        control.name: float(
            st.slider(
                f"{control.title} ({control.unit})",
                control.low,
                control.high,
                0.0,
                0.05,
                format="%+.2f",
                **state.bound(control_key(name, control)),
            )
        )
        for control in planted.CONTROLS[name]
    }
    with guard():
        show(
            name,
            changes.edited(
                here.study, here.row, name, Change(INPUT, controls=tuple(values.items()))
            ).content,
        )
    return {"controls": values}


def _vocabulary() -> None:
    groups = {
        "Opinions, with their value": [f"{w} ({v:+.2f})" for w, v in synthesis.OPINIONS.items()],
        "Intensifiers": [f"{w} (×{v:g})" for w, v in synthesis.INTENSIFIERS.items()],
        "Negations": synthesis.NEGATIONS,
        "Joins": synthesis.JOINS,
        "Topics": synthesis.TOPICS,
        "Fillers": synthesis.FILLERS,
        "Others": synthesis.FUNCTION,
    }
    for title, entries in groups.items():
        st.markdown(f"**{title}**  \n{', '.join(map(text.plain, entries))}")


def _state(here: Here, name: str, own: Any) -> dict[int, float]:
    """Sliders of a state: its numbers by place."""
    titles, chosen = _titles(here, own), dict[int, float]()
    numbers = zip(titles, changes.shown_state(own), ranges(here.study, name), strict=True)
    for place, (title, value, (low, high)) in enumerate(numbers):
        start = float(np.clip(round(value, 3), low, high))
        chosen[place] = float(
            st.slider(
                title,
                low,
                high,
                start,
                changes.STEP,
                format="%.3f",
                **state.bound(set_key(name, place)),
            )
        )
    if own.is_complex() and len(titles) > 2:
        st.caption("Weights are scaled to add up to one; the phases stay.")
    return chosen


def _titles(here: Here, own: Any) -> list[str]:
    if not own.is_complex():
        elements: tuple[str, ...] = here.study.elements  # type: ignore[attr-defined]
        return [f"mass of ‘{text.plain(element, 20)}’" for element in elements]
    if own.shape[-1] == 2:
        return ["polar angle θ (rad): 0 is |0⟩", "azimuth φ (rad)"]
    return [f"weight of |{k}⟩" for k in range(own.shape[-1])]


def show(name: str, content: Content) -> None:
    """A raw content, small."""
    if isinstance(content, Text):
        st.text(content.text)
    elif isinstance(content, Audio):
        st.audio(np.asarray(content.samples), sample_rate=content.rate, alt=f"Recording: {name}")
    elif isinstance(content, Image):
        st.image(np.asarray(content.pixels), width=120, clamp=True, alt=f"Picture: {name}")


# What would flip the decision: the nearest state of one modality, the nearest sample that lends it, the smallest turn
# of one parameter.

FLIPS = "knobs"
MAX_LINKS = 4


def nearest(here: Here) -> None:
    """The panel of nearest states and donors, with buttons that apply them."""
    panels.draw(builders.nearest(here.sample_of(), here.theme))
    with st.container(horizontal=True, key="apply-flips"):
        for name, flip in changes.what_would_flip(here.study, here.row).items():
            if flip.state.possible:
                st.button(
                    f"Set {text.plain(name)} to its nearest flip",
                    key=f"_flip-{name}",
                    icon=":material/flip:",
                    on_click=take,
                    args=(name, FLIP),
                )
            if flip.donor_id:
                st.button(
                    f"Take {text.plain(name)} of {text.plain(flip.donor_id)}",
                    key=f"_lend-{name}",
                    on_click=take,
                    args=(name, SWAP, flip.donor_id),
                    icon=":material/swap_horiz:",
                )


def parameters(here: Here) -> None:
    """The folded part on the model's own parameters; nothing is worked out until it is opened."""
    if not here.study.can("terms"):
        st.caption(
            "This model has no knobs of a physics and no fusion rules that could flip the decision: only its states "
            "can."
        )
        return
    title = (
        "Which knob of the physics would flip it?"
        if here.study.can("time")
        else "Which angle of the fusion rules would flip it?"
    )
    box = st.expander(title, icon=":material/tune:", **state.opened(FLIPS))
    if not box.open:
        return
    with box:
        search = changes.parameters_that_flip(here.study, here.row)
        if not search.changes:
            st.markdown(
                f"**None of the {search.tried} knobs flips this decision on its own** ({search.ranges})."
            )
            return
        panels.draw(builders.parameter_flips(here.sample_of(), here.theme))
        _set_links(here, search)


def _set_links(here: Here, search: Any) -> None:
    """Links that set one of the nearest parameters where it can be watched, all others as learned."""
    with st.container(horizontal=True, key="set-knobs"):
        for change in search.changes[:MAX_LINKS]:
            name = text.plain(changes.parameter_name(here.study, change))
            if here.study.can("time"):
                link(
                    "pages/dynamics.py",
                    f"Set {name} to {beyond(change):g} on Dynamics",
                    ":material/tune:",
                    show="Decision",
                    turn=str(tweak_of(change, beyond(change))),
                )
            else:
                place = entangled_qcnn.edit_key(
                    entangled_qcnn.shape_of(here.study.model), *map(int, change.name.split("."))
                )
                link(
                    "pages/circuit.py",
                    f"Set {name} to {beyond(change):g} rad on Circuit",
                    ":material/tune:",
                    rules="Fusion rules",
                    edits=f"{place}={beyond(change):g}",
                )


def beyond(change: ParameterChange) -> float:
    """Where a parameter turns the decision, to three digits after the point and never short of it."""
    away = math.ceil if change.value > change.learned else math.floor
    value = away(change.value * 1000) / 1000
    return value if change.kind == "angle" else max(value, 0.0)


# The What-if page: the sample with changed modalities, before and after.


def result(here: Here, changes: Asked) -> None:
    """Before and after: prediction, states, waterfalls, differences."""
    sample, theme = here.sample_of(), here.theme
    untouched, now, done = builders.both(sample, changes)
    _numbers(here, untouched, now, done)
    if here.study.classes:
        panels.draw(builders.probabilities(sample, theme, changes=changes))
    if not done:
        panels.draw(builders.waterfall(sample, theme))
        return
    for when, place in zip(
        (builders.BEFORE, builders.AFTER), st.columns(2, gap="medium"), strict=True
    ):
        with place:
            panels.draw(builders.waterfall(sample, theme, when=when, changes=changes))
    panels.draw(builders.differences(sample, theme, changes=changes))
    shown = [name for name, action in done.items() if action != DROP and here.study.can("states")]
    for first in range(0, len(shown), 2):
        for place, name in zip(st.columns(2, gap="medium"), shown[first : first + 2], strict=False):
            with place:
                panels.draw(builders.state(sample, theme, modality=name, changes=changes))


def _numbers(here: Here, before: Result, now: Result, changed: Iterable[str]) -> None:
    study = here.study
    was, is_ = before.outcome, now.outcome
    turned = was.decision != is_.decision
    before_now, after_now = (answers.numbered(study, scores) for scores in (was.scores, is_.scores))
    st.markdown(f"#### {builders.outcome(list(changed), before_now, after_now, turned)}")
    cells: list[tuple[str, float, float, str]] = []
    if study.classes:
        for which in dict.fromkeys((was.decision, is_.decision)):
            cells.append(
                (
                    f"Softmax ‘{text.plain(study.classes[which], 14)}’",
                    float(before.probabilities[which]),
                    float(now.probabilities[which]),
                    study.calibration,
                )
            )
        sample = here.sample_of()
        cells.append(
            (
                "Score explained",
                float(was.scores[sample.output]),
                float(is_.scores[sample.output]),
                sample.unit,
            )
        )
    else:
        cells.append(
            (
                "Prediction",
                float(was.scores[0]),
                float(is_.scores[0]),
                f"Score of sample {text.plain(here.sample)} by the model",
            )
        )
        if before.truth is not None and now.truth is not None:
            cells.append(
                (
                    "True score without noise",
                    before.truth,
                    now.truth,
                    "What the rule that made these data gives for these words, voice and face; known unless a "
                    "voice, a face or a state is edited or a modality is left out",
                )
            )
    with st.container(key="pair-metrics"):
        for place, (title, old, new, help_) in zip(st.columns(len(cells)), cells, strict=True):
            change = new - old
            words, arrow = (
                (f"{change:+.3f}", "auto") if abs(change) >= 5e-4 else ("no change", "off")
            )
            place.metric(
                title,
                f"{new:.3f}",
                words,
                delta_color="off",
                delta_arrow=arrow,  # type: ignore[arg-type]
                help=help_,
                border=True,
            )


# What if: the sample with a modality swapped, left out or edited, and what would flip the decision.


@st.fragment
def what_if(here: Here) -> None:
    """Controls beside what they change; a fragment, so that moving one redraws this and nothing else."""
    reruns.begin_run()
    with st.container(key="fold-what-if"):
        with guard():
            nearest(here)
        side, main = st.columns([1, 2.6], gap="medium")
        changes = None
        with side, guard():
            changes = controls(here)
        with main, guard():
            if changes is not None:
                result(here, changes)
        with guard():
            parameters(here)
            panels.below(here.theme, **here.subjects())


def page() -> None:
    """Draws the page."""
    here = shell("What if")
    forget_other_samples(here)
    what_if(here)


if (
    __name__ == "__main__"
):  # as Streamlit runs it, which defines all above anew each time; the module is kept
    import qfusion.ui.pages.what_if

    qfusion.ui.pages.what_if.page()
