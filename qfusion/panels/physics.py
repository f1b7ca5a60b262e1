"""Which generator term built which contribution to a decision."""

from collections.abc import Callable

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
    style,
)
from qfusion.panels import panel, params
from qfusion.panels.dynamics_page import CURSOR, TIMED, VIEW
from qfusion.panels.term_sensitivity import cohort_words
from qfusion.views.decision import cursor_time
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


@panel.cached
def attribution_matrix(
    sample: Sample, theme: style.Theme = "light", *, over: str = physics_sensitivity.THIS
) -> panel.PanelFigure:
    """Draw the contribution of every coupling and dissipation to every dividend; the arguments are those of
    `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, _ = generator_attribution.term_styles(result.terms, result.modalities)
    return _attribution_panel(
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
            theme=theme,
        ),
        lambda: result_tables.built_table(result, sample.quantity),
    )


def attribution_over_time(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    over: str = physics_sensitivity.THIS,
    part: str = "",
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw one contribution over time, split by the terms that built it.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        over: this sample or the mean over several, of `analysis.physics_sensitivity.cohorts`.
        part: "baseline" or a contribution, such as "text+audio"; by default the joint one that the dynamics changed
            most.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    result = path_attribution(sample, over)
    dividend = "" if part == BASELINE else part or result.largest_changed_dividend()
    s = result.row(dividend)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _attribution_panel(
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
            theme=theme,
        ),
        lambda: result.dividend_frame(dividend),
    )


@panel.cached
def attribution_flow(
    sample: Sample, theme: style.Theme = "light", *, over: str = physics_sensitivity.THIS
) -> panel.PanelFigure:
    """Draw the flow from modalities through the terms that act on them to the decision.

    Arguments as of `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _attribution_panel(
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
            theme=theme,
        ),
        lambda: result_tables.built_flow_table(result, sample.quantity),
    )


def _attribution_panel(
    sample: Sample,
    name: str,
    result: PathAttribution,
    over: str,
    drawn: go.Figure,
    table: Callable[[], pd.DataFrame],
) -> panel.PanelFigure:
    title = text.escape_markdown(describe_building(result))
    mean = f" Mean over {cohort_words(sample, over, result.count, result.count)}."
    message = "; ".join(
        f"{term or BASELINE} from {result.start[s]:+.2f} to {result.end[s]:+.2f}"
        for s, term in enumerate(result.dividends)
    )
    shows = (
        f"{CAPTIONS[name].shows}{cite_sample(sample) if over == physics_sensitivity.THIS else mean} "
        f"{describe_comparison(sample.study.background)} Aumann–Shapley values, which are additive to "
        f"{result.error:.0e}."
    )
    return panel.PanelFigure(
        name,
        title,
        drawn,
        called="Contributions by coupling",
        alt=f"{title}. {message}",
        not_shown=CAPTIONS[name].not_shown,
        table=table,
        shows=shows,
    )


BUILT_AS = params.SelectParam(
    "builtas",
    "Show as",
    "The matrix is shown.",
    values=("matrix", "over time", "flow"),
    look="segments",
    fits=TIMED,
)
BUILT_OVER = params.SelectParam(
    "builtof",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    physics_sensitivity.cohorts,
    fits=TIMED,
)
BUILT_PART = params.SelectParam(
    "built",
    "Contribution",
    "The contribution with the largest change is shown.",
    values=lambda study: (BASELINE, *study.terms),
    fits=TIMED,
)


_OVER = {"over": BUILT_OVER}
_DECISION = VIEW.is_one_of("Decision")
BUILT = {
    "built": panel.Panel(
        attribution_matrix,
        _OVER,
        fits=TIMED,
        opens=panel.all_open(_DECISION, BUILT_AS.is_one_of("matrix")),
    ),
    "built-over-time": panel.Panel(
        attribution_over_time,
        {**_OVER, "part": BUILT_PART, "t": CURSOR},
        fits=TIMED,
        opens=panel.all_open(_DECISION, BUILT_AS.is_one_of("over time")),
    ),
    "built-flow": panel.Panel(
        attribution_flow,
        _OVER,
        fits=TIMED,
        opens=panel.all_open(_DECISION, BUILT_AS.is_one_of("flow")),
    ),
}
