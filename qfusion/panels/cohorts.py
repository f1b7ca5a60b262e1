"""All samples, a cohort of them and one sample on the same axes; where a model is wrong and how good it is on a cohort:
slices with their error rates, the worst errors and the terms that misled; confusions, curves and calibration, or
residuals.

Intervals are percentile bootstrap intervals; they resample the clusters that the data set names, else samples.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import ZERO, count, listed, share, sizes
from qfusion.analysis import cohort_measures, dynamics, errors, text
from qfusion.analysis.study import Study, dividend_column, said_columns
from qfusion.explain import RELATIONS, cohorts as filters, cuts, evidence, stability, verdicts
from qfusion.figures import building, cohort as figures, notebook, numbers, samples, style
from qfusion.panels import page_state, panel, params
from qfusion.panels.dynamics import can_cut
from qfusion.training import metrics
from qfusion.wording import backgrounds
from qfusion.wording.verdicts import RELATION_DEFINITIONS

# All samples, a cohort of them and one sample on the same axes.

MAX_TERMS = 8
RESAMPLES = 500  # of clusters, from which a standard error is taken
_CAUTION = {
    True: "a cause: both may follow from a third thing, such as how extreme a sample is. The entropy alone is "
    "not entanglement here: jumps mix states too; pick negativity for that.",
    False: "a cause: both may follow from a third thing, such as how clear a sample is. What convolution "
    "entangles later is not in it. " + evidence.INERT,
}


def shares(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """Mean share of every modality in the sizes of the Shapley values."""
    names = levels.study.modalities
    column = cohort_measures.share_column
    columns = {name: levels.rows[column(name)].to_numpy(dtype=float) for name in names}
    whole = errors.means(columns, clusters=levels.clusters())
    part = errors.means(
        {name: values[levels.inside] for name, values in columns.items()},
        clusters=levels.clusters(levels.inside),
    )
    return panel.Picture(
        "cohort-shares",
        mean_leader(
            {n: whole[n].value for n in names},
            {n: part[n].value for n in names},
            levels.whole if levels.parts else "",
        ),
        figures.shares(
            whole,
            part,
            {} if levels.own is None else {name: float(levels.own[column(name)]) for name in names},
            names,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        ),
        shows=f"the mean part of each modality in Σ|Shapley value| (MM-SHAP); bars: {levels.intervals}; "
        "diamond: the sample. " + _compared(levels),
        not_shown="whether the modality was right, or which of its joint terms it shares.",
        alt="Mean shares: "
        + ", ".join(
            f"{n} {part[n].value:.2f} in the cohort, {whole[n].value:.2f} in all" for n in names
        )
        + ".",
        table=lambda: pd.DataFrame(
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
        ),
    )


def mean_leader(whole: Mapping[str, float], part: Mapping[str, float], every: str = "") -> str:
    """Which modality leads on average, 10 points ahead of every other, or that none does.

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
            f"{text.plain(name)} {mean:.0%}"
            for name, mean in sorted(means.items(), key=lambda item: -item[1])
        )
        return f"No modality leads{' in the cohort' if every else ' on average'}: {shares}"
    if not every:
        return (
            f"{text.plain(leader)} leads with {whole[leader]:.0%} of the Shapley shares on average"
        )
    return (
        f"{text.plain(leader)} leads in the cohort with {part[leader]:.0%} of the Shapley shares; in {every} it "
        f"has {whole[leader]:.0%}"
    )


def types(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    kinds, rows, inside = list(RELATIONS), levels.rows, levels.inside
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
    return panel.Picture(
        "types",
        _worst({kind: pair[0] for kind, pair in result.items()}),
        figures.types(
            kinds,
            whole,
            part,
            [(a, b) for a, b in result.values()],
            chosen="" if levels.own is None else str(levels.own["relation"]),
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        ),
        shows="how the modalities relate: "
        + "; ".join(
            f"{k}: {words[0].lower()}{words[1:-1]}" for k, words in RELATION_DEFINITIONS.items()
        )
        + f". Right: mean error ({text.plain(levels.study.unit_of_error)}) with {levels.intervals}. Click a bar "
        f"to make it the cohort. {_compared(levels)}",
        not_shown="why they differ in error: a type may be harder for other reasons.",
        alt="Types: " + ", ".join(f"{k} {n}" for k, n in zip(kinds, whole, strict=True)) + ".",
        table=lambda: pd.DataFrame(
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
        ),
    )


def dividends(
    levels: errors.Levels, theme: style.Theme = "light", *, by: str = cohort_measures.NOT_GROUPED
) -> panel.Picture:
    """The distribution of every dividend, of all and of the cohort.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: "nothing", or what the samples are grouped by, see `cohort_measures.groupings`.
    """
    study, rows, inside = levels.study, levels.rows, levels.inside
    terms = _terms(study.terms, rows)
    values = {term: rows[dividend_column(term)].to_numpy(dtype=float) for term in terms}
    own = (
        {}
        if levels.own is None
        else {term: float(levels.own[dividend_column(term)]) for term in terms}
    )
    unit = unit_of(levels)
    if by == cohort_measures.NOT_GROUPED:
        shape, group = "violins, the line inside is the mean", np.full(len(rows), "", dtype=object)
        drawn = figures.violins(
            values,
            {term: result[inside] for term, result in values.items()},
            own,
            study.modalities,
            unit=unit,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        )
    else:
        shape = "boxes: quartiles, whiskers 5 % to 95 %"
        group, names = cohort_measures.groups(study, rows, by)
        at = (
            str(group[rows.index.get_loc(levels.sample.id)])
            if levels.sample.id in rows.index
            else ""
        )
        drawn = figures.boxes(
            values,
            inside,
            group,
            names,
            study.modalities,
            sample=(at, own) if at else None,
            by=by,
            unit=unit,
            whole_name=levels.everyone,
            cohort_name=levels.cohort,
            theme=theme,
        )
    rest = len(study.terms) - len(terms)
    return panel.Picture(
        "dividends",
        _spread(values, inside, levels.clusters()),
        drawn,
        shows=f"every sample's exact contribution of each term, with its sign; {shape}; grey: all, coloured: "
        "the cohort, diamond: this "
        "sample. "
        + _compared(levels)
        + (
            f" The {len(terms)} terms of largest mean size are drawn, {rest} are not."
            if rest
            else ""
        ),
        not_shown="how the terms of one sample go together: see the sample's waterfall.",
        alt=f"Contributions, {by}; medians of all: "
        + panel.terms(
            {term: float(np.median(result)) for term, result in values.items() if len(result)}
        )
        + ".",
        table=lambda: (
            rows[[dividend_column(term) for term in terms]]
            .assign(in_cohort=inside, group=group)
            .reset_index()
        ),
    )


def entanglement(
    levels: errors.Levels,
    theme: style.Theme = "light",
    *,
    measure: str = "",
    strength: str = cohort_measures.JOINT,
    everyone: bool = False,
) -> panel.Picture:
    """The honest test of "entanglement explains fusion": one measure against the interaction strength.

    Args:
        levels: all samples, a cohort, one sample; of a model that entangles.
        theme: of the figure.
        measure: of entanglement or mixing, see `cohort_measures.measure_titles`; the first unless told.
        strength: "joint", the sum of the sizes of the joint terms, or "joint_share", their part of all.
        everyone: measured on all samples where some are drawn unless told.
    """
    study = levels.study
    titles, strengths = (
        cohort_measures.measure_titles(study),
        cohort_measures.strength_titles(study),
    )
    measure = measure or next(iter(titles), "")
    result = errors.related(levels, measure, strength, everyone)
    return panel.Picture(
        "entanglement",
        f"Does entanglement explain fusion? {cohort_measures.finding(result.correlations['all'], measure, strength)}",
        figures.scatter(
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
            whole_name=f"others of {levels.split}",
            cohort_name=f"{levels.name} (n = {int(result.inside.sum()):,})",
            theme=theme,
        ),
        shows=f"one point a sample: {cohort_measures.drawn_words(len(result.rows), len(levels.rows))}; intervals: "
        f"{cohort_measures.intervals(study.dataset, result.rows)}. Click a point to open it. {_compared(levels)}",
        not_shown=f"{_CAUTION[study.can('time')]} Of {len(titles) * len(strengths)} pairs of measures some are related "
        "by chance.",
        alt=f"{titles[measure]} against {strengths[strength]} for {len(result.rows)} samples.",
        table=lambda: pd.DataFrame(
            {
                "id": result.rows.index,
                "in_cohort": result.inside,
                measure: result.x,
                strength: result.y,
            }
        ),
    )


def cut_test(
    levels: errors.Levels, theme: style.Theme = "light", *, everyone: bool = False
) -> panel.Picture:
    """How good the model is on the cohort without the correlations of a modality; only of models with time.

    Args:
        everyone: measured on all of the cohort where some are drawn unless told.
    """
    rows = cut_rows(levels, everyone)
    result = dynamics.cuts_of_rows(levels.study, levels.places(rows))
    metric, how = (
        next(iter(result.after)),
        cohort_measures.intervals(levels.study.dataset, rows, cuts.RESAMPLES),
    )
    return panel.Picture(
        "cut-test",
        f"Are the correlations needed? {text.plain(cuts.answer_for_many(result))}",
        notebook.cut_test_of(
            numbers.cut_table(result), levels.study.modalities, metric, theme=theme
        ),
        shows=f"{building.SAYS['cut-test'][0]} Here {cut_about(levels, everyone)}, the model as learned; {how}.",
        not_shown=building.SAYS["cut-test"][1],
        alt=f"{metrics.describe[metric].short} of {len(rows):,} samples after a cut at each time.",
        table=lambda: numbers.cut_table(result),
    )


def cut_rows(levels: errors.Levels, everyone: bool = False) -> pd.DataFrame:
    """The samples of the cohort whose correlations are cut: those that can be evolved in some seconds, or everyone."""
    rows = levels.rows[levels.inside]
    return rows.iloc[
        cohort_measures.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
    ]


def cut_about(levels: errors.Levels, everyone: bool = False) -> str:
    """Which these are, as markdown."""
    some, whole = len(cut_rows(levels, everyone)), int(levels.inside.sum())
    return cohort_measures.drawn_words(some, whole) + (
        f" of the {text.plain(levels.name)}" if levels.parts else ""
    )


def unit_of(levels: errors.Levels) -> str:
    """What the contributions of a cohort's samples are of."""
    return (
        "log-odds of the class decided for (nats)"
        if levels.study.classes and levels.output_wanted is None
        else levels.study.unit_of(levels.output_wanted or 0)
    )


def _compared(levels: errors.Levels) -> str:
    return backgrounds.describe_comparison(levels.study.bulk_background)


def _worst(errors: dict[str, stability.Interval]) -> str:
    """Which type is predicted worst, where the intervals tell it apart from the others."""
    known = {kind: entry for kind, entry in errors.items() if entry.known}
    if len(known) < 2:
        return "How do the modalities relate?"
    worst = max(known, key=lambda kind: known[kind].low)
    best = min(known, key=lambda kind: known[kind].high)
    means = f"mean error {known[worst].value:.2f} against {known[best].value:.2f}"
    if all(known[worst].low > entry.high for kind, entry in known.items() if kind != worst):
        return f"‘{worst}’ is predicted worst: {means} in ‘{best}’"
    return (
        f"‘{worst}’ is predicted worse than ‘{best}’: {means}"
        if known[worst].low > known[best].high
        else "No type is predicted clearly worse than another: the intervals overlap"
    )


def _terms(every: tuple[str, ...], rows: pd.DataFrame) -> list[str]:
    """The terms that are drawn: all, or those of the largest mean size."""
    if len(every) <= MAX_TERMS:
        return list(every)
    means = rows[[dividend_column(term) for term in every]].abs().mean().fillna(0.0).to_numpy()
    return [every[i] for i in np.sort(np.argsort(-means, kind="stable")[:MAX_TERMS])]


def _spread(
    values: Mapping[str, np.ndarray], part: np.ndarray, clusters: np.ndarray | None = None
) -> str:
    """In which term a cohort differs most from the rest, where one differs by more than two standard errors, allowing
    for the number of terms; of everyone, which term varies most.

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
    errors = _errors(np.stack([*values.values()], 1), part, clusters)
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


def _errors(values: np.ndarray, part: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Standard errors (k,) of how far the means of values (n, k) lie apart in two groups; infinite where a group is of
    one sample alone, or of one cluster."""
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


# Where a model is wrong.


def slices(levels: errors.Levels, theme: style.Theme = "light", *, by: str = "") -> panel.Picture:
    """How often the model is wrong in every slice.

    Args:
        levels: all samples, a cohort, one sample.
        theme: of the figure.
        by: what the samples are sliced by, see `slices.kinds`; the first unless told.
    """
    by = by or errors.slice_kinds(levels.study, levels.rows)[0]
    result = errors.slices(levels, by)[: errors.MAX_SLICES]
    wrong, count = sum(entry.wrong for entry in result), sum(entry.count for entry in result)
    overall = wrong / max(count, 1)
    clusters = levels.study.dataset.clusters
    own = filters.written(errors.left_out(levels, by))
    return panel.Picture(
        "slices",
        _finding(result, overall, bool(levels.study.classes))
        + (f"; without the filter's own {text.plain(own)}" if own else ""),
        figures.rates(
            [entry.name.replace("+", " + ") for entry in result],
            [(entry.wrong, entry.count) for entry in result],
            pd.DataFrame([(e.rate, e.low, e.high) for e in result]).to_numpy().reshape(-1, 3),
            overall,
            axis="error rate"
            if levels.study.classes
            else "part with an error of the largest quarter",
            theme=theme,
        ),
        shows=f"the explained samples of {text.plain(levels.split)} that pass the filter"
        + (f" but for its own {text.plain(own)}" if own else "")
        + ", by "
        f"{text.plain(by.removesuffix(cohort_measures.QUARTERS))}"
        + (" in quarters" if by.endswith(cohort_measures.QUARTERS) else "")
        + ", with 95 % intervals (Wilson)"
        + (
            f", widened for the {clusters.count_words(levels.places(levels.rows))} that the rows share"
            if clusters is not None
            else ""
        )
        + "; an error is "
        + (
            "another class than annotated."
            if levels.study.classes
            else f"one of at least {errors.limit(levels):.3g}, the largest quarter of all."
        )
        + " "
        "Orange: the whole interval lies above the rate of all. Click a slice to make it the cohort.",
        not_shown="why a slice is harder; with many slices some orange one may stand out by chance: the title allows "
        "for their number.",
        alt="Error rates: "
        + ", ".join(f"{e.name} {e.rate:.2f} of {e.count}" for e in result[:8])
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "slice": e.name,
                    "filter": "; ".join(map(str, e.parts)),
                    "samples": e.count,
                    "errors": e.wrong,
                    "error_rate": e.rate,
                    "low": e.low,
                    "high": e.high,
                    "mean_error": e.error,
                }
                for e in result
            ]
        ),
    )


def _finding(result: list[errors.Slice], overall: float, classes: bool) -> str:
    """Which slice is worse than all beyond chance, if one is, although it was picked for being so: its score lies
    beyond that of a 95 % interval for all slices together (Bonferroni).

    Args:
        result: the slices. overall: the rate of errors of all of them, 0 to 1.
        classes: whether an error is a wrong class.
    """
    if not result:
        return "No sample to slice"
    what = "wrong" if classes else "large errors"
    if len(result) == 1:
        return f"All samples are in one slice ({share(overall)} {what})"
    worst = max(result, key=lambda entry: _score(entry, overall))
    if _score(worst, overall) <= ndtri(1 - (1 - stability.LEVEL) / 2 / len(result)):
        return f"No slice is worse than all beyond chance ({share(overall)} {what}, {len(result)} slices looked at)"
    return (
        f"‘{text.plain(worst.name)}’ {'is wrong' if classes else 'has large errors'} more often: "
        f"{share(worst.rate)} of {worst.count:,} ({share(worst.low)} to {share(worst.high)}), all {share(overall)}; "
        f"beyond chance among {len(result)} slices"
    )


def _score(entry: errors.Slice, overall: float) -> float:
    """How many standard errors a slice's rate lies above the rate of all, in the slice's own number of samples: that
    number follows from its interval, which is narrower the more independent samples it has."""
    if not 0 < entry.low < entry.rate or not 0 < overall < 1:
        return 0.0
    size = (
        (float(ndtri(0.5 + stability.LEVEL / 2)) / (entry.rate - entry.low)) ** 2
        * entry.low
        * (1 - entry.low)
    )
    return (entry.rate - overall) * math.sqrt(size / (overall * (1 - overall)))


def worst(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The cohort's samples with the largest errors.

    Args:
        levels: all samples, a cohort, one sample. theme: of the figure.
    """
    (rows, values), study = errors.worst(levels), levels.study
    number = "{}" if study.classes else "{:+.2f}"
    names = [
        f"{name}: {number.format(row['truth'])} → {number.format(row['prediction'])}"
        for name, row in rows.iterrows()
    ]
    ids = rows.index.tolist()
    return panel.Picture(
        "worst",
        worst_of(
            dict(zip(map(str, rows.index), values.tolist(), strict=True)),
            bool(study.classes),
        ),
        figures.worst(
            names,
            values,
            axis="loss, −ln softmax of the true class (nats)"
            if study.classes
            else text.in_unit("residual", study.unit_of(0)),
            theme=theme,
            chosen=ids.index(levels.sample.id) if levels.sample.id in ids else None,
        ),
        shows=f"the {len(names)} samples of the {text.plain(levels.name)} with the largest "
        + ("loss" if study.classes else "residual, prediction minus annotation")
        + ": annotated → predicted. "
        "Click a bar to open it.",
        not_shown="whether the annotation is right.",
        alt="Largest errors: "
        + "; ".join(
            f"{name} {value:.2f}" for name, value in zip(names[:5], values[:5], strict=False)
        )
        + ".",
        table=lambda: (
            rows[["truth", "prediction", "error"]]
            .assign(**{"loss" if study.classes else "residual": values})
            .reset_index()
        ),
    )


def worst_of(values: Mapping[str, float], classes: bool) -> str:
    """Which samples have the largest error: the loss of classes, else the residual, with its sign; by sample."""
    if not np.isfinite(list(values.values())).any():
        return "No sample of this cohort"
    return panel.superlative(
        values,
        by_size=True,
        none="No sample of this cohort has a {what} of 0.01 or more",
        one="Sample {names} has the largest error: {what} "
        + ("{value:.2f}" if classes else "{value:+.2f}"),
        some="{count} samples have the largest error, alike: {what} {amount:.2f}",
        what="loss" if classes else "residual",
    )


def wrong(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The wrong decisions of a cohort with the term that pulled each the wrong way, as a table: it has no figure.

    Args:
        levels: all samples, a cohort, one sample. theme: of no use.
    """
    result, study = errors.wrong(levels), levels.study
    about = _WRONG[result.kind]
    kinds = [
        part.values for part in levels.parts if part.column == "relation" and part.operator == "="
    ]
    return panel.Picture(
        "wrong",
        right_without(
            len(result.rows),
            int(result.right.sum()),
            result.kind,
            kinds == [("conflict",)],
            result.by_chance,
        ),
        None,
        lead=misled_by(result.terms.tolist()),
        shows=f"the samples of the {text.plain(levels.name)} {about['what']}, the largest error first. Misleading: the "
        f"contribution, of one modality or joint, that pulls furthest {about['way']}. Without it: "
        f"{about['left']}. "
        + backgrounds.describe_comparison(study.bulk_background)
        + (
            f" A large error is at least {errors.limit(levels):.3g}, the largest quarter of all."
            if result.kind == errors.LARGE_ERROR
            else ""
        )
        + (
            " Samples with truth 0 have no sign and are not counted."
            if result.kind == errors.WRONG_SIGN
            else ""
        ),
        not_shown="what the model would decide without that modality: leaving a contribution out is arithmetic on the "
        "explanation, not an intervention. It is picked knowing the annotation, so leaving it out always "
        f"moves {about['moves']}, and some decisions turn right for that alone.",
        alt=f"Table of {len(result.rows)} wrong decisions; {int(result.right.sum())} are right without their most "
        "misleading term.",
        table=lambda: (
            result.rows[["relation", "truth", "prediction"]]
            .assign(
                misleading=result.terms,
                pull=result.pulls,
                without_it=np.array(study.classes, dtype=object)[result.without]
                if study.classes
                else result.without,
                right_without_it=np.where(result.right, "yes", "no"),
            )
            .reset_index()
        ),
    )


_FROM_TRUTH = {
    "way": "from the annotation towards the prediction",
    "left": "the score minus that contribution",
    "moves": "the score towards the annotation, or beyond it",
}
# what is said of decisions that are wrong in one thing
_WRONG = {
    errors.WRONG_CLASS: {
        "what": "of the wrong class",
        "has": "is of the wrong class",
        "right": "be of the right one",
        "way": "towards the predicted and away from the true class",
        "left": "the class with the largest log-odds without that contribution",
        "moves": "the log-odds towards the annotated class",
    },
    errors.WRONG_SIGN: _FROM_TRUTH
    | {
        "what": "with the wrong sign",
        "has": "has the wrong sign",
        "right": "have the right one",
    },
    errors.LARGE_ERROR: _FROM_TRUTH
    | {"what": "with a large error", "has": "has a large error", "right": "have a small one"},
}


def right_without(
    count: int, right: int, kind: str, conflicts: bool = False, by_chance: float | None = None
) -> str:
    """How many wrong decisions are right without their most misleading term.

    Args:
        count: of wrong decisions. right: how many of them are right without it. kind: what they are wrong in.
        conflicts: whether all of them are conflicts.
        by_chance: how many are right without a term drawn at random, on average; it is said where it is told.
    """
    about, noun = _WRONG[kind], "conflict" if conflicts else "sample"
    if not count:
        return f"No {noun} of this cohort {about['has']}"
    if count == 1:
        return (
            f"The one {noun} {about['what']} would {'' if right else 'not '}{about['right']} without its most "
            "misleading term"
        )
    random = "" if by_chance is None else f", {by_chance:.1f} without one at random"
    return (
        f"Of {count:,} {noun}s {about['what']}, {f'{right:,}' if right else 'none'} would {about['right']} without "
        f"their most misleading term{random}"
    )


def misled_by(terms: Sequence[str]) -> str:
    """How often every term misled the most; empty where there are no samples."""
    counts = Counter(terms)
    nothing = counts.pop("", 0)
    names = [f"{text.term(name)} in {number:,}" for name, number in counts.most_common()]
    parts = (
        f"Misled by {listed(names)}." if names else "",
        f"In {nothing:,} no term pulls the wrong way." if nothing else "",
    )
    return " ".join(filter(None, parts))


def some(levels: errors.Levels, **_: object) -> bool:
    """Whether there is a sample."""
    return len(levels.rows) > 0


def some_inside(levels: errors.Levels, **_: object) -> bool:
    """Whether the cohort has a sample."""
    return bool(levels.inside.any())


SLICES_BY = params.SelectParam(
    "slice",
    "Slices by",
    "The first grouping is shown.",
    values=lambda study: errors.slice_kinds(study, cohort_measures.cohort_table(study, None)),
    style={"width": 260},
)


# How good the model is on a cohort, on the Cohorts page: confusions, curves, calibration; or residuals.

MOST = 60  # classes in a figure
FEWEST, LEAN = (
    10,
    0.1,
)  # samples from which a slope of the residuals is looked at, and its least size


def shown(counts: np.ndarray) -> list[int]:
    """Which of C classes the figure of their confusions (C, C) shows: all, or the most frequent, in their order."""
    return sorted(np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST].tolist())


def confusions(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """Which classes the cohort's samples are taken for."""
    counts, classes = errors.confusions(levels), levels.study.classes
    drawn = shown(counts)
    title = taken_for(counts, classes)
    return panel.Picture(
        "confusions",
        title,
        samples.confusions(counts[np.ix_(drawn, drawn)], [classes[k] for k in drawn], theme),
        shows="annotated classes down, predicted ones across; the colour is the share of the annotated class"
        + (f"; the {MOST} most frequent of {len(classes):,} classes" if len(classes) > MOST else "")
        + ". "
        f"Click a cell to make it the cohort. {_whose(levels)}",
        not_shown="how sure the model was: see the calibration.",
        alt=f"Annotated and predicted classes: {text.unmarked(title)}.",
        table=lambda: pd.DataFrame(
            counts, index=pd.Index(classes, name="annotated"), columns=list(classes)
        ).reset_index(),
    )


def curves(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """ROC and precision-recall curves of every class against the rest."""
    result = errors.curves(levels)
    label = levels.study.classes[levels.output_wanted] if levels.output_wanted is not None else ""
    chosen = next(
        (entry for entry in result if entry.name == label),
        min(result, key=lambda entry: entry.area, default=None),
    )
    areas = {entry.name: entry.area for entry in result}
    mean = f" The mean area is {np.mean(list(areas.values())):.3f}." if areas else ""
    return panel.Picture(
        "curves",
        told_apart(areas, label),
        samples.curves(
            [(entry.name, *entry.roc, entry.area) for entry in result],
            [(entry.name, *entry.pr, entry.precision) for entry in result],
            chosen.name if chosen else "",
            theme,
        ),
        shows="every class against the rest, told by its softmax: left the ROC curve, right precision and recall; "
        f"blue: the class that is explained, else the one of the smallest area.{mean} {_whose(levels)}",
        not_shown="which threshold to take.",
        alt=", ".join(
            f"{entry.name}: area {entry.area:.3f}, average precision {entry.precision:.3f}"
            for entry in result
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "class": entry.name,
                    "samples": entry.positives,
                    "area_under_roc": entry.area,
                    "average_precision": entry.precision,
                }
                for entry in result
            ]
        ),
    )


def calibration(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """How often it is right that is so sure."""
    certainty, accuracy, counts, error = errors.calibration(levels)
    sure, right = (
        float((values * counts).sum() / max(counts.sum(), 1)) for values in (certainty, accuracy)
    )
    return panel.Picture(
        "calibration",
        f"On average {share(sure)} sure and {share(right)} right: {sureness(sure, right, int(counts.sum()))}",
        samples.calibration(certainty, accuracy, counts, theme),
        shows=f"the share that is right against the certainty (softmax of the predicted class), in {errors.BINS} "
        f"bins of equal width; the larger the disc, the more samples. Expected calibration error "
        f"{error:.3f}. {_whose(levels)}",
        not_shown="how far single bins are off by chance: small ones say little.",
        alt="; ".join(
            f"sure {a:.2f}, right {b:.2f} ({n})"
            for a, b, n in zip(certainty, accuracy, counts, strict=True)
        )
        + ".",
        table=lambda: pd.DataFrame({"certainty": certainty, "right": accuracy, "samples": counts}),
    )


def sureness(sure: float, right: float, count: int) -> str:
    """Whether a model is too sure or not sure enough, on average over so many samples, beyond two standard errors of
    the share that is right."""
    share = (right * count + 1) / (count + 2)  # so that none or all right is not taken as certain
    if abs(sure - right) <= 2 * math.sqrt(share * (1 - share) / max(count, 1)):
        return "not told apart by these samples"
    return "surer than it should be" if sure > right else "less sure than it could be"


def residuals(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """How far predictions are off, over the range of the annotation."""
    result, rows, inside = errors.residuals(levels), levels.rows, levels.inside
    truth = rows["truth"].to_numpy(dtype=float)
    part = result[inside]
    return panel.Picture(
        "residuals",
        off_by(truth[inside], part),
        samples.residuals(
            rows.index.astype(str).tolist(), truth, result, inside, levels.study.unit_of(0), theme
        ),
        shows="prediction minus annotation of each sample; right, how many are so far off. Blue: the cohort, grey: the "
        f"others of {levels.split}. {_whose(levels)}",
        not_shown="why: slice by a filter, such as error>1.",
        alt=f"Residuals of {len(part)} samples: mean {part.mean() if len(part) else 0:.3f}.",
        table=lambda: pd.DataFrame(
            {"id": rows.index, "in_cohort": inside, "truth": truth, "residual": result}
        ),
    )


def taken_for(counts: np.ndarray, classes: Sequence[str]) -> str:
    """How many samples are right, and which confusion is the most frequent.

    Args:
        counts: annotated classes (rows) by predicted ones (columns), (C, C). classes: their names.
    """
    wrong = {(i, j): float(counts[i, j]) for i, j in np.ndindex(*counts.shape) if i != j}
    right, total = int(np.trace(counts)), int(counts.sum())
    words = f"{right:,} of {count(total, 'sample')} {'is' if total == 1 else 'are'} right"
    most = int(max(wrong.values(), default=0))
    if not most:
        return words
    pairs = [
        f"‘{text.plain(classes[i])}’ is taken for ‘{text.plain(classes[j])}’"
        for (i, j), number in wrong.items()
        if number == most
    ]
    if len(pairs) > panel.MAX_NAMED:
        return f"{words}; {len(pairs):,} confusions are equally frequent ({most:,} each)"
    often = "most often " if total - right > most * len(pairs) else ""
    return f"{words}; {often}{listed(pairs)} ({most:,}{' each' if len(pairs) > 1 else ''})"


def told_apart(areas: Mapping[str, float], value: str) -> str:
    """How well a class is told from the rest: the one that is asked for, or else the one of the smallest area.

    Args:
        areas: below the ROC curve by class, of those that have samples of it and others. value: a class, or empty.
    """
    if not areas:
        return "No class has samples of it and others here"
    return panel.superlative(
        {value: areas[value]} if value in areas else areas,
        places=3,
        only="{names} is told from the rest: area {value:.3f}",
        smallest=True,
        one="{names} has the smallest area below the ROC curve against the rest: {value:.3f}",
        some="{names} have the smallest area below the ROC curve against the rest: {value:.3f}",
        every="All classes are told from the rest alike: area {value:.3f}",
        name=lambda name: f"‘{text.plain(name)}’",
        many="{count} classes",
    )


def off_by(truth: np.ndarray, residual: np.ndarray) -> str:
    """How far predictions are off, and whether extremes are drawn to the middle beyond two standard errors.

    Args:
        truth: annotations, (n,). residual: prediction minus annotation, (n,).
    """
    n = len(residual)
    if not n:
        return "No sample of this cohort"
    words = f"Bias {residual.mean():+z.2f}, mean absolute error {np.abs(residual).mean():.2f}"
    if n < FEWEST or np.ptp(truth) == 0:
        return words
    at = truth - truth.mean()
    slope = float(at @ residual / (at @ at))
    rest = residual - residual.mean() - slope * at
    error = math.sqrt(float(rest @ rest) / (n - 2) / float(at @ at))
    return (
        words
        if abs(slope) <= max(LEAN, 2 * error)
        else f"{words}; extremes are {'drawn to the middle' if slope < 0 else 'overdone'} (slope {slope:+.2f})"
    )


def _whose(levels: errors.Levels) -> str:
    return f"Of {int(levels.inside.sum()):,} samples of {text.plain(levels.name if levels.parts else levels.split)}."


def has_classes(levels: errors.Levels, **_: object) -> bool:
    """Whether the model chooses among classes, and the cohort has a sample."""
    return bool(levels.study.classes) and some_inside(levels)


def is_regression(levels: errors.Levels, **_: object) -> bool:
    """Whether the model predicts a number, and there is a sample."""
    return not levels.study.classes and len(levels.rows) > 0


# When panels are shown, and what readers choose.

AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def cut_seconds(levels: errors.Levels) -> float:
    """How long the cuts of the cohort take, roughly."""
    return 8e-3 * len(cut_rows(levels)) * (math.prod(levels.study.model.dims) / 64) ** 2.5


def worth_cutting(levels: errors.Levels, wanted: bool = False, **_: object) -> bool:
    """Whether there are correlations to cut, of several samples, and it takes a second at most or is asked for."""
    return (
        can_cut(levels) and len(cut_rows(levels)) > 1 and (wanted or cut_seconds(levels) < AT_ONCE)
    )


def require_filter(study: Study, words: str, output: int | None = None) -> None:
    """Raises InvalidInput or NotFound where words are no filter of a study's samples, or name what it has not."""
    parts = filters.parse(words)
    filters.passing(parts, cohort_measures.table_for(study, output, parts))


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
    lambda study: cohort_measures.groupings(study, cohort_measures.cohort_table(study, None)),
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
    cohort_measures.STRENGTHS,
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


def meant(view: page_state.PageState) -> str:
    """Returns the part of the page that an address means which names none: that whose choices it says."""
    held = (name for name, own in VIEWS.items() if any(map(view.get, (one.key for one in own))))
    return view.get(VIEW.key) or next(held, VIEW.options()[0])


def _within(part: str) -> panel.Opens:
    return lambda view: meant(view) == part


PANELS = {
    "cohort-shares": panel.Panel(shares, opens=_within("Contributions"), scope="levels"),
    "types": panel.Panel(types, opens=_within("Contributions"), scope="levels"),
    "dividends": panel.Panel(dividends, {"by": BY}, opens=_within("Contributions"), scope="levels"),
    "entanglement": panel.Panel(
        entanglement,
        {"measure": MEASURE, "strength": STRENGTH, "everyone": panel.EVERYONE},
        fits=lambda levels, **_: bool(cohort_measures.measure_titles(levels.study)),
        opens=_within("Entanglement"),
        scope="levels",
    ),
    "cut-test": panel.Panel(
        cut_test,
        {"everyone": panel.EVERYONE},
        conditions={"wanted": CUTS},
        fits=worth_cutting,
        opens=_within("Entanglement"),
        scope="levels",
    ),
    "slices": panel.Panel(
        slices, {"by": SLICES_BY}, fits=some, opens=_within("Errors"), scope="levels"
    ),
    "worst": panel.Panel(worst, fits=some_inside, opens=_within("Errors"), scope="levels"),
    "wrong": panel.Panel(wrong, fits=some, opens=_within("Errors"), scope="levels"),
    "confusions": panel.Panel(
        confusions, fits=has_classes, opens=_within("Quality"), scope="levels"
    ),
    "calibration": panel.Panel(
        calibration, fits=has_classes, opens=_within("Quality"), scope="levels"
    ),
    "curves": panel.Panel(curves, fits=has_classes, opens=_within("Quality"), scope="levels"),
    "residuals": panel.Panel(
        residuals, fits=is_regression, opens=_within("Quality"), scope="levels"
    ),
}
