"""Panels of a cohort that have controls: quality by group, entanglement against joint terms."""

from dataclasses import replace

import numpy as np
import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import cohort_levels, cohort_measures, drawn_samples, text
from qfusion.explain import bootstrap
from qfusion.models.protocols import Evolution, StateModel
from qfusion.ui import all_samples, figure, page_context, panels, selections, widgets
from qfusion.ui.cohort_errors import select_confused
from qfusion.views import cohort_points, cohort_quality
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.panel import drawn
from qfusion.views.words.names import name_all, name_cohort


def model_quality(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """How good the model is on the cohort; a click on a cell of the confusions makes its samples the cohort."""
    panels.show(levels, context.theme, "residuals", first=1)
    if builders.has_classes(levels):
        figure.draw_side_by_side(
            lambda: figure.draw(
                drawn(cohort_quality.confusions)(levels, context.theme),
                on_select=lambda key: select_confused(key, levels),
            ),
            lambda: drawn(cohort_quality.calibration)(levels, context.theme),
        )
        panels.show(levels, context.theme, "curves", first=1)


def entanglement(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """The honest test of "entanglement explains fusion": one measure against interaction strength, with intervals."""
    study = context.study
    if not cohort_measures.measure_titles(study):
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
                builders.MEASURE,
                help="Entropy includes mixing by jumps as well as entanglement, whereas log-negativity measures "
                "entanglement alone. Log-negativity, mutual information and total correlation need the state of "
                "every sample, which takes about 17 ms each, once."
                if study.model.part(Evolution)
                else "The fused qubits and their modality qubits form a pure state, so the entropy measures their "
                "entanglement.",
            ),
            replace(builders.STRENGTH, values=cohort_measures.strength_titles(study)),
            study=study,
            align="top",
        )
        rows = levels.places(levels.rows)
        some = drawn_samples.drawn_places(
            len(rows),
            cohort_measures.MAX_SLOW,
            cohort_measures.FEW_SLOW,
            everyone=not cohort_measures.is_slow(measure),
        )
        every = all_samples.everyone(
            "entanglement",
            study,
            rows,
            len(some),
            lambda: cohort_levels.correlate_measures(levels, measure, strength, True),
        )
        figure.draw_content(
            drawn(cohort_points.entanglement)(
                levels, context.theme, measure=measure, strength=strength, everyone=every
            ),
            head,
            on_select=selections.choose_selected_sample,
            below=lambda: _table(
                levels,
                cohort_levels.correlate_measures(levels, measure, strength, every).correlations,
            ),
        )


def _table(
    levels: cohort_levels.Levels, intervals: dict[str, dict[str, bootstrap.Interval]]
) -> None:
    names = {"all": name_all(levels), "cohort": name_cohort(levels)}
    st.markdown(
        "\n".join(
            [
                "| level | n | Pearson r | Spearman r |",
                "|---|---|---|---|",
                *[
                    f"| {text.escape_markdown(names[level])} | {entry['spearman'].n:,} | "
                    f"{_said(entry['pearson'])} | {_said(entry['spearman'])} "
                    "|"
                    for level, entry in intervals.items()
                ],
            ]
        )
    )


def _said(interval: bootstrap.Interval) -> str:
    if np.isnan(interval.value):
        return "–"
    ends = "too few for an interval"
    if interval.known:
        ends = f"{interval.low:+.2f} to {interval.high:+.2f}"
    return true_minus(f"{interval.value:+.2f} ({ends})")
