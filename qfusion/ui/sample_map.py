"""The map of all samples: a click opens one, a lasso or a box makes a cohort."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qfusion.analysis import cohort_levels, drawn_samples, sample_projection
from qfusion.explain import cohort_filters
from qfusion.ui import (
    all_samples,
    figure,
    page_context,
    page_runs,
    selections,
    widgets,
)
from qfusion.ui.cohort_picker import take
from qfusion.views import cohort_points
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.panel import drawn


@page_runs.fragment
def map_of_samples(context: page_context.PageContext, levels: cohort_levels.Levels) -> None:
    """The map with its controls."""
    if not builders.has_enough_samples(levels):
        return
    with figure.titled_frame("sample-map") as head:
        of, method, colour = widgets.row(
            builders.MAP_OF,
            builders.MAP_METHOD,
            replace(
                builders.MAP_COLOUR,
                values=cohort_points.colour_choices(context.study, levels.rows),
            ),
            study=context.study,
        )
        rows = levels.places(levels.rows)
        some = drawn_samples.drawn_places(
            len(rows), *sample_projection.limits(context.study, of, method)
        )
        every = all_samples.everyone(
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
                levels, context.theme, of=of, method=method, colour=colour, everyone=every
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


def select_samples(
    key: str, sample_map: sample_projection.SampleMap, parts: Sequence[cohort_filters.Part]
) -> None:
    """Open the sample that is selected on the map, or filter the cohort by the region around several."""
    selection = selections.selection(key)
    shape: Any = next(iter([*selection.get("lasso", []), *selection.get("box", [])]), None)
    if shape is None:
        selections.choose_selected_sample(key)
    else:
        try:
            region = sample_projection.region(sample_map, shape["x"], shape["y"])
        except (ValueError, LookupError, TypeError):
            return  # a click that dragged by a pixel
        take([region], [part for part in parts if part.column == cohort_filters.SPLIT])
