"""The Cohorts page's two panels with pickers of their own: distributions by group, and entanglement against interaction strength."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import cohort_measures, text
from qfusion.analysis.cohort_measures import MOST_SLOW, NOT_GROUPED, SLOW
from qfusion.analysis.subject import dividend_column
from qfusion.explain.trust.resampling import Interval
from qfusion.figures.draw import cohort as figures
from qfusion.panels import spoken
from qfusion.ui.frame import cache, state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.cohorts.cohort_view import BY, INTERVALS, MEASURE, STRENGTH, Chosen, compared
from qfusion.ui.panel import panels
from qfusion.ui.shared.finder import said_columns

MOST_TERMS = 8
_JUMP = "_cohort_jump"


def distributions(here: Here, chosen: Chosen) -> None:
    """The distribution of every dividend, of all and of the cohort, by the grouping picked."""
    work, rows = here.work, chosen.rows
    known = cohort_measures.groupings(work, cohort_measures.cohort_table(work, here.asked))
    if state.get(BY) not in (None, *known):
        state.put(BY, NOT_GROUPED)  # of another data set
    with st.container(border=True, key="panel-dividends", gap="xxsmall"):
        head = st.container()
        by = st.selectbox("Grouped by", list(known), width=340, format_func=str,
                          help="Quarters hold a quarter of the split's samples each.", **state.bound(BY))
        terms = _terms(here, rows)
        values = {term: rows[dividend_column(term)].to_numpy(dtype=float) for term in terms}
        sample = {} if chosen.sample is None else {term: float(chosen.sample[dividend_column(term)]) for term in terms}
        group = np.full(len(rows), "", dtype=object)
        if by == NOT_GROUPED:
            drawn = figures.violins(values, {term: found[chosen.inside] for term, found in values.items()}, sample, work.modalities,
                                   unit=_unit(here), whole_name=chosen.everyone, cohort_name=chosen.cohort, theme=here.theme)
        else:
            group, names = cohort_measures.groups(work, rows, by)
            at = str(group[rows.index.get_loc(here.sample)]) if here.sample in rows.index else ""
            drawn = figures.boxes(values, chosen.inside, group, names, work.modalities, sample=(at, sample) if at else None, by=by,
                                 unit=_unit(here), whole_name=chosen.everyone, cohort_name=chosen.cohort, theme=here.theme)
        with head:
            panels.heading(title := _spread(values, chosen))
        shown = panels.figure("dividends", drawn, f"Dividends, {by}; medians of all: "
                               + spoken.terms({term: float(np.median(found)) for term, found in values.items() if len(found)}) + ".")
        shape = "violins, the line inside is the mean" if by == NOT_GROUPED else "boxes: quartiles, whiskers 5 % to 95 %"
        panels.footer(
            "dividends", f"every sample's exact dividend, with its sign; {shape}; grey: all, coloured: the cohort, diamond: this sample. "
            + compared(here) + _left_out(here, terms), "how the terms of one sample go together: see the sample's waterfall.",
            lambda: _numbers(rows, chosen, group, terms), title=title, shown=shown)


def _numbers(rows: pd.DataFrame, chosen: Chosen, group: np.ndarray, terms: list[str]) -> pd.DataFrame:
    found = rows[[dividend_column(term) for term in terms]].assign(in_cohort=chosen.inside, group=group)
    return found.reset_index()


def _unit(here: Here) -> str:
    work = here.work
    if not work.classes:
        return here.unit
    return "score of the predicted class" if here.asked is None else work.unit_of(here.asked)


def _terms(here: Here, rows: pd.DataFrame) -> list[str]:
    """The terms that are drawn: all, or those of the largest mean size."""
    terms = list(here.work.terms)
    if len(terms) <= MOST_TERMS:
        return terms
    sizes = {term: float(rows[dividend_column(term)].abs().mean()) if len(rows) else 0.0 for term in terms}
    top = sorted(terms, key=lambda term: -sizes[term])[:MOST_TERMS]
    return [term for term in terms if term in top]


def _left_out(here: Here, terms: list[str]) -> str:
    rest = len(here.work.terms) - len(terms)
    return f" The {len(terms)} terms of largest mean size are drawn, {rest} are not." if rest else ""


def _spread(values: dict[str, np.ndarray], chosen: Chosen) -> str:
    """Which term's mean differs most between the cohort and the rest."""
    part, rest = chosen.inside, ~chosen.inside
    if not part.any():
        return "How are the terms of the decisions distributed?"
    if not rest.any():
        widest = max(values, key=lambda term: float(values[term].std()))
        return f"{_who(widest)} varies most from sample to sample (standard deviation {values[widest].std():.2f})"
    moved = {term: float(found[part].mean() - found[rest].mean()) for term, found in values.items()}
    most = max(moved, key=lambda term: abs(moved[term]))
    return f"The cohort differs most from the rest in {_who(most)}: {moved[most]:+.2f} on average"


def _who(term: str) -> str:
    return text.plain(term.replace("+", " + "))


def entanglement(here: Here, chosen: Chosen) -> None:
    """The honest test of "entanglement explains fusion": one measure against the interaction strength, with intervals."""
    if state.get(_JUMP):
        state.put(_JUMP, False)
        st.rerun()  # the sample's picker stands outside of this fragment
    work = here.work
    titles, strengths = cohort_measures.measure_titles(work), cohort_measures.strength_titles(work)
    if not titles:
        st.caption("This model entangles nothing, so there is no entanglement to set against what the modalities say jointly.")
        return
    if state.get(MEASURE) not in (None, *titles):
        state.put(MEASURE, next(iter(titles)))  # of another system
    with st.container(border=True, key="panel-entanglement", gap="xxsmall"):
        head = st.container()
        with st.container(horizontal=True):
            measure = st.selectbox("Entanglement or mixing, across", list(titles), help=_HELP[work.can("time")], **state.bound(MEASURE))
            strength = st.selectbox("Interaction strength, up", list(strengths), help=_STRENGTH, **state.bound(STRENGTH))
        rows, inside = chosen.rows, chosen.inside
        if measure in SLOW and len(rows) > MOST_SLOW:
            st.info(f"Every state is evolved for this: shown for the first {MOST_SLOW} of {len(rows):,} samples.")
            rows, inside = rows.head(MOST_SLOW), inside[:MOST_SLOW]
        x, y = _measured(here, rows, measure), rows[strength].to_numpy(dtype=float)
        found = {"all": cache.bootstrap_correlation(x, y), "cohort": cache.bootstrap_correlation(x[inside], y[inside])}
        with head:
            panels.heading(title := "Does entanglement explain fusion? " + cohort_measures.finding(found["all"], measure, strength))
        said = next((rows[column].astype(str).tolist() for column in said_columns(rows)), None)
        drawn = figures.relation(rows.index.tolist(), x, y, inside, titles[measure], strengths[strength], chosen=here.sample, captions=said,
                                whole_name=f"others of {chosen.split}", cohort_name=chosen.cohort, theme=here.theme)
        key = f"relation-{state.get(state.TABLE_TURN, 0)}"
        shown = panels.selectable("entanglement", drawn, f"{titles[measure]} against {strengths[strength]} for {len(rows)} samples.", key,
                                  lambda: _picked(key))
        _table(chosen, found)
        panels.footer("entanglement", f"one point a sample; intervals: {INTERVALS}. Click a point to open it. {compared(here)}",
                      f"{_CAUTION[work.can('time')]} Of {len(titles) * len(strengths)} pairs of measures some are related by chance.",
                      lambda: _points(rows, inside, x, y, measure, strength), title=title, shown=shown)


_STRENGTH = ("What the modalities of a sample say only together: the sum of the sizes of its joint terms, or their part of the whole "
             "decision.")
_HELP = {True: "The entropy counts mixing by jumps as well as entanglement. Negativity is entanglement alone; like mutual information and "
               "total correlation it needs every sample's state, about 17 ms each, once.",
         False: "The fused qubits and their modality qubits are together in a pure state, so their entropy is their entanglement."}
_CAUTION = {True: "a cause: both may follow from a third thing, such as how extreme a sample is. The entropy alone is not entanglement "
                  "here: jumps mix states too; pick negativity for that.",
            False: "a cause: both may follow from a third thing, such as how clear a sample is. What convolution entangles later is not "
                   "in it."}


def _measured(here: Here, rows: pd.DataFrame, measure: str) -> np.ndarray:
    if measure not in SLOW:
        return cohort_measures.entropies(here.work, rows, measure)
    places = np.array([here.work.dataset.row(name) for name in rows.index], dtype=int)
    return cohort_measures.correlations(here.work, places)[measure]


def _picked(key: str) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    if points and points[0].get("customdata"):
        found = points[0]["customdata"]
        state.choose_sample(str(found[0] if isinstance(found, list) else found))
        state.put(_JUMP, True)


def _table(chosen: Chosen, found: dict[str, dict[str, Interval]]) -> None:
    names = {"all": f"all of {chosen.split}", "cohort": chosen.name}
    lines = [f"| {text.plain(names[level])} | {each['spearman'].n:,} | {_said(each['pearson'])} | {_said(each['spearman'])} |"
             for level, each in found.items()]
    st.markdown("\n".join(["| level | n | Pearson r | Spearman r |", "|---|---|---|---|", *lines]))


def _said(found: Interval) -> str:
    if np.isnan(found.value):
        return "–"
    return f"{found.value:+.2f} " + (f"({found.low:+.2f} to {found.high:+.2f})" if found.known else "(too few for an interval)")


def _points(rows: pd.DataFrame, inside: np.ndarray, x: np.ndarray, y: np.ndarray, measure: str, strength: str) -> pd.DataFrame:
    return pd.DataFrame({"id": rows.index, "in_cohort": inside, measure: x, strength: y})
