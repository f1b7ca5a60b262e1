"""Finding a sample: filters, a table and a scatter, either of which picks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, jump_subject, text
from qfusion.analysis.jump_subject import negativity_column
from qfusion.analysis.network_subject import DISAGREEMENT
from qfusion.analysis.subject import SAID, Workspace, dividend_column, said_columns
from qfusion.data.spec import SPLITS
from qfusion.figures.draw import cohort
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

SPLIT, SEARCH, RELATION, AXIS_X, AXIS_Y = "split", "find", "relation", "x", "y"
CLASSES, VERDICT = "class", "verdict"
VERDICTS = ("right", "wrong")
MOST_ENTANGLED = 800
MOST_SEARCH = 100
RELATIONS = {"dominance": "one modality decides", "complement": "modalities agree", "conflict": "modalities disagree"}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    titles = axes(work)
    return {SPLIT: state.options("Split", [*SPLITS, "all"], "The test split is shown."),
            RELATION: state.options("Relation", RELATIONS, "All relations are shown.", many=True),
            SEARCH: state.words("The search", MOST_SEARCH, "Nothing is searched for."),
            AXIS_X: state.options("Axis", titles, "The usual one is shown across."),
            AXIS_Y: state.options("Axis", titles, "The usual one is shown up.")} | (
        {VERDICT: state.options("Verdict", VERDICTS, "Right and wrong ones are shown."),
         CLASSES: state.options("Class", work.classes, "All classes are shown.", many=True)} if work.classes else {})


def filters(here: Here) -> pd.DataFrame:
    """Draws the filters and returns the rows that pass."""
    work = here.work
    frame = work.frame(here.asked)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.segmented_control("Split", [*SPLITS, "all"], default="test", **state.bound(SPLIT)) or "all"
        kinds = st.pills("Relation of the single modalities", list(RELATIONS), selection_mode="multi",
                         help="; ".join(f"{kind}: {words}" for kind, words in RELATIONS.items()),
                         **state.bound(RELATION))
    words = st.text_input("Search ids and words", max_chars=MOST_SEARCH, placeholder="part of an id or of what was said",
                          **state.bound(SEARCH))
    verdict, wanted = _of_classes(work) if work.classes else (None, [])
    keep = np.ones(len(frame), dtype=bool) if split == "all" else (frame["split"] == split).to_numpy()
    if verdict:
        keep = keep & ((frame["truth"] == frame["prediction"]).to_numpy() == (verdict == "right"))
    if wanted:
        keep = keep & frame["truth"].isin(wanted).to_numpy()
    if kinds:
        keep = keep & frame["relation"].isin(kinds).to_numpy()
    if words:
        keep = keep & _contains(frame, words)
    return frame[keep]


def _of_classes(work: Workspace) -> tuple[str | None, list[str]]:
    """Draws the filters that only classes have."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = st.segmented_control("Predicted", list(VERDICTS),
                                       help="Only samples that the model gets right, or wrong.", **state.bound(VERDICT))
        wanted = st.multiselect("Classes (truth)", list(work.classes), placeholder="all", **state.bound(CLASSES))
    return verdict, list(wanted)


def _contains(frame: pd.DataFrame, words: str) -> np.ndarray:
    wanted = words.casefold()
    found = frame.index.str.casefold().str.contains(wanted, regex=False)
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            found = found | frame[column].astype(str).str.casefold().str.contains(wanted, regex=False).to_numpy()
    return np.asarray(found)


def none_passes(rows: pd.DataFrame) -> bool:
    """Whether the filters leave nothing; says what to do then."""
    if len(rows):
        return False
    st.info("No sample passes these filters. Use fewer words, another relation, or the split “all”.", icon=":material/search_off:")
    st.button("Clear the filters", key="_clear_filters", icon=":material/filter_alt_off:", on_click=_clear)
    return True


def _clear() -> None:
    empty: dict[str, Any] = {SEARCH: "", RELATION: [], SPLIT: "test", VERDICT: None, CLASSES: []}
    for key, value in empty.items():
        if state.get(key) is not None:
            state.put(key, value)


def table(here: Here, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    order = _columns(here.work, rows)
    key = f"table-{state.get(state.TABLE_TURN, 0)}-{here.work.name}"
    shown = rows[order].reset_index()
    place = int(np.flatnonzero(rows.index == here.sample)[0]) if here.sample in rows.index else None
    st.dataframe(shown, key=key, hide_index=True, height=300, selection_mode="single-row",
                 selection_default={"selection": {"rows": [] if place is None else [place]}},
                 on_select=lambda: _picked_in_table(key, shown), column_config=_formats(order, bool(here.work.classes)),
                 alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.")
    st.caption(f"{len(rows):,} of {len(here.work.dataset):,} samples pass. Tick a row, or click a point below, to open it.")


def _columns(work: Workspace, rows: pd.DataFrame) -> list[str]:
    """First what was said, then the numbers, then whatever else the data set has."""
    first = ["truth", "prediction", *(["certainty"] if work.classes else []), "error", "relation", *said_columns(rows)]
    late = [*map(dividend_column, work.terms), *work.facts(), "split"]
    return [*first, *(column for column in rows.columns if column not in {*first, *late}), *late]


_HEADS = {"certainty": "certainty", "error": "error"}
_HELP = {"certainty": "Probability of the predicted class", "dividend": "What a combination adds beyond its parts"}


def _formats(columns: list[str], classes: bool) -> dict[str, Any]:
    numeric = {column: st.column_config.NumberColumn(_HEADS.get(column), format="%.2f", help=_HELP.get(column))
               for column in columns if column in (*_HEADS, "truth", "prediction", "disagreement", "conflict")
               or column.startswith(("entropy[", "dividend["))}
    if classes:
        numeric = {column: found for column, found in numeric.items() if column not in ("truth", "prediction")}
    named = {column: st.column_config.Column(text.column(column)) for column in columns if "_" in column}
    return named | numeric | {column: st.column_config.TextColumn(width="medium") for column in SAID}


def _picked_in_table(key: str, shown: pd.DataFrame) -> None:
    rows = state.get(key, {}).get("selection", {}).get("rows", [])
    if rows and rows[0] < len(shown):
        state.put(state.SAMPLE, str(shown["id"].iloc[rows[0]]))


def axes(work: Workspace) -> dict[str, str]:
    """What the scatter can show: column of the frame -> axis title."""
    unit = "score of the class" if work.classes else work.unit_of(0)
    titles = {} if work.classes else {"truth": f"truth ({unit})", "prediction": f"prediction ({unit})"}
    titles |= {"certainty": "probability of the predicted class"} if work.classes else {}
    titles |= {"error": work.unit_of_error} | work.fact_titles()
    return titles | {dividend_column(term): f"dividend of {term.replace('+', ' + ')} ({unit})" for term in work.terms}


def _usual(work: Workspace, titles: dict[str, str]) -> tuple[int, int]:
    """Which axes are shown first: truth and prediction, or for classes error and disagreement."""
    known = list(titles)
    return (known.index("error"), known.index(DISAGREEMENT) if DISAGREEMENT in known else 0) if work.classes else (0, 1)


_AXES = "A dividend is what a modality, or several together, add to the score; negativity is entanglement. See Terms below the figure."


def scatter(here: Here, rows: pd.DataFrame) -> None:
    """The rows as points; a click on one makes it the sample."""
    titles = axes(here.work)
    with st.container(horizontal=True):
        across, up = _usual(here.work, titles)
        for key in (AXIS_X, AXIS_Y):
            if state.get(key) not in (None, *titles):
                state.put(key, list(titles)[across if key == AXIS_X else up])  # of another model
        x = st.selectbox("Across", list(titles), index=across, help=_AXES, **state.bound(AXIS_X))
        y = st.selectbox("Up", list(titles), index=up, help=_AXES, **state.bound(AXIS_Y))
    rows = _with_entanglement(here.work, rows, (x, y))
    rows = rows[np.isfinite(rows[[x, y]].to_numpy(dtype=float)).all(1)]
    said = next((rows[column].astype(str).tolist() for column in said_columns(rows)), None)
    drawn = cohort.scatter(rows.index.tolist(), rows[x].to_numpy(), rows[y].to_numpy(), titles[x], titles[y],
                           chosen=here.sample, captions=said, diagonal={x, y} == {"truth", "prediction"},
                           theme=here.theme)
    key = f"scatter-{state.get(state.TABLE_TURN, 0)}"
    shown = panels.selectable("scatter", drawn, f"Scatter of {titles[y]} against {titles[x]} for {len(rows)} samples; "
                              f"{here.sample} is ringed.", key, lambda: _picked_in_scatter(key))
    panels.footer("scatter", f"one point a sample, {len(rows):,} in all; the ring marks the current one." + _of_dividends(here.work, x, y),
                  "why a sample lies where it does: open it.", lambda: rows[[x, y]].reset_index(),
                  title=f"{titles[y]} against {titles[x]}", shown=shown)


def _of_dividends(work: Workspace, *wanted: str) -> str:
    explained = any(column.startswith("dividend[") for column in wanted)
    if not explained:
        return ""
    some = f" Dividends are worked out for {len(work.bulk):,} test samples." if len(work.bulk) < len(work.dataset) else ""
    return f"{some} {backgrounds.against(work.background)}"


def _with_entanglement(work: Workspace, rows: pd.DataFrame, wanted: tuple[str, str]) -> pd.DataFrame:
    """Adds the entanglement when an axis asks for it: it takes time, so for at most `MOST_ENTANGLED` rows."""
    columns = [negativity_column(name) for name in work.modalities]
    if not set(wanted) & set(columns):
        return rows
    if len(rows) > MOST_ENTANGLED:
        st.info(f"Entanglement takes time: shown for the first {MOST_ENTANGLED} of {len(rows):,} samples. Filter to see "
                "others.")
        rows = rows.head(MOST_ENTANGLED)
    places = np.array([work.dataset.row(name) for name in rows.index], dtype=int)
    return rows.assign(**dict(zip(columns, jump_subject.negativities(work, places).T, strict=True)))


def _picked_in_scatter(key: str) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    if points and points[0].get("customdata"):
        found = points[0]["customdata"]
        state.choose_sample(str(found[0] if isinstance(found, list) else found))
