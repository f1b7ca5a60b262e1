"""Errors in a cohort: slices with their error rates, and the worst samples.

A click on a slice makes a cohort; a click on a sample opens it.
"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from qfusion.analysis import cohort_levels, cohort_performance, cohort_slices
from qfusion.explain import cohort_filters
from qfusion.ui import figure, linked_table, page_context, panels, sample_strip, selections, widgets
from qfusion.ui.cohort_picker import take
from qfusion.views import cohort_errors, cohort_quality
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.panel import drawn


def error_slices(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """Slices on the left, the worst on the right."""
    dataset = context.study.dataset

    def worst_ids() -> list[str]:
        rows, _ = cohort_slices.worst(levels)
        return [str(name) for name in rows.index]

    left, right = st.columns([1.25, 1], gap="medium")
    with left, figure.titled_frame("slices") as head:
        by = widgets.draw(
            builders.SLICES_BY, options=cohort_slices.slice_kinds(context.study, levels.rows)
        )
        figure.draw_content(
            drawn(cohort_errors.slices)(levels, context.theme, by=by),
            head,
            on_select=lambda key: select_slice(key, cohort_slices.slices(levels, by), levels.parts),
        )
    with right:
        panels.show(
            levels,
            context.theme,
            "worst",
            first=1,
            on_select=lambda key: selections.open_selected(key, worst_ids()),
            below=lambda: sample_strip.sample_strip(dataset, dataset.find_rows(worst_ids())),
        )


def select_slice(
    key: str, result: Sequence[cohort_slices.Slice], parts: Sequence[cohort_filters.Part]
) -> None:
    """Filter the cohort by the slice that is selected in a chart."""
    place = selections.parse_index(next(iter(selections.selected_values(key)), None), len(result))
    if place is not None:
        own = result[place].parts
        take(own, [part for part in parts if part.column != own[0].column])


def wrong_table(context: page_context.PageContext, table: pd.DataFrame) -> None:
    """Draw the table of wrong decisions with the term that misled each; a click on a row opens its sample."""
    if not table.empty:
        classes = bool(context.study.classes)
        without = "class without it" if classes else "score without it"
        numbers = ("pull",) if classes else ("truth", "prediction", "pull", without)
        formats = {name: st.column_config.Column(head) for name, head in _HEADS.items()} | {
            name: st.column_config.NumberColumn(_HEADS.get(name), format="%+.2f")
            for name in numbers
        }
        linked_table.samples_table(
            context.study.dataset,
            table.assign(misleading=table["misleading"].str.replace("+", " + ")).rename(
                columns={"without_it": without}
            ),
            table["id"].tolist(),
            f"_wrong-{context.study.name}-{len(table)}",
            context.sample,
            height=318,
            column_config=formats,
            alt=f"Table of {len(table)} wrong decisions. Select a row to open the sample.",
        )


_HEADS = {
    "id": "sample",
    "misleading": "misleading term",
    "pull": "its contribution",
    "right_without_it": "right without it",
}


def select_confused(key: str, levels: cohort_levels.Levels) -> None:
    """Make the clicked cell of the confusion matrix the cohort: samples of one class predicted as another."""
    classes = [
        levels.study.classes[k]
        for k in cohort_quality.shown_classes(cohort_performance.confusions(levels))
    ]
    places = [
        selections.parse_index(value, len(classes)) for value in selections.selected_values(key)[:2]
    ]
    if len(places) == 2 and None not in places:
        truth, prediction = (classes[place] for place in places if place is not None)
        take(
            (
                cohort_filters.Part("truth", "=", (truth,)),
                cohort_filters.Part("prediction", "=", (prediction,)),
            ),
            [
                part
                for part in levels.parts
                if part.column not in ("truth", "prediction", "verdict")
            ],
        )
