"""The Cohorts page's errors: slices with their error rates, and the worst; a click makes a cohort or opens a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from qfusion.analysis.cohort import slices
from qfusion.analysis.levels import Levels
from qfusion.explain.trust import cohorts
from qfusion.explain.trust.cohorts import Part
from qfusion.panels.parts import quality
from qfusion.panels.parts import slices as builders
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.cohorts.cohort_view import FILTER
from qfusion.ui.panel import panels

SLICE = "slice"
_AGAIN = "_errors_again"


def draw(here: Here, levels: Levels) -> None:
    """Slices on the left, the worst on the right."""
    if state.get(_AGAIN):
        state.put(_AGAIN, False)
        st.rerun()  # sample and filter stand outside of this fragment
    if not builders.some(levels):
        return
    known = slices.kinds(here.work, levels.rows)
    if state.get(SLICE) not in (None, *known):
        state.put(SLICE, known[0])  # of another data set
    left, right = st.columns([1.25, 1], gap="medium")
    with left, panels.around("slices") as head:
        by = st.selectbox("Slices by", list(known), width=260, **state.bound(SLICE))
        found = slices.slices(levels, by)
        key = f"slices-{state.get(state.TABLE_TURN, 0)}-{abs(hash((levels.parts, by)))}"
        panels.inside(builders.slices(levels, here.theme, by=by), head, key=key,
                      on_select=lambda: _sliced(key, found, levels.parts))
    with right:
        worst = slices.worst(levels).rows.index.tolist()
        own = f"worst-{state.get(state.TABLE_TURN, 0)}-{abs(hash(levels.parts))}"
        panels.draw(builders.worst(levels, here.theme), key=own, on_select=lambda: _opened(own, worst))


def _sliced(key: str, found: Sequence[slices.Slice], parts: Sequence[Part]) -> None:
    custom = _custom(key)
    place = int(custom[0]) if isinstance(custom, list) else -1
    if 0 <= place < len(found):
        column = found[place].parts[0].column
        take(found[place].parts, [each for each in parts if each.column != column])
        state.put(_AGAIN, True)


def _opened(key: str, ids: Sequence[str]) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    place = int(points[0].get("point_index", -1)) if points else -1
    if 0 <= place < len(ids):
        state.choose_sample(ids[place])
        state.put(_AGAIN, True)


def confusions(here: Here, levels: Levels) -> None:
    """The confusion matrix; a click on a cell makes its samples the cohort."""
    key = f"confusions-{state.get(state.TABLE_TURN, 0)}-{abs(hash(levels.parts))}"
    panels.draw(quality.confusions(levels, here.theme), key=key, on_select=lambda: _confused(key, levels))


def _confused(key: str, levels: Levels) -> None:
    custom, classes = _custom(key), levels.work.classes
    if isinstance(custom, list) and len(custom) > 1 and max(int(custom[0]), int(custom[1])) < len(classes):
        cell = (Part("truth", "=", (classes[int(custom[0])],)), Part("prediction", "=", (classes[int(custom[1])],)))
        take(cell, [each for each in levels.parts if each.column not in ("truth", "prediction", "verdict")])


def take(own: Sequence[Part], others: Sequence[Part]) -> None:
    """Makes a slice of what passes some conditions the cohort; for callbacks."""
    state.put(FILTER, cohorts.written([*own, *others]))


def _custom(key: str) -> Any:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    return points[0].get("customdata") if points else None
