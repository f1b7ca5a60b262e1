"""Finding a sample: filters, a table and a scatter, either of which picks it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion import explain
from qfusion.analysis import text
from qfusion.analysis.cohort import finding
from qfusion.analysis.cohort.finding import VERDICTS
from qfusion.analysis.subject import SAID, Workspace, dividend_column, said_columns
from qfusion.data.spec import SPLITS
from qfusion.panels import samples
from qfusion.quantum.measures import split
from qfusion.ui.frame import clicks, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

SPLIT, SEARCH, RELATION, AXIS_X, AXIS_Y = "split", "find", "relation", "x", "y"
CLASSES, VERDICT = "class", "verdict"
MOST_ROWS = 5_000  # of the table


def filters(here: Here) -> dict[str, Any]:
    """Draws the filters and returns them as `finding.passing` takes them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = (
            st.segmented_control("Split", [*SPLITS, "all"], default="test", **state.bound(SPLIT))
            or "all"
        )
        kinds = st.pills(
            "How the modalities relate",
            list(explain.RELATIONS),
            selection_mode="multi",
            help="; ".join(f"{kind}: {words}" for kind, words in explain.RELATIONS.items()),
            **state.bound(RELATION),
        )
    words = st.text_input(
        "Search ids and words",
        max_chars=samples.MAX_SEARCH,
        placeholder="part of an id or of what was said",
        **state.bound(SEARCH),
    )
    verdict, wanted = _of_classes(here.work) if here.work.classes else (None, [])
    return {
        "split": split,
        "search": words or "",
        "relations": list(kinds),
        "verdict": verdict or "",
        "classes": wanted,
    }


def _of_classes(work: Workspace) -> tuple[str | None, list[str]]:
    """Draws the filters that only classes have."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = st.segmented_control(
            "Predicted",
            list(VERDICTS),
            help="Only samples that the model gets right, or wrong.",
            **state.bound(VERDICT),
        )
        wanted = st.multiselect(
            "Classes (truth)", list(work.classes), placeholder="all", **state.bound(CLASSES)
        )
    return verdict, list(wanted)


def none_passes(rows: pd.DataFrame) -> bool:
    """Whether the filters leave nothing; says what to do then."""
    if len(rows):
        return False
    st.info(
        "No sample passes these filters. Use fewer words, another relation, or the split “all”.",
        icon=":material/search_off:",
    )
    st.button(
        "Clear the filters", key="_clear_filters", icon=":material/filter_alt_off:", on_click=_clear
    )
    return True


def _clear() -> None:
    empty: dict[str, Any] = {SEARCH: "", RELATION: [], SPLIT: "test", VERDICT: None, CLASSES: []}
    for key, value in empty.items():
        if state.get(key) is not None:
            state.put(key, value)


def table(here: Here, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    order = _columns(here.work, rows)
    key = f"_table-{here.work.name}"
    shown = rows[order][:MOST_ROWS].reset_index()
    ticked = clicks.rows(key, len(shown))
    if ticked and rows.index[ticked[0]] != here.sample:
        state.put(
            key, {"selection": {"rows": []}}
        )  # what was ticked, and no other: the table is sent again for a tick
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=300,
        selection_mode="single-row",
        on_select=lambda: _picked_in_table(key, shown),
        column_config=_formats(order, bool(here.work.classes)),
        alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.",
    )
    some = (
        f" The first {MOST_ROWS:,} stand here; filter to see others."
        if len(rows) > MOST_ROWS
        else ""
    )
    st.caption(
        f"{len(rows):,} of {len(here.work.dataset):,} samples pass.{some} Tick a row, or click a point below, "
        "to open it."
    )


def _columns(work: Workspace, rows: pd.DataFrame) -> list[str]:
    """First what was said, then the numbers, then whatever else the data set has."""
    first = [
        "truth",
        "prediction",
        *(["certainty"] if work.classes else []),
        "error",
        "relation",
        "leader",
        *said_columns(rows),
    ]
    late = [
        *map(dividend_column, work.terms),
        *(name for name in work.fact_titles() if name in rows),
        "split",
    ]
    return [*first, *(column for column in rows.columns if column not in {*first, *late}), *late]


_HEADS = {"certainty": "certainty", "error": "error"}
_HELP = {
    "certainty": "Softmax of the predicted class",
    "dividend": "What a combination adds beyond its parts",
}


def _formats(columns: list[str], classes: bool) -> dict[str, Any]:
    numeric = {
        column: st.column_config.NumberColumn(
            _HEADS.get(column), format="%.2f", help=_HELP.get(column)
        )
        for column in columns
        if column in (*_HEADS, "truth", "prediction", "disagreement", "conflict")
        or ("[" in column and split(column)[0] in ("entropy", "dividend"))
    }
    if classes:
        numeric = {
            column: found
            for column, found in numeric.items()
            if column not in ("truth", "prediction")
        }
    named = {
        column: st.column_config.Column(said)
        for column in columns
        if (said := text.column(column)) != column
    }
    return (
        named | numeric | {column: st.column_config.TextColumn(width="medium") for column in SAID}
    )


def _picked_in_table(key: str, shown: pd.DataFrame) -> None:
    rows = clicks.rows(key, len(shown))
    if rows:
        state.put(state.SAMPLE, str(shown["id"].iloc[rows[0]]))


_AXES = (
    "dividend[text] is the contribution of text, what it adds to the score (Harsanyi dividend); negativity is "
    "entanglement. See Terms below the figure."
)


def scatter(here: Here, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    work, titles = here.work, finding.axes(here.work)
    default = finding.default_axes(work)
    with st.container(horizontal=True):
        for key, first in zip((AXIS_X, AXIS_Y), default, strict=True):
            if state.get(key) not in (None, *titles):
                state.put(key, first)  # of another model
        across, up = map(list(titles).index, default)
        x = st.selectbox("x axis", list(titles), index=across, help=_AXES, **state.bound(AXIS_X))
        y = st.selectbox("y axis", list(titles), index=up, help=_AXES, **state.bound(AXIS_Y))
    if count > finding.MAX_ENTANGLED and finding.asks_entanglement(work, x, y):
        st.info(
            f"Entanglement takes time: shown for the first {finding.MAX_ENTANGLED} of {count:,} samples. Filter to see "
            "others."
        )
    output = "" if here.asked is None else work.classes[here.asked]
    picture = samples.scatter(here.subject(), here.theme, x=x, y=y, output=output, **chosen)
    panels.drawn(picture, on_select=clicks.choose_sample)
