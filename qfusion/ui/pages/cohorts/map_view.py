"""The Cohorts page's map of all samples: a click opens one, a lasso or a box makes a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from qfusion.analysis.cohort import coordinates, draws
from qfusion.analysis.cohort import sample_map as maps
from qfusion.analysis.levels import Levels
from qfusion.explain import cohorts
from qfusion.explain.cohorts import Part
from qfusion.panels import cohorts as map_panels
from qfusion.panels.panel import Picture
from qfusion.ui.frame import clicks, figure, state
from qfusion.ui.frame.shell import Here, fragment
from qfusion.ui.pages.cohorts.cohort_view import FILTER
from qfusion.ui.panel import panels
from qfusion.ui.shared import drawn_view

OF, METHOD, COLOUR = "map", "map.method", "map.colour"
_CONFIG = {
    "displayModeBar": True,
    "displaylogo": False,
    "modeBarButtons": [["lasso2d", "select2d"]],
}


@fragment
def draw(here: Here, levels: Levels) -> None:
    """The map with its controls."""
    clicks.settle()
    if not map_panels.enough(levels):
        return
    known, colours = coordinates.kinds(here.work), map_panels.colours(here.work, levels.rows)
    for key, options in ((OF, known.values()), (COLOUR, colours)):
        if state.get(key) not in (None, *options):
            state.put(key, next(iter(options)))  # of another model
    with panels.around("sample-map") as head:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            of = coordinates.KEYS[
                st.selectbox("Map of", list(known.values()), width=190, **state.bound(OF))
            ]
            method = state.one_of(
                "Method", list(maps.METHODS), default=maps.METHODS[0], **state.bound(METHOD)
            )
            colour = st.selectbox("Colour", list(colours), width=190, **state.bound(COLOUR))
        rows = levels.places(levels.rows)
        some = draws.places(len(rows), *maps.limits(here.work, of, method))
        every = drawn_view.everyone(
            "sample-map",
            here.work,
            rows,
            len(some),
            lambda: map_panels.on_map(levels, of, method, True),
            of,
            method,
        )
        picture = map_panels.sample_map(
            levels, here.theme, of=of, method=method, colour=colour, everyone=every
        )
        with head:
            panels.heading(picture.title, picture)
        _figure(picture, levels, map_panels.on_map(levels, of, method, every))


def _figure(picture: Picture, levels: Levels, found: maps.SampleMap) -> None:
    assert picture.figure is not None
    shown = panels.framed(picture.name, picture.figure)
    figure.chart(
        shown.framed,
        key=f"figure-{picture.name}",
        alt=picture.alt,
        config=_CONFIG,
        tools=panels.tools_of(picture),
        on_select=lambda key: _selected(key, found, levels.parts),
    )
    panels.footer(picture, shown)


def _selected(key: str, found: maps.SampleMap, parts: Sequence[Part]) -> None:
    selection = clicks.chosen(key)
    shape: Any = next(iter([*selection.get("lasso", []), *selection.get("box", [])]), None)
    if shape is not None:
        try:
            part = maps.region(found, shape["x"], shape["y"])
        except (ValueError, LookupError, TypeError):
            return  # a click that dragged by a pixel
        split = [each for each in parts if each.column == cohorts.SPLIT]
        state.put(FILTER, cohorts.written([part, *split]))
        clicks.page_again()
        return
    if clicks.choose_sample(key):
        clicks.page_again()
