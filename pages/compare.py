"""Compare: two samples, two models, or a model before and after a tweak, side by side; several samples in columns."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import streamlit as st

from qfusion import plugin
from qfusion._sentences import true_minus
from qfusion.app import (
    frame,
    links,
    navigation,
    page_runs,
    panels,
    selections,
    state,
    tables,
    widgets,
)
from qfusion.app.models import tweaks
from qfusion.app.models.tweaks import format_change
from qfusion.app.page_context import PageContext
from qfusion.app.samples import boxes, contents
from qfusion.app.sharing import compared_views, forget_lost_pin, open_on_both_sides, suggest_pins
from qfusion.explain.cohort_filters import Cohort
from qfusion.figures.decision_pairs import MOST
from qfusion.models.protocols import Evolution, Physics
from qfusion.study import cohorts, compare, text
from qfusion.study.sample import Sample
from qfusion.training import metrics
from qfusion.views import several_decisions
from qfusion.views.pages import address, compare as builders, page_state
from qfusion.views.several_decisions import SAMPLES
from qfusion.views.words import systems
from qfusion.views.words.decisions import background_markdown
from qfusion.views.words.names import name_study
from qfusion.views.words.rules import describe_softmax, name_metric


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Compare", forget_lost_pin)
    with page_runs.show_errors(), st.container(key="fold-compare"):
        pinned = state.get(links.PIN)
        chosen, tabs = widgets.draw(builders.VIEW), plugin.tabs("compare")
        if chosen == builders.SEVERAL:
            several_samples(context)
        elif chosen in tabs:
            tabs[chosen](context, context.tweaked_sample())
        elif pinned is None:
            suggest_pins(context)
        else:
            compared_views(context, pinned)
            decisions(context, pinned)


@page_runs.fragment
def decisions(context: PageContext, view: page_state.Pin) -> None:
    """B's parameters and both decisions; a fragment, so that a parameter redraws this and nothing else."""
    with st.container(key="fold-decisions"):
        tweak = draw_tweak_of_b(context)
        address.resolve_pin(view)
        sides = compare.compare_samples(
            context.tweaked_sample(context.study.model.parse_tweak(tweak)),
            view.model,
            view.sample,
            view.data,
            tweak=view.tweak,
            members=boxes.cohort(context.study),
        )
        waterfalls(sides)
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            numbers_table(sides)
            panels.show(sides, "compare-classes")
            raw_contents(context, sides.a)
        with right:
            panels.show(sides, "shares", "entropies")
            if not builders.have_entropies(sides):
                st.caption(
                    "Entropies are not compared, since those of A and B are not of the same parts."
                )
        panels.show(
            sides,
            "disagreements",
            on_select=lambda key: open_on_both_sides(
                key, view, context.study.dataset.ids[compare.disagreement(sides).rows]
            ),
            below=lambda: selections.sample_strip(
                context.study.dataset, compare.disagreement(sides).rows
            ),
        )
        time_strips(sides)
        panels.draw_lower_panels(**context.scopes(tweak), sides=sides)


def raw_contents(context: PageContext, one: Sample) -> None:
    """The raw content of A, `one`, and of B, once where they are the same."""
    if (one.dataset.digest, one.row) == (context.study.dataset.digest, context.row):
        st.caption("A and B are the same sample.")
        contents.sample_content(context)
    else:
        with st.container(key="pair-contents"):  # beside each other in narrow windows too
            a, b = st.columns(2, gap="medium")
        with a:
            st.markdown(f"**A** {text.escape_markdown(one.id)}")
            contents.sample_content(PageContext(one.study, one.row))
        with b:
            st.markdown(f"**B** {text.escape_markdown(context.sample)}")
            # its curves are told apart by the row
            contents.sample_content(context, details=one.row != context.row)


def time_strips(sides: compare.Sides) -> None:
    """The axis of time of A and of B, where they have one, with their playheads."""
    rows = {letter: side.row for letter, side in sides.labelled.items()}
    twice = rows["A"] == rows["B"] and sides.a.dataset.digest != sides.b.dataset.digest
    cards = {"A": "main", "B": "card" if twice else "main"}  # as `raw_contents` calls them
    for column, (letter, side) in zip(st.columns(2), sides.labelled.items(), strict=True):
        name, content = f"strip-{letter}", f"{cards[letter]}-{rows[letter]}"
        with column, page_runs.show_errors():
            panels.show(sides, name, below=partial(contents.follow_strip, side, content, name))


def draw_tweak_of_b(context: PageContext) -> str:
    """Draw B's parameters, the same as on the Dynamics and Circuit pages, and return the tweak."""
    study: Any = context.study
    if not study.model.part(Physics):
        st.caption("B cannot be tweaked: it has no couplings, dissipation or fusion rules.")
        return ""
    title = "couplings, dissipation, duration" if study.model.part(Evolution) else "fusion rules"
    with widgets.fold(builders.TWEAK_B, ":material/tune:", f"Tweak B: {title}"):
        if study.model.part(Evolution):
            presets = st.container()
            with st.container(key="pair-knobs"):
                tweaks.draw_sliders(study)
            with presets:
                tweaks.slider_presets(study)
        else:
            tweaks.draw_edits(study)
    return tweaks.current_tweak(study)


def waterfalls(sides: compare.Sides) -> None:
    """Both decisions term by term on one scale, and the difference of every term."""
    comparable = compare.comparable(sides)
    panels.show(
        sides, "waterfall-A", "waterfall-B", "differences", columns=3 if comparable else 2, first=3
    )
    if not comparable:
        st.caption("A and B explain different outputs or modalities, so no differences are shown.")


def numbers_table(sides: compare.Sides) -> None:
    """Truth, prediction and test metrics of both, and the differences."""
    a, b = both = (sides.a, sides.b)
    names = [text.escape_markdown(name_study(side.study).in_line) for side in both]
    samples = [text.escape_markdown(side.id) for side in both]
    tweaks = [
        text.escape_markdown(side.tweak, 80) or "as learned" if side.study.reads_features else "–"
        for side in both
    ]
    truths = [contents.truth(side.study, side.row, digits=3) for side in both]
    predictions = [_prediction(side) for side in both]
    scores = [true_minus(f"{side.score:+.3f}") for side in both]
    if sides.same_target:
        output = text.escape_markdown(b.unit)
        difference = true_minus(f"**{b.score - a.score:+.3f}**")
    else:
        output = "explained output"
        difference = "not comparable"
    rows = [
        ("model", *names, ""),
        ("sample", *samples, ""),
        ("tweak", *tweaks, ""),
        ("truth", *truths, ""),
        ("prediction", *predictions, ""),
        (output, *scores, difference),
        *_metrics(a, b),
    ]
    if a.study.background.name != b.study.background.name:
        st.caption(
            f"The background of A is {background_markdown(a.study.background)}, that of B is "
            f"{background_markdown(b.study.background)}. Their terms differ also for this reason."
        )
    st.markdown(tables.markdown(["", "A", "B", "B − A"], rows))
    of_a, of_b = (len(one.dataset.rows("test")) for one in both)
    tests = (
        f"all {of_a:,} test samples"
        if of_a == of_b
        else f"{of_a:,} test samples (A) and {of_b:,} (B)"
    )
    if a.metrics or b.metrics:
        st.caption(f"Test metrics under the same tweak, over {tests}.")


def _metrics(a: Sample, b: Sample) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the test metrics. Each side has its own rows if their metrics follow different conventions."""
    seed = systems.seed_suffix(a.study) or systems.seed_suffix(b.study)
    alike = metrics.find_convention(a.metrics) == metrics.find_convention(b.metrics)
    for side in [a] if alike else [a, b]:
        for name in metrics.headlines(side.metrics):
            both = alike and name in b.metrics
            yield (
                f"test {name_metric(name)}{seed}",
                *(f"{s.metrics[name]:.3f}" if both or s is side else "–" for s in (a, b)),
                format_change(b.metrics[name] - a.metrics[name]) if both else "",
            )


def _prediction(one: Sample) -> str:
    if not one.study.classes:
        return true_minus(f"{float(one.scores[0]):+.3f}")
    best = int(one.scores.argmax())
    return (
        f"{text.escape_markdown(one.classes[best])} ({describe_softmax(one.probabilities[best])})"
    )


_FILLED = 4  # samples of a cohort, or with the nearest


@page_runs.fragment
def several_samples(context: PageContext) -> None:
    """The samples that are chosen, side by side."""
    study, sample = context.study, context.tweaked_sample()
    rows = several_decisions.chosen_rows(sample, _choose(context))
    for column, row in zip(
        st.container(key="pair-several").columns(len(rows), gap="small"), rows, strict=True
    ):
        name = str(study.dataset.ids[row])
        with column:
            navigation.link(
                "pages/samples.py", text.escape_markdown(name), ":material/open_in_full:", open=name
            )
            contents.sample_content(context, row, details=False, key="several")
    panels.show(sample, "several-decisions", "several-entropies", first=1)


def _choose(context: PageContext) -> list[str]:
    """Draw the picker of samples, with the buttons that fill it, and return the chosen samples."""
    dataset = context.study.dataset
    key = SAMPLES.key
    arguments = widgets.bind(SAMPLES, [])
    chosen = [str(name) for name in state.get(key) or [] if name]
    fitting = dataset.known_ids(chosen)[:MOST]
    if fitting != chosen and (state.get(key) or len(chosen) > MOST):
        state.put(key, fitting)  # of another data set, or too many
    few = [
        *fitting,
        context.sample,
        *map(str, dataset.ids[context.study.explained_rows[: boxes.OFFERED // 2]]),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        samples = st.multiselect(
            SAMPLES.label,
            list(dict.fromkeys(few)) if len(dataset) > boxes.OFFERED else boxes.listed_ids(dataset),
            max_selections=MOST,
            label_visibility="collapsed",
            placeholder=f"{context.sample} and the nearest by contributions",
            **arguments,
        )
        st.button(
            "With the nearest",
            key="_several_near",
            icon=":material/near_me:",
            on_click=lambda: _choose_rows(
                context,
                [
                    context.row,
                    *compare.nearest(context.tweaked_sample(), count=_FILLED).rows,
                ],
            ),
        )
        for k, cohort in enumerate(links.saved_cohorts()):
            st.button(
                f"Worst of ‘{text.escape_markdown(cohort.name)}’",
                key=f"_several_{k}",
                on_click=page_runs.run_or_notice,
                args=(_worst, context, cohort),
            )
    return list(samples)


def _worst(context: PageContext, cohort: Cohort) -> None:
    rows = cohorts.members(context.study, cohort.parts)
    _choose_rows(context, rows[context.study.errors[rows].argsort()[::-1][:_FILLED]])


def _choose_rows(context: PageContext, rows: Iterable[int]) -> None:
    state.put(SAMPLES.key, [str(context.study.dataset.ids[row]) for row in rows])


page_runs.run_page(__file__, __name__)
