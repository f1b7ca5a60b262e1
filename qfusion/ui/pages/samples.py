"""Samples: find one, read it, and see which modality decided, what inside it did, and which samples are like it."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import compare, inside, text
from qfusion.analysis.sample import default_contrast
from qfusion.analysis.study import SAID, dividend_column, said_columns
from qfusion.panels import address, compare as builders, inside as raw, samples
from qfusion.quantum.measures import split
from qfusion.ui import bar, controls, panels, sharing, state, views
from qfusion.ui.frame import Here, fragment, guard, link, run, shell
from qfusion.ui.try_own import try_own

# Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content.


@fragment
def what_made_it(here: Here) -> None:
    """What is folded on the Samples page: modality, term, baseline (with the sample that is it, if any) and method, and
    what comes of them."""
    study = here.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms = inside.terms(study, controls.draw(raw.MODALITY, study))
        controls.draw(raw.TERM, study, options=[inside.title(term) for term in terms])
        if controls.draw(raw.START) == "sample":
            bar.sample_box(raw.OTHER, study.dataset, default_contrast(study, here.row))
        controls.draw(raw.METHOD)
    panels.show(here.sample_of(), here.theme, *raw.INSIDE)


# The Samples page's list of samples like the open one.

BESIDE = 5  # of the nearest that are set beside the sample


@fragment
def similar_samples(here: Here) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    sample = here.sample_of()
    with panels.around("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            by = controls.draw(builders.SIMILAR_BY, here.study)
            nearest = compare.nearest(sample, by)
            ids = [str(name) for name in here.study.dataset.ids[nearest.rows]]
            _links(here, nearest, ids)
        panels.inside(
            builders.similar(sample, here.theme, by=by),
            head,
            on_select=lambda key: state.open_selected(key, ids),
        )


def _links(here: Here, nearest: compare.Nearest, ids: list[str]) -> None:
    if ids:
        sentence, _ = builders.outcomes(here.study, nearest.rows)
        with st.popover(
            "Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"
        ):
            for name, words, away in zip(ids, sentence, nearest.distances, strict=True):
                st.button(
                    f"**{text.plain(name, 24)}** {text.plain(words, 40)} ({away:.3g})",
                    type="tertiary",
                    key=f"_similar_{name}",
                    on_click=state.choose_sample,
                    args=(name,),
                )
        link(
            "pages/compare.py",
            "Side by side",
            ":material/view_column:",
            **{builders.VIEW.key: builders.SEVERAL, "several": [here.sample, *ids[:BESIDE]]},  # type: ignore[arg-type]
        )


# Finding a sample: filters, a table and a scatter, either of which picks it.

MOST_ROWS = 5_000  # of the table


def filters(here: Here) -> dict[str, Any]:
    """Draws the filters and returns them as `compare.passing` takes them."""
    split, relations = controls.row(samples.SPLIT, samples.RELATION)
    chosen = {"split": split, "relations": relations, "search": controls.draw(samples.SEARCH)}
    if here.study.classes:
        verdict, classes = controls.row(samples.VERDICT, samples.CLASSES, study=here.study)
        chosen |= {"verdict": verdict or "", "classes": classes}
    return chosen


def _clear() -> None:
    empty = {"split": samples.SPLIT.default, "search": "", "relations": [], "classes": []}
    for name, control in samples.FILTERS.items():
        if state.get(control.key) is not None:
            state.put(control.key, empty.get(name))


def sample_table(here: Here, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    first = [  # what was said, then the numbers, then whatever else the data set has
        "truth",
        "prediction",
        *(["certainty"] if here.study.classes else []),
        "error",
        "relation",
        "leader",
        *said_columns(rows),
    ]
    late = [
        *map(dividend_column, here.study.terms),
        *(name for name in here.study.fact_titles() if name in rows),
        "split",
    ]
    order = [*first, *(column for column in rows.columns if column not in {*first, *late}), *late]
    plain = ("certainty", "error", "disagreement", "conflict")
    numeric = {
        column: st.column_config.NumberColumn(
            format="%.2f",
            help="Softmax of the predicted class" if column == "certainty" else None,
        )
        for column in order
        if column in (plain if here.study.classes else (*plain, "truth", "prediction"))
        or ("[" in column and split(column)[0] in ("entropy", "dividend"))
    }
    named = {
        column: st.column_config.Column(words)
        for column in order
        if (words := text.column(column)) != column
    }
    panels.samples_table(
        rows[order][:MOST_ROWS].reset_index(),
        rows.index[:MOST_ROWS].tolist(),
        f"_table-{here.study.name}",
        here.sample,
        height=300,
        column_config={
            **named,
            **numeric,
            **{column: st.column_config.TextColumn(width="medium") for column in SAID},
        },
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


def sample_scatter(here: Here, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study, usual = here.study, compare.default_axes(here.study)
    x, y = controls.row(
        replace(samples.ACROSS, default=usual[0]),
        replace(samples.UP, default=usual[1]),
        study=study,
        align="top",
    )
    if count > compare.MAX_ENTANGLED and compare.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement takes time: shown for the first {compare.MAX_ENTANGLED} of {count:,} samples. Filter to see "
            "others."
        )
    picture = samples.scatter(
        here.sample_of(), here.theme, x=x, y=y, output=here.output_name, **chosen
    )
    panels.drawn(picture, on_select=state.choose_selected_sample)


# Samples: find one, read it, and see which modality decided.


def page() -> None:
    """Draws the page."""
    here = shell("Samples")
    sample, theme, ruled = here.sample_of(), here.theme, here.study.can("rules")

    if samples.TRY.fits(here.study):
        controls.folded(samples.TRY, lambda: try_own(here), ":material/draw:")
    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    with read, guard():
        views.sample_heading(here)
        views.sample_content(here)
        over_seconds = st.container()  # after the decision: attributions take their time
        panels.show(sample, theme, "verdict", grows=False)
        panels.show(sample, theme, "waterfall")
        controls.folded(raw.OPEN, lambda: what_made_it(here), ":material/search:")
    with over_seconds, guard():
        options = raw.STRIP["strip"].arguments(address.View("samples", sharing.full_address()))
        panels.show(
            sample,
            theme,
            "strip",
            below=lambda: views.follow_strip(sample, f"main-{here.row}", **options),
        )
    with left, guard():
        panels.show(sample, theme, "shapley", "people", "masses")
    with right, guard():
        panels.show(sample, theme, "beliefs", "fused-entropies", "entropies")
        if not (ruled or here.study.can("time")):
            st.caption(
                "This model has no entropies: nothing is entangled or evolves, so its states stay pure."
            )
    if ruled:
        with below, guard(), controls.fold(samples.TABLE, ":material/table_rows:"):
            frame: pd.DataFrame = sample.reading.frame().reset_index()
            st.dataframe(
                frame,
                hide_index=True,
                height="content",
                alt="One row an element: masses, rule, beliefs.",
                column_config={
                    c: st.column_config.NumberColumn(format="%.3f")
                    for c in frame.select_dtypes("floating").columns
                },
            )
    with below, guard():
        similar_samples(here)
        panels.below(theme, **here.scopes())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, guard(), st.container(border=True, key="box-find"):
        chosen = filters(here)
        rows = compare.passing(here.study.frame(here.output_wanted), **chosen)
        if len(rows):
            sample_table(here, rows)
            sample_scatter(here, chosen, len(rows))
        else:
            st.info(
                "No sample passes these filters. Use fewer words, another relation, or the split “all”.",
                icon=":material/search_off:",
            )
            st.button(
                "Clear the filters",
                key="_clear_filters",
                icon=":material/filter_alt_off:",
                on_click=_clear,
            )
    here.prepare()


run(__file__, __name__)
