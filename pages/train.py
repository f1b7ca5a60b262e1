"""Train: new models on any data set, watched while they learn, and models trained elsewhere brought in."""

import time
from collections.abc import Mapping

import streamlit as st

from qfusion import _read_only, plugin
from qfusion.app import figure, frame, page_runs, panels, state, tables, tasks, widgets
from qfusion.app.forms.runs import (
    DRAWN_RUNS,
    NAME,
    STARTED,
    choose_runs,
    draw_actions,
    draw_problems,
    draw_way,
    new_run_form,
)
from qfusion.study import seeds, text, trainings
from qfusion.study.trainings import RunStatus, Status
from qfusion.training import checkpoint_cards, default_options
from qfusion.views import learning, learning_inside
from qfusion.views.pages import train as builders
from qfusion.views.words.training import WAYS

# What a run waits for before its first loss.
WAITS: dict[Status, str] = {
    Status.STARTING: "Starting the process of {name} …",
    Status.RUNNING: "{name} loads the data and prepares the model …",
    Status.PAUSING: "{name} pauses …",
    Status.STOPPING: "{name} stops …",
}
IN_FIRST_EPOCH = "{name}: first epoch, batch {batch:,} of {batches:,} …"
NO_LOSS = "{name} has not finished an epoch."

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
        ("different settings", "results"),
    ),
)


@page_runs.show_errors()
def page() -> None:
    """Draw the page."""
    frame.begin_page("Train")
    if started := state.pop(STARTED):
        state.delete(NAME)  # it is free for another one
        state.put(builders.RUNS.key, started[: trainings.MAX_SHOWN])
    seen = trainings.list_statuses()
    brings = state.param_text(builders.IMPORT.key) == "true"
    new_run_form(not seen and not brings)
    if not _read_only.is_read_only():
        own_models()
    if not seen:
        tasks.placeholder(
            "run",
            "There is no run yet. Choose data and a kind of model above and press Start. Training runs "
            "in a separate process and continues when this page is closed.",
            COMING,
            not _read_only.is_read_only(),
        )
        return
    moving = _moving(seen)
    # seconds between two looks while a run is alive
    st.fragment(_runs, run_every=1.5 if moving else None)(moving, checkpoint_cards.available())


@page_runs.show_errors()
def _runs(moving: bool, models: list[str]) -> None:
    """Everything that changes while runs are trained: a fragment that looks again and again, for as long as one is
    alive."""
    page_runs.prepare_script()
    seen = trainings.list_statuses()
    if _moving(seen) != moving or not seen or checkpoint_cards.available() != models:
        st.rerun()  # it begins or ceases to look by itself; a new model shows in the pickers
    shown = choose_runs(seen)
    draw_actions(shown)
    draw_problems(shown)
    if shown:
        draw = dict(
            zip(builders.VIEWS, (draw_progress, draw_inner_terms, draw_comparison), strict=True)
        )
        steady = _steady(shown)
        with st.container(key="fold-curves"):
            panels.tabs(builders.VIEW, draw, steady, runs=steady)


def _steady(shown: list[trainings.RunStatus]) -> list[trainings.RunStatus]:
    """Return the runs as they were drawn a moment ago, unless one of them has another state or its first loss."""
    now = time.monotonic()
    before: tuple[float, list[trainings.RunStatus]] = state.get(DRAWN_RUNS, (0.0, []))
    # a figure stands 4 seconds at least: Streamlit makes a changed one anew, and it blinks
    if now - before[0] < 4.0 and _stages(before[1]) == _stages(shown):
        return before[1]
    state.put(DRAWN_RUNS, (now, shown))
    return shown


def _stages(shown: list[trainings.RunStatus]) -> list[tuple[str, str, bool]]:
    """Return the state of each run, and whether it has a loss to draw."""
    begun = {entry.name for entry in trainings.runs_with_losses(shown)}
    return [(entry.name, entry.state, entry.name in begun) for entry in shown]


def _moving(seen: list[trainings.RunStatus]) -> bool:
    """Whether the page looks again and again."""
    return any(entry.alive for entry in seen) and not figure.exporting()


METRIC_TITLE = "Metric on the validation rows"
FIRST_EPOCH = "Drawn after the first epoch."


def draw_progress(shown: list[trainings.RunStatus]) -> None:
    """Draw the loss from the first batches on, then metrics, gradient norm and learning rate. Until then, placeholders
    say what each run waits for.
    """
    begun = trainings.runs_with_history(shown)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show(shown, "train-loss", first=1)
        if not trainings.runs_with_losses(shown):
            waits = [describe_wait(entry, text.escape_markdown(entry.name)) for entry in shown]
            page_runs.card("train-loss", "Loss", "  \n".join(waits))
    with right:
        if begun:
            _metric(begun)
        else:
            page_runs.card("train-metric", METRIC_TITLE, FIRST_EPOCH)
    panels.show(begun, "train-gradient", "train-rate", columns=2, gap="medium", first=2)


def _metric(shown: list[trainings.RunStatus]) -> None:
    known = learning.common_metrics(shown)
    if not known:
        st.info(
            "The chosen runs have no metric in common, since some predict a number and others classes. "
            "Choose runs of one kind.",
            icon=":material/help:",
        )
    else:
        panels.show_with_controls(
            shown,
            "train-metric",
            lambda: widgets.draw(
                learning.METRIC, options=known, default=trainings.main_metric(known)
            ),
            first=True,
        )


def draw_inner_terms(shown: list[trainings.RunStatus]) -> None:
    """Draw the strength of the couplings, entanglement, and the contributions of single modalities and their
    combinations.
    """
    begun = trainings.runs_with_history(shown)
    if not begun:
        st.info(FIRST_EPOCH, icon=":material/hourglass_top:")
    shown = begun
    if not builders.has_watched(shown):
        return
    panels.show(
        shown,
        "train-dividends",
        *(f"train-dividends-{group}" for group in range(1, builders.modality_groups(shown))),
        "train-replay",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show(shown, *(f"train-norm-{of}" for of in learning_inside.NORMS))
    with right:
        panels.show(shown, "train-negativity", "train-fused")


def draw_comparison(shown: list[trainings.RunStatus]) -> None:
    """Settings and results of the runs that are shown."""
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        _settings(shown)
    with right:
        [build] = panels.builders(shown, "train-results").values()
        figure.draw(
            build(),
            below=lambda: _tables(trainings.collect_results(shown)),
            grows=False,
            gap="xsmall",
        )


def _settings(shown: list[trainings.RunStatus]) -> None:
    planned = {entry.name: entry.plan for entry in shown if entry.plan is not None}
    if not planned:
        return
    differ, table = seeds.differences(
        planned,
        lambda plan: seeds.defaults(
            plan, lambda name: default_options(seeds.load_run_dataset(name))
        ),
    )
    titles = seeds.setting_titles(planned.values())
    with st.container(border=True, key="panel-train-settings", gap="xsmall"):
        figure.heading(
            f"{len(differ)} setting{'s differ' if len(differ) != 1 else ' differs'}"
            if len(planned) > 1
            else "Settings"
        )
        if differ:
            rows = _name_settings(table, differ, titles)
            tables.draw(rows, f"Settings that differ: {', '.join(differ)}.", height="auto")
        elif len(planned) > 1:
            st.caption("These runs have the same settings and the same seed.")
        with st.expander(
            f"All {len(table)} settings", expanded=len(planned) == 1, key="box-all-settings"
        ):
            rows = _name_settings(table, list(table), titles)
            tables.draw(rows, "All settings of the runs.", height=420)


def _name_settings(
    table: dict[str, dict[str, str]], keys: list[str], titles: Mapping[str, str]
) -> list[dict[str, str]]:
    return [{"setting": titles.get(key, key), **table[key]} for key in keys]


def _tables(results: trainings.Results) -> None:
    if not results.sizes:
        st.caption(
            "None of these runs has a model yet. Test metrics are measured when a run is stopped or "
            "finished."
        )
    tables.draw(
        results.table.drop(columns=results.metrics),
        f"Epochs, time and parameters of {len(results.table)} runs.",
        height="auto",
    )
    if results.metrics:
        tables.draw(
            results.metric_table(),
            "Metrics of the runs on validation and test rows.",
            height="auto",
            column_config=tables.number_columns([*results.table["run"], "mean"], "%.3f"),
        )


@st.fragment
def own_models() -> None:
    """Draw the ways to bring a model, folded. This is a fragment, so that typing redraws only this part."""
    widgets.draw_folded(builders.IMPORT, draw_ways, ":material/upload_file:")


@page_runs.show_errors()
def draw_ways() -> None:
    """Draw the way that the reader picks, to bring a model."""
    ways = {way.title: way for way in WAYS}
    titles = [*plugin.tab_names("train"), *ways]
    title = st.segmented_control(
        "Where your model is", titles, default=titles[0], required=True, key="_model.way"
    )
    if title in ways:
        draw_way(ways[title])
    else:
        plugin.tabs("train")[title]()


def describe_wait(entry: RunStatus, name: str) -> str:
    """Return what a run without a loss waits for.

    Args:
        entry: the run. name: its name, as it is written.
    """
    record = entry.record
    if record is not None and record.batch and entry.status == Status.RUNNING:
        return IN_FIRST_EPOCH.format(name=name, batch=record.batch, batches=record.batches)
    return WAITS.get(entry.status, NO_LOSS).format(name=name)


page_runs.run_page(__file__, __name__)
