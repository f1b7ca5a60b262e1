"""Compare: two samples, two models, or a model before and after a tweak, side by side; several samples in columns."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import streamlit as st

from qfusion.analysis import (
    cohort_table,
    compare,
    model_differences,
    sample_examples,
    sample_similarity,
    text,
)
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data import Image, Text
from qfusion.errors import QFusionError
from qfusion.explain.cohort_filters import Cohort
from qfusion.figures.column_charts import MOST
from qfusion.models.abilities import can
from qfusion.panels import compare as builders, network, pickers, pins, sample_columns, tweak_limits
from qfusion.training import metrics
from qfusion.ui import (
    background_picker,
    frame,
    guidance,
    navigation,
    page_context,
    page_runs,
    panels,
    pinning,
    sample_box,
    sample_content,
    saved,
    selections,
    state,
    table_edits_field,
    tweak_choice,
    tweak_sliders,
    widgets,
)
from qfusion.wording import systems
from qfusion.wording.backgrounds import background_markdown
from qfusion.wording.samples import describe_softmax

MOST_OFFERED = 3  # other models that A can be set beside by a click


def forget_lost(_: Study) -> None:
    """Report a pin that cannot be looked up, and remove it."""
    if view := state.get(saved.PIN):
        try:
            pickers.resolve_pin(view)
        except QFusionError as error:
            state.notice(f"In the link, `{saved.PIN}`: {error} Nothing is pinned.")
            state.put(saved.PIN, None)


def nothing_pinned(context: page_context.PageContext) -> None:
    """How to get an A."""
    study = context.study
    st.info(
        "Nothing is pinned. Press **Pin** on top, or start here:"
        if not guidance.full()
        else "Nothing is pinned yet. Press **Pin** on top of any page to keep what you see as **A**; what you pick or "
        "tweak after that is **B**. Or start here:",
        icon=":material/push_pin:",
    )
    offered = {"learned": (context.sample, "as learned")} | {
        item.kind: (item.sample, f"a telling {sample_examples.EXAMPLE_NAMES[item.kind]}")
        for item in sample_examples.find_examples(study)
        if item.sample != context.sample
    }
    for column, (kind, (sample, words)) in zip(
        st.container(key="pair-pins").columns(len(offered), gap="small"),
        offered.items(),
        strict=True,
    ):
        with column, st.container(border=True, height="stretch", key=f"box-pin-{kind}"):
            row = study.dataset.row(sample)
            sample_content.sample_content(
                context,
                row,
                details=False,
                only=tuple(
                    [
                        name
                        for name, piece in study.dataset.content(row).items()
                        if isinstance(piece, Text | Image)
                    ]
                ),
            )
            st.button(
                f"A = {text.escape_markdown(sample)}, {words}",
                key=f"_pin_{kind}",
                icon=":material/push_pin:",
                on_click=state.put,
                args=(saved.PIN, pins.Pin(study.name, study.dataset.name, sample)),
            )
    others = (name for name in pickers.trained_models(study.dataset.name) if name != study.name)
    with st.container(horizontal=True, key="other-models"):
        for name in islice(others, MOST_OFFERED):
            st.button(
                f"A = {text.escape_markdown(study.name)}, B = {text.escape_markdown(name)}, of "
                f"{text.escape_markdown(context.sample)}",
                key=f"_beside_{name}",
                icon=":material/compare:",
                on_click=_set_against,
                args=(pinning.view_of(study, context.row), name),
            )


def _set_against(view: pins.Pin, model: str) -> None:
    state.put(saved.PIN, view)
    state.put(pickers.MODEL.key, model)


def what_is_compared(context: page_context.PageContext, view: pins.Pin) -> None:
    """Draw what A and B are, with buttons to swap and to clear."""
    now = replace(pinning.view_of(context.study, context.row), tweak="")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**A** {pinning.pin_in_words(view)}  \n**B** {pinning.pin_in_words(now)} (current selection)"
        )
        st.button(
            "Swap",
            icon=":material/swap_horiz:",
            key="_swap",
            on_click=page_runs.run_or_notice,
            args=(_swap, context.study, context.row, view),
            help="B becomes what is pinned; the bar on top shows what was A.",
        )
        st.button(
            "Clear",
            icon=":material/close:",
            key="_clear_pin",
            on_click=state.put,
            args=(saved.PIN, None),
        )


def _swap(study: Study, row: int, view: pins.Pin) -> None:
    state.put(saved.PIN, pinning.view_of(study, row))
    state.put(pickers.MODEL.key, view.model)
    state.put(pickers.DATA.key, view.data)
    state.choose_sample(view.sample)
    other: Any = pickers.resolve_pin(view)[0]
    if can(other.model, "time"):
        tweak_sliders.set_sliders(other.model, tweak_limits.parse_tweak(other, view.tweak))
    else:
        state.put(network.EDITS.key, view.tweak)


def contents(context: page_context.PageContext, one: Sample) -> None:
    """The raw content of A, `one`, and of B, once where they are the same."""
    if (one.dataset.digest, one.row) == (context.study.dataset.digest, context.row):
        st.caption("A and B are the same sample.")
        sample_content.sample_content(context)
    else:
        a, b = st.columns(2, gap="medium")
        with a:
            st.markdown(f"**A** {text.escape_markdown(one.id)}")
            sample_content.sample_content(
                page_context.PageContext(one.study, one.row, context.theme)
            )
        with b:
            st.markdown(f"**B** {text.escape_markdown(context.sample)}")
            # its curves are told apart by the row
            sample_content.sample_content(context, details=one.row != context.row)


def strips(context: page_context.PageContext, sides: compare.Sides) -> None:
    """The axis of time of A and of B, where they have one, with their playheads."""
    rows = {letter: side.row for letter, side in sides.labelled.items()}
    twice = rows["A"] == rows["B"] and sides.a.dataset.digest != sides.b.dataset.digest
    cards = {"A": "main", "B": "card" if twice else "main"}  # as `contents` calls them
    for column, (letter, side) in zip(st.columns(2), sides.labelled.items(), strict=True):
        name, content = f"strip-{letter}", f"{cards[letter]}-{rows[letter]}"
        with column, page_runs.guard():
            panels.show(
                sides,
                context.theme,
                name,
                below=partial(sample_content.follow_strip, side, content, name),
            )


def tweak_of_b(context: page_context.PageContext) -> str:
    """Draw B's parameters, the same as on the Dynamics and Circuit pages, and return the tweak."""
    study: Any = context.study
    if not can(study.model, "terms"):
        st.caption("B has nothing to tweak: no couplings, dissipation or fusion rules.")
        return ""
    title = "couplings, dissipation, duration" if can(study.model, "time") else "fusion rules"
    with widgets.fold(builders.TWEAK_B, ":material/tune:", f"Tweak B: {title}"):
        if can(study.model, "time"):
            presets = st.container()
            with st.container(key="pair-knobs"):
                tweak_sliders.draw_sliders(study)
            with presets:
                tweak_sliders.slider_presets(study)
        else:
            table_edits_field.draw_edits(study)
    return tweak_choice.current_tweak(study)


def numbers(sides: compare.Sides) -> None:
    """Truth, prediction and test metrics of both, and the differences."""
    a, b = both = (sides.a, sides.b)
    known = sides.same_target
    scores = [one.score for one in both]
    rows = [
        ("model", *(text.escape_markdown(one.study.name) for one in both), ""),
        ("sample", *(text.escape_markdown(one.id) for one in both), ""),
        ("tweak", *(text.escape_markdown(one.tweak, 80) or "as learned" for one in both), ""),
        ("truth", *(sample_content.truth(one.study, one.row, digits=3) for one in both), ""),
        ("prediction", *map(_prediction, both), ""),
        (
            text.escape_markdown(b.unit) if known else "explained output",
            *(f"{score:+.3f}" for score in scores),
            f"**{scores[1] - scores[0]:+.3f}**" if known else "not comparable",
        ),
        *_metrics(a, b),
    ]
    if a.study.background.name != b.study.background.name:
        st.caption(
            f"A is compared with {background_markdown(a.study.background)}, B with "
            f"{background_markdown(b.study.background)}: their terms differ for that reason too."
        )
    st.markdown(
        "\n".join(
            ["| | A | B | B − A |", "|---|---|---|---|"]
            + ["| " + " | ".join(row) + " |" for row in rows]
        )
    )
    of_a, of_b = (len(one.dataset.rows("test")) for one in both)
    tests = (
        f"all {of_a:,} test samples"
        if of_a == of_b
        else f"{of_a:,} test samples (A) and {of_b:,} (B)"
    )
    st.caption(f"Test metrics under the same tweak, over {tests}.")


def _metrics(a: Sample, b: Sample) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the test metrics. Each side has its own rows if their metrics follow different conventions."""
    seed = systems.seed_suffix(a.study) or systems.seed_suffix(b.study)
    alike = metrics.find_convention(a.metrics) == metrics.find_convention(b.metrics)
    for side in [a] if alike else [a, b]:
        for name in metrics.headlines(side.metrics):
            both = alike and name in b.metrics
            yield (
                f"test {metrics.labels(side.metrics)[name].short}{seed}",
                *(f"{s.metrics[name]:.3f}" if both or s is side else "–" for s in (a, b)),
                f"{b.metrics[name] - a.metrics[name]:+.3f}" if both else "",
            )


def _prediction(one: Sample) -> str:
    if not one.study.classes:
        return f"{float(one.scores[0]):+.3f}"
    best = int(one.scores.argmax())
    return (
        f"{text.escape_markdown(one.classes[best])} ({describe_softmax(one.probabilities[best])})"
    )


def waterfalls(context: page_context.PageContext, sides: compare.Sides) -> None:
    """Both decisions term by term on one scale, and the difference of every term."""
    comparable = model_differences.comparable(sides)
    panels.show(
        sides,
        context.theme,
        "waterfall-A",
        "waterfall-B",
        "differences",
        columns=3 if comparable else 2,
        first=3,
    )
    if not comparable:
        st.caption(
            "A and B do not explain the same output of the same modalities, so no differences are drawn."
        )


_FILLED = 4  # samples of a cohort, or with the nearest


@page_runs.fragment
def several_samples(context: page_context.PageContext) -> None:
    """The samples that are chosen, side by side."""
    study, sample = context.study, context.tweaked_sample()
    rows = sample_columns.chosen_rows(sample, _choose(context))
    for column, row in zip(
        st.container(key="pair-several").columns(len(rows), gap="small"), rows, strict=True
    ):
        name = str(study.dataset.ids[row])
        with column:
            navigation.link(
                "pages/samples.py", text.escape_markdown(name), ":material/open_in_full:", open=name
            )
            sample_content.sample_content(context, row, details=False, key="several")
    panels.show(sample, context.theme, "several-decisions", "several-entropies", first=1)


def _choose(context: page_context.PageContext) -> list[str]:
    """Draw the picker of samples, with the buttons that fill it, and return the chosen samples."""
    dataset = context.study.dataset
    key = sample_columns.SAMPLES.key
    arguments = widgets.bind(sample_columns.SAMPLES, [])
    chosen = [str(name) for name in state.get(key) or [] if name]
    fitting = dataset.known_ids(chosen)[:MOST]
    if fitting != chosen and (state.get(key) or len(chosen) > MOST):
        state.put(key, fitting)  # of another data set, or too many
    few = [
        *fitting,
        context.sample,
        *map(str, dataset.ids[context.study.explained_rows[: sample_box.OFFERED // 2]]),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        samples = st.multiselect(
            sample_columns.SAMPLES.label,
            list(dict.fromkeys(few))
            if len(dataset) > sample_box.OFFERED
            else sample_box.offered(dataset),
            max_selections=MOST,
            label_visibility="collapsed",
            placeholder=f"{context.sample} and the nearest by contributions",
            **arguments,
        )
        st.button(
            "With the nearest",
            key="_several_near",
            icon=":material/near_me:",
            on_click=lambda: _set_beside(
                context,
                [
                    context.row,
                    *sample_similarity.nearest(context.tweaked_sample(), count=_FILLED).rows,
                ],
            ),
        )
        for k, cohort in enumerate(saved.saved_cohorts()):
            st.button(
                f"Worst of ‘{text.escape_markdown(cohort.name)}’",
                key=f"_several_{k}",
                on_click=page_runs.run_or_notice,
                args=(_worst, context, cohort),
            )
    return list(samples)


def _worst(context: page_context.PageContext, cohort: Cohort) -> None:
    rows = cohort_table.members(context.study, cohort.parts)
    _set_beside(context, rows[context.study.errors[rows].argsort()[::-1][:_FILLED]])


def _set_beside(context: page_context.PageContext, rows: Iterable[int]) -> None:
    state.put(sample_columns.SAMPLES.key, [str(context.study.dataset.ids[row]) for row in rows])


@page_runs.fragment
def decisions(context: page_context.PageContext, view: pins.Pin) -> None:
    """B's parameters and both decisions; a fragment, so that a parameter redraws this and nothing else."""
    with st.container(key="fold-decisions"):
        tweak = tweak_of_b(context)
        pickers.resolve_pin(view)
        sides = compare.compare_samples(
            context.tweaked_sample(context.study.model.parse_tweak(tweak)),
            view.model,
            view.sample,
            view.data,
            tweak=view.tweak,
            members=background_picker.cohort(context.study),
        )
        waterfalls(context, sides)
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            numbers(sides)
            panels.show(sides, context.theme, "compare-classes")
            contents(context, sides.a)
        with right:
            panels.show(sides, context.theme, "shares", "entropies")
            if not builders.have_entropies(sides):
                st.caption(
                    "Entropies are of states that evolve or are fused: A and B do not both have such."
                )
        panels.show(
            sides,
            context.theme,
            "disagreements",
            on_select=lambda key: selections.open_selected(
                key, context.study.dataset.ids[model_differences.apart(sides).rows]
            ),
        )
        strips(context, sides)
        panels.draw_lower_panels(context.theme, **context.scopes(tweak), sides=sides)


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Compare", forget_lost)
    with page_runs.guard(), st.container(key="fold-compare"):
        pinned = state.get(saved.PIN)
        if widgets.draw(builders.VIEW) == builders.SEVERAL:
            several_samples(context)
        elif pinned is None:
            nothing_pinned(context)
        else:
            what_is_compared(context, pinned)
            decisions(context, pinned)


page_runs.run_page(__file__, __name__)
