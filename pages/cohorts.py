"""Cohorts: all samples, a cohort of them and one sample, on the same axes; their errors and their map."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion import plugin
from qfusion._sentences import true_minus
from qfusion.app import (
    figure,
    frame,
    page_runs,
    panels,
    selections,
    state,
    tables,
    tasks,
    widgets,
)
from qfusion.app.page_context import PageContext
from qfusion.app.samples.cohort_picker import (
    choose_levels,
    comparison_table,
    restore_filter,
    select_type,
    take,
)
from qfusion.explain import bootstrap, cohort_filters
from qfusion.explain.cohort_filters import Condition
from qfusion.models.protocols import Evolution, StateModel
from qfusion.study import jobs, maps, mistakes, performance, text
from qfusion.views import cohort_contributions, cohort_errors, cohort_points, cohort_quality
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.panel import drawn
from qfusion.views.words.names import name_all, name_cohort


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Cohorts", restore_filter)
    with page_runs.show_errors(), st.container(key="fold-cohorts"):
        left, right = st.columns([1.25, 1], gap="medium")
        with left:
            levels = choose_levels(context)
        with right:
            comparison_table(context, levels)
        parts = {
            name: partial(
                panels.lazy_panel, name.lower(), partial(part, context, levels), stays=True
            )
            for name, part in (PARTS | plugin.tabs("cohorts")).items()
        }
        panels.tabs(builders.VIEW, parts, **context.scopes(), levels=levels)
        map_of_samples(context, levels)


def contributions(context: PageContext, levels: performance.CohortComparison) -> None:
    """How modalities relate and share, and the distribution of every dividend, by the grouping picked."""
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        panels.show(levels, "types", first=1, on_select=lambda key: select_type(key, levels.parts))
    with right:
        panels.show(levels, "cohort-shares", first=1)
    panels.show_with_controls(
        levels,
        "dividends",
        lambda: widgets.draw(cohort_contributions.BY, context.study),
        first=True,
    )


def wrong_ones(context: PageContext, levels: performance.CohortComparison) -> None:
    """Draw the wrong decisions of the cohort with the terms that misled them, error slices and the worst samples. A
    click on a row opens the sample.
    """
    if builders.has_samples(levels):
        picture = drawn(cohort_errors.wrong)(levels)
        figure.draw(picture, below=lambda: wrong_table(context, picture.numbers))
        error_slices(context, levels)


def error_slices(context: PageContext, levels: performance.CohortComparison) -> None:
    """Slices on the left, the worst on the right."""
    dataset = context.study.dataset

    def worst_ids() -> list[str]:
        rows, _ = mistakes.worst(levels)
        return [str(name) for name in rows.index]

    left, right = st.columns([1.25, 1], gap="medium")
    kinds = mistakes.slice_kinds(context.study, levels.rows)

    def select(key: str) -> None:
        by = state.param_text(cohort_errors.SLICES_BY.key)
        select_slice(key, mistakes.slices(levels, by), levels.parts)

    with left:
        panels.show_with_controls(
            levels,
            "slices",
            lambda: widgets.draw(cohort_errors.SLICES_BY, options=kinds),
            first=True,
            on_select=select,
        )
    with right:
        panels.show(
            levels,
            "worst",
            first=1,
            on_select=lambda key: selections.open_selected(key, worst_ids()),
            below=lambda: selections.sample_strip(dataset, dataset.find_rows(worst_ids())),
        )


def select_slice(key: str, result: Sequence[mistakes.Slice], parts: Sequence[Condition]) -> None:
    """Filter the cohort by the slice that is selected in a chart."""
    place = selections.parse_index(selections.selected_value(key), len(result))
    if place is not None:
        own = result[place].parts
        take(own, parts, {own[0].column})


def wrong_table(context: PageContext, table: pd.DataFrame) -> None:
    """Draw the table of wrong decisions with the term that misled each; a click on a row opens its sample."""
    if not table.empty:
        classes = bool(context.study.classes)
        without = "class without it" if classes else "score without it"
        numbers = ("pull",) if classes else ("truth", "prediction", "pull", without)
        formats = {name: st.column_config.Column(head) for name, head in _HEADS.items()} | {
            name: st.column_config.NumberColumn(_HEADS.get(name), format="%+.2f")
            for name in numbers
        }
        selections.samples_table(
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


def select_confused(key: str, levels: performance.CohortComparison) -> None:
    """Make the clicked cell of the confusion matrix the cohort: samples of one class predicted as another."""
    classes = [
        levels.study.classes[k]
        for k in cohort_quality.shown_classes(performance.confusions(levels))
    ]
    places = [
        selections.parse_index(value, len(classes)) for value in selections.selected_values(key)[:2]
    ]
    if len(places) == 2 and None not in places:
        truth, prediction = (classes[place] for place in places if place is not None)
        own = (Condition("truth", "=", (truth,)), Condition("prediction", "=", (prediction,)))
        take(own, levels.parts, {"truth", "prediction", "verdict"})


def model_quality(context: PageContext, levels: performance.CohortComparison) -> None:
    """How good the model is on the cohort; a click on a cell of the confusions makes its samples the cohort."""
    panels.show(levels, "residuals", first=1)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show(
            levels, "confusions", first=1, on_select=lambda key: select_confused(key, levels)
        )
    with right:
        panels.show(levels, "calibration", first=1)
    panels.show(levels, "curves", first=1)


def entanglement(context: PageContext, levels: performance.CohortComparison) -> None:
    """The honest test of "entanglement explains fusion": one measure against interaction strength, with intervals."""
    study = context.study
    if not performance.measure_titles(study):
        reason = (
            "entangles nothing"
            if study.model.part(StateModel)
            else "has no states that could be entangled"
        )
        st.caption(
            f"This model {reason}, so its entanglement cannot be compared with the joint terms."
        )
        return
    with figure.titled_frame("entanglement") as head:
        measure, strength = widgets.row(
            replace(
                cohort_points.MEASURE,
                help="Entropy includes mixing by jumps as well as entanglement, whereas log-negativity measures "
                "entanglement alone. Log-negativity, mutual information and total correlation need the state of "
                "every sample, which takes about 17 ms each, once."
                if study.model.part(Evolution)
                else "The fused qubits and their modality qubits form a pure state, so the entropy measures their "
                "entanglement.",
            ),
            replace(cohort_points.STRENGTH, values=performance.strength_titles(study)),
            study=study,
            align="top",
        )
        rows = levels.places(levels.rows)
        some = jobs.drawn_places(
            len(rows),
            performance.MAX_SLOW,
            performance.FEW_SLOW,
            all_samples=not performance.is_slow(measure),
        )
        every = tasks.use_all_samples(
            "entanglement",
            study,
            rows,
            len(some),
            lambda: performance.correlate_measures(levels, measure, strength, True),
        )
        figure.draw_content(
            drawn(cohort_points.entanglement)(
                levels, measure=measure, strength=strength, all_samples=every
            ),
            head,
            on_select=selections.choose_selected_sample,
            below=lambda: _table(
                levels,
                performance.correlate_measures(levels, measure, strength, every).correlations,
            ),
        )


def _table(
    levels: performance.CohortComparison, intervals: dict[str, dict[str, bootstrap.Interval]]
) -> None:
    names = {"all": name_all(levels), "cohort": name_cohort(levels)}
    rows = [
        (
            text.escape_markdown(names[level]),
            f"{entry['spearman'].n:,}",
            _said(entry["pearson"]),
            _said(entry["spearman"]),
        )
        for level, entry in intervals.items()
        if level == "all" or not levels.inside.all()
    ]
    st.markdown(tables.markdown(["level", "n", "Pearson r", "Spearman r"], rows))


def _said(interval: bootstrap.Interval) -> str:
    if np.isnan(interval.value):
        return "–"
    ends = "too few for an interval"
    if interval.known:
        ends = f"{interval.low:+.2f} to {interval.high:+.2f}"
    return true_minus(f"{interval.value:+.2f} ({ends})")


@page_runs.fragment
def map_of_samples(context: PageContext, levels: performance.CohortComparison) -> None:
    """The map with its controls."""
    if not builders.has_enough_samples(levels):
        return
    with figure.titled_frame("sample-map") as head:
        of, method, colour = widgets.row(
            cohort_points.MAP_OF,
            cohort_points.MAP_METHOD,
            replace(
                cohort_points.MAP_COLOUR,
                values=cohort_points.colour_choices(context.study, levels.rows),
            ),
            study=context.study,
        )
        rows = levels.places(levels.rows)
        some = jobs.drawn_places(len(rows), *maps.limits(context.study, of, method))
        every = tasks.use_all_samples(
            "sample-map",
            context.study,
            rows,
            len(some),
            lambda: cohort_points.map_positions(levels, of, method, True),
            of,
            method,
        )
        figure.draw_content(
            drawn(cohort_points.sample_map)(
                levels, of=of, method=method, colour=colour, all_samples=every
            ),
            head,
            on_select=lambda key: select_samples(
                key, cohort_points.map_positions(levels, of, method, every), levels.parts
            ),
            config={
                "displayModeBar": True,
                "displaylogo": False,
                "modeBarButtons": [["lasso2d", "select2d"]],
            },
        )


def select_samples(key: str, sample_map: maps.SampleMap, parts: Sequence[Condition]) -> None:
    """Open the sample that is selected on the map, or filter the cohort by the region around several."""
    selection = selections.selection(key)
    shape: Any = next(iter([*selection.get("lasso", []), *selection.get("box", [])]), None)
    if shape is None:
        selections.choose_selected_sample(key)
    else:
        try:
            region = maps.region(sample_map, shape["x"], shape["y"])
        except (ValueError, LookupError, TypeError):
            return  # a click that dragged by a pixel
        take([region], [part for part in parts if part.column == cohort_filters.SPLIT], ())


PARTS = dict(
    zip(
        builders.VIEWS,
        (contributions, wrong_ones, model_quality, entanglement),
        strict=True,
    )
)


page_runs.run_page(__file__, __name__)
