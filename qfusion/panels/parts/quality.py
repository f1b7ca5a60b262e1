"""How good the model is on a cohort, on the Cohorts page: confusions, curves, calibration; or residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qfusion._sentences import count, listed, share, top
from qfusion.analysis import text
from qfusion.analysis.cohort import quality
from qfusion.analysis.levels import Levels
from qfusion.figures.draw import dataset as quality_figures
from qfusion.figures.style import Theme
from qfusion.panels.core.panel import Panel, Picture
from qfusion.panels.parts.slices import _SLICES

MOST = 60  # classes in a figure
MAX_NAMED = 3  # that a title names
FEWEST, LEAN = (
    10,
    0.1,
)  # samples from which a slope of the residuals is looked at, and its least size


def shown(counts: np.ndarray) -> list[int]:
    """Which of C classes the figure of their confusions (C, C) shows: all, or the most frequent, in their order."""
    often = np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST]
    return [int(k) for k in np.sort(often)]


def confusions(levels: Levels, theme: Theme = "light") -> Picture:
    """Which classes the cohort's samples are taken for."""
    counts, classes = quality.confusions(levels), levels.work.classes
    drawn = shown(counts)
    title = taken_for(counts, classes)
    return Picture(
        "confusions",
        title,
        quality_figures.confusions(
            counts[np.ix_(drawn, drawn)], [classes[k] for k in drawn], theme
        ),
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


def curves(levels: Levels, theme: Theme = "light") -> Picture:
    """ROC and precision-recall curves of every class against the rest."""
    found = quality.curves(levels)
    asked = levels.work.classes[levels.asked] if levels.asked is not None else ""
    chosen = next(
        (each for each in found if each.name == asked),
        min(found, key=lambda each: each.area, default=None),
    )
    mean = float(np.mean([each.area for each in found])) if found else 0.0
    return Picture(
        "curves",
        told_apart({each.name: each.area for each in found}, asked),
        quality_figures.curves(
            [quality_figures.Curve(each.name, *each.roc, each.area) for each in found],
            [quality_figures.Curve(each.name, *each.pr, each.precision) for each in found],
            chosen.name if chosen else "",
            theme,
        ),
        shows="every class against the rest, told by its softmax: left the ROC curve, right precision and recall; "
        f"blue: the class that is explained, else the one of the smallest area. The mean area is {mean:.3f}. "
        f"{_whose(levels)}",
        not_shown="which threshold to take.",
        alt=", ".join(
            f"{each.name}: area {each.area:.3f}, average precision {each.precision:.3f}"
            for each in found
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "class": each.name,
                    "samples": each.positives,
                    "area_under_roc": each.area,
                    "average_precision": each.precision,
                }
                for each in found
            ]
        ),
    )


def calibration(levels: Levels, theme: Theme = "light") -> Picture:
    """How often it is right that is so sure."""
    found = quality.calibration(levels)
    sure, right = (
        float((values * found.counts).sum() / max(found.counts.sum(), 1))
        for values in (found.certainty, found.accuracy)
    )
    word = sureness(sure, right, int(found.counts.sum()))
    return Picture(
        "calibration",
        f"On average {share(sure)} sure and {share(right)} right: {word}",
        quality_figures.calibration(found.certainty, found.accuracy, found.counts, theme),
        shows=f"the share that is right against the certainty (softmax of the predicted class), in {quality.BINS} "
        f"bins of equal width; the larger the disc, the more samples. Expected calibration error "
        f"{found.error:.3f}. {_whose(levels)}",
        not_shown="how far single bins are off by chance: small ones say little.",
        alt="; ".join(
            f"sure {a:.2f}, right {b:.2f} ({n})"
            for a, b, n in zip(found.certainty, found.accuracy, found.counts, strict=True)
        )
        + ".",
        table=lambda: pd.DataFrame(
            {"certainty": found.certainty, "right": found.accuracy, "samples": found.counts}
        ),
    )


def sureness(sure: float, right: float, count: int) -> str:
    """Whether a model is too sure or not sure enough, on average over so many samples, beyond two standard errors of
    the share that is right."""
    share = (right * count + 1) / (count + 2)  # so that none or all right is not taken as certain
    if abs(sure - right) <= 2 * math.sqrt(share * (1 - share) / max(count, 1)):
        return "not told apart by these samples"
    return "surer than it should be" if sure > right else "less sure than it could be"


def residuals(levels: Levels, theme: Theme = "light") -> Picture:
    """How far predictions are off, over the range of the annotation."""
    found, rows, inside = quality.residuals(levels), levels.rows, levels.inside
    truth = rows["truth"].to_numpy(dtype=float)
    part = found[inside]
    return Picture(
        "residuals",
        off_by(truth[inside], part),
        quality_figures.residuals(
            rows.index.astype(str).tolist(), truth, found, inside, levels.work.unit_of(0), theme
        ),
        shows="prediction minus annotation of each sample; right, how many are so far off. Blue: the cohort, grey: the "
        f"others of {levels.split}. {_whose(levels)}",
        not_shown="why: slice by a filter, such as error>1.",
        alt=f"Residuals of {len(part)} samples: mean {part.mean() if len(part) else 0:.3f}.",
        table=lambda: pd.DataFrame(
            {"id": rows.index, "in_cohort": inside, "truth": truth, "residual": found}
        ),
    )


def taken_for(counts: np.ndarray, classes: Sequence[str]) -> str:
    """How many samples are right, and which confusion is the most frequent.

    Args:
        counts: annotated classes (rows) by predicted ones (columns), (C, C). classes: their names.
    """
    wrong = {(i, j): float(counts[i, j]) for i, j in np.ndindex(*counts.shape) if i != j}
    right, total = int(np.trace(counts)), int(counts.sum())
    said = f"{right:,} of {count(total, 'sample')} {'is' if total == 1 else 'are'} right"
    most = int(max(wrong.values(), default=0))
    if not most:
        return said
    first = [pair for pair, number in wrong.items() if number == most]
    pairs = [
        f"‘{text.plain(classes[i])}’ is taken for ‘{text.plain(classes[j])}’"
        for i, j in first[:MAX_NAMED]
    ]
    if len(first) == 1:
        return f"{said}; {'most often ' if total - right > most else ''}{pairs[0]} ({most:,})"
    if len(first) > MAX_NAMED:
        return f"{said}; {len(first):,} confusions are equally frequent ({most:,} each)"
    return f"{said}; {'most often ' if total - right > most * len(first) else ''}{listed(pairs)} ({most:,} each)"


def told_apart(areas: Mapping[str, float], asked: str) -> str:
    """How well a class is told from the rest: the one that is asked for, or else the one of the smallest area.

    Args:
        areas: below the ROC curve by class, of those that have samples of it and others. asked: a class, or empty.
    """
    if not areas:
        return "No class has samples of it and others here"
    if asked in areas or len(areas) == 1:
        name = asked if asked in areas else next(iter(areas))
        return f"‘{text.plain(name)}’ is told from the rest: area {areas[name]:.3f}"
    first, least = (
        [f"‘{text.plain(name)}’" for name in top(areas, 3, smallest=True)],
        min(areas.values()),
    )
    if len(first) == len(areas):
        return f"All classes are told from the rest alike: area {least:.3f}"
    words = listed(first) if len(first) <= MAX_NAMED else f"{len(first)} classes"
    has = "has" if len(first) == 1 else "have"
    return f"{words} {has} the smallest area below the ROC curve against the rest: {least:.3f}"


def off_by(truth: np.ndarray, residual: np.ndarray) -> str:
    """How far predictions are off, and whether extremes are drawn to the middle beyond two standard errors.

    Args:
        truth: annotations, (n,). residual: prediction minus annotation, (n,).
    """
    n = len(residual)
    if not n:
        return "No sample of this cohort"
    said = f"Bias {residual.mean():+z.2f}, mean absolute error {np.abs(residual).mean():.2f}"
    if n < FEWEST or np.ptp(truth) == 0:
        return said
    at = truth - truth.mean()
    slope = float(at @ residual / (at @ at))
    rest = residual - residual.mean() - slope * at
    error = math.sqrt(float(rest @ rest) / (n - 2) / float(at @ at))
    if abs(slope) <= max(LEAN, 2 * error):
        return said
    return f"{said}; extremes are {'drawn to the middle' if slope < 0 else 'overdone'} (slope {slope:+.2f})"


def _whose(levels: Levels) -> str:
    return f"Of {int(levels.inside.sum()):,} samples of {text.plain(levels.name if levels.parts else levels.split)}."


def has_classes(levels: Levels, **_: object) -> bool:
    """Whether the model chooses among classes, and the cohort has a sample."""
    return bool(levels.work.classes) and bool(levels.inside.any())


def is_regression(levels: Levels, **_: object) -> bool:
    """Whether the model predicts a number, and there is a sample."""
    return not levels.work.classes and len(levels.rows) > 0


PANELS = {
    **_SLICES,
    "confusions": Panel(confusions, fits=has_classes, subject="levels"),
    "calibration": Panel(calibration, fits=has_classes, subject="levels"),
    "curves": Panel(curves, fits=has_classes, subject="levels"),
    "residuals": Panel(residuals, fits=is_regression, subject="levels"),
}
