"""The filters that make a cohort, the table of its levels, and cohorts that are saved under a name."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import true_minus
from qfusion.app import (
    guidance,
    links,
    navigation,
    selections,
    state,
    tables,
    widgets,
)
from qfusion.app.page_context import PageContext
from qfusion.errors import QFusionError, default_on_error
from qfusion.explain import RELATIONS, cohort_filters
from qfusion.explain.cohort_filters import Condition
from qfusion.study import cohorts, performance, text
from qfusion.study.study import Study
from qfusion.views.pages import cohorts as builders
from qfusion.views.pages.choices import EVERYONE
from qfusion.views.words import decisions, systems
from qfusion.views.words.names import name_all, name_split

# The Cohorts page: all samples, a cohort of them, and one sample, on the same axes.

FILTER, NAME = builders.FILTER.key, "_cohort_name"
_KEPT, _SAID, _PROBLEM, _STARTED = "_filter", "_saved_choice", "_cohort_problem", "_cohorts_started"
_CHIPS = "_chips"


def restore_filter(_: Study) -> None:
    """Restore the filter of an earlier visit, and open the view that a link implies, before the rules of the page's
    address are applied.
    """
    part = builders.implied_view(state.current())
    if builders.VIEW.key not in st.session_state and part != builders.VIEW.options()[0]:
        state.put(builders.VIEW.key, part)
    if not state.is_set(FILTER):
        first = [] if state.get(_STARTED) else links.saved_cohorts()[:1]
        words = state.get(_KEPT, first[0].filter if first else "")
        if words:
            state.put(FILTER, words)
    state.put(_STARTED, True)


def choose_levels(context: PageContext) -> performance.CohortComparison:
    """Draw the filter, the saved cohorts and the chips. Return the levels that they select."""
    study, table = (
        context.explained_study,
        cohorts.cohort_table(context.explained_study, context.output_wanted),
    )
    words = state.param_text(FILTER)
    with st.container(border=True, key="box-cohort", gap="xsmall"):
        _load_cohort(words)
        widgets.draw(builders.FILTER)
        state.put(_KEPT, words)
        words = _check_filter(words, context)
        levels = performance.compare_cohort(
            context.tweaked_sample(), words, output=context.output_name, name=_cohort_name(words)
        )
        others = _chips(study, table, levels.parts)
        _count(context, levels, table)
        with st.container(horizontal=True, gap="small", key="cohort-tools"):
            split = [part for part in others if part.column == cohort_filters.SPLIT]
            st.button(
                "All samples",
                key="_pick_everyone",
                on_click=state.put,
                args=(FILTER, cohort_filters.format_conditions(split)),
            )
            _save_row(levels.parts)
            with st.popover("Columns", icon=":material/view_column:", help="Columns for filters."):
                columns = [{"column": name, "holds": _holds(table[name])} for name in table]
                tables.draw(columns, "Columns for filters and their contents.", height=260)
        if len(levels.rows) > performance.MAX_SLOW:
            widgets.draw(EVERYONE)
        if problem := state.pop(_PROBLEM):
            st.error(text.message(problem), icon=":material/error:")
    return levels


@default_on_error("")
def _cohort_name(words: str) -> str:
    """Return the reader's name for the cohort of a filter. It is empty if the cohort is not saved or the text is not
    a filter.
    """
    parts = cohort_filters.parse(words)
    return next((cohort.name for cohort in links.saved_cohorts() if cohort.parts == parts), "")


def _check_filter(words: str, context: PageContext) -> str:
    """Return the filter, or an empty string if the text is not a valid filter."""
    try:
        builders.require_filter(context.explained_study, words, context.output_wanted)
    except QFusionError as error:
        st.error(text.message(f"{error} The whole split is shown."), icon=":material/error:")
        words = ""
    return words


def _load_cohort(words: str) -> None:
    """The saved cohorts as buttons; the one in force is marked."""
    filters = {cohort.name: cohort.filter for cohort in links.saved_cohorts()}
    if not filters:
        return
    now = _cohort_name(words) or None
    state.put(_SAID, now)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "Saved cohorts",
            list(filters),
            key=_SAID,
            on_change=lambda: state.put(FILTER, filters.get(state.get(_SAID), "")),
        )
        if now:
            st.button(
                f"Delete ‘{text.escape_markdown(now)}’",
                icon=":material/delete:",
                key="_delete_cohort",
                on_click=links.delete_cohort,
                args=(now,),
            )


def _chips(
    study: Study, table: pd.DataFrame, parts: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """Draw conditions as chips, all of which must hold. Several relations form one condition. Chips in the filter
    are marked, and the filter's other conditions are returned.
    """
    rows = table[
        cohort_filters.rows_in_split(parts, table) & np.isfinite(table[cohorts.JOINT].to_numpy())
    ]
    chips = cohort_chips(study, rows)
    marked, others = clear_chip(parts, chips)
    kinds = [kind for kind in RELATIONS if kind in marked or (rows["relation"] == kind).any()]
    state.put(_CHIPS, marked)
    st.container(key="quick-picks").pills(
        "Chips of the filter",
        [*kinds, *chips],
        key=_CHIPS,
        selection_mode="multi",
        label_visibility="collapsed",
        on_change=_apply_chips,
        args=(chips, others),
    )
    return others


def cohort_chips(study: Study, rows: pd.DataFrame) -> dict[str, Condition]:
    """Return the conditions behind the chips, besides relations, on the explained rows of a split."""
    wrong = cohorts.wrong_part(study, rows)
    chips = {}
    if wrong is not None and study.has_truth:
        title = "wrong class" if study.classes else "wrong sign"
        chips[title] = wrong
    if len(rows):
        for title, column in (("worst tenth", "error"), ("most joint tenth", cohorts.JOINT)):
            if column == "error" and not study.has_truth:
                continue
            threshold = f"{rows[column].quantile(0.9):.4g}"
            chips[title] = Condition(column, ">=", (threshold,))
    return chips


def clear_chip(
    parts: Sequence[Condition], chips: Mapping[str, Condition]
) -> tuple[list[str], tuple[Condition, ...]]:
    """Return the relations and chips that a filter contains, and its other conditions."""
    words = [part.values for part in parts if part.column == "relation" and part.operator == "="]
    kinds = [kind for kind in RELATIONS if words and all(kind in values for values in words)]
    others = tuple(
        part
        for part in parts
        if not (part.column == "relation" and part.operator == "=") and part not in chips.values()
    )
    return [*kinds, *(name for name, part in chips.items() if part in parts)], others


def add_part(
    chosen: Collection[str],
    chips: Mapping[str, Condition],
    others: Sequence[Condition],
) -> str:
    """The filter of some relations and chips, beside other conditions."""
    kinds = tuple(kind for kind in RELATIONS if kind in chosen)
    return cohort_filters.format_conditions(
        [
            *([Condition("relation", "=", kinds)] if kinds else []),
            *(chips[name] for name in chips if name in chosen),
            *others,
        ]
    )


def _apply_chips(chips: Mapping[str, Condition], others: Sequence[Condition]) -> None:
    chosen = state.get(_CHIPS)
    state.put(FILTER, add_part(chosen if isinstance(chosen, list) else [], chips, others))


def _count(context: PageContext, levels: performance.CohortComparison, table: pd.DataFrame) -> None:
    count, total = int(levels.inside.sum()), len(levels.rows)
    if levels.sample.is_own:
        belongs = "is your own and belongs to no split"
    elif levels.own is None:
        belongs = "is not explained here"
    else:
        belongs = "is one" if context.sample in levels.rows.index[levels.inside] else "is not"
    of_split = f"{'explained ' if levels.is_partial else ''}samples of {name_split(levels)}"
    if count == total:
        short = f"All **{total:,}** {of_split}"
    else:
        short = f"**{count:,} of {total:,}** {of_split}"
    short += f"; {text.escape_markdown(context.sample)} {belongs}."
    guidance.line(
        short,
        f"{short} In the table, means over each level"
        + (
            f"; error: {text.escape_markdown(context.study.unit_of_error)}. "
            if context.study.has_truth
            else ". "
        )
        + decisions.describe_comparison(context.study.explanation_background),
    )
    missing = int(cohort_filters.rows_in_split(levels.parts, table).sum()) - total
    if missing:
        st.caption(
            f"{missing:,} samples of this split are left out: contributions of this network are computed "
            f"for {len(context.study.explained_rows):,} test samples."
        )
    if not count:
        st.info(
            "No sample passes this filter. Widen it, or press “All samples”.",
            icon=":material/filter_alt_off:",
        )


def _save_row(parts: tuple[Condition, ...]) -> None:
    with st.popover(
        "Save",
        icon=":material/bookmark_add:",
        disabled=not parts,
        help=None if parts else "Choose a filter first: all samples need no name.",
    ):
        st.text_input(
            "Name",
            max_chars=cohort_filters.MAX_NAME,
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


def _save(parts: tuple[Condition, ...]) -> None:
    try:
        name = cohort_filters.cohort_name(str(state.get(NAME) or ""))
        links.save_cohort(cohort_filters.Cohort(name, parts))
    except QFusionError as error:
        state.put(_PROBLEM, str(error))


def _holds(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column):
        ends = true_minus(f"{column.min():.3g} to {column.max():.3g}")
        return ends if column.notna().any() else "nothing"
    values = [value for value in column.astype(str).unique() if value]
    return ", ".join(sorted(values)) if len(values) <= 15 else f"{len(values):,} different words"


def comparison_table(context: PageContext, levels: performance.CohortComparison) -> None:
    """The three levels in numbers."""
    result = performance.comparison_table(
        context.study, levels.rows, levels.inside, levels.own, name_all(levels)
    )
    heads = ["", *(f"**{text.escape_markdown(name)}**" for name in result["level"])]
    study = context.study
    titles = {
        "accuracy": f"accuracy{systems.seed_suffix(study)}",
        "mean error": "mean error" if study.classes else f"MAE{systems.seed_suffix(study)}",
        performance.JOINT: "size of joint terms",
        **{f"share of {name}": f"Shapley share of {name}" for name in study.modalities},
        performance.ENTROPY: performance.measure_titles(study).get(performance.ENTROPY, ""),
        "relation": "most frequent relation",
    }
    rows = [
        (
            text.escape_markdown(titles.get(name, name)),
            *(_cell(name, value) for value in result[name]),
        )
        for name in ("relation", *result.columns[1:-1])
    ]
    with st.container(key="cohort-ladder"):
        guidance.help_expander("Means of all, of the cohort and of this sample")
        st.markdown(tables.markdown(heads, rows))
        with st.container(horizontal=True, vertical_alignment="center"):
            navigation.link(
                "pages/samples.py",
                f"Read sample {text.escape_markdown(context.sample)}",
                ":material/open_in_full:",
            )


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else text.escape_markdown(value)
    if np.isnan(value):
        return "–"
    return f"{value:.1%}" if "share" in name else f"{value:.3f}"


def select_type(key: str, parts: tuple[Condition, ...]) -> None:
    """Set the cohort's relation to the clicked one."""
    kind = str(selections.selected_value(key))
    if kind in RELATIONS:
        take([Condition("relation", "=", (kind,))], parts, {"relation"})


def take(own: Sequence[Condition], parts: Sequence[Condition], replaced: Collection[str]) -> None:
    """Set the cohort to the samples that meet some conditions, and those of a filter on other columns than the
    `replaced` ones. For callbacks.
    """
    others = [part for part in parts if part.column not in replaced]
    state.put(FILTER, cohort_filters.format_conditions([*own, *others]))
    state.page_again()
