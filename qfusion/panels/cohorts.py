"""All samples, a cohort of them and one sample on the same axes."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import ZERO, sizes
from qfusion.analysis import (
    cohort_groups,
    cohort_measures,
    cohort_table,
    cut_measures,
    drawn_samples,
    errors,
    text,
)
from qfusion.analysis.study import Study, dividend_column, said_columns
from qfusion.explain import RELATIONS, cohorts as filters, cut_losses, stability, verdicts
from qfusion.figures import cohort_charts, generator_attribution, notebook, numbers, style
from qfusion.models.abilities import can
from qfusion.panels import page_state, panel, params
from qfusion.panels.cohort_quality import (
    calibration,
    confusions,
    curves,
    has_classes,
    is_regression,
    residuals,
)
from qfusion.panels.dynamics_page import can_cut
from qfusion.panels.wrong_samples import (
    SLICES_BY,
    has_cohort_samples,
    has_samples,
    largest_errors,
    misleading_terms,
    slice_errors,
)
from qfusion.training import metrics
from qfusion.wording import backgrounds
from qfusion.wording.cohorts import (
    WITH_SIZE,
    describe_correlation,
    describe_intervals,
    describe_level_intervals,
    name_all,
    name_all_with_size,
    name_cohort,
    name_cohort_with_size,
    name_split,
)
from qfusion.wording.cuts import describe_cuts
from qfusion.wording.evidence import INERT
from qfusion.wording.verdicts import RELATION_DEFINITIONS

# All samples, a cohort of them and one sample on the same axes.

MAX_TERMS = 8
RESAMPLES = 500  # of clusters, from which a standard error is taken
_CAUTION = {
    True: "a cause: both may follow from a third thing, such as how extreme a sample is. The entropy alone is "
    "not entanglement here: jumps mix states too; pick negativity for that.",
    False: "a cause: both may follow from a third thing, such as how clear a sample is. What convolution "
    "entangles later is not in it. " + INERT,
}


def shares(levels: errors.Levels, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the mean share of every modality in the sizes of the Shapley values."""
    names = levels.study.modalities
    column = cohort_table.share_column
    columns = {name: levels.rows[column(name)].to_numpy(dtype=float) for name in names}
    whole = errors.means(columns, clusters=levels.clusters())
    part = errors.means(
        {name: values[levels.inside] for name, values in columns.items()},
        clusters=levels.clusters(levels.inside),
    )
    title = describe_leader(
        {n: whole[n].value for n in names},
        {n: part[n].value for n in names},
        name_all(levels) if levels.parts else "",
    )
    figure = cohort_charts.share_bars(
        whole,
        part,
        {} if levels.own is None else {name: float(levels.own[column(name)]) for name in names},
        names,
        whole_name=name_all_with_size(levels),
        cohort_name=name_cohort_with_size(levels),
        theme=theme,
    )
    alt = (
        "Mean shares: "
        + ", ".join(
            f"{n} {part[n].value:.2f} in the cohort, {whole[n].value:.2f} in all" for n in names
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "modality": n,
                    "level": level,
                    "value": result[n].value,
                    "low": result[n].low,
                    "high": result[n].high,
                    "n": result[n].n,
                    "resamples": result[n].resamples,
                }
                for n in names
                for level, result in (("all", whole), ("cohort", part))
            ]
        )

    return panel.PanelFigure(
        "cohort-shares",
        title,
        figure,
        shows=f"the mean part of each modality in Σ|Shapley value| (MM-SHAP); bars: "
        f"{describe_level_intervals(levels)}; "
        "diamond: the sample. " + _describe_background(levels),
        not_shown="whether the modality was right, or which of its joint terms it shares.",
        alt=alt,
        table=table,
    )


def describe_leader(whole: Mapping[str, float], part: Mapping[str, float], every: str = "") -> str:
    """Describe which modality leads on average, 10 points ahead of every other, or that none does.

    Args:
        whole, part: mean shares by modality, of all and of a cohort; not numbers where there are no samples.
        every: what all are called; empty where the cohort is all of them.
    """
    means = part if every else whole
    if any(np.isnan(value) for value in means.values()):
        return "No sample of this cohort"
    leader = verdicts.leader_of(means)
    if not leader:
        shares = ", ".join(
            f"{text.escape_markdown(name)} {mean:.0%}"
            for name, mean in sorted(means.items(), key=lambda item: -item[1])
        )
        return f"No modality leads{' in the cohort' if every else ' on average'}: {shares}"
    if not every:
        return f"{text.escape_markdown(leader)} leads with {whole[leader]:.0%} of the Shapley shares on average"
    return (
        f"{text.escape_markdown(leader)} leads in the cohort with {part[leader]:.0%} of the Shapley shares; in "
        f"{every} it "
        f"has {whole[leader]:.0%}"
    )


def relations(levels: errors.Levels, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw how the modalities relate: how many samples of each kind, and how well they are predicted."""
    kinds = list(RELATIONS)
    rows = levels.rows
    inside = levels.inside
    is_kind = {kind: (rows["relation"] == kind).to_numpy() for kind in kinds}
    size = rows["error"].to_numpy(dtype=float)
    result = {
        kind: [
            errors.means({"e": size[keep]}, clusters=levels.clusters(keep))["e"]
            for keep in (where, where & inside)
        ]
        for kind, where in is_kind.items()
    }
    whole, part = (
        [int((where & keep).sum()) for where in is_kind.values()] for keep in (True, inside)
    )
    title = _describe_worst_relation({kind: pair[0] for kind, pair in result.items()})
    figure = cohort_charts.relation_bars(
        kinds,
        whole,
        part,
        [(a, b) for a, b in result.values()],
        chosen="" if levels.own is None else str(levels.own["relation"]),
        whole_name=name_all_with_size(levels),
        cohort_name=name_cohort_with_size(levels),
        theme=theme,
    )
    shows = (
        "how the modalities relate: "
        + "; ".join(
            f"{k}: {words[0].lower()}{words[1:-1]}" for k, words in RELATION_DEFINITIONS.items()
        )
        + f". Right: mean error ({text.escape_markdown(levels.study.unit_of_error)}) with "
        f"{describe_level_intervals(levels)}. Click "
        "a bar "
        f"to make it the cohort. {_describe_background(levels)}"
    )
    alt = "Types: " + ", ".join(f"{k} {n}" for k, n in zip(kinds, whole, strict=True)) + "."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "type": k,
                    "level": level,
                    "count": n[i],
                    "mean_error": result[k][j].value,
                    "low": result[k][j].low,
                    "high": result[k][j].high,
                }
                for i, k in enumerate(kinds)
                for j, (level, n) in enumerate((("all", whole), ("cohort", part)))
            ]
        )

    return panel.PanelFigure(
        "types",
        title,
        figure,
        shows=shows,
        not_shown="why they differ in error: a type may be harder for other reasons.",
        alt=alt,
        table=table,
    )


def dividends(
    levels: errors.Levels, theme: style.Theme = "light", *, by: str = cohort_groups.NOT_GROUPED
) -> panel.PanelFigure:
    """Draw the distribution of every dividend, of all and of the cohort.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: "nothing", or what the samples are grouped by, see `cohort_groups.groupings`.
    """
    study = levels.study
    rows = levels.rows
    inside = levels.inside
    terms = _drawn_terms(study.terms, rows)
    values = {term: rows[dividend_column(term)].to_numpy(dtype=float) for term in terms}
    if levels.own is None:
        own = {}
    else:
        own = {term: float(levels.own[dividend_column(term)]) for term in terms}
    unit = contribution_unit(levels)
    if by == cohort_groups.NOT_GROUPED:
        shape = "violins, the line inside is the mean"
        group = np.full(len(rows), "", dtype=object)
        drawn = cohort_charts.violins(
            values,
            {term: result[inside] for term, result in values.items()},
            own,
            study.modalities,
            unit=unit,
            whole_name=name_all_with_size(levels),
            cohort_name=name_cohort_with_size(levels),
            theme=theme,
        )
    else:
        shape = "boxes: quartiles, whiskers 5 % to 95 %"
        group, names = cohort_groups.groups(study, rows, by)
        if levels.sample.id in rows.index:
            at = str(group[rows.index.get_loc(levels.sample.id)])
        else:
            at = ""
        drawn = cohort_charts.boxes(
            values,
            inside,
            group,
            names,
            study.modalities,
            sample=(at, own) if at else None,
            by=by,
            unit=unit,
            whole_name=name_all_with_size(levels),
            cohort_name=name_cohort_with_size(levels),
            theme=theme,
        )
    rest = len(study.terms) - len(terms)
    shows = (
        f"every sample's exact contribution of each term, with its sign; {shape}; grey: all, coloured: "
        "the cohort, diamond: this "
        "sample. "
    ) + _describe_background(levels)
    if rest:
        shows += f" The {len(terms)} terms of largest mean size are drawn, {rest} are not."
    alt = (
        f"Contributions, {by}; medians of all: "
        + panel.list_terms(
            {term: float(np.median(result)) for term, result in values.items() if len(result)}
        )
        + "."
    )

    def table() -> pd.DataFrame:
        return (
            rows[[dividend_column(term) for term in terms]]
            .assign(in_cohort=inside, group=group)
            .reset_index()
        )

    return panel.PanelFigure(
        "dividends",
        _describe_spread(values, inside, levels.clusters()),
        drawn,
        shows=shows,
        not_shown="how the terms of one sample go together: see the sample's waterfall.",
        alt=alt,
        table=table,
    )


def entanglement(
    levels: errors.Levels,
    theme: style.Theme = "light",
    *,
    measure: str = "",
    strength: str = cohort_table.JOINT,
    everyone: bool = False,
) -> panel.PanelFigure:
    """Draw the honest test of "entanglement explains fusion": one measure against the interaction strength.

    Args:
        levels: all samples, a cohort, one sample; of a model that entangles.
        theme: of the figure.
        measure: of entanglement or mixing, see `cohort_measures.measure_titles`; the first unless told.
        strength: "joint", the sum of the sizes of the joint terms, or "joint_share", their part of all.
        everyone: measured on all samples where some are drawn unless told.
    """
    study = levels.study
    titles = cohort_measures.measure_titles(study)
    strengths = cohort_measures.strength_titles(study)
    measure = measure or next(iter(titles), "")
    result = errors.correlate_measures(levels, measure, strength, everyone)
    figure = cohort_charts.scatter(
        result.rows.index.tolist(),
        result.x,
        result.y,
        titles[measure],
        strengths[strength],
        cohort=result.inside,
        chosen=levels.sample.id,
        captions=next(
            (result.rows[column].astype(str).tolist() for column in said_columns(result.rows)),
            None,
        ),
        whole_name=f"others of {name_split(levels)}",
        cohort_name=WITH_SIZE.format(name=name_cohort(levels), count=int(result.inside.sum())),
        theme=theme,
    )
    shows = (
        f"one point a sample: {drawn_samples.drawn_words(len(result.rows), len(levels.rows))}; intervals: "
        f"{describe_intervals(study.dataset, result.rows)}. Click a point to open it. "
        f"{_describe_background(levels)}"
    )
    not_shown = (
        f"{_CAUTION[can(study.model, 'time')]} Of {len(titles) * len(strengths)} pairs of measures some are related "
        "by chance."
    )
    alt = f"{titles[measure]} against {strengths[strength]} for {len(result.rows)} samples."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "id": result.rows.index,
                "in_cohort": result.inside,
                measure: result.x,
                strength: result.y,
            }
        )

    return panel.PanelFigure(
        "entanglement",
        f"Does entanglement explain fusion? {describe_correlation(result.correlations['all'], measure, strength)}",
        figure,
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=table,
    )


def cut_test(
    levels: errors.Levels, theme: style.Theme = "light", *, everyone: bool = False
) -> panel.PanelFigure:
    """Draw how good the model is on the cohort without the correlations of a modality; only of models with time.

    Args:
        everyone: measured on all of the cohort where some are drawn unless told.
    """
    rows = cut_rows(levels, everyone)
    result = cut_measures.cuts_of_rows(levels.study, levels.places(rows))
    metric = next(iter(result.after))
    how = describe_intervals(levels.study.dataset, rows, cut_losses.RESAMPLES)
    figure = notebook.draw_cut_test(
        numbers.cut_table(result), levels.study.modalities, metric, theme=theme
    )
    shows = (
        f"{generator_attribution.SAYS['cut-test'][0]} "
        f"Here {describe_cut_scope(levels, everyone)}, the model as learned; {how}."
    )
    return panel.PanelFigure(
        "cut-test",
        f"Are the correlations needed? {text.escape_markdown(describe_cuts(result))}",
        figure,
        shows=shows,
        not_shown=generator_attribution.SAYS["cut-test"][1],
        alt=f"{metrics.describe[metric].short} of {len(rows):,} samples after a cut at each time.",
        table=lambda: numbers.cut_table(result),
    )


def cut_rows(levels: errors.Levels, everyone: bool = False) -> pd.DataFrame:
    """Return the samples of the cohort whose correlations are cut: those that can be evolved in some seconds, or
    everyone.
    """
    rows = levels.rows[levels.inside]
    return rows.iloc[
        drawn_samples.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
    ]


def describe_cut_scope(levels: errors.Levels, everyone: bool = False) -> str:
    """Describe which these are, as markdown."""
    some = len(cut_rows(levels, everyone))
    whole = int(levels.inside.sum())
    sentence = drawn_samples.drawn_words(some, whole)
    if levels.parts:
        sentence += f" of the {text.escape_markdown(name_cohort(levels))}"
    return sentence


def contribution_unit(levels: errors.Levels) -> str:
    """Return what the contributions of a cohort's samples are of."""
    if levels.study.classes and levels.output_wanted is None:
        return "log-odds of the class decided for (nats)"
    return levels.study.unit_of(levels.output_wanted or 0)


def _describe_background(levels: errors.Levels) -> str:
    return backgrounds.describe_comparison(levels.study.explanation_background)


def _describe_worst_relation(errors: dict[str, stability.Interval]) -> str:
    """Return which type is predicted worst, where the intervals tell it apart from the others."""
    known = {kind: entry for kind, entry in errors.items() if entry.known}
    if len(known) < 2:
        return "How do the modalities relate?"
    worst = max(known, key=lambda kind: known[kind].low)
    best = min(known, key=lambda kind: known[kind].high)
    means = f"mean error {known[worst].value:.2f} against {known[best].value:.2f}"
    if all(known[worst].low > entry.high for kind, entry in known.items() if kind != worst):
        return f"‘{worst}’ is predicted worst: {means} in ‘{best}’"
    if known[worst].low > known[best].high:
        return f"‘{worst}’ is predicted worse than ‘{best}’: {means}"
    return "No type is predicted clearly worse than another: the intervals overlap"


def _drawn_terms(every: tuple[str, ...], rows: pd.DataFrame) -> list[str]:
    """Return the terms that are drawn: all, or those of the largest mean size."""
    if len(every) <= MAX_TERMS:
        return list(every)
    means = rows[[dividend_column(term) for term in every]].abs().mean().fillna(0.0).to_numpy()
    return [every[i] for i in np.sort(np.argsort(-means, kind="stable")[:MAX_TERMS])]


def _describe_spread(
    values: Mapping[str, np.ndarray], part: np.ndarray, clusters: np.ndarray | None = None
) -> str:
    """Describe the term in which a cohort differs most from the rest, where one differs by more than two standard
    errors, allowing for the number of terms.

    Of everyone, which term varies most.

    Args:
        values: of each term, by coalition, (n,) each. part: who is in the cohort, bool (n,).
        clusters: numbers of what the samples share, (n, k); None where they are independent.
    """
    if not part.any():
        return "How are the terms of the decisions distributed?"
    if part.all():
        return panel.superlative(
            {term: float(result.std()) for term, result in values.items()},
            none="No term varies from sample to sample by as much as 0.01",
            one="{names} varies most from sample to sample (standard deviation {value:.2f})",
            some="{names} vary most, alike, from sample to sample (standard deviation {value:.2f})",
            name=text.term,
        )
    moved = {
        term: float(result[part].mean() - result[~part].mean()) for term, result in values.items()
    }
    far = float(ndtri(1 - (1 - stability.LEVEL) / 2 / len(values)))
    errors = _difference_errors(np.stack([*values.values()], 1), part, clusters)
    apart = {
        term: value
        for (term, value), error in zip(moved.items(), errors, strict=True)
        if abs(value) > max(far * error, ZERO)
    }
    places = max(2, math.ceil(-math.log10(max(sizes(apart).values(), default=1.0))))
    return panel.superlative(
        apart,
        places=places,
        by_size=True,
        none="The cohort does not differ from the rest in the mean of any term, beyond chance",
        one="The cohort differs most from the rest in {names}, on average",
        some="The cohort differs most, alike, from the rest in {names}, on average",
        name=lambda term: f"{text.term(term)} ({moved[term]:+.{places}f})",
    )


def _difference_errors(
    values: np.ndarray, part: np.ndarray, clusters: np.ndarray | None
) -> np.ndarray:
    """Return the standard errors (k,) of how far the means of values (n, k) lie apart in two groups.

    Infinite where a group is of one sample alone, or of one cluster.
    """
    shared = np.arange(len(part))[:, None] if clusters is None else clusters
    if any(len(np.unique(c[g])) < 2 for c in shared.T for g in (part, ~part)):
        return np.full(values.shape[1], math.inf)
    if clusters is None:
        return np.sqrt(sum(values[g].var(0, ddof=1) / g.sum() for g in (part, ~part)))
    with np.errstate(invalid="ignore"):  # of resamples without a group
        inside, outside = (
            np.concatenate(
                [
                    block[:, g] @ values[g] / block[:, g].sum(-1, keepdims=True)
                    for block in stability.counts(len(part), RESAMPLES, clusters=clusters)
                ]
            )
            for g in (part, ~part)
        )
    return np.asarray(np.nanstd(inside - outside, 0))


# When panels are shown, and what readers choose.

AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def cut_seconds(levels: errors.Levels) -> float:
    """Return how long the cuts of the cohort take, roughly."""
    return 8e-3 * len(cut_rows(levels)) * (math.prod(levels.study.model.dims) / 64) ** 2.5


def can_afford_cuts(levels: errors.Levels, wanted: bool = False, **_: object) -> bool:
    """Return whether correlations of several samples can be cut, and it takes at most a second or is `wanted`."""
    return (
        can_cut(levels) and len(cut_rows(levels)) > 1 and (wanted or cut_seconds(levels) < AT_ONCE)
    )


def require_filter(study: Study, words: str, output: int | None = None) -> None:
    """Raises InvalidInput or NotFound where words are no filter of a study's samples, or name what it has not."""
    parts = filters.parse(words)
    filters.passing(parts, cohort_table.cohort_table_with_maps(study, output, parts))


FILTER = params.TextParam(
    "filter",
    "Filter of the cohort",
    "All test samples are shown.",
    "Conditions separated by `;`, all of which must hold: `column=value`, `!=`, `<`, `<=`, `>`, `>=`, or `column~word` "
    "for what contains a word; several values as `truth=3|5`. Without `split=` the test split is meant; `split=all` "
    "takes every split.",
    most=filters.MAX_TEXT,
    test=require_filter,
    style={"placeholder": "such as relation=conflict; error>1; split=test"},
)
BY = params.SelectParam(
    "by",
    "Grouped by",
    "Samples are not grouped.",
    "Quarters hold a quarter of the split's samples each.",
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
    "What the modalities of a sample say only together: the sum of the sizes of its joint terms, or their part of the "
    "whole decision.",
    cohort_table.STRENGTHS,
)
CUTS = params.SwitchParam("cuts", "Cut the correlations", "They are not cut.")
# the parts of the page, with choices of theirs: links of when all stood below each other name no part
VIEWS = {
    "Contributions": (),  # unless told
    "Errors": (SLICES_BY,),
    "Quality": (),
    "Entanglement": (MEASURE, STRENGTH, CUTS),
}
VIEW = params.SelectParam(
    "cohorts.view", "View", "Contributions are shown.", values=tuple(VIEWS), look="tabs"
)
CONTROLS = (VIEW, FILTER, BY, MEASURE, STRENGTH, CUTS, panel.EVERYONE, SLICES_BY)


def implied_view(view: page_state.PageState) -> str:
    """Returns the part of the page that an address means which names none: that whose choices it says."""
    held = (name for name, own in VIEWS.items() if any(map(view.get, (one.key for one in own))))
    return view.get(VIEW.key) or next(held, VIEW.options()[0])


def _is_view_open(part: str) -> panel.Opens:
    return lambda view: implied_view(view) == part


PANELS = {
    "cohort-shares": panel.Panel(shares, opens=_is_view_open("Contributions"), scope="levels"),
    "types": panel.Panel(relations, opens=_is_view_open("Contributions"), scope="levels"),
    "dividends": panel.Panel(
        dividends, {"by": BY}, opens=_is_view_open("Contributions"), scope="levels"
    ),
    "entanglement": panel.Panel(
        entanglement,
        {"measure": MEASURE, "strength": STRENGTH, "everyone": panel.EVERYONE},
        fits=lambda levels, **_: bool(cohort_measures.measure_titles(levels.study)),
        opens=_is_view_open("Entanglement"),
        scope="levels",
    ),
    "cut-test": panel.Panel(
        cut_test,
        {"everyone": panel.EVERYONE},
        conditions={"wanted": CUTS},
        fits=can_afford_cuts,
        opens=_is_view_open("Entanglement"),
        scope="levels",
    ),
    "slices": panel.Panel(
        slice_errors,
        {"by": SLICES_BY},
        fits=has_samples,
        opens=_is_view_open("Errors"),
        scope="levels",
    ),
    "worst": panel.Panel(
        largest_errors, fits=has_cohort_samples, opens=_is_view_open("Errors"), scope="levels"
    ),
    "wrong": panel.Panel(
        misleading_terms, fits=has_samples, opens=_is_view_open("Errors"), scope="levels"
    ),
    "confusions": panel.Panel(
        confusions, fits=has_classes, opens=_is_view_open("Quality"), scope="levels"
    ),
    "calibration": panel.Panel(
        calibration, fits=has_classes, opens=_is_view_open("Quality"), scope="levels"
    ),
    "curves": panel.Panel(curves, fits=has_classes, opens=_is_view_open("Quality"), scope="levels"),
    "residuals": panel.Panel(
        residuals, fits=is_regression, opens=_is_view_open("Quality"), scope="levels"
    ),
}
