"""Which terms of a generator built which contribution to a decision."""

from typing import Annotated

import pandas as pd
import plotly.graph_objects as go

from qfusion._sentences import share
from qfusion.explain.path_attribution import Course, CourseSummary, PathAttribution, summarise
from qfusion.figures import generator_attribution, term_effects
from qfusion.study import physics_terms, text
from qfusion.study.sample import Sample
from qfusion.views.decision import cursor_time
from qfusion.views.pages.choices import TIMED, Cursor
from qfusion.views.pages.params import SelectParam
from qfusion.views.sensitivity import cohort_words
from qfusion.views.view import View
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.rules import cite_sample

BASELINE = "baseline"

BUILT_OVER = SelectParam(
    "builtof",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    physics_terms.cohorts,
    fits=TIMED,
)
Over = Annotated[str, BUILT_OVER]

BUILT_PART = SelectParam(
    "built",
    "Contribution",
    "The contribution with the largest change is shown.",
    values=lambda study: (BASELINE, *study.terms),
    fits=TIMED,
)


def path_attribution(sample: Sample, over: str = physics_terms.THIS) -> PathAttribution:
    """Return the contribution of each coupling and dissipation, averaged over a cohort of
    `study.physics_terms.cohorts`.
    """
    study = sample.study
    return physics_terms.generator_attribution(
        study,
        physics_terms.cohort_rows(study, sample.row, over, lambda: study.frame(sample.output)),
        sample.output,
        sample.tweak,
    )


def attribution_matrix(sample: Sample, *, over: Over = physics_terms.THIS) -> View:
    """The contribution of every coupling and dissipation to every dividend; the choices are those of
    `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, _ = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built",
        result,
        over,
        generator_attribution.attribution_matrix(
            result.dividends,
            titles,
            result.parts,
            result.start,
            result.end,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        built_table(result, sample.quantity),
        shows="the amount that each coupling (H) and each dissipation term adds to each contribution. A row begins "
        "at the contribution without evolution, and its numbers sum to the explained contribution.",
        limits="Does not show the predictions of a model trained without a coupling, nor the effect of removing a "
        "coupling from this model: two couplings that depend on each other share their effect.",
    )


def attribution_over_time(
    sample: Sample,
    *,
    over: Over = physics_terms.THIS,
    part: Annotated[str, BUILT_PART] = "",
    t: Cursor = 1.0,
) -> View:
    """One contribution over time, split by the terms that built it.

    Args:
        sample: a sample of a model with time.
        over: this sample or the mean over several, of `study.physics_terms.cohorts`.
        part: "baseline" or a contribution, such as "text+audio"; by default the joint one that the dynamics changed
            most.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    result = path_attribution(sample, over)
    dividend = "" if part == BASELINE else part or result.largest_changed_dividend()
    s = result.row(dividend)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built-over-time",
        result,
        over,
        term_effects.attribution_areas(
            result.times,
            result.over_time[:, s],
            titles,
            hues,
            dividend,
            start=float(result.start[s]),
            cursor=cursor_time(sample, t),
            unit=sample.unit,
        ),
        result.dividend_frame(dividend),
        shows="one contribution through the evolution, split into the parts that each coupling (H) and dissipation "
        "has added (above the dotted start) and removed (below) so far; the line is their sum.",
        limits="Does not show the other contributions, to which the same couplings may have moved the missing part.",
    )


def attribution_flow(sample: Sample, *, over: Over = physics_terms.THIS) -> View:
    """The flow from modalities through the terms that act on them to the decision; the choices are those of
    `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built-flow",
        result,
        over,
        generator_attribution.attribution_flow(
            result.dividends,
            titles,
            hues,
            result.acts,
            result.parts,
            result.start,
            result.end,
            result.modalities,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        built_flow_table(result, sample.quantity),
        shows="the flow from modalities through the terms that act on them to the contributions and their sum; the "
        "width of a band is its size. The bands of a coupling are shared evenly among the modalities that it "
        "acts on.",
        limits="Does not show how much a modality contributes to a coupling: only the effect of the coupling is "
        "measured. Bands thinner than half a percent of all are left out.",
    )


def built_table(built: PathAttribution, quantity: str = "score") -> pd.DataFrame:
    """Return one row per `dividend` and one for their sum: `start`, the contribution of each term, and `end`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    table = built.frame()
    return pd.concat(
        [
            table,
            pd.DataFrame([{"dividend": quantity} | table.drop(columns="dividend").sum().to_dict()]),
        ],
        ignore_index=True,
    )


def built_flow_table(built: PathAttribution, quantity: str = "score") -> pd.DataFrame:
    """Return one row a band of the flow diagram behind the modalities: `from`, `to`, `value`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    names = [name or "baseline" for name in built.dividends]
    return pd.DataFrame(
        [
            *zip(["without evolution"] * len(names), names, built.start, strict=True),
            *(
                (parameter.key, name, built.parts[s, g])
                for g, parameter in enumerate(built.terms)
                for s, name in enumerate(names)
            ),
            *zip(names, [quantity] * len(names), built.end, strict=True),
        ],
        columns=["from", "to", "value"],
    )


def _make_view(
    sample: Sample,
    name: str,
    result: PathAttribution,
    over: str,
    figure: go.Figure,
    table: pd.DataFrame,
    *,
    shows: str,
    limits: str,
) -> View:
    title = text.escape_markdown(describe_building(result))
    if over == physics_terms.THIS:
        samples = cite_sample(sample)
    else:
        samples = f" Mean over {cohort_words(sample, over, result.count, result.count)}."
    parts = [
        f"{term or BASELINE} from {result.start[s]:+.2f} to {result.end[s]:+.2f}"
        for s, term in enumerate(result.dividends)
    ]
    return View(
        figure,
        title,
        caption=f"{shows}{samples} {describe_comparison(sample.study.background)} Aumann–Shapley "
        f"values, which are additive to {result.error:.0e}.",
        limits=limits,
        table=table,
        alternative=f"{title}. {'; '.join(parts)}",
        heading="Contributions by coupling",
        name=name,
    )


# Effect of the dynamics on the contributions.
COURSE_TITLES: dict[Course, str] = {
    Course.NO_TERMS: "No evolution: contributions do not change",
    Course.UNCHANGED: "The dynamics do not change the {quantity}",
    Course.CHANGED: "The dynamics take the {quantity} from {start:.2f} to {end:.2f}: {terms}",
}
JOINT, OWN = "joint contributions", "contribution"
LARGEST_TERM = "{share} of the change by {term}"
SECOND_TERM = "{share} by {term}"
MAX_TERMS = 2  # that a title names
LEAST_SHARE = 0.01  # of a second term that is named


def describe_building(result: PathAttribution) -> str:
    """Return which terms of the dynamics changed the joint contributions most, as a title."""
    return describe_course(summarise(result))


def describe_course(summary: CourseSummary) -> str:
    """Return how the dynamics changed the contributions, as a title."""
    terms = [
        (SECOND_TERM if place else LARGEST_TERM).format(share=share(part), term=term)
        for place, (term, part) in enumerate(summary.shares.items())
        if place == 0 or (place < MAX_TERMS and part >= LEAST_SHARE)
    ]
    return COURSE_TITLES[summary.kind].format(
        quantity=JOINT if summary.joint else OWN,
        start=summary.start,
        end=summary.end,
        terms=", ".join(terms),
    )
