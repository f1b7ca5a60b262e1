"""Runs of a training: the form of a new one, the table in which the reader ticks those that are shown, and the
buttons for them."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion import _progress, _read_only
from qfusion._checks import check
from qfusion._settings import choices
from qfusion.app import guidance, navigation, page_runs, requests, selections, state, tasks, widgets
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.models import registry
from qfusion.models.kind_texts import describe_kind
from qfusion.runs import plans
from qfusion.study import seeds, text, trainings
from qfusion.training import Options
from qfusion.views.pages import address, page_state, params, train as builders, train as train_page
from qfusion.views.words.names import name_system
from qfusion.views.words.training import STATUSES, Way, describe_kept_epoch

NAME, _EVENTS, STARTED = "_new.name", "_new.events", "_new.started"
_FILLED = "_new.filled"  # whether a link or the reader has set something in the form
_STARTS = "_new.starts"  # how often the form has started runs
_BEGUN = "_new.begun"  # what was set in the form as its runs were started


def draw_form() -> None:
    """Draw the form; when it has just started runs, the page is drawn again with them."""
    left, right = (box.container(gap="xxsmall") for box in st.columns(2, gap="medium"))
    name = widgets.draw(train_page.NEW_DATA, place=left)
    kind = widgets.draw(train_page.NEW_KIND, place=right)
    dataset = tasks.load_dataset(name)
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
    like, recipe = seeds.shipped_recipe(name, kind)
    fields = {
        key: partial(_draw_setting, key, recipe.get(key, default[key]), name, kind, classes)
        for key in default
    }
    main = ["epochs", "rate", "patience", *train_page.MAIN.get(kind, ())]
    rest = [key for key in default if key not in main]
    with widgets.grid("main"):
        given = {key: fields[key]() for key in main}
    with (
        st.expander(
            f"All other settings ({len(rest)})", icon=":material/tune:", key="box-advanced"
        ),
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
        1 <= count <= trainings.MAX_SEEDS and 0 <= seed <= 10**6,
        f"Seeds must be 1 to {trainings.MAX_SEEDS}, the first from 0 to 1,000,000.",
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
        with page_runs.show_errors():
            plans.check_names(every)
            wrong = False
    events = trainings.can_write_events() and last.checkbox(
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
    if tasks.start_button(
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
        state.put(_STARTS, state.get(_STARTS, 0) + 1)
        state.put(_BEGUN, _settings_in_address())
        st.rerun()


@st.fragment
def new_run_form(open_: bool) -> None:
    """Draw the whole form. It is a fragment, so that typing redraws only this part."""
    if not requests.says_read_only("train, stop or delete"):
        settings = _settings_in_address()
        if settings and settings != state.get(_BEGUN):
            state.put(_FILLED, True)  # a later run may find the widgets at their defaults
        expanded = open_ or state.get(_FILLED, False)
        # another one after a start, so that it is folded even if the reader has unfolded it
        key = f"box-new-{state.get(_STARTS, 0)}"
        box = st.expander("New run", expanded=expanded, icon=":material/add_circle:", key=key)
        with box, page_runs.show_errors():
            draw_form()


def _settings_in_address() -> dict[str, object]:
    """Return what differs from the defaults in the form, by the names of the address."""
    address = state.open_params().address()
    return {key: address[key] for key in address if key.startswith("new.")}


_TURN, RUNS_PROBLEM, DRAWN_RUNS = "_runs_turn", "_runs_problem", "_runs_drawn"


def choose_runs(seen: list[trainings.RunStatus]) -> list[trainings.RunStatus]:
    """The table and the picker; returns the runs that are shown: those chosen, else those alive, else the newest."""
    names = [entry.name for entry in seen]
    table = st.container()
    picked = widgets.draw(
        builders.RUNS,
        options=names,  # some were deleted
        label="Runs shown",
        max_selections=trainings.MAX_SHOWN,
        help="Same as the selection in the table. The link contains it.",
        placeholder="none chosen: running ones, or else the newest",
    )
    shown = trainings.select_runs(seen, picked)
    with table:
        _table(seen, names, [entry.name for entry in shown])
    return shown


def _table(seen: list[trainings.RunStatus], names: list[str], shown: list[str]) -> None:
    ticked = [place for place, name in enumerate(names) if name in shown]
    titles = address.data_names()
    # a new table where other rows are to be ticked
    key = f"runs-{len(seen)}-{'.'.join(map(str, ticked))}-{state.get(_TURN, 0)}"
    st.dataframe(
        pd.DataFrame([_row(entry, titles) for entry in seen]),
        key=key,
        hide_index=True,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        height=min(38 + 35 * len(seen), 318),
        on_select=lambda: _read_ticks(key, names, shown),
        column_config={
            "done": st.column_config.ProgressColumn(
                "epochs", format="percent", min_value=0, max_value=1, width="small"
            ),
            "epoch": st.column_config.TextColumn("epoch", width="small"),
            "loss": st.column_config.LineChartColumn(
                "validation loss",
                width="small",
                help="After each epoch; its scale is each run's own.",
            ),
            "time left": st.column_config.TextColumn(
                help="Upper estimate from the last five epochs; training may stop earlier."
            ),
            "validation": st.column_config.TextColumn(
                "validation, kept epoch", help="On the validation rows, at the kept epoch."
            ),
        },
        alt=f"Table of {len(seen)} runs with state, data, model, epoch and validation metric.",
    )


def _row(entry: trainings.RunStatus, titles: dict[str, str]) -> dict[str, object]:
    plan, record, words = entry.plan, entry.record, STATUSES[entry.status]
    left = None if record is None else record.seconds_left
    if plan is None or record is None:
        return {"run": entry.name, "state": words}
    losses = [float(row["valid_loss"]) for row in record.history]
    share = (record.epoch + record.batch / max(1, record.batches)) / max(1, record.epochs)
    done = 1.0 if entry.state == "finished" else min(1.0, share)
    time_left = "" if left is None else _progress.duration(left)
    return {
        "run": entry.name,
        "state": words,
        "epoch": f"{record.epoch} / {record.epochs or '?'}",
        "done": done,
        "loss": losses[:: max(1, math.ceil(len(losses) / 60))],  # points of a sparkline
        "time left": time_left,
        "validation": describe_kept_epoch(record),
        "data": titles.get(plan.data, plan.data),
        "model": name_system(plan.model),
        "seed": plan.seed,
        "started": trainings.clock(record.began),
    }


def _read_ticks(key: str, names: list[str], shown: list[str]) -> None:
    """Show the runs that are ticked in the table. They are in the order in which they were ticked, so that each run
    keeps its colour.
    """
    ticked = [names[row] for row in selections.selected_rows(key, len(names))]
    state.put(
        builders.RUNS.key,
        [
            *(name for name in shown if name in ticked),
            *(name for name in ticked if name not in shown),
        ][: trainings.MAX_SHOWN],
    )
    state.put(_TURN, state.get(_TURN, 0) + 1)


def draw_actions(shown: list[trainings.RunStatus]) -> None:
    """Draw buttons for the possible actions on the shown runs."""
    with st.container(horizontal=True, vertical_alignment="center", key="run-actions"):
        if not _read_only.is_read_only():
            _buttons(shown)
        for entry in shown:
            _explore(entry)
        ready = {entry.name: entry.plan.data for entry in shown if entry.plan and entry.has_model}
        data = {*ready.values()}
        if len(ready) == 2 and len(data) == 1 and data <= {*address.sources()}:
            _compare(*ready, *data)


def _buttons(shown: list[trainings.RunStatus]) -> None:
    working = [entry for entry in shown if entry.state == "running"]
    for word, icon, able, act, help in (
        (
            "Pause",
            ":material/pause:",
            [entry for entry in working if not entry.request],
            lambda entry: entry.run.send_request("pause"),
            "Ends the process. Resuming leads to exactly the same weights.",
        ),
        (
            "Stop",
            ":material/stop:",
            [entry for entry in working if entry.request != "stop"],
            lambda entry: entry.run.send_request("stop"),
            "Ends the training and saves the best model so far. It can be resumed.",
        ),
        (
            "Resume",
            ":material/play_arrow:",
            [entry for entry in shown if entry.state in trainings.GOES_ON],
            lambda entry: plans.launch_run(
                entry.run, (entry.run.path / "events").is_dir() and trainings.can_write_events()
            ),
            "Resumes after the last saved epoch.",
        ),
    ):
        st.button(
            f"{word} {len(able)} runs" if len(able) > 1 else word,
            icon=icon,
            key=f"_{word.lower().replace(' ', '_')}",
            disabled=not able,
            on_click=apply_to_runs,
            args=(able, act),
            help=help,
        )
    _delete(shown)


def apply_to_runs(
    those: list[trainings.RunStatus], act: Callable[[trainings.RunStatus], None]
) -> None:
    """Apply a function to each of several runs. Errors are shown when the page is drawn."""
    problems = []
    for entry in those:
        try:
            with translate_system_errors():
                act(entry)
        except QFusionError as error:
            problems.append(str(error))
    state.put(RUNS_PROBLEM, " ".join(problems))


def _delete(shown: list[trainings.RunStatus]) -> None:
    still = [entry for entry in shown if not entry.alive]
    with st.popover("Delete", icon=":material/delete:", disabled=not still, key="box-delete"):
        if not still:
            return
        names = ", ".join(text.escape_markdown(entry.name) for entry in still)
        stored = [entry.name for entry in still if entry.has_model]
        st.markdown(
            f"Delete {names}? Its settings, curves and the state for resuming are lost."
            + (
                f" The model{'s' if len(stored) > 1 else ''} {', '.join(map(text.escape_markdown, stored))} "
                "will be kept."
                if stored
                else ""
            )
        )
        st.button(
            "Delete permanently",
            type="primary",
            key="_delete",
            on_click=apply_to_runs,
            args=(still, lambda entry: entry.run.delete()),
        )


def _explore(entry: trainings.RunStatus) -> None:
    """Draw the link to the samples of a run's model, or the reason why there is none."""
    if entry.plan is None or not entry.has_model:
        return
    name = text.escape_markdown(entry.name)
    if entry.plan.data in address.sources():
        navigation.link(
            "pages/samples.py",
            f"Explore samples of {name}",
            ":material/travel_explore:",
            explore=entry.name,
            on=entry.plan.data,
        )
    else:
        st.caption(f"{name} was trained on a data set that is not available here.")


def _compare(a: str, b: str, data: str) -> None:
    """Draw the link to a comparison of two models on a sample of the data on which both were trained."""
    dataset = tasks.load_dataset(data)
    sample = str(dataset.ids[dataset.rows("test")[0]])
    navigation.link(
        "pages/compare.py",
        f"Compare {text.escape_markdown(a)} with {text.escape_markdown(b)}",
        ":material/compare:",
        pin=str(page_state.Pin(a, data, sample)),
        explore=b,
        on=data,
        open=sample,
    )


def draw_problems(shown: list[trainings.RunStatus]) -> None:
    """Draw the errors that occurred here or in a training."""
    if problem := state.get(RUNS_PROBLEM):
        st.error(text.message(problem), icon=":material/error:")
    for entry in shown:
        name, record = text.escape_markdown(entry.name), entry.record
        if record is None:
            st.error(f"{name}: {text.message(entry.problem)}", icon=":material/error:")
        elif entry.state == "interrupted":
            st.warning(
                f"{name} stopped unexpectedly, as when its process is killed or the machine is switched off. "
                f"It can be resumed after epoch {record.epoch} and leads to the same weights.",
                icon=":material/power_off:",
            )
        elif entry.state == "failed":
            st.error(f"{name} failed: {text.message(record.message)}", icon=":material/error:")
        elif record.message:
            st.caption(f"{name}: {text.message(record.message)}")
        if entry.state in ("interrupted", "failed") and (log := trainings.read_log_end(entry.run)):
            st.expander(f"Output of the process of {name}", key=f"box-log-{entry.name}").code(
                log, language=None, height=240
            )


def draw_way(way: Way) -> None:
    """Draw a way to bring a model: a sentence and a snippet."""
    st.markdown(way.summary)
    st.code(way.snippet, language=way.language, wrap_lines=True)
