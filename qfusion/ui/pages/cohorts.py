"""Cohorts: all samples, a cohort of them and one sample, on the same axes; their errors and their map."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import (
    cohort_levels,
    cohort_measures,
    cohort_performance,
    cohort_slices,
    cohort_table,
    drawn_samples,
    sample_projection,
    text,
)
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError, default_on_error
from qfusion.explain import RELATIONS, cohort_filters, stability
from qfusion.models.abilities import can
from qfusion.panels import (
    cohort_correlations,
    cohort_quality,
    cohorts as builders,
    dynamics_page,
    panel,
    sample_maps,
    wrong_samples,
)
from qfusion.ui import (
    all_samples,
    figure,
    frame,
    guidance,
    page_params,
    panels,
    report_button,
    saved,
    selections,
    state,
    widgets,
)
from qfusion.wording import backgrounds, systems
from qfusion.wording.cohorts import name_all, name_cohort, name_split

# The Cohorts page: all samples, a cohort of them, and one sample, on the same axes.

FILTER, NAME = builders.FILTER.key, "_cohort_name"
_KEPT, _SAID, _PROBLEM, _STARTED = "_filter", "_saved_choice", "_cohort_problem", "_cohorts_started"
_CHIPS = "_chips"


def put_back(_: Study) -> None:
    """Puts back the filter of an earlier visit, and opens what a link means, before the rules are asked."""
    part = builders.implied_view(page_params.current())
    if builders.VIEW.key not in st.session_state and part != builders.VIEW.options()[0]:
        state.put(builders.VIEW.key, part)
    if not page_params.is_set(FILTER):
        first = [] if state.get(_STARTED) else saved.saved_cohorts()[:1]
        words = state.get(_KEPT, first[0].filter if first else "")
        if words:
            state.put(FILTER, words)
    state.put(_STARTED, True)


def choose_levels(context: frame.PageContext) -> cohort_levels.Levels:
    """Draws the filter, the saved cohorts and the chips; returns what they pick."""
    study, table = (
        context.explained_study,
        cohort_table.cohort_table(context.explained_study, context.output_wanted),
    )
    words = page_params.text_of(FILTER)
    with st.container(border=True, key="box-cohort", gap="xsmall"):
        _saved(words)
        widgets.draw(builders.FILTER)
        state.put(_KEPT, words)
        words = _sound(words, context)
        levels = cohort_levels.build_levels(
            context.tweaked_sample(), words, output=context.output_name, name=_name_of(words)
        )
        others = _chips(study, table, levels.parts)
        _count(context, levels, table)
        with st.container(horizontal=True, gap="small", key="cohort-tools"):
            st.button(
                "everyone",
                key="_pick_everyone",
                on_click=state.put,
                args=(
                    FILTER,
                    cohort_filters.written(
                        [part for part in others if part.column == cohort_filters.SPLIT]
                    ),
                ),
            )
            _save_row(levels.parts)
            st.popover(
                "Columns", icon=":material/view_column:", help="What a filter can name."
            ).dataframe(
                pd.DataFrame(
                    [{"column": name, "holds": _holds(table[name])} for name in table.columns]
                ),
                hide_index=True,
                height=260,
                alt="Columns that a filter can name, and what they hold.",
            )
        if len(levels.rows) > cohort_measures.MAX_SLOW:
            widgets.draw(panel.EVERYONE)
        if problem := state.take(_PROBLEM):
            st.error(text.message(problem), icon=":material/error:")
    return levels


@default_on_error("")
def _name_of(words: str) -> str:
    """What the reader calls the cohort of a filter; empty where it is not saved, or the words are none."""
    parts = cohort_filters.parse(words)
    return next((cohort.name for cohort in saved.saved_cohorts() if cohort.parts == parts), "")


def _sound(words: str, context: frame.PageContext) -> str:
    """The filter, or none where what is said is not one."""
    try:
        builders.require_filter(context.explained_study, words, context.output_wanted)
    except QFusionError as error:
        st.error(text.message(f"{error} The whole split is shown."), icon=":material/error:")
        words = ""
    return words


def _saved(words: str) -> None:
    """The saved cohorts as buttons; the one in force is marked."""
    filters = {cohort.name: cohort.filter for cohort in saved.saved_cohorts()}
    if not filters:
        return
    now = _name_of(words) or None
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
                on_click=saved.delete_cohort,
                args=(now,),
            )


def _chips(
    study: Study, table: pd.DataFrame, parts: tuple[cohort_filters.Part, ...]
) -> tuple[cohort_filters.Part, ...]:
    """Conditions as chips, all of which hold, several relations being one; those of the filter are marked, and its
    others returned."""
    rows = table[
        cohort_filters.within_split(parts, table)
        & np.isfinite(table[cohort_table.JOINT].to_numpy())
    ]
    chips = cohort_chips(study, rows)
    marked, others = read_back(parts, chips)
    kinds = [kind for kind in RELATIONS if kind in marked or (rows["relation"] == kind).any()]
    state.put(_CHIPS, marked)
    st.container(key="quick-picks").pills(
        "Chips of the filter",
        [*kinds, *chips],
        key=_CHIPS,
        selection_mode="multi",
        label_visibility="collapsed",
        on_change=_chipped,
        args=(chips, others),
    )
    return others


def cohort_chips(study: Study, rows: pd.DataFrame) -> dict[str, cohort_filters.Part]:
    """The conditions that chips stand for, besides relations, on the explained rows of a split."""
    wrong = cohort_table.wrong_part(study, rows)
    return ({} if wrong is None else {f"wrong {'class' if study.classes else 'sign'}": wrong}) | (
        {
            "worst tenth": cohort_filters.Part(
                "error", ">=", (f"{rows['error'].quantile(0.9):.4g}",)
            ),
            "most joint tenth": cohort_filters.Part(
                cohort_table.JOINT, ">=", (f"{rows[cohort_table.JOINT].quantile(0.9):.4g}",)
            ),
        }
        if len(rows)
        else {}
    )


def read_back(
    parts: Sequence[cohort_filters.Part], chips: Mapping[str, cohort_filters.Part]
) -> tuple[list[str], tuple[cohort_filters.Part, ...]]:
    """Which relations and chips a filter says, and its other conditions."""
    words = [part.values for part in parts if part.column == "relation" and part.operator == "="]
    kinds = [kind for kind in RELATIONS if words and all(kind in values for values in words)]
    others = tuple(
        part
        for part in parts
        if not (part.column == "relation" and part.operator == "=") and part not in chips.values()
    )
    return [*kinds, *(name for name, part in chips.items() if part in parts)], others


def with_chips(
    chosen: Collection[str],
    chips: Mapping[str, cohort_filters.Part],
    others: Sequence[cohort_filters.Part],
) -> str:
    """The filter of some relations and chips, beside other conditions."""
    kinds = tuple(kind for kind in RELATIONS if kind in chosen)
    return cohort_filters.written(
        [
            *([cohort_filters.Part("relation", "=", kinds)] if kinds else []),
            *(chips[name] for name in chips if name in chosen),
            *others,
        ]
    )


def _chipped(
    chips: Mapping[str, cohort_filters.Part], others: Sequence[cohort_filters.Part]
) -> None:
    chosen = state.get(_CHIPS)
    state.put(FILTER, with_chips(chosen if isinstance(chosen, list) else [], chips, others))


def _count(context: frame.PageContext, levels: cohort_levels.Levels, table: pd.DataFrame) -> None:
    count, total = int(levels.inside.sum()), len(levels.rows)
    belongs = (
        "is not explained here"
        if levels.own is None
        else ("is one" if context.sample in levels.rows.index[levels.inside] else "is not")
    )
    short = (
        f"**{count:,} of {total:,}** explained samples of {name_split(levels)}; "
        f"{text.escape_markdown(context.sample)} {belongs}."
    )
    guidance.line(
        short,
        f"{short} In the table, means over each level; error: {text.escape_markdown(context.study.unit_of_error)}. "
        + backgrounds.describe_comparison(context.study.explanation_background),
    )
    missing = int(cohort_filters.within_split(levels.parts, table).sum()) - total
    if missing:
        st.caption(
            f"{missing:,} samples of this split are left out: this network's contributions are worked out for "
            f"{len(context.study.explained_rows):,} test samples."
        )
    if not count:
        st.info(
            "No sample passes this filter. Loosen it, or press “everyone”.",
            icon=":material/filter_alt_off:",
        )


def _save_row(parts: tuple[cohort_filters.Part, ...]) -> None:
    with st.popover(
        "Save",
        icon=":material/bookmark_add:",
        disabled=not parts,
        help=None if parts else "Choose a filter first: everyone needs no name.",
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


def _save(parts: tuple[cohort_filters.Part, ...]) -> None:
    try:
        saved.save_cohort(
            cohort_filters.Cohort(cohort_filters.cohort_name(str(state.get(NAME) or "")), parts)
        )
    except QFusionError as error:
        state.put(_PROBLEM, str(error))


def _holds(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column):
        return f"{column.min():.3g} to {column.max():.3g}" if column.notna().any() else "nothing"
    values = [value for value in column.astype(str).unique() if value]
    return ", ".join(sorted(values)) if len(values) <= 15 else f"{len(values):,} different words"


def ladder(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """The three levels in numbers."""
    result = cohort_measures.ladder(
        context.study, levels.rows, levels.inside, levels.own, name_all(levels)
    )
    heads = ["", *(f"**{text.escape_markdown(name)}**" for name in result["level"])]
    seeds = {"accuracy": systems.seed_suffix(context.study)}
    titles = {"joint": "size of joint terms", "relation": "most frequent type"}
    lines = [
        f"| {text.escape_markdown(titles.get(name, name))}{seeds.get(name, '')} | "
        + " | ".join(_cell(name, value) for value in result[name])
        + " |"
        for name in result.columns[1:]
    ]
    with st.container(key="cohort-ladder"):
        guidance.folded("Means of all, of the cohort and of this sample")
        st.markdown("\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *lines]))
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.link(
                "pages/samples.py",
                f"Read sample {text.escape_markdown(context.sample)}",
                ":material/open_in_full:",
            )
            if levels.inside.any():
                name = levels.name
                report_button.report_of_cohort(
                    context,
                    cohort_table.cohort_table_with_maps(
                        context.explained_study, context.output_wanted, levels.parts
                    ),
                    levels.parts,
                    name,
                )


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else text.escape_markdown(value)
    if np.isnan(value):
        return "–"
    return f"{value:.1%}" if name == "accuracy" or "share" in name else f"{value:.3f}"


def _picked_type(key: str, parts: tuple[cohort_filters.Part, ...]) -> None:
    """Makes the relation that is clicked the cohort's."""
    kind = str(next(iter(selections.selected_values(key)), ""))
    if kind in RELATIONS:
        take(
            [cohort_filters.Part("relation", "=", (kind,))],
            [part for part in parts if part.column != "relation"],
        )


# The Cohorts page's errors: slices with their error rates, and the worst; a click makes a cohort or opens a sample.


def error_slices(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """Slices on the left, the worst on the right."""
    left, right = st.columns([1.25, 1], gap="medium")
    with left, panels.panel_frame("slices") as head:
        by = widgets.draw(
            wrong_samples.SLICES_BY, options=cohort_slices.slice_kinds(context.study, levels.rows)
        )
        panels.draw_content(
            wrong_samples.slice_errors(levels, context.theme, by=by),
            head,
            on_select=lambda key: _sliced(key, cohort_slices.slices(levels, by), levels.parts),
        )
    with right:
        panels.show(
            levels,
            context.theme,
            "worst",
            first=1,
            on_select=lambda key: selections.open_selected(
                key, cohort_slices.worst(levels)[0].index.tolist()
            ),
        )


def _sliced(
    key: str, result: Sequence[cohort_slices.Slice], parts: Sequence[cohort_filters.Part]
) -> None:
    place = selections.place_of(next(iter(selections.selected_values(key)), None), len(result))
    if place is not None:
        own = result[place].parts
        take(own, [part for part in parts if part.column != own[0].column])


def _wrong_table(context: frame.PageContext, table: pd.DataFrame) -> None:
    if not table.empty:
        classes = bool(context.study.classes)
        without = "class without it" if classes else "score without it"
        numbers = ("pull",) if classes else ("truth", "prediction", "pull", without)
        formats = {name: st.column_config.Column(head) for name, head in _HEADS.items()} | {
            name: st.column_config.NumberColumn(_HEADS.get(name), format="%+.2f")
            for name in numbers
        }
        panels.samples_table(
            table.assign(misleading=table["misleading"].str.replace("+", " + ")).rename(
                columns={"without_it": without}
            ),
            table["id"].tolist(),
            f"_wrong-{context.study.name}-{len(table)}",
            context.sample,
            height=min(38 + 35 * len(table), 318),
            column_config=formats,
            alt=f"Table of {len(table)} wrong decisions. Select a row to open the sample.",
        )


_HEADS = {
    "id": "sample",
    "misleading": "misleading term",
    "pull": "its pull",
    "right_without_it": "right without it",
}


def _confused(key: str, levels: cohort_levels.Levels) -> None:
    classes = [
        levels.study.classes[k]
        for k in cohort_quality.shown_classes(cohort_performance.confusions(levels))
    ]
    places = [
        selections.place_of(value, len(classes)) for value in selections.selected_values(key)[:2]
    ]
    if len(places) == 2 and None not in places:
        truth, prediction = (classes[place] for place in places if place is not None)
        take(
            (
                cohort_filters.Part("truth", "=", (truth,)),
                cohort_filters.Part("prediction", "=", (prediction,)),
            ),
            [
                part
                for part in levels.parts
                if part.column not in ("truth", "prediction", "verdict")
            ],
        )


def take(own: Sequence[cohort_filters.Part], others: Sequence[cohort_filters.Part]) -> None:
    """Makes a slice of what passes some conditions the cohort; for callbacks."""
    state.put(FILTER, cohort_filters.written([*own, *others]))
    state.page_again()


# The Cohorts page's panels with controls of their own: distributions by group, entanglement against interaction
# strength, cuts.


def model_quality(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """How good the model is on the cohort; a click on a cell of the confusions makes its samples the cohort."""
    panels.show(levels, context.theme, "residuals", first=1)
    if cohort_quality.has_classes(levels):
        panels.draw_side_by_side(
            lambda: panels.draw(
                cohort_quality.confusions(levels, context.theme),
                on_select=lambda key: _confused(key, levels),
            ),
            lambda: cohort_quality.calibration(levels, context.theme),
        )
        panels.show(levels, context.theme, "curves", first=1)


def entanglement(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """The honest test of "entanglement explains fusion": one measure against interaction strength, with intervals."""
    study = context.study
    if not cohort_measures.measure_titles(study):
        reason = (
            "entangles nothing"
            if can(study.model, "states")
            else "has no states that could be entangled"
        )
        st.caption(
            f"This model {reason}, so there is no entanglement to set against what the modalities say jointly."
        )
        return
    with panels.panel_frame("entanglement") as head:
        measure, strength = widgets.row(
            replace(
                builders.MEASURE,
                help="The entropy counts mixing by jumps as well as entanglement. Negativity is entanglement alone; "
                "like mutual information and total correlation it needs every sample's state, about 17 ms each, once."
                if can(study.model, "time")
                else "The fused qubits and their modality qubits are together in a pure state, so their entropy is "
                "their entanglement.",
            ),
            replace(builders.STRENGTH, values=cohort_measures.strength_titles(study)),
            study=study,
            align="top",
        )
        rows = levels.places(levels.rows)
        some = drawn_samples.drawn_places(
            len(rows),
            cohort_measures.MAX_SLOW,
            cohort_measures.FEW_SLOW,
            everyone=not cohort_measures.is_slow(measure),
        )
        every = all_samples.everyone(
            "entanglement",
            study,
            rows,
            len(some),
            lambda: cohort_levels.correlate_measures(levels, measure, strength, True),
        )
        panels.draw_content(
            cohort_correlations.entanglement(
                levels, context.theme, measure=measure, strength=strength, everyone=every
            ),
            head,
            on_select=selections.choose_selected_sample,
            below=lambda: _table(
                levels,
                cohort_levels.correlate_measures(levels, measure, strength, every).correlations,
            ),
        )


def _table(
    levels: cohort_levels.Levels, intervals: dict[str, dict[str, stability.Interval]]
) -> None:
    names = {"all": name_all(levels), "cohort": name_cohort(levels)}
    st.markdown(
        "\n".join(
            [
                "| level | n | Pearson r | Spearman r |",
                "|---|---|---|---|",
                *[
                    f"| {text.escape_markdown(names[level])} | {entry['spearman'].n:,} | "
                    f"{_said(entry['pearson'])} | {_said(entry['spearman'])} "
                    "|"
                    for level, entry in intervals.items()
                ],
            ]
        )
    )


def _said(interval: stability.Interval) -> str:
    if np.isnan(interval.value):
        return "–"
    return f"{interval.value:+.2f} " + (
        f"({interval.low:+.2f} to {interval.high:+.2f})"
        if interval.known
        else "(too few for an interval)"
    )


def cuts(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """The causal test beside the correlational one: how good the model is on the cohort without the correlations of a
    modality."""
    rows, count = (
        levels.places(levels.rows[levels.inside]),
        len(cohort_correlations.cut_rows(levels)),
    )
    with panels.panel_frame("cut-test") as head:
        seconds = cohort_correlations.cut_seconds(levels)
        wanted = seconds < cohort_correlations.AT_ONCE or widgets.draw(
            builders.CUTS,
            label=f"{builders.CUTS.label} of {cohort_correlations.describe_cut_scope(levels)} "
            f"(about {math.ceil(seconds)} s)",
        )
        if cohort_correlations.can_afford_cuts(levels, wanted=wanted):
            every = all_samples.everyone(
                "cut-test",
                context.study,
                rows,
                count,
                lambda: cohort_correlations.cut_test(levels, everyone=True),
            )
            panels.draw_content(
                cohort_correlations.cut_test(levels, context.theme, everyone=every), head
            )
            return
        with head:
            figure.heading("Are the correlations needed? Cut them and see")
        st.caption(
            "Entanglement beside interaction strength is a correlation. This is the intervention: at time t all "
            "correlation of one modality with the others is taken away, the state evolves on, and the decision is read."
            if count > 1
            else "Too few samples pass the filter."
        )


# The Cohorts page's map of all samples: a click opens one, a lasso or a box makes a cohort.


@frame.fragment
def map_of_samples(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """The map with its controls."""
    if not sample_maps.has_enough_samples(levels):
        return
    with panels.panel_frame("sample-map") as head:
        of, method, colour = widgets.row(
            sample_maps.MAP_OF,
            sample_maps.MAP_METHOD,
            replace(
                sample_maps.MAP_COLOUR,
                values=sample_maps.colour_choices(context.study, levels.rows),
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
            lambda: sample_maps.map_positions(levels, of, method, True),
            of,
            method,
        )
        panels.draw_content(
            sample_maps.sample_map(
                levels, context.theme, of=of, method=method, colour=colour, everyone=every
            ),
            head,
            on_select=lambda key: _selected(
                key, sample_maps.map_positions(levels, of, method, every), levels.parts
            ),
            config={
                "displayModeBar": True,
                "displaylogo": False,
                "modeBarButtons": [["lasso2d", "select2d"]],
            },
        )


def _selected(
    key: str, sample_map: sample_projection.SampleMap, parts: Sequence[cohort_filters.Part]
) -> None:
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


# Cohorts: all samples, a cohort of them and one sample, side by side.


def contributions(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """How modalities relate and share, and the distribution of every dividend, by the grouping picked."""
    panels.draw_side_by_side(
        lambda: panels.show(
            levels,
            context.theme,
            "types",
            first=1,
            on_select=lambda key: _picked_type(key, levels.parts),
        ),
        lambda: panels.show(levels, context.theme, "cohort-shares", first=1),
        widths=[1, 1.25],
    )
    panels.show_with_controls(
        levels,
        context.theme,
        "dividends",
        lambda: widgets.draw(builders.BY, context.study),
        first=True,
    )


def wrong_ones(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """The wrong decisions of the cohort with what misled them, of which a click on a row opens the sample; slices and
    the worst."""
    if wrong_samples.has_samples(levels):
        picture = wrong_samples.misleading_terms(levels, context.theme)
        panels.draw(picture, below=lambda: _wrong_table(context, picture.table()))
        error_slices(context, levels)


def needed(context: frame.PageContext, levels: cohort_levels.Levels) -> None:
    """Whether entanglement goes with fusion, and whether the model needs it."""
    panels.draw_side_by_side(
        *(
            partial(part, context, levels)
            for part in (entanglement, cuts)
            if part is entanglement or dynamics_page.can_cut(levels)
        )
    )


PARTS = dict(zip(builders.VIEWS, (contributions, wrong_ones, model_quality, needed), strict=True))


def page() -> None:
    """Draws the page."""
    context = frame.begin_model_page("Cohorts", put_back)
    with frame.guard(), st.container(key="fold-cohorts"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            levels = choose_levels(context)
            ladder(context, levels)
        with right:
            map_of_samples(context, levels)
        parts = {
            name: partial(
                panels.lazy_panel, name.lower(), partial(part, context, levels), stays=True
            )
            for name, part in PARTS.items()
        }
        panels.tabs(builders.VIEW, parts, theme=context.theme, **context.scopes(), levels=levels)


frame.run_page(__file__, __name__)
