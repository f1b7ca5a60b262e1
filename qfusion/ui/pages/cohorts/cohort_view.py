"""The Cohorts page: all samples, a cohort of them, and one sample, on the same axes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, describe, text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.cohort.cohort_measures import JOINT
from qfusion.analysis.levels import Levels, levels_of
from qfusion.analysis.subject import Workspace
from qfusion.errors import QFusionError
from qfusion.explain import RELATIONS, cohorts
from qfusion.explain.cohorts import Cohort, Part
from qfusion.panels import cohorts as builders
from qfusion.ui.frame import clicks, depth, state, stored
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels
from qfusion.ui.shared import drawn_view, report_view

FILTER, BY, MEASURE, STRENGTH, NAME, CUT_MANY = (
    "filter",
    "by",
    "measure",
    "strength",
    "_cohort_name",
    "cuts",
)
_KEPT, _SAID, _PROBLEM, _STARTED = "_filter", "_saved_choice", "_cohort_problem", "_cohorts_started"
_CHIPS = "_chips"


def put_back(_: Workspace) -> None:
    """Puts back the filter of an earlier visit, before the rules are asked."""
    if FILTER not in st.session_state and FILTER not in st.query_params:
        first = stored.saved()[0].filter if stored.saved() and not state.get(_STARTED) else ""
        if state.get(_KEPT, first):
            state.impose(FILTER, state.get(_KEPT, first))
    state.put(_STARTED, True)


def choose(here: Here) -> Levels:
    """Draws the filter, the saved cohorts and the chips; returns what they pick."""
    work, table = here.work, cohort_measures.cohort_table(here.work, here.asked)
    said = str(
        state.get(FILTER) if FILTER in st.session_state else st.query_params.get(FILTER) or ""
    )
    with st.container(border=True, key="box-cohort", gap="xsmall"):
        _saved(said)
        st.text_input(
            "Filter of the cohort",
            max_chars=cohorts.MAX_TEXT,
            placeholder="such as relation=conflict; error>1; split=test",
            help=_HELP,
            **state.bound(FILTER),
        )
        state.put(_KEPT, said)
        said = _sound(said, here)
        name = next((each.name for each in stored.saved() if each.parts == cohorts.parse(said)), "")
        levels = levels_of(
            here.subject(),
            said,
            output="" if here.asked is None else work.classes[here.asked],
            name=name,
        )
        _chips(work, table, levels.parts)
        _count(here, levels, table)
        with st.container(horizontal=True, gap="small", key="cohort-tools"):
            _save_row(levels.parts)
            _columns(table)
        if len(levels.rows) > cohort_measures.MAX_SLOW:
            drawn_view.choose()
        if problem := state.get(_PROBLEM):
            st.error(text.message(problem), icon=":material/error:")
            state.put(_PROBLEM, "")
    return levels


_HELP = (
    "Conditions separated by `;`, all of which must hold: `column=value`, `!=`, `<`, `<=`, `>`, `>=`, or `column~word` "
    "for what contains a word; several values as `truth=3|5`. Without `split=` the test split is meant; `split=all` "
    "takes every split."
)


def _sound(said: str, here: Here) -> str:
    """The filter, or none where what is said is not one."""
    try:
        parts = cohorts.parse(said)
        cohorts.passing(parts, cohort_measures.table_for(here.work, here.asked, parts))
    except QFusionError as error:
        st.error(text.message(f"{error} The whole split is shown."), icon=":material/error:")
        return ""
    return said


def _saved(said: str) -> None:
    """The saved cohorts as buttons; the one in force is marked."""
    found = stored.saved()
    if not found:
        return
    now = next(
        (each.name for each in found if each.filter == said or each.parts == _quietly(said)), None
    )
    state.put(_SAID, now)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "Saved cohorts",
            [each.name for each in found],
            key=_SAID,
            on_change=_take,
            args=(tuple(found),),
        )
        if now:
            st.button(
                f"Delete ‘{text.plain(now)}’",
                icon=":material/delete:",
                key="_delete_cohort",
                on_click=stored.delete,
                args=(now,),
            )


def _quietly(said: str) -> tuple[Part, ...]:
    try:
        return cohorts.parse(said)
    except QFusionError:
        return ()


def _take(found: tuple[Cohort, ...]) -> None:
    name = state.get(_SAID)
    state.put(FILTER, next((each.filter for each in found if each.name == name), ""))


def _chips(work: Workspace, table: pd.DataFrame, parts: tuple[Part, ...]) -> None:
    """Conditions as chips, all of which hold, several relations being one; those of the filter are marked."""
    rows = table[cohorts.within_split(parts, table) & np.isfinite(table[JOINT].to_numpy())]
    chips = cohort_chips(work, rows)
    marked, others = read_back(parts, chips)
    kinds = [kind for kind in RELATIONS if kind in marked or (rows["relation"] == kind).any()]
    state.put(_CHIPS, marked)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="quick-picks"):
        split = [part for part in others if part.column == cohorts.SPLIT]
        st.button(
            "everyone",
            key="_pick_everyone",
            on_click=state.put,
            args=(FILTER, cohorts.written(split)),
        )
        st.pills(
            "Chips of the filter",
            [*kinds, *chips],
            key=_CHIPS,
            selection_mode="multi",
            label_visibility="collapsed",
            on_change=_chipped,
            args=(chips, others),
        )


def cohort_chips(work: Workspace, rows: pd.DataFrame) -> dict[str, Part]:
    """The conditions that chips stand for, besides relations, on the explained rows of a split."""
    found = {}
    wrong = cohort_measures.wrong_part(work, rows)
    if wrong is not None:
        found["wrong class" if work.classes else "wrong sign"] = wrong
    if len(rows):
        found |= {
            "worst tenth": Part("error", ">=", (f"{rows['error'].quantile(0.9):.4g}",)),
            "most joint tenth": Part(JOINT, ">=", (f"{rows[JOINT].quantile(0.9):.4g}",)),
        }
    return found


def read_back(
    parts: Sequence[Part], chips: Mapping[str, Part]
) -> tuple[list[str], tuple[Part, ...]]:
    """Which relations and chips a filter says, and its other conditions."""
    said = [part.values for part in parts if part.column == "relation" and part.operator == "="]
    kinds = [kind for kind in RELATIONS if said and all(kind in values for values in said)]
    others = tuple(
        part
        for part in parts
        if not (part.column == "relation" and part.operator == "=") and part not in chips.values()
    )
    return [*kinds, *(name for name, part in chips.items() if part in parts)], others


def with_chips(chosen: Collection[str], chips: Mapping[str, Part], others: Sequence[Part]) -> str:
    """The filter of some relations and chips, beside other conditions."""
    kinds = tuple(kind for kind in RELATIONS if kind in chosen)
    own = [
        *([Part("relation", "=", kinds)] if kinds else []),
        *(chips[name] for name in chips if name in chosen),
    ]
    return cohorts.written([*own, *others])


def _chipped(chips: Mapping[str, Part], others: Sequence[Part]) -> None:
    chosen = state.get(_CHIPS)
    state.put(FILTER, with_chips(chosen if isinstance(chosen, list) else [], chips, others))


def _count(here: Here, levels: Levels, table: pd.DataFrame) -> None:
    count, total = int(levels.inside.sum()), len(levels.rows)
    belongs = (
        "is not explained here"
        if levels.own is None
        else ("is one" if here.sample in levels.rows.index[levels.inside] else "is not")
    )
    short = f"**{count:,} of {total:,}** explained samples of {levels.split}; {text.plain(here.sample)} {belongs}."
    depth.line(
        short,
        f"{short} In the table, means over each level; error: {text.plain(here.work.unit_of_error)}. "
        + backgrounds.against(here.work.bulk_background),
    )
    missing = int(cohorts.within_split(levels.parts, table).sum()) - total
    if missing:
        st.caption(
            f"{missing:,} samples of this split are left out: this network's contributions are worked out for "
            f"{len(here.work.bulk):,} test samples."
        )
    if not count:
        st.info(
            "No sample passes this filter. Loosen it, or press “everyone”.",
            icon=":material/filter_alt_off:",
        )


def _save_row(parts: tuple[Part, ...]) -> None:
    with st.popover(
        "Save",
        icon=":material/bookmark_add:",
        disabled=not parts,
        help=None if parts else "Choose a filter first: everyone needs no name.",
    ):
        st.text_input(
            "Name",
            max_chars=cohorts.MAX_NAME,
            placeholder="a name for this cohort",
            key=NAME,
            width=260,
        )
        st.button(
            "Save in the link",
            icon=":material/bookmark_add:",
            key="_save_cohort",
            on_click=_save,
            args=(parts,),
            disabled=not parts,
        )


def _save(parts: tuple[Part, ...]) -> None:
    try:
        stored.save(Cohort(cohorts.cohort_name(str(state.get(NAME) or "")), parts))
    except QFusionError as error:
        state.put(_PROBLEM, str(error))


def _columns(table: pd.DataFrame) -> None:
    with st.popover("Columns", icon=":material/view_column:", help="What a filter can name."):
        rows = [{"column": name, "holds": _holds(table[name])} for name in table.columns]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            height=260,
            alt="Columns that a filter can name, and what they hold.",
        )


def _holds(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column):
        return f"{column.min():.3g} to {column.max():.3g}" if column.notna().any() else "nothing"
    values = [value for value in column.astype(str).unique() if value]
    return ", ".join(sorted(values)) if len(values) <= 15 else f"{len(values):,} different words"


def ladder(here: Here, levels: Levels) -> None:
    """The three levels in numbers."""
    found = cohort_measures.ladder(here.work, levels.rows, levels.inside, levels.own, levels.split)
    heads = [f"**{text.plain(name)}**" for name in found["level"]]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in found.columns[1:]:
        cells = [_cell(name, value) for value in found[name]]
        seed = describe.of_seed(here.work) if name == "accuracy" else ""
        lines.append(
            f"| {text.plain(_SAID_AS.get(name, name))}{seed} | " + " | ".join(cells) + " |"
        )
    with st.container(key="cohort-ladder"):
        depth.folded("Means of all, of the cohort and of this sample")
        st.markdown("\n".join(lines))
        with st.container(horizontal=True, vertical_alignment="center"):
            link(
                "pages/samples.py",
                f"Read sample {text.plain(here.sample)}",
                ":material/open_in_full:",
            )
            if levels.inside.any():
                name = levels.name.removeprefix("cohort").strip(" ‘’")
                report_view.of_cohort(
                    here,
                    cohort_measures.table_for(here.work, here.asked, levels.parts),
                    levels.parts,
                    name,
                )


_SAID_AS = {"joint": "size of joint terms", "relation": "most frequent type"}


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else text.plain(value)
    if np.isnan(value):
        return "–"
    return f"{value:.1%}" if name == "accuracy" or "share" in name else f"{value:.3f}"


def shares(here: Here, levels: Levels) -> None:
    """Mean share of every modality."""
    panels.draw(builders.shares(levels, here.theme))


def types(here: Here, levels: Levels) -> None:
    """How the modalities relate: how many of each kind, how well they are predicted; a click makes one the cohort's."""
    panels.draw(
        builders.types(levels, here.theme), on_select=lambda key: _picked_type(key, levels.parts)
    )


def _picked_type(key: str, parts: tuple[Part, ...]) -> None:
    kind = str(next(iter(clicks.custom(key)), ""))
    if kind in RELATIONS:
        state.put(
            FILTER, with_chips([kind], {}, [part for part in parts if part.column != "relation"])
        )
