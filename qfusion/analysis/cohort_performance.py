"""How good a model is on a cohort: confusions, curves of one class against the rest, calibration and residuals."""

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check
from qfusion.analysis.cohort_levels import Levels
from qfusion.training import metrics

# How good a model is on a cohort: confusions, curves of one class against the rest, calibration, residuals.

BINS = metrics.BINS


@dataclass(frozen=True, eq=False)
class Curves:
    """ROC and precision-recall curves of one class against the rest.

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


def confusions(levels: Levels) -> np.ndarray:
    """Return how many samples of each class (rows) are taken for each (columns), of the cohort, (C, C)."""
    from sklearn.metrics import confusion_matrix

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    return np.asarray(
        confusion_matrix(
            study.dataset.y[places], study.predicted[places], labels=list(range(len(study.classes)))
        )
    )


def curves(levels: Levels) -> list[Curves]:
    """Return the curves of every class that has both samples of it and samples of other classes, with its
    probability as the score. For two classes, return only the curves of the second.
    """
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    truth, result = study.dataset.y[places], []
    for c in range(1 if len(study.classes) == 2 else 0, len(study.classes)):
        positive, sure = truth == c, study.probabilities[places, c]
        if not 0 < positive.sum() < len(positive):
            continue
        false, true, _ = roc_curve(positive, sure)
        precision, recall, _ = precision_recall_curve(positive, sure)
        result.append(
            Curves(
                study.classes[c],
                int(positive.sum()),
                (false, true),
                float(auc(false, true)),
                (recall, precision),
                float(average_precision_score(positive, sure)),
            )
        )
    return result


def calibration(levels: Levels) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return how sure a model of classes is on the cohort, how often it is then right, and of how many samples, in
    bins of its certainty, and the expected calibration error; see `metrics.calibration`."""
    study, places = levels.study, levels.places(levels.rows[levels.inside])
    predicted = study.predicted[places]
    return metrics.calibration(
        study.probabilities[places, predicted], (predicted == study.dataset.y[places]).astype(float)
    )


def residuals(levels: Levels) -> np.ndarray:
    """Return prediction minus annotation of all samples of the split, (n,), of a regression."""
    check(
        not levels.study.classes,
        "Residuals are those of a regression, but this model chooses among classes. Look "
        "at the confusions.",
    )
    places = levels.places(levels.rows)
    return np.asarray(levels.study.scores[places, 0] - levels.study.dataset.y[places])
