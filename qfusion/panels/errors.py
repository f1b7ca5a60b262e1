"""Where a model is wrong and how good it is on a cohort, on the Cohorts page: slices with their error rates, the worst
errors and the terms that misled; confusions, curves and calibration, or residuals.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._sentences import count, listed, share
from qfusion.analysis import cohort_measures, errors, sample, text
from qfusion.explain import cohorts, stability
from qfusion.figures import cohort, samples, style
from qfusion.panels import address, panel


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
    own = cohorts.written(errors.left_out(levels, by))
    return panel.Picture(
        "slices",
        _finding(result, overall, bool(levels.study.classes))
        + (f"; without the filter's own {text.plain(own)}" if own else ""),
        cohort.rates(
            [entry.name.replace("+", " + ") for entry in result],
            [(entry.wrong, entry.count) for entry in result],
            pd.DataFrame([(e.rate, e.low, e.high) for e in result]).to_numpy().reshape(-1, 3),
            overall,
            axis="error rate"
            if levels.study.classes
            else "part with an error of the largest quarter",
            theme=theme,
        ),
        shows=f"the samples of {text.plain(levels.split)} that pass the filter"
        + (f" but for its own {text.plain(own)}" if own else "")
        + ", by "
        f"{text.plain(by.removesuffix(cohort_measures.QUARTERS))}"
        + (" in quarters" if by.endswith(cohort_measures.QUARTERS) else "")
        + ", with 95 % score intervals (Wilson)"
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
        f"{share(worst.rate)} ({share(worst.low)} to {share(worst.high)}), all {share(overall)}; beyond chance "
        f"among {len(result)} slices"
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
    names = [_said(name, row, bool(study.classes)) for name, row in rows.iterrows()]
    ids = rows.index.tolist()
    return panel.Picture(
        "worst",
        worst_of(
            dict(zip(map(str, rows.index), values.tolist(), strict=True)),
            bool(study.classes),
        ),
        cohort.worst(
            names,
            values,
            axis="loss, −ln softmax of the true class (nats)"
            if study.classes
            else f"residual ({study.unit_of(0)})",
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


def _said(name: object, row: pd.Series, classes: bool) -> str:
    number = "{}" if classes else "{:+.2f}"
    return f"{name}: {number.format(row['truth'])} → {number.format(row['prediction'])}"


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
        + sample.against_words(study.bulk_background)
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
        "left": "the class with the largest score minus that contribution",
        "moves": "the scores towards the annotated class",
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


SLICES_BY = address.Choice(
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
    mean = float(np.mean(list(areas.values()))) if areas else 0.0
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
        f"blue: the class that is explained, else the one of the smallest area. The mean area is {mean:.3f}. "
        f"{_whose(levels)}",
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
    if abs(slope) <= max(LEAN, 2 * error):
        return words
    return f"{words}; extremes are {'drawn to the middle' if slope < 0 else 'overdone'} (slope {slope:+.2f})"


def _whose(levels: errors.Levels) -> str:
    return f"Of {int(levels.inside.sum()):,} samples of {text.plain(levels.name if levels.parts else levels.split)}."


def has_classes(levels: errors.Levels, **_: object) -> bool:
    """Whether the model chooses among classes, and the cohort has a sample."""
    return bool(levels.study.classes) and bool(levels.inside.any())


def is_regression(levels: errors.Levels, **_: object) -> bool:
    """Whether the model predicts a number, and there is a sample."""
    return not levels.study.classes and len(levels.rows) > 0


PANELS = {
    "slices": panel.Panel(slices, {"by": SLICES_BY}, fits=some, scope="levels"),
    "worst": panel.Panel(worst, fits=some, scope="levels"),
    "wrong": panel.Panel(wrong, fits=some, scope="levels"),
    "confusions": panel.Panel(confusions, fits=has_classes, scope="levels"),
    "calibration": panel.Panel(calibration, fits=has_classes, scope="levels"),
    "curves": panel.Panel(curves, fits=has_classes, scope="levels"),
    "residuals": panel.Panel(residuals, fits=is_regression, scope="levels"),
}
