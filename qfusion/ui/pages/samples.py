"""Samples: find one, read it, and see which modality decided, what inside it did, and which samples are like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from qfusion import explain
from qfusion.analysis import cohort_measures, compare, inside, text
from qfusion.analysis import sample as backgrounds
from qfusion.analysis.compare import VERDICTS
from qfusion.analysis.study import SAID, Study, dividend_column, said_columns
from qfusion.data.spec import SPLITS
from qfusion.explain.attribution import INTEGRATED, METHODS
from qfusion.panels import compare as similar_panels
from qfusion.panels import faithfulness, samples
from qfusion.panels import samples as builders
from qfusion.panels.compare import SEVERAL, VIEW
from qfusion.panels.samples import STARTS
from qfusion.quantum.measures import split
from qfusion.ui import bar, panels, reruns, state, views
from qfusion.ui.frame import Here, fragment, guard, link, shell

# Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content.

OPEN, MODALITY, TERM, BASELINE, OTHER, METHOD = (
    "inside",
    "inside.of",
    "inside.term",
    "inside.from",
    "inside.other",
    "inside.by",
)


def what_made_it(here: Here) -> None:
    """The folded part of the Samples page; nothing is worked out until it is opened."""
    box = st.expander(
        "Inside a modality: which words, sounds or pixels?",
        icon=":material/search:",
        **state.opened(OPEN),
    )
    if box.open:
        with box:
            _draw(here)


@st.fragment
def _draw(here: Here) -> None:
    reruns.begin_run()
    with guard():
        chosen, sample = _controls(here), here.subject()
        panels.draw(samples.attribution(sample, here.theme, **chosen))
        if samples.of_sequence(sample, **chosen):
            panels.draw(samples.features(sample, here.theme, **chosen))
        if samples.of_sequences(sample, **chosen):
            together = {key: value for key, value in chosen.items() if key != "modality"}
            panels.draw(samples.over_time(sample, here.theme, **together))


def _controls(here: Here) -> dict[str, str]:
    """Modality, term, baseline and the id of the sample that is the baseline, if any: the builders' options."""
    study = here.study
    _settle(MODALITY, study.modalities)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        modality = state.one_of(
            "Modality", study.modalities, default=study.modalities[0], **state.bound(MODALITY)
        )
        terms = {inside.title(term): term for term in inside.terms(study, modality)}
        _settle(TERM, terms)
        term = st.selectbox(
            "Attribution of",
            list(terms),
            help="The whole score, or one of the terms that this modality is in. Terms of "
            "several modalities say what they add together.",
            width=260,
            **state.bound(TERM),
        )
        _settle(BASELINE, STARTS)
        start = state.one_of(
            "Relative to",
            list(STARTS),
            default="training mean",
            **state.bound(BASELINE),
            help="Attributions share out the difference between this sample's features and these.",
        )
        other = ""
        if STARTS[start] == "sample":
            if bar.is_foreign(study.dataset, OTHER):
                state.forget(OTHER)
            other = bar.sample_box(
                "That sample",
                study.dataset,
                backgrounds.default_contrast(study, here.row),
                OTHER,
                width=180,
            )
        titles = {about.title: name for name, about in METHODS.items()}
        method = titles[
            st.selectbox(
                "Attribution method",
                list(titles),
                index=list(METHODS).index(INTEGRATED),
                width=200,
                **state.bound(METHOD),
            )
        ]
    return {
        "modality": modality,
        "term": terms[term],
        "baseline": STARTS[start],
        "other": other,
        "method": method,
    }


def _settle(key: str, options: Any) -> None:
    """Takes back a value that another model or modality left and that is no option here."""
    if state.get(key) is not None and state.get(key) not in options:
        state.forget(key)


# The Samples page's list of samples like the open one.

BY = "similar"
BESIDE = 5  # of the nearest that are set beside the sample


@fragment
def similar_samples(here: Here) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    state.settle_clicks()
    sample, known = (
        here.subject(),
        [cohort_measures.TITLES[kind] for kind in compare.ways(here.study)],
    )
    if state.get(BY) not in (None, *known):
        state.put(BY, known[0])  # of another model
    with panels.around("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            chosen = state.one_of("Similar by", known, default=known[0], **state.bound(BY))
            by = cohort_measures.KEYS[chosen]
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
        **{VIEW: SEVERAL, "several": [here.sample, *ids[:BESIDE]]},  # type: ignore[arg-type]
    )


def _open(name: str) -> None:
    state.choose_sample(name)
    state.page_again()


def _opened(key: str, ids: Sequence[str]) -> None:
    place = state.place_of(state.selected_point(key).get("point_index"), len(ids))
    if place is not None:
        _open(ids[place])


# Finding a sample: filters, a table and a scatter, either of which picks it.

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
    verdict, wanted = _of_classes(here.study) if here.study.classes else (None, [])
    return {
        "split": split,
        "search": words or "",
        "relations": list(kinds),
        "verdict": verdict or "",
        "classes": wanted,
    }


def _of_classes(study: Study) -> tuple[str | None, list[str]]:
    """Draws the filters that only classes have."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = st.segmented_control(
            "Predicted",
            list(VERDICTS),
            help="Only samples that the model gets right, or wrong.",
            **state.bound(VERDICT),
        )
        wanted = st.multiselect(
            "Classes (truth)", list(study.classes), placeholder="all", **state.bound(CLASSES)
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
        state.put(state.SAMPLE, str(shown["id"].iloc[rows[0]]))


_AXES = (
    "dividend[text] is the contribution of text, what it adds to the score (Harsanyi dividend); negativity is "
    "entanglement. See Terms below the figure."
)


def sample_scatter(here: Here, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study, titles = here.study, compare.axes(here.study)
    default = compare.default_axes(study)
    with st.container(horizontal=True):
        for key, first in zip((AXIS_X, AXIS_Y), default, strict=True):
            if state.get(key) not in (None, *titles):
                state.put(key, first)  # of another model
        across, up = map(list(titles).index, default)
        x = st.selectbox("x axis", list(titles), index=across, help=_AXES, **state.bound(AXIS_X))
        y = st.selectbox("y axis", list(titles), index=up, help=_AXES, **state.bound(AXIS_Y))
    if count > compare.MAX_ENTANGLED and compare.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement takes time: shown for the first {compare.MAX_ENTANGLED} of {count:,} samples. Filter to see "
            "others."
        )
    output = "" if here.output_wanted is None else study.classes[here.output_wanted]
    picture = samples.scatter(here.subject(), here.theme, x=x, y=y, output=output, **chosen)
    panels.drawn(picture, on_select=state.choose_selected_sample)


# The table of what the fusion of an entangled-fusion network read from one sample: masses, beliefs, rules.

TABLE = "table.evidence"


def evidence_table(here: Here) -> None:
    """All numbers of the fusion, element by element."""
    with st.expander(
        "Rules, beliefs and masses of every element as a table",
        icon=":material/table_rows:",
        **state.opened(TABLE),
    ):
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
    sample = here.subject()

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
