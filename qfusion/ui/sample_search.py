"""Finding a sample: filters, a table and a scatter plot; a click in either opens a sample."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import (
    sample_filters,
    text,
)
from qfusion.analysis.study import dividend_column
from qfusion.quantum.measure_kinds import split_column
from qfusion.ui import figure, linked_table, page_context, selections, state, widgets
from qfusion.views import samples as sample_views
from qfusion.views.pages import samples
from qfusion.views.pages.panel import drawn
from qfusion.views.words.names import fact_titles

MOST_ROWS = 5_000  # of the table


def filters(context: page_context.PageContext) -> dict[str, Any]:
    """Draw the filters and return them as `sample_filters.passing` takes them."""
    split, relations = widgets.row(samples.SPLIT, samples.RELATION)
    chosen = {"split": split, "relations": relations, "search": widgets.draw(samples.SEARCH)}
    if context.study.classes and context.study.has_truth:
        verdict, classes = widgets.row(samples.VERDICT, samples.CLASSES, study=context.study)
        chosen |= {"verdict": verdict or "", "classes": classes}
    return chosen


def clear_filters() -> None:
    """Set the filters of the samples to their defaults, for a callback."""
    empty = {"split": samples.SPLIT.default, "search": "", "relations": [], "classes": []}
    for name, control in samples.FILTERS.items():
        if state.get(control.key) is not None:
            state.put(control.key, empty.get(name))


def note_hidden_sample(context: page_context.PageContext, rows: pd.DataFrame) -> None:
    """State that the sample shown does not pass the filters where it does not, and offer the first that does."""
    if context.sample in rows.index:
        return
    first = str(rows.index[0])
    st.info(
        f"The sample shown, {text.escape_markdown(context.sample)}, does not pass these filters.",
        icon=":material/filter_alt:",
    )
    st.button(
        f"Show {text.escape_markdown(first)}, the first that passes",
        key="_first_that_passes",
        icon=":material/arrow_forward:",
        on_click=state.choose_sample,
        args=(first,),
    )


def sample_table(context: page_context.PageContext, rows: pd.DataFrame, split: str) -> None:
    """The rows as a table; a click on one makes it the sample. They are of this split, or of "all"."""
    first = [  # after the id and what was said; then whatever else the data set has
        "truth",
        "prediction",
        *(["certainty"] if context.study.classes else []),
        "error",
        "relation",
        "leader",
    ]
    late = [
        *map(dividend_column, context.study.terms),
        *(name for name in fact_titles(context.study) if name in rows),
        "split",
    ]
    order = [*first, *(column for column in rows.columns if column not in {*first, *late}), *late]
    if not context.study.has_truth:
        order = [column for column in order if column not in ("truth", "error")]
    plain = ("certainty", "error", "disagreement", "conflict")
    numeric = {
        column: st.column_config.NumberColumn(
            format="%.2f",
            help="Softmax of the predicted class" if column == "certainty" else None,
        )
        for column in order
        if column in (plain if context.study.classes else (*plain, "truth", "prediction"))
        or ("[" in column and split_column(column)[0] in ("entropy", "dividend"))
    }
    named = {
        column: st.column_config.Column(words)
        for column in order
        if (words := text.column(column)) != column
    }
    if not (context.study.reads_features or context.study.classes):
        numeric["prediction"] = st.column_config.NumberColumn(context.study.quantity, format="%.2f")
    linked_table.samples_table(
        context.study.dataset,
        rows[order][:MOST_ROWS].reset_index(),
        rows.index[:MOST_ROWS].tolist(),
        f"_table-{context.study.name}",
        context.sample,
        height=370,
        column_config={**named, **numeric},
        alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.",
    )
    some = (
        f" The first {MOST_ROWS:,} are listed; filter to see others."
        if len(rows) > MOST_ROWS
        else ""
    )
    data = context.study.dataset
    every = f"{len(data):,}" if split == "all" else f"{len(data.rows(split)):,} {split}"
    st.caption(
        f"{len(rows):,} of {every} samples pass.{some} Select a row, or click "
        "a point below, to open a sample."
    )


def sample_scatter(context: page_context.PageContext, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study, usual = context.study, sample_filters.default_axes(context.study)
    x, y = widgets.row(
        replace(samples.ACROSS, default=usual[0]),
        replace(samples.UP, default=usual[1]),
        study=study,
        align="top",
    )
    if count > sample_filters.MAX_ENTANGLED and sample_filters.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement is slow to compute and shown for the first {sample_filters.MAX_ENTANGLED} of "
            f"{count:,} samples. Filter to see others."
        )
    figure.draw_without_panel(
        drawn(sample_views.scatter)(
            context.tweaked_sample(), context.theme, x=x, y=y, output=context.output_name, **chosen
        ),
        on_select=selections.choose_selected_sample,
    )
