"""Buttons for the chosen runs: stop, resume, delete, explore, compare; and what went wrong in them."""

from collections.abc import Callable

import streamlit as st

from qfusion import _read_only
from qfusion.analysis import runs, text
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.runs import run_process
from qfusion.ui import loading, navigation, state
from qfusion.ui.runs_table import RUNS_PROBLEM
from qfusion.views.pages import address, page_state


def draw_actions(shown: list[runs.Seen]) -> None:
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


def _buttons(shown: list[runs.Seen]) -> None:
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
            [entry for entry in shown if entry.state in runs.GOES_ON],
            lambda entry: run_process.launch_run(
                entry.run, (entry.run.path / "events").is_dir() and runs.can_write_events()
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


def apply_to_runs(those: list[runs.Seen], act: Callable[[runs.Seen], None]) -> None:
    """Apply a function to each of several runs. Errors are shown when the page is drawn."""
    problems = []
    for entry in those:
        try:
            with translate_system_errors():
                act(entry)
        except QFusionError as error:
            problems.append(str(error))
    state.put(RUNS_PROBLEM, " ".join(problems))


def _delete(shown: list[runs.Seen]) -> None:
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


def _explore(entry: runs.Seen) -> None:
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
    dataset = loading.load_dataset(data)
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


def draw_problems(shown: list[runs.Seen]) -> None:
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
        if entry.state in ("interrupted", "failed") and (log := runs.read_log_end(entry.run)):
            st.expander(f"Output of the process of {name}", key=f"box-log-{entry.name}").code(
                log, language=None, height=240
            )
