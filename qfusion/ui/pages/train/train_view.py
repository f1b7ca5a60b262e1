"""The trainings that there are: a table, which of them are shown, and what can be done with them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable

import pandas as pd
import streamlit as st
from streamlit.errors import StreamlitAPIException

from qfusion import _read_only, runs
from qfusion.analysis import text
from qfusion.analysis.learning import run_curves
from qfusion.analysis.learning.run_curves import Seen
from qfusion.errors import QFusionError, provided
from qfusion.figures.style import Theme
from qfusion.panels import learning as builders
from qfusion.panels.address import sources
from qfusion.runs import queue
from qfusion.runs.folder import Record
from qfusion.ui.door import access
from qfusion.ui.frame import cache, clicks, depth, state
from qfusion.ui.frame import runs as reruns
from qfusion.ui.frame.shell import guard, link
from qfusion.ui.pages.train import model_import, train_compare, train_curves, train_form
from qfusion.ui.panel import panels
from qfusion.ui.shared import coming

RUN, VIEW = "run", "train.view"
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
PULSE = 1.5  # seconds between two looks while a run is alive
SPARKS = 60  # points of a sparkline
STEADY = (
    4.0  # seconds that a figure stands at least: Streamlit makes a changed one anew, and it blinks
)
_TURN, _PROBLEM, _DRAWN = "_runs_turn", "_runs_problem", "_runs_drawn"


def page(theme: Theme) -> None:
    """The whole page."""
    started = train_form.just_started()
    if started:
        _show(started)
    seen = run_curves.look(cache.record_of)
    train_form.part(not seen and not model_import.is_open())
    if not _read_only.is_on():
        model_import.part()
    alive = any(each.alive for each in seen)
    if not seen:
        whole = (
            "There is no run yet. Choose data and a kind of model above and press Start: the training is a "
            "process of its own, which goes on when this page is closed."
        )
        with st.container(border=True, key="box-no-runs", gap="xsmall"):
            if not access.may_train():
                st.markdown("There is no run on this server.")
            else:
                depth.line("There is no run yet: press **Start**.", whole)
            coming.draw("runs", COMING)
        return
    moving = alive and not panels.exporting()
    st.fragment(_runs, run_every=PULSE if moving else None)(theme, moving, run_curves.models())


def _show(names: list[str]) -> None:
    """Makes some runs those that are shown, in the session and in the address."""
    state.put(RUN, names[: run_curves.MAX_SHOWN])
    # Refused while the picker is on the page: the address then follows it.
    with contextlib.suppress(StreamlitAPIException):
        st.query_params[RUN] = names[: run_curves.MAX_SHOWN]


def _runs(theme: Theme, moving: bool, models: list[str]) -> None:
    """Everything that changes while runs are trained: a fragment that looks again and again, for as long as one is
    alive."""
    reruns.begin()
    seen = run_curves.look(cache.record_of)
    if (
        (any(each.alive for each in seen) and not panels.exporting()) != moving
        or not seen
        or run_curves.models() != models
    ):
        st.rerun()  # it begins or ceases to look by itself; a new model shows in the pickers
    with guard():
        shown = _choose(seen)
        _actions(shown)
        _said(shown)
    if shown:
        with st.container(key="fold-curves"):
            tabs = st.tabs(list(builders.VIEWS), **state.opened(VIEW))
            for tab, draw in zip(
                tabs, (train_curves.progress, train_curves.inside, train_compare.draw), strict=True
            ):
                if tab.open:
                    with tab, guard():
                        draw(theme, _steady(shown))
                        panels.below(theme, runs=_steady(shown))


def _steady(shown: list[Seen]) -> list[Seen]:
    """The runs as they are drawn: as they were a moment ago, unless one of them has another state."""
    now = time.monotonic()
    before: tuple[float, list[Seen]] = state.get(_DRAWN, (0.0, []))
    if now - before[0] < STEADY and [(each.name, each.state) for each in before[1]] == [
        (each.name, each.state) for each in shown
    ]:
        return before[1]
    state.put(_DRAWN, (now, shown))
    return shown


def _choose(seen: list[Seen]) -> list[Seen]:
    """The table and the picker; returns the runs that are shown: those chosen, else those alive, else the newest."""
    names = [each.name for each in seen]
    chosen = [name for name in state.get(RUN) or [] if name in names]
    if state.get(RUN) is not None and chosen != state.get(RUN):
        state.put(RUN, chosen)  # some were deleted
    table = st.container()
    picked = st.multiselect(
        "Runs shown",
        names,
        max_selections=run_curves.MAX_SHOWN,
        help="Also ticked in the table. They stand in the address.",
        placeholder="none chosen: those being trained, else the newest",
        **state.bound(RUN),
    )
    shown = run_curves.shown(seen, picked)
    with table:
        _table(seen, [each.name for each in shown])
    return shown


def _table(seen: list[Seen], shown: list[str]) -> None:
    names = [each.name for each in seen]
    ticked = [place for place, name in enumerate(names) if name in shown]
    # a new table where other rows are to be ticked
    line = queue.waiting() if any(each.state == "waiting" for each in seen) else []
    key = f"runs-{len(seen)}-{'.'.join(map(str, ticked))}-{state.get(_TURN, 0)}"
    st.dataframe(
        pd.DataFrame([_row(each, line) for each in seen]),
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


def _row(each: Seen, line: list[str]) -> dict[str, object]:
    plan, record = each.plan, each.record
    said = each.words
    if each.name in line and each.state == "waiting":
        said = f"waiting, place {line.index(each.name) + 1} of {len(line)}"
    if plan is None or record is None:
        return {"run": each.name, "state": said}
    share = (record.epoch + record.batch / max(1, record.batches)) / max(1, record.epochs)
    return {
        "run": each.name,
        "state": said,
        "epoch": f"{record.epoch} / {record.epochs or '?'}",
        "done": min(1.0, share) if each.state != "finished" else 1.0,
        "loss": _sparkline(record),
        "time left": run_curves.duration(record.seconds_left),
        "validation": run_curves.at_kept(record),
        "data": plan.data,
        "model": plan.model,
        "seed": plan.seed,
        "started": run_curves.clock(record.began),
    }


def _sparkline(record: Record) -> list[float]:
    """Validation losses, at most `SPARKS` of them."""
    losses = [float(row["valid_loss"]) for row in record.history]
    return losses[:: max(1, math.ceil(len(losses) / SPARKS))]


def _ticked(key: str, names: list[str], shown: list[str]) -> None:
    """What is ticked in the table is shown; in the order in which it was ticked, so that a run keeps its colour."""
    ticked = [names[row] for row in clicks.rows(key, len(names))]
    state.put(
        RUN,
        [
            *(name for name in shown if name in ticked),
            *(name for name in ticked if name not in shown),
        ][: run_curves.MAX_SHOWN],
    )
    state.put(_TURN, state.get(_TURN, 0) + 1)


def _actions(shown: list[Seen]) -> None:
    """Buttons for what can be done with the runs that are shown."""
    if not access.may_train():
        with st.container(horizontal=True, vertical_alignment="center", key="run-actions"):
            _each_explored(shown)
        return
    can = {
        "pause": [
            each for each in shown if each.state in ("waiting", "running") and not each.asked
        ],
        "stop": [
            each for each in shown if each.state in ("waiting", "running") and each.asked != "stop"
        ],
        "go on": [each for each in shown if each.state in run_curves.GOES_ON],
    }
    of = {word: f" {len(those)} runs" if len(those) > 1 else "" for word, those in can.items()}
    with st.container(horizontal=True, vertical_alignment="center", key="run-actions"):
        st.button(
            f"Pause{of['pause']}",
            icon=":material/pause:",
            key="_pause",
            disabled=not can["pause"],
            on_click=_each,
            args=(can["pause"], lambda each: each.run.ask("pause")),
            help="Ends the process; it can go on to the very same weights.",
        )
        st.button(
            f"Stop{of['stop']}",
            icon=":material/stop:",
            key="_stop",
            disabled=not can["stop"],
            on_click=_each,
            args=(can["stop"], lambda each: each.run.ask("stop")),
            help="Ends it and keeps the best model so far; it can go on.",
        )
        st.button(
            f"Go on{of['go on']}",
            icon=":material/play_arrow:",
            key="_go_on",
            disabled=not can["go on"],
            on_click=_each,
            args=(can["go on"], _go_on),
            help="Goes on after the last kept epoch.",
        )
        _delete(shown)
        _each_explored(shown)


def _each_explored(shown: list[Seen]) -> None:
    for each in shown:
        _explore(each)


def _go_on(each: Seen) -> None:
    runs.launch(each.run, (each.run.path / "events").is_dir() and run_curves.can_write_events())


def _each(those: list[Seen], act: Callable[[Seen], None]) -> None:
    """Does something with each of some runs; what goes wrong is said when the page is drawn."""
    problems = []
    for each in those:
        try:
            access.check_train()
            with provided():
                act(each)
        except QFusionError as error:
            problems.append(str(error))
    state.put(_PROBLEM, " ".join(problems))


def _delete(shown: list[Seen]) -> None:
    still = [each for each in shown if not each.alive]
    with st.popover("Delete", icon=":material/delete:", disabled=not still, key="box-delete"):
        if not still:
            return
        names = ", ".join(text.plain(each.name) for each in still)
        kept = [each.name for each in still if each.has_model]
        st.markdown(
            f"Delete {names}? Settings, curves and the state to go on from are lost."
            + (
                f" The model{'s' if len(kept) > 1 else ''} {', '.join(map(text.plain, kept))} stay."
                if kept
                else ""
            )
        )
        st.button(
            "Delete for good",
            type="primary",
            key="_delete",
            on_click=_each,
            args=(still, lambda each: each.run.delete()),
        )


def _explore(each: Seen) -> None:
    """The way to the samples of a run's model, or why there is none."""
    if each.plan is None or not each.has_model:
        return
    name = text.plain(each.name)
    if each.plan.data in sources():
        link(
            "pages/samples.py",
            f"Explore samples of {name}",
            ":material/travel_explore:",
            explore=each.name,
            on=each.plan.data,
        )
    else:
        st.caption(f"{name} was trained on data that are not among the data sets here.")


def _said(shown: list[Seen]) -> None:
    """What went wrong, here or in a training."""
    if problem := state.get(_PROBLEM):
        st.error(text.message(problem), icon=":material/error:")
    for each in shown:
        name, record = text.plain(each.name), each.record
        if record is None:
            st.error(f"{name}: {text.message(each.problem)}", icon=":material/error:")
        elif each.state == "interrupted":
            st.warning(
                f"{name} ended without a word, as when its process is killed or the machine is switched off. It can go "
                f"on after epoch {record.epoch}, to the same weights as if nothing had happened.",
                icon=":material/power_off:",
            )
        elif each.state == "failed":
            st.error(f"{name} failed: {text.message(record.message)}", icon=":material/error:")
        elif record.message:
            st.caption(f"{name}: {text.message(record.message)}")
        if each.state in ("interrupted", "failed") and (log := run_curves.log_of(each.run)):
            with st.expander(f"What the process of {name} printed", key=f"box-log-{each.name}"):
                st.code(log, language=None, height=240)
