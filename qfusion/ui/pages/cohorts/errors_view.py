"""The Cohorts page's errors: slices with their error rates, and the worst; a click makes a cohort or opens a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis.cohort import quality as measured
from qfusion.analysis.cohort import slices
from qfusion.analysis.levels import Levels
from qfusion.explain import cohorts
from qfusion.explain.cohorts import Part
from qfusion.panels import errors
from qfusion.panels import errors as slice_panels
from qfusion.ui.frame import clicks, state
from qfusion.ui.frame.shell import Here, fragment
from qfusion.ui.pages.cohorts.cohort_view import FILTER
from qfusion.ui.panel import panels

SLICE = "slice"


@fragment
def draw(here: Here, levels: Levels) -> None:
    """Slices on the left, the worst on the right."""
    clicks.settle()
    if not slice_panels.some(levels):
        return
    known = slices.kinds(here.work, levels.rows)
    if state.get(SLICE) not in (None, *known):
        state.put(SLICE, known[0])  # of another data set
    left, right = st.columns([1.25, 1], gap="medium")
    with left, panels.around("slices") as head:
        by = st.selectbox("Slices by", list(known), width=260, **state.bound(SLICE))
        found = slices.slices(levels, by)
        panels.inside(
            slice_panels.slices(levels, here.theme, by=by),
            head,
            on_select=lambda key: _sliced(key, found, levels.parts),
        )
    with right:
        worst = slices.worst(levels).rows.index.tolist()
        panels.draw(
            slice_panels.worst(levels, here.theme), on_select=lambda key: _opened(key, worst)
        )


def _sliced(key: str, found: Sequence[slices.Slice], parts: Sequence[Part]) -> None:
    place = clicks.place(next(iter(clicks.custom(key)), None), len(found))
    if place is not None:
        column = found[place].parts[0].column
        take(found[place].parts, [each for each in parts if each.column != column])
        clicks.page_again()


def _opened(key: str, ids: Sequence[str]) -> None:
    place = clicks.place(clicks.point(key).get("point_index"), len(ids))
    if place is not None:
        state.choose_sample(ids[place])
        clicks.page_again()


@fragment
def wrong(here: Here, levels: Levels) -> None:
    """The wrong decisions of the cohort with what misled them; a click on a row opens the sample."""
    clicks.settle()
    if not slice_panels.some(levels):
        return
    picture = slice_panels.wrong(levels, here.theme)
    table = picture.table()
    with panels.around("wrong"):
        panels.inside(picture, below=lambda: _wrong_table(here, table) if len(table) else None)


def _wrong_table(here: Here, table: pd.DataFrame) -> None:
    key = f"_wrong-{here.work.name}-{len(table)}"
    ids = table["id"].tolist()
    ticked = clicks.rows(key, len(ids))
    if ticked and ids[ticked[0]] != here.sample:
        state.put(key, {"selection": {"rows": []}})  # another sample has been opened since
    numbers = ("pull",) if here.work.classes else ("truth", "prediction", "pull", "without_it")
    formats: dict[str, Any] = {
        name: st.column_config.NumberColumn(_HEADS.get(name), format="%+.2f") for name in numbers
    }
    formats |= {
        name: st.column_config.Column(head) for name, head in _HEADS.items() if name not in formats
    }
    without = "class without it" if here.work.classes else "score without it"
    shown = table.assign(misleading=table["misleading"].str.replace("+", " + ")).rename(
        columns={"without_it": without}
    )
    if "without_it" in formats:
        formats[without] = formats.pop("without_it")
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=min(38 + 35 * len(ids), 318),
        selection_mode="single-row",
        on_select=lambda: _ticked(key, ids),
        column_config=formats,
        alt=f"Table of {len(ids)} wrong decisions. Select a row to open the sample.",
    )


_HEADS = {
    "id": "sample",
    "misleading": "misleading term",
    "pull": "its pull",
    "right_without_it": "right without it",
}


def _ticked(key: str, ids: Sequence[str]) -> None:
    rows = clicks.rows(key, len(ids))
    if rows:
        state.choose_sample(str(ids[rows[0]]))
        clicks.page_again()


def confusions(here: Here, levels: Levels) -> None:
    """The confusion matrix; a click on a cell makes its samples the cohort."""
    panels.draw(errors.confusions(levels, here.theme), on_select=lambda key: _confused(key, levels))


def _confused(key: str, levels: Levels) -> None:
    classes = [levels.work.classes[k] for k in errors.shown(measured.confusions(levels))]
    truth, said, *_ = (
        *(clicks.place(each, len(classes)) for each in clicks.custom(key)[:2]),
        None,
        None,
    )
    if truth is not None and said is not None:
        cell = (Part("truth", "=", (classes[truth],)), Part("prediction", "=", (classes[said],)))
        take(
            cell,
            [
                each
                for each in levels.parts
                if each.column not in ("truth", "prediction", "verdict")
            ],
        )


def take(own: Sequence[Part], others: Sequence[Part]) -> None:
    """Makes a slice of what passes some conditions the cohort; for callbacks."""
    state.put(FILTER, cohorts.written([*own, *others]))
