"""Runs side by side: the settings that differ, and the test metrics."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from qfusion.analysis import run_results, run_settings, runs
from qfusion.training import default_options
from qfusion.ui import figure
from qfusion.views import learning
from qfusion.views.pages.panel import draw_view


def draw_comparison(shown: list[runs.Seen]) -> None:
    """Settings and results of the runs that are shown."""
    figure.draw_side_by_side(
        lambda: _settings(shown),
        lambda: figure.draw(
            draw_view(shown, view=learning.train_results),
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
    titles = run_settings.setting_titles(planned.values())
    with st.container(border=True, key="panel-train-settings", gap="xsmall"):
        figure.heading(
            f"{len(differ)} setting{'s differ' if len(differ) != 1 else ' differs'}"
            if len(planned) > 1
            else "Settings"
        )
        if differ:
            st.dataframe(
                _frame(table, differ, titles),
                hide_index=True,
                alt=f"Settings that differ: {', '.join(differ)}.",
            )
        elif len(planned) > 1:
            st.caption("These runs have the same settings and the same seed.")
        st.expander(
            f"All {len(table)} settings", expanded=len(planned) == 1, key="box-all-settings"
        ).dataframe(
            _frame(table, list(table), titles),
            hide_index=True,
            height=420,
            alt="All settings of the runs.",
        )


def _frame(
    table: dict[str, dict[str, str]], keys: list[str], titles: Mapping[str, str]
) -> pd.DataFrame:
    return pd.DataFrame([{"setting": titles.get(key, key), **table[key]} for key in keys])


def _tables(results: run_results.Results) -> None:
    if not results.sizes:
        st.caption(
            "None of these runs has a model yet. Test metrics are measured when a run is stopped or "
            "finished."
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
