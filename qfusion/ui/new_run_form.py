"""The form of a new run: model, data, settings and number of seeds; and its start."""

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._checks import check
from qfusion._settings import choices
from qfusion.analysis import run_settings, runs, text
from qfusion.models import registry
from qfusion.models.kind_texts import describe_kind
from qfusion.runs import plans
from qfusion.training import Options
from qfusion.ui import (
    guidance,
    loading,
    page_params,
    page_runs,
    permissions,
    state,
    task_start,
    widgets,
)
from qfusion.views.pages import params, train as train_page

NAME, _EVENTS, STARTED = "_new.name", "_new.events", "_new.started"
_FILLED = "_new.filled"  # whether a link or the reader has set something in the form
_BEGUN = "_new.begun"  # what was set in the form as its runs were started


def draw_form() -> None:
    """Draw the form; when it has just started runs, the page is drawn again with them."""
    left, right = (box.container(gap="xxsmall") for box in st.columns(2, gap="medium"))
    name = widgets.draw(train_page.NEW_DATA, place=left)
    kind = widgets.draw(train_page.NEW_KIND, place=right)
    dataset = loading.load_dataset(name)
    classes = dataset.target.classes
    left.caption(
        f"{text.escape_markdown(dataset.title)}: {len(dataset.rows('train')):,} training, "
        f"{len(dataset.rows('valid')):,} "
        f"validation and {len(dataset.rows('test')):,} test rows; predicts "
        f"{f'{len(classes)} classes of ' if classes else ''}{text.escape_markdown(dataset.target.name)}."
    )
    right.caption(f"**{describe_kind(kind).title}.** {describe_kind(kind).summary}")
    _start(name, kind, _choose_settings(name, kind, bool(classes)), len(dataset.rows("train")))


def _choose_settings(name: str, kind: str, classes: bool) -> dict[str, Any]:
    """The settings that differ from the defaults."""
    default = plans.default_settings(name, kind)
    like, recipe = run_settings.shipped_recipe(name, kind)
    fields = {
        key: partial(_draw_setting, key, recipe.get(key, default[key]), name, kind, classes)
        for key in default
    }
    main = ["epochs", "rate", "patience", *train_page.MAIN.get(kind, ())]
    rest = [key for key in default if key not in main]
    with widgets.grid("main"):
        given = {key: fields[key]() for key in main}
    with (
        st.expander(f"{len(rest)} more settings", icon=":material/tune:", key="box-advanced"),
        widgets.grid("more"),
    ):
        given |= {key: fields[key]() for key in rest}
    if like:
        st.caption(f"Defaults are those of the shipped model `{like}`.")
    return {
        key: value
        for key, value in given.items()
        if value != default[key] and value != train_page.setting_text(default[key])
    }


def _draw_setting(key: str, begin: Any, name: str, kind: str, classes: bool) -> Any:
    """The widget of a setting, and its sentence."""
    losses = [
        word
        for word in choices(Options.model_fields["loss"])
        if (word == "cross_entropy") == classes
    ]
    setting = train_page.setting_choice(name, kind, key, begin, losses if key == "loss" else ())
    return _draw_with_help(setting, st.container(gap="xxsmall"))


def _draw_with_help(choice: params.Param, place: DeltaGenerator) -> Any:
    """Draw a widget with its help text, behind its (?) or below it, and return its value."""
    with place:
        value = widgets.draw(choice, help=guidance.help(choice.help))
        guidance.help_line(choice.help)
    return value


def _start(name: str, kind: str, chosen: dict[str, Any], rows: int) -> None:
    """Draw name, seeds, estimated cost, and the button."""
    with widgets.grid("start"):
        first, second, third, fourth, fifth, last = (
            st.container(gap="xxsmall", key=f"start-{place}") for place in range(6)
        )
    count = _draw_with_help(train_page.SEEDS, second)
    seed = _draw_with_help(train_page.FIRST, third)
    replay = _draw_with_help(train_page.REPLAY, fourth)
    check(
        1 <= count <= runs.MAX_SEEDS and 0 <= seed <= 10**6,
        f"Seeds must be 1 to {runs.MAX_SEEDS}, the first from 0 to 1,000,000.",
    )
    seeds = range(seed, seed + count)
    both = kind in registry.SYSTEMS and _draw_with_help(train_page.BOTH, fifth)
    kinds = {kind: chosen} | dict([plans.counterpart(name, kind, chosen)] if both else [])
    count *= len(kinds)
    free = {one: plans.choose_free_name(f"{one}-{name}", seeds=seeds) for one in kinds}
    with first:
        says = "Name of the run and of its model; if empty, the name shown."
        typed = st.text_input(
            "Name",
            placeholder=" and ".join(free.values()),
            max_chars=64,
            key=NAME,
            persist_state="session",
            help=guidance.help(says),
        ).strip()
        guidance.help_line(says)
        names = {
            one: plans.seed_run_names(
                (f"{typed}-{one}" if both else typed) if typed else own, seeds
            )
            for one, own in free.items()
        }
        every, wrong = [entry for group in names.values() for entry in group], True
        with page_runs.guard():
            plans.check_names(every)
            wrong = False
    events = runs.can_write_events() and last.checkbox(
        "Write event files",
        key=_EVENTS,
        persist_state="session",
        on_change="ignore",  # nothing on the page follows it
        help="For TensorBoard, in the run's folder `events`.",
    )
    epochs = int(chosen.get("epochs", plans.default_settings(name, kind)["epochs"]))
    cost = (
        f"At most {epochs:,} epochs of {rows:,} training rows{f', {count} times' if count > 1 else ''}. "
        "The page estimates the time after the first epoch. Training continues when this page is closed."
    )
    if task_start.start_button(
        "run",
        "Start" if count == 1 else f"Start {count} runs",
        cost,
        (
            f"at most {epochs:,} epochs{f', {count} times' if count > 1 else ''}",
            f"{rows:,} training rows",
            "continues when this page is closed",
        ),
        key="_start",
        disabled=wrong,
    ):
        orders = {
            one: plans.make_plan(name, one, own, seed, replay=replay) for one, own in kinds.items()
        }
        plans.start_runs(
            {
                entry: replace(orders[one], seed=number)
                for one, group in names.items()
                for entry, number in zip(group, seeds, strict=True)
            },
            bool(events),
        )
        state.put(STARTED, every)
        state.put(_FILLED, False)
        state.put(_BEGUN, _settings_in_address())
        st.rerun()


@st.fragment
def new_run_form(open_: bool) -> None:
    """Draw the whole form. It is a fragment, so that typing redraws only this part."""
    if not permissions.says_read_only("train, stop or delete"):
        settings = _settings_in_address()
        if settings and settings != state.get(_BEGUN):
            state.put(_FILLED, True)  # a later run may find the widgets at their defaults
        expanded = open_ or state.get(_FILLED, False)
        box = st.expander("New run", expanded=expanded, icon=":material/add_circle:", key="box-new")
        with box, page_runs.guard():
            draw_form()


def _settings_in_address() -> dict[str, object]:
    """Return what differs from the defaults in the form, by the names of the address."""
    address = page_params.open_params().address()
    return {key: address[key] for key in address if key.startswith("new.")}
