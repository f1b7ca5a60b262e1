"""Shares, relations and dividends of all samples and of a cohort on the same axes."""

import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import ZERO, count, listed, share, sizes, top
from qfusion.explain import RELATIONS, bootstrap
from qfusion.explain.coalitions import leading_modality
from qfusion.figures import cohort_charts
from qfusion.study import cohorts, performance, text
from qfusion.study.performance import CohortComparison
from qfusion.study.study import dividend_column
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import decisions, rules
from qfusion.views.words.names import (
    WITH_SIZE,
    describe_level_intervals,
    name_all,
    name_cohort,
    name_cohort_with_size,
)
from qfusion.views.words.verdicts import RELATION_DEFINITIONS

MAX_TERMS = 8
RESAMPLES = 500  # of clusters, from which a standard error is taken


BY = SelectParam(
    "by",
    "Grouped by",
    "Samples are not grouped.",
    "Each quarter contains a quarter of the split's samples.",
    lambda study: cohorts.groupings(study, cohorts.cohort_table(study, None)),
    style={"width": 340},
)


def cohort_shares(levels: performance.CohortComparison) -> View:
    """The mean share of every modality in the sizes of the Shapley values."""
    names = levels.study.modalities
    column = cohorts.share_column
    columns = {name: levels.rows[column(name)].to_numpy(dtype=float) for name in names}
    whole = performance.means(columns, clusters=levels.clusters())
    part = performance.means(
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
        None if levels.inside.all() else part,
        {} if levels.own is None else {name: float(levels.own[column(name)]) for name in names},
        names,
        whole_name=name_all_with_size(levels),
        cohort_name=name_cohort_with_size(levels),
    )
    alternative = (
        "Mean shares: "
        + ", ".join(
            f"{n} {part[n].value:.2f} in the cohort, {whole[n].value:.2f} in all" for n in names
        )
        + "."
    )
    table = pd.DataFrame(
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
    return View(
        figure,
        title,
        caption="the mean part of each modality in Σ|Shapley value| (MM-SHAP); whiskers: "
        f"{describe_level_intervals(levels)}; diamond: the sample. {describe_study_background(levels)}",
        limits="A leading modality need not be right. Joint terms are not counted.",
        table=table,
        alternative=alternative,
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
    leader = leading_modality(means)
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
        f"{every} it has {whole[leader]:.0%}"
    )


def types(levels: performance.CohortComparison) -> View:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    kinds = list(RELATIONS)
    rows = levels.rows
    inside = levels.inside
    is_kind = {kind: (rows["relation"] == kind).to_numpy() for kind in kinds}
    has_truth = levels.study.has_truth
    result = {
        kind: [performance.mean_error(levels, keep) for keep in (where, where & inside)]
        for kind, where in is_kind.items()
    }
    whole, part = (
        [int((where & keep).sum()) for where in is_kind.values()] for keep in (True, inside)
    )
    figure = cohort_charts.relation_bars(
        kinds,
        whole,
        None if inside.all() else part,
        [(a, b) for a, b in result.values()] if has_truth else [],
        chosen="" if levels.own is None else str(levels.own["relation"]),
        whole_name=name_all_with_size(levels),
        cohort_name=name_cohort_with_size(levels),
    )
    caption = (
        "the relation of the modalities: "
        + "; ".join(
            f"{k}: {words[0].lower()}{words[1:-1]}" for k, words in RELATION_DEFINITIONS.items()
        )
        + (
            f". Right: mean error ({text.escape_markdown(levels.study.unit_of_error)}) with "
            f"{describe_level_intervals(levels)}. "
            if has_truth
            else ". "
        )
        + describe_study_background(levels)
    )
    alternative = "Types: " + ", ".join(f"{k} {n}" for k, n in zip(kinds, whole, strict=True)) + "."
    table = pd.DataFrame(
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
    return View(
        figure,
        describe_most_frequent(
            dict(zip(kinds, part, strict=True)), name_cohort(levels) if levels.parts else ""
        ),
        caption=caption,
        lead=describe_worst_relation({kind: pair[0] for kind, pair in result.items()}),
        limits=(
            "Does not show why their errors differ: a type may be harder for other reasons."
            if has_truth
            else "Does not show how well each type is predicted: the truth is not known."
        ),
        table=table,
        alternative=alternative,
        usage="Click a bar to make it the cohort.",
    )


def dividends(
    levels: performance.CohortComparison, *, by: Annotated[str, BY] = cohorts.NOT_GROUPED
) -> View:
    """The distribution of every dividend, of all and of the cohort.

    Args:
        levels: all samples, a cohort, one sample.
        by: "nothing", or what the samples are grouped by, see `groupings`.
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
    if by == cohorts.NOT_GROUPED:
        shape = "violins, the line inside is the mean"
        group = np.full(len(rows), "", dtype=object)
        drawn = cohort_charts.violins(
            values,
            None if inside.all() else {term: result[inside] for term, result in values.items()},
            own,
            study.modalities,
            unit=unit,
            whole_name=name_all_with_size(levels),
            cohort_name=name_cohort_with_size(levels),
        )
    else:
        shape = "boxes: quartiles, whiskers 5% to 95%"
        group, names = cohorts.groups(study, rows, by)
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
        )
    rest = len(study.terms) - len(terms)
    exact = "exact " if study.is_exact else ""
    caption = (
        f"every sample's {exact}contribution of each term, with its sign; {shape}"
        f"{'' if inside.all() else '; open: all, filled: the cohort'}; diamond: this sample. "
        f"{describe_study_background(levels)}"
    )
    if rest:
        caption += (
            f" The {len(terms)} terms of largest mean size are shown, {rest} smaller ones are not."
        )
    medians = {term: float(np.median(result)) for term, result in values.items() if len(result)}
    table = (
        rows[[dividend_column(term) for term in terms]]
        .assign(in_cohort=inside, group=group)
        .reset_index()
    )
    return View(
        drawn,
        describe_spread(values, inside, levels.clusters()),
        caption=caption,
        limits="The terms of one sample are not connected: see the sample's waterfall.",
        table=table,
        alternative=f"Contributions, {by}; medians of all: {rules.list_terms(medians)}.",
    )


def contribution_unit(levels: performance.CohortComparison) -> str:
    """Return the unit of the contributions of a cohort's samples."""
    if levels.study.classes and levels.output_wanted is None:
        return "log-odds of the class decided for (nats)"
    return levels.study.score_unit(levels.output_wanted or 0)


def describe_study_background(levels: performance.CohortComparison) -> str:
    """Describe the background of a cohort's explanations, and the standard errors where it is drawn."""
    study = levels.study
    return decisions.describe_comparison(
        study.explanation_background
    ) + decisions.describe_standard_errors(study)


def describe_most_frequent(counts: Mapping[str, int], where: str = "") -> str:
    """Describe which relation of the modalities is the most frequent.

    Args:
        counts: samples by relation. where: name of the cohort; empty where it is all samples.
    """
    total = sum(counts.values())
    if not total:
        return "No sample of this cohort"
    kinds = [f"‘{kind}’" for kind in top(counts)]
    ending = " each" if len(kinds) > 1 else ""
    among = f" of the {text.escape_markdown(where)}" if where else ""
    verb = "is" if total == 1 else "are"
    return f"{share(max(counts.values()) / total)} of {count(total, 'decision')}{among} {verb} {listed(kinds)}{ending}"


def describe_worst_relation(errors: dict[str, bootstrap.Interval]) -> str:
    """Describe which type is predicted worst, if the intervals separate it from the others; empty where fewer than two
    have an interval.
    """
    known = {kind: entry for kind, entry in errors.items() if entry.known}
    if len(known) < 2:
        return ""
    worst = max(known, key=lambda kind: known[kind].low)
    best = min(known, key=lambda kind: known[kind].high)
    means = f"mean error {known[worst].value:.2f} against {known[best].value:.2f}"
    if all(known[worst].low > entry.high for kind, entry in known.items() if kind != worst):
        return f"‘{worst}’ is predicted worst: {means} in ‘{best}’"
    if known[worst].low > known[best].high:
        return f"‘{worst}’ is predicted worse than ‘{best}’: {means}"
    return "No type has a significantly larger error: the intervals overlap"


def _drawn_terms(every: tuple[str, ...], rows: pd.DataFrame) -> list[str]:
    """Return the terms that are drawn: all, or those of the largest mean size."""
    if len(every) <= MAX_TERMS:
        return list(every)
    means = rows[[dividend_column(term) for term in every]].abs().mean().fillna(0.0).to_numpy()
    return [every[i] for i in np.sort(np.argsort(-means, kind="stable")[:MAX_TERMS])]


def describe_spread(
    values: Mapping[str, np.ndarray], part: np.ndarray, clusters: np.ndarray | None = None
) -> str:
    """Describe the term in which a cohort differs most from the rest, if it differs by more than two standard errors,
    corrected for the number of terms.

    Of everyone, which term varies most.

    Args:
        values: of each term, by coalition, (n,) each. part: who is in the cohort, bool (n,).
        clusters: numbers of what the samples share, (n, k); None where they are independent.
    """
    if not part.any():
        return "Distribution of the terms of the decisions"
    if part.all():
        return rules.describe_extremum(
            {term: float(result.std()) for term, result in values.items()},
            none="No term varies by 0.01 or more between samples",
            one="{names} varies most between samples (standard deviation {value:.2f})",
            some="{names} vary most, equally, between samples (standard deviation {value:.2f})",
            name=text.term,
        )
    moved = {
        term: float(result[part].mean() - result[~part].mean()) for term, result in values.items()
    }
    far = float(ndtri(1 - (1 - bootstrap.LEVEL) / 2 / len(values)))
    errors = difference_errors(np.stack([*values.values()], 1), part, clusters)
    apart = {
        term: value
        for (term, value), error in zip(moved.items(), errors, strict=True)
        if abs(value) > max(far * error, ZERO)
    }
    places = max(2, math.ceil(-math.log10(max(sizes(apart).values(), default=1.0))))
    return rules.describe_extremum(
        apart,
        places=places,
        by_size=True,
        none="No term has a significantly different mean in the cohort",
        one="The cohort differs most from the rest in {names}, on average",
        some="The cohort differs most, equally, from the rest in {names}, on average",
        name=lambda term: f"{text.term(term)} ({moved[term]:+.{places}f})",
    )


def difference_errors(
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
                    for block in bootstrap.counts(len(part), RESAMPLES, clusters=clusters)
                ]
            )
            for g in (part, ~part)
        )
    return np.asarray(np.nanstd(inside - outside, 0))


def name_all_with_size(levels: CohortComparison) -> str:
    """Return the name of the first level with its number of samples."""
    return WITH_SIZE.format(name=name_all(levels), count=len(levels.rows))
