"""Panels and choices of the Cohorts page."""

from qfusion import plugin
from qfusion.analysis import cohort_groups, cohort_measures, cohort_table
from qfusion.analysis.study import Study
from qfusion.explain import cohort_filters
from qfusion.panels import page_state, panel, params
from qfusion.panels.cohort_contributions import dividends, relations, shares
from qfusion.panels.cohort_correlations import entanglement
from qfusion.panels.cohort_quality import (
    calibration,
    confusions,
    curves,
    has_classes,
    is_regression,
    residuals,
)
from qfusion.panels.wrong_samples import (
    SLICES_BY,
    has_cohort_truth,
    has_samples,
    largest_errors,
    misleading_terms,
    slice_errors,
)


def require_filter(study: Study, words: str, output: int | None = None) -> None:
    """Raise InvalidInput or NotFound if the text is not a filter of a study's samples or names something that the
    study lacks.
    """
    parts = cohort_filters.parse(words)
    cohort_filters.select_rows(parts, cohort_table.cohort_table_with_maps(study, output, parts))


FILTER = params.TextParam(
    "filter",
    "Filter of the cohort",
    "All test samples are shown.",
    "Conditions separated by `;`, all of which must hold: `column=value`, `!=`, `<`, `<=`, `>`, "
    "`>=`, or `column~word` for a contained word; several values as `truth=3|5`. The default is "
    "the test split; `split=all` selects every split.",
    most=cohort_filters.MAX_TEXT,
    test=require_filter,
    style={"placeholder": "such as relation=conflict; error>1; split=test"},
)
BY = params.SelectParam(
    "by",
    "Grouped by",
    "Samples are not grouped.",
    "Each quarter contains a quarter of the split's samples.",
    lambda study: cohort_groups.groupings(study, cohort_table.cohort_table(study, None)),
    style={"width": 340},
)
MEASURE = params.SelectParam(
    "measure",
    "x axis: entanglement or mixing",
    "The entropy is shown.",
    values=cohort_measures.measure_titles,
)
STRENGTH = params.SelectParam(
    "strength",
    "y axis: interaction strength",
    "The sum is shown.",
    "The sum of the sizes of a sample's joint terms, or their share of the decision.",
    cohort_table.STRENGTHS,
)
# the parts of the page, with choices of theirs: links of when all stood below each other name no part
VIEWS = {
    "Contributions": (),  # by default
    "Errors": (SLICES_BY,),
    "Quality": (),
    "Entanglement": (MEASURE, STRENGTH),
}
VIEW = params.SelectParam(
    "cohorts.view",
    "View",
    "Contributions are shown.",
    values=(*VIEWS, *plugin.tab_names("cohorts")),
    look="tabs",
)
CONTROLS = (VIEW, FILTER, BY, MEASURE, STRENGTH, panel.EVERYONE, SLICES_BY)


def implied_view(view: page_state.PageState) -> str:
    """Return the part of the page that an address implies if it names none: the one whose choices it contains."""
    held = (name for name, own in VIEWS.items() if any(map(view.get, (one.key for one in own))))
    return view.get(VIEW.key) or next(held, VIEW.options()[0])


def _is_view_open(part: str) -> panel.Opens:
    return lambda view: implied_view(view) == part


_CONTRIBUTIONS = _is_view_open("Contributions")
_ENTANGLEMENT = _is_view_open("Entanglement")
_ERRORS = _is_view_open("Errors")
_QUALITY = _is_view_open("Quality")
PANELS = {
    "cohort-shares": panel.Panel(shares, opens=_CONTRIBUTIONS, scope="levels"),
    "types": panel.Panel(relations, opens=_CONTRIBUTIONS, scope="levels"),
    "dividends": panel.Panel(dividends, {"by": BY}, opens=_CONTRIBUTIONS, scope="levels"),
    "entanglement": panel.Panel(
        entanglement,
        {"measure": MEASURE, "strength": STRENGTH, "everyone": panel.EVERYONE},
        fits=lambda levels, **_: bool(cohort_measures.measure_titles(levels.study)),
        opens=_ENTANGLEMENT,
        scope="levels",
    ),
    "slices": panel.Panel(
        slice_errors,
        {"by": SLICES_BY},
        fits=has_samples,
        opens=_ERRORS,
        scope="levels",
    ),
    "worst": panel.Panel(largest_errors, fits=has_cohort_truth, opens=_ERRORS, scope="levels"),
    "wrong": panel.Panel(misleading_terms, fits=has_samples, opens=_ERRORS, scope="levels"),
    "confusions": panel.Panel(confusions, fits=has_classes, opens=_QUALITY, scope="levels"),
    "calibration": panel.Panel(calibration, fits=has_classes, opens=_QUALITY, scope="levels"),
    "curves": panel.Panel(curves, fits=has_classes, opens=_QUALITY, scope="levels"),
    "residuals": panel.Panel(residuals, fits=is_regression, opens=_QUALITY, scope="levels"),
}
