"""Which generator term built which contribution to a decision."""

from typing import Annotated

import pandas as pd
import plotly.graph_objects as go

from qfusion.analysis import physics_sensitivity, text
from qfusion.analysis.sample import Sample
from qfusion.explain.path_attribution import PathAttribution
from qfusion.figures import (
    generator_attribution,
    generator_attribution_areas,
    generator_attribution_flow,
    result_tables,
)
from qfusion.views import Slider, View
from qfusion.views.decision import cursor_time
from qfusion.views.sensitivity import cohort_words
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.building import describe_building
from qfusion.wording.generator_figures import CAPTIONS
from qfusion.wording.samples import cite_sample

BASELINE = "baseline"


def path_attribution(sample: Sample, over: str = physics_sensitivity.THIS) -> PathAttribution:
    """Return the contribution of each coupling and dissipation, averaged over a cohort of
    `analysis.physics_sensitivity.cohorts`.
    """
    study = sample.study
    return physics_sensitivity.built(
        study,
        physics_sensitivity.cohort_rows(
            study, sample.row, over, lambda: study.frame(sample.output)
        ),
        sample.output,
        sample.tweak,
    )


def attribution_matrix(sample: Sample, *, over: str = physics_sensitivity.THIS) -> View:
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
        result_tables.built_table(result, sample.quantity),
    )


def attribution_over_time(
    sample: Sample,
    *,
    over: str = physics_sensitivity.THIS,
    part: str = "",
    t: Annotated[float, Slider(0.0, 1.0)] = 1.0,
) -> View:
    """One contribution over time, split by the terms that built it.

    Args:
        sample: a sample of a model with time.
        over: this sample or the mean over several, of `analysis.physics_sensitivity.cohorts`.
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
        generator_attribution_areas.attribution_areas(
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
    )


def attribution_flow(sample: Sample, *, over: str = physics_sensitivity.THIS) -> View:
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
        generator_attribution_flow.attribution_flow(
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
        result_tables.built_flow_table(result, sample.quantity),
    )


def _make_view(
    sample: Sample,
    name: str,
    result: PathAttribution,
    over: str,
    figure: go.Figure,
    table: pd.DataFrame,
) -> View:
    title = text.escape_markdown(describe_building(result))
    if over == physics_sensitivity.THIS:
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
        caption=f"{CAPTIONS[name].shows}{samples} {describe_comparison(sample.study.background)} Aumann–Shapley "
        f"values, which are additive to {result.error:.0e}.",
        limits=CAPTIONS[name].not_shown,
        table=table,
        alternative=f"{title}. {'; '.join(parts)}",
        heading="Contributions by coupling",
        name=name,
    )
