"""How good a model is on a cohort: confusions, curves of one class against the rest, calibration, residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check
from qfusion.analysis.levels import Levels
from qfusion.training import metrics

BINS = metrics.BINS


@dataclass(frozen=True, eq=False)
class Curves:
    """One class against the rest.

    Attributes:
        name: of the class. positives: how many samples are of it.
        roc: false and true positive rate, (P,) each. area: below it.
        pr: recall and precision, (Q,) each. precision: the average precision.
    """

    name: str
    positives: int
    roc: tuple[np.ndarray, np.ndarray]
    area: float
    pr: tuple[np.ndarray, np.ndarray]
    precision: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often a model is right that is so sure.

    Attributes:
        certainty, accuracy: means of every bin with a sample, (B,). counts: samples in it, (B,).
        error: the expected calibration error, the mean gap over samples.
    """

    certainty: np.ndarray
    accuracy: np.ndarray
    counts: np.ndarray
    error: float


def confusions(levels: Levels, inside: bool = True) -> np.ndarray:
    """Returns how many samples of each class (rows) are taken for each (columns), of the cohort or of all, (C, C)."""
    from sklearn.metrics import confusion_matrix

    work, places = levels.work, _places(levels, inside)
    return np.asarray(
        confusion_matrix(
            work.dataset.y[places], work.predicted[places], labels=list(range(len(work.classes)))
        )
    )


def curves(levels: Levels, inside: bool = True) -> list[Curves]:
    """Returns the curves of every class that has samples of it and others, told by its probability; of two classes
    only the second's."""
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    work, places = levels.work, _places(levels, inside)
    truth, found = work.dataset.y[places], []
    for c in range(1 if len(work.classes) == 2 else 0, len(work.classes)):
        positive, sure = truth == c, work.probabilities[places, c]
        if not 0 < positive.sum() < len(positive):
            continue
        false, true, _ = roc_curve(positive, sure)
        precision, recall, _ = precision_recall_curve(positive, sure)
        found.append(
            Curves(
                work.classes[c],
                int(positive.sum()),
                (false, true),
                float(auc(false, true)),
                (recall, precision),
                float(average_precision_score(positive, sure)),
            )
        )
    return found


def calibration(levels: Levels, inside: bool = True) -> Calibration:
    """Returns how sure a model of classes is and how often it is right, in bins of its certainty of equal width (Guo
    and others 2017, ICML)."""
    work, places = levels.work, _places(levels, inside)
    sure = work.probabilities[places, work.predicted[places]]
    right = (work.predicted[places] == work.dataset.y[places]).astype(float)
    return Calibration(*metrics.calibration(sure, right))


def residuals(levels: Levels) -> np.ndarray:
    """Returns prediction minus annotation of all samples of the split, (n,), of a regression."""
    check(
        not levels.work.classes,
        "Residuals are those of a regression, but this model chooses among classes. Look "
        "at the confusions.",
    )
    places = _places(levels, False)
    return np.asarray(levels.work.scores[places, 0] - levels.work.dataset.y[places])


def _places(levels: Levels, inside: bool) -> np.ndarray:
    return levels.places(levels.rows[levels.inside] if inside else levels.rows)
