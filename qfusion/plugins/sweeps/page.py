"""Sweeps: the best settings found in many trainings that share their results."""

from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from qfusion import _read_only
from qfusion._checks import check
from qfusion._settings import bounds, choices
from qfusion.app import (
    figure,
    frame,
    page_runs,
    panels,
    requests,
    state,
    tasks,
    widgets,
)
from qfusion.plugins.sweeps import (
    panels as builders,
    search_space,
    sweep_storage,
    sweep_trials,
    sweeps,
)
from qfusion.runs import plans
from qfusion.study import text

COMING = (
    (
        builders.VIEWS[0],
        ":material/stacked_line_chart:",
        ("every trial", "best so far", "table"),
    ),
    (
        builders.VIEWS[1],
        ":material/scatter_plot:",
        ("each setting against the value", "importance"),
    ),
    (builders.VIEWS[2], ":material/line_axis:", ("parallel axes", "one line per trial")),
)
_BEGUN = "_sweep.begun"


def _is_running(sweep: sweeps.Sweep) -> bool:
    """Whether trials are left and nobody has asked to stop."""
    return not (sweep.is_done or sweep.is_stopped)


@page_runs.show_errors()
def _sweep(name: str, moving: bool) -> None:
    """Everything about one sweep, looked at again and again while it is at work."""
    page_runs.prepare_script()
    match = sweeps.find(name)
    if not _read_only.is_read_only():
        sweeps.release_lost_trials(match)
    if (_is_running(match) and not figure.exporting()) != moving:
        st.rerun()
    trials = sweep_trials.collect_trials(match)
    _best(trials)
    _buttons(trials)
    if not builders.has_finished_trials(trials):
        st.caption("Figures appear after the first trial.")
        return
    for view, tab in widgets.tabs(builders.VIEW):
        with tab, page_runs.show_errors(), st.container(key="fold-sweep"):
            panels.show(trials, *builders.PANELS, first=len(builders.PANELS))
            if view == builders.VIEWS[0]:
                table = trials.table()
                st.dataframe(
                    table,
                    hide_index=True,
                    height=min(38 + 35 * len(table), 388),
                    alt=f"Table of {len(table)} trials.",
                    column_config={
                        trials.metric_title: st.column_config.NumberColumn(format="%.4g"),
                        "message": st.column_config.TextColumn(width="medium"),
                    },
                )
            elif view == builders.VIEWS[1] and not trials.importance:
                st.caption(
                    f"The importance of settings is computed from {sweep_trials.ENOUGH} finished trials of two or "
                    "more settings."
                )


def _best(trials: sweep_trials.Trials) -> None:
    sweep, best, search = trials.sweep, trials.best, trials.sweep.search
    states = [attempt.state for attempt in trials.attempts]
    done = sum(state not in (sweeps.WAITING, sweeps.RUNNING) for state in states)
    st.progress(
        min(1.0, done / max(1, sweep.trials)),
        f"{done} of {sweep.trials} trials have ended"
        + "".join(
            f", {states.count(state)} {word}"
            for state, word in sweep_trials.STATES.items()
            if state in states and word != "finished"
        ),
    )
    st.markdown(
        f"**{text.escape_markdown(search.model)}** on **{text.escape_markdown(search.data)}**, judged by "
        f"{trials.metric_title}: "
        f"{', '.join(f'`{key}` {_space(entry)}' for key, entry in search.space.items())}."
    )
    if best is not None:
        st.markdown(
            f"Best: trial {best.number} with {trials.metric_title} **{best.value:.4g}** by "
            + ", ".join(
                f"`{key}` = {_plain(value)}"
                for key, value in sweep.settings(best).items()
                if key in search.space
            )
            + ". It was chosen among many trials, so results on new rows are probably worse. Train it:"
        )
        st.code(sweep.command(best), language="bash", wrap_lines=True)


def _buttons(trials: sweep_trials.Trials) -> None:
    """Draw the buttons to stop and resume."""
    if _read_only.is_read_only():
        return
    sweep = trials.sweep
    busy = any(a.state == sweeps.RUNNING for a in trials.attempts)
    stopped = sweep.is_stopped
    with st.container(horizontal=True, vertical_alignment="center", key="sweep-actions"):
        st.button(
            "Stop",
            icon=":material/stop:",
            key="_sweep_stop",
            disabled=sweep.is_done or stopped,
            on_click=page_runs.run_or_notice,
            args=(sweeps.stop, sweep),
            help="Processes stop at the end of their epoch. Interrupted trials are repeated on resuming.",
        )
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key="_sweep_go_on",
            disabled=sweep.is_done,
            on_click=page_runs.run_or_notice,
            args=(_resume, sweep),
            help="Starts one more process for this sweep, in addition to those that run.",
        )
        if not sweep.is_done:
            st.caption(
                "Stopping …"
                if stopped and busy
                else "Stopped."
                if stopped
                else "A process is running."
                if busy
                else "No trial is being trained: a process is starting or was killed. Resume starts another one."
            )


def _resume(sweep: sweeps.Sweep) -> None:
    sweeps.resume(sweep)
    sweeps.launch_worker(sweep.name)


def _form() -> None:
    """Draw the form of a sweep: what to search, the number of trials, the metric, and the button."""
    if requests.says_read_only("start, stop or resume a sweep"):
        return
    left, right = (box.container(gap="xxsmall") for box in st.columns(2, gap="medium"))
    name = widgets.draw(builders.DATA, place=left)
    kind = widgets.draw(builders.KIND, place=right)
    default = plans.default_settings(name, kind)
    fields = plans.setting_fields(kind)
    searched = st.multiselect(
        "Settings to search",
        [
            key
            for key in default
            if key != "epochs" and (choices(fields[key]) or fields[key].annotation in (int, float))
        ],
        default=["rate"],
        max_selections=8,
        format_func=lambda key: fields[key].title or key,
        key=f"_sweep.searched.{kind}",
        persist_state="session",
    )
    rows: dict[str, tuple[float, float, bool]] = {}
    worded = []
    for key in searched:
        with st.container(key=f"sweep-row-{key}"):
            chosen = _row(key, fields[key], default[key], kind)
        if isinstance(chosen, tuple):
            rows[key] = chosen
        else:
            worded.append(f"{key}={','.join(chosen)}")
    columns = st.columns(4, gap="small")
    trials = columns[0].number_input(
        "Trials", 1, 200, 20, 1, key="_sweep.trials", persist_state="session"
    )
    epochs = columns[1].number_input(
        "Max epochs",
        1,
        2000,
        min(int(default["epochs"]), 30),
        1,
        key="_sweep.epochs",
        persist_state="session",
    )
    judged = columns[2].selectbox(
        "Judge trials by",
        search_space.metric_names(tasks.load_dataset(name)),
        key="_sweep.metric",
        persist_state="session",
        help="On the validation rows, at the kept epoch.",
    )
    free = plans.choose_free_name(f"{kind}-{name}", sweep_storage.sweep_names())
    typed = (
        columns[3]
        .text_input(
            "Name", placeholder=free, max_chars=64, key="_sweep.name", persist_state="session"
        )
        .strip()
    )
    cost = (
        f"{trials} trainings, one after another, in a separate process that continues when this page "
        "is closed. Trainings worse than the median are stopped early."
    )
    if tasks.start_button(
        "sweep",
        "Start",
        cost,
        (
            f"{trials} trainings, one after another",
            f"at most {epochs} epochs each",
            "worse than the median: stopped early",
            "continues when this page is closed",
        ),
        key="_sweep_start",
        disabled=not searched,
    ):
        wanted = typed or free
        check(
            wanted not in sweep_storage.sweep_names(),
            f"A sweep called {wanted[:64]!r} is there already. Choose another name.",
        )
        search = search_space.read_search(
            name, kind, {"epochs": epochs}, sweep_trials.ranges(rows), worded, str(judged)
        )
        sweeps.begin(wanted, search, trials)
        sweeps.launch_worker(wanted)
        state.put(_BEGUN, wanted)
        st.rerun()


def _row(
    key: str, field: FieldInfo, default: Any, kind: str
) -> tuple[float, float, bool] | list[str]:
    """The widgets of a setting that is searched: two ends and the scale, or the words to choose among."""
    title = field.title or key
    if choices(field):
        words = [
            word
            for word in choices(field)
            if key != "loss" or (word == "cross_entropy") == (default == "cross_entropy")
        ]
        return list(
            st.multiselect(
                title,
                words,
                default=words[:2],
                help=field.description,
                key=f"_sweep.{kind}.{key}",
                persist_state="session",
            )
        )
    low, high, log = sweep_trials.span(float(default), *bounds(field))
    whole = field.annotation is int
    low, high = (round(low), round(high)) if whole else (low, high)
    first, second, third = st.columns([2, 2, 1], gap="small", vertical_alignment="bottom")
    form: dict[str, Any] = (
        {"step": 1, "format": "%d"}
        if whole
        else {"step": max(abs(high - low) / 20, 1e-8), "format": "%g"}
    )
    start = first.number_input(
        f"{title}, from",
        value=low,
        help=field.description,
        key=f"_sweep.{kind}.{key}.low",
        persist_state="session",
        **form,
    )
    end = second.number_input(
        "to", value=high, key=f"_sweep.{kind}.{key}.high", persist_state="session", **form
    )
    return (
        float(start),
        float(end),
        third.checkbox(
            "Logarithmic", value=log, key=f"_sweep.{kind}.{key}.log", persist_state="session"
        ),
    )


def _space(entry: Any) -> str:
    return (
        "among " + ", ".join(map(_plain, entry["choices"]))
        if "choices" in entry
        else f"from {entry['low']:g} to {entry['high']:g}{', logarithmically' if entry['log'] else ''}"
    )


def _plain(value: Any) -> str:
    return text.escape_markdown(f"{value:.4g}" if isinstance(value, float) else str(value))


@page_runs.show_errors()
def page() -> None:
    """Draw the page."""
    frame.begin_page("Sweeps")
    if begun := state.pop(_BEGUN):
        state.put(builders.NAME.key, begun)
    known = sweep_storage.sweep_names()
    with (
        st.expander("New sweep", icon=":material/add:", expanded=not known, key="box-new-sweep"),
        page_runs.show_errors(),
    ):
        _form()
    if not known:
        tasks.placeholder(
            "sweep",
            "There is no sweep yet. Choose settings to search above and press Start, or run `python -m "
            "qfusion sweep`.",
            COMING,
            not _read_only.is_read_only(),
        )
        return
    name = widgets.draw(builders.NAME, options=known)
    moving = _is_running(sweeps.find(name)) and not figure.exporting()
    # seconds between two looks while a sweep is at work
    st.fragment(_sweep, run_every=2.0 if moving else None)(name, moving)
