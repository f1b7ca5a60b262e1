"""Runs side by side: which settings differ, and what came out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qfusion.analysis.learning import run_curves, run_results
from qfusion.analysis.learning.run_curves import Seen
from qfusion.analysis.learning.run_results import Results
from qfusion.figures.style import Theme
from qfusion.panels import learning as builders
from qfusion.runs.settings import SETTINGS
from qfusion.training import default_options
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
    differ, table = run_curves.differences(
        plans,
        lambda plan: run_curves.defaults(
            plan, lambda name: default_options(run_curves.dataset_of(name))
        ),
    )
    with st.container(border=True, key="panel-train-settings", gap="xsmall"):
        panels.heading(
            f"{len(differ)} setting{'s differ' if len(differ) != 1 else ' differs'}"
            if len(plans) > 1
            else "Settings"
        )
        if differ:
            st.dataframe(
                _frame(table, differ),
                hide_index=True,
                alt=f"Settings that differ: {', '.join(differ)}.",
            )
        elif len(plans) > 1:
            st.caption("These runs have the same settings and the same seed.")
        with st.expander(
            f"All {len(table)} settings", expanded=len(plans) == 1, key="box-all-settings"
        ):
            st.dataframe(
                _frame(table, list(table)),
                hide_index=True,
                height=420,
                alt="All settings of the runs.",
            )


def _frame(table: dict[str, dict[str, str]], keys: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"setting": SETTINGS[key].title if key in SETTINGS else key, **table[key]} for key in keys]
    )


def _results(shown: list[Seen]) -> None:
    with st.container(border=True, key="panel-train-results", gap="xsmall"):
        panels.inside(builders.results(shown), below=lambda: _tables(run_results.of(shown)))


def _tables(found: Results) -> None:
    if not found.kinds:
        st.caption(
            "None of these runs has ended with a model yet: test rows are measured when one is stopped or finished."
        )
    st.dataframe(
        found.table.drop(columns=found.metrics),
        hide_index=True,
        alt=f"Epochs, time and parameters of {len(found.table)} runs.",
    )
    if found.metrics:
        st.dataframe(
            found.by_metric(),
            hide_index=True,
            alt="Metrics of the runs on validation and test rows.",
            column_config={
                column: st.column_config.NumberColumn(format="%.3f")
                for column in [*found.table["run"], "mean"]
            },
        )
