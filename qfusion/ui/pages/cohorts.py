"""Cohorts: all samples, a cohort of them and one sample, on the same axes; their errors and their map."""

from functools import partial

import streamlit as st

from qfusion import plugin
from qfusion.analysis import cohort_levels
from qfusion.ui import (
    figure,
    frame,
    lazy_panels,
    page_context,
    page_runs,
    panels,
    widgets,
)
from qfusion.ui.cohort_errors import error_slices, wrong_table
from qfusion.ui.cohort_measures import entanglement, model_quality
from qfusion.ui.cohort_picker import choose_levels, ladder, restore_filter, select_type
from qfusion.ui.sample_map import map_of_samples
from qfusion.views import cohort_errors
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.panel import drawn


def contributions(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """How modalities relate and share, and the distribution of every dividend, by the grouping picked."""
    figure.draw_side_by_side(
        lambda: panels.show(
            levels,
            context.theme,
            "types",
            first=1,
            on_select=lambda key: select_type(key, levels.parts),
        ),
        lambda: panels.show(levels, context.theme, "cohort-shares", first=1),
        widths=[1, 1.25],
    )
    panels.show_with_controls(
        levels,
        context.theme,
        "dividends",
        lambda: widgets.draw(builders.BY, context.study),
        first=True,
    )


def wrong_ones(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """Draw the wrong decisions of the cohort with the terms that misled them, error slices and the worst samples. A
    click on a row opens the sample.
    """
    if builders.has_samples(levels):
        picture = drawn(cohort_errors.wrong)(levels, context.theme)
        figure.draw(picture, below=lambda: wrong_table(context, picture.table()))
        error_slices(context, levels)


PARTS = dict(
    zip(
        builders.VIEWS,
        (contributions, wrong_ones, model_quality, entanglement),
        strict=True,
    )
)


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Cohorts", restore_filter)
    with page_runs.guard(), st.container(key="fold-cohorts"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            levels = choose_levels(context)
            ladder(context, levels)
        with right:
            map_of_samples(context, levels)
        parts = {
            name: partial(
                lazy_panels.lazy_panel, name.lower(), partial(part, context, levels), stays=True
            )
            for name, part in (PARTS | plugin.tabs("cohorts")).items()
        }
        panels.tabs(builders.VIEW, parts, theme=context.theme, **context.scopes(), levels=levels)


page_runs.run_page(__file__, __name__)
