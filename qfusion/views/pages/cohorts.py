"""Panels and choices of the Cohorts page."""

from qfusion import plugin
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, maps, mistakes, performance
from qfusion.study.study import Study
from qfusion.views import cohort_contributions, cohort_errors, cohort_points, cohort_quality
from qfusion.views.pages import page_state, panel, params
from qfusion.views.pages.panel import drawn


def has_enough_samples(levels: performance.Levels, **_: object) -> bool:
    """Return whether there are samples enough for a map."""
    return len(levels.rows) >= 3


def has_samples(levels: performance.Levels, **_: object) -> bool:
    """Return whether there is a sample, and the truth is known."""
    return len(levels.rows) > 0 and levels.study.has_truth


def has_cohort_samples(levels: performance.Levels, **_: object) -> bool:
    """Return whether the cohort has a sample."""
    return bool(levels.inside.any())


def has_cohort_truth(levels: performance.Levels, **_: object) -> bool:
    """Return whether the cohort has a sample, and the truth is known."""
    return has_cohort_samples(levels) and levels.study.has_truth


def has_classes(levels: performance.Levels, **_: object) -> bool:
    """Return whether the model chooses among classes, and the cohort has a sample with a known truth."""
    return bool(levels.study.classes) and has_cohort_truth(levels)


def is_regression(levels: performance.Levels, **_: object) -> bool:
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
BY = params.SelectParam(
    "by",
    "Grouped by",
    "Samples are not grouped.",
    "Each quarter contains a quarter of the split's samples.",
    lambda study: cohorts.groupings(study, cohorts.cohort_table(study, None)),
    style={"width": 340},
)
MEASURE = params.SelectParam(
    "measure",
    "x axis: entanglement or mixing",
    "The entropy is shown.",
    values=performance.measure_titles,
)
STRENGTH = params.SelectParam(
    "strength",
    "y axis: interaction strength",
    "The sum is shown.",
    "The sum of the sizes of a sample's joint terms, or their share of the decision.",
    cohorts.STRENGTHS,
)
SLICES_BY = params.SelectParam(
    "slice",
    "Slices by",
    "The first grouping is shown.",
    values=lambda study: mistakes.slice_kinds(study, cohorts.cohort_table(study, None)),
    style={"width": 260},
)
MAP_OF = params.SelectParam(
    "map",
    "Map of",
    "The first are shown.",
    values=lambda study: maps.coordinate_kinds(study).values(),
    meanings=maps.KEYS,
    style={"width": 190},
)
MAP_METHOD = params.SelectParam(
    "map.method",
    "Method",
    "Principal components are shown.",
    values=maps.METHODS,
    look="segments",
)
MAP_COLOUR = params.SelectParam(
    "map.colour",
    "Colour",
    "The first column is shown.",
    values=lambda study: cohort_points.colour_choices(study, cohorts.cohort_table(study, None)),
    style={"width": 190},
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
CONTROLS = (
    VIEW,
    FILTER,
    BY,
    MEASURE,
    STRENGTH,
    panel.EVERYONE,
    SLICES_BY,
    MAP_OF,
    MAP_METHOD,
    MAP_COLOUR,
)


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
    "sample-map": panel.Panel(
        drawn(cohort_points.sample_map),
        {"of": MAP_OF, "method": MAP_METHOD, "colour": MAP_COLOUR, "everyone": panel.EVERYONE},
        fits=has_enough_samples,
        scope="levels",
    ),
    "cohort-shares": panel.Panel(
        drawn(cohort_contributions.cohort_shares), opens=_CONTRIBUTIONS, scope="levels"
    ),
    "types": panel.Panel(drawn(cohort_contributions.types), opens=_CONTRIBUTIONS, scope="levels"),
    "dividends": panel.Panel(
        drawn(cohort_contributions.dividends), {"by": BY}, opens=_CONTRIBUTIONS, scope="levels"
    ),
    "entanglement": panel.Panel(
        drawn(cohort_points.entanglement),
        {"measure": MEASURE, "strength": STRENGTH, "everyone": panel.EVERYONE},
        fits=lambda levels, **_: bool(performance.measure_titles(levels.study)),
        opens=_ENTANGLEMENT,
        scope="levels",
    ),
    "slices": panel.Panel(
        drawn(cohort_errors.slices),
        {"by": SLICES_BY},
        fits=has_samples,
        opens=_ERRORS,
        scope="levels",
    ),
    "worst": panel.Panel(
        drawn(cohort_errors.worst), fits=has_cohort_truth, opens=_ERRORS, scope="levels"
    ),
    "wrong": panel.Panel(
        drawn(cohort_errors.wrong), fits=has_samples, opens=_ERRORS, scope="levels"
    ),
    "confusions": panel.Panel(
        drawn(cohort_quality.confusions), fits=has_classes, opens=_QUALITY, scope="levels"
    ),
    "calibration": panel.Panel(
        drawn(cohort_quality.calibration), fits=has_classes, opens=_QUALITY, scope="levels"
    ),
    "curves": panel.Panel(
        drawn(cohort_quality.curves), fits=has_classes, opens=_QUALITY, scope="levels"
    ),
    "residuals": panel.Panel(
        drawn(cohort_quality.residuals), fits=is_regression, opens=_QUALITY, scope="levels"
    ),
}
