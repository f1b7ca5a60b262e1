"""Train: train new models on any data set, watch them, and import models that were trained elsewhere."""

import math
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion import _limits, _sentences
from qfusion._checks import check
from qfusion.analysis import model_import, run_results, run_settings, runs, text, training_curves
from qfusion.data import import_store
from qfusion.errors import QFusionError, default_on_error, translate_system_errors
from qfusion.models.program import KIND
from qfusion.panels import (
    learning as builders,
    learning_curves,
    learning_inside,
    params,
    pickers,
    pins,
    sweep_panels,
    training_settings,
)
from qfusion.runs import plans, run_process, training_queue
from qfusion.training import checkpoint, default_options, imports, metrics
from qfusion.ui import (
    access,
    figure,
    frame,
    guidance,
    page_params,
    panels,
    reruns,
    selections,
    state,
    uploads,
    widgets,
)
from qfusion.wording import setting_texts
from qfusion.wording.model_kinds import describe_kind
from qfusion.wording.model_notes import describe_summary
from qfusion.wording.training import STATUSES, describe_kept_epoch

# Bring a model that was trained elsewhere: an .onnx or .pt2 file, checked in a process of its own and kept among the
# models.

_UPLOAD, _FOUND, _CARD, _PROBLEM = "_model.upload", "_model.found", "_model.card", "_model.problem"
_SAID = "_model.said"
_HOW = """
Any model that predicts a number or a class from the modalities of a data set can be explored. {}
Its inputs are matched to the modalities by names and shapes; what was guessed can be corrected. It is checked on ten
rows and measured on all. `docs/bring-your-model.md` walks through it; models made by your own Python code come in on
the command line.
"""
_HOW_ELSEWHERE = (
    "Bring an `.onnx` file, which runs no code of its own, as of `torch.onnx.export` or skl2onnx."
)
_HOW_HERE = """Bring an `.onnx` file, which runs no code of its own, or a program of PyTorch that you trust:

    program = torch.export.export(model.eval(), example, dynamic_shapes=...)
    torch.export.save(program, "mine.pt2")
"""


@st.fragment
def import_form() -> None:
    """The whole part; a fragment, so that what is typed redraws this and nothing else."""
    widgets.folded(builders.IMPORT, _import_page, ":material/upload_file:")


@frame.guard()
def _import_page() -> None:
    level = access.level()
    if level == "none":
        st.info(
            "Here models cannot be brought in the browser, since this server is not only for its own machine. Use "
            "`python -m qfusion model import FILE --data NAME --name NAME` there, or set "
            f"{access.VARIABLE}=upload.",
            icon=":material/lock:",
        )
        return
    if message := state.take(_SAID):
        st.success(message, icon=":material/check_circle:")
    left, right = st.container(key="fold-model-import").columns([1, 1.25], gap="medium")
    with left:
        order = _form(level)
    with right:
        if order is not None:
            _import(*order)
        if state.get(_PROBLEM):
            st.error(text.message(state.get(_PROBLEM)), icon=":material/error:")
        if state.get(_FOUND):
            _report(state.get(_FOUND))
        if state.get(_CARD):
            _correct(*state.get(_CARD))
        elif not order and not state.get(_FOUND):
            st.markdown(_HOW.format(_HOW_HERE if access.is_local() else _HOW_ELSEWHERE))
    if level == "path" and (own := list(filter(_is_imported, checkpoint.available()))):
        with st.popover("Remove an imported model", icon=":material/delete:"):
            name = st.selectbox("Model", own, key="_model.gone")
            st.button(
                "Remove it from this machine",
                on_click=frame.run_or_notice,
                args=(_remove, name),
                key="_model.remove",
            )


def _form(level: str) -> tuple[str, str, str, bool, str] | None:
    """What to import: data set, name, title, whether to replace, and the card; None until asked."""
    formats = (
        "ONNX, or of torch.export.save: such a program runs what it holds, so bring only one that you trust."
        if access.is_local()
        else "ONNX. Programs of torch.export come in on the server's own machine."
    )
    with st.form("_model_form", border=True):
        data = st.selectbox("Data set whose modalities go in", pickers.sources(), key="_model.data")
        file = st.file_uploader(
            "Program",
            type=[ending[1:] for ending in _endings()],
            key="_model.file",
            help=f"{formats} At most {st.get_option('server.maxUploadSize')} MB.",
        )
        name = st.text_input(
            "Name",
            key="_model.name",
            max_chars=60,
            placeholder="my-model",
            help="Letters, digits, . - and _. It is picked and linked by this name.",
        ).strip()
        title = st.text_input(
            "Title, if it should be another", key="_model.title", max_chars=import_store.MAX_TITLE
        ).strip()
        replace = level == "path" and st.checkbox(
            "Replace an imported model of that name", key="_model.replace"
        )
        pressed = st.form_submit_button(
            "Check and import", icon=":material/fact_check:", type="primary"
        )
    if not pressed:
        return None
    state.put(_CARD, None)
    check(
        file is not None,
        access.refusal()
        or f"There is nothing to import yet. Choose an {' or '.join(_endings())} file first.",
    )
    check(bool(name), "The model has no name yet. Type one.")
    # goes when the session does
    directory = tempfile.TemporaryDirectory(prefix="qfusion-model-", ignore_cleanup_errors=True)
    state.put(_UPLOAD, (directory, uploads.save_upload(file, Path(directory.name), "program")))
    return str(data), name, title, bool(replace), ""


def _endings() -> tuple[str, ...]:
    """Of the files that this reader may bring: torch.export.load runs what a file holds, so .pt2 is for readers on the
    server's own machine."""
    return model_import.SUFFIXES if access.is_local() else model_import.SUFFIXES[:1]


def _import(data: str, name: str, title: str, replace: bool, card: str) -> None:
    """Imports the upload once it is this reader's turn, in a process of its own, with the seconds that it has taken and
    a way to end it."""
    with access.waiting(""), ExitStack() as at_end:
        _, path = state.get(_UPLOAD)
        state.put(_FOUND, None)
        state.put(_PROBLEM, None)
        try:
            running = model_import.Import(
                path, data, name, card, title, replace, only_onnx=not access.is_local()
            )
            at_end.callback(running.cancel)
            status = st.status("Checking …")
            # a click ends this run, and so the process
            st.button("Cancel", icon=":material/close:", key="_model.cancel")
            while not running.done:
                status.update(label=f"Checking in a process of its own, {running.seconds:.0f} s …")
                time.sleep(0.2)  # until the next look at the process
            state.put(_FOUND, describe_summary(running.result()) | {"data": data})
            state.put(_CARD, None)
            state.put(_UPLOAD, None)
            state.put(_SAID, f"**{text.escape_markdown(name)}** is among the models.")
        except QFusionError as error:
            state.put(_PROBLEM, str(error))
            if isinstance(error, imports.Unfit):
                state.put(_CARD, (error.card.text(), data, name, title, replace))
    st.rerun()


def _correct(words: str, data: str, name: str, title: str, replace: bool) -> None:
    """The card of a program that does not fit yet, to be corrected."""
    st.markdown("What was guessed of it. Correct what is wrong:")
    typed = st.text_area(
        "Card",
        words,
        height=340,
        max_chars=20_000,
        key=f"_model.toml.{hash(words)}",
        label_visibility="collapsed",
    )
    if st.button(
        "Import with this card", type="primary", icon=":material/fact_check:", key="_model.again"
    ):
        state.put(_CARD, (typed, data, name, title, replace))
        _import(data, name, title, replace, typed)


def _report(result: dict[str, Any]) -> None:
    stored, card = result["kept"], result["card"]
    with st.container(border=True, key="model-report"):
        st.markdown(
            f"#### {text.escape_markdown(stored['name'], 80)}: {result['parameters']:,} parameters"
        )
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "input": entry["name"],
                        "modality": " and ".join(entry["modality"]),
                        "gives": entry["gives"],
                        "axes": " x ".join(map(str, entry["axes"])),
                        "type": entry["dtype"],
                    }
                    for entry in card["input"]
                ]
            ),
            hide_index=True,
            height="content",
            alt="Which input of the program takes which modality.",
        )
        for remark in result["remarks"]:
            st.caption(text.message(remark))
        for warning in result["warnings"]:
            st.warning(text.message(warning), icon=":material/warning:")
        known = metrics.labels(stored["metrics"])
        measured = ", ".join(
            f"{known[key].short} {stored['metrics'][key]:.3f}"
            for key in ("mae", "corr", "acc2_non0", "acc2", "accuracy", "f1", "nll")
            if key in known
        )
        st.caption(
            f"On the test rows: {measured or 'there are none'}. A figure far from the one that you know means "
            f"that an input is matched wrongly. Explaining one sample against {result['first']['rows']:,} rows "
            f"took {result['first']['seconds']:.2g} s."
        )
        frame.link(
            "pages/samples.py",
            "Open it on Samples",
            ":material/search:",
            model=stored["name"],
            data=result["data"],
            open=result["sample"],
        )
        st.expander("Card", icon=":material/description:").code(result["toml"], language="toml")


@default_on_error(False)  # a damaged card says so where the model is picked
def _is_imported(name: str) -> bool:
    return bool(checkpoint.card(name)["model"] == KIND)


def _remove(name: str) -> None:
    imports.remove(name)
    state.put(
        _SAID,
        f"{text.escape_markdown(name)} was removed; the file that it was imported from stays.",
    )


# Runs side by side: which settings differ, and what came out.


def side_by_side(shown: list[runs.Seen]) -> None:
    """Settings and results of the runs that are shown."""
    panels.draw_side_by_side(
        lambda: _settings(shown),
        lambda: panels.draw(
            builders.results(shown),
            below=lambda: _tables(run_results.collect_results(shown)),
            grows=False,
            gap="xsmall",
        ),
        widths=[1, 1.25],
    )


def _settings(shown: list[runs.Seen]) -> None:
    planned = {entry.name: entry.plan for entry in shown if entry.plan is not None}
    if not planned:
        return
    differ, table = run_settings.differences(
        planned,
        lambda plan: run_settings.defaults(
            plan, lambda name: default_options(run_settings.load_run_dataset(name))
        ),
    )
    with st.container(border=True, key="panel-train-settings", gap="xsmall"):
        figure.heading(
            f"{len(differ)} setting{'s differ' if len(differ) != 1 else ' differs'}"
            if len(planned) > 1
            else "Settings"
        )
        if differ:
            st.dataframe(
                _frame(table, differ),
                hide_index=True,
                alt=f"Settings that differ: {', '.join(differ)}.",
            )
        elif len(planned) > 1:
            st.caption("These runs have the same settings and the same seed.")
        st.expander(
            f"All {len(table)} settings", expanded=len(planned) == 1, key="box-all-settings"
        ).dataframe(
            _frame(table, list(table)),
            hide_index=True,
            height=420,
            alt="All settings of the runs.",
        )


def _frame(table: dict[str, dict[str, str]], keys: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "setting": setting_texts.SETTINGS[key].title
                if key in setting_texts.SETTINGS
                else key,
                **table[key],
            }
            for key in keys
        ]
    )


def _tables(results: run_results.Results) -> None:
    if not results.sizes:
        st.caption(
            "None of these runs has ended with a model yet: test rows are measured when one is stopped or finished."
        )
    st.dataframe(
        results.table.drop(columns=results.metrics),
        hide_index=True,
        alt=f"Epochs, time and parameters of {len(results.table)} runs.",
    )
    if results.metrics:
        st.dataframe(
            results.metric_table(),
            hide_index=True,
            alt="Metrics of the runs on validation and test rows.",
            column_config={
                column: st.column_config.NumberColumn(format="%.3f")
                for column in [*results.table["run"], "mean"]
            },
        )


# Curves of the runs that are shown, and what their models do inside while they are trained.


def _with_history(shown: list[runs.Seen]) -> list[runs.Seen]:
    result = runs.runs_with_history(shown)
    if not result:
        st.info(
            "No epoch is over yet."
            if any(entry.alive for entry in shown)
            else "Of the runs shown, none has an epoch to draw.",
            icon=":material/hourglass_top:",
        )
    return result


def progress(shown: list[runs.Seen]) -> None:
    """Loss, metrics, learning rate, gradient norm."""
    if begun := _with_history(shown):
        panels.draw_side_by_side(
            lambda: learning_curves.loss(begun, frame.theme()), lambda: _metric(begun)
        )
        panels.show(
            begun,
            frame.theme(),
            "train-gradient",
            "train-rate",
            columns=2,
            gap="medium",
            first=2,
        )


def _metric(shown: list[runs.Seen]) -> None:
    known = learning_curves.common_metrics(shown)
    if not known:
        st.info(
            "The runs shown have no metric in common: one predicts a number, another one classes. Choose runs of one "
            "kind.",
            icon=":material/help:",
        )
    else:
        with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                figure.heading("Metric on the validation rows")
                metric = widgets.draw(
                    builders.METRIC, options=known, default=training_curves.main_metric(known)
                )
            figure.drawn(learning_curves.metric(shown, frame.theme(), metric=metric))


def inside(shown: list[runs.Seen]) -> None:
    """Strength of the couplings, entanglement, and what single modalities and their combinations contribute."""
    shown = _with_history(shown)
    if not builders.has_watched(shown):
        return
    panels.show(
        shown,
        frame.theme(),
        "train-dividends",
        *(f"train-dividends-{group}" for group in range(1, builders.modality_groups(shown))),
        "train-replay",
    )
    panels.draw_side_by_side(
        lambda: panels.show(
            shown, frame.theme(), *(f"train-norm-{of}" for of in learning_inside.NORMS)
        ),
        lambda: panels.show(shown, frame.theme(), "train-negativity", "train-fused"),
    )


# A new training: what is trained on what, with which settings, how often; and its start.

_NAME, _EVENTS, _STARTED = "_new.name", "_new.events", "_new.started"
_FILLED = "_new.filled"  # whether a link or the reader has set something in the form


def draw_form() -> None:
    """Draws the form; when it has just started runs, the page is drawn again with them."""
    left, right = (box.container(gap="xxsmall") for box in st.columns(2, gap="medium"))
    name = widgets.draw(sweep_panels.NEW_DATA, place=left)
    kind = widgets.draw(sweep_panels.NEW_KIND, place=right)
    dataset = reruns.dataset(name)
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
    default = {
        key: value
        for key, value in plans.default_settings(name, kind).items()
        if key in setting_texts.SETTINGS
    }
    like, recipe = run_settings.shipped_recipe(name, kind)
    fields = {
        key: partial(_field, key, recipe.get(key, default[key]), name, kind, classes)
        for key in default
    }
    main = ["epochs", "rate", "patience", *setting_texts.MAIN.get(kind, ())]
    rest = [key for key in default if key not in main]
    with st.container(key="grid-main"):
        given = {key: fields[key]() for key in main}
    with (
        st.expander(f"{len(rest)} more settings", icon=":material/tune:", key="box-advanced"),
        st.container(key="grid-more"),
    ):
        given |= {key: fields[key]() for key in rest}
    if like:
        st.caption(f"Where you change nothing, settings are those of the shipped model `{like}`.")
    chosen = {
        key: plans.parse_value(key, value.strip(), default[key])
        if isinstance(value, str) and not isinstance(default[key], str)
        else value
        for key, value in given.items()
    }
    return {key: value for key, value in chosen.items() if value != default[key]}


def _field(key: str, begin: Any, name: str, kind: str, classes: bool) -> Any:
    """The widget of a setting, and its sentence."""
    losses = [
        word
        for word in setting_texts.SETTINGS["loss"].choices
        if (word == "cross_entropy") == classes
    ]
    setting = training_settings.setting_choice(
        name, kind, key, begin, losses if key == "loss" else ()
    )
    return _explained(setting, st.container(gap="xxsmall"))


def _explained(choice: params.Param, place: DeltaGenerator) -> Any:
    """A widget with what it is for: behind its (?) or below it."""
    with place:
        value = widgets.draw(choice, help=guidance.help(choice.help))
        guidance.below(choice.help)
    return value


def _start(name: str, kind: str, chosen: dict[str, Any], rows: int) -> None:
    """Name, seeds, what it will cost, and the button."""
    with st.container(key="grid-start"):
        first, second, third, fourth, fifth, last = (
            st.container(gap="xxsmall", key=f"start-{place}") for place in range(6)
        )
    count = _explained(builders.SEEDS, second)
    seed = _explained(builders.FIRST, third)
    replay = _explained(builders.REPLAY, fourth)
    check(
        1 <= count <= runs.MAX_SEEDS and 0 <= seed <= 10**6,
        f"Seeds must be 1 to {runs.MAX_SEEDS}, the first from 0 to 1,000,000.",
    )
    seeds = range(seed, seed + count)
    both = kind in setting_texts.MAIN and _explained(builders.BOTH, fifth)
    kinds = {kind: chosen} | dict([plans.counterpart(name, kind, chosen)] if both else [])
    count *= len(kinds)
    free = {one: plans.choose_free_name(f"{one}-{name}", seeds=seeds) for one in kinds}
    with first:
        says = "Of the run and of the model it makes; left empty, the one that is shown."
        typed = st.text_input(
            "Name",
            placeholder=" and ".join(free.values()),
            max_chars=64,
            key=_NAME,
            persist_state="session",
            help=guidance.help(says),
        ).strip()
        guidance.below(says)
        names = {
            one: plans.run_names((f"{typed}-{one}" if both else typed) if typed else own, seeds)
            for one, own in free.items()
        }
        every, wrong = [entry for group in names.values() for entry in group], True
        with frame.guard():
            plans.check_names(every)
            wrong = False
    events = runs.can_write_events() and last.checkbox(
        "Write event files",
        key=_EVENTS,
        persist_state="session",
        help="For TensorBoard, in the run's folder `events`.",
    )
    epochs = int(chosen.get("epochs", plans.default_settings(name, kind)["epochs"]))
    cost = (
        f"At most {epochs:,} epochs of {rows:,} training rows{f', {count} times' if count > 1 else ''}: "
        f"{count * epochs * rows:,} samples to go through. How long that takes shows after the first epoch. "
        f"At most {training_queue.worker_slots()} runs are trained at once on this machine, the others wait. "
        "Closing this page stops nothing."
    )
    if guidance.begin(
        "run",
        "Start" if count == 1 else f"Start {count} runs",
        cost,
        (
            f"at most {epochs:,} epochs{f', {count} times' if count > 1 else ''}",
            f"{rows:,} training rows",
            f"{count * epochs * rows:,} samples to go through",
            f"at most {training_queue.worker_slots()} runs at once",
            "goes on when this page is closed",
        ),
        key="_start",
        disabled=wrong,
    ):
        access.check_train()
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
        state.put(_STARTED, every)
        state.put(_FILLED, False)
        st.rerun()


@st.fragment
def new_training(open_: bool) -> None:
    """The whole form; a fragment, so that what is typed redraws this and nothing else."""
    if not access.says_no_training("train, stop or delete", "python -m qfusion train"):
        if any(key.startswith("new.") for key in page_params.open_params().address()):
            state.put(_FILLED, True)  # a later run may find the widgets at their defaults
        expanded = open_ or state.get(_FILLED, False)
        box = st.expander("New run", expanded=expanded, icon=":material/add_circle:", key="box-new")
        with box, frame.guard():
            draw_form()


# The trainings that there are: a table, which of them are shown, and what can be done with them.

COMING = (
    (builders.VIEWS[0], ":material/show_chart:", ("loss", "metrics", "gradients", "time left")),
    (
        builders.VIEWS[1],
        ":material/neurology:",
        ("contributions", "couplings and jumps", "entanglement"),
    ),
    (
        builders.VIEWS[2],
        ":material/compare_arrows:",
        ("what differs between runs", "what came of it"),
    ),
)
_TURN, _RUNS_PROBLEM, _DRAWN = "_runs_turn", "_runs_problem", "_runs_drawn"


@frame.guard()
def _runs(moving: bool, models: list[str]) -> None:
    """Everything that changes while runs are trained: a fragment that looks again and again, for as long as one is
    alive."""
    reruns.begin_run()
    seen = runs.look()
    if _moving(seen) != moving or not seen or checkpoint.available() != models:
        st.rerun()  # it begins or ceases to look by itself; a new model shows in the pickers
    shown = _choose(seen)
    _actions(shown)
    _problems(shown)
    if shown:
        draw = dict(zip(builders.VIEWS, (progress, inside, side_by_side), strict=True))
        steady = _steady(shown)
        with st.container(key="fold-curves"):
            panels.tabs(builders.VIEW, draw, steady, theme=frame.theme(), runs=steady)


def _steady(shown: list[runs.Seen]) -> list[runs.Seen]:
    """The runs as they are drawn: as they were a moment ago, unless one of them has another state."""
    now = time.monotonic()
    before: tuple[float, list[runs.Seen]] = state.get(_DRAWN, (0.0, []))
    # a figure stands 4 seconds at least: Streamlit makes a changed one anew, and it blinks
    if now - before[0] < 4.0 and [(entry.name, entry.state) for entry in before[1]] == [
        (entry.name, entry.state) for entry in shown
    ]:
        return before[1]
    state.put(_DRAWN, (now, shown))
    return shown


def _choose(seen: list[runs.Seen]) -> list[runs.Seen]:
    """The table and the picker; returns the runs that are shown: those chosen, else those alive, else the newest."""
    names = [entry.name for entry in seen]
    table = st.container()
    picked = widgets.draw(
        builders.RUNS,
        options=names,  # some were deleted
        label="Runs shown",
        max_selections=runs.MAX_SHOWN,
        help="Also ticked in the table. They stand in the address.",
        placeholder="none chosen: those being trained, else the newest",
    )
    shown = runs.select_runs(seen, picked)
    with table:
        _table(seen, names, [entry.name for entry in shown])
    return shown


def _table(seen: list[runs.Seen], names: list[str], shown: list[str]) -> None:
    ticked = [place for place, name in enumerate(names) if name in shown]
    # a new table where other rows are to be ticked
    line = training_queue.waiting_names() if any(entry.state == "waiting" for entry in seen) else []
    key = f"runs-{len(seen)}-{'.'.join(map(str, ticked))}-{state.get(_TURN, 0)}"
    st.dataframe(
        pd.DataFrame([_row(entry, line) for entry in seen]),
        key=key,
        hide_index=True,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        height=min(38 + 35 * len(seen), 318),
        on_select=lambda: _ticked(key, names, shown),
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
                help="At most, as long as the last five epochs took; it may end earlier."
            ),
            "validation": st.column_config.TextColumn(
                "validation, kept epoch", help="On the validation rows, by the kept weights."
            ),
        },
        alt=f"Table of {len(seen)} runs with state, data, model, epoch and validation metric.",
    )


def _row(entry: runs.Seen, line: list[str]) -> dict[str, object]:
    plan, record, words = entry.plan, entry.record, STATUSES[entry.status]
    left = None if record is None else record.seconds_left
    if entry.name in line and entry.state == "waiting":
        words = f"waiting, place {line.index(entry.name) + 1} of {len(line)}"
    if plan is None or record is None:
        return {"run": entry.name, "state": words}
    losses = [float(row["valid_loss"]) for row in record.history]
    share = (record.epoch + record.batch / max(1, record.batches)) / max(1, record.epochs)
    return {
        "run": entry.name,
        "state": words,
        "epoch": f"{record.epoch} / {record.epochs or '?'}",
        "done": min(1.0, share) if entry.state != "finished" else 1.0,
        "loss": losses[:: max(1, math.ceil(len(losses) / 60))],  # points of a sparkline
        "time left": "" if left is None else _sentences.duration(left),
        "validation": describe_kept_epoch(record),
        "data": plan.data,
        "model": plan.model,
        "seed": plan.seed,
        "started": runs.clock(record.began),
    }


def _ticked(key: str, names: list[str], shown: list[str]) -> None:
    """What is ticked in the table is shown; in the order in which it was ticked, so that a run keeps its colour."""
    ticked = [names[row] for row in selections.selected_rows(key, len(names))]
    state.put(
        builders.RUNS.key,
        [
            *(name for name in shown if name in ticked),
            *(name for name in ticked if name not in shown),
        ][: runs.MAX_SHOWN],
    )
    state.put(_TURN, state.get(_TURN, 0) + 1)


def _actions(shown: list[runs.Seen]) -> None:
    """Buttons for what can be done with the runs that are shown."""
    with st.container(horizontal=True, vertical_alignment="center", key="run-actions"):
        if access.may_train():
            _buttons(shown)
        for entry in shown:
            _explore(entry)
        ready = {entry.name: entry.plan.data for entry in shown if entry.plan and entry.has_model}
        data = {*ready.values()}
        if len(ready) == 2 and len(data) == 1 and data <= {*pickers.sources()}:
            _compare(*ready, *data)


def _buttons(shown: list[runs.Seen]) -> None:
    working = [entry for entry in shown if entry.state in ("waiting", "running")]
    for word, icon, able, act, help in (
        (
            "Pause",
            ":material/pause:",
            [entry for entry in working if not entry.request],
            lambda entry: entry.run.send_request("pause"),
            "Ends the process; it can go on to the very same weights.",
        ),
        (
            "Stop",
            ":material/stop:",
            [entry for entry in working if entry.request != "stop"],
            lambda entry: entry.run.send_request("stop"),
            "Ends it and keeps the best model so far; it can go on.",
        ),
        (
            "Go on",
            ":material/play_arrow:",
            [entry for entry in shown if entry.state in runs.GOES_ON],
            lambda entry: run_process.launch_run(
                entry.run, (entry.run.path / "events").is_dir() and runs.can_write_events()
            ),
            "Goes on after the last kept epoch.",
        ),
    ):
        st.button(
            f"{word} {len(able)} runs" if len(able) > 1 else word,
            icon=icon,
            key=f"_{word.lower().replace(' ', '_')}",
            disabled=not able,
            on_click=_each,
            args=(able, act),
            help=help,
        )
    _delete(shown)


def _each(those: list[runs.Seen], act: Callable[[runs.Seen], None]) -> None:
    """Does something with each of some runs; what goes wrong is said when the page is drawn."""
    problems = []
    for entry in those:
        try:
            access.check_train()
            with translate_system_errors():
                act(entry)
        except QFusionError as error:
            problems.append(str(error))
    state.put(_RUNS_PROBLEM, " ".join(problems))


def _delete(shown: list[runs.Seen]) -> None:
    still = [entry for entry in shown if not entry.alive]
    with st.popover("Delete", icon=":material/delete:", disabled=not still, key="box-delete"):
        if not still:
            return
        names = ", ".join(text.escape_markdown(entry.name) for entry in still)
        stored = [entry.name for entry in still if entry.has_model]
        st.markdown(
            f"Delete {names}? Settings, curves and the state to go on from are lost."
            + (
                f" The model{'s' if len(stored) > 1 else ''} {', '.join(map(text.escape_markdown, stored))} stay."
                if stored
                else ""
            )
        )
        st.button(
            "Delete for good",
            type="primary",
            key="_delete",
            on_click=_each,
            args=(still, lambda entry: entry.run.delete()),
        )


def _explore(entry: runs.Seen) -> None:
    """The way to the samples of a run's model, or why there is none."""
    if entry.plan is None or not entry.has_model:
        return
    name = text.escape_markdown(entry.name)
    if entry.plan.data in pickers.sources():
        frame.link(
            "pages/samples.py",
            f"Explore samples of {name}",
            ":material/travel_explore:",
            explore=entry.name,
            on=entry.plan.data,
        )
        frame.link(
            "pages/why_fuse.py",
            f"Why fuse: what joint and quantum parts of {name} are worth",
            ":material/merge:",
            explore=entry.name,
            on=entry.plan.data,
        )
    else:
        st.caption(f"{name} was trained on data that are not among the data sets here.")


def _compare(a: str, b: str, data: str) -> None:
    """The way to what two models make of a sample of the data that both were trained on."""
    dataset = reruns.dataset(data)
    sample = str(dataset.ids[dataset.rows("test")[0]])
    frame.link(
        "pages/compare.py",
        f"Compare {text.escape_markdown(a)} with {text.escape_markdown(b)}",
        ":material/compare:",
        pin=str(pins.Pin(a, data, sample)),
        explore=b,
        on=data,
        open=sample,
    )


def _problems(shown: list[runs.Seen]) -> None:
    """What went wrong, here or in a training."""
    if problem := state.get(_RUNS_PROBLEM):
        st.error(text.message(problem), icon=":material/error:")
    for entry in shown:
        name, record = text.escape_markdown(entry.name), entry.record
        if record is None:
            st.error(f"{name}: {text.message(entry.problem)}", icon=":material/error:")
        elif entry.state == "interrupted":
            st.warning(
                f"{name} ended without a word, as when its process is killed or the machine is switched off. It can go "
                f"on after epoch {record.epoch}, to the same weights as if nothing had happened.",
                icon=":material/power_off:",
            )
        elif entry.state == "failed":
            st.error(f"{name} failed: {text.message(record.message)}", icon=":material/error:")
        elif record.message:
            st.caption(f"{name}: {text.message(record.message)}")
        if entry.state in ("interrupted", "failed") and (log := runs.read_log_end(entry.run)):
            st.expander(f"What the process of {name} printed", key=f"box-log-{entry.name}").code(
                log, language=None, height=240
            )


# Train: new models on any data set, watched while they learn; they go on when the page is closed.


@frame.guard()
def page() -> None:
    """Draws the page."""
    frame.begin_page("Train")
    if started := state.take(_STARTED):
        state.forget(_NAME)  # it is free for another one
        state.put(builders.RUNS.key, started[: runs.MAX_SHOWN])
    seen = runs.look()
    brings = page_params.text_of(builders.IMPORT.key) == "true"
    new_training(not seen and not brings)
    if not _limits.is_read_only():
        import_form()
    if not seen:
        guidance.none_yet(
            "run",
            "There is no run yet. Choose data and a kind of model above and press Start: the training is a process of "
            "its own, which goes on when this page is closed.",
            COMING,
            access.may_train(),
        )
        return
    moving = _moving(seen)
    # seconds between two looks while a run is alive
    st.fragment(_runs, run_every=1.5 if moving else None)(moving, checkpoint.available())


def _moving(seen: list[runs.Seen]) -> bool:
    """Whether the page looks again and again."""
    return any(entry.alive for entry in seen) and not figure.exporting()


frame.run_page(__file__, __name__)
