"""A new training: what is trained on what, with which settings, how often; and its start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.learning import run_curves
from qfusion.errors import QFusionError
from qfusion.panels.address import sources
from qfusion.panels.learning import MAX_TEXT, TYPED, setting_key
from qfusion.runs import plans, queue
from qfusion.runs.settings import KINDS, MAIN, SETTINGS, Setting
from qfusion.ui.door import access
from qfusion.ui.frame import cache, chips, depth, state
from qfusion.ui.frame.shell import guard

DATA, KIND = "new.data", "new.kind"
_ALWAYS = ("epochs", "rate", "patience")
SEEDS, FIRST = "new.seeds", "new.first"
_NAME, _EVENTS, _STARTED = "_new.name", "_new.events", "_new.started"


def draw() -> list[str]:
    """Draws the form; returns the names of the runs when it has just started some."""
    known = sources()
    check(
        bool(known), "No data set is on this machine, not even the embedded one. Reinstall qfusion."
    )
    if state.get(DATA) not in (None, *known):
        state.forget(DATA)  # it was deleted
    left, right = (box.container(gap="xxsmall") for box in st.columns(2, gap="medium"))
    with left:
        name = st.selectbox("Data", known, **state.bound(DATA))
    with right:
        kind = st.selectbox("Kind of model", list(KINDS), **state.bound(KIND))
    dataset = cache.dataset(name)
    target = dataset.target
    predicted = (
        f"{len(target.classes)} classes of {text.plain(target.name)}"
        if target.classes
        else text.plain(target.name)
    )
    left.caption(
        f"{text.plain(dataset.title)}: {len(dataset.rows('train')):,} training, {len(dataset.rows('valid')):,} "
        f"validation and {len(dataset.rows('test')):,} test rows; predicts {predicted}."
    )
    right.caption(f"**{KINDS[kind].title}.** {KINDS[kind].says}")
    chosen = _settings(name, kind, bool(target.classes))
    return _start(name, kind, chosen, len(dataset.rows("train")))


def _settings(name: str, kind: str, classes: bool) -> dict[str, Any]:
    """The settings that differ from the defaults."""
    default = {key: value for key, value in plans.known(name, kind).items() if key in SETTINGS}
    like, recipe = run_curves.shipped_recipe(name, kind)
    begin = {key: recipe.get(key, value) for key, value in default.items()}
    main = [*_ALWAYS, *MAIN.get(kind, ())]
    found: dict[str, Any] = {}
    with st.container(key="grid-main"):
        found |= {key: _field(key, begin[key], name, kind, classes) for key in main}
    rest = [key for key in default if key not in main]
    with (
        st.expander(f"{len(rest)} more settings", icon=":material/tune:", key="box-advanced"),
        st.container(key="grid-more"),
    ):
        found |= {key: _field(key, begin[key], name, kind, classes) for key in rest}
    if like:
        st.caption(f"Where you change nothing, settings are those of the shipped model `{like}`.")
    return {
        key: _value(key, value, default[key])
        for key, value in found.items()
        if _value(key, value, default[key]) != default[key]
    }


def _value(key: str, given: Any, default: Any) -> Any:
    return (
        plans.value(key, given.strip(), default)
        if isinstance(given, str) and not isinstance(default, str)
        else given
    )


def _field(key: str, begin: Any, name: str, kind: str, classes: bool) -> Any:
    """The widget of a setting, and its sentence: behind its (?) or below it."""
    setting = SETTINGS[key]
    with st.container(gap="xxsmall"):
        value = _widget(setting, key, begin, classes, setting_key(name, kind, key))
        depth.below(setting.says)
    return value


def _widget(setting: Setting, key: str, begin: Any, classes: bool, as_: str) -> Any:
    kept: dict[str, Any] = {**state.bound(as_), "help": depth.help(setting.says)}
    if setting.choices:
        choices = [
            word
            for word in setting.choices
            if key != "loss" or (word == "cross_entropy") == classes
        ]
        return st.selectbox(
            setting.title, choices, index=choices.index(begin) if begin in choices else 0, **kept
        )
    if isinstance(begin, bool):
        return st.checkbox(setting.title, value=begin, **kept)
    if key in TYPED or isinstance(begin, str):
        said = ", ".join(map(str, begin)) if isinstance(begin, list) else str(begin)
        return st.text_input(setting.title, said, max_chars=MAX_TEXT, **kept)
    if isinstance(begin, int):
        least, most = int(setting.low), int(setting.high)
        return st.number_input(setting.title, least, most, min(max(begin, least), most), 1, **kept)
    low, high = float(setting.low), float(setting.high)
    begin = min(max(float(begin), low), high)
    step = min(abs(begin) / 4, (high - begin) / 2) or 0.05
    return st.number_input(setting.title, low, high, begin, step=step, format="%g", **kept)


def _start(name: str, kind: str, chosen: dict[str, Any], rows: int) -> list[str]:
    """Name, seeds, what it will cost, and the button."""
    with st.container(key="grid-start"):
        first, second, third, last = (
            st.container(gap="xxsmall", key=f"start-{place}") for place in range(4)
        )
    with second:
        says = "One run a seed: the same training from other random numbers, named NAME-0, NAME-1 and so on."
        count = int(
            st.number_input(
                "Runs", 1, run_curves.MAX_SEEDS, 1, 1, help=depth.help(says), **state.bound(SEEDS)
            )
        )
        depth.below(says)
    with third:
        says = "Of every random number: the same seed gives the same weights."
        seed = int(
            st.number_input(
                "First seed", 0, 10**6, 0, 1, help=depth.help(says), **state.bound(FIRST)
            )
        )
        depth.below(says)
    seeds = run_curves.check_seeds(count, seed)
    free = plans.free_name(kind, name, seeds)
    with first:
        says = "Of the run and of the model it makes; left empty, the one that is shown."
        typed = st.text_input(
            "Name",
            placeholder=free,
            max_chars=64,
            key=_NAME,
            persist_state="session",
            help=depth.help(says),
        ).strip()
        depth.below(says)
        names = plans.names_of(typed or free, seeds)
        wrong = _problem(names)
        if wrong:
            st.error(text.message(wrong), icon=":material/error:")
    with last:
        events = run_curves.can_write_events() and st.checkbox(
            "Write event files",
            key=_EVENTS,
            persist_state="session",
            help="For TensorBoard, in the run's folder `events`.",
        )
    epochs = int(chosen.get("epochs", plans.known(name, kind)["epochs"]))
    cost = (
        f"At most {epochs:,} epochs of {rows:,} training rows{f', {count} times' if count > 1 else ''}: "
        f"{count * epochs * rows:,} samples to go through. How long that takes shows after the first epoch. "
        f"At most {queue.worker_slots()} runs are trained at once on this machine, the others wait. "
        "Closing this page stops nothing."
    )
    depth.below(cost)
    with st.container(horizontal=True, vertical_alignment="center", key="run-begin"):
        pressed = st.button(
            "Start" if count == 1 else f"Start {count} runs",
            type="primary",
            icon=":material/play_arrow:",
            key="_start",
            disabled=bool(wrong),
            help=depth.help(cost),
        )
        if not depth.full():
            chips.draw(
                "run-cost",
                (
                    f"at most {epochs:,} epochs{f', {count} times' if count > 1 else ''}",
                    f"{rows:,} training rows",
                    f"{count * epochs * rows:,} samples to go through",
                    f"at most {queue.worker_slots()} runs at once",
                    "goes on when this page is closed",
                ),
            )
    if not pressed:
        return []
    access.check_train()
    plan = plans.plan(name, kind, chosen, seed)
    plans.start(
        {each: replace(plan, seed=number) for each, number in zip(names, seeds, strict=True)},
        bool(events),
    )
    return names


def _problem(names: list[str]) -> str:
    """What is wrong with the names; empty when nothing is."""
    try:
        plans.check_names(names)
    except QFusionError as error:
        return str(error)
    return ""


@st.fragment
def part(open_: bool) -> None:
    """The whole form; a fragment, so that what is typed redraws this and nothing else."""
    if access.says_no_training("train, stop or delete", "python -m qfusion train"):
        return
    started: list[str] = []
    set_up = any(key.startswith("new.") for key in st.query_params)
    with (
        st.expander(
            "New run", expanded=open_ or set_up, icon=":material/add_circle:", key="box-new"
        ),
        guard(),
    ):
        started = draw()
    if started:
        state.put(_STARTED, started)
        st.rerun()


def just_started() -> list[str]:
    """The runs that were started since the page was last drawn; their name is free for another one."""
    started = list(state.get(_STARTED) or [])
    if started:
        state.forget(_STARTED)
        state.forget(_NAME)
    return started
