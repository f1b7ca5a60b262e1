"""Samples: find one, read it, and see which modality decided, what inside it did, and which samples are like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import compare, inside, text
from qfusion.analysis import sample as backgrounds
from qfusion.analysis.study import SAID, Study, dividend_column, said_columns
from qfusion.panels import compare as similar_panels
from qfusion.panels import faithfulness, samples
from qfusion.panels import samples as builders
from qfusion.panels.compare import SEVERAL
from qfusion.quantum.measures import split
from qfusion.ui import bar, controls, panels, reruns, state, views
from qfusion.ui.frame import Here, fragment, guard, link, shell

# Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content.


def what_made_it(here: Here) -> None:
    """The folded part of the Samples page; nothing is worked out until it is opened."""
    box = controls.fold(samples.OPEN, ":material/search:")
    if box.open:
        with box:
            _draw(here)


@st.fragment
def _draw(here: Here) -> None:
    reruns.begin_run()
    with guard():
        chosen, sample = _chosen(here), here.sample_of()
        panels.draw(samples.attribution(sample, here.theme, **chosen))
        if samples.of_sequence(sample, **chosen):
            panels.draw(samples.features(sample, here.theme, **chosen))
        if samples.of_sequences(sample, **chosen):
            del chosen["modality"]
            panels.draw(samples.over_time(sample, here.theme, **chosen))


def _chosen(here: Here) -> dict[str, str]:
    """Modality, term, baseline, the sample that is the baseline, if any, and method: the builders' options."""
    study = here.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        modality = controls.draw(samples.MODALITY, study)
        terms = [inside.title(term) for term in inside.terms(study, modality)]
        chosen = {
            "modality": modality,
            "term": controls.draw(samples.TERM, study, options=terms),
            "baseline": controls.draw(samples.START),
        }
        if chosen["baseline"] == "sample":
            default = backgrounds.default_contrast(study, here.row)
            chosen["other"] = bar.sample_choice(samples.OTHER, study, default)
        return chosen | {"method": controls.draw(samples.METHOD)}


# The Samples page's list of samples like the open one.

BESIDE = 5  # of the nearest that are set beside the sample


@fragment
def similar_samples(here: Here) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    state.settle_clicks()
    sample = here.sample_of()
    with panels.around("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            by = controls.draw(similar_panels.SIMILAR_BY, here.study)
            nearest = compare.nearest(sample, by)
            ids = [str(name) for name in here.study.dataset.ids[nearest.rows]]
            _links(here, nearest, ids)
        panels.inside(
            similar_panels.similar(sample, here.theme, by=by),
            head,
            on_select=lambda key: _opened(key, ids),
        )


def _links(here: Here, nearest: compare.Nearest, ids: Sequence[str]) -> None:
    sentence, _ = similar_panels.outcomes(here.study, nearest.rows)
    if not ids:
        return
    with st.popover("Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"):
        for name, words, away in zip(ids, sentence, nearest.distances, strict=True):
            st.button(
                f"**{text.plain(name, 24)}** {text.plain(words, 40)} ({away:.3g})",
                type="tertiary",
                key=f"_similar_{name}",
                on_click=_open,
                args=(name,),
            )
    link(
        "pages/compare.py",
        "Side by side",
        ":material/view_column:",
        **{similar_panels.VIEW.key: SEVERAL, "several": [here.sample, *ids[:BESIDE]]},  # type: ignore[arg-type]
    )


def _open(name: str) -> None:
    state.choose_sample(name)
    state.page_again()


def _opened(key: str, ids: Sequence[str]) -> None:
    place = state.place_of(state.selected_point(key).get("point_index"), len(ids))
    if place is not None:
        _open(ids[place])


# Finding a sample: filters, a table and a scatter, either of which picks it.

MOST_ROWS = 5_000  # of the table


def filters(here: Here) -> dict[str, Any]:
    """Draws the filters and returns them as `compare.passing` takes them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {name: controls.draw(samples.FILTERS[name]) for name in ("split", "relations")}
    chosen["search"] = controls.draw(samples.SEARCH)
    if here.study.classes:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen["verdict"] = controls.draw(samples.VERDICT) or ""
            chosen["classes"] = controls.draw(samples.CLASSES, here.study)
    return chosen


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
    for control in samples.FILTERS.values():
        state.forget(control.key)


def sample_table(here: Here, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    order = _columns(here.study, rows)
    key = f"_table-{here.study.name}"
    shown = rows[order][:MOST_ROWS].reset_index()
    ticked = state.selected_rows(key, len(shown))
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
        column_config=_formats(order, bool(here.study.classes)),
        alt=f"Table of {len(rows)} samples with truth, prediction and error. Select a row to open the sample.",
    )
    some = (
        f" The first {MOST_ROWS:,} stand here; filter to see others."
        if len(rows) > MOST_ROWS
        else ""
    )
    st.caption(
        f"{len(rows):,} of {len(here.study.dataset):,} samples pass.{some} Tick a row, or click a point below, "
        "to open it."
    )


def _columns(study: Study, rows: pd.DataFrame) -> list[str]:
    """First what was said, then the numbers, then whatever else the data set has."""
    first = [
        "truth",
        "prediction",
        *(["certainty"] if study.classes else []),
        "error",
        "relation",
        "leader",
        *said_columns(rows),
    ]
    late = [
        *map(dividend_column, study.terms),
        *(name for name in study.fact_titles() if name in rows),
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
            column: result
            for column, result in numeric.items()
            if column not in ("truth", "prediction")
        }
    named = {
        column: st.column_config.Column(words)
        for column in columns
        if (words := text.column(column)) != column
    }
    return (
        named | numeric | {column: st.column_config.TextColumn(width="medium") for column in SAID}
    )


def _picked_in_table(key: str, shown: pd.DataFrame) -> None:
    rows = state.selected_rows(key, len(shown))
    if rows:
        state.choose_sample(str(shown["id"].iloc[rows[0]]))


def sample_scatter(here: Here, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study = here.study
    with st.container(horizontal=True):
        x, y = (
            controls.draw(axis, study, default=usual)
            for axis, usual in zip(
                (samples.ACROSS, samples.UP), compare.default_axes(study), strict=True
            )
        )
    if count > compare.MAX_ENTANGLED and compare.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement takes time: shown for the first {compare.MAX_ENTANGLED} of {count:,} samples. Filter to see "
            "others."
        )
    output = "" if here.output_wanted is None else study.classes[here.output_wanted]
    picture = samples.scatter(here.sample_of(), here.theme, x=x, y=y, output=output, **chosen)
    panels.drawn(picture, on_select=state.choose_selected_sample)


# The table of what the fusion of an entangled-fusion network read from one sample: masses, beliefs, rules.


def evidence_table(here: Here) -> None:
    """All numbers of the fusion, element by element."""
    with controls.fold(samples.TABLE, ":material/table_rows:"):
        study: Any = here.study
        frame: pd.DataFrame = study.reading(here.row).frame().reset_index()
        st.dataframe(
            frame,
            hide_index=True,
            height="content",
            alt="One row an element: masses, rule, beliefs.",
            column_config={
                c: st.column_config.NumberColumn(format="%.3f")
                for c in frame.columns
                if pd.api.types.is_float_dtype(frame[c])
            },
        )


# Samples: find one, read it, and see which modality decided.


def page() -> None:
    """Draws the page."""
    here = shell("Samples")
    sample = here.sample_of()

    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    with read, guard():
        views.sample_heading(here)
        views.sample_content(here)
        panels.draw(builders.verdict(sample, here.theme), grows=False)
        panels.draw(builders.waterfall(sample, here.theme))
        what_made_it(here)
    with left, guard():
        panels.draw(builders.shapley(sample, here.theme))
        if faithfulness.is_labelled(sample):
            panels.draw(faithfulness.of_sample(sample, here.theme))
        if here.study.can("rules"):
            panels.draw(builders.masses(sample, here.theme))
    with right, guard():
        if here.study.can("rules"):
            if sample.reading.by_fusion is not None:
                panels.draw(builders.beliefs(sample, here.theme))
            panels.draw(builders.fused_entropies(sample, here.theme))
        elif here.study.can("time"):
            panels.draw(builders.entropies(sample, here.theme))
        else:
            st.caption(
                "This model has no entropies: nothing is entangled or evolves, so its states stay pure."
            )
    if here.study.can("rules"):
        with below, guard():
            evidence_table(here)
    with below, guard():
        similar_samples(here)
        panels.below(here.theme, **here.subjects())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, guard(), st.container(border=True, key="box-find"):
        chosen = filters(here)
        rows = compare.passing(here.study.frame(here.output_wanted), **chosen)
        if not none_passes(rows):
            sample_table(here, rows)
            sample_scatter(here, chosen, len(rows))
    here.prepare()


if (
    __name__ == "__main__"
):  # as Streamlit runs it, which defines all above anew each time; the module is kept
    import qfusion.ui.pages.samples

    qfusion.ui.pages.samples.page()
