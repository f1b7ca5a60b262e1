"""Finding a sample: filters, a table and a scatter, either of which picks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.data.spec import SPLITS
from qfusion.figures import cohort
from qfusion.ui import cache, panels, state
from qfusion.ui.shell import Here
from qfusion.ui.workspace import Workspace, dividend_column, entropy_column, negativity_column

SPLIT, SEARCH, RELATION, AXIS_X, AXIS_Y = "split", "find", "relation", "x", "y"
MOST_ENTANGLED = 800
SAID = ("text", "transcript")
RELATIONS = {"dominance": "one modality decides", "complement": "modalities agree", "conflict": "modalities disagree"}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    titles = axes(work)
    return {SPLIT: state.options("Split", [*SPLITS, "all"], "The test split is shown."),
            AXIS_X: state.options("Axis", titles, "The truth is shown across."),
            AXIS_Y: state.options("Axis", titles, "The prediction is shown up.")}


def filters(work: Workspace) -> pd.DataFrame:
    """Draws the filters and returns the rows that pass."""
    frame = work.frame
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.segmented_control("Split", [*SPLITS, "all"], default="test", **state.bound(SPLIT)) or "all"
        kinds = st.pills("Relation of the single modalities", list(RELATIONS), selection_mode="multi",
                         help="; ".join(f"{kind}: {words}" for kind, words in RELATIONS.items()),
                         **state.bound(RELATION))
    words = st.text_input("Search ids and words", max_chars=100, placeholder="part of an id or of what was said",
                          **state.bound(SEARCH))
    keep = np.ones(len(frame), dtype=bool) if split == "all" else (frame["split"] == split).to_numpy()
    if kinds:
        keep = keep & frame["relation"].isin(kinds).to_numpy()
    if words:
        keep = keep & _contains(frame, words)
    return frame[keep]


def _contains(frame: pd.DataFrame, words: str) -> np.ndarray:
    wanted = words.casefold()
    found = frame.index.str.casefold().str.contains(wanted, regex=False)
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            found = found | frame[column].astype(str).str.casefold().str.contains(wanted, regex=False).to_numpy()
    return np.asarray(found)


def table(here: Here, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    order = _columns(here.work, rows)
    key = f"table-{state.get(state.TABLE_TURN, 0)}-{here.work.name}"
    shown = rows[order].reset_index()
    place = int(np.flatnonzero(rows.index == here.sample)[0]) if here.sample in rows.index else None
    st.dataframe(shown, key=key, hide_index=True, height=300, selection_mode="single-row",
                 selection_default={"selection": {"rows": [] if place is None else [place]}},
                 on_select=lambda: _picked_in_table(key, shown), column_config=_formats(order),
                 alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.")
    st.caption(f"{len(rows):,} of {len(here.work.frame):,} samples pass. Tick a row, or click a point below, to open it.")


def _columns(work: Workspace, rows: pd.DataFrame) -> list[str]:
    """First what was said, then the numbers, then whatever else the data set has."""
    first = ["truth", "prediction", "error", "relation", *said_columns(rows)]
    late = [*map(dividend_column, work.terms), *map(entropy_column, work.modalities), "split"]
    return [*first, *(column for column in rows.columns if column not in {*first, *late}), *late]


def said_columns(rows: pd.DataFrame) -> list[str]:
    """The columns that hold what was said."""
    return [column for column in SAID if column in rows.columns]


def _formats(columns: list[str]) -> dict[str, Any]:
    numeric = {column: st.column_config.NumberColumn(format="%.2f") for column in columns
               if column in ("truth", "prediction", "error") or column.startswith(("entropy[", "dividend["))}
    return numeric | {column: st.column_config.TextColumn(width="medium") for column in SAID}


def _picked_in_table(key: str, shown: pd.DataFrame) -> None:
    rows = state.get(key, {}).get("selection", {}).get("rows", [])
    if rows and rows[0] < len(shown):
        state.put(state.SAMPLE, str(shown["id"].iloc[rows[0]]))


def axes(work: Workspace) -> dict[str, str]:
    """What the scatter can show: column of the frame -> axis title."""
    titles = {"truth": f"truth ({work.unit})", "prediction": f"prediction ({work.unit})",
              "error": f"absolute error ({work.unit})"}
    titles |= {entropy_column(name): f"entropy of {name} at T (nats)" for name in work.modalities}
    titles |= {negativity_column(name): f"entanglement of {name} at T (log. negativity, bits)"
               for name in work.modalities}
    return titles | {dividend_column(term): f"dividend of {term.replace('+', ' + ')} ({work.unit})"
                     for term in work.terms}


def scatter(here: Here, rows: pd.DataFrame) -> None:
    """The rows as points; a click on one makes it the sample."""
    titles = axes(here.work)
    with st.container(horizontal=True):
        x = st.selectbox("Across", list(titles), **state.bound(AXIS_X))
        y = st.selectbox("Up", list(titles), index=1, **state.bound(AXIS_Y))
    rows = _with_entanglement(here.work, rows, (x, y))
    said = next((rows[column].astype(str).tolist() for column in said_columns(rows)), None)
    drawn = cohort.scatter(rows.index.tolist(), rows[x].to_numpy(), rows[y].to_numpy(), titles[x], titles[y],
                           chosen=here.sample, captions=said, diagonal={x, y} == {"truth", "prediction"},
                           theme=here.theme)
    key = f"scatter-{state.get(state.TABLE_TURN, 0)}"
    st.plotly_chart(drawn, theme=None, key=key, config=panels.toolbar("scatter"), selection_mode="points",
                    on_select=lambda: _picked_in_scatter(key),
                    alt=f"Scatter of {titles[y]} against {titles[x]} for {len(rows)} samples; {here.sample} is ringed.")
    panels.footer("scatter", "one point a sample; the ring marks the current one.",
                  "why a sample lies where it does: open it.", lambda: rows[[x, y]].reset_index())


def _with_entanglement(work: Workspace, rows: pd.DataFrame, wanted: tuple[str, str]) -> pd.DataFrame:
    """Adds the entanglement when an axis asks for it: it takes time, so for at most `MOST_ENTANGLED` rows."""
    columns = [negativity_column(name) for name in work.modalities]
    if not set(wanted) & set(columns):
        return rows
    if len(rows) > MOST_ENTANGLED:
        st.info(f"Entanglement takes time: shown for the first {MOST_ENTANGLED} of {len(rows):,} samples. Filter to see "
                "others.")
        rows = rows.head(MOST_ENTANGLED)
    places = work.frame.index.get_indexer(rows.index)
    return rows.assign(**dict(zip(columns, cache.negativities(work, places).T, strict=True)))


def _picked_in_scatter(key: str) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    if points and points[0].get("customdata"):
        found = points[0]["customdata"]
        state.choose_sample(str(found[0] if isinstance(found, list) else found))
