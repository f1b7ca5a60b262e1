"""Check of the calibration: whether probabilities of classes, or scores of a regression, are on the scale of the truth.

The expected calibration error is not 0 for calibrated probabilities and few rows. So labels of as many rows as there
are independent ones are drawn from the model's own probabilities, and the error counts as miscalibration where it
exceeds 95% of those (Vaicenavicius and others 2019, AISTATS). It has no interval: resampled rows have a larger error
than the rows themselves.
"""

import numpy as np
import pandas as pd

from qfusion.explain import bootstrap
from qfusion.plugins.review.checks.check import Check, Finding, Topic
from qfusion.study import cohorts
from qfusion.study.study import Study
from qfusion.training import metrics

DRAWS = 1000
STRETCH = 0.1  # by which a slope must differ from 1 to be noted
SHIFT = 0.1  # mean error that is noted, in standard deviations of the truth


def check_calibration(study: Study) -> Check:
    """Return the calibration error of a classifier, or the slope of the truth over the score of a regression, on the
    test rows.
    """
    return _check_classes(study) if study.classes else _check_numbers(study)


def _check_classes(study: Study) -> Check:
    rows = study.dataset.rows("test")
    predicted = study.predicted[rows]
    certainty = study.probabilities[rows, predicted]
    right = (predicted == study.dataset.y[rows]).astype(float)
    clusters = cohorts.row_clusters(study.dataset, rows)
    means, shares, counts, error = metrics.calibration(certainty, right)
    independent = max(1, round(bootstrap.effective_size(right, clusters)))
    limit = _error_by_chance(certainty, independent)
    return Check(
        Topic.CALIBRATION,
        (Finding.MISCALIBRATED if error > limit else Finding.CALIBRATED,),
        bootstrap.mean(certainty - right, clusters=clusters),
        "mean softmax less accuracy",
        {
            "error": error,
            "limit": limit,
            "independent": independent,
            "certainty": float(certainty.mean()),
            "accuracy": float(right.mean()),
        },
        pd.DataFrame({"mean softmax": means, "share right": shares, "test rows": counts}),
    )


def _error_by_chance(certainty: np.ndarray, independent: int) -> float:
    """Return the expected calibration error that 95% of draws from calibrated probabilities do not exceed.

    Args:
        certainty: probabilities of the predicted classes, (n,).
        independent: how many independent rows the test rows count as.
    """
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(DRAWS):
        some = rng.choice(certainty, independent, replace=False)
        is_right = (rng.random(independent) < some).astype(float)
        errors.append(metrics.calibration(some, is_right)[-1])
    return float(np.quantile(errors, 0.95))


def _check_numbers(study: Study) -> Check:
    rows = study.dataset.rows("test")
    score, truth = study.scores[rows, 0], study.dataset.y[rows]
    clusters = cohorts.row_clusters(study.dataset, rows)

    def slope(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(-1)
        x = score - (weights @ score / total)[:, None]
        y = truth - (weights @ truth / total)[:, None]
        return (weights * x * y).sum(-1) / np.maximum((weights * x * x).sum(-1), 1e-300)

    def bias(weights: np.ndarray) -> np.ndarray:
        return weights @ (score - truth) / weights.sum(-1)

    known = bootstrap.intervals(
        {"slope": slope, "bias": bias}, len(rows), bootstrap.RESAMPLES, 0, clusters
    )
    one = known["slope"]
    shift = known["bias"]
    limit = SHIFT * float(truth.std())
    is_stretched = one.known and (one.low > 1 + STRETCH or one.high < 1 - STRETCH)
    is_shifted = shift.known and (shift.low > limit or shift.high < -limit)
    is_slope_one = one.known and 1 - STRETCH <= one.low <= one.high <= 1 + STRETCH
    is_bias_zero = shift.known and -limit <= shift.low <= shift.high <= limit
    records = []
    for name, part in known.items():
        record = {"quantity": name, "value": part.value, "low": part.low, "high": part.high}
        records.append(record)
    numbers = {
        "bias": shift,
        "stretched": is_stretched,
        "shifted": is_shifted,
        "equivalent": is_slope_one and is_bias_zero,
    }
    finding = Finding.SLOPE_OFF if is_stretched or is_shifted else Finding.SLOPE_HOLDS
    return Check(
        Topic.CALIBRATION,
        (finding,),
        one,
        "slope of the truth over the score",
        numbers,
        pd.DataFrame(records),
    )
