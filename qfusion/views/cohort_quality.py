"""The quality of a model on a cohort: confusion matrix, curves and calibration, or residuals."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qfusion._sentences import count, listed, share
from qfusion.figures import model_quality
from qfusion.study import performance, text
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.names import name_cohort, name_split

MOST = 60  # classes in a figure
FEWEST = 10  # samples from which a slope of the residuals is tested
LEAN = 0.1  # smallest slope that is reported


def shown_classes(counts: np.ndarray) -> list[int]:
    """Return the classes that the figure of confusions (C, C) shows: all, or the most frequent, in their order."""
    return sorted(np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST].tolist())


def confusions(levels: performance.CohortComparison) -> View:
    """Which classes the cohort's samples are taken for."""
    counts = performance.confusions(levels)
    classes = levels.study.classes
    drawn = shown_classes(counts)
    title = describe_confusions(counts, classes)
    figure = model_quality.confusion_matrix(
        counts[np.ix_(drawn, drawn)],
        [classes[k] for k in drawn],
    )
    caption = (
        "annotated classes in rows, predicted classes in columns; the colour is the share of the "
        "annotated class"
    )
    if len(classes) > MOST:
        caption += f"; the {MOST} most frequent of {len(classes):,} classes"
    caption += f". {_describe_cohort(levels)}"
    table = pd.DataFrame(
        counts, index=pd.Index(classes, name="annotated"), columns=list(classes)
    ).reset_index()
    return View(
        figure,
        title,
        caption=caption,
        limits="For the certainty of the model, see the calibration.",
        table=table,
        alternative=f"Annotated and predicted classes: {text.strip_markup(title)}.",
        usage="Click a cell to make it the cohort.",
    )


def curves(levels: performance.CohortComparison) -> View:
    """ROC and precision-recall curves of every class against the rest."""
    result = performance.curves(levels)
    label = levels.study.classes[levels.output_wanted] if levels.output_wanted is not None else ""
    chosen = next(
        (entry for entry in result if entry.name == label),
        min(result, key=lambda entry: entry.area, default=None),
    )
    areas = {entry.name: entry.area for entry in result}
    mean = f" The mean area is {np.mean(list(areas.values())):.3f}." if areas else ""
    figure = model_quality.roc_curves(
        [(entry.name, *entry.roc, entry.area) for entry in result],
        [(entry.name, *entry.pr, entry.precision) for entry in result],
        chosen.name if chosen else "",
    )
    alternative = (
        ", ".join(
            f"{entry.name}: area {entry.area:.3f}, average precision {entry.precision:.3f}"
            for entry in result
        )
        + "."
    )
    table = pd.DataFrame(
        [
            {
                "class": entry.name,
                "samples": entry.positives,
                "area_under_roc": entry.area,
                "average_precision": entry.precision,
            }
            for entry in result
        ]
    )
    return View(
        figure,
        describe_separation(areas, label),
        caption="each class against the rest, by its softmax: left the ROC curve, right precision and "
        f"recall. Thick: the explained class, or else the class with the smallest area.{mean} "
        f"{_describe_cohort(levels)}",
        limits="No threshold is chosen here.",
        table=table,
        alternative=alternative,
    )


def calibration(levels: performance.CohortComparison) -> View:
    """How often it is right that is so sure."""
    certainty, accuracy, counts, error = performance.calibration(levels)
    sure, right = (
        float((values * counts).sum() / max(counts.sum(), 1)) for values in (certainty, accuracy)
    )
    title = (
        f"On average {share(sure)} sure and {share(right)} right: "
        f"{describe_calibration(sure, right, int(counts.sum()))}"
    )
    alternative = (
        "; ".join(
            f"sure {a:.2f}, right {b:.2f} ({n})"
            for a, b, n in zip(certainty, accuracy, counts, strict=True)
        )
        + "."
    )
    table = pd.DataFrame({"certainty": certainty, "right": accuracy, "samples": counts})
    return View(
        model_quality.calibration_plot(certainty, accuracy, counts),
        title,
        caption="the share that is right against the certainty (softmax of the predicted class), in "
        f"{performance.BINS} bins of equal width; the larger the disc, the more samples. Expected calibration "
        f"error {error:.3f}. {_describe_cohort(levels)}",
        limits="Bins with few samples are uncertain.",
        table=table,
        alternative=alternative,
    )


def describe_calibration(sure: float, right: float, count: int) -> str:
    """Describe whether a model is too sure or not sure enough, on average over so many samples, beyond two standard
    errors of the share that is right.
    """
    share = (right * count + 1) / (count + 2)  # so that none or all right is not taken as certain
    if abs(sure - right) <= 2 * math.sqrt(share * (1 - share) / max(count, 1)):
        return "no significant difference on these samples"
    return "overconfident" if sure > right else "underconfident"


def residuals(levels: performance.CohortComparison) -> View:
    """How far predictions are off, over the range of the annotation."""
    result = performance.residuals(levels)
    rows = levels.rows
    inside = levels.inside
    truth = rows["truth"].to_numpy(dtype=float)
    part = result[inside]
    figure = model_quality.residual_plot(
        rows.index.astype(str).tolist(),
        truth,
        result,
        inside,
        levels.study.score_unit(0),
    )
    mean = part.mean() if len(part) else 0
    table = pd.DataFrame(
        {"id": rows.index, "in_cohort": inside, "truth": truth, "residual": result}
    )
    return View(
        figure,
        describe_residuals(truth[inside], part),
        caption="prediction minus annotation of each sample; right, their histogram"
        f"{'' if inside.all() else f'; grey: the others of {name_split(levels)}'}. {_describe_cohort(levels)}",
        limits="To find causes, filter the samples, for example error>1.",
        table=table,
        alternative=f"Residuals of {len(part)} samples: mean {mean:.3f}.",
    )


def describe_confusions(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Describe how many samples are right, and which confusion is the most frequent.

    Args:
        counts: annotated classes (rows) by predicted ones (columns), (C, C). classes: their names.
    """
    wrong = {(i, j): float(counts[i, j]) for i, j in np.ndindex(*counts.shape) if i != j}
    right = int(np.trace(counts))
    total = int(counts.sum())
    words = f"{right:,} of {count(total, 'sample')} {'is' if total == 1 else 'are'} right"
    most = int(max(wrong.values(), default=0))
    if not most:
        return words
    pairs = [
        f"‘{text.escape_markdown(classes[i])}’ is predicted as ‘{text.escape_markdown(classes[j])}’"
        for (i, j), number in wrong.items()
        if number == most
    ]
    if len(pairs) > rules.MAX_NAMED:
        return f"{words}; {len(pairs):,} confusions are equally frequent ({most:,} each)"
    often = "most often " if total - right > most * len(pairs) else ""
    return f"{words}; {often}{listed(pairs)} ({most:,}{' each' if len(pairs) > 1 else ''})"


def describe_separation(areas: Mapping[str, float], value: str) -> str:
    """Describe how well a class is separated from the rest: the requested class, or else the one with the smallest
    area.

    Args:
        areas: below the ROC curve by class, of those that have samples of it and others. value: a class, or empty.
    """
    if not areas:
        return "No class has samples of it and others here"
    return rules.describe_extremum(
        {value: areas[value]} if value in areas else areas,
        places=3,
        only="{names} is separated from the rest: area {value:.3f}",
        smallest=True,
        one="{names} has the smallest area below the ROC curve against the rest: {value:.3f}",
        some="{names} have the smallest area below the ROC curve against the rest: {value:.3f}",
        every="All classes are separated equally from the rest: area {value:.3f}",
        name=lambda name: f"‘{text.escape_markdown(name)}’",
        many="{count} classes",
    )


def describe_residuals(truth: np.ndarray, residual: np.ndarray) -> str:
    """Describe how far predictions are off, and whether extremes are drawn to the middle beyond two standard errors.

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


def _describe_cohort(levels: performance.CohortComparison) -> str:
    name = name_cohort(levels) if levels.parts else name_split(levels)
    return f"Of {int(levels.inside.sum()):,} samples of {text.escape_markdown(name)}."
