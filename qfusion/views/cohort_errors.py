"""Errors of a model: slices with high error rates, the largest errors, and misleading terms."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import listed, share, true_minus
from qfusion.explain import bootstrap, cohort_filters
from qfusion.figures import scatter_map
from qfusion.study import cohorts, mistakes, performance, text
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import decisions, rules
from qfusion.views.words.names import name_cohort, name_split

SLICES_BY = SelectParam(
    "slice",
    "Slices by",
    "The first grouping is shown.",
    values=lambda study: mistakes.slice_kinds(study, cohorts.cohort_table(study, None)),
    style={"width": 260},
)


def slices(levels: performance.CohortComparison, *, by: Annotated[str, SLICES_BY] = "") -> View:
    """How often the model is wrong in every slice.

    Args:
        levels: all samples, a cohort, one sample.
        by: what the samples are sliced by, see `slices.kinds`; the first by default.
    """
    by = by or mistakes.slice_kinds(levels.study, levels.rows)[0]
    result = mistakes.slices(levels, by)[: mistakes.MAX_SLICES]
    errors = sum(entry.wrong for entry in result)
    count = sum(entry.count for entry in result)
    overall = errors / max(count, 1)
    clusters = levels.study.dataset.clusters
    own = cohort_filters.format_conditions(mistakes.omitted_parts(levels, by))
    title = slice_title(result, overall, bool(levels.study.classes))
    if own:
        title += f"; without the filter's own {text.escape_markdown(own)}"
    names = [entry.name.replace("+", " + ") for entry in result]
    counts = [(entry.wrong, entry.count) for entry in result]
    rates = np.array([(entry.rate, entry.low, entry.high) for entry in result]).reshape(-1, 3)
    if levels.study.classes:
        axis = "error rate"
    else:
        axis = "part with an error of the largest quarter"
    figure = scatter_map.error_rates(names, counts, rates, overall, axis=axis)
    caption = (
        f"the explained samples of {text.escape_markdown(name_split(levels))} that pass the filter"
    )
    if own:
        caption += f" but for its own {text.escape_markdown(own)}"
    caption += f", by {text.escape_markdown(by.removesuffix(cohorts.QUARTERS))}"
    if by.endswith(cohorts.QUARTERS):
        caption += " in quarters"
    caption += ", with 95% intervals (Wilson)"
    if clusters is not None:
        shared = clusters.describe_count(levels.places(levels.rows))
        caption += f", widened for the {shared} that the rows share"
    caption += "; an error is "
    if levels.study.classes:
        caption += "another class than annotated."
    else:
        limit = mistakes.limit(levels)
        caption += f"one of at least {limit:.3g}, the largest quarter of all."
    caption += " Pink: the whole interval lies above the rate of all."
    alternative = (
        "Error rates: " + ", ".join(f"{e.name} {e.rate:.2f} of {e.count}" for e in result[:8]) + "."
    )
    table = pd.DataFrame(
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
    )
    return View(
        figure,
        title,
        caption=caption,
        limits="Why a slice is harder remains open. Among many slices a pink one may be due to chance; the title "
        "accounts for their number.",
        table=table,
        alternative=alternative,
        usage="Click a slice to make it the cohort.",
    )


def slice_title(result: list[mistakes.Slice], overall: float, classes: bool) -> str:
    """Return which slice is worse than all beyond chance, if one is, although it was picked for being so: its score
    lies beyond that of a 95% interval for all slices together (Bonferroni).

    Args:
        result: the slices. overall: the rate of errors of all of them, 0 to 1.
        classes: whether an error is a wrong class.
    """
    if not result:
        return "No sample to slice"
    what = "wrong" if classes else "large errors"
    if len(result) == 1:
        return f"All samples are in one slice ({share(overall)} {what})"
    worst = max(result, key=lambda entry: _rate_z_score(entry, overall))
    if _rate_z_score(worst, overall) <= ndtri(1 - (1 - bootstrap.LEVEL) / 2 / len(result)):
        return f"No slice is worse than all beyond chance ({share(overall)} {what}, {len(result)} slices looked at)"
    return (
        f"‘{text.escape_markdown(worst.name)}’ {'is wrong' if classes else 'has large errors'} more often: "
        f"{share(worst.rate)} of {worst.count:,} ({share(worst.low)} to {share(worst.high)}), all {share(overall)}; "
        f"beyond chance among {len(result)} slices"
    )


def _rate_z_score(entry: mistakes.Slice, overall: float) -> float:
    """Return how many standard errors a slice's rate lies above the rate of all, in the slice's own number of samples:
    that number follows from its interval, which is narrower the more independent samples it has.
    """
    if not 0 < entry.low < entry.rate or not 0 < overall < 1:
        return 0.0
    size = (
        (float(ndtri(0.5 + bootstrap.LEVEL / 2)) / (entry.rate - entry.low)) ** 2
        * entry.low
        * (1 - entry.low)
    )
    return (entry.rate - overall) * math.sqrt(size / (overall * (1 - overall)))


def worst(levels: performance.CohortComparison) -> View:
    """The cohort's samples with the largest errors."""
    rows, values = mistakes.worst(levels)
    study = levels.study
    number = "{}" if study.classes else "{:+.2f}"
    names = [
        f"{name}: {true_minus(number.format(row['truth']))} → {true_minus(number.format(row['prediction']))}"
        for name, row in rows.iterrows()
    ]
    ids = rows.index.tolist()
    notes = text.describe_samples(study.dataset, study.dataset.find_rows(ids))
    title = describe_largest_errors(
        dict(zip(map(str, rows.index), values.tolist(), strict=True)),
        bool(study.classes),
    )
    figure = scatter_map.largest_errors(
        names,
        values,
        notes=notes,
        axis="loss, −ln softmax of the true class (nats)"
        if study.classes
        else text.with_unit("residual", study.score_unit(0)),
        chosen=ids.index(levels.sample.id) if levels.sample.id in ids else None,
    )
    caption = f"the {len(names)} samples of the {text.escape_markdown(name_cohort(levels))} with the largest "
    if study.classes:
        caption += "loss"
    else:
        caption += "residual, prediction minus annotation"
    caption += ": annotated → predicted."
    alternative = (
        "Largest errors: "
        + "; ".join(
            f"{name} {value:.2f}" for name, value in zip(names[:5], values[:5], strict=False)
        )
        + "."
    )
    table = (
        rows[["truth", "prediction", "error"]]
        .assign(**{"loss" if study.classes else "residual": values})
        .reset_index()
    )
    return View(
        figure,
        title,
        caption=caption,
        limits="The annotation itself may be wrong.",
        table=table,
        alternative=alternative,
        usage="Click a bar to open the sample.",
    )


def describe_largest_errors(values: Mapping[str, float], classes: bool) -> str:
    """Describe which samples have the largest error: the loss of classes, else the residual, with its sign.

    By sample.
    """
    if not np.isfinite(list(values.values())).any():
        return "No sample of this cohort"
    return rules.describe_extremum(
        values,
        by_size=True,
        none="No sample of this cohort has a {what} of 0.01 or more",
        one="Sample {names} has the largest error: {what} "
        + ("{value:.2f}" if classes else "{value:+.2f}"),
        some="{count} samples have the largest error, alike: {what} {amount:.2f}",
        what="loss" if classes else "residual",
    )


def wrong(levels: performance.CohortComparison) -> View:
    """The wrong decisions of a cohort with the term that pulled each the wrong way, as a table: it has no figure."""
    result = mistakes.wrong(levels)
    study = levels.study
    about = _WRONG[result.kind]
    kinds = [
        part.values for part in levels.parts if part.column == "relation" and part.operator == "="
    ]
    count, right = len(result.rows), int(result.right.sum())
    title = describe_corrected(
        count, right, result.kind, kinds == [("conflict",)], result.by_chance
    )
    caption = (
        f"the samples of the {text.escape_markdown(name_cohort(levels))} {about['what']}, the largest error first. "
        f"Misleading: the contribution, of one modality or joint, that pulls furthest {about['way']}. Without it: "
        f"{about['left']}. {decisions.describe_comparison(study.explanation_background)}"
    )
    if result.kind == mistakes.LARGE_ERROR:
        limit = mistakes.limit(levels)
        caption += f" A large error is at least {limit:.3g}, the largest quarter of all."
    if result.kind == mistakes.WRONG_SIGN:
        caption += " Samples with truth 0 have no sign and are not counted."
    alternative = (
        f"Table of {count} wrong decisions; {right} are right without their most misleading term."
    )
    table = (
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
    )
    return View(
        None,
        title,
        caption=caption,
        limits="Does not show what the model would decide without that modality: leaving a contribution out is "
        "arithmetic on the "
        "explanation, not an intervention. It is picked knowing the annotation, so leaving it out always "
        f"moves {about['moves']}, and some decisions turn right for that alone.",
        table=table,
        alternative=alternative,
        lead=describe_misleading_terms(result.terms.tolist()),
    )


_FROM_TRUTH = {
    "way": "from the annotation towards the prediction",
    "left": "the score minus that contribution",
    "moves": "the score towards the annotation, or beyond it",
}
# what is said of decisions that are wrong in one thing
_WRONG = {
    mistakes.WRONG_CLASS: {
        "what": "of the wrong class",
        "has": "is of the wrong class",
        "right": "be of the right one",
        "errors": "errors",
        "way": "towards the predicted and away from the true class",
        "left": "the class with the largest log-odds without that contribution",
        "moves": "the log-odds towards the annotated class",
    },
    mistakes.WRONG_SIGN: _FROM_TRUTH
    | {
        "what": "with the wrong sign",
        "has": "has the wrong sign",
        "right": "have the right one",
        "errors": "wrong signs",
    },
    mistakes.LARGE_ERROR: _FROM_TRUTH
    | {
        "what": "with a large error",
        "has": "has a large error",
        "right": "have a small one",
        "errors": "large errors",
    },
}


def describe_corrected(
    count: int, right: int, kind: str, conflicts: bool = False, by_chance: float | None = None
) -> str:
    """Describe how many wrong decisions are right without their most misleading term.

    Args:
        count: of wrong decisions. right: how many of them are right without it. kind: what they are wrong in.
        conflicts: whether all of them are conflicts.
        by_chance: how many are right without a term drawn at random, on average; it is said where it is told.
    """
    about = _WRONG[kind]
    noun = "conflict" if conflicts else "sample"
    if not count:
        return f"No {noun} of this cohort {about['has']}"
    if count == 1:
        return (
            f"The one {noun} {about['what']} would {'' if right else 'not '}{about['right']} without its most "
            "misleading term"
        )
    random = "" if by_chance is None else f"; a random term, {by_chance:.1f}"
    among = " of conflicts" if conflicts else ""
    return (
        f"Removing the most misleading term corrects {f'{right:,}' if right else 'none'} of {count:,} "
        f"{about['errors']}{among}{random}"
    )


def describe_misleading_terms(terms: Sequence[str]) -> str:
    """Describe how often every term misled the most; empty where there are no samples."""
    counts = Counter(terms)
    nothing = counts.pop("", 0)
    names = [f"{text.term(name)} in {number:,}" for name, number in counts.most_common()]
    parts = (
        f"Misled by {listed(names)}." if names else "",
        f"In {nothing:,} no term pulls the wrong way." if nothing else "",
    )
    return " ".join(filter(None, parts))
