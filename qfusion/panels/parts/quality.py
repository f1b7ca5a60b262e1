"""How good the model is on a cohort, on the Cohorts page: confusions, curves, calibration; or residuals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.cohort import quality
from qfusion.analysis.levels import Levels
from qfusion.figures.draw import dataset as figures
from qfusion.figures.style import Theme
from qfusion.panels.core.panel import Panel, Picture

MOST = 60  # classes in a figure


def shown(counts: np.ndarray) -> list[int]:
    """Which of C classes the figure of their confusions (C, C) shows: all, or the most frequent, in their order."""
    often = np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST]
    return [int(k) for k in np.sort(often)]


def confusions(levels: Levels, theme: Theme = "light") -> Picture:
    """Which classes the cohort's samples are taken for."""
    counts, classes = quality.confusions(levels), levels.work.classes
    drawn = shown(counts)
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
    right, total = int(np.trace(counts)), int(counts.sum())
    return Picture(
        "confusions", f"{right:,} of {total:,} are right" + (
            f"; most often ‘{text.plain(classes[i])}’ is taken for ‘{text.plain(classes[j])}’ ({wrong[i, j]:,})"
            if wrong.any() else ""),
        figures.confusions(counts[np.ix_(drawn, drawn)], [classes[k] for k in drawn], theme),
        shows="annotated classes down, predicted ones across; the colour is the share of the annotated class"
              + (f"; the {MOST} most frequent of {len(classes):,} classes" if len(classes) > MOST else "") + ". "
              f"Click a cell to make it the cohort. {_whose(levels)}",
        not_shown="how sure the model was: see the calibration.",
        alt=f"{right} of {total} on the diagonal; largest confusion {classes[i]} for {classes[j]}: {wrong[i, j]}.",
        table=lambda: pd.DataFrame(counts, index=pd.Index(classes, name="annotated"),
                                   columns=list(classes)).reset_index())


def curves(levels: Levels, theme: Theme = "light") -> Picture:
    """ROC and precision-recall curves of every class against the rest."""
    found = quality.curves(levels)
    asked = levels.work.classes[levels.asked] if levels.asked is not None else ""
    chosen = next((each for each in found if each.name == asked), min(found, key=lambda each: each.area, default=None))
    mean = float(np.mean([each.area for each in found])) if found else 0.0
    title = "No class has samples of it and others here"
    if chosen is not None:
        title = (f"‘{text.plain(chosen.name)}’ is "
                 + ("told from the rest" if asked or len(found) == 1 else "hardest to tell from the rest")
                 + f": area {chosen.area:.3f}")
    return Picture(
        "curves", title,
        figures.curves([figures.Curve(each.name, *each.roc, each.area) for each in found],
                       [figures.Curve(each.name, *each.pr, each.precision) for each in found],
                       chosen.name if chosen else "", theme),
        shows="every class against the rest, told by its softmax: left the ROC curve, right precision and recall; "
              f"blue: the class that is explained, else the one of the smallest area. The mean area is {mean:.3f}. "
              f"{_whose(levels)}",
        not_shown="which threshold to take.",
        alt=", ".join(f"{each.name}: area {each.area:.3f}, average precision {each.precision:.3f}"
                      for each in found) + ".",
        table=lambda: pd.DataFrame([{"class": each.name, "samples": each.positives, "area_under_roc": each.area,
                                     "average_precision": each.precision} for each in found]))


def calibration(levels: Levels, theme: Theme = "light") -> Picture:
    """How often it is right that is so sure."""
    found = quality.calibration(levels)
    sure, right = (float((values * found.counts).sum() / max(found.counts.sum(), 1))
                   for values in (found.certainty, found.accuracy))
    word = sureness(sure, right, int(found.counts.sum()))
    return Picture(
        "calibration", f"On average {sure:.0%} sure and {right:.0%} right: {word}",
        figures.calibration(found.certainty, found.accuracy, found.counts, theme),
        shows=f"the share that is right against the certainty (softmax of the predicted class), in {quality.BINS} "
              f"bins of equal width; the larger the disc, the more samples. Expected calibration error "
              f"{found.error:.3f}. {_whose(levels)}",
        not_shown="how far single bins are off by chance: small ones say little.",
        alt="; ".join(f"sure {a:.2f}, right {b:.2f} ({n})" for a, b, n in
                      zip(found.certainty, found.accuracy, found.counts, strict=True)) + ".",
        table=lambda: pd.DataFrame({"certainty": found.certainty, "right": found.accuracy, "samples": found.counts}))


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
    title = "No sample of this cohort"
    if len(part):
        slope = float(np.polyfit(truth[inside], part, 1)[0]) if np.ptp(truth[inside]) > 0 and len(part) > 2 else 0.0
        lean = ("; extremes are drawn to the middle" if slope < -0.1 else
                "; extremes are overdone" if slope > 0.1 else "")
        title = f"Off by {part.mean():+.2f} on average, by {np.abs(part).mean():.2f} in size{lean}"
    return Picture(
        "residuals", title,
        figures.residuals(rows.index.astype(str).tolist(), truth, found, inside, levels.work.unit_of(0), theme),
        shows="prediction minus annotation of each sample; right, how many are so far off. Blue: the cohort, grey: the "
              f"others of {levels.split}. {_whose(levels)}",
        not_shown="why: slice by a filter, such as error>1.",
        alt=f"Residuals of {len(part)} samples: mean {part.mean() if len(part) else 0:.3f}.",
        table=lambda: pd.DataFrame({"id": rows.index, "in_cohort": inside, "truth": truth, "residual": found}))


def _whose(levels: Levels) -> str:
    return f"Of {int(levels.inside.sum()):,} samples of {text.plain(levels.name if levels.parts else levels.split)}."


def has_classes(levels: Levels, **_: object) -> bool:
    """Whether the model chooses among classes, and the cohort has a sample."""
    return bool(levels.work.classes) and bool(levels.inside.any())


def is_regression(levels: Levels, **_: object) -> bool:
    """Whether the model predicts a number, and there is a sample."""
    return not levels.work.classes and len(levels.rows) > 0


PANELS = {
    "confusions": Panel(confusions, fits=has_classes), "calibration": Panel(calibration, fits=has_classes),
    "curves": Panel(curves, fits=has_classes), "residuals": Panel(residuals, fits=is_regression),
}
