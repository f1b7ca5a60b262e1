"""Panels and choices of the Cohorts page."""

from qfusion import plugin
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, performance
from qfusion.study.study import Study
from qfusion.views import cohort_contributions, cohort_errors, cohort_points, cohort_quality
from qfusion.views.cohort_errors import SLICES_BY
from qfusion.views.cohort_points import MEASURE, STRENGTH
from qfusion.views.pages import page_state, params
from qfusion.views.pages.panel import Opens, panels


def has_enough_samples(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether there are samples enough for a map."""
    return len(levels.rows) >= 3


def has_samples(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether there is a sample, and the truth is known."""
    return len(levels.rows) > 0 and levels.study.has_truth


def has_cohort_samples(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether the cohort has a sample."""
    return bool(levels.inside.any())


def has_cohort_truth(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether the cohort has a sample, and the truth is known."""
    return has_cohort_samples(levels) and levels.study.has_truth


def has_classes(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether the model chooses among classes, and the cohort has a sample with a known truth."""
    return bool(levels.study.classes) and has_cohort_truth(levels)


def is_regression(levels: performance.CohortComparison, **_: object) -> bool:
    """Return whether the model predicts a number and there is at least one sample with a known truth."""
    return not levels.study.classes and has_samples(levels)


def require_filter(study: Study, words: str, output: int | None = None) -> None:
    """Raise InvalidInput or NotFound if the text is not a filter of a study's samples or names something that the
    study lacks.
    """
    parts = cohort_filters.parse(words)
    cohort_filters.select_rows(parts, cohorts.cohort_table_with_maps(study, output, parts))


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
CONTROLS = (VIEW, FILTER)


def implied_view(view: page_state.PageState) -> str:
    """Return the part of the page that an address implies if it names none: the one whose choices it contains."""
    held = (name for name, own in VIEWS.items() if any(map(view.get, (one.key for one in own))))
    return view.get(VIEW.key) or next(held, VIEW.options()[0])


def is_tab_open(part: str) -> Opens:
    """Return the condition that a part of the page is open."""
    return lambda view: implied_view(view) == part


_QUALITY = is_tab_open("Quality")
_ERRORS = is_tab_open("Errors")
PANELS = {
    **panels(cohort_points.sample_map, fits=has_enough_samples),
    **panels(
        cohort_contributions.cohort_shares,
        cohort_contributions.types,
        cohort_contributions.dividends,
        opens=is_tab_open("Contributions"),
    ),
    **panels(
        cohort_points.entanglement,
        fits=lambda levels, **_: bool(performance.measure_titles(levels.study)),
        opens=is_tab_open("Entanglement"),
    ),
    **panels(cohort_errors.slices, fits=has_samples, opens=_ERRORS),
    **panels(cohort_errors.worst, fits=has_cohort_truth, opens=_ERRORS),
    **panels(cohort_errors.wrong, fits=has_samples, opens=_ERRORS),
    **panels(
        cohort_quality.confusions,
        cohort_quality.calibration,
        cohort_quality.curves,
        fits=has_classes,
        opens=_QUALITY,
    ),
    **panels(cohort_quality.residuals, fits=is_regression, opens=_QUALITY),
}
