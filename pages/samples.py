"""Samples: find one, read it, and see which modality decided, what inside it did, and which samples are like it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.app import (
    figure,
    frame,
    navigation,
    page_runs,
    panels,
    selections,
    state,
    tables,
    widgets,
)
from qfusion.app.forms.own_sample import try_own
from qfusion.app.page_context import PageContext
from qfusion.app.samples import boxes, contents
from qfusion.app.samples.contents import hero_card
from qfusion.models.protocols import Evolution, GateCircuit, StateModel, TruthTables
from qfusion.quantum.measure_kinds import split_column
from qfusion.study import attribution, cohorts, compare, text
from qfusion.study.opening import default_contrast
from qfusion.study.study import dividend_column
from qfusion.study.text import escape_markdown
from qfusion.views import attribution as inner, samples as sample_views
from qfusion.views.pages import compare as builders, samples as raw
from qfusion.views.pages.panel import drawn
from qfusion.views.pages.params import Param
from qfusion.views.pages.samples import OPEN, PANELS, TABLE, TRY
from qfusion.views.samples import describe_outcomes
from qfusion.views.words.names import axis_titles, fact_titles

SIDES = (1, 1.1)  # widths of the list and of the sample beside it


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Samples")
    sample = context.tweaked_sample()
    ruled = context.study.model.part(TruthTables) is not None

    if TRY.fits(context.study):
        widgets.draw_folded(TRY, lambda: try_own(context), ":material/draw:")
    with st.container(key="fold-samples"):
        find, read = st.columns(SIDES, gap="medium")
        left, right = st.columns(SIDES, gap="medium")
        below = st.container()
    over_seconds = None
    with read, page_runs.show_errors():
        contents.sample_heading(context)
        hero_card(context, details=True)
        over_seconds = st.container()  # after the decision: attributions take their time
        panels.show(sample, "verdict", grows=False, first=1)
        panels.show(sample, "waterfall", first=1)
        if context.study.reads_features:
            widgets.draw_folded(OPEN, lambda: modality_attributions(context), ":material/search:")
    if over_seconds is not None:  # else the guard says why there is no decision
        with over_seconds, page_runs.show_errors():
            options = PANELS["strip"].arguments(state.current())
            panels.show(
                sample,
                "strip",
                below=lambda: contents.follow_strip(sample, f"main-{context.row}", **options),
            )
    with left, page_runs.show_errors():
        panels.show(sample, "shapley", "masses")
    with right, page_runs.show_errors():
        panels.show(sample, "beliefs", "fused-entropies", "entropies")
        if context.study.model.part(GateCircuit):
            st.caption(describe_entropies(sample.entropies))
        elif context.study.reads_features and not (ruled or context.study.model.part(Evolution)):
            st.caption(
                "This model has no entropies: without entanglement and evolution its states stay pure."
                if context.study.model.part(StateModel)
                else "This model has no entropies, as it has no quantum states."
            )
    if ruled:
        with below, page_runs.show_errors(), widgets.fold(TABLE, ":material/table_rows:"):
            table: pd.DataFrame = sample.reading.frame().reset_index()
            floats = table.select_dtypes("floating").columns
            tables.draw(
                table,
                "One row per element: masses, rule, beliefs.",
                column_config=tables.number_columns(floats, "%.3f"),
            )
    with below, page_runs.show_errors():
        panels.lazy_panel("similar", partial(similar_samples, context), stays=True)
        panels.draw_lower_panels(**context.scopes())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, page_runs.show_errors(), st.container(border=True, key="box-find"):
        chosen = filters(context)
        rows = cohorts.passing(context.explained_study.frame(context.output_wanted), **chosen)
        if len(rows):
            note_hidden_sample(context, rows)
            sample_table(context, rows, chosen["split"])
            sample_scatter(context, chosen, len(rows))
        else:
            st.info(
                "No sample passes these filters. Use fewer words, another relation, or the split “all”.",
                icon=":material/search_off:",
            )
            st.button(
                "Clear the filters",
                key="_clear_filters",
                icon=":material/filter_alt_off:",
                on_click=clear_filters,
            )
    context.prepare()


MOST_ROWS = 5_000  # of the table
_HEIGHT = 400  # pixels of it at most


def filters(context: PageContext) -> dict[str, Any]:
    """Draw the filters and return them as `passing` takes them."""
    study = context.study
    judged = bool(study.classes) and study.has_truth
    first = (sample_views.SPLIT, sample_views.VERDICT) if judged else (sample_views.SPLIT,)
    split, *verdict = widgets.row(*first, study=study)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = widgets.draw(sample_views.SEARCH, label_visibility="collapsed")
        with st.popover(_count_filters(), icon=":material/filter_alt:", key="more-filters"):
            relations = widgets.draw(sample_views.RELATION)
            classes = widgets.draw(sample_views.CLASSES, study) if judged else []
    chosen = {"split": split, "relations": relations, "search": search}
    if judged:
        chosen |= {"verdict": verdict[0] or "", "classes": classes}
    return chosen


def _count_filters() -> str:
    """Return the label of the button behind which further filters are, with how many are set."""
    wanted = (sample_views.RELATION, sample_views.CLASSES)
    chosen = [value for one in wanted for value in (state.get(one.key) or [])]
    return f"More filters ({len(chosen)})" if chosen else "More filters"


def clear_filters() -> None:
    """Set the filters of the samples to their defaults, for a callback."""
    empty: dict[Param, Any] = {
        sample_views.SPLIT: sample_views.SPLIT.default,
        sample_views.SEARCH: "",
        sample_views.RELATION: [],
        sample_views.VERDICT: None,
        sample_views.CLASSES: [],
    }
    for control, value in empty.items():
        if state.get(control.key) is not None:
            state.put(control.key, value)


def note_hidden_sample(context: PageContext, rows: pd.DataFrame) -> None:
    """State that the sample shown does not pass the filters where it does not, and offer the first that does."""
    if context.sample in rows.index:
        return
    first = str(rows.index[0])
    st.info(
        f"The sample shown, {text.escape_markdown(context.sample)}, does not pass these filters.",
        icon=":material/filter_alt:",
    )
    st.button(
        f"Show {text.escape_markdown(first)}, the first that passes",
        key="_first_that_passes",
        icon=":material/arrow_forward:",
        on_click=state.choose_sample,
        args=(first,),
    )


def sample_table(context: PageContext, rows: pd.DataFrame, split: str) -> None:
    """The rows as a table; a click on one makes it the sample. They are of this split, or of "all"."""
    study = context.study
    late = [
        *map(dividend_column, study.terms),
        *(name for name in fact_titles(study) if name in rows),
        "split",
    ]
    first = [
        *(["certainty"] if study.classes else []),
        "id",
        *(["error"] if study.has_truth else []),
        "relation",
        "leader",
    ]
    numeric = {"certainty", "error", "disagreement", "conflict"}
    columns: dict[str, Any] = {}
    titles = axis_titles(study)
    for column in rows.columns:
        name = titles[column] if column in late and column in titles else text.column(column)
        if column in numeric or (
            "[" in column and split_column(column)[0] in ("entropy", "dividend")
        ):
            columns[column] = st.column_config.NumberColumn(name, format="%.2f")
        elif name != column:
            columns[column] = st.column_config.Column(name)
    if study.classes:
        columns["certainty"]["help"] = "Softmax of the predicted class"
    listed = rows[:MOST_ROWS].reset_index()
    if study.has_truth:
        outcome = "truth → prediction"
        listed[outcome] = describe_outcomes(study, study.dataset.find_rows(listed["id"]))[0]
    else:
        outcome = "prediction"
        listed = listed.drop(columns=["truth", "error"], errors="ignore")
        if not study.classes:
            label = None if study.reads_features else study.quantity
            columns[outcome] = st.column_config.NumberColumn(label, format="%.2f")
    shown = [selections.THUMBNAIL, text.text_column(study.dataset), outcome, *first]
    known = {*shown, *late, "truth", "prediction", "error"}
    others = [name for name in listed if name not in known]
    selections.samples_table(
        study.dataset,
        listed,
        listed["id"].tolist(),
        f"_table-{study.name}",
        context.sample,
        height=_HEIGHT,
        column_config=columns,
        column_order=[*shown, *others, *late],
        alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.",
    )
    some = (
        f" The first {MOST_ROWS:,} are listed; filter to see others."
        if len(rows) > MOST_ROWS
        else ""
    )
    data = study.dataset
    every = f"{len(data):,}" if split == "all" else f"{len(data.rows(split)):,} {split}"
    st.caption(
        f"{len(rows):,} of {every} samples pass.{some} Select a row, or click "
        "a point below, to open a sample."
    )


def sample_scatter(context: PageContext, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study, usual = context.study, cohorts.default_axes(context.study)
    x, y = widgets.row(
        replace(sample_views.ACROSS, default=usual[0]),
        replace(sample_views.UP, default=usual[1]),
        study=study,
        align="top",
    )
    if count > cohorts.MAX_ENTANGLED and cohorts.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement is slow to compute and shown for the first {cohorts.MAX_ENTANGLED} of "
            f"{count:,} samples. Filter to see others."
        )
    figure.draw_without_panel(
        drawn(sample_views.scatter)(
            context.tweaked_sample(), x=x, y=y, output=context.output_name, **chosen
        ),
        on_select=selections.choose_selected_sample,
    )


@page_runs.fragment
def modality_attributions(context: PageContext) -> None:
    """Draw the folded part of the Samples page: modality, term, baseline (with its sample, if it is one), method,
    and the resulting figures.
    """
    study = context.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms = attribution.terms(study, widgets.draw(inner.MODALITY, study))
        titles = [attribution.title(term, study.quantity) for term in terms]
        widgets.draw(inner.TERM, study, options=titles)
        if widgets.draw(inner.START) == "sample":
            boxes.sample_box(
                inner.OTHER, study.dataset, default_contrast(study, context.row), follows=True
            )
        widgets.draw(inner.METHOD)
    panels.show(context.tweaked_sample(), *raw.INSIDE)


def similar_samples(context: PageContext) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    sample = context.tweaked_sample()
    with figure.titled_frame("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            by = widgets.draw(sample_views.SIMILAR_BY, context.study)
            nearest = compare.nearest(sample, by)
            ids = [str(name) for name in context.study.dataset.ids[nearest.rows]]
            _links(context, nearest, ids)
        figure.draw_content(
            drawn(sample_views.similar)(sample, by=by),
            head,
            on_select=lambda key: selections.open_selected(key, ids),
            below=lambda: selections.sample_strip(context.study.dataset, nearest.rows),
        )


def _links(context: PageContext, nearest: compare.Nearest, ids: list[str]) -> None:
    if ids:
        outcomes, _ = describe_outcomes(context.study, nearest.rows)
        contents = text.describe_samples(context.study.dataset, nearest.rows)
        with st.popover(
            "Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"
        ):
            for name, outcome, words, away in zip(
                ids, outcomes, contents, nearest.distances, strict=True
            ):
                label = f"**{text.escape_markdown(name)}** {text.escape_markdown(outcome, 40)} ({away:.3g})"
                if words:
                    label += f" · {text.escape_markdown(words)}"
                st.button(
                    label,
                    type="tertiary",
                    key=f"_similar_{name}",
                    on_click=state.choose_sample,
                    args=(name,),
                )
        navigation.link(
            "pages/compare.py",
            "Side by side",
            ":material/view_column:",
            **{builders.VIEW.key: builders.SEVERAL, "several": [context.sample, *ids[:5]]},  # type: ignore[arg-type]
        )


def describe_entropies(entropies: Mapping[str, float]) -> str:
    """Return the entropies of registers at the end of a circuit in a sentence, as Markdown."""
    parts = [f"{escape_markdown(name)} {value:.3f} nats" for name, value in entropies.items()]
    return f"Von Neumann entropy of the qubits at the end of the circuit: {', '.join(parts)}."


page_runs.run_page(__file__, __name__)
