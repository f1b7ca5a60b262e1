"""Samples: find a sample, see which modality decided, which parts of it did, and which samples are similar."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion import _limits
from qfusion.analysis import (
    modality_attribution,
    sample_filters,
    sample_similarity,
    text,
    training_distance,
)
from qfusion.analysis.background_choice import default_contrast
from qfusion.analysis.opening import with_samples
from qfusion.analysis.sample import build_sample
from qfusion.analysis.study import SAID, dividend_column, said_columns
from qfusion.data import Audio, Image, own, own_sessions
from qfusion.data.data_set import DataSet
from qfusion.data.picture_arrays import enlarge, grey_levels
from qfusion.data.sample_content import Maker
from qfusion.models.abilities import can
from qfusion.panels import (
    compare as builders,
    inside as raw,
    nearest_samples,
    pickers,
    sample_points,
    samples,
    timelines,
)
from qfusion.quantum.measure_kinds import split_column
from qfusion.ui import (
    access,
    components,
    figure,
    frame,
    page_params,
    panels,
    reruns,
    sample_box,
    sample_content,
    selections,
    state,
    widgets,
)
from qfusion.wording import answers
from qfusion.wording.studies import fact_titles
from qfusion.wording.training_distance import describe_distance

# Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content.


@frame.fragment
def what_made_it(context: frame.PageContext) -> None:
    """What is folded on the Samples page: modality, term, baseline (with the sample that is it, if any) and method, and
    what comes of them."""
    study = context.study
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms = modality_attribution.terms(study, widgets.draw(raw.MODALITY, study))
        titles = [modality_attribution.title(term, study.quantity) for term in terms]
        widgets.draw(raw.TERM, study, options=titles)
        if widgets.draw(raw.START) == "sample":
            sample_box.sample_box(
                raw.OTHER, study.dataset, default_contrast(study, context.row), follows=True
            )
        widgets.draw(raw.METHOD)
    panels.show(context.tweaked_sample(), context.theme, *raw.INSIDE)


# The Samples page's list of samples like the open one.


def similar_samples(context: frame.PageContext) -> None:
    """The nearest samples, a button for each and a link to all side by side."""
    sample = context.tweaked_sample()
    with panels.panel_frame("similar") as head:
        with st.container(horizontal=True, vertical_alignment="center"):
            by = widgets.draw(nearest_samples.SIMILAR_BY, context.study)
            nearest = sample_similarity.nearest(sample, by)
            ids = [str(name) for name in context.study.dataset.ids[nearest.rows]]
            _links(context, nearest, ids)
        panels.draw_content(
            nearest_samples.similar_samples(sample, context.theme, by=by),
            head,
            on_select=lambda key: selections.open_selected(key, ids),
        )


def _links(context: frame.PageContext, nearest: sample_similarity.Nearest, ids: list[str]) -> None:
    if ids:
        sentence, _ = nearest_samples.describe_outcomes(context.study, nearest.rows)
        with st.popover(
            "Open one", icon=":material/open_in_full:", type="tertiary", key="_similar"
        ):
            for name, words, away in zip(ids, sentence, nearest.distances, strict=True):
                st.button(
                    f"**{text.escape_markdown(name, 24)}** {text.escape_markdown(words, 40)} ({away:.3g})",
                    type="tertiary",
                    key=f"_similar_{name}",
                    on_click=state.choose_sample,
                    args=(name,),
                )
        frame.link(
            "pages/compare.py",
            "Side by side",
            ":material/view_column:",
            **{builders.VIEW.key: builders.SEVERAL, "several": [context.sample, *ids[:5]]},  # type: ignore[arg-type]
        )


# Finding a sample: filters, a table and a scatter, either of which picks it.

MOST_ROWS = 5_000  # of the table


def filters(context: frame.PageContext) -> dict[str, Any]:
    """Draws the filters and returns them as `sample_filters.passing` takes them."""
    split, relations = widgets.row(samples.SPLIT, samples.RELATION)
    chosen = {"split": split, "relations": relations, "search": widgets.draw(samples.SEARCH)}
    if context.study.classes:
        verdict, classes = widgets.row(samples.VERDICT, samples.CLASSES, study=context.study)
        chosen |= {"verdict": verdict or "", "classes": classes}
    return chosen


def _clear() -> None:
    empty = {"split": samples.SPLIT.default, "search": "", "relations": [], "classes": []}
    for name, control in samples.FILTERS.items():
        if state.get(control.key) is not None:
            state.put(control.key, empty.get(name))


def sample_table(context: frame.PageContext, rows: pd.DataFrame) -> None:
    """The rows as a table; a click on one makes it the sample."""
    first = [  # what was said, then the numbers, then whatever else the data set has
        "truth",
        "prediction",
        *(["certainty"] if context.study.classes else []),
        "error",
        "relation",
        "leader",
        *said_columns(rows),
    ]
    late = [
        *map(dividend_column, context.study.terms),
        *(name for name in fact_titles(context.study) if name in rows),
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
        if column in (plain if context.study.classes else (*plain, "truth", "prediction"))
        or ("[" in column and split_column(column)[0] in ("entropy", "dividend"))
    }
    named = {
        column: st.column_config.Column(words)
        for column in order
        if (words := text.column(column)) != column
    }
    panels.samples_table(
        rows[order][:MOST_ROWS].reset_index(),
        rows.index[:MOST_ROWS].tolist(),
        f"_table-{context.study.name}",
        context.sample,
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
        f"{len(rows):,} of {len(context.study.dataset):,} samples pass.{some} Tick a row, or click a point below, "
        "to open it."
    )


def sample_scatter(context: frame.PageContext, chosen: dict[str, Any], count: int) -> None:
    """The samples that pass as points; a click on one makes it the sample.

    Args:
        chosen: the filters. count: so many pass.
    """
    study, usual = context.study, sample_filters.default_axes(context.study)
    x, y = widgets.row(
        replace(samples.ACROSS, default=usual[0]),
        replace(samples.UP, default=usual[1]),
        study=study,
        align="top",
    )
    if count > sample_filters.MAX_ENTANGLED and sample_filters.asks_entanglement(study, x, y):
        st.info(
            f"Entanglement takes time: shown for the first {sample_filters.MAX_ENTANGLED} of {count:,} samples. Filter "
            "to see others."
        )
    figure.drawn(
        sample_points.scatter(
            context.tweaked_sample(), context.theme, x=x, y=y, output=context.output_name, **chosen
        ),
        on_select=selections.choose_selected_sample,
    )


# Try your own: what a visitor draws, says or writes becomes a sample of this session, shown as the model sees it, with
# its decision and how far it lies from the training data, and opened like any other.
#
# What is given stays in the session, and in the file that ‘Save session’ writes; nobody else's session knows it.

COLOURS = [
    "white",
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "gray",
    "grey",
    "black",
]


def stored() -> tuple[own.Own, ...]:
    """The samples that this session has made, the latest last."""
    return tuple(state.get(reruns.OWN) or ())


def _open(sample: own.Own) -> None:
    """Keeps a sample for this session, of more than `own_sessions.MOST` the latest, and opens it."""
    others = [one for one in stored() if one.digest != sample.digest]
    state.put(reruns.OWN, (*others, sample)[-own_sessions.MOST :])
    state.put(samples.TRY.key, False)  # what is asked for stands below
    state.choose_sample(sample.id)


def _forget() -> None:
    state.put(reruns.OWN, ())
    state.page_again()


@frame.fragment
def try_own(context: frame.PageContext) -> None:
    """What can be given for this data set, and what the model makes of it."""
    dataset = context.study.dataset
    boxes = own.input_groups(dataset)
    given: dict[str, own.Given] = {}
    st.caption(
        "What you give is made into features the very way of the training data. It stays in this session and is gone "
        "with it, unless you save the session."
    )
    with st.container(key="own-boxes"):
        for cell, (first, names) in zip(st.columns(len(boxes)), boxes.items(), strict=True):
            with cell:
                piece = _ask(f"_own-{dataset.name}-{first}", dataset.makers[first], names)
            if piece is not None:
                given[first] = piece
    if given:
        with frame.guard():
            _shown(context, _made(dataset, given, _like(context)))
    if mine := [one for one in stored() if one.data == dataset.name]:
        with st.container(horizontal=True, vertical_alignment="center", key="own-stored"):
            st.caption("Of this session:", width="content")
            for one in mine:
                st.button(
                    one.id,
                    key=f"_open-{one.digest}",
                    type="tertiary",
                    on_click=state.choose_sample,
                    args=(one.id,),
                )
            st.button("Forget all", key="_forget_own", icon=":material/delete:", on_click=_forget)


def _made(dataset: DataSet, given: dict[str, own.Given], like: str) -> own.Own:
    """The sample of what was given; what was not made before waits for its turn."""
    before = own.find_made(dataset, given, like)
    if before is not None:
        return before
    with access.waiting("Reading what you gave …"):
        return own.make_sample(dataset, given, like)


def _like(context: frame.PageContext) -> str:
    """The sample of the set that gives what is not given: the open one, or what that was made like."""
    if not context.study.dataset.is_own(context.row):
        return context.sample
    return next(
        (one.like for one in stored() if one.id == context.sample), ""
    ) or pickers.default_sample(context.study)


def _ask(key: str, maker: Maker, names: tuple[str, ...]) -> own.Given | None:
    """Draws what a visitor gives one thing with; what was given last, if anything."""
    verbs = {"drawing": "Draw", "recording": "Say", "sentence": "Write", "clip": "Choose"}
    st.markdown(
        f"**{verbs[maker.kind]} {text.escape_markdown(maker.hint, 160)}**  \n"
        f":small[for {', '.join(map(text.escape_markdown, names))}]"
    )
    if maker.kind == "sentence":
        words = st.text_input("Your sentence", key=key, max_chars=own.LARGEST["sentence"] // 4)
        return own.Given("sentence", words.encode("utf-8", "replace")) if words else None
    made = _drawn(key, maker.hint) if maker.kind == "drawing" else None
    if _limits.is_read_only():
        st.caption("This server takes no files, and no recordings.")
        return made
    if maker.kind == "recording":
        sound: Any = st.audio_input("Record", sample_rate=16_000, key=key)
        made = None if sound is None else own.Given("recording", sound.getvalue())
        st.caption(
            "No microphone, or your browser refused it? Allow it for this page beside the address (it is asked for "
            "on https and on this machine only), or upload a sound file."
        )
    file = st.file_uploader(
        "Or upload a file" if maker.kind != "clip" else "Upload a clip",
        type=[ending.removeprefix(".") for ending in own.ENDINGS[maker.kind]],
        max_upload_size=own.LARGEST[maker.kind] // _limits.MIB,
        key=f"{key}-file",
        help="A file counts more than what is drawn or recorded; remove it to go back to that.",
    )
    return (
        made
        if file is None
        else own.Given(maker.kind, file.getvalue(), Path(file.name).suffix.lower()[:8])
    )


def _drawn(key: str, hint: str) -> own.Given | None:
    """What is on the canvas."""
    light = "light" in hint or "white ground" in hint
    named = [colour for colour in COLOURS if re.search(rf"\b{colour}\b", hint)]
    result = components.component("canvas")(
        key=components.component_key(key),
        data={
            "name": key,
            "label": f"Canvas: draw {hint}",
            "ground": "#f4f4f4" if light else "#000000",
            "colours": named or [COLOURS[-1] if light else COLOURS[0]],
            "width": 24,  # pixels of 280: as thick as MNIST's
        },
        on_drawing_change=lambda: None,
    )
    drawing = result.drawing
    return own.read_canvas(drawing) if drawing else None


def _shown(context: frame.PageContext, made: own.Own) -> None:
    """What the model was given, what it says, and the way to all else."""
    study = with_samples(context.explained_study.base_study, (made,))
    sample = build_sample(study, len(study.dataset), context.output_wanted)
    with st.container(key="own-answer", border=True):
        see, read = st.columns([1, 1.3])
        with see:
            st.caption("What the model is given")
            with st.container(horizontal=True):
                for name in study.modalities:
                    _input(context, made, name)
        with read:
            st.markdown(
                f"#### {text.escape_markdown(study.name)} decides: {answers.numbered(study, sample.scores)}"
            )
            st.markdown(f"{answers.decided(sample)}{_taken(made, study.modalities)}")
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    "Explain it",
                    type="primary",
                    icon=":material/troubleshoot:",
                    key="_explain_own",
                    on_click=_open,
                    args=(made,),
                    help=f"Opens it as sample {made.id}, on this page and all others.",
                )
                if context.sample == made.id:
                    frame.link("app.py", "Five questions about it", ":material/help:")
            # last, since all test samples are looked at the first time
            st.caption(describe_distance(training_distance.measure_distance(sample)))


def _input(context: frame.PageContext, made: own.Own, name: str) -> None:
    """What the model is given of a modality: a picture, a log-mel as one, words, else how many numbers."""
    modality = next(m for m in context.study.dataset.modalities if m.name == name)
    values, content = made.features[name], made.content.get(name)
    pixels, size = None, " × ".join(map(str, modality.shape or values.shape))
    if isinstance(content, Image):
        pixels = content.pixels
    elif modality.shape and len(modality.shape) == 2:
        levels = grey_levels(values.reshape(modality.shape), values.min(), values.max() + 1e-9)
        pixels = enlarge(np.flipud(levels), 112)  # the lowest band at the foot
    with st.container(width="content", key=f"own-input-{name}"):
        if pixels is not None:
            st.image(pixels, width=112, alt=f"What the model is given for {name}, {size} numbers")
        if content is not None and not isinstance(content, Image):
            sample_content.raw_content(name, content, 180, in_box=True)
        form = " (log-mel)" if isinstance(content, Audio) and modality.shape else ""
        st.caption(f"{text.escape_markdown(name)}: {size}{form}")


def _taken(made: own.Own, modalities: tuple[str, ...]) -> str:
    """Which modalities of the model are not the visitor's."""
    rest = [text.escape_markdown(name) for name in modalities if name in made.taken]
    return (
        f" Not given: {', '.join(rest)}, taken from sample {text.escape_markdown(made.like)}."
        if rest
        else ""
    )


# Samples: find one, read it, and see which modality decided.


def page() -> None:
    """Draws the page."""
    context = frame.begin_model_page("Samples")
    sample, theme, ruled = (
        context.tweaked_sample(),
        context.theme,
        can(context.study.model, "rules"),
    )

    if samples.TRY.fits(context.study):
        widgets.folded(samples.TRY, lambda: try_own(context), ":material/draw:")
    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    with read, frame.guard():
        sample_content.sample_heading(context)
        sample_content.sample_content(context)
        over_seconds = st.container()  # after the decision: attributions take their time
        panels.show(sample, theme, "verdict", grows=False, first=1)
        panels.show(sample, theme, "waterfall", first=1)
        widgets.folded(raw.OPEN, lambda: what_made_it(context), ":material/search:")
    with over_seconds, frame.guard():
        options = timelines.STRIP["strip"].arguments(page_params.current())
        panels.show(
            sample,
            theme,
            "strip",
            below=lambda: sample_content.follow_strip(sample, f"main-{context.row}", **options),
        )
    with left, frame.guard():
        panels.show(sample, theme, "shapley", "people", "masses")
    with right, frame.guard():
        panels.show(sample, theme, "beliefs", "fused-entropies", "entropies")
        if not (ruled or can(context.study.model, "time")):
            st.caption(
                "This model has no entropies: nothing is entangled or evolves, so its states stay pure."
            )
    if ruled:
        with below, frame.guard(), widgets.fold(samples.TABLE, ":material/table_rows:"):
            table: pd.DataFrame = sample.reading.frame().reset_index()
            st.dataframe(
                table,
                hide_index=True,
                height="content",
                alt="One row an element: masses, rule, beliefs.",
                column_config={
                    c: st.column_config.NumberColumn(format="%.3f")
                    for c in table.select_dtypes("floating").columns
                },
            )
    with below, frame.guard():
        panels.lazy_panel("similar", partial(similar_samples, context), stays=True)
        panels.draw_lower_panels(theme, **context.scopes())
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read
    # meanwhile.
    with find, frame.guard(), st.container(border=True, key="box-find"):
        chosen = filters(context)
        rows = sample_filters.passing(
            context.explained_study.frame(context.output_wanted), **chosen
        )
        if len(rows):
            sample_table(context, rows)
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
                on_click=_clear,
            )
    context.prepare()


frame.run_page(__file__, __name__)
