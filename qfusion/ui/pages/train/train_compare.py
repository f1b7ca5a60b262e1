"""Runs side by side: which settings differ, and what came out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import run_curves, text
from qfusion.analysis.run_curves import Seen
from qfusion.errors import QFusionError
from qfusion.figures.style import Theme
from qfusion.runs.settings import SETTINGS
from qfusion.training import default_options, metrics
from qfusion.ui.frame import cache
from qfusion.ui.pages.train import train_curves
from qfusion.ui.panel import panels


def draw(_: Theme, shown: list[Seen]) -> None:
    """Settings and results of the runs that are shown."""
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        _settings(shown)
    with right:
        _results(shown)


def _settings(shown: list[Seen]) -> None:
    plans = {each.name: each.plan for each in shown if each.plan is not None}
    if not plans:
        return
    differ, table = run_curves.differences(plans, lambda plan: run_curves.defaults(
        plan, lambda name: default_options(train_curves.dataset_of(name))))
    with st.container(border=True, key="panel-train-settings", gap="xsmall"):
        panels.heading(f"{len(differ)} setting{'s differ' if len(differ) != 1 else ' differs'}" if len(plans) > 1 else "Settings")
        if differ:
            st.dataframe(_frame(table, differ), hide_index=True, alt=f"Settings that differ: {', '.join(differ)}.")
        elif len(plans) > 1:
            st.caption("These runs have the same settings and the same seed.")
        with st.expander(f"All {len(table)} settings", expanded=len(plans) == 1, key="box-all-settings"):
            st.dataframe(_frame(table, list(table)), hide_index=True, height=420, alt="All settings of the runs.")


def _frame(table: dict[str, dict[str, str]], keys: list[str]) -> pd.DataFrame:
    return pd.DataFrame([{"setting": SETTINGS[key].title if key in SETTINGS else key, **table[key]} for key in keys])


def _results(shown: list[Seen]) -> None:
    rows, alike = [], set()
    for each in shown:
        card = _card(each)
        if each.plan is None or each.record is None:
            continue
        row: dict[str, Any] = {"run": each.name, "seed": each.plan.seed, "state": each.words, "epochs": each.record.epoch,
                               "kept": each.record.kept,
                               "time": run_curves.duration(sum(float(found["seconds"]) for found in each.record.history))}
        if card is not None:
            row["parameters"] = card["parameters"]["total"]
            row |= {_head(key, split): value for key in card["this_seed"]["test"] for split in ("valid", "test")
                    if isinstance(value := card["this_seed"][split].get(key), int | float)}
            alike.add((each.plan.data, each.plan.model, str(sorted(each.plan.settings.items())), str(sorted(each.plan.options.items())),
                       card["data"]["sizes"]["test"]))
        rows.append(row)
    frame = pd.DataFrame(rows)
    with st.container(border=True, key="panel-train-results", gap="xsmall"):
        panels.heading("What came out")
        if not alike:
            st.caption("None of these runs has ended with a model yet: test rows are measured when one is stopped or finished.")
        numbers = [column for column in frame if column.startswith(("test ", "validation "))]
        wide = [column for column in frame if column not in numbers]
        st.dataframe(frame[wide], hide_index=True, alt=f"Epochs, time and parameters of {len(frame)} runs.")
        if numbers:
            st.dataframe(_by_metric(frame, alike), hide_index=True, alt="Metrics of the runs on validation and test rows.",
                         column_config={column: st.column_config.NumberColumn(format="%.3f") for column in [*frame["run"], "mean"]})
        panels.footer("train-results", f"the kept weights measured when the run ended{_sizes(shown)}. " + (
            "The runs differ in their seed alone: mean ± standard deviation over seeds." if _seeds_only(frame, alike) else ""),
                      "which settings to choose: whoever chooses by test rows no longer measures on unseen ones.", lambda: frame)


def _by_metric(frame: pd.DataFrame, alike: set[Any]) -> pd.DataFrame:
    """A row for each metric and split, a column for each run; the mean where only seeds differ."""
    table = []
    for column in frame:
        if not column.startswith(("test ", "validation ")):
            continue
        values = dict(zip(frame["run"], frame[column], strict=True))
        row: dict[str, Any] = {"metric": column, **values}
        known = frame[column].dropna().to_numpy(dtype=float)
        if _seeds_only(frame, alike) and len(known) > 1:
            row["over seeds"] = f"{np.mean(known):.3f} ± {np.std(known, ddof=1):.3f}"
        table.append(row)
    return pd.DataFrame(sorted(table, key=lambda row: row["metric"].startswith("validation")))


def _seeds_only(frame: pd.DataFrame, alike: set[Any]) -> bool:
    return len(alike) == 1 and len(frame) > 1 and frame["seed"].nunique() == len(frame)


def _head(key: str, split: str) -> str:
    short = metrics.describe[key].short if key in metrics.describe else key
    return f"{'validation' if split == 'valid' else split} {short}"


def _sizes(shown: list[Seen]) -> str:
    said = {}
    for each in shown:
        card = _card(each)
        if card is not None and each.plan is not None:
            sizes = card["data"]["sizes"]
            said[each.plan.data] = f"{text.plain(each.plan.data)}: {sizes['valid']:,} validation, {sizes['test']:,} test rows"
    return f" ({'; '.join(said.values())})" if said else ""


def _card(each: Seen) -> dict[str, Any] | None:
    """The card of the model that a run made."""
    if not each.has_model:
        return None
    try:
        card = cache.loaded(each.name).card
    except QFusionError:
        return None
    return card if isinstance(card.get("this_seed"), dict) and {"valid", "test"} <= set(card["this_seed"]) else None
