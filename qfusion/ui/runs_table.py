"""The table of runs, in which the reader ticks those that are shown."""

import math

import pandas as pd
import streamlit as st

from qfusion import _sentences
from qfusion.analysis import runs
from qfusion.ui import selections, state, widgets
from qfusion.views.pages import address, train as builders
from qfusion.views.words.names import name_system
from qfusion.views.words.training import STATUSES, describe_kept_epoch

_TURN, RUNS_PROBLEM, DRAWN_RUNS = "_runs_turn", "_runs_problem", "_runs_drawn"


def choose_runs(seen: list[runs.Seen]) -> list[runs.Seen]:
    """The table and the picker; returns the runs that are shown: those chosen, else those alive, else the newest."""
    names = [entry.name for entry in seen]
    table = st.container()
    picked = widgets.draw(
        builders.RUNS,
        options=names,  # some were deleted
        label="Runs shown",
        max_selections=runs.MAX_SHOWN,
        help="Same as the selection in the table. The link contains it.",
        placeholder="none chosen: running ones, or else the newest",
    )
    shown = runs.select_runs(seen, picked)
    with table:
        _table(seen, names, [entry.name for entry in shown])
    return shown


def _table(seen: list[runs.Seen], names: list[str], shown: list[str]) -> None:
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


def _row(entry: runs.Seen, titles: dict[str, str]) -> dict[str, object]:
    plan, record, words = entry.plan, entry.record, STATUSES[entry.status]
    left = None if record is None else record.seconds_left
    if plan is None or record is None:
        return {"run": entry.name, "state": words}
    losses = [float(row["valid_loss"]) for row in record.history]
    share = (record.epoch + record.batch / max(1, record.batches)) / max(1, record.epochs)
    done = 1.0 if entry.state == "finished" else min(1.0, share)
    time_left = "" if left is None else _sentences.duration(left)
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
        "started": runs.clock(record.began),
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
        ][: runs.MAX_SHOWN],
    )
    state.put(_TURN, state.get(_TURN, 0) + 1)
